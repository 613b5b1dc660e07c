//! Every documented kind of webhook, one file a kind (protocol page, sections 1.7–1.9, 2.4 and 2.6), and what becomes of broken ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use baton::wire::deliver::{Outgoing, Part, render};
use baton::wire::webhook::{Batch, MAX_DEPTH, MAX_ITEMS, NotAWebhook, parse};
use baton::wire::{AppId, Channel, Event, Incoming, Kind, MessageId, Metadata, Object, Timestamp};

const PERSON: &str = "1254477777772919";
const MID: &str = "m_AG5Hz2Uq7tuwNEhXfYYKj8mJEM_QPpz5jdCK48PnKAjSdjfipqxqMvK8ma6AC8fplwlqLP_5cgXIbu7I3rBN0P";
const IG_MID: &str = "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDAwMDA4NDYwMDU2OjM0MDI4";
/// The `timestamp` of most fixtures.
const AT: i64 = 1_458_692_752_400;
const RECEIVED: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks")
}

fn read(name: &str) -> Batch {
    let body = fs::read(fixtures().join(format!("{name}.json"))).unwrap();
    parse(&body, RECEIVED).unwrap()
}

fn only(name: &str) -> Incoming {
    let mut items = read(name).items;
    assert_eq!(items.len(), 1, "{name}");
    items.remove(0).unwrap()
}

