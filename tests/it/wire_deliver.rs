//! What an app gets over HTTP: the platform's envelope and types, byte for byte.

use baton::control::{Change, Control, ControlEvent, Epoch, Owner, Request};
use baton::wire::deliver::{Outgoing, Part, control_item, handover_item, render, scrubbed};
use baton::wire::{AppId, Channel, MessageId, Metadata, Object, PageId, Params, PersonId, Timestamp, local_echo, parse_send};
use serde_json::{Value, json};

const TIME: Timestamp = Timestamp::from_millis(1_458_692_752_478);

fn page() -> PageId {
    PageId::parse("1").unwrap()
}

fn person() -> PersonId {
    PersonId::parse("2").unwrap()
}

fn app(id: &str) -> AppId {
    AppId::parse(id).unwrap()
}

fn event(item: &str, channel: Channel, part: Part) -> Outgoing<'_> {
    Outgoing { item, channel, time: TIME, part }
}

fn rendered(item: &str, channel: Channel, part: Part) -> Value {
    serde_json::from_slice(&render(Object::Page, &page(), &[event(item, channel, part)])).unwrap()
}

/// The item inside the only entry.
fn delivered(item: &str, part: Part) -> Value {
    rendered(item, Channel::Messaging, part)["entry"][0]["messaging"][0].clone()
}

