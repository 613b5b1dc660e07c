//! What Pages send: who may, until when, and what follows from it.

use serde_json::{Value, json};

use super::person::from_person;
use super::routing::Kind;
use super::thread::{Author, Content, Message, Thread, ThreadKey};
use super::{Object, Refusal, World};
use crate::clock::DAY_MS;
use crate::random;

/// How long the Page is shown as typing after `typing_on`.
const TYPING_MS: i64 = 20_000;

/// A message that an app wants to send.
#[derive(Debug)]
pub struct Outbound {
    /// The sender.
    pub app_id: String,
    /// What it says.
    pub content: Content,
    /// How long ago the person may have been heard last: a day, or seven with a tag.
    pub window_ms: i64,
}

/// Why a conversation's sender may speak.
#[derive(PartialEq, Eq)]
enum Voice {
    Owner,
    /// The conversation is idle: the sender becomes its owner.
    FirstToSpeak,
}

impl World {
    /// Sends a message, if the sender may. Returns its id.
    ///
    /// # Errors
    /// Another app holds the conversation, or the window is closed.
    pub fn send(&mut self, key: &ThreadKey, outbound: Outbound, now: i64) -> Result<String, Refusal> {
        let voice = self.voice(key, &outbound.app_id, now)?;
        let object = self.object(key);
        let open = self.threads.get(key).is_some_and(|thread| thread.heard_within(outbound.window_ms, now));
        if !open {
            return Err(Refusal::WindowClosed(object));
        }
        if voice == Voice::FirstToSpeak {
            self.thread_mut(key).hand_to(&outbound.app_id, now);
        }
        Ok(self.post(key, &outbound.app_id, outbound.content, now))
    }

    /// Shows the Page as typing, or marks the person's messages as seen.
    ///
    /// # Errors
    /// Another app holds the conversation, or the window is closed.
    pub fn act(&mut self, key: &ThreadKey, app_id: &str, action: &str, now: i64) -> Result<(), Refusal> {
        self.voice(key, app_id, now)?;
        let object = self.object(key);
        let thread = self.thread_mut(key);
        if !thread.heard_within(7 * DAY_MS, now) {
            return Err(Refusal::WindowClosed(object));
        }
        match action {
            "typing_on" => thread.typing_until = Some(now + TYPING_MS),
            "typing_off" => thread.typing_until = None,
            "mark_seen" => thread.page_read_until = thread.messages.last().map_or(0, |message| message.at),
            _ => {}
        }
        self.changes.insert(key.clone());
        Ok(())
    }

    fn voice(&self, key: &ThreadKey, app_id: &str, now: i64) -> Result<Voice, Refusal> {
        let default = self.default_app(key);
        match self.owner(key, now) {
            Some(owner) if owner == app_id => Ok(Voice::Owner),
            None if default.is_none() || default.as_deref() == Some(app_id) => Ok(Voice::FirstToSpeak),
            _ => Err(Refusal::NotOwner(self.object(key))),
        }
    }

    /// Puts a message of the Page into the conversation, and tells everybody: echo and delivery.
    pub(super) fn post(&mut self, key: &ThreadKey, app_id: &str, content: Content, now: i64) -> String {
        let object = self.object(key);
        let mid = random::message_id(object == Object::Instagram);
        let thread = self.thread_mut(key);
        let timestamp = thread.tick(now);
        thread.typing_until = None;
        let echo = echo(key, thread, timestamp, &mid, app_id, &content);
        thread.messages.push(Message {
            mid: mid.clone(),
            author: Author::Page,
            app_id: Some(app_id.to_owned()),
            content,
            at: timestamp,
            edits: 0,
            unsent: false,
            reaction: None,
        });
        self.announce(key, &Kind::Echo, &echo, now);
        // The published delivery sample has no timestamp.
        let mut delivery = from_person(key, timestamp, json!({"delivery": {"mids": [mid], "watermark": timestamp}}));
        if let Some(delivery) = delivery.as_object_mut() {
            delivery.remove("timestamp");
        }
        self.announce(key, &Kind::Delivery, &delivery, now);
        mid
    }
}

fn echo(key: &ThreadKey, thread: &Thread, timestamp: i64, mid: &str, app_id: &str, content: &Content) -> Value {
    let app = app_id.parse::<u64>().map_or_else(|_| json!(app_id), |number| json!(number));
    let mut message = json!({"is_echo": true, "app_id": app, "mid": mid});
    if let Some(metadata) = &content.metadata {
        message["metadata"] = json!(metadata);
    }
    if let Some(text) = &content.text {
        message["text"] = json!(text);
    }
    if let Some(reply_to) = &content.reply_to {
        let is_self_reply = thread.message(reply_to).is_some_and(|message| message.author == Author::Page);
        message["reply_to"] = json!({"mid": reply_to, "is_self_reply": is_self_reply});
    }
    if !content.attachments.is_empty() {
        message["attachments"] = json!(content.attachments);
    }
    json!({"sender": {"id": key.account}, "recipient": {"id": key.psid}, "timestamp": timestamp, "message": message})
}
