//! The body of a webhook: split, known again, and rendered for the apps.

use std::collections::BTreeSet;

use baton::wire::deliver::{Outgoing, Part, render, scrubbed};
use baton::wire::webhook::{MAX_ITEMS, parse};
use baton::wire::{Channel, Incoming, Kind, Object, Timestamp};
use serde_json::Value;

use super::json::{is_storable, is_valid, read, same};

const RECEIVED: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Any bytes: the body.
pub fn check(body: &[u8]) {
    let parsed = parse(body, RECEIVED);
    assert_eq!(parsed, parse(body, RECEIVED), "the same body says the same");
    let Ok(batch) = parsed else { return };
    // Each takes a byte at least, and another that parts it from the next.
    assert!(batch.items.len() <= (body.len() / 2).min(MAX_ITEMS), "{} items from {} bytes", batch.items.len(), body.len());
    for item in &batch.items {
        match item {
            Ok(incoming) => event(batch.object, incoming),
            Err(bad) => assert!(!bad.raw.contains('\0'), "it is kept as text: {}", bad.raw),
        }
    }
}

fn event(object: Object, incoming: &Incoming) {
    assert_eq!(incoming.object, object);
    assert_ne!(incoming.person.as_ref().map(|person| person.as_str()), Some(incoming.page.as_str()), "the Page is nobody's customer");
    assert_eq!(incoming.duplicate_key(), incoming.duplicate_key(), "known again");
    assert_eq!(Kind::parse(incoming.kind().as_str()), Some(incoming.kind()));
    assert!(incoming.field().len() <= incoming.raw.len().max(32), "a field has a name of its own or the item's key");
    is_valid(incoming.raw.as_bytes());
    is_valid(scrubbed(&incoming.raw).as_bytes());
    for part in [Part::Whole, Part::WithoutPayload, Part::Deleted] {
        rendered(incoming, part);
    }
    // Kept and read again, it is the same event.
    if incoming.channel != Channel::Changes {
        let again = envelope(incoming);
        let again = parse(again.as_bytes(), RECEIVED).expect("a webhook").items.remove(0).expect("an item");
        assert_eq!((&again.event, &again.person, &again.raw), (&incoming.event, &incoming.person, &incoming.raw));
    }
}

fn envelope(incoming: &Incoming) -> String {
    let channel = channel(incoming);
    let page = serde_json::to_string(incoming.page.as_str()).expect("text");
    format!(r#"{{"object":"{}","entry":[{{"id":{page},"{channel}":[{}]}}]}}"#, incoming.object.as_str(), incoming.raw)
}

fn channel(incoming: &Incoming) -> &'static str {
    match incoming.channel {
        Channel::Messaging => "messaging",
        Channel::Standby => "standby",
        Channel::Changes => "changes",
    }
}

fn rendered(incoming: &Incoming, part: Part) {
    let outgoing = Outgoing { item: &incoming.raw, channel: incoming.channel, time: incoming.at, part };
    let body = render(incoming.object, &incoming.page, &[outgoing]);
    assert!(body.is_ascii(), "old receivers know ASCII only");
    let body = read(&body).expect("every receiver can read it");
    assert_eq!(body["object"], incoming.object.as_str());
    assert_eq!(body["entry"][0]["id"], incoming.page.as_str());
    let item = body["entry"][0][channel(incoming)][0].as_object().expect("an item");
    is_storable(&Value::Object(item.clone()));
    let Some(Value::Object(raw)) = read(incoming.raw.as_bytes()) else { return };
    if part == Part::Deleted {
        return;
    }
    // What Baton puts into one shape (ids, times, echoes, handovers) the tests of delivery hold; the rest goes out as it came.
    const SHAPED: [&str; 8] =
        ["sender", "recipient", "timestamp", "message", "postback", "pass_thread_control", "take_thread_control", "request_thread_control"];
    let beside = |key: &str| key == "hop_context" && raw.get(key).is_some_and(Value::is_array);
    let keys = |members: &serde_json::Map<String, Value>| members.keys().filter(|key| !beside(key)).cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(item), keys(&raw), "no member is lost: {}", incoming.raw);
    for (key, value) in raw.iter().filter(|(key, _)| !SHAPED.contains(&key.as_str()) && !beside(key)) {
        assert!(same(value, &item[key]), "{key} is {} and goes out as {}", value, item[key]);
    }
    if beside("hop_context") {
        assert!(same(&raw["hop_context"], &body["entry"][0]["hop_context"]), "hop_context of {}", incoming.raw);
    }
}