#[test]
fn bytes_are_those_of_the_platform() {
    // python3 -c 'import json; print(json.dumps({"object":"page","entry":[{"id":"1","time":1458692752478,"messaging":[{"sender":{"id":"2"},
    // "recipient":{"id":"1"},"timestamp":1458692752400,"message":{"mid":"m_1","text":"\u00e4\u00f6\u00e5 \U0001f60a https://a.example/?b=<c>&d"}}]}]},
    // separators=(",",":")).replace("/","\\/"))'
    let expected = r#"{"object":"page","entry":[{"id":"1","time":1458692752478,"messaging":[{"sender":{"id":"2"},"recipient":{"id":"1"},"timestamp":1458692752400,"message":{"mid":"m_1","text":"\u00e4\u00f6\u00e5 \ud83d\ude0a https:\/\/a.example\/?b=<c>&d"}}]}]}"#;
    let item = r#"{"sender":{"id":2},"recipient":{"id":"1"},"timestamp":"1458692752400","message":{"mid":"m_1","text":"äö\u00e5 😊 https:\/\/a.example/?b=<c>&d"}}"#;
    let body = render(Object::Page, &page(), &[event(item, Channel::Messaging, Part::Whole)]);
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

#[test]
fn each_event_has_an_entry_and_each_entry_one_channel() {
    let item = r#"{"sender":{"id":"2"},"recipient":{"id":"1"},"timestamp":1458692752400,"message":{"mid":"m"}}"#;
    let events = [
        event(item, Channel::Messaging, Part::Whole),
        event(item, Channel::Standby, Part::Whole),
        event(r#"{"field":"feed","value":{"verb":"add"}}"#, Channel::Changes, Part::Whole),
    ];
    let body: Value = serde_json::from_slice(&render(Object::Instagram, &page(), &events)).unwrap();
    assert_eq!(body["object"], "instagram");
    let keys: Vec<Vec<&str>> =
        body["entry"].as_array().unwrap().iter().map(|entry| entry.as_object().unwrap().keys().map(String::as_str).collect()).collect();
    assert_eq!(keys, [["id", "time", "messaging"], ["id", "time", "standby"], ["id", "time", "changes"]]);
    assert_eq!(body["entry"][2]["changes"][0], json!({"field": "feed", "value": {"verb": "add"}}));
}

#[test]
fn a_postback_without_payload_and_a_message_without_content() {
    let postback =
        r#"{"sender":{"id":"2"},"recipient":{"id":"1"},"timestamp":1458692752400,"postback":{"mid":"m","title":"Yes","payload":"YES"}}"#;
    assert_eq!(delivered(postback, Part::Whole)["postback"], json!({"mid": "m", "title": "Yes", "payload": "YES"}));
    assert_eq!(delivered(postback, Part::WithoutPayload)["postback"], json!({"mid": "m", "title": "Yes"}));
    let message = r#"{"sender":{"id":"2"},"recipient":{"id":"1"},"timestamp":1458692752400,"message":{"mid":"m","text":"secret","attachments":[{}]}}"#;
    let gone = json!({"sender": {"id": "2"}, "recipient": {"id": "1"}, "timestamp": 1_458_692_752_400_i64, "message": {"mid": "m", "is_deleted": true}});
    assert_eq!(delivered(message, Part::Deleted), gone);
    assert_eq!(serde_json::from_str::<Value>(&scrubbed(message)).unwrap(), gone);
    let lead = r#"{"message":{"mid":"m","text":"x"},"lead":{"data":[1]},"hop_context":[{"metadata":"secret"}],"note":"secret"}"#;
    assert!(!scrubbed(lead).contains("secret"));
    assert!(!rendered(lead, Channel::Messaging, Part::Deleted).to_string().contains("secret"));
}

#[test]
fn types_are_what_most_clients_expect() {
    let echo = r#"{"sender":{"id":"1"},"recipient":{"id":2},"timestamp":1458692752,"message":{"is_echo":true,"app_id":"1517776481860111","mid":"m"}}"#;
    let echo = delivered(echo, Part::Whole);
    assert_eq!((&echo["message"]["app_id"], &echo["recipient"]["id"]), (&json!(1_517_776_481_860_111_u64), &json!("2")));
    assert_eq!(echo["timestamp"], json!(1_458_692_752_000_u64));
    let pass = r#"{"pass_thread_control":{"previous_owner_app_id":null,"new_owner_app_id":123,"metadata":null},"hop_context":[{"app_id":123,"metadata":"m"}]}"#;
    let body = rendered(pass, Channel::Messaging, Part::Whole);
    assert_eq!(body["entry"][0]["messaging"][0], json!({"pass_thread_control": {"new_owner_app_id": "123"}}));
    assert_eq!(body["entry"][0]["hop_context"], json!([{"app_id": 123, "metadata": "m"}]));
    // Beside a message the context is an object inside the item (section 1.7).
    let summary = r#"{"message":{"mid":"m"},"hop_context":{"app_id":123}}"#;
    assert_eq!(delivered(summary, Part::Whole)["hop_context"], json!({"app_id": 123}));
}

fn echo_of(message: Value) -> Value {
    let body = json!({"recipient": {"id": "2"}, "message": message});
    let send = parse_send(&Params::from_json(body.to_string().as_bytes()).unwrap(), Object::Page).unwrap();
    let item = local_echo(&page(), &person(), TIME, &app("1517776481860111"), &MessageId::parse("m_9").unwrap(), &send);
    serde_json::from_str(&item).unwrap()
}

#[test]
fn a_local_echo_looks_like_the_platforms_own() {
    // The published sample (section 1.9) with other ids.
    assert_eq!(
        echo_of(json!({"text": "hello, world!", "metadata": "<string>"})),
        json!({"sender": {"id": "1"}, "recipient": {"id": "2"}, "timestamp": 1_458_692_752_478_u64,
            "message": {"is_echo": true, "app_id": 1_517_776_481_860_111_u64, "metadata": "<string>", "mid": "m_9", "text": "hello, world!"}})
    );
    let buttons = json!([{"type": "postback", "title": "Yes", "payload": "YES"}]);
    let sent = json!({"attachment": {"type": "template", "payload": {"template_type": "button", "text": "Sure?", "buttons": buttons}}});
    let echo = echo_of(sent);
    assert_eq!(echo["message"].get("metadata"), None);
    assert_eq!(echo["message"]["attachments"][0]["payload"]["template_type"], "button");
    assert_eq!(echo["message"]["attachments"][0]["payload"]["buttons"], buttons);
    let image = echo_of(json!({"attachment": {"type": "image", "payload": {"attachment_id": "687799999980546", "is_reusable": true}}}));
    assert_eq!(image["message"]["attachments"][0], json!({"type": "image", "payload": {"attachment_id": 687_799_999_980_546_u64}}));
    let sticker = echo_of(json!({"sticker_id": "369239263222822"}));
    assert_eq!(sticker["message"]["attachments"][0], json!({"type": "sticker", "payload": {"sticker_id": 369_239_263_222_822_u64}}));
}

#[test]
fn an_echo_keeps_its_choices_for_people_but_not_for_apps() {
    let echo = echo_of(json!({"text": "Which?", "quick_replies": [{"content_type": "text", "title": "A", "payload": "A"}]}));
    assert_eq!(echo["message"]["quick_replies"][0]["title"], "A");
    assert_eq!(delivered(&echo.to_string(), Part::Whole)["message"].get("quick_replies"), None);
}

fn control_event(change: Change) -> ControlEvent {
    ControlEvent {
        change,
        by: Some(app("111")),
        requester: None,
        previous_owner: Some(app("111")),
        new_owner: Some(app("222")),
        metadata: Some(Metadata::parse("why").unwrap()),
        refusal: None,
        told: vec![app("222")],
        after: Control { owner: Owner::App { app: app("222"), until: TIME }, epoch: Epoch(7), ..Control::default() },
    }
}

fn handover(event: &ControlEvent) -> Option<Value> {
    handover_item(&page(), &person(), TIME, event).map(|item| serde_json::from_str(&item).unwrap())
}

#[test]
fn handovers_have_the_platforms_shape() {
    let frame =
        |key: &str, body: Value| json!({"sender": {"id": "2"}, "recipient": {"id": "1"}, "timestamp": 1_458_692_752_478_u64, key: body});
    let owners = json!({"previous_owner_app_id": "111", "new_owner_app_id": "222", "metadata": "why"});
    assert_eq!(handover(&control_event(Change::Passed)), Some(frame("pass_thread_control", owners.clone())));
    assert_eq!(handover(&control_event(Change::Taken)), Some(frame("take_thread_control", owners)));
    // What was taken from outside is told to the app that loses it.
    let outside = ControlEvent { new_owner: Some(app("263902037430900")), metadata: None, ..control_event(Change::External) };
    let taken = json!({"previous_owner_app_id": "111", "new_owner_app_id": "263902037430900"});
    assert_eq!(handover(&outside), Some(frame("take_thread_control", taken)));
    let bare = ControlEvent { previous_owner: None, metadata: None, ..control_event(Change::Passed) };
    assert_eq!(handover(&bare), Some(frame("pass_thread_control", json!({"new_owner_app_id": "222"}))));
    let asked = ControlEvent { requester: Some(app("333")), ..control_event(Change::Requested) };
    assert_eq!(handover(&asked), Some(frame("request_thread_control", json!({"requested_owner_app_id": "333", "metadata": "why"}))));
    for silent in
        [Change::Assigned, Change::Declined, Change::RequestLapsed, Change::Released, Change::Extended, Change::Expired, Change::OwnerGone]
    {
        assert_eq!(handover(&control_event(silent)), None, "{silent:?}");
    }
}

#[test]
fn batons_own_event_tells_every_change_but_no_metadata() {
    let mut event = ControlEvent { requester: Some(app("333")), ..control_event(Change::Requested) };
    let deadline = TIME.plus_millis(30_000);
    event.after.requests = vec![Request { app: app("333"), metadata: None, asked_at: TIME, deadline }];
    let item: Value = serde_json::from_str(&control_item(&page(), &person(), TIME, &event)).unwrap();
    assert_eq!(
        item["baton_control"],
        json!({"change": "requested", "epoch": 7, "by_app_id": "111", "previous_owner_app_id": "111", "new_owner_app_id": "222",
            "requested_owner_app_id": "333", "expiration": 1_458_692_752, "deadline": 1_458_692_782})
    );
    let released = ControlEvent { by: None, new_owner: None, after: Control::default(), ..control_event(Change::Released) };
    let item: Value = serde_json::from_str(&control_item(&page(), &person(), TIME, &released)).unwrap();
    assert_eq!(item["baton_control"], json!({"change": "released", "epoch": 0, "previous_owner_app_id": "111"}));
}

mod totality {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_the_log_holds_the_body_is_ascii_json(item in any::<String>(), text in any::<String>()) {
            let message = json!({"sender": {"id": "2"}, "message": {"mid": "m", "text": text}}).to_string();
            for item in [item.as_str(), message.as_str()] {
                for part in [Part::Whole, Part::WithoutPayload, Part::Deleted] {
                    let body = render(Object::Page, &page(), &[event(item, Channel::Messaging, part)]);
                    prop_assert!(body.is_ascii());
                    prop_assert!(serde_json::from_slice::<Value>(&body).is_ok());
                }
            }
            let back: Value = serde_json::from_slice(&render(Object::Page, &page(), &[event(&message, Channel::Standby, Part::Whole)])).unwrap();
            let text = text.replace('\0', "\u{fffd}");
            prop_assert_eq!(back["entry"][0]["standby"][0]["message"]["text"].as_str(), Some(text.as_str()));
        }
    }
}
