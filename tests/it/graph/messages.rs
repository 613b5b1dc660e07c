//! Sends: encodings, outcomes, refusals, idempotency, batches, files.

use std::time::Duration;

use baton::apps::graph::Settings;
use baton::control::Command;
use baton::ledger::Order;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::house::{Answer, BOT_TOKEN, House, OTHER_TOKEN, PERSON, text, whose};
use crate::harness::eventually;
use crate::harness::page::person_id;

const FORM: &str = "application/x-www-form-urlencoded";

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn assert_sent(answer: &Answer) {
    assert_eq!((answer.status, &answer.body["recipient_id"]), (200, &json!(PERSON)), "{answer:?}");
    assert!(answer.body["message_id"].as_str().is_some_and(|mid| mid.starts_with("m_sent_")), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_comes_in_every_encoding_that_clients_use() {
    let house = House::build().await;
    let url = |path: &str| format!("{}{path}", house.base);
    let client = &house.http;
    let token = format!("access_token={BOT_TOKEN}");
    let json_text = r#"{"recipient":{"id":"9001"},"message":{"text":"ü/😀"}}"#;
    let form = |body: String| client.post(url("/v2.6/me/messages/")).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
    let multipart =
        Form::new().text("recipient", r#"{"id":"9001"}"#).text("message", r#"{"text":"multipart"}"#).text("access_token", BOT_TOKEN);
    let requests = vec![
        client.post(url(&format!("/me/messages?{token}"))).header(CONTENT_TYPE, "application/json; charset=utf-8").body(json_text),
        client
            .post(url("/v19.0/100200300/messages"))
            .header(CONTENT_TYPE, "application/json")
            .body(format!(r#"{{"access_token":"{BOT_TOKEN}","recipient":{{"id":9001}},"message":{{"text":"numeric id"}}}}"#)),
        form(format!(r#"recipient={{"id":"9001"}}&message={{"text":"form"}}&messaging_type=RESPONSE&{token}"#)),
        form(format!("recipient={{'id':'9001'}}&message={{'text':'pseudo'}}&{token}")),
        form(format!("recipient[id]=9001&message[text]=brackets&{token}")),
        client.post(url(&format!("/v3/me/messages?recipient={{id:9001}}&message={{text:'query'}}&{token}"))),
        client.post(url("/me/messages")).bearer_auth(BOT_TOKEN).header(CONTENT_TYPE, "application/json").body(json_text),
        client.post(url("/v26.0/me/messages")).multipart(multipart),
    ];
    let count = requests.len();
    for (number, request) in requests.into_iter().enumerate() {
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        assert_eq!(answer.status, 200, "request {number}: {answer:?}");
        assert_sent(&answer);
    }
    assert_eq!(house.sent_texts().len(), count);
    assert_eq!(house.sent_texts()[..6], ["ü/😀", "numeric id", "form", "pseudo", "brackets", "query"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_action_answers_only_the_recipient() {
    let house = House::build().await;
    for action in ["typing_on", "TYPING_OFF", "mark_seen"] {
        let answer =
            house.post("/me/messages", &json!({"recipient": {"id": PERSON}, "sender_action": action, "messaging_type": "RESPONSE"})).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({"recipient_id": PERSON})), "{action}");
    }
    // Some SDKs send with everything what belongs to messages.
    for (kind, tag) in [("MESSAGE_TAG", None), ("MESSAGE_TAG", Some("CUSTOMER_FEEDBACK")), ("UPDATE", Some("HUMAN_AGENT"))] {
        let body = json!({"recipient": {"id": PERSON}, "sender_action": "typing_on", "messaging_type": kind, "tag": tag});
        assert_eq!(house.post("/me/messages", &body).await.status, 200, "{kind} {tag:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_sends_and_others_get_the_platforms_refusal() {
    let house = House::build().await;
    let refused = house.post_as(OTHER_TOKEN, "/v19.0/me/messages", &text("x")).await;
    assert_eq!(refused.error(), (10, Some(2_018_300), 400));
    let error = &refused.body["error"];
    assert_eq!(error["message"], "(#10) Message failed to send because another app is controlling this thread now.");
    assert_eq!(error["type"], "OAuthException");
    let header = |name: &str| refused.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!(header("facebook-api-version"), "v19.0");
    assert!(header("content-type").starts_with("application/json"));
    assert_eq!(header("x-fb-trace-id"), error["fbtrace_id"].as_str().unwrap_or_default());
    assert!(house.sent_texts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_word_on_a_send_is_passed_on() {
    let house = House::build().await;
    let failed = house.post("/me/messages", &text("fail")).await;
    assert_eq!(failed.error(), (10, Some(2_018_278), 400));
    assert_eq!(failed.body["error"]["message"], "(#10) outside of allowed window");
    let unknown = house.post("/me/messages", &text("unknown")).await;
    assert_eq!(unknown.error(), (2, None, 500));
    assert_eq!(unknown.body["error"].get("is_transient"), None, "an unknown outcome must not be retried: {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_refused_before_it_is_accepted() {
    let house = House::build().await;
    let long = "x".repeat(2001);
    let cases = [
        (json!({"recipient": {"id": PERSON}, "message": {"text": long}}), 100, None),
        (json!({"recipient": {"id": "9999999999999999"}, "message": {"text": "x"}}), 100, Some(2_018_001)),
        (json!({"recipient": {"id": PERSON}, "message": {"text": "x"}, "sender_action": "typing_on"}), 100, Some(2_018_014)),
        (
            json!({"recipient": {"id": PERSON}, "message": {"text": "x"}, "tag": "ACCOUNT_UPDATE", "messaging_type": "MESSAGE_TAG"}),
            100,
            None,
        ),
        (json!({"message": {"text": "x"}}), 100, None),
        (json!({"recipient": {"id": PERSON}}), 100, None),
        (json!({"recipient": [1], "message": {"text": "x"}}), 100, None),
    ];
    for (body, code, subcode) in cases {
        assert_eq!(house.post("/me/messages", &body).await.error(), (code, subcode, 400), "{body}");
    }
    let rows: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&house.database.pool).await.expect("the outbox");
    assert_eq!(rows, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_send() {
    let house = House::build().await;
    let post = async |key: &str, body: &Value| {
        let request =
            house.http.post(format!("{}/me/messages?access_token={BOT_TOKEN}", house.base)).header("Idempotency-Key", key).json(body);
        Answer::of(request.send().await.expect("an answer")).await
    };
    let first = post("k1", &text("once")).await;
    assert_sent(&first);
    assert_eq!(post("k1", &text("once")).await.body, first.body);
    assert_eq!(post("k1", &text("other")).await.error().0, 100);
    assert_ne!(post("k2", &text("once")).await.body, first.body);
    assert_eq!(house.sent_texts(), ["once", "once"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_epoch_is_refused() {
    let house = House::build().await;
    let post = async |epoch: &str| {
        let request =
            house.http.post(format!("{}/me/messages?access_token={BOT_TOKEN}", house.base)).header("X-Baton-Epoch", epoch).json(&text("x"));
        Answer::of(request.send().await.expect("an answer")).await
    };
    let current: i64 = sqlx::query_scalar("select epoch from conversations").fetch_one(&house.database.pool).await.expect("an epoch");
    assert_sent(&post(&current.to_string()).await);
    house.post("/me/release_thread_control", &whose()).await;
    house.says("m_again", "hello again").await;
    assert_eq!(post(&current.to_string()).await.error(), (10, Some(2_018_300), 400));
    assert_eq!(post("soon").await.error().0, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_nobody_begins_is_taken_back_and_a_taken_one_is_superseded() {
    let settings = Settings { outcome_patience: Duration::from_millis(200), ..Settings::default() };
    let house = House::without_outbox(settings).await;
    assert_eq!(house.post("/me/messages", &text("late")).await.error(), (613, None, 400));
    let states: Vec<String> = sqlx::query_scalar("select state from outbox").fetch_all(&house.database.pool).await.expect("the outbox");
    assert_eq!(states, ["failed"]);

    let patient = House::without_outbox(Settings::default()).await;
    let take = async {
        eventually("the send is accepted", || async {
            let rows: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&patient.database.pool).await.expect("the outbox");
            (rows == 1).then_some(())
        })
        .await;
        let command = Command::Take { app: patient.page.inbox.clone(), metadata: None };
        patient.ledger.order(Order { page: patient.page.id.clone(), person: person_id(PERSON), command, user: None }).await.expect("taken");
    };
    let body = text("queued");
    let (answer, ()) = tokio::join!(patient.post("/me/messages", &body), take);
    assert_eq!(answer.error(), (10, Some(2_018_300), 400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_under_way_is_unknown_and_never_taken_back() {
    let house = House::with(Settings { outcome_patience: Duration::from_secs(3), ..Settings::default() }).await;
    assert_eq!(house.post("/me/messages", &text("never")).await.error(), (2, None, 500));
    let state: String = sqlx::query_scalar("select state from outbox").fetch_one(&house.database.pool).await.expect("the outbox");
    assert_eq!(state, "sending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_a_long_queue_takes_no_more() {
    let settings = Settings {
        outcome_patience: Duration::from_secs(6),
        sends_per_second: 2,
        longest_queue: Duration::from_secs(1),
        ..Settings::default()
    };
    let house = House::without_outbox(settings).await;
    let (one, two, three) = (text("1"), text("2"), text("3"));
    let waiting = async {
        let queued = async |body: &Value| house.post("/me/messages", body).await;
        tokio::join!(queued(&one), queued(&two), queued(&three))
    };
    let refused = async {
        eventually("three sends wait", || async {
            let rows: i64 = sqlx::query_scalar("select count(*) from outbox where state = 'accepted'")
                .fetch_one(&house.database.pool)
                .await
                .expect("the outbox");
            (rows == 3).then_some(())
        })
        .await;
        house.post("/me/messages", &text("4")).await
    };
    let (_, refused) = tokio::join!(waiting, refused);
    assert_eq!(refused.error(), (613, None, 400));
    assert_eq!(refused.body["error"]["is_transient"], true);
    let rows: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&house.database.pool).await.expect("the outbox");
    assert_eq!(rows, 3, "the fourth was never accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_item_by_item_in_every_form() {
    let house = House::build().await;
    let items = json!([
        {"method": "POST", "relative_url": "me/messages", "body": "recipient=%7B%22id%22%3A%229001%22%7D&message=%7B%22text%22%3A%22b1%22%7D"},
        {"method": "get", "relative_url": "/v6.0/9001?fields=first_name"},
        {"method": "POST", "relative_url": "me/messages", "body": r#"recipient={"id":"404"}&message={"text":"b3"}"#},
        {"method": "POST", "relative_url": "me/messages", "body": "recipient[id]=9001&message[text]=b4", "name": "quiet", "omit_response_on_success": true},
    ]);
    let client = &house.http;
    let requests = [
        client.post(format!("{}/?access_token={BOT_TOKEN}", house.base)).json(&json!({"batch": items})),
        client
            .post(format!("{}/v19.0", house.base))
            .json(&json!({"batch": items.to_string(), "access_token": BOT_TOKEN, "include_headers": false})),
        client
            .post(format!("{}/v2.6/?access_token={BOT_TOKEN}", house.base))
            .header(CONTENT_TYPE, FORM)
            .body(form(&[("batch", &items.to_string())])),
        client
            .post(format!("{}/me/", house.base))
            .header(CONTENT_TYPE, FORM)
            .body(form(&[("batch", &items.to_string()), ("access_token", BOT_TOKEN)])),
        // As a published library for PHP does, which calls its form JSON besides.
        client
            .post(format!("{}/v2.8/me/messages", house.base))
            .header(CONTENT_TYPE, "application/json")
            .body(form(&[("batch", &items.to_string()), ("access_token", BOT_TOKEN)])),
    ];
    for (number, request) in requests.into_iter().enumerate() {
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let parts = answer.body.as_array().expect("an array");
        let body = |index: usize| -> Value { serde_json::from_str(parts[index]["body"].as_str().expect("text")).expect("JSON") };
        assert_eq!(
            (parts.len(), &parts[0]["code"], &parts[1]["code"], &parts[2]["code"], &parts[3]),
            (4, &json!(200), &json!(200), &json!(400), &Value::Null)
        );
        assert_eq!((&body(0)["recipient_id"], body(1)), (&json!(PERSON), json!({"first_name": "Ada", "id": PERSON})));
        assert_eq!(body(2)["error"]["error_subcode"], 2_018_001);
        assert_eq!(parts[0]["headers"].is_array(), number != 1);
    }
    assert_eq!(house.sent_texts(), ["b1", "b4"].repeat(5), "one person's items keep their order");
    let refused = client.post(format!("{}/?access_token=wrong", house.base)).json(&json!({"batch": items}));
    assert_eq!(Answer::of(refused.send().await.expect("an answer")).await.error().0, 190);
    let many = Value::Array(vec![json!({"relative_url": "me"}); 51]);
    assert_eq!(house.post("/", &json!({"batch": many})).await.error().0, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_in_a_batch_hears_what_the_items_before_did() {
    let house = House::build().await;
    let pass = r#"recipient={"id":"9001"}&target_app_id=333"#;
    // The sends take their time, so whoever did not wait for them would be answered first.
    let said = json!({"method": "POST", "relative_url": "me/messages", "body": r#"recipient={"id":"9001"}&message={"text":"x"}"#});
    let mut items = vec![said; 5];
    items.push(json!({"method": "POST", "relative_url": "me/pass_thread_control", "body": pass}));
    items.push(json!({"method": "GET", "relative_url": "me/thread_owner?recipient=9001"}));
    let answer = house.post("/", &json!({"batch": items})).await;
    let body: Value = serde_json::from_str(answer.body[6]["body"].as_str().expect("text")).expect("JSON");
    assert_eq!(body["data"][0]["thread_owner"]["app_id"], "333", "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_uploaded_before_they_are_sent() {
    let house = House::build().await;
    let attachment = |reusable: bool| json!({"attachment": {"type": "image", "payload": {"is_reusable": reusable}}}).to_string();
    let file = || Part::bytes(vec![9; 200_000]).file_name("a.png").mime_str("image/png").expect("a type");
    // The token may come after the file.
    let form = |reusable| {
        Form::new()
            .text("recipient", r#"{"id":"9001"}"#)
            .text("message", attachment(reusable))
            .part("filedata", file())
            .text("access_token", BOT_TOKEN)
    };
    let post = async |path: &str, form: Form| {
        Answer::of(house.http.post(format!("{}{path}", house.base)).multipart(form).send().await.expect("an answer")).await
    };

    let uploaded = post("/me/message_attachments", form(true)).await;
    assert_eq!(uploaded.body, json!({"attachment_id": "1857777774821032"}));
    assert_eq!(house.last_asked().file, Some(("image/png".to_owned(), 200_000)));
    assert_eq!(house.last_asked().body, json!({"message": {"attachment": {"type": "image", "payload": {"is_reusable": true}}}}));

    let sent = post("/me/messages", form(false)).await;
    assert_sent(&sent);
    let job = house.sent.lock().expect("no panic").last().cloned().expect("a send");
    let body = job.send.upstream_body(&job.token);
    assert_eq!(body["message"]["attachment"]["payload"]["attachment_id"], "1857777774821032");

    let asked = house.asked_paths().len();
    let foreign = Form::new()
        .text("recipient", r#"{"id":"9001"}"#)
        .text("message", attachment(false))
        .part("filedata", file())
        .text("access_token", OTHER_TOKEN);
    assert_eq!(post("/me/messages", foreign).await.error(), (10, Some(2_018_300), 400));
    assert_eq!(house.asked_paths().len(), asked, "nothing is uploaded for somebody who may not send");

    let by_url =
        json!({"message": {"attachment": {"type": "image", "payload": {"url": "https://example.com/a.png", "is_reusable": "true"}}}});
    assert_eq!(house.post("/me/message_attachments", &by_url).await.body, json!({"attachment_id": "1857777774821032"}));
    let reusable = json!({"recipient": {"id": PERSON}, "message": {"attachment": {"type": "image", "payload": {"url": "https://example.com/a.png", "is_reusable": true}}}});
    let answer = house.post("/me/messages", &reusable).await;
    assert!(answer.body["attachment_id"].as_str().is_some_and(|id| id.parse::<u64>().is_ok()), "{answer:?}");
    for wrong in [
        json!({}),
        json!({"message": {"attachment": {"type": "image", "payload": {}}}}),
        json!({"message": {"attachment": {"type": "cake", "payload": {"url": "https://e.com/"}}}}),
    ] {
        assert_eq!(house.post("/me/message_attachments", &wrong).await.error().0, 100, "{wrong}");
    }
}
