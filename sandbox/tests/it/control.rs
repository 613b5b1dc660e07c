//! Thread control among the bot (default app), the desk and Meta's inbox: the worked trace of Conversation Routing.

use serde_json::{Value, json};

use crate::scene::{BOT, BOT_TOKEN, DESK, DESK_TOKEN, HOUR, INBOX, INSTAGRAM, PAGE, Scene};

fn owner(answer: &Value) -> Option<&str> {
    answer["data"][0]["thread_owner"]["app_id"].as_str()
}

impl Scene {
    async fn thread_owner(&self, token: &str) -> Value {
        self.get(&format!("/v25.0/me/thread_owner?recipient={}&access_token={token}", self.psid)).await.ok()
    }

    async fn external(&self, action: &str, extra: Value) -> crate::scene::Answer {
        let mut body = json!({"page_id": PAGE, "psid": self.psid, "app_id": INBOX, "action": action});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.post("/sandbox/external", body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn control_goes_from_the_bot_to_the_desk_and_back() {
    let mut scene = Scene::new().await;
    scene.says("help").await;
    assert_eq!(scene.bot.next_with("message").await.0, "messaging");
    assert_eq!(scene.desk.next_with("message").await.0, "standby");
    assert_eq!(scene.send(DESK_TOKEN, "me first").await.error(), (400, 10, Some(2_018_300)));

    let pass = json!({"target_app_id": DESK.parse::<u64>().unwrap(), "metadata": "{\"topic\":\"refund\"}"});
    assert_eq!(scene.control(BOT_TOKEN, "pass_thread_control", pass).await.ok(), json!({"success": true}));
    let (channel, event) = scene.desk.next_with("pass_thread_control").await;
    assert_eq!(channel, "messaging");
    let expected = json!({"previous_owner_app_id": BOT, "new_owner_app_id": DESK, "metadata": "{\"topic\":\"refund\"}"});
    assert_eq!(event["pass_thread_control"], expected);
    assert_eq!(scene.send(BOT_TOKEN, "still me").await.error(), (400, 10, Some(2_018_300)));

    scene.says("are you there").await;
    assert_eq!(scene.desk.next_with("message").await.0, "messaging");
    assert_eq!(scene.bot.next_with("message").await.0, "standby");
    scene.send(DESK_TOKEN, "yes").await.ok();
    assert_eq!(owner(&scene.thread_owner(DESK_TOKEN).await), Some(DESK));

    scene.control(DESK_TOKEN, "release_thread_control", json!({})).await.ok();
    assert_eq!(scene.thread_owner(BOT_TOKEN).await, json!({"data": []}));
    scene.bot.rest().await;
    scene.says("and now").await;
    assert_eq!(scene.bot.next_with("message").await.0, "messaging");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_default_app_or_one_with_leave_takes() {
    let mut scene = Scene::new().await;
    scene.says("hi").await;
    assert_eq!(scene.control(DESK_TOKEN, "take_thread_control", json!({})).await.error(), (400, 27, None));
    scene.post("/sandbox/subscriptions", json!({"page_id": PAGE, "app_id": DESK, "may_take": true})).await.ok();
    scene.control(DESK_TOKEN, "take_thread_control", json!({"metadata": "mine"})).await.ok();
    let (channel, event) = scene.bot.next_with("take_thread_control").await;
    assert_eq!(channel, "messaging");
    assert_eq!(event["take_thread_control"], json!({"previous_owner_app_id": BOT, "new_owner_app_id": DESK, "metadata": "mine"}));
    scene.control(BOT_TOKEN, "take_thread_control", json!({})).await.ok();
    assert_eq!(owner(&scene.thread_owner(BOT_TOKEN).await), Some(BOT));
}

#[tokio::test(flavor = "multi_thread")]
async fn control_calls_by_others_are_refused() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    for edge in ["pass_thread_control", "release_thread_control"] {
        assert_eq!(scene.control(DESK_TOKEN, edge, json!({"target_app_id": DESK})).await.error(), (400, 100, None), "{edge}");
    }
    let extend = json!({"duration": 3600});
    assert_eq!(scene.control(DESK_TOKEN, "extend_thread_control", extend).await.error(), (400, 100, None));
    let nobody = json!({"target_app_id": "42"});
    assert_eq!(scene.control(BOT_TOKEN, "pass_thread_control", nobody).await.error(), (400, 100, Some(2_018_164)));
    assert_eq!(owner(&scene.thread_owner(BOT_TOKEN).await), Some(BOT));
    let hidden = scene.thread_owner(DESK_TOKEN).await;
    assert!(owner(&hidden).is_none() && hidden["data"][0]["thread_owner"]["expiration"].is_i64(), "{hidden}");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_lapses_after_a_day_unless_extended() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    scene.control(BOT_TOKEN, "pass_thread_control", json!({"target_app_id": DESK})).await.ok();
    let too_long = json!({"duration": 604_801});
    assert_eq!(scene.control(DESK_TOKEN, "extend_thread_control", too_long).await.error(), (400, 100, None));
    scene.control(DESK_TOKEN, "extend_thread_control", json!({"duration": 604_800})).await.ok();
    scene.advance(25 * HOUR).await;
    assert_eq!(owner(&scene.thread_owner(DESK_TOKEN).await), Some(DESK));
    scene.advance(6 * 24 * HOUR).await;
    assert_eq!(scene.thread_owner(DESK_TOKEN).await, json!({"data": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_whoever_holds_the_conversation() {
    let mut scene = Scene::new().await;
    scene.says("hi").await;
    scene.control(DESK_TOKEN, "request_thread_control", json!({"metadata": "please"})).await.ok();
    let (channel, event) = scene.bot.next_with("request_thread_control").await;
    assert_eq!(
        (channel.as_str(), &event["request_thread_control"]),
        ("messaging", &json!({"requested_owner_app_id": DESK, "metadata": "please"}))
    );
    assert!(scene.desk.rest().await.iter().all(|(_, event)| event.get("request_thread_control").is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_default_app_everybody_hears_and_the_first_to_speak_holds() {
    let mut scene = Scene::without_default().await;
    scene.says("hi").await;
    assert_eq!(scene.bot.next_with("message").await.0, "messaging");
    assert_eq!(scene.desk.next_with("message").await.0, "messaging");
    assert_eq!(scene.control(DESK_TOKEN, "take_thread_control", json!({})).await.error(), (400, 27, None));
    scene.send(DESK_TOKEN, "hello").await.ok();
    assert_eq!(scene.send(BOT_TOKEN, "hello").await.error(), (400, 10, Some(2_018_300)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_inbox_takes_by_replying_and_gives_back_by_passing() {
    let mut scene = Scene::new().await;
    scene.says("hi").await;
    assert_eq!(scene.external("pass", json!({})).await.status, 400, "who does not hold it cannot pass");
    scene.external("send", json!({"text": "Maria here"})).await.ok();
    let (_, event) = scene.bot.next_with("take_thread_control").await;
    assert_eq!(event["take_thread_control"], json!({"previous_owner_app_id": BOT, "new_owner_app_id": INBOX}));
    let (channel, echo) = scene.bot.next_with("message").await;
    let inbox: u64 = INBOX.parse().unwrap();
    assert_eq!((channel.as_str(), &echo["message"]["app_id"]), ("standby", &json!(inbox)));
    assert_eq!(scene.send(BOT_TOKEN, "me too").await.error(), (400, 10, Some(2_018_300)));
    scene.external("pass", json!({"target_app_id": BOT, "metadata": "done"})).await.ok();
    let (_, event) = scene.bot.next_with("pass_thread_control").await;
    assert_eq!(event["pass_thread_control"], json!({"previous_owner_app_id": INBOX, "new_owner_app_id": BOT, "metadata": "done"}));
    scene.send(BOT_TOKEN, "back again").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_control_passes_or_releases_after_the_message() {
    let mut scene = Scene::new().await;
    scene.says("hi").await;
    let pass = json!({"message": {"text": "one moment"}, "thread_control": {"control_type": "pass", "app_id": DESK}});
    scene.control(BOT_TOKEN, "messages", pass).await.ok();
    scene.desk.next_with("pass_thread_control").await;
    assert_eq!(owner(&scene.thread_owner(BOT_TOKEN).await), Some(DESK));
    let release = json!({"message": {"text": "bye"}, "thread_control": {}});
    scene.control(DESK_TOKEN, "messages", release).await.ok();
    assert_eq!(scene.thread_owner(BOT_TOKEN).await, json!({"data": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn instagram_refuses_with_its_own_subcode() {
    let mut scene = Scene::new().await;
    let igsid = scene.person(INSTAGRAM, "Grace").await;
    scene.post("/messages", json!({"page_id": INSTAGRAM, "psid": igsid, "text": "hi"})).await.ok();
    let body: Value = serde_json::from_slice(&scene.bot.next().await.body).unwrap();
    assert_eq!((&body["object"], &body["entry"][0]["id"]), (&json!("instagram"), &json!(INSTAGRAM)));
    let message = json!({"recipient": {"id": igsid}, "message": {"text": "hello"}});
    assert_eq!(scene.graph(DESK_TOKEN, "messages", message).await.error(), (400, 100, Some(2_534_037)));
    let pass = json!({"recipient": {"id": igsid}, "target_app_id": DESK});
    assert_eq!(scene.graph(DESK_TOKEN, "pass_thread_control", pass).await.error(), (400, 100, Some(2_534_037)));
}
