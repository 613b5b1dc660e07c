//! What strangers send: never a 5xx, always the envelope.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::json;

use super::house::{Answer, BOT_TOKEN, House};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_says_so_in_the_envelope() {
    let house = House::build().await;
    let edges =
        ["thread_settings", "messenger_codes", "custom_labels", "insights", "conversations", "nothing", "messages/deeper", "subscriptions"];
    for edge in edges {
        for method in ["GET", "POST", "DELETE", "PUT", "PATCH"] {
            let request =
                house.http.request(method.parse().expect("a method"), format!("{}/v2.6/me/{edge}?access_token={BOT_TOKEN}", house.base));
            let answer = Answer::of(request.json(&json!({"a": 1})).send().await.expect("an answer")).await;
            let (code, _, status) = answer.error();
            assert!((code == 100 || code == 15) && status == 400, "{method} {edge}: {answer:?}");
        }
    }
    for path in ["/me/messages", "/100200300/pass_thread_control", "/?x=1"] {
        let separator = if path.contains('?') { '&' } else { '?' };
        assert_eq!(house.get(&format!("{path}{separator}access_token={BOT_TOKEN}")).await.error().0, 100, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_at_the_door_is_sent_to_the_inbox() {
    let house = House::build().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let answer = client.get(&house.base).header(ACCEPT, "text/html,*/*").send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().expect("text")), (303, "/inbox"));
    let call = client.get(format!("{}/?access_token=x", house.base)).header(ACCEPT, "text/html").send().await.expect("an answer");
    assert_eq!(call.status().as_u16(), 401);
    let head = client.head(format!("{}/me?access_token={BOT_TOKEN}", house.base)).send().await.expect("an answer");
    assert_eq!((head.status().as_u16(), head.text().await.expect("no body").as_str()), (200, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_beyond_reason_are_refused_readably() {
    let house = House::build().await;
    let url = format!("{}/me/messages?access_token={BOT_TOKEN}", house.base);
    let large = house.http.post(&url).header(CONTENT_TYPE, "application/json").body(vec![b'x'; 50_000_000]);
    assert_eq!(Answer::of(large.send().await.expect("an answer")).await.error(), (100, None, 413));
    let form = reqwest::multipart::Form::new()
        .text("message", "{}")
        .part("filedata", reqwest::multipart::Part::bytes(vec![0; 30_000_000]).file_name("a"));
    let file = house.http.post(&url).multipart(form);
    assert_eq!(Answer::of(file.send().await.expect("an answer")).await.error(), (100, Some(2_018_109), 413));
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    for body in [
        deep.as_bytes(),
        b"{",
        b"[]",
        b"null",
        b"{\"recipient\":1e400}",
        b"{\"recipient\":{\"id\":\"\\u0000\"}}",
        b"\xff\xfe{\"a\":1}",
        b"{\"recipient\":{\"id\":\"a\\u0000b\"},\"message\":{\"text\":\"x\"}}",
    ] {
        let request = house.http.post(&url).header(CONTENT_TYPE, "application/json").body(body.to_vec());
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        assert_eq!(answer.error().0, 100, "{}", String::from_utf8_lossy(&body[..body.len().min(60)]));
        assert_eq!(answer.status, 400);
    }
    for content_type in
        ["multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=\"", "multipart/mixed; boundary=y"]
    {
        let request = house.http.post(&url).header(CONTENT_TYPE, content_type).body("--x\r\nnonsense");
        assert_eq!(Answer::of(request.send().await.expect("an answer")).await.error().0, 100, "{content_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_the_database_cannot_hold_is_still_sent() {
    let house = House::build().await;
    let body = r#"{"recipient":{"id":"9001"},"message":{"text":"a\u0000b\ud800c","metadata":"\u0000"}}"#;
    let request =
        house.http.post(format!("{}/me/messages?access_token={BOT_TOKEN}", house.base)).header(CONTENT_TYPE, "application/json").body(body);
    let answer = Answer::of(request.send().await.expect("an answer")).await;
    assert!(answer.status == 200 || answer.error().0 == 100, "{answer:?}");
}

/// A request of a stranger: method, path, query, content type, body.
type Request = (&'static str, String, String, &'static str, String);

fn requests() -> impl Strategy<Value = Request> {
    let method = prop::sample::select(vec!["GET", "POST", "DELETE", "PUT", "OPTIONS"]);
    let edge = prop::sample::select(vec![
        "messages",
        "pass_thread_control",
        "take_thread_control",
        "request_thread_control",
        "release_thread_control",
        "extend_thread_control",
        "decline_thread_control",
        "thread_owner",
        "secondary_receivers",
        "message_attachments",
        "messenger_profile",
        "personas",
        "custom_user_settings",
        "unlink_accounts",
        "subscribed_apps",
        "subscriptions",
        "",
    ]);
    let node = prop_oneof![
        Just("me".to_owned()),
        Just("100200300".to_owned()),
        Just("9001".to_owned()),
        Just("111".to_owned()),
        "[a-z0-9%.:@]{1,12}"
    ];
    let version = prop::sample::select(vec!["", "/v2.6", "/v19.0", "/v99", "/vx"]);
    let path = (version, node, edge).prop_map(|(version, node, edge)| format!("{version}/{node}/{edge}"));
    let word = prop_oneof![
        Just("recipient".to_owned()),
        Just("message".to_owned()),
        Just("fields".to_owned()),
        Just("batch".to_owned()),
        Just("metadata".to_owned()),
        Just("ids".to_owned()),
        Just("target_app_id".to_owned()),
        Just("duration".to_owned()),
        Just("sender_action".to_owned()),
        Just("appsecret_proof".to_owned()),
        Just("method".to_owned()),
        Just("subscribed_fields".to_owned()),
        Just("get_started".to_owned()),
        Just("thread_control".to_owned()),
        Just("tag".to_owned()),
        "[a-z\\[\\]]{1,8}",
    ];
    let value = prop_oneof![
        Just(r#"{"id":"9001"}"#.to_owned()),
        Just("{id:9001}".to_owned()),
        Just(r#"{"text":"x"}"#.to_owned()),
        Just("[{}]".to_owned()),
        Just("[[[[".to_owned()),
        Just("99999999999999999999999999".to_owned()),
        Just("-1".to_owned()),
        Just("null".to_owned()),
        Just("%00".to_owned()),
        Just("typing_on".to_owned()),
        Just(r#"[{"method":"POST","relative_url":"me/messages"}]"#.to_owned()),
        Just("{\"a\":\"\\u0000\"}".to_owned()),
        "\\PC{0,20}",
    ];
    let pairs = prop::collection::vec((word, value), 0..6);
    let query = pairs.clone().prop_map(|pairs| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish());
    let body = prop_oneof![
        pairs.clone().prop_map(|pairs| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()),
        pairs.prop_map(|pairs| {
            let members = pairs.into_iter().map(|(name, value)| (name, serde_json::from_str(&value).unwrap_or_else(|_| value.into())));
            serde_json::Value::Object(members.collect()).to_string()
        }),
        "\\PC{0,60}",
    ];
    let content_type = prop::sample::select(vec![
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=b",
        "",
    ]);
    (method, path, query, content_type, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_strangers_request_breaks_the_server() {
    let house = House::build().await;
    let handle = tokio::runtime::Handle::current();
    let (base, client) = (house.base.clone(), house.http.clone());
    let run = move || {
        let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
        runner.run(&requests(), |(method, path, query, content_type, body)| {
            let url = format!("{base}{path}?{query}&access_token={BOT_TOKEN}");
            let mut request = client.request(method.parse().expect("a method"), url).body(body);
            if !content_type.is_empty() {
                request = request.header(CONTENT_TYPE, content_type);
            }
            let answer = handle.block_on(async { Answer::of(request.send().await.expect("an answer")).await });
            prop_assert!(answer.status < 500, "{answer:?}");
            prop_assert!(answer.status < 400 || answer.body["error"]["code"].is_i64(), "{answer:?}");
            Ok(())
        })
    };
    tokio::task::spawn_blocking(run).await.expect("no panic").expect("no broken answer");
}
