//! Attachments by URL, by upload and by id.

use serde_json::json;

use crate::scene::{BOT_TOKEN, DESK_TOKEN, HOUR, Scene};

fn multipart(fields: &[(&str, &str)], mime: &str, content: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes());
    }
    let head = format!("--XX\r\nContent-Disposition: form-data; name=\"filedata\"; filename=\"a.png\"\r\nContent-Type: {mime}\r\n\r\n");
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reusable_attachment_by_url_gets_an_id_that_expires() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    let image = json!({"type": "image", "payload": {"url": "https://example.com/a.png", "is_reusable": true}});
    let sent = scene.control(BOT_TOKEN, "messages", json!({"message": {"attachment": image}})).await.ok();
    let id = sent["attachment_id"].as_str().unwrap().to_owned();
    let by_id = json!({"message": {"attachment": {"type": "image", "payload": {"attachment_id": id}}}});
    scene.control(BOT_TOKEN, "messages", by_id.clone()).await.ok();
    let as_video = json!({"message": {"attachment": {"type": "video", "payload": {"attachment_id": id}}}});
    assert_eq!(scene.control(BOT_TOKEN, "messages", as_video).await.error(), (400, 100, Some(2_018_047)));
    assert_eq!(scene.transcript().await[2]["attachments"][0]["payload"]["url"], json!("https://example.com/a.png"));
    scene.advance(91 * 24 * HOUR).await;
    scene.says("still there?").await;
    assert_eq!(scene.control(BOT_TOKEN, "messages", by_id).await.error(), (400, 100, Some(2_018_074)));
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_without_a_web_address_are_refused() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    for url in ["file:///etc/passwd", "not a url", ""] {
        let image = json!({"message": {"attachment": {"type": "image", "payload": {"url": url}}}});
        assert_eq!(scene.control(BOT_TOKEN, "messages", image).await.error(), (400, 100, Some(2_018_008)), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_uploaded_then_sent_then_opened() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    let message = r#"{"attachment":{"type":"image","payload":{"is_reusable":true}}}"#;
    let upload = |path: &str, fields: &[(&str, &str)], mime: &str| {
        let body = multipart(fields, mime, b"\x89PNG fake");
        let request = scene.http().post(format!("{}/v25.0/me/{path}", scene.base));
        request.header("Content-Type", "multipart/form-data; boundary=XX").body(body)
    };
    let fields = [("access_token", BOT_TOKEN), ("message", message)];
    let saved: serde_json::Value = upload("message_attachments", &fields, "image/png").send().await.unwrap().json().await.unwrap();
    assert!(saved["attachment_id"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_digit()));
    let mismatch = upload("message_attachments", &fields, "audio/mpeg").send().await.unwrap();
    assert_eq!(mismatch.status(), 400);

    let recipient = format!(r#"{{"id":"{}"}}"#, scene.psid);
    let direct = [("access_token", BOT_TOKEN), ("recipient", recipient.as_str()), ("message", message)];
    assert_eq!(upload("messages", &direct, "image/png").send().await.unwrap().status(), 200);
    let url = scene.transcript().await[1]["attachments"][0]["payload"]["url"].as_str().unwrap().to_owned();
    let opened = scene.http().get(url).send().await.unwrap();
    assert_eq!((opened.status().as_u16(), opened.headers()["content-type"].to_str().unwrap()), (200, "image/png"));
    assert_eq!(&opened.bytes().await.unwrap()[..], b"\x89PNG fake");

    let by_other = json!({"message": {"attachment": {"type": "image", "payload": {"attachment_id": "12345"}}}});
    assert_eq!(scene.control(BOT_TOKEN, "messages", by_other).await.error(), (400, 100, Some(2_018_074)));
    assert_eq!(scene.send(DESK_TOKEN, "x").await.error(), (400, 10, Some(2_018_300)));
}
