//! The documented error for each refusal. Expected values: the platform's error tables as the protocol page collects them, sections 0.4, 1.6,
//! 3.3, 3.6, 3.7 and 6.

use serde_json::{Value, json};

use super::house::{
    Answer, BOT, BOT_TOKEN, FOLLOWER, GONE, House, INSTAGRAM_OTHER_TOKEN, INSTAGRAM_TOKEN, LATE, LATE_FOLLOWER, OTHER, OTHER_TOKEN, PAGE,
    PERSON, RIVAL, RIVAL_BOT, RIVALS_PERSON,
};

/// A subcode that the documentation leaves open.
const ANY: Option<i64> = Some(-1);

fn to(person: &str) -> Value {
    json!({"id": person})
}

fn text(person: &str) -> Value {
    json!({"recipient": to(person), "message": {"text": "x"}})
}

/// A message to the person.
fn message(message: Value) -> Value {
    json!({"recipient": to(PERSON), "message": message})
}

fn template(payload: Value) -> Value {
    message(json!({"attachment": {"type": "template", "payload": payload}}))
}

fn elements(count: usize, element: &Value) -> Value {
    template(json!({"template_type": "generic", "elements": vec![element; count]}))
}

/// One call and the code and subcode it is refused with, status 400.
type Case = (&'static str, &'static str, Value, i64, Option<i64>);

fn control_cases() -> Vec<Case> {
    let pass = |target: Value| json!({"recipient": to(PERSON), "target_app_id": target});
    let extend = |duration: Value| json!({"recipient": to(PERSON), "duration": duration});
    let with_metadata = |length| json!({"recipient": to(PERSON), "metadata": "m".repeat(length)});
    vec![
        // 1.6: another app owns the thread.
        (OTHER_TOKEN, "/me/messages", text(PERSON), 10, Some(2_018_300)),
        (OTHER_TOKEN, "/me/messages", json!({"recipient": to(PERSON), "sender_action": "typing_on"}), 10, Some(2_018_300)),
        (INSTAGRAM_OTHER_TOKEN, "/me/messages", text(FOLLOWER), 10, Some(2_018_300)),
        (OTHER_TOKEN, "/me/pass_thread_control", pass(json!(OTHER)), 100, ANY),
        (OTHER_TOKEN, "/me/release_thread_control", json!({"recipient": to(PERSON)}), 100, ANY),
        (OTHER_TOKEN, "/me/extend_thread_control", extend(json!(60)), 100, ANY),
        (
            INSTAGRAM_OTHER_TOKEN,
            "/me/pass_thread_control",
            json!({"recipient": to(FOLLOWER), "target_app_id": OTHER}),
            100,
            Some(2_534_037),
        ),
        (INSTAGRAM_OTHER_TOKEN, "/me/release_thread_control", json!({"recipient": to(FOLLOWER)}), 100, Some(2_534_037)),
        // 1.6: take without the right to.
        (OTHER_TOKEN, "/me/take_thread_control", json!({"recipient": to(PERSON)}), 27, None),
        (INSTAGRAM_OTHER_TOKEN, "/me/take_thread_control", json!({"recipient": to(FOLLOWER)}), 27, None),
        // 1.6: pass to an app that is not there, is gone, or is on another Page only.
        (BOT_TOKEN, "/me/pass_thread_control", pass(json!("999")), 100, Some(2_018_164)),
        (BOT_TOKEN, "/me/pass_thread_control", pass(json!(999)), 100, Some(2_018_164)),
        (BOT_TOKEN, "/me/pass_thread_control", pass(json!(18_446_744_073_709_551_615_u64)), 100, Some(2_018_164)),
        (BOT_TOKEN, "/me/pass_thread_control", pass(json!(GONE)), 100, Some(2_018_164)),
        (BOT_TOKEN, "/me/pass_thread_control", pass(json!(RIVAL_BOT)), 100, Some(2_018_164)),
        (BOT_TOKEN, "/me/pass_thread_control", pass(json!({"id": BOT})), 100, ANY),
        (BOT_TOKEN, "/me/pass_thread_control", pass(json!("1".repeat(100))), 100, ANY),
        // 1.3: at most seven days.
        (BOT_TOKEN, "/me/extend_thread_control", extend(json!(604_801)), 100, ANY),
        (BOT_TOKEN, "/me/extend_thread_control", extend(json!(0)), 100, ANY),
        (BOT_TOKEN, "/me/extend_thread_control", extend(json!(-1)), 100, ANY),
        (BOT_TOKEN, "/me/extend_thread_control", extend(json!(i64::MAX)), 100, ANY),
        (BOT_TOKEN, "/me/extend_thread_control", extend(json!(i64::MIN)), 100, ANY),
        (BOT_TOKEN, "/me/extend_thread_control", extend(json!(1e300)), 100, ANY),
        (BOT_TOKEN, "/me/extend_thread_control", extend(json!(1.5)), 100, ANY),
        (BOT_TOKEN, "/me/extend_thread_control", extend(json!("soon")), 100, ANY),
        (BOT_TOKEN, "/me/extend_thread_control", extend(json!([60])), 100, ANY),
        (BOT_TOKEN, "/me/extend_thread_control", json!({"recipient": to(PERSON)}), 100, ANY),
        // 1.4.
        (BOT_TOKEN, "/me/pass_thread_control", with_metadata(1001), 100, ANY),
        (BOT_TOKEN, "/me/take_thread_control", with_metadata(100_000), 100, ANY),
        (OTHER_TOKEN, "/me/request_thread_control", json!({"recipient": to(PERSON), "metadata": {"a": 1}}), 100, ANY),
    ]
}

