//! What apps get, how it is signed, and that it is repeated until it is taken.

use hmac::{Hmac, KeyInit, Mac};
use sandbox::settings::Delivery;
use serde_json::json;
use sha2::Sha256;

use crate::scene::{BOT, BOT_TOKEN, DESK, DESK_TOKEN, PAGE, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn every_outbound_is_echoed_and_delivered() {
    let mut scene = Scene::new().await;
    scene.says("hi").await;
    let message = json!({"message": {"text": "hello", "metadata": "order 7"}});
    let sent = scene.control(BOT_TOKEN, "messages", message).await.ok();
    assert_eq!(sent["recipient_id"], json!(scene.psid));
    scene.bot.next_with("message").await;
    let (channel, echo) = scene.bot.next_with("message").await;
    assert_eq!(channel, "messaging");
    assert_eq!((&echo["sender"]["id"], &echo["recipient"]["id"]), (&json!(PAGE), &json!(scene.psid)));
    let app_id: u64 = BOT.parse().unwrap();
    let expected = json!({"is_echo": true, "app_id": app_id, "mid": sent["message_id"], "metadata": "order 7", "text": "hello"});
    assert_eq!(echo["message"], expected);
    let (_, delivery) = scene.bot.next_with("delivery").await;
    assert_eq!(delivery["delivery"]["mids"], json!([sent["message_id"]]));
    assert!(delivery.get("timestamp").is_none(), "the published delivery sample has no timestamp");
    scene.post("/reads", json!({"page_id": PAGE, "psid": scene.psid})).await.ok();
    let (_, read) = scene.bot.next_with("read").await;
    assert_eq!(read["read"]["watermark"], echo["timestamp"]);
    let heard = scene.desk.rest().await;
    assert!(heard.len() == 4 && heard.iter().all(|(channel, _)| channel == "standby"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_signed_with_the_secret_of_each_app() {
    let mut scene = Scene::new().await;
    scene.says("Käse/Wurst 😀").await;
    for (receiver, secret) in [(&mut scene.bot, "bot secret"), (&mut scene.desk, "desk secret")] {
        let received = receiver.next().await;
        let text = std::str::from_utf8(&received.body).unwrap();
        assert!(text.is_ascii() && text.contains(r"K\u00e4se\/Wurst \ud83d\ude00"), "{text}");
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(&received.body);
        assert_eq!(received.sha256, format!("sha256={}", hex::encode(mac.finalize().into_bytes())));
        assert!(received.sha1.starts_with("sha1=") && received.sha1.len() == 45, "{}", received.sha1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postback_reaches_the_button_s_sender_with_its_payload() {
    let mut scene = Scene::new().await;
    scene.says("hi").await;
    let buttons = json!([{"type": "postback", "title": "Track", "payload": "TRACK_7"}]);
    let template = json!({"type": "template", "payload": {"template_type": "button", "text": "What now?", "buttons": buttons}});
    scene.control(BOT_TOKEN, "messages", json!({"message": {"attachment": template}})).await.ok();
    scene.control(BOT_TOKEN, "pass_thread_control", json!({"target_app_id": DESK})).await.ok();
    scene.post("/messages", json!({"page_id": PAGE, "psid": scene.psid, "postback": "TRACK_7"})).await.ok();
    let (channel, to_sender) = scene.bot.next_with("postback").await;
    assert_eq!((channel.as_str(), &to_sender["postback"]["payload"]), ("messaging", &json!("TRACK_7")));
    assert_eq!(to_sender["postback"]["title"], json!("Track"));
    scene.post("/messages", json!({"page_id": PAGE, "psid": scene.psid, "postback": {"payload": "UNKNOWN", "title": "Menu"}})).await.ok();
    let (channel, listening) = scene.bot.next_with("postback").await;
    assert_eq!((channel.as_str(), listening["postback"].get("payload")), ("standby", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn standby_needs_its_field_and_so_does_every_event() {
    let mut scene = Scene::new().await;
    let fields = json!({"page_id": PAGE, "app_id": DESK, "fields": ["messages"]});
    scene.post("/sandbox/subscriptions", fields).await.ok();
    scene.says("hi").await;
    scene.bot.next_with("message").await;
    assert!(scene.desk.rest().await.is_empty(), "not subscribed to standby");
    let path = format!("/v25.0/{PAGE}/subscribed_apps?subscribed_fields=messages, standby&access_token={DESK_TOKEN}");
    assert_eq!(scene.post(&path, json!({})).await.ok(), json!({"success": true}));
    scene.says("again").await;
    scene.send(BOT_TOKEN, "hello").await.ok();
    let heard = scene.desk.rest().await;
    assert_eq!(heard.len(), 1, "the message, but neither echo nor delivery: {heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_repeated_until_it_is_taken_and_order_is_kept() {
    let mut scene = Scene::new().await;
    scene.bot.answer(503);
    for text in ["one", "two", "three"] {
        scene.says(text).await;
    }
    for _ in 0..3 {
        assert_eq!(scene.bot.next_with("message").await.1["message"]["text"], json!("one"), "the head of the lane is repeated");
    }
    scene.bot.answer(200);
    let mut texts: Vec<String> =
        scene.bot.rest().await.iter().map(|(_, event)| event["message"]["text"].as_str().unwrap().to_owned()).collect();
    texts.dedup();
    assert_eq!(texts, ["one", "two", "three"]);
    let log = scene.get("/sandbox/log").await.ok();
    assert_eq!(log["pending"], json!(0));
    assert!(log["webhooks"].as_array().unwrap().iter().any(|attempt| attempt["status"] == json!(503) && attempt["attempt"] == json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_fails_for_too_long_is_unsubscribed() {
    let quick = Delivery { retry_first_ms: 5, retry_max_ms: 10, give_up_after_ms: 100, ..Delivery::default() };
    let mut scene = Scene::with(true, quick).await;
    scene.desk.answer(500);
    scene.says("hi").await;
    let gone = async {
        loop {
            let list = scene.get(&format!("/me/subscribed_apps?access_token={BOT_TOKEN}")).await.ok();
            if list["data"].as_array().unwrap().iter().all(|app| app["id"] != json!(DESK)) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), gone).await.expect("unsubscribed after failing for too long");
    scene.desk.rest().await;
    scene.says("anyone?").await;
    assert!(scene.desk.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_post_at_a_time_in_a_conversation_and_many_across() {
    let mut scene = Scene::new().await;
    scene.bot.hold(60);
    for text in ["one", "two", "three"] {
        scene.says(text).await;
    }
    assert_eq!(scene.bot.rest().await.len(), 3);
    assert_eq!(scene.bot.most_in_flight(), 1);
    for name in ["Ben", "Cleo", "Dan", "Eve"] {
        let psid = scene.person(PAGE, name).await;
        scene.post("/messages", json!({"page_id": PAGE, "psid": psid, "text": "hi"})).await.ok();
    }
    assert_eq!(scene.bot.rest().await.len(), 4);
    assert!(scene.bot.most_in_flight() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_taken_only_after_the_handshake() {
    let scene = Scene::new().await;
    let subscribe = |verify_token: &str| {
        let fields = "messages,messaging_postbacks";
        json!({"object": "page", "callback_url": scene.bot.url, "verify_token": verify_token, "fields": fields})
    };
    let path = format!("/v25.0/{DESK}/subscriptions?access_token={DESK}%7Cdesk secret");
    assert_eq!(scene.post(&path, subscribe("wrong")).await.error(), (400, 2200, None));
    assert_eq!(scene.post(&path, subscribe("let me in")).await.ok(), json!({"success": true}));
    let listed = scene.get(&path).await.ok();
    assert_eq!(listed["data"][0]["callback_url"], json!(scene.bot.url));
    let app = json!({"app_id": DESK, "name": "Desk", "app_secret": "s", "verify_token": "wrong", "callback_url": scene.bot.url});
    assert_eq!(scene.post("/sandbox/apps", app).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_edits_and_unsends_are_told_to_the_holder() {
    let mut scene = Scene::new().await;
    let mid = scene.says("helo").await;
    let about = |extra: serde_json::Value| {
        let mut body = json!({"page_id": PAGE, "psid": scene.psid, "mid": mid});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    scene.post("/edits", about(json!({"text": "hello"}))).await.ok();
    scene.post("/reactions", about(json!({"emoji": "👍", "reaction": "like"}))).await.ok();
    scene.post("/unsends", about(json!({}))).await.ok();
    scene.bot.next_with("message").await;
    assert_eq!(scene.bot.next_with("message_edit").await.1["message_edit"], json!({"mid": mid, "text": "hello", "num_edit": 1}));
    let reaction = json!({"mid": mid, "action": "react", "reaction": "like", "emoji": "👍"});
    assert_eq!(scene.bot.next_with("reaction").await.1["reaction"], reaction);
    assert_eq!(scene.bot.next_with("message").await.1["message"], json!({"mid": mid, "is_deleted": true}));
    let told = scene.transcript().await;
    assert_eq!((&told[0]["unsent"], &told[0]["text"]), (&json!(true), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_events_are_delivered_untouched() {
    let mut scene = Scene::new().await;
    let item = json!({"sender": {"id": scene.psid}, "recipient": {"id": PAGE}, "timestamp": "1527459824", "something_new": {"x": 1}});
    scene.post("/sandbox/events", json!({"page_id": PAGE, "item": item, "channel": "standby", "app_id": BOT})).await.ok();
    assert_eq!(scene.bot.next_with("something_new").await, ("standby".to_owned(), item));
    assert!(scene.desk.rest().await.is_empty());
}
