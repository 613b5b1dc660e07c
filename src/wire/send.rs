//! What an app sends: the body of `POST /{page}/messages`, read and checked against the documented limits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{AppId, PersonId};

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
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra: serde_json::Map<String, Value>,
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
        message: serde_json::Map<String, Value>,
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
}
