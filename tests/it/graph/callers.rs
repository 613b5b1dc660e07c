//! Who may call: tokens, proofs, other Pages, apps that are gone.

use baton::wire::AppId;
use serde_json::json;

use super::house::{Answer, BOT_SECRET, BOT_TOKEN, House, OTHER_TOKEN, proof, text};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_token_nothing_is_answered() {
    let house = House::build().await;
    for path in [
        "/me",
        "/me?access_token=",
        "/me?access_token=EAAnotatoken",
        "/9001?access_token=111%7Cwrong",
        "/me?access_token=111%7C",
        "/me?access_token=%7C",
        "/me?access_token=999%7Cx",
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.error(), (190, None, 401), "{path}");
        assert!(answer.headers.contains_key("www-authenticate"), "{path}");
        assert_eq!(answer.body["error"]["type"], "OAuthException");
    }
    for path in ["/me/messages", "/me/take_thread_control", "/100200300/subscribed_apps", "/?batch=[{}]"] {
        let request = house.http.post(format!("{}{path}", house.base)).json(&text("x"));
        assert_eq!(Answer::of(request.send().await.expect("an answer")).await.error().0, 190, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_must_fit_wherever_it_stands() {
    let house = House::build().await;
    let right = proof(BOT_TOKEN, BOT_SECRET);
    let wrong = proof(BOT_TOKEN, "secret-of-the-other");
    assert_eq!(house.get(&format!("/me?access_token={BOT_TOKEN}&appsecret_proof={right}")).await.status, 200);
    let refused = house.get(&format!("/me?access_token={BOT_TOKEN}&appsecret_proof={wrong}")).await;
    assert_eq!(refused.error(), (100, None, 400));
    assert_eq!(refused.body["error"]["type"], "GraphMethodException");
    let in_body = json!({"recipient": {"id": "9001"}, "message": {"text": "x"}, "appsecret_proof": wrong});
    assert_eq!(house.post("/me/messages", &in_body).await.error().0, 100);
    let batch = json!({"batch": [{"method": "GET", "relative_url": format!("me?appsecret_proof={right}")}, {"method": "GET", "relative_url": format!("me?appsecret_proof={wrong}")}]});
    let answer = house.post("/", &batch).await;
    assert_eq!((&answer.body[0]["code"], &answer.body[1]["code"]), (&json!(200), &json!(400)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_its_own_page_only() {
    let house = House::build().await;
    house.execute("insert into pages (page_id, object, name) values ('777', 'page', 'Another')").await;
    for path in ["/777/messages", "/777/take_thread_control", "/777/message_attachments", "/777/messenger_profile"] {
        assert_eq!(house.post(path, &text("x")).await.error(), (100, Some(33), 400), "{path}");
    }
    assert_eq!(house.get(&format!("/777?access_token={BOT_TOKEN}")).await.error().0, 100);
    assert_eq!(house.get(&format!("/777/thread_owner?recipient=9001&access_token={BOT_TOKEN}")).await.error(), (100, Some(33), 400));
    assert!(house.sent_texts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_gone_has_no_token() {
    let house = House::build().await;
    house.execute("update subscriptions set removed_at = now() where app_id = '333'").await;
    assert_eq!(house.get(&format!("/me?access_token={OTHER_TOKEN}")).await.error().0, 190);
    house.execute("update subscriptions set removed_at = null, disabled_at = now(), disabled_reason = 'admin' where app_id = '333'").await;
    assert_eq!(house.get(&format!("/me?access_token={OTHER_TOKEN}")).await.error().0, 190);
    house.execute("update subscriptions set disabled_at = null, disabled_reason = null where app_id = '333'").await;
    assert_eq!(house.get(&format!("/me?access_token={OTHER_TOKEN}")).await.status, 200);
    house.execute("update app_tokens set revoked_at = now() where app_id = '333'").await;
    let gone = crate::harness::eventually("the token is out", || async {
        let answer = house.get(&format!("/me?access_token={OTHER_TOKEN}")).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(gone.error().0, 190);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticated_call_is_a_sign_of_life() {
    let house = House::build().await;
    let mut signs = house.signs.subscribe();
    house.get("/me?access_token=wrong").await;
    house.get(&format!("/me?access_token={BOT_TOKEN}")).await;
    let sign = signs.recv().await.expect("a sign");
    assert_eq!(sign.app, AppId::parse("111").expect("an id"));
    assert!(signs.try_recv().is_err(), "a refused call is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn debug_token_tells_an_app_about_its_own_tokens() {
    let house = House::build().await;
    let app_token = format!("111%7C{BOT_SECRET}");
    let found = house.get(&format!("/debug_token?input_token={BOT_TOKEN}&access_token={app_token}")).await;
    let data = &found.body["data"];
    assert_eq!(
        (&data["app_id"], &data["is_valid"], &data["profile_id"], &data["type"]),
        (&json!("111"), &json!(true), &json!("100200300"), &json!("PAGE"))
    );
    let unknown = house.get(&format!("/debug_token?input_token=nonsense&access_token={app_token}")).await;
    assert_eq!((unknown.status, &unknown.body["data"]["is_valid"]), (200, &json!(false)));
    assert_eq!(house.get(&format!("/debug_token?input_token={OTHER_TOKEN}&access_token={app_token}")).await.error().0, 100);
    assert_eq!(house.get(&format!("/debug_token?access_token={app_token}")).await.error().0, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_gets_its_token_for_its_secret() {
    let house = House::build().await;
    let asked = format!("/v19.0/oauth/access_token?grant_type=client_credentials&client_id=111&client_secret={BOT_SECRET}");
    let answer = house.get(&asked).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"access_token": format!("111|{BOT_SECRET}"), "token_type": "bearer"})));
    for (wrong, code) in [
        ("grant_type=client_credentials&client_id=111&client_secret=wrong", 190),
        ("grant_type=client_credentials&client_id=999&client_secret=wrong", 190),
        ("grant_type=client_credentials&client_id=111", 100),
        ("grant_type=fb_exchange_token&client_id=111&client_secret=x&fb_exchange_token=y", 100),
        ("client_id=111", 100),
    ] {
        assert_eq!(house.get(&format!("/oauth/access_token?{wrong}")).await.error().0, code, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_was_taken_off_its_last_page_has_no_secret_any_more() {
    let house = House::build().await;
    house.execute("update subscriptions set removed_at = now() where app_id = '111'").await;
    let asked = format!("/oauth/access_token?grant_type=client_credentials&client_id=111&client_secret={BOT_SECRET}");
    assert_eq!(house.get(&asked).await.error().0, 190);
    assert_eq!(house.get(&format!("/111/subscriptions?access_token=111|{BOT_SECRET}")).await.error().0, 190);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_disabled_by_an_outage_comes_back_by_subscribing() {
    let house = House::build().await;
    house.execute("update subscriptions set disabled_at = now(), disabled_reason = 'outage', may_return = true where app_id = '333'").await;
    let path = format!("/me/subscribed_apps?access_token={OTHER_TOKEN}");
    assert_eq!(house.get(&path).await.body, json!({"data": []}));
    assert_eq!(house.post_as(OTHER_TOKEN, "/me/subscribed_apps", &json!({"subscribed_fields": "messages"})).await.status, 200);
    assert_eq!(house.get(&path).await.body["data"][0]["subscribed_fields"], json!(["messages"]));
    let away: bool = sqlx::query_scalar("select disabled_at is not null or may_return from subscriptions where app_id = '333'")
        .fetch_one(&house.database.pool)
        .await
        .expect("a row");
    assert!(!away);
}
