//! The webhook that an app gets: rows of the log in the platform's envelope, and the items that Baton makes itself.

use serde_json::{Map, Value, json};

use super::ascii::write_escaped;
use super::event::Channel;
use super::ids::{AppId, Object, PageId, PersonId, Timestamp};
use super::item;
use super::json::Fields;
use super::literal;
use super::params::yes;
use super::transcript::transcribe;
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
    let items: usize = events.iter().map(|event| event.item.len() + 128).sum();
    let mut body = Vec::with_capacity(items + 64);
    body.extend_from_slice(br#"{"object":""#);
    body.extend_from_slice(object.as_str().as_bytes());
    body.extend_from_slice(br#"","entry":["#);
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write_entry(page, event, &mut body);
    }
    body.extend_from_slice(b"]}");
    body
}

fn write_entry(page: &PageId, event: &Outgoing<'_>, body: &mut Vec<u8>) {
    body.extend_from_slice(br#"{"id":"#);
    write_escaped(&page.as_str().into(), body);
    body.extend_from_slice(br#","time":"#);
    body.extend_from_slice(event.time.millis().to_string().as_bytes());
    body.extend_from_slice(match event.channel {
        Channel::Messaging => br#","messaging":["#,
        Channel::Standby => br#","standby":["#,
        Channel::Changes => br#","changes":["#,
    });
    let hop_context = write_item(event, body);
    body.push(b']');
    if let Some(context) = hop_context {
        body.extend_from_slice(br#","hop_context":"#);
        write_escaped(&context, body);
    }
    body.push(b'}');
}

/// Writes an item; the answer is what belongs beside it.
fn write_item(event: &Outgoing<'_>, body: &mut Vec<u8>) -> Option<Value> {
    let start = body.len();
    if event.part == Part::Whole && goes_as_it_is(event.item) && transcribe(event.item, body) {
        return None;
    }
    body.truncate(start);
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
    write_escaped(&Value::Object(item), body);
    hop_context.filter(|_| event.part != Part::Deleted)
}

/// Whether [`normalise`] would change nothing of an item, and nothing of it belongs beside it: so it is with nearly all messages of people,
/// which need not be taken apart then.
fn goes_as_it_is(item: &str) -> bool {
    let Some(fields) = Fields::read(item) else { return false };
    let mut seen = 0_u8;
    fields.iter().all(|(key, value)| {
        let (bit, fine) = match key {
            "sender" => (1, has_text_id(value)),
            "recipient" => (2, has_text_id(value)),
            "timestamp" => (4, item::time(value).is_some_and(|time| time.millis().to_string() == value)),
            "message" => (8, Fields::read(value).is_some_and(|message| message.get("is_echo").is_none())),
            "postback" | "read" | "delivery" | "reaction" => (16, true),
            // Whatever else there is may want a closer look.
            _ => (0, false),
        };
        let first = seen & bit == 0;
        seen |= bit;
        fine && first
    })
}

fn has_text_id(side: &str) -> bool {
    Fields::read(side).and_then(|side| side.get("id").map(|id| id.starts_with('"'))).unwrap_or(false)
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
        // From outside it comes to Baton as a take, and goes on to the app that loses the conversation.
        Change::Taken | Change::External => "take_thread_control",
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
