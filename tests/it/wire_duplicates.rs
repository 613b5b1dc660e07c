//! When two events are one: the platform may deliver everything more than once (protocol page, section 2.3).

use std::collections::BTreeSet;

use baton::wire::webhook::parse;
use baton::wire::{Incoming, Timestamp};

const RECEIVED: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn item(channel: &str, text: &str) -> Incoming {
    let body = format!(r#"{{"object":"page","entry":[{{"id":"1","time":1458692752478,"{channel}":[{text}]}}]}}"#);
    parse(body.as_bytes(), RECEIVED).unwrap().items.remove(0).unwrap()
}

fn key(text: &str) -> Option<[u8; 16]> {
    item("messaging", text).duplicate_key()
}

#[test]
fn the_same_event_has_the_same_key() {
    let frame = r#""sender":{"id":"2"},"recipient":{"id":"1"},"timestamp":1458692752400"#;
    for (one, two) in [
        (format!(r#"{{{frame},"message":{{"mid":"a","text":"x"}}}}"#), r#"{"message":{"text":"y","mid":"a"}}"#.to_owned()),
        (
            format!(r#"{{{frame},"referral":{{"ref":"a","source":"S"}}}}"#),
            r#"{"referral":{"source":"S","ref":"a"},"hop_context":[],"sender":{"id":2},"timestamp":"1458692752400"}"#.to_owned(),
        ),
        (
            r#"{"sender":{"id":"2"},"delivery":{"watermark":5,"mids":["a"]}}"#.to_owned(),
            format!(r#"{{{frame},"delivery":{{"mids":["a"],"watermark":5}}}}"#),
        ),
    ] {
        // A delivery counts by its watermark only if it is a time.
        let (one, two) = (one.replace(":5", ":1458668856253"), two.replace(":5", ":1458668856253"));
        assert!(key(&one).is_some(), "{one}");
        assert_eq!(key(&one), key(&two), "{one} {two}");
        assert_eq!(key(&one), item("standby", &one).duplicate_key(), "{one}");
    }
}

#[test]
fn different_events_have_different_keys() {
    let events = [
        r#"{"message":{"mid":"a"}}"#,
        r#"{"message":{"mid":"b"}}"#,
        r#"{"message":{"mid":"a","is_echo":true}}"#,
        r#"{"message":{"mid":"a","is_deleted":true}}"#,
        r#"{"postback":{"mid":"a","payload":"p"}}"#,
        r#"{"message_edit":{"mid":"a","num_edit":1}}"#,
        r#"{"message_edit":{"mid":"a","num_edit":2}}"#,
        r#"{"sender":{"id":"2"},"timestamp":1458692752400,"reaction":{"mid":"a","action":"react"}}"#,
        r#"{"sender":{"id":"3"},"timestamp":1458692752400,"reaction":{"mid":"a","action":"react"}}"#,
        r#"{"sender":{"id":"2"},"timestamp":1458692752401,"reaction":{"mid":"a","action":"react"}}"#,
        r#"{"sender":{"id":"2"},"timestamp":1458692752400,"reaction":{"mid":"a","action":"unreact"}}"#,
        r#"{"sender":{"id":"2"},"read":{"watermark":1458668856253}}"#,
        r#"{"sender":{"id":"3"},"read":{"watermark":1458668856253}}"#,
        r#"{"sender":{"id":"2"},"read":{"watermark":1458668856254}}"#,
        r#"{"sender":{"id":"2"},"timestamp":1458692752400,"optin":{"ref":"a"}}"#,
        r#"{"sender":{"id":"2"},"timestamp":1458692752400,"optin":{"ref":"b"}}"#,
        r#"{"sender":{"id":"2"},"timestamp":1458692752401,"optin":{"ref":"b"}}"#,
        r#"{"sender":{"id":"2"},"timestamp":1458692752400,"hologram":{"n":123456789012345678901}}"#,
        r#"{"sender":{"id":"2"},"timestamp":1458692752400,"hologram":{"n":123456789012345678902}}"#,
    ];
    let keys: BTreeSet<_> = events.iter().map(|event| key(event).unwrap()).collect();
    assert_eq!(keys.len(), events.len());
}

#[test]
fn what_nothing_tells_apart_is_never_a_duplicate() {
    assert_eq!(key(r#"{"sender":{"id":"2"},"optin":{"ref":"a"}}"#), None);
    assert_eq!(key(r#"{"app_roles":{"1":["primary_receiver"]}}"#), None);
}
