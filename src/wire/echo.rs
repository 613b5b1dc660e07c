//! The echo that Baton makes of a message it sent: as the platform's, but naming the local app and carrying that app's own metadata.

use serde_json::{Map, Value, json};

use super::deliver::as_number;
use super::ids::{AppId, MessageId, PageId, PersonId, Timestamp};
use super::send::{Content, Send};

/// The echo of a message that Baton sent for an app, as the log keeps it (section 1.9).
#[must_use]
pub fn local_echo(page: &PageId, person: &PersonId, at: Timestamp, app: &AppId, mid: &MessageId, send: &Send) -> String {
    let mut message = Map::new();
    message.insert("is_echo".to_owned(), true.into());
    let mut app = Value::from(app.as_str());
    as_number(&mut app);
    message.insert("app_id".to_owned(), app);
    if let Content::Message { message: sent, metadata } = &send.content {
        if let Some(metadata) = metadata {
            message.insert("metadata".to_owned(), metadata.as_str().into());
        }
        message.insert("mid".to_owned(), mid.as_str().into());
        if let Some(text) = sent.get("text") {
            message.insert("text".to_owned(), text.clone());
        }
        if let Some(attachment) = echoed_attachment(sent) {
            message.insert("attachments".to_owned(), json!([attachment]));
        }
        if let Some(replies) = sent.get("quick_replies") {
            message.insert("quick_replies".to_owned(), replies.clone());
        }
    }
    if let Some(reply_to) = send.extra.get("reply_to") {
        message.insert("reply_to".to_owned(), reply_to.clone());
    }
    json!({
        "sender": { "id": page.as_str() },
        "recipient": { "id": person.as_str() },
        "timestamp": at.millis(),
        "message": message,
    })
    .to_string()
}

/// The attachment of a sent message as an echo shows it: without the wish to keep it, and with its id as a number.
fn echoed_attachment(sent: &Map<String, Value>) -> Option<Value> {
    if let Some(sticker) = sent.get("sticker_id") {
        let mut sticker = sticker.clone();
        as_number(&mut sticker);
        return Some(json!({ "type": "sticker", "payload": { "sticker_id": sticker } }));
    }
    let mut attachment = sent.get("attachment")?.clone();
    if let Some(Value::Object(payload)) = attachment.get_mut("payload") {
        payload.shift_remove("is_reusable");
        if let Some(id) = payload.get_mut("attachment_id") {
            as_number(id);
        }
    }
    Some(attachment)
}
