//! What strangers have stored is shown to people: as text, wherever it stands. And what people and apps say is in no log.

use scraper::{Html, Selector};
use serde_json::{Value, json};

use super::house::{
    Answer, BOT_SECRET, BOT_TOKEN, House, OTHER, OTHER_TOKEN, PAGE, PASSWORD, PERSON, PLATFORM_SECRET, UPSTREAM_TOKEN, VERIFY_TOKEN,
    encoded, next,
};
use super::watch;

/// Breaks out of texts, attributes in either quote, scripts, styles and comments, where nobody takes care. A number tells the places apart.
fn nasty(place: u32) -> String {
    format!(
        "z{place}\"'><script>alert({place})</script><img src=x onerror=alert({place})><svg/onload=alert({place})>--></style></title>javascript:alert({place})"
    )
}

/// Tags and attributes that only a break-out can have made, and addresses that a browser would run.
fn broken_out(html: &str) -> Vec<String> {
    let document = Html::parse_document(html);
    let all = Selector::parse("*").expect("a selector");
    let mut found = Vec::new();
    for element in document.select(&all) {
        let value = element.value();
        let own_script = value.name() == "script" && value.attr("src").is_none_or(|src| !src.starts_with("/static/"));
        let handler = value.attrs().any(|(name, _)| name.starts_with("on"));
        let runs = value.attrs().any(|(name, text)| {
            let address = text.trim_start().to_lowercase();
            matches!(name, "href" | "src" | "action" | "formaction" | "data" | "poster")
                && (address.starts_with("javascript:") || address.starts_with("data:"))
        });
        let strange = value.name() == "img" && value.attr("src") == Some("x");
        if own_script || handler || runs || strange {
            found.push(element.html().chars().take(300).collect());
        }
    }
    found
}

#[test]
fn a_break_out_would_be_seen() {
    assert_eq!(broken_out(&format!("<p>{}</p>", nasty(1))).len(), 3);
    assert_eq!(broken_out("<a href=' JavaScript:x'>x</a>").len(), 1);
    let escaped = nasty(1).replace('&', "&amp;").replace('<', "&lt;").replace('"', "&#34;");
    assert!(broken_out(&format!("<p title=\"{escaped}\">{escaped}</p>")).is_empty());
}

