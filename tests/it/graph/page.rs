//! What belongs to the Page and its apps: nodes, profiles, subscriptions.

use baton::wire::upstream::UpstreamMethod;
use serde_json::{Value, json};

use super::house::{Answer, BOT_SECRET, BOT_TOKEN, House, PERSON, callback};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_shows_what_was_asked_and_is_fetched_once() {
    let house = House::build().await;
    let first = house.get(&format!("/v26.0/{PERSON}?fields=first_name&access_token={BOT_TOKEN}")).await;
    assert_eq!(first.body, json!({"first_name": "Ada", "id": PERSON}));
    let all = house.get(&format!("/{PERSON}/?access_token={BOT_TOKEN}")).await;
    assert_eq!(all.body, json!({"first_name": "Ada", "last_name": "Lovelace", "profile_pic": "https://example.com/a.png", "id": PERSON}));
    let asked = house.asked_paths().len();
    let with_locale = house.get(&format!("/{PERSON}?fields=id,locale,first_name,password&access_token={BOT_TOKEN}")).await;
    assert_eq!(with_locale.body, json!({"id": PERSON, "first_name": "Ada"}));
    assert_eq!(house.asked_paths().len(), asked + 1, "the locale was asked for");
    house.get(&format!("/{PERSON}?fields=locale,last_name&access_token={BOT_TOKEN}")).await;
    assert_eq!(house.asked_paths().len(), asked + 1, "that the platform says nothing is known now");
    assert_eq!(house.get(&format!("/404?access_token={BOT_TOKEN}")).await.error(), (100, Some(2_018_001), 400));
    assert!(!house.asked_paths().iter().any(|path| path == "404"), "strangers are not looked up");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_come_in_one_call() {
    let house = House::build().await;
    let both = house.get(&format!("/?ids={PERSON},100200300&fields=name,first_name&access_token={BOT_TOKEN}")).await;
    assert_eq!(both.body, json!({PERSON: {"first_name": "Ada", "id": PERSON}, "100200300": {"name": "Harbour Coffee", "id": "100200300"}}));
    assert_eq!(house.get(&format!("/v19.0/?ids={PERSON},404&access_token={BOT_TOKEN}")).await.error().0, 100);
    let page = house.get(&format!("/me?fields=[\"messaging_feature_status\"]&access_token={BOT_TOKEN}")).await;
    assert_eq!(page.body["messaging_feature_status"]["msgr_multi_app"], true);
    let app = house.get(&format!("/me?access_token=111%7C{BOT_SECRET}")).await;
    assert_eq!(app.body, json!({"name": "111", "id": "111"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_messenger_profile_is_kept_and_passed_on() {
    let house = House::build().await;
    let get = async |fields: &str| house.get(&format!("/me/messenger_profile?fields={fields}&access_token={BOT_TOKEN}")).await.body;
    let start = json!({"get_started": {"payload": "START"}});
    let of = |platform: &str| json!({"get_started": {"payload": "START"}, "platform": platform});
    assert_eq!(house.post("/me/messenger_profile", &of("instagram")).await.error().0, 100, "the token is of Messenger");
    assert_eq!(house.post("/me/messenger_profile", &of("MESSENGER")).await.body, json!({"result": "success"}));
    assert_eq!((house.last_asked().method, house.last_asked().body), (UpstreamMethod::Post, start.clone()));
    let asked = house.asked_paths().len();
    assert_eq!(get("get_started").await, json!({"data": [start]}));
    assert_eq!(house.asked_paths().len(), asked, "the copy answers");
    assert_eq!(get("greeting").await, json!({"data": [{"greeting": [{"locale": "default", "text": "Ahoy"}]}]}));
    assert_eq!(get("greeting").await["data"][0]["greeting"][0]["text"], "Ahoy");
    assert_eq!(house.asked_paths().len(), asked + 1, "what was set elsewhere is asked once");
    house.execute("update page_profiles set set_at = set_at - interval '11 minutes'").await;
    assert_eq!(get("greeting").await["data"][0]["greeting"][0]["text"], "Ahoy");
    assert_eq!(house.asked_paths().len(), asked + 2, "what is known for long may have changed");
    get("greeting").await;
    assert_eq!(house.asked_paths().len(), asked + 2, "and is known anew");
    assert_eq!(house.delete("/v2.6/me/messenger_profile", &json!({"fields": ["get_started"]})).await.body, json!({"result": "success"}));
    assert_eq!((house.last_asked().method, house.last_asked().body), (UpstreamMethod::Delete, json!({"fields": ["get_started"]})));
    assert_eq!(get("get_started").await, json!({"data": []}));
    assert_eq!(house.delete("/me/messenger_profile", &json!({})).await.error().0, 100);
    let overridden =
        house.http.post(format!("{}/me/messenger_profile?method=delete&fields=[\"greeting\"]&access_token={BOT_TOKEN}", house.base));
    assert_eq!(Answer::of(overridden.send().await.expect("an answer")).await.body, json!({"result": "success"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_subscribes_itself() {
    let house = House::build().await;
    let own =
        async || house.get(&format!("/me/subscribed_apps?access_token={BOT_TOKEN}")).await.body["data"][0]["subscribed_fields"].clone();
    let subscribe = async |fields: &str| house.post("/me/subscribed_apps", &json!({"subscribed_fields": fields})).await;
    assert_eq!(subscribe("messages, standby").await.body, json!({"success": true}));
    assert_eq!(own().await, json!(["messages", "standby"]));
    let positions = async || -> Value {
        sqlx::query_scalar("select fields from subscriptions where app_id = '111'").fetch_one(&house.database.pool).await.expect("fields")
    };
    let first = positions().await;
    assert_eq!(first, json!({"messages": 2, "standby": 2}));
    house.says("m_more", "more").await;
    subscribe("messages,messaging_postbacks").await;
    assert_eq!(
        positions().await,
        json!({"messages": 2, "messaging_postbacks": 3}),
        "what it had keeps its place, what is new counts from here"
    );
    assert_eq!(subscribe("massages").await.error().0, 100);

    assert_eq!(house.delete("/me/subscribed_apps", &json!({})).await.body, json!({"success": true}));
    assert_eq!(house.get(&format!("/me/subscribed_apps?access_token={BOT_TOKEN}")).await.body, json!({"data": []}));
    assert_eq!(house.post("/me/take_thread_control", &super::house::whose()).await.error().0, 200, "it is not on the Page any more");
    assert_eq!(subscribe("messages").await.status, 200);
    assert_eq!(house.post("/me/take_thread_control", &super::house::whose()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_taken_after_its_handshake() {
    let house = House::build().await;
    let token = format!("111%7C{BOT_SECRET}");
    let url = callback("challenge");
    let subscribe = async |url: &str| {
        let body = json!({"object": "page", "callback_url": url, "verify_token": "v 1&", "fields": ["messages", "standby"], "include_values": true});
        Answer::of(
            house
                .http
                .post(format!("{}/v19.0/111/subscriptions?access_token={token}", house.base))
                .json(&body)
                .send()
                .await
                .expect("an answer"),
        )
        .await
    };
    assert_eq!(house.get(&format!("/111/subscriptions?access_token={token}")).await.body, json!({"data": []}));
    assert_eq!(subscribe(&url).await.body, json!({"success": true}));
    let listed = house.get(&format!("/111/subscriptions?access_token={token}")).await;
    let one = &listed.body["data"][0];
    assert_eq!((&one["object"], &one["callback_url"], &one["active"]), (&json!("page"), &json!(url), &json!(true)));
    assert!(one["fields"].as_array().is_some_and(|fields| fields.iter().any(|field| field["name"] == "standby")), "{listed:?}");

    for wrong in [callback("something else"), "http://10.0.0.1/hook".to_owned(), "http://127.0.0.1:1/hook".to_owned()] {
        assert_eq!(subscribe(&wrong).await.error(), (2200, None, 400), "{wrong}");
    }
    assert_eq!(subscribe("javascript:alert(1)").await.error().0, 100);
    let kept: String =
        sqlx::query_scalar("select callback_url from apps where app_id = '111'").fetch_one(&house.database.pool).await.expect("a callback");
    assert_eq!(kept, url);

    assert_eq!(house.get(&format!("/111/subscriptions?access_token={BOT_TOKEN}")).await.error().0, 15, "a Page token is not the app's");
    assert_eq!(house.get(&format!("/333/subscriptions?access_token={token}")).await.error().0, 100);
    let removed = house.http.delete(format!("{}/111/subscriptions?object=page&fields=standby&access_token={token}", house.base));
    assert_eq!(Answer::of(removed.send().await.expect("an answer")).await.body, json!({"success": true}));
    let left = house.get(&format!("/111/subscriptions?access_token={token}")).await;
    assert_eq!(left.body["data"][0]["fields"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_wants_of_pages_and_of_instagram_is_kept_apart() {
    let house = House::build().await;
    let (token, url) = (format!("111%7C{BOT_SECRET}"), callback("challenge"));
    let path = format!("/111/subscriptions?access_token={token}");
    let wanted = async || {
        let listed = house.get(&path).await;
        let names = |one: &Value| one["fields"].as_array().into_iter().flatten().map(|field| field["name"].clone()).collect();
        let all = listed.body["data"].as_array().cloned().unwrap_or_default();
        all.iter().map(|one| (one["object"].as_str().unwrap_or_default().to_owned(), names(one))).collect::<Vec<(String, Vec<Value>)>>()
    };
    let pages = ("page".to_owned(), vec![json!("messages"), json!("messaging_handovers")]);
    let instagram = ("instagram".to_owned(), vec![json!("messages"), json!("messaging_handover")]);
    for (object, fields) in [&pages, &instagram] {
        let body = json!({"object": object, "callback_url": url, "verify_token": "v 1&", "fields": fields});
        let answer = house.http.post(format!("{}{path}", house.base)).json(&body).send().await.expect("an answer");
        let answer = Answer::of(answer).await;
        assert_eq!(answer.status, 200, "{object}: {answer:?}");
    }
    assert_eq!(wanted().await, [pages.clone(), instagram]);
    let removed = house.http.delete(format!("{}{path}&object=instagram", house.base)).send().await.expect("an answer");
    assert_eq!(Answer::of(removed).await.status, 200);
    assert_eq!(wanted().await, [pages]);
}
