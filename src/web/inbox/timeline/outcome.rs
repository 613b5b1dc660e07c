//! Plain words for what became of a send, and for events that are no messages.

use serde_json::Value;

use super::super::line::{Again, State};
use super::super::reasons;
use super::with;
use crate::store::inbox::timeline::PendingSend;
use crate::web::text::{Texts, fill};
use crate::web::when::Clock;
use crate::wire::{Done, InlineControl};

/// The state of a send that the log has no echo of.
pub(super) fn of_send(send: &PendingSend, clock: &Clock, t: &'static Texts) -> State {
    let later = send.not_before.filter(|at| *at > clock.now);
    let (class, icon, label, detail) = match (send.state.as_str(), later) {
        ("accepted", Some(at)) => ("accepted", "clock", t.state_later, Some(fill(t.detail_later, &[("time", &clock.to_the_second(at))]))),
        ("accepted", None) => ("accepted", "clock", t.state_accepted, None),
        ("sending", _) => ("sending", "clock", t.state_sending, None),
        ("failed", _) => ("failed", "warn", t.state_failed, send.error.as_ref().map(|error| failed(error, t))),
        ("superseded", _) => ("superseded", "cross", t.state_superseded, Some(t.detail_superseded.to_owned())),
        _ => ("unknown", "question", t.state_unknown, Some(t.detail_unknown.to_owned())),
    };
    let more = [ending(send, t), send.again.then_some(t.again_made)];
    let detail = detail.into_iter().chain(more.into_iter().flatten().map(str::to_owned)).collect::<Vec<_>>().join(" ");
    State { class, icon, label, detail: (!detail.is_empty()).then_some(detail), repeated: send.again }
}

/// What was to happen after it, and whether it still will.
const fn ending(send: &PendingSend, t: &'static Texts) -> Option<&'static str> {
    let Some(InlineControl::Done { how, .. }) = send.send.thread_control else { return None };
    let waits = matches!(send.state.as_bytes(), b"accepted" | b"sending");
    Some(match (how, waits) {
        (Done::Close, true) => t.then_close,
        (Done::Release, true) => t.then_release,
        (Done::Snooze { .. }, true) => t.then_snooze,
        (Done::Snooze { .. }, false) => t.then_not_snoozed,
        (Done::Close, false) => t.then_not_closed,
        (Done::Release, false) => t.then_not_released,
    })
}

/// The button that makes another attempt, where there is none yet.
pub(super) fn again(send: &PendingSend, t: &'static Texts) -> Option<Again> {
    let label = match send.state.as_str() {
        "failed" | "superseded" => t.again,
        "unknown" => t.again_unknown,
        _ => return None,
    };
    (!send.again).then_some(Again { send_id: send.send_id, label })
}

fn failed((code, subcode, message): &(i64, Option<i64>, String), t: &Texts) -> String {
    let number = subcode.map_or_else(|| code.to_string(), |subcode| format!("{code}/{subcode}"));
    let values = [("message", message.as_str()), ("code", number.as_str())];
    match reasons::meaning(*code, *subcode, t) {
        Some(why) => fill(t.detail_failed, &[("why", why), values[0], values[1]]),
        None => fill(t.detail_failed_code, &values),
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
