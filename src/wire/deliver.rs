//! The webhook that an app gets: rows of the log in the platform's envelope, and the items that Baton makes itself.

use serde_json::{Map, Value, json};

use super::ascii::escaped;
use super::event::Channel;
use super::ids::{AppId, Object, PageId, PersonId, Timestamp};
use super::item;
use super::literal;
use super::params::yes;
use crate::control::{Change, ControlEvent, Owner};

/// One event on its way to an app.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The item as the log keeps it.
    pub item: &'a str,
    /// The array it stands in.
    pub channel: Channel,
    /// `entry.time`.
    pub time: Timestamp,
    /// How much of it the app may see.
    pub part: Part,
}

/// How much of an item an app may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All.
    Whole,
    /// All but `postback.payload`, which belongs to the app that made the button (section 1.8).
    WithoutPayload,
    /// Its content is gone: `{mid, is_deleted: true}`.
    Deleted,
}

/// The body of a webhook with these events, in ASCII only. One event an entry, so that no entry mixes channels: many receivers trip there.
#[must_use]
pub fn render(object: Object, page: &PageId, events: &[Outgoing<'_>]) -> Vec<u8> {
    let entries: Vec<Value> = events.iter().map(|event| entry(page, event)).collect();
    escaped(&json!({ "object": object.as_str(), "entry": entries }))
}

fn entry(page: &PageId, event: &Outgoing<'_>) -> Value {
    let mut item = members(event.item);
    let hop_context = item.get("hop_context").is_some_and(Value::is_array).then(|| item.shift_remove("hop_context")).flatten();
    normalise(&mut item);
    match event.part {
        Part::Whole => {}
        Part::WithoutPayload => {
            if let Some(Value::Object(postback)) = item.get_mut("postback") {
                postback.shift_remove("payload");
            }
        }
        Part::Deleted => strip(&mut item),
    }
    let channel = match event.channel {
        Channel::Messaging => "messaging",
        Channel::Standby => "standby",
        Channel::Changes => "changes",
    };
    let mut entry = Map::new();
    entry.insert("id".to_owned(), page.as_str().into());
    entry.insert("time".to_owned(), event.time.millis().into());
    entry.insert(channel.to_owned(), json!([item]));
    if let (Some(context), true) = (hop_context, event.part != Part::Deleted) {
        entry.insert("hop_context".to_owned(), context);
    }
    Value::Object(entry)
}

/// The members of a stored item. What the log holds was read once already, so nothing but an object comes here.
fn members(item: &str) -> Map<String, Value> {
    match literal::read(item) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// Ids and times in the one shape that most clients expect, whatever shape they came in.
fn normalise(item: &mut Map<String, Value>) {
    for side in ["sender", "recipient"] {
        if let Some(id) = item.get_mut(side).and_then(|side| side.get_mut("id")) {
            as_text(id);
        }
    }
    if let Some(timestamp) = item.get_mut("timestamp")
        && let Some(time) = item::time(&timestamp.to_string())
    {
        *timestamp = time.millis().into();
    }
    if let Some(Value::Object(message)) = item.get_mut("message")
        && message.get("is_echo").is_some_and(yes)
    {
        // The log keeps the choices that were offered, for people to read; an echo has none.
        message.shift_remove("quick_replies");
        if let Some(app) = message.get_mut("app_id") {
            as_number(app);
        }
    }
    for handover in ["pass_thread_control", "take_thread_control", "request_thread_control"] {
        if let Some(Value::Object(handover)) = item.get_mut(handover) {
            handover.retain(|_, value| !value.is_null());
            handover.iter_mut().filter(|(key, _)| key.ends_with("_app_id")).for_each(|(_, id)| as_text(id));
        }
    }
}

fn as_text(id: &mut Value) {
    if let Value::Number(number) = id {
        *id = Value::String(number.to_string());
    }
}

pub(super) fn as_number(id: &mut Value) {
    if let Some(number) = id.as_str().and_then(|text| text.parse::<u64>().ok()) {
        *id = number.into();
    }
}

/// Leaves of an item only what says which message it is about.
fn strip(item: &mut Map<String, Value>) {
    const KEPT: [&str; 5] = ["mid", "num_edit", "action", "watermark", "mids"];
    for (key, value) in item.iter_mut().filter(|(key, _)| !matches!(key.as_str(), "sender" | "recipient" | "timestamp")) {
        let Value::Object(body) = value else {
            *value = Value::Null;
            continue;
        };
        body.retain(|key, _| KEPT.contains(&key.as_str()));
        if key == "message" {
            body.insert("is_deleted".to_owned(), true.into());
        }
    }
    item.retain(|_, value| !value.is_null());
}

/// The item with its content gone, for the log to keep in its place: who, when and about which message stay.
#[must_use]
pub fn scrubbed(item: &str) -> String {
    let mut item = members(item);
    item.shift_remove("hop_context");
    strip(&mut item);
    Value::Object(item).to_string()
}

/// An item about control: from the person's side, as the platform writes handover events.
fn control_frame(page: &PageId, person: &PersonId, at: Timestamp, key: &str, body: Map<String, Value>) -> String {
    json!({
        "sender": { "id": person.as_str() },
        "recipient": { "id": page.as_str() },
        "timestamp": at.millis(),
        key: body,
    })
    .to_string()
}

fn put_app(body: &mut Map<String, Value>, key: &str, app: Option<&AppId>) {
    if let Some(app) = app {
        body.insert(key.to_owned(), app.as_str().into());
    }
}

/// The handover event that the platform has for this: a pass, a take or a request. `None` for what it emits nothing for.
///
/// Owners are strings; what is not there is absent rather than null, because the oldest clients know no such key.
#[must_use]
pub fn handover_item(page: &PageId, person: &PersonId, at: Timestamp, event: &ControlEvent) -> Option<String> {
    let mut body = Map::new();
    let key = match event.change {
        Change::Passed => "pass_thread_control",
        Change::Taken => "take_thread_control",
        Change::Requested => "request_thread_control",
        _ => return None,
    };
    if event.change == Change::Requested {
        put_app(&mut body, "requested_owner_app_id", event.requester.as_ref());
    } else {
        put_app(&mut body, "previous_owner_app_id", event.previous_owner.as_ref());
        put_app(&mut body, "new_owner_app_id", event.new_owner.as_ref());
    }
    if let Some(metadata) = &event.metadata {
        body.insert("metadata".to_owned(), metadata.as_str().into());
    }
    Some(control_frame(page, person, at, key, body))
}

/// Baton's own event for every change of control, for apps that subscribed to `baton_control`. Metadata is for those who are told, not here.
#[must_use]
pub fn control_item(page: &PageId, person: &PersonId, at: Timestamp, event: &ControlEvent) -> String {
    let mut body = Map::new();
    body.insert("change".to_owned(), event.change.as_str().into());
    body.insert("epoch".to_owned(), event.after.epoch.0.into());
    put_app(&mut body, "by_app_id", event.by.as_ref());
    put_app(&mut body, "previous_owner_app_id", event.previous_owner.as_ref());
    put_app(&mut body, "new_owner_app_id", event.new_owner.as_ref());
    put_app(&mut body, "requested_owner_app_id", event.requester.as_ref());
    if let Owner::App { until, .. } = &event.after.owner {
        body.insert("expiration".to_owned(), until.seconds().into());
    }
    let waiting =
        event.after.requests.iter().find(|request| event.change == Change::Requested && Some(&request.app) == event.requester.as_ref());
    if let Some(request) = waiting {
        body.insert("deadline".to_owned(), request.deadline.seconds().into());
    }
    control_frame(page, person, at, "baton_control", body)
}
