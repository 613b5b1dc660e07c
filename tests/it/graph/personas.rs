//! Personas, and what is set for one person: handed through to the platform, which is the sandbox here, and nothing else with them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::running::{App, PAGE, Person, Running};

const PICTURE: &str = "https://cdn.example.org/paula.png";

struct House {
    running: Running,
    bot: App,
    ada: Person,
}

impl House {
    async fn build() -> Self {
        let running = Running::start(1).await;
        let bot = running.add_app("Bot", &["--default"]).await;
        let ada = running.person("Ada Lovelace").await;
        ada.says("Hello").await;
        bot.receiver.heard("the greeting", |delivery| delivery.text() == Some("Hello")).await;
        Self { running, bot, ada }
    }

    /// Status and answer of a call with the bot's token, and some parameters in its body.
    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/v23.0/{path}", self.running.baton().base);
        let request = self.running.http.request(method, url).bearer_auth(&self.bot.token).json(&body);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn make(&self, name: &str) -> String {
        let (status, made) = self.call(Method::POST, "me/personas", json!({"name": name, "profile_picture_url": PICTURE})).await;
        assert_eq!(status, 200, "{made}");
        made["id"].as_str().unwrap_or_else(|| panic!("an id: {made}")).to_owned()
    }

    /// The calls with this method that reached the platform.
    async fn reached(&self, method: &str) -> Vec<Value> {
        let journal = self.running.sandbox.journal().await;
        let calls = journal["calls"].as_array().expect("calls").clone();
        calls.into_iter().filter(|call| call["method"] == method).collect()
    }
}

fn code(answer: &(u16, Value)) -> (u16, Option<i64>) {
    (answer.0, answer.1["error"]["code"].as_i64())
}