fn recipient_cases() -> Vec<Case> {
    let post = "/me/messages";
    let to_whom = |recipient: Value| json!({"recipient": recipient, "message": {"text": "x"}});
    vec![
        // 1.6: no such person on this Page; one of another Page is none here.
        (BOT_TOKEN, post, text("nobody"), 100, Some(2_018_001)),
        (BOT_TOKEN, post, text(RIVALS_PERSON), 100, Some(2_018_001)),
        (BOT_TOKEN, post, text(FOLLOWER), 100, Some(2_018_001)),
        (BOT_TOKEN, post, text(PAGE), 100, Some(2_018_001)),
        (BOT_TOKEN, post, text("' or 1=1 --"), 100, Some(2_018_001)),
        (BOT_TOKEN, "/me/take_thread_control", json!({"recipient": to(RIVALS_PERSON)}), 100, Some(2_018_001)),
        (BOT_TOKEN, "/me/pass_thread_control", json!({"recipient": to(RIVALS_PERSON), "target_app_id": BOT}), 100, Some(2_018_001)),
        // 3.6: invalid parameter.
        (BOT_TOKEN, post, to_whom(json!({})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!([])), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!(9_001_900_290_039_004_i64)), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!(true)), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!("9001900290039004")), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"id": null})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"id": ""})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"id": [PERSON]})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"id": {"id": PERSON}})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"id": "9".repeat(10_000)})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"id": "9001900290039004\u{0}"})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"id": 1e30})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"id": -9_001_900_290_039_004_i64})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"comment_id": "1"})), 100, ANY),
        (BOT_TOKEN, post, to_whom(json!({"user_ref": "1"})), 100, ANY),
        (BOT_TOKEN, post, json!({"message": {"text": "x"}}), 100, ANY),
        (BOT_TOKEN, post, json!({}), 100, ANY),
    ]
}

fn window_cases() -> Vec<Case> {
    let tagged =
        |tag: &str, person: &str| json!({"recipient": to(person), "messaging_type": "MESSAGE_TAG", "tag": tag, "message": {"text": "x"}});
    let post = "/me/messages";
    vec![
        // 1.6 and 3.4.
        (BOT_TOKEN, post, text(LATE), 10, Some(2_018_278)),
        (INSTAGRAM_TOKEN, post, text(LATE_FOLLOWER), 10, Some(2_534_022)),
        // Human agents only, and this app is none.
        (BOT_TOKEN, post, tagged("HUMAN_AGENT", LATE), 10, Some(2_018_278)),
        (BOT_TOKEN, post, tagged("ACCOUNT_UPDATE", PERSON), 100, ANY),
        (BOT_TOKEN, post, tagged("CONFIRMED_EVENT_UPDATE", PERSON), 100, ANY),
        (BOT_TOKEN, post, tagged("POST_PURCHASE_UPDATE", LATE), 100, ANY),
        (INSTAGRAM_TOKEN, post, tagged("ACCOUNT_UPDATE", FOLLOWER), 100, ANY),
        (BOT_TOKEN, post, tagged("CUSTOMER_FEEDBACK", PERSON), 100, ANY),
        (INSTAGRAM_TOKEN, post, tagged("CUSTOMER_FEEDBACK", FOLLOWER), 100, ANY),
        (BOT_TOKEN, post, tagged("NO_SUCH_TAG", PERSON), 100, ANY),
        (BOT_TOKEN, post, json!({"recipient": to(PERSON), "messaging_type": "MESSAGE_TAG", "message": {"text": "x"}}), 100, ANY),
        (BOT_TOKEN, post, json!({"recipient": to(PERSON), "messaging_type": "SHOUT", "message": {"text": "x"}}), 100, ANY),
    ]
}

