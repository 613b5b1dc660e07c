//! Rows of the log as an app gets them: body, signatures, headers.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::event::Event;
use crate::clock;
use crate::control::{Audience, ControlEvent, PayloadCut};
use crate::crypto::signature;
use crate::store::log::LogRow;
use crate::wire::deliver::{self, Outgoing, Part};
use crate::wire::{AppId, Channel, Object, PageId, Timestamp};

const HUB_SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature");
const HUB_SIGNATURE_256: HeaderName = HeaderName::from_static("x-hub-signature-256");
/// The three headers of Standard Webhooks (standardwebhooks.com).
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// Epoch of the conversation after the event. A send that carries it is refused once somebody else has held the conversation.
const EPOCH: HeaderName = HeaderName::from_static("x-baton-epoch");
/// From the second try on: which try it is.
const ATTEMPT: HeaderName = HeaderName::from_static("x-baton-attempt");

/// How many positions have times of their own before one comes again.
const SPREAD: i64 = 8;

/// What all events of a subscription have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub page: PageId,
    pub app: AppId,
    pub object: Object,
    /// The app's own secret, which it knows as `app_secret`.
    pub secret: Vec<u8>,
}

/// The body of the webhook.
pub(super) fn body(letter: &Letter, events: &[Event]) -> Vec<u8> {
    let items: Vec<_> = events.iter().map(|event| stored_item(&event.row)).collect();
    let outgoing: Vec<Outgoing<'_>> = events.iter().zip(&items).map(|(event, item)| outgoing(event, item)).collect();
    deliver::render(letter.object, &letter.page, &outgoing)
}

/// One item, as it would stand in the array of its channel.
pub(super) fn item(letter: &Letter, event: &Event) -> Value {
    let mut body: Value = serde_json::from_slice(&body(letter, std::slice::from_ref(event))).unwrap_or_default();
    let array = match channel(event) {
        Channel::Messaging => "messaging",
        Channel::Standby => "standby",
        Channel::Changes => "changes",
    };
    body.pointer_mut(&format!("/entry/0/{array}/0")).map(Value::take).unwrap_or_default()
}

/// The headers of the webhook, signatures over exactly these bytes among them.
pub(super) fn headers(letter: &Letter, events: &[Event], body: &[u8]) -> HeaderMap {
    let id = id(events);
    let timestamp = clock::now().seconds().to_string();
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    put(&mut headers, HUB_SIGNATURE, &format!("sha1={}", signature::sha1_hex(&letter.secret, body)));
    put(&mut headers, HUB_SIGNATURE_256, &format!("sha256={}", signature::sha256_hex(&letter.secret, body)));
    put(&mut headers, WEBHOOK_SIGNATURE, &standard_signature(&letter.secret, &id, &timestamp, body));
    put(&mut headers, WEBHOOK_ID, &id);
    put(&mut headers, WEBHOOK_TIMESTAMP, &timestamp);
    if let [event] = events {
        put(&mut headers, EPOCH, &event.row.epoch.0.to_string());
        if event.tries > 1 {
            put(&mut headers, ATTEMPT, &event.tries.to_string());
        }
    }
    headers
}

/// The event's own id; for several in one POST the first one's, and how many more there are.
fn id(events: &[Event]) -> String {
    match events {
        [] => String::new(),
        [event] => event.row.event_id(),
        [first, more @ ..] => format!("{}+{}", first.row.event_id(), more.len()),
    }
}

/// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, keyed with the bytes of the app's secret.
fn standard_signature(secret: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    format!("v1,{}", STANDARD.encode(signature::sha256_of(secret, &parts)))
}

/// Ids may hold any text; what no header can carry is left out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}

fn outgoing<'a>(event: &Event, item: &'a str) -> Outgoing<'a> {
    let part = match event.heard.payload {
        _ if event.row.scrubbed => Part::Deleted,
        PayloadCut::Whole => Part::Whole,
        PayloadCut::WithoutPayload => Part::WithoutPayload,
    };
    Outgoing { item, channel: channel(event), time: event.row.at, part }
}

fn channel(event: &Event) -> Channel {
    if event.row.kind == "change" { Channel::Changes } else { event.heard.channel }
}

/// The item a row holds, or the one that Baton makes of a change of control.
fn stored_item(row: &LogRow) -> Cow<'_, str> {
    if row.kind != "control" {
        return Cow::Borrowed(&row.payload);
    }
    let made = serde_json::from_str::<ControlEvent>(&row.payload).ok().and_then(|event| {
        let person = row.person.as_ref()?;
        let at = own_time(row);
        match row.audience {
            Audience::Told(_) => deliver::handover_item(&row.page, person, at, &event),
            _ => Some(deliver::control_item(&row.page, person, at, &event)),
        }
    });
    made.map_or(Cow::Borrowed(&row.payload), Cow::Owned)
}

/// A time for an item that Baton makes. Some clients drop an event whose time they have seen in the conversation, and the rows that one
/// transaction wrote have one time, so each gets its own: a few milliseconds later, and the same at every try.
fn own_time(row: &LogRow) -> Timestamp {
    row.at.plus_millis(1 + row.position.rem_euclid(SPREAD))
}

#[cfg(test)]
mod tests;
