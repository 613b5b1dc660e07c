//! The one event of a webhook: what it is called, and its timestamp.

use serde_json::{Value, json};

use crate::faults::TimestampForm;

/// Keys that every item may have and that do not say what happened.
const FRAME: [&str; 3] = ["sender", "recipient", "timestamp"];

/// What happened: `echo`, or the item's key.
pub fn name(body: &Value) -> &str {
    let Some(item) = item(body).and_then(Value::as_object) else { return "" };
    if item.get("message").is_some_and(|message| message["is_echo"] == json!(true)) {
        return "echo";
    }
    item.keys().map(String::as_str).find(|key| !FRAME.contains(key)).unwrap_or_default()
}

/// Writes the timestamp in another form, off by some milliseconds. An event without one stays without.
pub fn retime(body: &mut Value, form: Option<TimestampForm>, shift_ms: i64) {
    let channel = if body.pointer("/entry/0/standby").is_some() { "standby" } else { "messaging" };
    let Some(timestamp) = body.pointer_mut(&format!("/entry/0/{channel}/0/timestamp")) else { return };
    let Some(at) = timestamp.as_i64() else { return };
    let at = at.saturating_add(shift_ms);
    *timestamp = match form {
        None => json!(at),
        Some(TimestampForm::Seconds) => json!(at / 1000),
        Some(TimestampForm::TextSeconds) => json!((at / 1000).to_string()),
        Some(TimestampForm::Text) => json!(at.to_string()),
    };
}

fn item(body: &Value) -> Option<&Value> {
    body.pointer("/entry/0/messaging/0").or_else(|| body.pointer("/entry/0/standby/0"))
}
