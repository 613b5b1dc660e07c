//! What goes wrong on purpose.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scene::{BOT, BOT_TOKEN, PAGE, Scene};

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
async fn webhooks_are_lost_or_straggle_behind_those_after_them() {
    let mut scene = Scene::new().await;
    let faults = json!([
        {"kind": "webhook_loss", "count": 1, "app_id": BOT, "event": "message"},
        {"kind": "webhook_straggle", "ms": 150, "count": 1, "app_id": BOT, "event": "reaction"},
        {"kind": "webhook_duplicate", "ms": 150, "count": 1, "app_id": BOT, "event": "message_edit"},
    ]);
    scene.post("/sandbox/faults", faults).await.ok();
    let mid = scene.says("lost").await;
    for (path, change) in [("/reactions", json!({"emoji": "x"})), ("/edits", json!({"text": "changed"}))] {
        let mut body = json!({"page_id": PAGE, "psid": scene.psid, "mid": mid});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        scene.post(path, body).await.ok();
    }
    assert!(scene.get("/sandbox/log").await.ok()["pending"].as_u64() > Some(0), "what straggles is still to come");
    let kinds = ["message_edit", "reaction"];
    let mut came: Vec<&str> = Vec::new();
    for (_, event) in scene.bot.rest().await {
        came.extend(kinds.iter().filter(|kind| event.get(**kind).is_some()));
    }
    came.sort_unstable();
    assert_eq!(came, ["message_edit", "message_edit", "reaction"]);
    assert_eq!(scene.get("/sandbox/log").await.ok()["pending"], json!(0));
    let lost: Vec<String> = texts(&scene.desk.rest().await).into_iter().map(str::to_owned).collect();
    assert_eq!(lost, ["lost"], "the other app heard it");
}

#[tokio::test(flavor = "multi_thread")]
async fn timestamps_come_in_every_form_and_off_the_truth() {
    let mut scene = Scene::new().await;
    let cases = [
        (json!({"form": "seconds"}), 0),
        (json!({"form": "text_seconds"}), 0),
        (json!({"form": "text"}), 0),
        (json!({"shift_ms": -60_000}), -60_000),
        (json!({"shift_ms": 60_000, "form": "text"}), 60_000),
    ];
    for (mut fault, shift) in cases {
        let form = fault["form"].as_str().unwrap_or_default().to_owned();
        fault.as_object_mut().unwrap().extend(json!({"kind": "webhook_timestamp", "count": 1, "app_id": BOT}).as_object().unwrap().clone());
        scene.post("/sandbox/faults", fault).await.ok();
        scene.says("when?").await;
        let truth = scene.desk.next_with("message").await.1["timestamp"].as_i64().unwrap() + shift;
        let told = scene.bot.next_with("message").await.1["timestamp"].clone();
        let expected = match form.as_str() {
            "seconds" => json!(truth / 1000),
            "text_seconds" => json!((truth / 1000).to_string()),
            "text" => json!(truth.to_string()),
            _ => json!(truth),
        };
        assert_eq!(told, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_breaks_off_before_or_fails_after_it_was_done() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    let send = async || {
        let body = json!({"recipient": {"id": scene.psid}, "message": {"text": "once"}});
        scene.http().post(format!("{}/me/messages?access_token={BOT_TOKEN}", scene.base)).json(&body).send().await
    };
    let sends = async || scene.get("/sandbox/log").await.ok()["sends"].as_array().unwrap().len();
    scene.post("/sandbox/faults", json!({"kind": "drop_call", "count": 1})).await.ok();
    assert!(send().await.is_err(), "the connection closes without an answer");
    assert_eq!(sends().await, 0);
    scene.post("/sandbox/faults", json!({"kind": "late_error", "count": 1})).await.ok();
    assert_eq!(send().await.unwrap().status(), 500);
    assert_eq!(sends().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_names_the_times_that_it_is_given() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    scene.post("/sandbox/faults", json!({"kind": "too_many_requests", "count": 1, "regain_minutes": 0, "retry_after_s": 3})).await.ok();
    let body = json!({"recipient": {"id": scene.psid}, "message": {"text": "x"}});
    let answer = scene.http().post(format!("{}/me/messages?access_token={BOT_TOKEN}", scene.base)).json(&body).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["Retry-After"].to_str().unwrap()), (429, "3"));
    let usage: Value = serde_json::from_str(answer.headers()["X-Business-Use-Case-Usage"].to_str().unwrap()).unwrap();
    assert_eq!(usage["100"][0]["estimated_time_to_regain_access"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_token_ends_the_one_before() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    scene.post("/sandbox/subscriptions", json!({"page_id": PAGE, "app_id": BOT, "token": "EAAnew"})).await.ok();
    assert_eq!(scene.send(BOT_TOKEN, "lost").await.error(), (400, 190, None));
    scene.send("EAAnew", "found").await.ok();
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
