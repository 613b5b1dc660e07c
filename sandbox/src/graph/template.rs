//! Limits of templates, buttons and quick replies.

use serde_json::{Map, Value};

use super::error::GraphError;
use super::params::scalar;
use crate::world::Object;

fn too_long(what: &str, limit: usize) -> GraphError {
    GraphError::parameter(&format!("Length of param {what} must be less than or equal to {limit}"))
}

fn text<'a>(object: &'a Value, name: &str, limit: usize) -> Result<&'a str, GraphError> {
    let text = object.get(name).and_then(Value::as_str).unwrap_or_default();
    if text.chars().count() > limit { Err(too_long(name, limit)) } else { Ok(text) }
}

/// Checks the payload of a template.
pub fn check_template(payload: &Map<String, Value>) -> Result<(), GraphError> {
    let kind = payload.get("template_type").and_then(Value::as_str).ok_or_else(|| GraphError::missing("template_type"))?;
    let elements = payload.get("elements").and_then(Value::as_array);
    match kind {
        "generic" => {
            let elements = counted(elements, "elements", 1..=10)?;
            elements.iter().try_for_each(check_element)
        }
        "button" => {
            let whole = Value::Object(payload.clone());
            if text(&whole, "text", 640)?.is_empty() {
                return Err(GraphError::missing("text"));
            }
            let buttons = counted(payload.get("buttons").and_then(Value::as_array), "buttons", 1..=3)?;
            buttons.iter().try_for_each(check_button)
        }
        "media" => counted(elements, "elements", 1..=1).map(|_| ()),
        "product" => counted(elements, "elements", 1..=10).map(|_| ()),
        "receipt"
        | "image_grid"
        | "customer_information"
        | "customer_feedback"
        | "notification_messages"
        | "instant_form"
        | "one_time_notif_req"
        | "airline_boardingpass" => Ok(()),
        other => Err(GraphError::parameter(&format!("Param template_type has an unknown value: {other}"))),
    }
}

fn counted<'a>(list: Option<&'a Vec<Value>>, what: &str, range: std::ops::RangeInclusive<usize>) -> Result<&'a [Value], GraphError> {
    let list = list.map_or(&[][..], Vec::as_slice);
    if range.contains(&list.len()) {
        return Ok(list);
    }
    Err(GraphError::parameter(&format!("param {what} must have {} to {} items", range.start(), range.end())))
}

fn check_element(element: &Value) -> Result<(), GraphError> {
    if text(element, "title", 80)?.is_empty() {
        return Err(GraphError::missing("elements[title]"));
    }
    text(element, "subtitle", 80)?;
    let properties = element.as_object().map_or(0, Map::len);
    if properties < 2 {
        return Err(GraphError::parameter("An element needs at least one property besides its title"));
    }
    match element.get("buttons").and_then(Value::as_array) {
        None => Ok(()),
        buttons => counted(buttons, "buttons", 1..=3)?.iter().try_for_each(check_button),
    }
}

fn check_button(button: &Value) -> Result<(), GraphError> {
    let kind = button.get("type").and_then(Value::as_str).unwrap_or_default();
    let needs: &[(&str, usize)] = match kind {
        "postback" => &[("title", 20), ("payload", 1_000)],
        "web_url" => &[("title", 20), ("url", 2_000)],
        "phone_number" => &[("title", 20), ("payload", 20)],
        "account_link" => &[("url", 2_000)],
        "account_unlink" | "game_play" => &[],
        _ => return Err(GraphError::parameter("Param buttons[type] has an unknown value")),
    };
    for (name, limit) in needs {
        if text(button, name, *limit)?.is_empty() {
            return Err(GraphError::missing(&format!("buttons[{name}]")));
        }
    }
    Ok(())
}

/// Checks quick replies, and cuts titles where the platform does so.
pub fn quick_replies(list: &[Value], object: Object) -> Result<Vec<Value>, GraphError> {
    if list.len() > 13 {
        return Err(GraphError::parameter("param quick_replies must have at most 13 items"));
    }
    list.iter().map(|reply| quick_reply(reply, object)).collect()
}

fn quick_reply(reply: &Value, object: Object) -> Result<Value, GraphError> {
    let kind = reply.get("content_type").and_then(Value::as_str).unwrap_or("text");
    if !["text", "user_phone_number", "user_email", "location"].contains(&kind) {
        return Err(GraphError::parameter("Param quick_replies[content_type] must be one of {text, user_phone_number, user_email}"));
    }
    let title = reply.get("title").and_then(Value::as_str).unwrap_or_default();
    let payload = reply.get("payload").and_then(scalar).unwrap_or_default();
    if payload.chars().count() > 1_000 {
        return Err(too_long("quick_replies[payload]", 1_000));
    }
    if kind == "text" && title.is_empty() && reply.get("image_url").is_none() {
        return Err(GraphError::missing("quick_replies[title]"));
    }
    let mut reply = reply.clone();
    if title.chars().count() > 20 {
        if object == Object::Page {
            return Err(too_long("quick_replies[title]", 20));
        }
        reply["title"] = title.chars().take(20).collect::<String>().into();
    }
    Ok(reply)
}
