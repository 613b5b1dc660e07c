//! Reading the `message` of a send: exactly one of text, attachment and sticker, within the platform's limits.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::attachments::{MEDIA, resolve};
use super::error::GraphError;
use super::params::scalar;
use super::request::GraphCall;
use super::route::Caller;
use super::template;
use crate::platform::Platform;
use crate::world::{Content, Object};

/// Characters of a text on Messenger.
const TEXT: usize = 2_000;
/// Bytes of a text on Instagram.
const INSTAGRAM_TEXT: usize = 1_000;
/// Characters of the sender's own note.
const METADATA: usize = 1_000;

/// Reads the message; also returns the id of an attachment that was saved on the way.
pub fn read(
    platform: &Arc<Platform>,
    call: &GraphCall,
    caller: &Caller,
    object: Object,
    message: &Map<String, Value>,
) -> Result<(Content, Option<String>), GraphError> {
    let text = message.get("text").and_then(scalar).filter(|text| !text.is_empty());
    let attachment = message.get("attachment").and_then(Value::as_object);
    let sticker = message.get("sticker_id").and_then(scalar);
    if usize::from(text.is_some()) + usize::from(attachment.is_some()) + usize::from(sticker.is_some()) > 1 {
        return Err(GraphError::parameter("Exactly one of text, attachment and sticker_id must be given"));
    }
    let mut content = base(call, object, message)?;
    let mut saved = None;
    if let Some(text) = text {
        check_text(&text, object)?;
        content.text = Some(text);
    } else if let Some(sticker) = sticker {
        content.attachments = vec![json!({"type": "sticker", "payload": {"sticker_id": sticker}})];
    } else if let Some(attachment) = attachment {
        let (shown, id) = read_attachment(platform, call, caller, object, attachment)?;
        content.attachments = vec![shown];
        saved = id;
    } else {
        return Err(GraphError::sub(100, 2_018_034, "Message cannot be empty, must provide valid attachment or text"));
    }
    Ok((content, saved))
}

fn check_text(text: &str, object: Object) -> Result<(), GraphError> {
    let (length, limit) = match object {
        Object::Page => (text.chars().count(), TEXT),
        Object::Instagram => (text.len(), INSTAGRAM_TEXT),
    };
    if length <= limit {
        return Ok(());
    }
    Err(GraphError::parameter(&format!("Length of param message[text] must be less than or equal to {limit}")))
}

fn base(call: &GraphCall, object: Object, message: &Map<String, Value>) -> Result<Content, GraphError> {
    let metadata = message.get("metadata").and_then(scalar);
    if metadata.as_ref().is_some_and(|metadata| metadata.chars().count() > METADATA) {
        return Err(GraphError::parameter("Length of param message[metadata] must be less than or equal to 1000"));
    }
    let quick_replies = match message.get("quick_replies") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => template::quick_replies(list, object)?,
        Some(_) => return Err(GraphError::parameter("param quick_replies must be an array.")),
    };
    let reply_to = call.params.object("reply_to")?.and_then(|reply| reply.get("mid").and_then(scalar));
    Ok(Content { quick_replies, metadata, reply_to, persona_id: call.params.text("persona_id"), ..Content::default() })
}

fn read_attachment(
    platform: &Arc<Platform>,
    call: &GraphCall,
    caller: &Caller,
    object: Object,
    attachment: &Map<String, Value>,
) -> Result<(Value, Option<String>), GraphError> {
    let kind = attachment.get("type").and_then(Value::as_str).unwrap_or_default();
    let empty = Map::new();
    let payload = attachment.get("payload").and_then(Value::as_object).unwrap_or(&empty);
    if kind == "template" {
        template::check_template(payload)?;
        return Ok((json!({"type": "template", "payload": payload}), None));
    }
    if object == Object::Instagram && matches!(kind, "like_heart" | "MEDIA_SHARE") {
        return Ok((json!({"type": kind, "payload": payload}), None));
    }
    if !MEDIA.contains(&kind) {
        let message = "Param message[attachment][type] must be one of {audio, file, image, template, video}";
        return Err(GraphError::parameter(message));
    }
    let medium = resolve(platform, caller, kind, payload, &call.params)?;
    Ok((json!({"type": kind, "payload": {"url": medium.url}}), medium.attachment_id))
}
