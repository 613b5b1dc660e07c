//! What a message may hold, and how much of it (protocol page, section 3.3).

use serde_json::{Map, Value};

use super::error::GraphError;
use super::ids::Object;
use super::params::scalar;
use super::template::check_template;

/// Longest text on Messenger, in characters.
const TEXT_CHARS: usize = 2000;
/// Longest text on Instagram, in bytes of UTF-8.
const INSTAGRAM_TEXT_BYTES: usize = 1000;
/// Most quick replies of a message.
const QUICK_REPLIES: usize = 13;
/// Longest title of a quick reply or button, in characters.
pub(super) const BUTTON_TITLE_CHARS: usize = 20;
/// Longest payload of a quick reply or button, in characters.
pub(super) const PAYLOAD_CHARS: usize = 1000;

/// Checks a message without metadata and without nulls: exactly one of text, attachment and sticker, each within its limits.
pub(super) fn check_message(message: &mut Map<String, Value>, object: Object) -> Result<(), GraphError> {
    if let Some(value) = message.get_mut("text") {
        let text = scalar(value).ok_or_else(|| GraphError::parameter("Param message[text] must be a string"))?;
        *value = Value::String(text);
    }
    // Several clients send an empty text beside an attachment.
    if message.get("text").and_then(Value::as_str) == Some("") {
        message.shift_remove("text");
    }
    let parts = ["text", "attachment", "sticker_id"].into_iter().filter(|part| message.contains_key(*part)).count();
    match parts {
        0 => return Err(GraphError::empty_message()),
        1 => {}
        _ => return Err(GraphError::parameter("Only one of message[text], message[attachment] and message[sticker_id] may be set")),
    }
    if let Some(text) = message.get("text").and_then(Value::as_str) {
        check_text(text, object)?;
    }
    if let Some(attachment) = message.get("attachment") {
        check_attachment(attachment, object)?;
    }
    if let Some(sticker) = message.get("sticker_id")
        && !scalar(sticker).is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Err(GraphError::parameter("Param message[sticker_id] must be a valid ID"));
    }
    message.get("quick_replies").map_or(Ok(()), |replies| check_quick_replies(replies, object))
}

fn check_text(text: &str, object: Object) -> Result<(), GraphError> {
    match object {
        Object::Page if text.chars().count() > TEXT_CHARS => Err(GraphError::too_long("message[text]", TEXT_CHARS)),
        Object::Instagram if text.len() > INSTAGRAM_TEXT_BYTES => {
            Err(GraphError::parameter(&format!("Length of param message[text] must be less than or equal to {INSTAGRAM_TEXT_BYTES} bytes")))
        }
        _ => Ok(()),
    }
}

/// A text of at most so many characters under this key; a number counts as text. `Some` if it is there and not empty.
pub(super) fn limited(members: &Map<String, Value>, key: &str, path: &str, most: usize) -> Result<Option<String>, GraphError> {
    let Some(value) = members.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let text = scalar(value).ok_or_else(|| GraphError::parameter(&format!("Param {path}[{key}] must be a string")))?;
    if text.chars().count() > most {
        return Err(GraphError::too_long(&format!("{path}[{key}]"), most));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The elements of a list, each an object.
pub(super) fn objects<'a>(value: &'a Value, path: &str) -> Result<Vec<&'a Map<String, Value>>, GraphError> {
    let wrong = || GraphError::parameter(&format!("Param {path} must be an array of objects"));
    value.as_array().ok_or_else(wrong)?.iter().map(|element| element.as_object().ok_or_else(wrong)).collect()
}

fn check_quick_replies(value: &Value, object: Object) -> Result<(), GraphError> {
    const PATH: &str = "message[quick_replies]";
    let replies = objects(value, PATH)?;
    if replies.len() > QUICK_REPLIES {
        return Err(GraphError::parameter(&format!("Param {PATH} may have at most {QUICK_REPLIES} elements")));
    }
    for reply in replies {
        let kind = limited(reply, "content_type", PATH, 64)?;
        limited(reply, "payload", PATH, PAYLOAD_CHARS)?;
        match kind.as_deref() {
            Some("text") => {
                // Instagram cuts longer titles itself.
                let most = if object == Object::Instagram { usize::MAX } else { BUTTON_TITLE_CHARS };
                let title = limited(reply, "title", PATH, most)?;
                if title.is_none() && reply.get("image_url").is_none_or(Value::is_null) {
                    return Err(GraphError::parameter("A quick reply needs a title, or an image_url instead"));
                }
            }
            Some("user_phone_number" | "user_email") => {}
            _ => {
                return Err(GraphError::parameter(
                    "Param content_type of a quick reply must be one of {text, user_phone_number, user_email}",
                ));
            }
        }
    }
    Ok(())
}

fn check_attachment(value: &Value, object: Object) -> Result<(), GraphError> {
    let attachment = value.as_object().ok_or_else(|| GraphError::parameter("Param message[attachment] must be a JSON object"))?;
    let kind = limited(attachment, "type", "message[attachment]", 64)?.unwrap_or_default();
    let nothing = Map::new();
    let payload = match attachment.get("payload") {
        None | Some(Value::Null) => &nothing,
        Some(Value::Object(payload)) => payload,
        Some(_) => return Err(GraphError::parameter("Param message[attachment][payload] must be a JSON object")),
    };
    match (kind.as_str(), object) {
        ("image" | "audio" | "video" | "file", _) => check_media(payload),
        ("template", _) => check_template(payload),
        ("like_heart", Object::Instagram) => Ok(()),
        ("MEDIA_SHARE" | "media_share", Object::Instagram) => match limited(payload, "id", "message[attachment][payload]", 128)? {
            Some(_) => Ok(()),
            None => Err(GraphError::parameter("The parameter message[attachment][payload][id] is required")),
        },
        _ => Err(GraphError::parameter("Param message[attachment][type] must be one of {image, audio, video, file, template}")),
    }
}

/// A file: by its URL or by the id of an upload.
fn check_media(payload: &Map<String, Value>) -> Result<(), GraphError> {
    const PATH: &str = "message[attachment][payload]";
    const URL_CHARS: usize = 8192;
    match (limited(payload, "url", PATH, URL_CHARS)?, limited(payload, "attachment_id", PATH, 128)?) {
        (Some(_), Some(_)) => Err(GraphError::parameter("Only one of url and attachment_id may be set in the attachment's payload")),
        (None, None) => Err(GraphError::parameter("The attachment's payload needs a url or an attachment_id")),
        (Some(url), None) => check_url(&url),
        (None, Some(_)) => Ok(()),
    }
}

/// An absolute web address.
pub(super) fn check_url(url: &str) -> Result<(), GraphError> {
    match url::Url::parse(url.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(()),
        _ => Err(GraphError::parameter("The url should represent a valid URL")),
    }
}
