//! What people do.

use serde_json::{Value, json};

use super::routing::Kind;
use super::thread::{Author, Content, Message, Thread, ThreadKey};
use super::{Object, World};
use crate::random;

/// A thing that a person says.
#[derive(Debug, Default)]
pub struct Said {
    /// What it is.
    pub content: Content,
    /// When it was said, if not now; in milliseconds since the Unix epoch.
    pub at: Option<i64>,
    /// A `referral` object that came with it.
    pub referral: Option<Value>,
}

impl World {
    /// A person writes, sends an attachment, taps a quick reply or a button. Returns the message id.
    pub fn say(&mut self, key: &ThreadKey, mut said: Said, now: i64) -> String {
        let instagram = self.object(key) == Object::Instagram;
        let mid = random::message_id(instagram);
        let default = self.default_app(key);
        let thread = self.thread_mut(key);
        let timestamp = said.at.unwrap_or_else(|| thread.tick(now));
        if thread.owner(now).is_none()
            && let Some(default) = default
        {
            thread.hand_to(&default, timestamp);
        }
        thread.heard(timestamp);
        let (kind, body) = match &mut said.content.postback {
            Some(postback) => postback_event(thread.button(postback["payload"].as_str().unwrap_or_default()), postback, &mid),
            None => (Kind::Message, json!({"message": message_body(thread, &mid, &said)})),
        };
        thread.messages.push(Message {
            mid: mid.clone(),
            author: Author::Person,
            app_id: None,
            content: said.content,
            at: timestamp,
            edits: 0,
            unsent: false,
            reaction: None,
        });
        let item = from_person(key, timestamp, body);
        self.announce(key, &kind, &item, now);
        mid
    }

    /// A person puts an emoji on a message or takes it off. `false` if there is no such message.
    pub fn react(&mut self, key: &ThreadKey, mid: &str, emoji: Option<&str>, reaction: &str, now: i64) -> bool {
        let thread = self.thread_mut(key);
        let timestamp = thread.tick(now);
        let Some(message) = thread.message_mut(mid) else { return false };
        message.reaction = emoji.map(str::to_owned);
        let body = match emoji {
            Some(emoji) => json!({"mid": mid, "action": "react", "reaction": reaction, "emoji": emoji}),
            None => json!({"mid": mid, "action": "unreact"}),
        };
        // A reaction opens the window, but it does not start a conversation.
        thread.heard(timestamp);
        let item = from_person(key, timestamp, json!({"reaction": body}));
        self.announce(key, &Kind::Reaction, &item, now);
        true
    }

    /// A person changes a message of theirs. `None` if there is no such message; else the number of changes so far.
    pub fn edit(&mut self, key: &ThreadKey, mid: &str, text: &str, now: i64) -> Option<u32> {
        let thread = self.thread_mut(key);
        let timestamp = thread.tick(now);
        let message = thread.message_mut(mid).filter(|message| message.author == Author::Person && !message.unsent)?;
        message.edits += 1;
        message.content.text = Some(text.to_owned());
        let edits = message.edits;
        let item = from_person(key, timestamp, json!({"message_edit": {"mid": mid, "text": text, "num_edit": edits}}));
        self.announce(key, &Kind::Edit, &item, now);
        Some(edits)
    }

    /// A person takes a message of theirs back. `false` if there is no such message.
    pub fn unsend(&mut self, key: &ThreadKey, mid: &str, now: i64) -> bool {
        let thread = self.thread_mut(key);
        let timestamp = thread.tick(now);
        let Some(message) = thread.message_mut(mid).filter(|message| message.author == Author::Person) else { return false };
        message.unsent = true;
        message.content = Content::default();
        let item = from_person(key, timestamp, json!({"message": {"mid": mid, "is_deleted": true}}));
        self.announce(key, &Kind::Message, &item, now);
        true
    }

    /// A person reads what the Page wrote. Says nothing if there was nothing new.
    pub fn read(&mut self, key: &ThreadKey, now: i64) -> bool {
        let instagram = self.object(key) == Object::Instagram;
        let Some(thread) = self.threads.get_mut(key) else { return false };
        let unread = |message: &&Message| message.author == Author::Page && message.at > thread.person_read_until;
        let Some((at, mid)) = thread.messages.iter().rev().find(unread).map(|message| (message.at, message.mid.clone())) else {
            return false;
        };
        let timestamp = thread.tick(now);
        thread.person_read_until = at;
        let body = if instagram { json!({"mid": mid}) } else { json!({"watermark": at}) };
        let item = from_person(key, timestamp, json!({"read": body}));
        self.announce(key, &Kind::Read, &item, now);
        true
    }
}

/// The event of a tapped button; the button's own title is filled in where the person named none.
fn postback_event(button: Option<(&Message, Option<&str>)>, postback: &mut Value, mid: &str) -> (Kind, Value) {
    if postback.get("title").is_none() {
        postback["title"] = json!(button.and_then(|(_, title)| title).unwrap_or_default());
    }
    let mut body = json!({"mid": mid, "title": postback["title"], "payload": postback["payload"]});
    if let Some(referral) = postback.get("referral") {
        body["referral"] = referral.clone();
    }
    let button_of = button.and_then(|(message, _)| message.app_id.clone());
    (Kind::Postback { button_of }, json!({"postback": body}))
}

fn message_body(thread: &Thread, mid: &str, said: &Said) -> Value {
    let content = &said.content;
    let mut body = json!({"mid": mid});
    if let Some(text) = &content.text {
        body["text"] = json!(text);
    }
    if let Some(payload) = &content.quick_reply {
        body["quick_reply"] = json!({"payload": payload});
    }
    if let Some(reply_to) = &content.reply_to {
        let is_self_reply = thread.message(reply_to).is_some_and(|message| message.author == Author::Person);
        body["reply_to"] = json!({"mid": reply_to, "is_self_reply": is_self_reply});
    }
    if !content.attachments.is_empty() {
        body["attachments"] = json!(content.attachments);
    }
    if let Some(referral) = &said.referral {
        body["referral"] = referral.clone();
    }
    body
}

/// An item that comes from the person.
pub(super) fn from_person(key: &ThreadKey, timestamp: i64, body: Value) -> Value {
    let mut item = json!({"sender": {"id": key.psid}, "recipient": {"id": key.account}, "timestamp": timestamp});
    if let (Some(item), Value::Object(body)) = (item.as_object_mut(), body) {
        item.extend(body);
    }
    item
}
