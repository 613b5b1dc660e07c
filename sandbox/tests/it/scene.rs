//! A platform with a Page, an Instagram account, two apps and a person.

use reqwest::Client;
use sandbox::server::{self, Running};
use sandbox::settings::{Delivery, Settings};
use serde_json::{Value, json};

use crate::receiver::Receiver;

pub const PAGE: &str = "1000200030004000";
pub const INSTAGRAM: &str = "17841400008460056";
pub const BOT: &str = "111000111000111";
pub const DESK: &str = "222000222000222";
pub const INBOX: &str = "263902037430900";
pub const BOT_TOKEN: &str = "EAAbot";
pub const DESK_TOKEN: &str = "EAAdesk";

/// Milliseconds of an hour.
pub const HOUR: i64 = 3_600_000;

pub struct Scene {
    pub base: String,
    pub bot: Receiver,
    pub desk: Receiver,
    pub psid: String,
    http: Client,
    _running: Running,
}

/// A refusal or success of the Graph API.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// Code and subcode of the error.
    pub fn error(&self) -> (u16, i64, Option<i64>) {
        let error = &self.body["error"];
        assert!(error["fbtrace_id"].is_string(), "an envelope with a trace id: {}", self.body);
        (self.status, error["code"].as_i64().unwrap(), error["error_subcode"].as_i64())
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

impl Scene {
    /// The bot is the default app; the desk is a second app that may not take.
    pub async fn new() -> Self {
        Self::with(true, Delivery { retry_first_ms: 20, retry_max_ms: 60, ..Delivery::default() }).await
    }

    /// No default app: whoever speaks first holds an idle conversation.
    pub async fn without_default() -> Self {
        Self::with(false, Delivery::default()).await
    }

    pub async fn with(default: bool, delivery: Delivery) -> Self {
        let (bot, desk) = (Receiver::start(), Receiver::start());
        let config = json!({
            "apps": [
                {"app_id": BOT, "name": "Bot", "app_secret": "bot secret", "verify_token": "let me in", "callback_url": bot.url, "default": default},
                {"app_id": DESK, "name": "Desk", "app_secret": "desk secret", "verify_token": "let me in", "callback_url": desk.url},
            ],
            "pages": [
                {"id": PAGE, "name": "Corner Shop", "token": BOT_TOKEN},
                {"id": PAGE, "name": "corner.shop", "object": "instagram", "instagram_id": INSTAGRAM},
            ],
            "subscriptions": [{"page_id": PAGE, "app_id": DESK, "token": DESK_TOKEN}],
        });
        let settings = Settings { delivery, ..Settings::default() };
        let running = server::start(settings, serde_json::from_value(config).unwrap()).unwrap();
        let base = format!("http://{}", running.address());
        let http = Client::builder().no_proxy().build().unwrap();
        let mut scene = Self { base, bot, desk, psid: String::new(), http, _running: running };
        scene.psid = scene.person(PAGE, "Ada Lovelace").await;
        scene
    }

    pub async fn person(&self, page: &str, name: &str) -> String {
        let made = self.post("/people", json!({"page_id": page, "name": name})).await.ok();
        made["psid"].as_str().unwrap().to_owned()
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.http.post(format!("{}{path}", self.base)).json(&body).send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.http.get(format!("{}{path}", self.base)).send().await.unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        answer(self.http.delete(format!("{}{path}", self.base)).send().await.unwrap()).await
    }

    pub fn http(&self) -> &Client {
        &self.http
    }

    /// The person writes; returns the message id.
    pub async fn says(&self, text: &str) -> String {
        let said = self.post("/messages", json!({"page_id": PAGE, "psid": self.psid, "text": text})).await.ok();
        said["mid"].as_str().unwrap().to_owned()
    }

    /// A Graph call on an edge of the Page.
    pub async fn graph(&self, token: &str, edge: &str, body: Value) -> Answer {
        self.post(&format!("/v25.0/me/{edge}?access_token={token}"), body).await
    }

    /// A control call about the person.
    pub async fn control(&self, token: &str, edge: &str, extra: Value) -> Answer {
        let mut body = json!({"recipient": {"id": self.psid}});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.graph(token, edge, body).await
    }

    /// An app sends the person a text.
    pub async fn send(&self, token: &str, text: &str) -> Answer {
        self.control(token, "messages", json!({"messaging_type": "RESPONSE", "message": {"text": text}})).await
    }

    pub async fn advance(&self, ms: i64) {
        self.post("/sandbox/clock", json!({"advance_ms": ms})).await.ok();
    }

    pub async fn transcript(&self) -> Vec<Value> {
        let told = self.get(&format!("/messages?page_id={PAGE}&psid={}", self.psid)).await.ok();
        told["messages"].as_array().unwrap().clone()
    }
}

async fn answer(response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, body }
}