fn content_cases() -> Vec<Case> {
    let button = json!({"type": "postback", "title": "t", "payload": "p"});
    let reply = json!({"content_type": "text", "title": "t", "payload": "p"});
    let reply_with = |key: &str, value: Value| {
        let mut reply = reply.clone();
        reply[key] = value;
        message(json!({"text": "x", "quick_replies": [reply]}))
    };
    let element = json!({"title": "t", "subtitle": "s"});
    let buttons = |count: usize| json!({"title": "t", "subtitle": "s", "buttons": vec![&button; count]});
    let bodies = vec![
        // 3.1: text and attachment exclude each other; 3.3: limits.
        message(json!({"text": "x", "attachment": {"type": "image", "payload": {"url": "https://x.example/i.png"}}})),
        message(json!({"text": "x".repeat(2001)})),
        message(json!({"text": "😀".repeat(2001)})),
        message(json!({"text": {"a": 1}})),
        message(json!({"text": ["x"]})),
        message(json!({"text": ""})),
        message(json!({"text": null})),
        message(json!({})),
        message(json!([])),
        message(json!("x")),
        message(json!({"text": "x", "metadata": "m".repeat(1001)})),
        message(json!({"text": "x", "metadata": {"a": "b"}})),
        message(json!({"text": "x", "quick_replies": vec![&reply; 14]})),
        message(json!({"text": "x", "quick_replies": {"a": 1}})),
        message(json!({"text": "x", "quick_replies": [1]})),
        reply_with("title", json!("t".repeat(21))),
        reply_with("payload", json!("p".repeat(1001))),
        reply_with("content_type", json!("location")),
        reply_with("title", json!("")),
        elements(11, &element),
        elements(0, &element),
        elements(1, &json!({"title": "t"})),
        elements(1, &json!({"title": "t".repeat(81), "subtitle": "s"})),
        elements(1, &json!({"title": "t", "subtitle": "s".repeat(81)})),
        elements(1, &buttons(4)),
        template(json!({"template_type": "button", "text": "t".repeat(641), "buttons": [button]})),
        template(json!({"template_type": "button", "text": "t", "buttons": []})),
        template(json!({"template_type": "button", "text": "t", "buttons": vec![&button; 4]})),
        template(
            json!({"template_type": "button", "text": "t", "buttons": [{"type": "postback", "title": "t", "payload": "p".repeat(1001)}]}),
        ),
        template(json!({"template_type": "media", "elements": []})),
        template(
            json!({"template_type": "media", "elements": [{"media_type": "image", "url": "https://x.example", "attachment_id": "1"}]}),
        ),
        template(json!({"template_type": "receipt", "elements": []})),
        template(json!({"template_type": "product", "elements": vec![json!({"id": "1"}); 11]})),
        template(json!({"template_type": {}, "elements": []})),
        template(json!({"template_type": "generic", "elements": {}})),
        template(json!({})),
        message(json!({"attachment": {"type": "image", "payload": {}}})),
        message(json!({"attachment": {"type": "image", "payload": {"url": "javascript:alert(1)"}}})),
        message(json!({"attachment": {"type": "image", "payload": {"url": "file:///etc/passwd"}}})),
        message(json!({"attachment": {"type": "image", "payload": {"url": "not a url"}}})),
        message(json!({"attachment": {"type": "virus", "payload": {"url": "https://x.example"}}})),
        message(json!({"attachment": "image"})),
        message(json!({"sticker_id": "like"})),
        json!({"recipient": to(PERSON), "sender_action": "dance"}),
        json!({"recipient": to(PERSON), "sender_action": "react"}),
        json!({"recipient": to(PERSON), "message": {"text": "x"}, "reply_to": {}}),
        json!({"recipient": to(PERSON), "message": {"text": "x"}, "thread_control": {"control_type": "steal"}}),
        json!({"recipient": to(PERSON), "message": {"text": "x"}, "thread_control": "release"}),
    ];
    let mut cases: Vec<Case> = bodies.into_iter().map(|body| (BOT_TOKEN, "/me/messages", body, 100, ANY)).collect();
    // 3.1: message and sender_action never together.
    let both = json!({"recipient": to(PERSON), "message": {"text": "x"}, "sender_action": "typing_on"});
    cases.push((BOT_TOKEN, "/me/messages", both, 100, Some(2_018_014)));
    // 3.3: on Instagram at most 1000 bytes, whatever the characters.
    let long = json!({"recipient": to(FOLLOWER), "message": {"text": "é".repeat(501)}});
    cases.push((INSTAGRAM_TOKEN, "/me/messages", long, 100, ANY));
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_the_documented_one_and_changes_nothing() {
    let house = House::build().await;
    let before = house.state().await;
    let cases = [control_cases(), recipient_cases(), window_cases(), content_cases()].concat();
    for (token, path, body, code, subcode) in cases {
        let answer = house.post_as(token, path, &body).await;
        assert_ne!(answer.status, 200, "{path} {body}");
        let (status, got, got_subcode) = answer.refusal();
        assert_eq!((status, got), (400, code), "{path} {body}: {answer:?}");
        assert!(subcode == ANY || subcode == got_subcode, "{path} {body}: {answer:?}");
        let prefixed = answer.json()["error"]["message"].as_str().is_some_and(|text| text.starts_with(&format!("(#{code}) ")));
        assert!(prefixed, "0.4: a message begins with its code: {answer:?}");
        assert_eq!(house.state().await, before, "{path} {body} has changed something");
    }
    assert!(house.platform.calls("/messages").is_empty(), "nothing was sent");
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_theirs_looks_the_same() {
    let house = House::build().await;
    let before = house.state().await;
    // 3.6: 100/33. A Page of somebody else and a Page that does not exist answer alike, so that nobody learns which exist.
    for edge in ["messages", "pass_thread_control", "message_attachments", "messenger_profile", "subscribed_apps", "no_such_edge"] {
        let stranger = house.post_as(BOT_TOKEN, &format!("/{RIVAL}/{edge}"), &text(RIVALS_PERSON)).await;
        let nobody = house.post_as(BOT_TOKEN, &format!("/400500601/{edge}"), &text(RIVALS_PERSON)).await;
        assert_eq!(stranger.refusal(), (400, 100, Some(33)), "{edge}");
        let message =
            |answer: &Answer| answer.json()["error"]["message"].as_str().expect("text").replace(RIVAL, "").replace("400500601", "");
        assert_eq!((message(&stranger), stranger.refusal()), (message(&nobody), nobody.refusal()), "{edge}");
    }
    for path in [
        format!("/{RIVAL}"),
        format!("/{RIVAL}/thread_owner?recipient={RIVALS_PERSON}"),
        format!("/{RIVAL}/secondary_receivers"),
        format!("/{RIVAL}/messenger_profile"),
        format!("/{RIVAL}/subscribed_apps"),
        format!("/{RIVALS_PERSON}"),
        format!("/me/thread_owner?recipient={RIVALS_PERSON}"),
        format!("/?ids={PERSON},{RIVALS_PERSON}"),
        format!("/{RIVAL_BOT}"),
        "/me/conversations".to_owned(),
        "/t_1234".to_owned(),
    ] {
        let answer = house.get_as(BOT_TOKEN, &path).await;
        let (status, code, _) = answer.refusal();
        assert_eq!((status, code), (400, 100), "{path}: {answer:?}");
        for secret in ["Rival", "left4711right", RIVAL_BOT] {
            assert!(!answer.text.replace(&path[1..], "").contains(secret) || secret == RIVAL_BOT, "{path}: {answer:?}");
        }
    }
    // 1.6: a secondary receiver does not see the others.
    let denied = house.get_as(OTHER_TOKEN, "/me/secondary_receivers").await;
    let (status, code, subcode) = denied.refusal();
    assert_eq!((status / 100, subcode), (4, Some(2_018_234)), "{denied:?}");
    assert!(code == 10 || code == 100, "{denied:?}");
    // 1.3.6: neither owner nor default app: until when, not who.
    let owner = house.get_as(OTHER_TOKEN, &format!("/me/thread_owner?recipient={PERSON}")).await.json();
    assert!(owner["data"][0]["thread_owner"].get("app_id").is_none(), "{owner}");
    assert_eq!(house.state().await, before);
    house.stands().await;
}
