//! The Graph side: encodings, tokens, limits, profiles, batch.

use serde_json::{Value, json};

use crate::scene::{BOT, BOT_TOKEN, DESK, INBOX, PAGE, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_send_is_taken_in_every_encoding_of_the_documentation() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    let id = &scene.psid;
    let url = format!("{}/v2.6/me/messages", scene.base);
    let form = "application/x-www-form-urlencoded";
    let strict = format!(r#"recipient={{"id":"{id}"}}&message={{"text":"form"}}&messaging_type=RESPONSE&access_token={BOT_TOKEN}"#);
    let single = format!("recipient={{'id':'{id}'}}&message={{'text':'single'}}&access_token={BOT_TOKEN}");
    for body in [strict, single] {
        let answer = scene.http().post(&url).header("Content-Type", form).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["facebook-api-version"], "v2.6");
    }
    let query = format!("{url}?recipient={{id:{id}}}&message={{text:bare}}&access_token={BOT_TOKEN}");
    assert_eq!(scene.http().post(query).send().await.unwrap().status(), 200);
    let bearer = scene.http().post(&url).bearer_auth(BOT_TOKEN).json(&json!({"recipient": {"id": id}, "message": {"text": "bearer"}}));
    assert_eq!(bearer.send().await.unwrap().status(), 200);
    let told = scene.transcript().await;
    let texts: Vec<&str> = told[1..].iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["form", "single", "bare", "bearer"]);
    assert!(
        told[1..]
            .iter()
            .all(|message| message["from"] == json!("page") && message["app_id"] == json!(BOT) && message["app_name"] == json!("Bot"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_recipients_are_checked() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    assert_eq!(scene.send("EAAnotatoken", "x").await.error(), (400, 190, None));
    let stranger = json!({"recipient": {"id": "9999999999999999"}, "message": {"text": "x"}});
    assert_eq!(scene.graph(BOT_TOKEN, "messages", stranger).await.error(), (400, 100, Some(2_018_001)));
    let elsewhere = scene.post(&format!("/v25.0/123/messages?access_token={BOT_TOKEN}"), json!({})).await;
    assert_eq!(elsewhere.error(), (400, 100, Some(33)));
    let nonsense = scene.get(&format!("/me/thread_settings?access_token={BOT_TOKEN}")).await;
    assert_eq!(nonsense.error(), (400, 100, None));
    let proof = scene.get(&format!("/me?access_token={BOT_TOKEN}&appsecret_proof=abc")).await;
    assert_eq!(proof.error(), (400, 100, None));
    // printf 'EAAbot' | openssl dgst -sha256 -hmac 'bot secret'
    let proof = "2b2afd95e0994ef7afed4f2e7281e47b2eff9f6c808bf1d4b872cd4334390293";
    assert_eq!(scene.get(&format!("/me?access_token={BOT_TOKEN}&appsecret_proof={proof}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_the_send_api_hold() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    let reply = |payload: usize| json!({"content_type": "text", "title": "t", "payload": "x".repeat(payload)});
    let button = json!({"type": "postback", "title": "Go", "payload": "GO"});
    let template = |payload: Value| json!({"attachment": {"type": "template", "payload": payload}});
    let refused = [
        json!({"text": "x".repeat(2_001)}),
        json!({"text": "x", "metadata": "m".repeat(1_001)}),
        json!({"text": "x", "quick_replies": vec![reply(1); 14]}),
        json!({"text": "x", "quick_replies": [reply(1_001)]}),
        json!({"text": "x", "attachment": {"type": "image", "payload": {"url": "https://example.com/a.png"}}}),
        json!({"attachment": {"type": "hologram", "payload": {}}}),
        template(json!({"template_type": "button", "text": "t", "buttons": [button, button, button, button]})),
        template(json!({"template_type": "generic", "elements": vec![json!({"title": "t", "subtitle": "s"}); 11]})),
        template(json!({"template_type": "generic", "elements": [{"title": "t".repeat(81), "subtitle": "s"}]})),
        template(json!({"template_type": "media", "elements": []})),
    ];
    for message in refused {
        assert_eq!(scene.control(BOT_TOKEN, "messages", json!({"message": message})).await.error(), (400, 100, None), "{message}");
    }
    let both = json!({"message": {"text": "x"}, "sender_action": "typing_on"});
    assert_eq!(scene.control(BOT_TOKEN, "messages", both).await.error(), (400, 100, Some(2_018_014)));
    assert_eq!(scene.transcript().await.len(), 1, "a refusal changes nothing");
    let accepted = [json!({"text": "ü".repeat(2_000)}), json!({"text": "x", "quick_replies": vec![reply(1_000); 13]})];
    for message in accepted {
        scene.control(BOT_TOKEN, "messages", json!({"message": message})).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sender_actions_show_and_answer_without_a_message_id() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    let answer = scene.control(BOT_TOKEN, "messages", json!({"sender_action": "TYPING_ON"})).await.ok();
    assert_eq!(answer, json!({"recipient_id": scene.psid}));
    let chat = format!("/messages?page_id={PAGE}&psid={}", scene.psid);
    assert_eq!(scene.get(&chat).await.ok()["typing"], json!(true));
    scene.control(BOT_TOKEN, "messages", json!({"sender_action": "mark_seen"})).await.ok();
    assert_eq!(scene.transcript().await[0]["status"], json!("seen"));
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_empty_until_the_person_wrote() {
    let scene = Scene::new().await;
    let path = format!("/v25.0/{}?fields=first_name,last_name,name,locale&access_token={BOT_TOKEN}", scene.psid);
    assert_eq!(scene.get(&path).await.ok(), json!({}));
    scene.says("hi").await;
    let known = json!({"first_name": "Ada", "last_name": "Lovelace", "name": "Ada Lovelace", "locale": "en_US", "id": scene.psid});
    assert_eq!(scene.get(&path).await.ok(), known);
    assert_eq!(scene.get(&format!("/me?access_token={BOT_TOKEN}")).await.ok(), json!({"name": "Corner Shop", "id": PAGE}));
    let receivers = scene.get(&format!("/me/secondary_receivers?fields=id,name&access_token={BOT_TOKEN}")).await.ok();
    assert_eq!(receivers, json!({"data": [{"id": DESK, "name": "Desk"}, {"id": INBOX, "name": "Page inbox"}]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_messenger_profile_is_kept() {
    let scene = Scene::new().await;
    let set = json!({"get_started": {"payload": "START"}, "greeting": [{"locale": "default", "text": "Hello"}]});
    assert_eq!(scene.graph(BOT_TOKEN, "messenger_profile", set).await.ok(), json!({"result": "success"}));
    let path = format!("/me/messenger_profile?fields=get_started,greeting&access_token={BOT_TOKEN}");
    let shown = scene.get(&path).await.ok();
    assert_eq!(shown["data"][0]["get_started"], json!({"payload": "START"}));
    assert_eq!(scene.delete(&format!("{path}&fields=greeting")).await.ok(), json!({"result": "success"}));
    assert_eq!(scene.get(&path).await.ok(), json!({"data": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_runs_in_order_and_reports_each() {
    let scene = Scene::new().await;
    scene.says("hi").await;
    let body = format!("recipient=%7B%22id%22%3A%22{}%22%7D&message=%7B%22text%22%3A%22in%20a%20batch%22%7D", scene.psid);
    let batch = json!([
        {"method": "post", "relative_url": "me/messages", "body": body},
        {"method": "GET", "relative_url": "/v25.0/me?fields=name"},
        {"method": "GET", "relative_url": "nowhere"},
    ]);
    let answers = scene.post(&format!("/v25.0/?access_token={BOT_TOKEN}"), json!({"batch": batch})).await.ok();
    let codes: Vec<i64> = answers.as_array().unwrap().iter().map(|answer| answer["code"].as_i64().unwrap()).collect();
    assert_eq!(codes, [200, 200, 400]);
    let inner: Value = serde_json::from_str(answers[1]["body"].as_str().unwrap()).unwrap();
    assert_eq!(inner["name"], json!("Corner Shop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_a_page_works_from_the_dialog_to_its_token() {
    let scene = Scene::new().await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let dialog = format!("{}/v25.0/dialog/oauth?client_id={BOT}&redirect_uri=http://127.0.0.1/back&state=s1", scene.base);
    let answer = http.get(dialog).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let target = reqwest::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let pairs: std::collections::HashMap<_, _> = target.query_pairs().into_owned().collect();
    assert_eq!(pairs["state"], "s1");
    let code = &pairs["code"];
    let redeem = format!("/oauth/access_token?client_id={BOT}&client_secret=bot secret&redirect_uri=http://127.0.0.1/back&code={code}");
    let token = scene.get(&redeem).await.ok()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(scene.get(&redeem).await.error(), (400, 100, None), "a code works once");
    let pages = scene.get(&format!("/me/accounts?access_token={token}")).await.ok();
    assert_eq!((&pages["data"][0]["id"], &pages["data"][0]["access_token"]), (&json!(PAGE), &json!(BOT_TOKEN)));
    let checked = scene.get(&format!("/debug_token?input_token={BOT_TOKEN}&access_token={BOT}%7Cbot secret")).await.ok();
    assert_eq!((&checked["data"]["is_valid"], &checked["data"]["profile_id"]), (&json!(true), &json!(PAGE)));
}