fn mid(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn app(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

fn metadata(text: &str) -> Metadata {
    Metadata::parse(text).unwrap()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn message(text: Option<&str>, attachments: bool) -> Event {
    Event::Message { mid: Some(mid(MID)), text: text.map(str::to_owned), quick_reply: None, attachments }
}

fn other(key: &str) -> Event {
    Event::Other { key: key.to_owned() }
}

fn echo(app_id: &str, metadata: Option<&str>, text: Option<&str>) -> Event {
    let (metadata, text) = (metadata.map(str::to_owned), text.map(str::to_owned));
    Event::Echo { mid: Some(mid(MID)), app: Some(app(app_id)), metadata, text }
}

/// File, kind, webhook field, event.
type Row = (&'static str, Kind, &'static str, Event);

fn messages() -> Vec<Row> {
    let message_row = |name, text: Option<&str>, attachments| (name, Kind::Message, "messages", message(text, attachments));
    let with_reply = Event::Message {
        mid: Some(mid(MID)),
        text: some("hello, world!"),
        quick_reply: some("DEVELOPER_DEFINED_PAYLOAD"),
        attachments: false,
    };
    vec![
        ("message_text_quick_reply", Kind::Message, "messages", with_reply),
        message_row("message_reply", Some("hi"), false),
        message_row("message_image", None, true),
        message_row("message_sticker", None, true),
        message_row("message_fallback", Some("see https://youtu.be/x"), true),
        message_row("message_ig_post", None, true),
        message_row("message_ig_reel", None, true),
        message_row("message_product_template", None, true),
        message_row("message_appointment", None, true),
        message_row("message_product_referral", Some("Is it still there?"), false),
        message_row("message_ad_referral", Some("Hello from the ad"), false),
        message_row("message_command", Some("find flights to Lima"), false),
        message_row("message_nlp", Some("hi"), false),
        message_row("message_unsupported", None, false),
        message_row("standby_message", Some("hello"), false),
        message_row("lead_summary_hop_context", Some("Lead summary"), false),
        ("message_deleted", Kind::Unsend, "messages", Event::Unsend { mid: mid(MID) }),
        ("message_edit", Kind::Edit, "message_edits", Event::Edit { mid: mid(MID), text: some("hello again"), num_edit: 1 }),
        ("message_edit_string_count", Kind::Edit, "message_edits", Event::Edit { mid: mid(MID), text: some("hello again"), num_edit: 2 }),
        ("echo", Kind::Echo, "message_echoes", echo("1517776481860111", Some("DEVELOPER_DEFINED"), Some("hello, world!"))),
        ("echo_template", Kind::Echo, "message_echoes", echo("1517776481860111", None, None)),
        ("echo_standby", Kind::Echo, "message_echoes", echo("263902037430900", None, Some("A person here"))),
    ]
}

fn instagram() -> Vec<Row> {
    let message = |text: Option<&str>, attachments| Event::Message {
        mid: Some(mid(IG_MID)),
        text: text.map(str::to_owned),
        quick_reply: None,
        attachments,
    };
    let echo = Event::Echo { mid: Some(mid(IG_MID)), app: None, metadata: None, text: some("We will look into it") };
    let unreact = Event::Reaction { mid: Some(mid(IG_MID)), action: "unreact".to_owned(), emoji: None };
    vec![
        ("instagram_message", Kind::Message, "messages", message(Some("Hi Kitty!"), false)),
        ("instagram_story_mention", Kind::Message, "messages", message(None, true)),
        ("instagram_story_reply", Kind::Message, "messages", message(Some("Love this!"), false)),
        ("instagram_ephemeral", Kind::Message, "messages", message(None, true)),
        ("instagram_unsend", Kind::Unsend, "messages", Event::Unsend { mid: mid(IG_MID) }),
        ("instagram_echo", Kind::Echo, "messages", echo),
        ("instagram_seen", Kind::Read, "messaging_seen", Event::Read { watermark: None, mid: Some(mid(IG_MID)) }),
        ("instagram_unreact", Kind::Reaction, "message_reactions", unreact),
    ]
}

fn acts() -> Vec<Row> {
    let love = Event::Reaction { mid: Some(mid(MID)), action: "react".to_owned(), emoji: some("❤️") };
    let start = Event::Postback { mid: Some(mid("m_MESSAGE-ID")), title: some("Start"), payload: some("GET_STARTED") };
    let old = Event::Postback { mid: None, title: some("<TITLE>"), payload: some("<PAYLOAD>") };
    let watermark = Some(Timestamp::from_millis(1_458_668_856_253));
    let delivered = Event::Delivery { mids: vec![mid("mid.1458668856218:ed81099e15d3f4f233")], watermark };
    vec![
        ("reaction", Kind::Reaction, "message_reactions", love),
        ("postback", Kind::Postback, "messaging_postbacks", start),
        ("postback_string_seconds", Kind::Postback, "messaging_postbacks", old),
        ("referral", Kind::Referral, "messaging_referrals", Event::Referral),
        ("referral_lead_complete", Kind::Referral, "messaging_referrals", Event::Referral),
        ("optin_notification_messages", Kind::Optin, "messaging_optins", Event::Optin),
        ("optin_user_ref", Kind::Optin, "messaging_optins", Event::Optin),
        ("delivery", Kind::Delivery, "message_deliveries", delivered),
        ("delivery_watermark_only", Kind::Delivery, "message_deliveries", Event::Delivery { mids: vec![], watermark }),
        ("read", Kind::Read, "message_reads", Event::Read { watermark, mid: None }),
        ("account_linking", Kind::Other, "messaging_account_linking", other("account_linking")),
        ("policy_enforcement", Kind::Other, "messaging_policy_enforcement", other("policy_enforcement")),
        ("game_play", Kind::Other, "messaging_game_plays", other("game_play")),
        ("response_feedback", Kind::Other, "response_feedback", other("response_feedback")),
        ("order", Kind::Other, "send_cart", other("order")),
        ("messaging_feedback", Kind::Other, "messaging_feedback", other("messaging_feedback")),
        ("change_feed", Kind::Change, "feed", other("feed")),
        ("unknown_kind", Kind::Unknown, "hologram", Event::Unknown { key: "hologram".to_owned() }),
    ]
}

fn handovers() -> Vec<Row> {
    let lead = Event::PassThreadControl {
        previous: Some(app("413038776280800")),
        new: Some(app("2262510160704936")),
        metadata: Some(metadata("messenger_lead_gen_complete")),
    };
    let from_idle = Event::PassThreadControl { previous: None, new: Some(app("123456789")), metadata: None };
    let taken = Event::TakeThreadControl {
        previous: Some(app("123456789")),
        new: Some(app("263902037430900")),
        metadata: Some(metadata("additional content")),
    };
    let asked = Event::RequestThreadControl { requester: Some(app("123456789")), metadata: Some(metadata("help")) };
    vec![
        ("pass_thread_control_lead", Kind::PassThreadControl, "messaging_handovers", lead),
        ("pass_thread_control_from_idle", Kind::PassThreadControl, "messaging_handovers", from_idle),
        ("take_thread_control", Kind::TakeThreadControl, "messaging_handovers", taken),
        ("request_thread_control", Kind::RequestThreadControl, "messaging_handovers", asked),
        ("app_roles", Kind::AppRoles, "messaging_handovers", Event::AppRoles),
    ]
}

#[test]
fn every_documented_kind_is_understood() {
    let rows: Vec<Row> = [messages(), instagram(), acts(), handovers()].concat();
    let mut tested: BTreeSet<String> = BTreeSet::from(["mixed".to_owned()]);
    for (name, kind, field, event) in rows {
        let incoming = only(name);
        assert_eq!((incoming.kind(), incoming.field()), (kind, field), "{name}");
        assert_eq!(incoming.event, event, "{name}");
        assert!(tested.insert(name.to_owned()), "{name} stands twice in the tables");
    }
    let files = fs::read_dir(fixtures()).unwrap().map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(files.collect::<BTreeSet<_>>(), tested);
}

#[test]
fn the_person_is_whoever_is_not_the_page() {
    for (name, person) in [
        ("message_reply", Some(PERSON)),
        ("echo", Some(PERSON)),
        ("echo_standby", Some(PERSON)),
        ("delivery", Some(PERSON)),
        ("instagram_message", Some("6109876543210987")),
        ("instagram_echo", Some("6109876543210987")),
        ("optin_user_ref", None),
        ("app_roles", None),
        ("policy_enforcement", None),
        ("change_feed", None),
    ] {
        assert_eq!(only(name).person.as_ref().map(|person| person.as_str()), person, "{name}");
    }
}

#[test]
fn times_are_milliseconds_whatever_they_came_in() {
    for (name, at) in [
        ("message_reply", AT),
        ("postback_string_seconds", 1_527_459_824_000),
        ("referral_lead_complete", 1_661_209_328_000),
        ("delivery", 1_458_692_752_478),
        ("change_feed", 1_458_692_752_000),
    ] {
        assert_eq!(only(name).at.millis(), at, "{name}");
    }
    let bare = br#"{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"},"message":{"mid":"m"}}]}]}"#;
    assert_eq!(parse(bare, RECEIVED).unwrap().items.remove(0).unwrap().at, RECEIVED);
    for useless in ["-1", "0", "1e300", "\"soon\"", "99999999999999999999", "1.458692752478e12", "\"5.x\"", "null", "{}"] {
        let body = format!(r#"{{"object":"page","entry":[{{"id":"1","messaging":[{{"timestamp":{useless},"read":{{}}}}]}}]}}"#);
        assert_eq!(parse(body.as_bytes(), RECEIVED).unwrap().items.remove(0).unwrap().at, RECEIVED, "{useless}");
    }
}

#[test]
fn numbers_that_no_program_reads_cost_their_own_item() {
    let long = "9".repeat(400);
    for (number, fine) in [("145E692752478", false), ("1e999", false), (long.as_str(), false), ("1.458692752478e12", true), ("1e9", true)] {
        let item = |mid: &str, at: &str| {
            format!(r#"{{"sender":{{"id":"7"}},"recipient":{{"id":"1"}},"timestamp":{at},"message":{{"mid":"{mid}","text":"1e999"}}}}"#)
        };
        let items = [item("m_1", number), item("m_2", "1458692752478")].join(",");
        let batch =
            parse(format!(r#"{{"object":"page","entry":[{{"id":"1","time":1,"messaging":[{items}]}}]}}"#).as_bytes(), RECEIVED).unwrap();
        assert_eq!([batch.items[0].is_ok(), batch.items[1].is_ok()], [fine, true], "{number:.20}");
    }
}

#[test]
fn one_bad_item_costs_no_other() {
    let batch = read("mixed");
    assert_eq!(batch.object, Object::Page);
    let seen: Vec<_> = batch
        .items
        .iter()
        .map(|item| match item {
            Ok(incoming) => (incoming.channel, incoming.kind(), incoming.mid().map_or("", |mid| mid.as_str())),
            Err(bad) => (Channel::Messaging, Kind::Other, bad.why),
        })
        .collect();
    let expected = [
        (Channel::Messaging, Kind::Message, "m_1"),
        (Channel::Standby, Kind::Message, "m_2"),
        (Channel::Changes, Kind::Change, ""),
        (Channel::Messaging, Kind::Other, "the entry is not an object"),
        (Channel::Messaging, Kind::Other, "the item is not an object"),
        (Channel::Messaging, Kind::Message, "m_3"),
        (Channel::Messaging, Kind::Unknown, ""),
        (Channel::Messaging, Kind::Other, "the item is not an object"),
        (Channel::Messaging, Kind::Other, "the entry has no id"),
        (Channel::Messaging, Kind::Other, "the entry has no events"),
    ];
    assert_eq!(seen, expected);
    let third = batch.items[5].as_ref().unwrap();
    assert_eq!((third.page.as_str(), third.person.as_ref().unwrap().as_str()), ("42", "333"));
    assert_eq!(batch.items[4].as_ref().unwrap_err().page.as_ref().unwrap().as_str(), "42");
}

#[test]
fn deep_nesting_costs_only_its_own_item() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let body = format!(
        r#"{{"object":"page","entry":[{{"id":"1","time":1458692752478,"messaging":[{{"message":{{"mid":"a","x":{deep}}}}},{{"message":{{"mid":"b"}}}}]}},
           {{"id":"1","hop_context":{deep},"messaging":[{{"message":{{"mid":"c"}}}}]}}]}}"#
    );
    let items = parse(body.as_bytes(), RECEIVED).unwrap().items;
    assert_eq!(items[0].as_ref().unwrap_err().why, "the item is nested too deeply");
    assert_eq!(items[1].as_ref().unwrap().mid(), Some(&mid("b")));
    assert_eq!(items[2].as_ref().unwrap().raw, r#"{"message":{"mid":"c"}}"#);
}

#[test]
fn what_is_taken_as_not_too_deep_goes_out_whole() {
    let item = |depth: usize| format!(r#"{{"message":{{"mid":"a","x":{}7{}}}}}"#, "[".repeat(depth - 2), "]".repeat(depth - 2));
    let parsed = |depth: usize| {
        let body = format!(r#"{{"object":"page","entry":[{{"id":"1","messaging":[{}]}}]}}"#, item(depth));
        parse(body.as_bytes(), RECEIVED).unwrap().items.remove(0)
    };
    assert!(parsed(MAX_DEPTH + 1).is_err());
    let incoming = parsed(MAX_DEPTH).unwrap();
    let outgoing = Outgoing { item: &incoming.raw, channel: Channel::Messaging, time: RECEIVED, part: Part::Whole };
    let body = String::from_utf8(render(Object::Page, &incoming.page, &[outgoing])).unwrap();
    assert!(body.contains(&item(MAX_DEPTH)), "{body}");
}

#[test]
fn what_would_grow_beyond_measure_is_not_taken() {
    let items = |count: usize| format!(r#"{{"object":"page","entry":[{{"id":"1","messaging":[{}]}}]}}"#, vec!["{}"; count].join(","));
    assert_eq!(parse(items(MAX_ITEMS).as_bytes(), RECEIVED).unwrap().items.len(), MAX_ITEMS);
    assert_eq!(parse(items(MAX_ITEMS + 1).as_bytes(), RECEIVED), Err(NotAWebhook::TooManyItems));
    let entries = format!(r#"{{"object":"page","entry":[{}]}}"#, vec!["7"; MAX_ITEMS + 1].join(","));
    assert_eq!(parse(entries.as_bytes(), RECEIVED), Err(NotAWebhook::TooManyItems));
    // Every item would get a copy.
    let beside = |length: usize| {
        let context = format!(r#"["{}"]"#, "x".repeat(length - 4));
        let body = format!(r#"{{"object":"page","entry":[{{"id":"1","hop_context":{context},"messaging":[{{}}]}}]}}"#);
        parse(body.as_bytes(), RECEIVED).unwrap().items.remove(0).unwrap().raw.len()
    };
    assert_eq!(beside(16 * 1024), r#"{"hop_context":}"#.len() + 16 * 1024);
    assert_eq!(beside(16 * 1024 + 1), "{}".len());
}

#[test]
fn what_postgresql_cannot_store_is_replaced_and_nothing_else() {
    let item = r#"{"sender":{"id":"2"},"message":{"mid":"m","text":"a\u0000b \ud83d c \ud83d\ude0a \\u0000 é","n":1.50,  "big":123456789012345678901234567890}}"#;
    let kept = r#"{"sender":{"id":"2"},"message":{"mid":"m","text":"a\ufffdb \ufffd c \ud83d\ude0a \\u0000 é","n":1.50,  "big":123456789012345678901234567890}}"#;
    let body = format!(r#"{{"object":"page","entry":[{{"id":"1","messaging":[{item}],"hop_context":[{{"app_id":7}}]}}]}}"#);
    let incoming = parse(body.as_bytes(), RECEIVED).unwrap().items.remove(0).unwrap();
    assert_eq!(incoming.raw, format!(r#"{},"hop_context":[{{"app_id":7}}]}}"#, kept.strip_suffix('}').unwrap()));
    let Event::Message { text, .. } = incoming.event else { panic!("a message") };
    assert_eq!(text.as_deref(), Some("a\u{fffd}b \u{fffd} c 😊 \\u0000 é"));
}

#[test]
fn ids_keep_their_digits() {
    let body =
        br#"{"object":"instagram","entry":[{"id":17841400008460056,"time":1,"messaging":[{"sender":{"id":123456789012345678901234567890},
        "recipient":{"id":17841400008460056},"message":{"is_echo":false,"mid":98765432109876543210987654321}}]}]}"#;
    let incoming = parse(body, RECEIVED).unwrap().items.remove(0).unwrap();
    assert_eq!(incoming.page.as_str(), "17841400008460056");
    assert_eq!(incoming.person.as_ref().unwrap().as_str(), "123456789012345678901234567890");
    assert_eq!(incoming.mid().unwrap().as_str(), "98765432109876543210987654321");
}

#[test]
fn what_is_no_webhook_is_named() {
    for (body, expected) in [
        ("", NotAWebhook::NotJson),
        ("[]", NotAWebhook::NotJson),
        ("{\"object\":", NotAWebhook::NotJson),
        (r#"{"object":"page"}"#, NotAWebhook::NoEntries),
        (r#"{"object":"page","entry":{}}"#, NotAWebhook::NoEntries),
        (r#"{"object":"whatsapp_business_account","entry":[]}"#, NotAWebhook::OtherObject("whatsapp_business_account".to_owned())),
        (r#"{"field":"messages","value":{}}"#, NotAWebhook::Sample("messages".to_owned())),
    ] {
        assert_eq!(parse(body.as_bytes(), RECEIVED), Err(expected), "{body}");
    }
}

mod totality {
    use proptest::prelude::*;

    use super::*;

    /// Bits of webhooks in any order: far more often nearly right than random text.
    fn soup() -> impl Strategy<Value = String> {
        let bits = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"object\"",
            "\"page\"",
            "\"entry\"",
            "\"id\"",
            "\"messaging\"",
            "\"message\"",
            "\"mid\"",
            "\"sender\"",
            "1",
            "null",
            "true",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "\"timestamp\"",
            "1e9",
            " ",
            "\\",
            "\"",
        ]);
        prop::collection::vec(bits, 0..60).prop_map(|bits| bits.concat())
    }

    fn check(body: &[u8]) {
        let Ok(batch) = parse(body, RECEIVED) else { return };
        for item in batch.items.into_iter().flatten() {
            let _ = (item.duplicate_key(), item.kind(), item.field().len());
            assert!(serde_json::from_str::<serde_json::Value>(&item.raw).is_ok(), "{}", item.raw);
            assert!(!item.raw.contains("\\u0000"), "{}", item.raw);
        }
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_parser(bytes in any::<Vec<u8>>(), soup in soup()) {
            check(&bytes);
            check(soup.as_bytes());
            check(format!(r#"{{"object":"page","entry":[{{"id":"1","messaging":[{soup}]}}]}}"#).as_bytes());
        }

        #[test]
        fn every_mutation_of_a_real_body_is_survived(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut body = fs::read(fixtures().join("mixed.json")).unwrap();
            let index = at.index(body.len());
            body[index] = byte;
            check(&body);
        }
    }
}
