//! The limits of structured messages and of their buttons (protocol page, section 3.3). Kinds unknown here are left to the platform.

use serde_json::{Map, Value};

use super::error::GraphError;
use super::message_limits::{BUTTON_TITLE_CHARS, PAYLOAD_CHARS, limited, objects};

/// Where a template stands, for messages of errors.
const PATH: &str = "message[attachment][payload]";
/// Longest title and subtitle of an element, in characters.
const ELEMENT_CHARS: usize = 80;
/// Most buttons of an element.
const BUTTONS: usize = 3;

/// Checks the payload of a template.
pub(super) fn check_template(payload: &Map<String, Value>) -> Result<(), GraphError> {
    let kind = limited(payload, "template_type", PATH, 64)?;
    match kind.as_deref() {
        None => Err(GraphError::parameter(&format!("The parameter {PATH}[template_type] is required"))),
        Some("generic") => generic(payload),
        Some("button") => button(payload),
        Some("media") => media(payload),
        Some("receipt") => receipt(payload),
        Some("product") => product(payload),
        Some("image_grid") => image_grid(payload),
        Some(_) => Ok(()),
    }
}

/// The elements, of which there must be so many.
fn elements(payload: &Map<String, Value>, least: usize, most: usize) -> Result<Vec<&Map<String, Value>>, GraphError> {
    let elements = match payload.get("elements").filter(|value| !value.is_null()) {
        None => Vec::new(),
        Some(value) => objects(value, &format!("{PATH}[elements]"))?,
    };
    if (least..=most).contains(&elements.len()) {
        return Ok(elements);
    }
    Err(GraphError::parameter(&format!("Param {PATH}[elements] must have {least} to {most} elements, not {}", elements.len())))
}

fn required(members: &Map<String, Value>, key: &str, most: usize) -> Result<String, GraphError> {
    limited(members, key, PATH, most)?.ok_or_else(|| GraphError::parameter(&format!("The parameter {key} of the template is required")))
}

fn generic(payload: &Map<String, Value>) -> Result<(), GraphError> {
    for element in elements(payload, 1, 10)? {
        required(element, "title", ELEMENT_CHARS)?;
        limited(element, "subtitle", PATH, ELEMENT_CHARS)?;
        if !element.iter().any(|(key, value)| key != "title" && !value.is_null()) {
            return Err(GraphError::parameter("An element needs at least one property besides its title"));
        }
        buttons(element, 0)?;
        if let Some(action) = element.get("default_action").filter(|value| !value.is_null()) {
            let action = action.as_object().filter(|action| action.get("type").and_then(Value::as_str) == Some("web_url"));
            if action.is_none_or(|action| action.contains_key("title")) {
                return Err(GraphError::parameter("Param default_action must be a web_url button without a title"));
            }
        }
    }
    Ok(())
}

fn button(payload: &Map<String, Value>) -> Result<(), GraphError> {
    const TEXT_CHARS: usize = 640;
    required(payload, "text", TEXT_CHARS)?;
    buttons(payload, 1)
}

fn media(payload: &Map<String, Value>) -> Result<(), GraphError> {
    for element in elements(payload, 1, 1)? {
        required(element, "media_type", 64)?;
        let by_url = limited(element, "url", PATH, usize::MAX)?.is_some();
        let by_id = limited(element, "attachment_id", PATH, usize::MAX)?.is_some();
        if by_url == by_id {
            return Err(GraphError::parameter("A media element needs exactly one of attachment_id and url"));
        }
        buttons(element, 0)?;
    }
    Ok(())
}

fn receipt(payload: &Map<String, Value>) -> Result<(), GraphError> {
    for key in ["recipient_name", "order_number", "currency", "payment_method"] {
        required(payload, key, usize::MAX)?;
    }
    let summary = payload.get("summary").and_then(Value::as_object);
    if summary.and_then(|summary| summary.get("total_cost")).is_none_or(Value::is_null) {
        return Err(GraphError::parameter("The parameter summary[total_cost] of the template is required"));
    }
    elements(payload, 0, 100).map(|_| ())
}

fn product(payload: &Map<String, Value>) -> Result<(), GraphError> {
    elements(payload, 1, 10)?.into_iter().try_for_each(|element| required(element, "id", usize::MAX).map(|_| ()))
}

fn image_grid(payload: &Map<String, Value>) -> Result<(), GraphError> {
    const TITLE_CHARS: usize = 45;
    for element in elements(payload, 1, 1)? {
        limited(element, "title", PATH, TITLE_CHARS)?;
        limited(element, "subtitle", PATH, ELEMENT_CHARS)?;
        let images = element.get("images").and_then(Value::as_array).map(Vec::len);
        if images.is_some_and(|images| !(2..=6).contains(&images)) {
            return Err(GraphError::parameter("An image grid must have 2 to 6 images"));
        }
        buttons(element, 0)?;
    }
    Ok(())
}

/// The buttons of an element or a button template: so many at least, and never more than three.
fn buttons(holder: &Map<String, Value>, least: usize) -> Result<(), GraphError> {
    let list = match holder.get("buttons").filter(|value| !value.is_null()) {
        None => Vec::new(),
        Some(value) => objects(value, "buttons")?,
    };
    if !(least..=BUTTONS).contains(&list.len()) {
        return Err(GraphError::parameter(&format!("There must be {least} to {BUTTONS} buttons, not {}", list.len())));
    }
    list.into_iter().try_for_each(check_button)
}

fn check_button(button: &Map<String, Value>) -> Result<(), GraphError> {
    const PATH: &str = "buttons";
    let needs = |key: &str| match limited(button, key, PATH, if key == "payload" { PAYLOAD_CHARS } else { usize::MAX })? {
        Some(_) => Ok(()),
        None => Err(GraphError::parameter(&format!("The parameter {PATH}[{key}] is required"))),
    };
    let kind = limited(button, "type", PATH, 64)?.unwrap_or_default();
    let title = limited(button, "title", PATH, BUTTON_TITLE_CHARS)?;
    if title.is_none() && matches!(kind.as_str(), "web_url" | "postback" | "phone_number" | "game_play") {
        return Err(GraphError::parameter("A button needs a title"));
    }
    match kind.as_str() {
        "web_url" | "account_link" => needs("url"),
        "postback" | "phone_number" => needs("payload"),
        "account_unlink" => Ok(()),
        "game_play" => limited(button, "payload", PATH, PAYLOAD_CHARS).map(|_| ()),
        _ => Err(GraphError::parameter(
            "Param type of a button must be one of {web_url, postback, phone_number, account_link, account_unlink, game_play}",
        )),
    }
}
