//! The customer's chat page, as a browser without JavaScript sees it, and the live stream.

use serde_json::json;

use crate::scene::{BOT, BOT_TOKEN, PAGE, Scene};

impl Scene {
    async fn page(&self, path: &str, language: &str) -> String {
        let request = self.http().get(format!("{}{path}", self.base)).header("Accept-Language", language);
        let answer = request.send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        answer.text().await.unwrap()
    }

    async fn submit(&self, form: &str) -> reqwest::Response {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let request = http.post(format!("{}/chat/{PAGE}/{}/messages", self.base, self.psid));
        request.header("Content-Type", "application/x-www-form-urlencoded").body(form.to_owned()).send().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_shown_side_by_side_with_who_answered() {
    let scene = Scene::new().await;
    scene.person(PAGE, "Grace Hopper").await;
    scene.says("<script>alert(1)</script>").await;
    scene.send(BOT_TOKEN, "hello").await.ok();
    let page = scene.page("/", "en").await;
    for expected in ["Ada Lovelace", "Grace Hopper", "&#60;script&#62;alert(1)", "<span class=\"sender\">Bot</span>", "New customer"] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(scene.page("/", "de-AT,de;q=0.9").await.contains("Nachricht"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_writes_taps_and_leads_back() {
    let scene = Scene::new().await;
    let answer = scene.submit("text=Hello+there&back=%2F").await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, format!("/#c-{}", scene.psid).as_str()));
    let offer = json!([{"content_type": "text", "title": "Yes, please", "payload": "YES"}]);
    scene.control(BOT_TOKEN, "messages", json!({"message": {"text": "Shall I?", "quick_replies": offer}})).await.ok();
    assert!(scene.page(&format!("/chat/{PAGE}/{}", scene.psid), "en").await.contains("value=\"YES\""));
    scene.submit("quick_reply=YES&back=//evil.example").await;
    let told = scene.transcript().await;
    assert_eq!((&told[0]["text"], &told[0]["from"]), (&json!("Hello there"), &json!("person")));
    assert_eq!((&told[2]["text"], &told[2]["quick_reply"]), (&json!("Yes, please"), &json!("YES")));
    let away = scene.submit("text=x&back=//evil.example").await;
    assert!(!away.headers()["location"].to_str().unwrap().contains("evil"));
    let empty = scene.submit("text=++&back=%2F").await;
    assert_eq!((empty.status().as_u16(), scene.transcript().await.len()), (303, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_a_chat_reads_it() {
    let mut scene = Scene::new().await;
    scene.says("hi").await;
    scene.send(BOT_TOKEN, "hello").await.ok();
    let fragment = format!("/chat/{PAGE}/{}/thread", scene.psid);
    scene.page(&fragment, "en").await;
    assert_eq!(scene.transcript().await[1]["status"], json!("delivered"));
    scene.page(&format!("{fragment}?look=1"), "en").await;
    assert_eq!(scene.transcript().await[1]["status"], json!("seen"));
    scene.bot.next_with("read").await;
    scene.page(&format!("{fragment}?look=1"), "en").await;
    assert!(scene.bot.rest().await.is_empty(), "nothing new was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_are_no_web_addresses_are_not_followed() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    let buttons = json!([{"type": "web_url", "title": "Run", "url": "javascript:alert(1)"}]);
    let template = json!({"type": "template", "payload": {"template_type": "button", "text": "Danger", "buttons": buttons}});
    scene.control(BOT_TOKEN, "messages", json!({"message": {"attachment": template}})).await.ok();
    let page = scene.page("/", "en").await;
    assert!(page.contains("Danger") && !page.contains("javascript:"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_tells_which_conversation_changed() {
    let scene = Scene::new().await;
    let mut stream = scene.http().get(format!("{}/live", scene.base)).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "retry: 1000\n\n");
    scene.says("hi").await;
    let expected = format!("event: change\ndata: {{\"page_id\":\"{PAGE}\",\"psid\":\"{}\"}}\n\n", scene.psid);
    assert_eq!(stream.chunk().await.unwrap().unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_unknown_chats_are_answered() {
    let scene = Scene::new().await;
    let picture = scene.http().get(format!("{}/avatars/{PAGE}/{}.svg", scene.base, scene.psid)).send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/svg+xml");
    assert!(picture.text().await.unwrap().contains(">AL</text>"));
    for path in [format!("/chat/{PAGE}/1"), format!("/avatars/{PAGE}/1.svg"), format!("/files/1/{BOT}")] {
        assert_eq!(scene.http().get(format!("{}{path}", scene.base)).send().await.unwrap().status(), 404, "{path}");
    }
}
