//! What goes wrong on purpose.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scene::{BOT, BOT_TOKEN, Scene};

fn texts(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().filter_map(|(_, event)| event["message"]["text"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_change_nothing_and_end_after_their_count() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    let cases = [
        (json!({"kind": "server_error", "count": 1}), (500, 2, None)),
        (json!({"kind": "too_many_requests", "count": 1}), (429, 4, None)),
        (json!({"kind": "expired_token", "count": 1}), (400, 190, Some(463))),
        (json!({"kind": "throttle", "count": 1}), (400, 613, None)),
        (json!({"kind": "throttle", "code": 4, "count": 1}), (400, 4, None)),
        (json!({"kind": "throttle", "code": 32, "count": 1}), (400, 32, None)),
    ];
    for (fault, expected) in cases {
        scene.post("/sandbox/faults", json!([fault])).await.ok();
        assert_eq!(scene.send(BOT_TOKEN, "lost").await.error(), expected, "{fault}");
    }
    assert_eq!(scene.transcript().await.len(), 1);
    scene.send(BOT_TOKEN, "found").await.ok();
    assert_eq!(scene.transcript().await.len(), 2);
    let listed = scene.get("/sandbox/faults").await.ok();
    assert!(listed["faults"].as_array().unwrap().iter().all(|fault| fault["fired"] == json!(1)), "{listed}");
    assert_eq!(scene.delete("/sandbox/faults").await.ok(), json!({"faults": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_carries_the_usage_header() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    scene.post("/sandbox/faults", json!([{"kind": "throttle", "code": 80_006, "count": 1}])).await.ok();
    let body = json!({"recipient": {"id": scene.psid}, "message": {"text": "x"}});
    let answer = scene.http().post(format!("{}/me/messages?access_token={BOT_TOKEN}", scene.base)).json(&body).send().await.unwrap();
    let usage: Value = serde_json::from_str(answer.headers()["X-Business-Use-Case-Usage"].to_str().unwrap()).unwrap();
    let first = &usage.as_object().unwrap().values().next().unwrap()[0];
    assert_eq!((&first["type"], &first["estimated_time_to_regain_access"]), (&json!("messenger"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_answer_was_accepted_all_the_same() {
    let mut scene = Scene::new().await;
    scene.says("hi").await;
    scene.post("/sandbox/faults", json!([{"kind": "drop_answer", "count": 1}])).await.ok();
    let body = json!({"recipient": {"id": scene.psid}, "message": {"text": "unknown", "metadata": "token-1"}});
    let outcome = scene.http().post(format!("{}/me/messages?access_token={BOT_TOKEN}", scene.base)).json(&body).send().await;
    assert!(outcome.is_err(), "the connection closes without an answer: {outcome:?}");
    scene.bot.next_with("message").await;
    let (_, echo) = scene.bot.next_with("message").await;
    assert_eq!(echo["message"]["metadata"], json!("token-1"));
    let log = scene.get("/sandbox/log").await.ok();
    assert_eq!((&log["sends"][0]["mid"], &log["sends"][0]["metadata"]), (&echo["message"]["mid"], &json!("token-1")));
    assert_eq!(log["calls"][0]["status"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_are_slow() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    scene.post("/sandbox/faults", json!([{"kind": "slow_answer", "ms": 120, "count": 1}])).await.ok();
    let begun = Instant::now();
    scene.send(BOT_TOKEN, "late").await.ok();
    assert!(begun.elapsed() >= Duration::from_millis(120));
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_come_twice_or_in_another_order() {
    let mut scene = Scene::new().await;
    scene.post("/sandbox/faults", json!([{"kind": "webhook_duplicate", "count": 1, "app_id": BOT}])).await.ok();
    scene.says("one").await;
    scene.says("two").await;
    assert_eq!(texts(&scene.bot.rest().await), ["one", "one", "two"]);
    assert_eq!(texts(&scene.desk.rest().await), ["one", "two"]);
    scene.post("/sandbox/faults", json!([{"kind": "webhook_reorder", "count": 1, "app_id": BOT}])).await.ok();
    for text in ["three", "four", "five"] {
        scene.says(text).await;
    }
    assert_eq!(texts(&scene.bot.rest().await), ["four", "three", "five"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_webhook_is_not_held_for_ever_and_delays_are_kept() {
    let mut scene = Scene::new().await;
    let both =
        json!([{"kind": "webhook_reorder", "count": 1, "app_id": BOT}, {"kind": "webhook_delay", "ms": 100, "count": 1, "app_id": BOT}]);
    scene.post("/sandbox/faults", both).await.ok();
    let begun = Instant::now();
    scene.says("alone").await;
    scene.bot.next_with("message").await;
    assert!(begun.elapsed() >= Duration::from_millis(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dice_are_repeatable_by_their_seed() {
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let scene = Scene::new().await;
        scene.says("hi").await;
        scene.post("/sandbox/faults", json!({"kind": "server_error", "probability": 0.5, "seed": 7})).await.ok();
        let mut statuses = Vec::new();
        for _ in 0..12 {
            statuses.push(scene.send(BOT_TOKEN, "x").await.status);
        }
        assert!(statuses.contains(&200) && statuses.contains(&500), "{statuses:?}");
        outcomes.push(statuses);
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_faults_are_refused_in_plain_words() {
    let scene = Scene::new().await;
    let answer = scene.post("/sandbox/faults", json!([{"kind": "earthquake"}])).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body["error"].is_string());
}
