//! One person's conversation with one account.

use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::DAY_MS;

/// Names a conversation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Serialize)]
pub struct ThreadKey {
    /// The account's id.
    #[serde(rename = "page_id")]
    pub account: String,
    /// The person's id.
    pub psid: String,
}

/// Who wrote a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// The customer.
    Person,
    /// The Page, through some app.
    Page,
}

/// What a message says.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Its text.
    pub text: Option<String>,
    /// Attachments as webhooks show them: `{"type", "payload"}`.
    pub attachments: Vec<Value>,
    /// Quick replies offered with it.
    pub quick_replies: Vec<Value>,
    /// The payload of the quick reply that a person tapped.
    pub quick_reply: Option<String>,
    /// `{"title", "payload"}` of the button that a person tapped.
    pub postback: Option<Value>,
    /// The id of the message that it answers.
    pub reply_to: Option<String>,
    /// The sender's own note, handed back in the echo only.
    pub metadata: Option<String>,
    /// The persona it was sent as.
    pub persona_id: Option<String>,
}

impl Content {
    /// The buttons of its templates.
    pub fn buttons(&self) -> Vec<&Value> {
        let payloads = self.attachments.iter().filter_map(|attachment| attachment.get("payload"));
        payloads.flat_map(template_buttons).collect()
    }
}

fn template_buttons(payload: &Value) -> Vec<&Value> {
    let own = payload.get("buttons").and_then(Value::as_array).into_iter().flatten();
    let elements = payload.get("elements").and_then(Value::as_array).into_iter().flatten();
    let theirs = elements.filter_map(|element| element.get("buttons").and_then(Value::as_array)).flatten();
    own.chain(theirs).collect()
}

/// A message of the transcript.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub mid: String,
    /// Who wrote it.
    pub author: Author,
    /// The app through which the Page wrote it.
    pub app_id: Option<String>,
    /// What it says.
    pub content: Content,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// How often the person changed it.
    pub edits: u32,
    /// Whether it was taken back.
    pub unsent: bool,
    /// Emoji that the person put on it.
    pub reaction: Option<String>,
}

/// Who holds a conversation, and until when without activity.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The app.
    pub app_id: String,
    /// When control ends by itself, in milliseconds since the Unix epoch.
    pub expires_at: i64,
}

/// One person's conversation with one account.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// Everything said, oldest first.
    pub messages: Vec<Message>,
    /// The person's last act that opens the messaging window.
    pub last_person_at: Option<i64>,
    /// Until when the Page is shown as typing.
    pub typing_until: Option<i64>,
    /// What the person has read of the Page's messages.
    pub person_read_until: i64,
    /// What the Page has marked as seen of the person's messages.
    pub page_read_until: i64,
    owner: Option<Owner>,
    last_at: i64,
}

impl Thread {
    /// The owner, unless control has lapsed.
    pub fn owner(&self, now: i64) -> Option<&Owner> {
        self.owner.as_ref().filter(|owner| owner.expires_at > now)
    }

    /// Hands the conversation to `app_id` for a day.
    pub fn hand_to(&mut self, app_id: &str, now: i64) {
        self.owner = Some(Owner { app_id: app_id.to_owned(), expires_at: now + DAY_MS });
    }

    /// Makes the conversation idle.
    pub fn release(&mut self) {
        self.owner = None;
    }

    /// Lets the present owner keep the conversation until at least `until`.
    pub fn keep_until(&mut self, until: i64) {
        if let Some(owner) = &mut self.owner {
            owner.expires_at = owner.expires_at.max(until);
        }
    }

    /// Sets the end of the present owner's control.
    pub fn expire_at(&mut self, until: i64) {
        if let Some(owner) = &mut self.owner {
            owner.expires_at = until;
        }
    }

    /// A timestamp for the next event: the present, but never one that this conversation has used. Some SDKs drop an event whose
    /// timestamp they have seen.
    pub fn tick(&mut self, now: i64) -> i64 {
        self.last_at = now.max(self.last_at + 1);
        self.last_at
    }

    /// Whether the person did something within the last `window_ms`.
    pub fn heard_within(&self, window_ms: i64, now: i64) -> bool {
        self.last_person_at.is_some_and(|at| now - at < window_ms)
    }

    /// Notes an act of the person that opens the window and keeps the owner.
    pub fn heard(&mut self, at: i64) {
        self.last_person_at = Some(self.last_person_at.map_or(at, |last| last.max(at)));
        self.keep_until(at + DAY_MS);
    }

    /// The message with this id.
    pub fn message(&self, mid: &str) -> Option<&Message> {
        self.messages.iter().rev().find(|message| message.mid == mid)
    }

    /// The message with this id, to change it.
    pub fn message_mut(&mut self, mid: &str) -> Option<&mut Message> {
        self.messages.iter_mut().rev().find(|message| message.mid == mid)
    }

    /// The newest message of the Page with a button of this payload, and the button's title.
    pub fn button(&self, payload: &str) -> Option<(&Message, Option<&str>)> {
        self.messages.iter().rev().filter(|message| message.author == Author::Page).find_map(|message| {
            let button =
                message.content.buttons().into_iter().find(|button| button.get("payload").and_then(Value::as_str) == Some(payload))?;
            Some((message, button.get("title").and_then(Value::as_str)))
        })
    }

    /// How far a message has come: `delivered` or `seen`.
    pub fn status(&self, message: &Message) -> &'static str {
        let read_until = match message.author {
            Author::Page => self.person_read_until,
            Author::Person => self.page_read_until,
        };
        if message.at <= read_until { "seen" } else { "delivered" }
    }
}

impl Message {
    /// The message in the transcript of the JSON API.
    pub fn transcript(&self, thread: &Thread, app_name: Option<&str>) -> Value {
        let content = &self.content;
        json!({
            "mid": self.mid, "from": self.author, "app_id": self.app_id, "app_name": app_name, "text": content.text,
            "attachments": content.attachments, "quick_replies": content.quick_replies, "buttons": content.buttons(),
            "quick_reply": content.quick_reply, "postback": content.postback, "reply_to": content.reply_to,
            "metadata": content.metadata, "persona_id": content.persona_id, "reaction": self.reaction,
            "edits": self.edits, "unsent": self.unsent, "at": self.at, "status": thread.status(self),
        })
    }
}
