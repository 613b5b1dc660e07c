//! Plain words for what became of a send, and for events that are no messages.

use serde_json::Value;

use super::super::line::State;
use super::with;
use crate::store::inbox_timeline::PendingSend;
use crate::web::text::{Texts, fill};

/// The state of a send that the log has no echo of.
pub(super) fn of_send(send: &PendingSend, t: &'static Texts) -> State {
    match send.state.as_str() {
        "accepted" => State { class: "accepted", icon: "clock", label: t.state_accepted, detail: None },
        "sending" => State { class: "sending", icon: "clock", label: t.state_sending, detail: None },
        "failed" => {
            State { class: "failed", icon: "warn", label: t.state_failed, detail: send.error.as_ref().map(|error| failed(error, t)) }
        }
        "superseded" => {
            State { class: "superseded", icon: "cross", label: t.state_superseded, detail: Some(t.detail_superseded.to_owned()) }
        }
        _ => State { class: "unknown", icon: "question", label: t.state_unknown, detail: Some(t.detail_unknown.to_owned()) },
    }
}

fn failed((code, subcode, message): &(i64, Option<i64>, String), t: &Texts) -> String {
    let number = subcode.map_or_else(|| code.to_string(), |subcode| format!("{code}/{subcode}"));
    let values = [("message", message.as_str()), ("code", number.as_str())];
    match meaning(*code, *subcode, t) {
        Some(why) => fill(t.detail_failed, &[("why", why), values[0], values[1]]),
        None => fill(t.detail_failed_code, &values),
    }
}

/// The platform's documented codes in plain words.
const fn meaning(code: i64, subcode: Option<i64>, t: &Texts) -> Option<&'static str> {
    match (code, subcode) {
        (10, Some(2_018_278 | 2_018_065 | 2_534_022)) => Some(t.fail_window),
        (10, Some(2_018_300)) | (100, Some(2_534_037)) => Some(t.fail_not_owner),
        (10, Some(2_018_108)) | (551 | 200, Some(1_545_041)) | (551, _) => Some(t.fail_unreachable),
        (100, Some(2_018_001)) => Some(t.fail_unknown_person),
        (190, _) => Some(t.fail_token),
        (4 | 17 | 32 | 613 | 80_006, _) => Some(t.fail_throttled),
        (200, None) => Some(t.fail_gone),
        _ => None,
    }
}

/// An event in words, and whether Baton knows what it is.
pub(super) fn event_words(kind: &str, item: &Value, t: &Texts) -> (String, bool) {
    let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let has = |key: &str| item.get(key).is_some();
    let words = match kind {
        "referral" if text("/referral/source") == "ADS" => t.event_referral_ad.to_owned(),
        "referral" => t.event_referral.to_owned(),
        "optin" => t.event_optin.to_owned(),
        "pass_thread_control" => t.event_handover_pass.to_owned(),
        "take_thread_control" => t.event_handover_take.to_owned(),
        "request_thread_control" => t.event_handover_request.to_owned(),
        "other" if has("account_linking") => with(t.event_linked, "status", text("/account_linking/status")),
        "other" if has("policy_enforcement") => with(t.event_policy, "action", text("/policy_enforcement/action")),
        "other" if has("order") => t.event_order.to_owned(),
        "other" if has("messaging_feedback") || has("response_feedback") => t.event_feedback.to_owned(),
        _ => return (with(t.event_unknown, "kind", &named(kind, item)), false),
    };
    (words, true)
}

/// The key that says what an item is, for kinds without words of their own.
fn named(kind: &str, item: &Value) -> String {
    const FRAME: [&str; 6] = ["sender", "recipient", "timestamp", "hop_context", "id", "time"];
    let keys = item.as_object().map(|map| map.keys().collect::<Vec<_>>()).unwrap_or_default();
    keys.into_iter().find(|key| !FRAME.contains(&key.as_str())).cloned().unwrap_or_else(|| kind.to_owned())
}