#[tokio::test(flavor = "multi_thread")]
async fn personas_are_made_listed_shown_used_and_removed() {
    let house = House::build().await;
    let (paula, omar) = (house.make("Paula").await, house.make(&"ü".repeat(50)).await);
    let (_, all) = house.call(Method::GET, &format!("{PAGE}/personas"), json!({})).await;
    let mut ids: Vec<&str> = all["data"].as_array().expect("a list").iter().filter_map(|it| it["id"].as_str()).collect();
    ids.sort_unstable();
    let mut made = [paula.as_str(), omar.as_str()];
    made.sort_unstable();
    assert_eq!(ids, made);
    assert_eq!(all.get("paging"), None, "it is whole");
    let (_, part) = house.call(Method::GET, "me/personas?limit=1", json!({})).await;
    assert_eq!((&part["data"][0]["id"], part["data"].as_array().map(Vec::len)), (&json!(made[0]), Some(1)));
    assert_eq!(part["paging"], json!({"cursors": {"before": made[0], "after": made[0]}}), "no address with the Page's token");
    let (_, part) = house.call(Method::GET, &format!("me/personas?limit=1&after={}", made[0]), json!({})).await;
    assert_eq!(part["data"][0]["id"], json!(made[1]));
    let shown = json!({"id": paula, "name": "Paula", "profile_picture_url": PICTURE});
    assert_eq!(house.call(Method::GET, &paula, json!({})).await, (200, shown));
    assert_eq!(house.call(Method::GET, &format!("{paula}?fields=name"), json!({})).await.1, json!({"id": paula, "name": "Paula"}));
    let message = json!({"recipient": {"id": house.ada.psid}, "message": {"text": "It is me"}, "persona_id": paula});
    assert_eq!(house.call(Method::POST, "me/messages", message).await.0, 200);
    assert_eq!(house.ada.reads("It is me").await["persona_id"], json!(paula));
    assert_eq!(house.call(Method::DELETE, &paula, json!({})).await, (200, json!({"success": true})));
    assert_eq!(code(&house.call(Method::DELETE, &paula, json!({})).await), (400, Some(100)));
    assert_eq!(code(&house.call(Method::GET, &paula, json!({})).await), (400, Some(100)));
    let (_, left) = house.call(Method::GET, "me/personas", json!({})).await;
    assert_eq!(left["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_persona_is_removed_and_nothing_unfit_is_made() {
    let house = House::build().await;
    for node in [house.ada.psid.as_str(), PAGE, "me", "m_1", "1234567890123456", "personas"] {
        assert_eq!(code(&house.call(Method::DELETE, node, json!({})).await), (400, Some(100)), "{node}");
    }
    let picture = json!(PICTURE);
    for (name, picture) in [
        (json!(""), &picture),
        (json!("x".repeat(51)), &picture),
        (json!({}), &picture),
        (json!("Paula"), &json!("")),
        (json!("Paula"), &json!("paula.png")),
        (json!("Paula"), &json!("javascript:alert(1)")),
    ] {
        let refused = house.call(Method::POST, "me/personas", json!({"name": name, "profile_picture_url": picture})).await;
        assert_eq!(code(&refused), (400, Some(100)), "{refused:?}");
    }
    assert_eq!(house.reached("DELETE").await, Vec::<Value>::new());
    // One that was made beside Baton is known once it is listed.
    house.running.sandbox.set_page_token("EAAbeside").await;
    house.running.set_page_token("EAAbeside").await;
    let mut beside = Vec::new();
    // More than the platform lists at once.
    for number in 0..30 {
        let persona = json!({"name": format!("Beside {number}"), "profile_picture_url": PICTURE});
        let made = house.running.sandbox.post("/v23.0/me/personas?access_token=EAAbeside", &persona).await;
        beside.push(made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned());
    }
    beside.sort_unstable();
    assert_eq!(code(&house.call(Method::DELETE, &beside[29], json!({})).await), (400, Some(100)));
    let (_, listed) = house.call(Method::GET, "me/personas", json!({})).await;
    let ids: Vec<&str> = listed["data"].as_array().expect("a list").iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(ids, beside);
    assert_eq!(house.call(Method::DELETE, &beside[29], json!({})).await.0, 200);
    assert_eq!(code(&house.call(Method::GET, "me/personas?platform=instagram", json!({})).await), (400, Some(100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instagram_account_has_neither_personas_nor_menus() {
    let house = House::build().await;
    sqlx::query("update pages set object = 'instagram', rules_version = rules_version + 1")
        .execute(&house.running.database.pool)
        .await
        .expect("done");
    let asked = house.reached("GET").await.len();
    let psid = &house.ada.psid;
    for edge in ["personas".to_owned(), format!("custom_user_settings?psid={psid}")] {
        assert_eq!(code(&house.call(Method::GET, &format!("me/{edge}"), json!({})).await), (400, Some(100)), "{edge}");
    }
    assert_eq!(code(&house.call(Method::POST, "me/unlink_accounts", json!({"psid": psid})).await), (400, Some(100)));
    assert_eq!(house.reached("GET").await.len(), asked, "the Page is not asked instead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_a_menu_of_their_own_and_is_unlinked() {
    let house = House::build().await;
    let psid = house.ada.psid.as_str();
    let menu = json!([{"locale": "default", "composer_input_disabled": false, "call_to_actions": [{"type": "postback", "title": "Order", "payload": "ORDER"}]}]);
    let done = (200, json!({"result": "success"}));
    assert_eq!(house.call(Method::POST, "me/custom_user_settings", json!({"psid": psid, "persistent_menu": menu})).await, done);
    let own = async || {
        house.call(Method::GET, &format!("me/custom_user_settings?psid={psid}"), json!({})).await.1["data"][0]["user_level_persistent_menu"]
            .clone()
    };
    assert_eq!(own().await, menu);
    let gone = format!("me/custom_user_settings?psid={psid}&params=[\"persistent_menu\"]");
    assert_eq!(house.call(Method::DELETE, &gone, json!({})).await, done);
    assert_eq!(own().await, Value::Null);
    let unlinked = house.call(Method::POST, "me/unlink_accounts", json!({"psid": psid})).await;
    assert_eq!(unlinked, (200, json!({"result": "unlink account success"})));
    let stranger = "9999999999999999";
    for (method, edge, body) in [
        (Method::POST, "custom_user_settings", json!({"psid": stranger, "persistent_menu": []})),
        (Method::POST, "custom_user_settings", json!({"psid": psid, "persistent_menu": "x"})),
        (Method::POST, "custom_user_settings", json!({"psid": psid})),
        (Method::GET, "custom_user_settings", json!({})),
        (Method::DELETE, "custom_user_settings", json!({"psid": psid})),
        (Method::POST, "unlink_accounts", json!({"psid": stranger})),
        (Method::POST, "unlink_accounts", json!({})),
        (Method::GET, "unlink_accounts", json!({"psid": psid})),
    ] {
        assert_eq!(
            code(&house.call(method.clone(), &format!("me/{edge}"), body.clone()).await),
            (400, Some(100)),
            "{method} {edge} {body}"
        );
    }
}
