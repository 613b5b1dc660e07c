#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::sync::Arc;

use tokio::time::Instant;

use super::super::event::Path;
use super::*;
use crate::control::{Epoch, Heard};
use crate::wire::PersonId;

fn letter() -> Letter {
    Letter { page: PageId::parse("100").unwrap(), app: AppId::parse("111").unwrap(), object: Object::Page, secret: b"app-secret".to_vec() }
}

fn event(kind: &str, payload: &str, audience: Audience, channel: Channel) -> Event {
    let row = LogRow {
        page: PageId::parse("100").unwrap(),
        position: 17,
        person: Some(PersonId::parse("9001").unwrap()),
        at: Timestamp::from_millis(1_700_000_000_000),
        happened_at: Timestamp::from_millis(1_699_999_999_000),
        kind: kind.into(),
        field: "messages".into(),
        mid: Some("m_1".into()),
        app: None,
        user: None,
        audience,
        button_app: None,
        epoch: Epoch(4),
        payload: payload.into(),
        scrubbed: false,
    };
    Event::new(Arc::new(row), Heard { channel, payload: PayloadCut::Whole }, Path::Log, Instant::now())
}

const MESSAGE: &str =
    r#"{"sender":{"id":"9001"},"recipient":{"id":"100"},"timestamp":1699999999000,"message":{"mid":"m_1","text":"grüß/dich"}}"#;

#[test]
fn a_message_goes_out_as_the_platform_sends_it() {
    let event = event("message", MESSAGE, Audience::Everyone, Channel::Standby);
    let body = String::from_utf8(body(&letter(), &[event])).unwrap();
    assert!(body.is_ascii(), "{body}");
    assert!(body.contains(r"gr\u00fc\u00df\/dich"), "{body}");
    let parsed: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(parsed["object"], "page");
    assert_eq!(parsed["entry"][0]["id"], "100");
    assert_eq!(parsed["entry"][0]["standby"][0]["message"]["text"], "grüß/dich");
    assert!(parsed["entry"][0].get("messaging").is_none());
}

/// The digests were made with `openssl dgst -sha1 -hmac app-secret` and so on; the base64 one with `-sha256 -binary | base64`.
#[test]
fn both_signatures_are_of_exactly_these_bytes() {
    let headers = headers(&letter(), &[event("message", MESSAGE, Audience::Everyone, Channel::Messaging)], b"{\"object\":\"page\"}");
    assert_eq!(headers["x-hub-signature"], "sha1=9acef12412a8bbb8af07382d8be9d38fbacddd7f");
    assert_eq!(headers["x-hub-signature-256"], "sha256=ae958d6f00b134dd32b95a9a76bedaaeb068c0949769358355023f7d1a0c580b");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["webhook-id"], "evt_100_17");
    assert_eq!(headers["x-baton-epoch"], "4");
    assert!(!headers.contains_key("x-baton-attempt"));
    assert_eq!(
        standard_signature(b"app-secret", "evt_100_17", "1700000000", b"{\"object\":\"page\"}"),
        "v1,TrjMz5DjVkvgtjNcO1DDPQduyes0fm7JURcc8Ktx57Y="
    );
}

#[test]
fn a_retry_says_which_it_is_and_a_batch_how_much_it_holds() {
    let mut again = event("message", MESSAGE, Audience::Everyone, Channel::Messaging);
    again.tries = 3;
    assert_eq!(headers(&letter(), &[again.clone()], b"")["x-baton-attempt"], "3");
    let batch = headers(&letter(), &[again.clone(), again], b"");
    assert_eq!(batch["webhook-id"], "evt_100_17+1");
    assert!(!batch.contains_key("x-baton-epoch"), "each has its own");
}

#[test]
fn what_was_scrubbed_goes_out_as_deleted() {
    let mut event = event("message", MESSAGE, Audience::Everyone, Channel::Messaging);
    event.row = Arc::new(LogRow { scrubbed: true, ..(*event.row).clone() });
    assert_eq!(item(&letter(), &event)["message"], serde_json::json!({ "mid": "m_1", "is_deleted": true }));
}

#[test]
fn a_pass_goes_out_with_a_time_of_its_own() {
    let passed = r#"{"change":"passed","by":"111","previous_owner":"111","new_owner":"222","metadata":"why","told":["222"],
        "after":{"owner":{"kind":"app","app":"222","until":1700086400000},"epoch":4,"changed_at":1700000000000}}"#;
    let event = event("control", passed, Audience::Told(vec![AppId::parse("222").unwrap()]), Channel::Messaging);
    let item = item(&letter(), &event);
    assert_eq!(
        item["pass_thread_control"],
        serde_json::json!({ "previous_owner_app_id": "111", "new_owner_app_id": "222", "metadata": "why" })
    );
    assert_eq!((&item["sender"]["id"], &item["recipient"]["id"]), (&Value::from("9001"), &Value::from("100")));
    let mut next = event.clone();
    next.row = Arc::new(LogRow { position: 18, ..(*event.row).clone() });
    let next = super::item(&letter(), &next);
    assert_ne!(item["timestamp"], next["timestamp"], "two rows of one transaction");
    assert_ne!(item["timestamp"], 1_700_000_000_000_i64);
}

#[test]
fn what_the_platform_has_no_event_for_goes_out_under_its_own_key() {
    let released = r#"{"change":"released","by":"111","previous_owner":"111",
        "after":{"owner":{"kind":"idle"},"epoch":5,"changed_at":1700000000000}}"#;
    let item = item(&letter(), &event("control", released, Audience::Subscribers, Channel::Messaging));
    assert_eq!((&item["baton_control"]["change"], &item["baton_control"]["epoch"]), (&Value::from("released"), &Value::from(5)));
}
