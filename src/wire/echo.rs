//! The echo that Baton makes of a message it sent: as the platform's, but naming the local app and carrying that app's own metadata.

use serde_json::{Map, Number, Value, json};

use super::ids::{AppId, MessageId, PageId, PersonId, Timestamp};
use super::send::{Content, Send};

/// The echo item of a sent message (protocol page, section 1.9): sender and recipient swapped, `app_id` a number as at the platform,
/// `metadata` only if the app gave one. Sender actions have no echo and give an empty message.
#[must_use]
pub fn local_echo(page: &PageId, person: &PersonId, at: Timestamp, app: &AppId, mid: &MessageId, send: &Send) -> String {
    let mut message = Map::new();
    message.insert("mid".into(), mid.as_str().into());
    message.insert("is_echo".into(), true.into());
    message.insert("app_id".into(), app_id(app));
    if let Content::Message { message: sent, metadata } = &send.content {
        if let Some(metadata) = metadata {
            message.insert("metadata".into(), metadata.as_str().into());
        }
        for (key, value) in sent {
            match key.as_str() {
                "attachment" => message.insert("attachments".into(), Value::Array(vec![value.clone()])),
                _ => message.insert(key.clone(), value.clone()),
            };
        }
    }
    if let Some(reply) = send.extra.get("reply_to") {
        message.insert("reply_to".into(), reply.clone());
    }
    json!({
        "sender": { "id": page.as_str() },
        "recipient": { "id": person.as_str() },
        "timestamp": at.millis(),
        "message": message,
    })
    .to_string()
}

/// An app id as echoes print it: a number where it is one.
fn app_id(app: &AppId) -> Value {
    app.as_str().parse::<u64>().map_or_else(|_| app.as_str().into(), |number| Value::Number(Number::from(number)))
}
