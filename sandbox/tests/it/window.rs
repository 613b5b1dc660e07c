//! The messaging window (Send API: 24 hours; 7 days with the human agent tag).

use serde_json::json;

use crate::scene::{BOT_TOKEN, HOUR, INSTAGRAM, PAGE, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_be_written_to_before_they_wrote() {
    let scene = Scene::new().await;
    assert_eq!(scene.send(BOT_TOKEN, "hello").await.error(), (400, 10, Some(2_018_278)));
    assert!(scene.transcript().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_closes_after_a_day_and_the_human_agent_tag_lasts_seven() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    scene.advance(24 * HOUR - 60_000).await;
    scene.send(BOT_TOKEN, "just in time").await.ok();
    scene.advance(2 * 60_000).await;
    assert_eq!(scene.send(BOT_TOKEN, "too late").await.error(), (400, 10, Some(2_018_278)));
    let tagged = json!({"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT", "message": {"text": "a person here"}});
    scene.control(BOT_TOKEN, "messages", tagged.clone()).await.ok();
    scene.advance(6 * 24 * HOUR).await;
    assert_eq!(scene.control(BOT_TOKEN, "messages", tagged).await.error(), (400, 10, Some(2_018_278)));
}

#[tokio::test(flavor = "multi_thread")]
async fn instagram_has_a_subcode_of_its_own() {
    let scene = Scene::new().await;
    let igsid = scene.person(INSTAGRAM, "Grace").await;
    let body = json!({"recipient": {"id": igsid}, "message": {"text": "hi"}});
    assert_eq!(scene.graph(BOT_TOKEN, "messages", body).await.error(), (400, 10, Some(2_534_022)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_dated_back_opens_no_window() {
    let scene = Scene::new().await;
    let now = scene.post("/sandbox/clock", json!({"advance_ms": 0})).await.ok()["now_ms"].as_i64().unwrap();
    let old = json!({"page_id": PAGE, "psid": scene.psid, "text": "long ago", "at": now - 25 * HOUR});
    scene.post("/messages", old).await.ok();
    assert_eq!(scene.transcript().await[0]["at"], json!(now - 25 * HOUR));
    assert_eq!(scene.send(BOT_TOKEN, "hello").await.error(), (400, 10, Some(2_018_278)));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_tags_are_refused_with_code_100() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    for tag in ["ACCOUNT_UPDATE", "CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE", "NEWS"] {
        let body = json!({"messaging_type": "MESSAGE_TAG", "tag": tag, "message": {"text": "x"}});
        assert_eq!(scene.control(BOT_TOKEN, "messages", body).await.error(), (400, 100, None), "{tag}");
    }
}
