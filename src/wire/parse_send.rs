//! `POST /{page}/messages`, read from its parameters and checked before anything is accepted (protocol page, sections 3.1 and 3.3).

use serde_json::{Map, Value};

use super::error::GraphError;
use super::ids::{AppId, Object};
use super::message_limits::check_message;
use super::params::{Params, decoded, scalar};
use super::send::{Content, InlineControl, Send};

/// Longest `message.metadata`, in characters.
const METADATA_CHARS: usize = 1000;

/// Reads a send and checks all it can be checked for without knowing the conversation. Tags that the platform has retired pass: the
/// window's rules refuse them.
///
/// # Errors
/// 100 with what is wrong; 100/2018014 for a message beside a sender action.
pub fn parse_send(params: &Params, object: Object) -> Result<Send, GraphError> {
    let person = params.recipient()?;
    let messaging_type = one_of(params, "messaging_type", &["RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"])?;
    let content = content(params, object)?;
    let tag = tag(params)?;
    let action = matches!(content, Content::Action { .. });
    if messaging_type.as_deref() == Some("MESSAGE_TAG") && tag.is_none() && !action {
        return Err(GraphError::parameter("The parameter tag is required when messaging_type is MESSAGE_TAG"));
    }
    let thread_control = thread_control(params)?;
    if action && thread_control.is_some() {
        return Err(GraphError::parameter("The parameter thread_control needs a message"));
    }
    Ok(Send { person, content, messaging_type, tag, extra: extra(params)?, thread_control })
}

fn content(params: &Params, object: Object) -> Result<Content, GraphError> {
    let action = params.text("sender_action")?.filter(|action| !action.trim().is_empty());
    match (params.object("message")?, action) {
        (Some(_), Some(_)) => Err(GraphError::message_and_action()),
        (Some(message), None) => message_content(message, object),
        (None, Some(action)) => sender_action(params, &action),
        (None, None) => Err(GraphError::parameter("The parameter message is required")),
    }
}

fn message_content(mut message: Map<String, Value>, object: Object) -> Result<Content, GraphError> {
    message.retain(|_, value| !value.is_null());
    for part in ["attachment", "quick_replies"] {
        if let Some(value) = message.get_mut(part) {
            *value = decoded(value).map_err(|error| GraphError::parameter(&format!("Param message[{part}] is not valid JSON: {error}")))?;
        }
    }
    let metadata = match message.shift_remove("metadata") {
        None => None,
        Some(value) => Some(scalar(&value).ok_or_else(|| GraphError::parameter("Param message[metadata] must be a string"))?),
    };
    if metadata.as_ref().is_some_and(|text| text.chars().count() > METADATA_CHARS) {
        return Err(GraphError::too_long("message[metadata]", METADATA_CHARS));
    }
    check_message(&mut message, object)?;
    Ok(Content::Message { message, metadata: metadata.filter(|text| !text.is_empty()) })
}

fn sender_action(params: &Params, action: &str) -> Result<Content, GraphError> {
    let action = action.trim().to_ascii_lowercase();
    if !matches!(action.as_str(), "typing_on" | "typing_off" | "mark_seen" | "react" | "unreact") {
        return Err(GraphError::parameter("Param sender_action must be one of {typing_on, typing_off, mark_seen, react, unreact}"));
    }
    if !action.ends_with("react") {
        return Ok(Content::Action { action, payload: None });
    }
    let payload = params.object("payload")?.unwrap_or_default();
    let named = |key: &str| payload.get(key).and_then(scalar).is_some_and(|text| !text.is_empty());
    if !named("message_id") {
        return Err(GraphError::parameter("The parameter payload[message_id] is required"));
    }
    if action == "react" && !named("reaction") {
        return Err(GraphError::parameter("The parameter payload[reaction] is required"));
    }
    Ok(Content::Action { action, payload: Some(Value::Object(payload)) })
}

/// A word of a closed list, in upper case whatever case it came in.
fn one_of(params: &Params, name: &str, allowed: &[&str]) -> Result<Option<String>, GraphError> {
    let word = params.text(name)?.map(|word| word.trim().to_ascii_uppercase()).filter(|word| !word.is_empty());
    match word {
        Some(word) if !allowed.contains(&word.as_str()) => {
            Err(GraphError::parameter(&format!("Param {name} must be one of {{{}}}", allowed.join(", "))))
        }
        word => Ok(word),
    }
}

fn tag(params: &Params) -> Result<Option<String>, GraphError> {
    const TAGS: [&str; 5] = ["HUMAN_AGENT", "CUSTOMER_FEEDBACK", "ACCOUNT_UPDATE", "CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE"];
    one_of(params, "tag", &TAGS)
}

/// What is passed to the platform as it is, once it has the right shape.
fn extra(params: &Params) -> Result<Map<String, Value>, GraphError> {
    let mut extra = Map::new();
    if let Some(reply_to) = params.object("reply_to")? {
        let mid = reply_to.get("mid").and_then(scalar).filter(|mid| !mid.is_empty());
        let mid = mid.ok_or_else(|| GraphError::parameter("The parameter reply_to[mid] is required"))?;
        extra.insert("reply_to".to_owned(), serde_json::json!({ "mid": mid }));
    }
    if let Some(persona) = params.text("persona_id")?.filter(|persona| !persona.is_empty()) {
        extra.insert("persona_id".to_owned(), persona.into());
    }
    if let Some(kind) = one_of(params, "notification_type", &["REGULAR", "SILENT_PUSH", "NO_PUSH"])? {
        extra.insert("notification_type".to_owned(), kind.into());
    }
    Ok(extra)
}

/// Without a `control_type` the platform releases (section 1.3.7).
fn thread_control(params: &Params) -> Result<Option<InlineControl>, GraphError> {
    let Some(control) = params.object("thread_control")? else { return Ok(None) };
    let text = |key: &str| control.get(key).and_then(scalar).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let app_id = match text("app_id") {
        None => None,
        Some(id) => Some(AppId::parse(id).map_err(|_| GraphError::parameter("Param thread_control[app_id] must be a valid app ID"))?),
    };
    match text("control_type").map(|word| word.to_ascii_lowercase()).as_deref() {
        Some("pass") => Ok(Some(InlineControl::Pass { app_id })),
        Some("release") | None => Ok(Some(InlineControl::Release)),
        Some(_) => Err(GraphError::parameter("Param thread_control[control_type] must be one of {pass, release}")),
    }
}
