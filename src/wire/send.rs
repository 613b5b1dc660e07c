//! What an app sends: the body of `POST /{page}/messages`, read and checked against the documented limits.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ids::{AppId, PersonId, Timestamp};
use super::params::{scalar, yes};

/// A checked send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Send {
    /// To whom.
    pub person: PersonId,
    /// What.
    pub content: Content,
    /// `messaging_type` as given; many clients leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messaging_type: Option<String>,
    /// `tag`, upper case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// `reply_to`, `persona_id`, `notification_type`: passed to the platform as they are.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// What happens to control once the message is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_control: Option<InlineControl>,
}

/// What a send carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A message.
    Message {
        /// The `message` object without `metadata`.
        message: Map<String, Value>,
        /// The app's own `message.metadata`: kept here and put back into its echo.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata: Option<String>,
    },
    /// Typing, seen, reaction.
    Action {
        /// `typing_on`, `typing_off`, `mark_seen`, `react`, `unreact`, lower case.
        action: String,
        /// `payload` of a reaction.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
}

/// `thread_control` beside a message, applied after it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "control_type", rename_all = "snake_case")]
pub enum InlineControl {
    /// To an app, the default app if none is named. The new owner hears of it.
    Pass {
        /// To whom.
        app_id: Option<AppId>,
    },
    /// Also when `control_type` is missing. No event.
    Release,
    /// The inbox's own, and nothing that an app can ask for: the agent is done with the conversation.
    Done {
        /// What becomes of it.
        how: Done,
        /// The newest position the agent had seen: if the person has written since, the conversation stays as it is.
        seen: i64,
        /// Whose conversation it was then, by the agent's number: if it is another colleague's by now, it stays as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assignee: Option<i64>,
    },
}

/// What becomes of a conversation that an agent is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It is closed, and control released.
    Close,
    /// Control is released.
    Release,
    /// It is put aside.
    Snooze {
        /// Until then.
        until: Timestamp,
    },
}

impl Send {
    /// The message's text, if it is a text message.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Message { message, .. } => message.get("text").and_then(Value::as_str),
            Content::Action { .. } => None,
        }
    }

    /// Whether this is a sender action rather than a message.
    #[must_use]
    pub const fn is_action(&self) -> bool {
        matches!(self.content, Content::Action { .. })
    }
    /// The payloads of its postback buttons: who sent a button hears its tap, whoever owns the conversation then.
    #[must_use]
    pub fn buttons(&self) -> Vec<String> {
        let Some(payload) = self.attachment_payload() else { return Vec::new() };
        let elements = payload.get("elements").and_then(Value::as_array).into_iter().flatten();
        let holders = std::iter::once(payload).chain(elements);
        let buttons = holders.filter_map(|holder| holder.get("buttons")?.as_array()).flatten();
        let postbacks = buttons.filter(|button| button.get("type").and_then(Value::as_str) == Some("postback"));
        postbacks.filter_map(|button| scalar(button.get("payload")?)).collect()
    }

    /// Whether the platform shall keep the attachment and answer with its `attachment_id`.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        self.attachment_payload().and_then(|payload| payload.get("is_reusable")).is_some_and(yes)
    }

    fn attachment_payload(&self) -> Option<&Value> {
        match &self.content {
            Content::Message { message, .. } => message.get("attachment")?.get("payload"),
            Content::Action { .. } => None,
        }
    }

    /// The body of the call to the platform. `token` stands where the app's own metadata was, so that the echo can be known.
    #[must_use]
    pub fn upstream_body(&self, token: &str) -> Value {
        let mut body = Map::new();
        body.insert("recipient".to_owned(), json!({ "id": self.person.as_str() }));
        match &self.content {
            Content::Message { message, .. } => {
                // Current versions of the platform require the type that many clients leave out.
                let implied = if self.tag.is_some() { "MESSAGE_TAG" } else { "RESPONSE" };
                body.insert("messaging_type".to_owned(), self.messaging_type.as_deref().unwrap_or(implied).into());
                let mut message = message.clone();
                message.insert("metadata".to_owned(), token.into());
                body.insert("message".to_owned(), Value::Object(message));
                if let Some(tag) = &self.tag {
                    body.insert("tag".to_owned(), tag.as_str().into());
                }
            }
            Content::Action { action, payload } => {
                body.insert("sender_action".to_owned(), action.as_str().into());
                if let Some(payload) = payload {
                    body.insert("payload".to_owned(), payload.clone());
                }
            }
        }
        body.extend(self.extra.clone());
        Value::Object(body)
    }
}