/// Everything a person or the platform can write into a conversation, each place with a text of its own.
fn items() -> Vec<Value> {
    let mut place = 0;
    let mut text = || {
        place += 1;
        nasty(place)
    };
    let now = baton::clock::now().millis();
    let mid = || format!("m_stored_{}", next());
    let item = |content: Value| {
        let mut item = json!({"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": now});
        item.as_object_mut().expect("an item").extend(content.as_object().expect("members").clone());
        item
    };
    let attachment =
        |kind: &str, payload: Value| item(json!({"message": {"mid": mid(), "attachments": [{"type": kind, "payload": payload}]}}));
    let mut items = vec![
        item(json!({"message": {"mid": mid(), "text": text()}})),
        item(json!({"message": {"mid": mid(), "text": format!("https://x.example/{}", text())}})),
        item(json!({"message": {"mid": mid(), "text": "see https://x.example/\"onmouseover=\"alert(1) and http://x.example/'><b>"}})),
        item(json!({"message": {"mid": mid(), "text": "javascript:alert(1) data:text/html,<script>alert(1)</script>"}})),
        item(json!({"message": {"mid": format!("m_{}", text()), "text": "x"}})),
        item(json!({"message": {"mid": mid(), "text": text(), "quick_reply": {"payload": text()}}})),
        item(json!({"postback": {"mid": mid(), "title": text(), "payload": text(), "referral": {"ref": text()}}})),
        item(json!({"reaction": {"mid": "m_first", "action": "react", "reaction": text(), "emoji": text()}})),
        item(json!({"referral": {"ref": text(), "source": text(), "type": text()}})),
        item(json!({"account_linking": {"status": text(), "authorization_code": text()}})),
        item(json!({"pass_thread_control": {"new_owner_app_id": text(), "previous_owner_app_id": text(), "metadata": text()}})),
        item(json!({"message": {"mid": mid(), "is_echo": true, "app_id": text(), "metadata": text(), "text": text()}})),
        item(
            json!({"message": {"mid": mid(), "text": "x", "reply_to": {"mid": text(), "story": {"url": "javascript:alert(1)", "id": text()}}}}),
        ),
        item(json!({"no_such_event": {"x": text(), text(): text()}})),
    ];
    for kind in ["image", "video", "audio", "file", "fallback", "sticker", "template", "story_mention", "ig_reel", "location", "unheard_of"]
    {
        items.push(attachment(kind, json!({"url": format!("https://x.example/{}", text()), "title": text(), "sticker_id": text()})));
        for url in [
            "javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
        ] {
            items.push(attachment(kind, json!({"url": url, "title": text()})));
        }
        let element = json!({"title": text(), "subtitle": text(), "image_url": "javascript:alert(1)", "buttons": [{"title": text(), "url": "javascript:alert(1)"}]});
        items.push(attachment(kind, json!({"template_type": text(), "text": text(), "elements": [element], "product": {"elements": [element]}, "buttons": [{"title": text()}]})));
    }
    items.push(attachment(&nasty(999), json!({})));
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stored_ever_runs_in_an_agents_browser() {
    let house = House::build().await;
    house.platform.set_profile(
        json!({"first_name": nasty(5001), "last_name": nasty(5002), "name": nasty(5003), "profile_pic": "javascript:alert(1)"}),
    );
    let now = baton::clock::now().millis();
    house.says(PAGE, "9100", "hello", now).await;
    for item in items() {
        let body = json!({"object": "page", "entry": [{"id": PAGE, "time": now, "messaging": [item]}]}).to_string();
        assert_eq!(house.webhook(body).await.status, 200);
    }
    // What apps say, and what they hand over with.
    let button = json!({"type": "web_url", "title": "z", "url": "javascript:alert(1)"});
    for message in [
        json!({"text": nasty(6001), "metadata": nasty(6002), "quick_replies": [{"content_type": "text", "title": "<b onclick=x>", "payload": nasty(6003)}]}),
        json!({"attachment": {"type": "template", "payload": {"template_type": "button", "text": nasty(6004), "buttons": [button]}}}),
    ] {
        let sent = house.post_as(BOT_TOKEN, "/me/messages", &json!({"recipient": {"id": PERSON}, "message": message})).await;
        assert_eq!(sent.status, 200, "{sent:?}");
    }
    let request =
        house.post_as(OTHER_TOKEN, "/me/request_thread_control", &json!({"recipient": {"id": PERSON}, "metadata": nasty(6005)})).await;
    assert_eq!(request.status, 200, "{request:?}");
    let facts = json!({nasty(6006): nasty(6007), "reason": nasty(6008)}).to_string();
    let pass = json!({"recipient": {"id": PERSON}, "target_app_id": "222", "metadata": facts});
    let passed = house.post_as(BOT_TOKEN, "/me/pass_thread_control", &pass).await;
    assert_eq!(passed.status, 200, "{passed:?}");
    // What admins and colleagues are called.
    sqlx::query("update apps set name = $1 || name").bind(nasty(7001)).execute(&house.database.pool).await.expect("names");
    sqlx::query("update pages set name = $1 || name").bind(nasty(7002)).execute(&house.database.pool).await.expect("names");
    sqlx::query("update users set name = $1 || name").bind(nasty(7003)).execute(&house.database.pool).await.expect("names");
    sqlx::query("update people set name = $1, first_name = $1").bind(nasty(7004)).execute(&house.database.pool).await.expect("names");
    let alice = house.log_in("alice@harbour.example").await;
    let carol = house.log_in("carol@baton.example").await;
    let conversation = format!("/inbox/{PAGE}/{PERSON}");
    let note = house.submit(&alice, &format!("{conversation}/note"), &[("text", &nasty(8001))]).await;
    assert_eq!(note.status, 303);
    let take = house.submit(&alice, &format!("{conversation}/control"), &[("action", "take")]).await;
    assert_eq!(take.status, 303, "{take:?}");
    let refused = house.submit(&alice, &format!("{conversation}/send"), &[("text", &nasty(8002).repeat(20)), ("key", "\"><b>12345")]).await;
    assert_eq!(refused.status, 422);
    assert_eq!(broken_out(&refused.text), Vec::<String>::new(), "what was written comes back as text");
    let mut pages = Vec::new();
    for login in [&alice, &carol] {
        for path in [
            conversation.clone(),
            format!("{conversation}?fragment=thread"),
            format!("{conversation}?fragment=list&view=open"),
            format!("{conversation}?before=30"),
            "/inbox?view=open".to_owned(),
            "/inbox?view=mine".to_owned(),
            "/inbox?view=needs&fragment=list".to_owned(),
            format!("/inbox/{PAGE}/9100"),
        ] {
            let page = house.look(login, &path).await;
            assert_eq!(page.status, 200, "{path}");
            assert_eq!(broken_out(&page.text), Vec::<String>::new(), "{path}");
            pages.push(page.text);
        }
    }
    let all = pages.concat();
    // The search has looked where these texts really stand.
    for place in [1, 6001, 6004, 7001, 7002, 7003, 7004, 8001] {
        assert!(all.contains(&format!("z{place}")), "the text {place} is shown nowhere");
    }
    // The pages for strangers show what they were asked for.
    let echo = Answer::of(house.http.post(house.url("/login")).body(encoded(&[("email", nasty(9001).as_str()), ("password", "x")]))).await;
    assert_eq!(broken_out(&echo.text), Vec::<String>::new());
    let next = Answer::of(house.http.get(house.url(&format!("/login?{}", encoded(&[("next", nasty(9002).as_str())]))))).await;
    assert_eq!(broken_out(&next.text), Vec::<String>::new());
    house.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_secret_and_nothing_anybody_said() {
    let house = House::build().await;
    let said = |what: &str| format!("confided-{what}-{}", next());
    let (text, payload, metadata, handed, asked, note, reply) =
        (said("text"), said("payload"), said("metadata"), said("handover"), said("request"), said("note"), said("reply"));
    let now = baton::clock::now().millis();
    let postback = json!({"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": now, "postback": {"mid": "m_p", "title": text, "payload": payload}});
    house.webhook(json!({"object": "page", "entry": [{"id": PAGE, "time": now, "messaging": [postback]}]}).to_string()).await;
    house.says(PAGE, PERSON, &text, now).await;
    // Broken, and set aside: the reason names what is wrong, not what it says.
    for broken in [
        format!("{{\"object\":\"page\",\"entry\":\"{text}\"}}"),
        format!("{{\"{text}\":"),
        format!("{{\"object\":\"page\",\"entry\":[\"{text}\"]}}"),
    ] {
        house.webhook(broken).await;
    }
    house.post_as(BOT_TOKEN, "/me/messages", &json!({"recipient": {"id": PERSON}, "message": {"text": text, "metadata": metadata}})).await;
    house.post_as(OTHER_TOKEN, "/me/request_thread_control", &json!({"recipient": {"id": PERSON}, "metadata": asked})).await;
    house
        .post_as(BOT_TOKEN, "/me/pass_thread_control", &json!({"recipient": {"id": PERSON}, "target_app_id": "999", "metadata": handed}))
        .await;
    house
        .post_as(BOT_TOKEN, "/me/pass_thread_control", &json!({"recipient": {"id": PERSON}, "target_app_id": OTHER, "metadata": handed}))
        .await;
    house
        .post_as(BOT_TOKEN, "/me/messages", &json!({"recipient": {"id": PERSON}, "message": {"text": [text]}, "access_token": BOT_TOKEN}))
        .await;
    house.get_as(&format!("111%7C{BOT_SECRET}"), "/111/subscriptions").await;
    house.get_as("111%7CwrongSecretThatWasTried", "/111/subscriptions").await;
    house.get_as("aWrongTokenThatWasTried", "/me").await;
    let alice = house.log_in("alice@harbour.example").await;
    Answer::of(
        house
            .http
            .post(house.url("/login"))
            .body(encoded(&[("email", "alice@harbour.example"), ("password", "aWrongPasswordThatWasTried")])),
    )
    .await;
    let conversation = format!("/inbox/{PAGE}/{PERSON}");
    house.submit(&alice, &format!("{conversation}/note"), &[("text", &note)]).await;
    house.submit(&alice, &format!("{conversation}/send"), &[("text", &reply)]).await;
    house.submit(&alice, &format!("{conversation}/control"), &[("action", "take"), ("note", &handed)]).await;
    Answer::of(
        house.http.get(house.url(&format!("/platform/webhook?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}x&hub.challenge=1"))),
    )
    .await;
    let log = watch::log();
    assert!(log.contains("logged in"), "the log is kept: {log}");
    let secrets = [
        BOT_TOKEN,
        OTHER_TOKEN,
        BOT_SECRET,
        PLATFORM_SECRET,
        UPSTREAM_TOKEN,
        VERIFY_TOKEN,
        PASSWORD,
        "wrongSecretThatWasTried",
        "aWrongTokenThatWasTried",
        "aWrongPasswordThatWasTried",
        alice.csrf.as_str(),
        alice.cookie.split_once('=').expect("a cookie").1,
    ];
    for secret in secrets.into_iter().chain([&text, &payload, &metadata, &handed, &asked, &note, &reply].map(String::as_str)) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
    house.stands().await;
}
