//! The platform in a box, and the people on it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::baton::Platform;
use super::folder::Folder;
use super::program::{self, Program};
use super::{PAGE, PLATFORM_APP};
use crate::harness::eventually;

/// The running sandbox.
pub struct Sandbox {
    /// Its address.
    pub base: String,
    http: reqwest::Client,
    _program: Program,
}

/// Somebody who writes to the Page.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id on the Page.
    pub psid: String,
    base: String,
    http: reqwest::Client,
}

impl Sandbox {
    /// Starts it. Webhooks that are not taken come again soon, so that a test need not wait.
    pub(super) async fn start(folder: &Arc<Folder>, http: &reqwest::Client, platform: &Platform) -> Self {
        let world = json!({
            "apps": [{
                "app_id": PLATFORM_APP, "name": "Baton", "app_secret": platform.app_secret, "verify_token": platform.verify_token,
                "callback_url": format!("http://127.0.0.1:{}/platform/webhook", platform.port), "default": true, "may_take": true,
            }],
            "pages": [{"id": PAGE, "name": "Harbour Coffee", "token": platform.page_token}],
        });
        let config = folder.join("world.json");
        std::fs::write(&config, world.to_string()).expect("a file");
        let address = format!("127.0.0.1:{}", program::free_port());
        let mut command = program::command(&program::path("sandbox"));
        command.args(["--listen", &address, "--retry-first-ms", "50", "--retry-max-ms", "400", "--config"]).arg(&config);
        let mut program = Program::start(command, "sandbox", folder);
        let base = format!("http://{address}");
        program.answers(http, &format!("{base}/healthz")).await;
        Self { base, http: http.clone(), _program: program }
    }

    /// A new customer.
    pub async fn person(&self, name: &str) -> Person {
        let made = self.post("/people", &json!({"page_id": PAGE, "name": name})).await;
        Person { psid: super::text(&made["psid"]), base: self.base.clone(), http: self.http.clone() }
    }

    /// Sends the webhooks of Baton's app elsewhere from now on.
    pub async fn deliver_to(&self, platform_webhook: &str) {
        let apps = self.get("/sandbox/apps").await;
        let mut app = apps["apps"].as_array().expect("apps").iter().find(|app| app["app_id"] == PLATFORM_APP).expect("Baton").clone();
        app["callback_url"] = json!(platform_webhook);
        app["verify"] = json!(true);
        self.post("/sandbox/apps", &app).await;
    }

    /// What happened so far: accepted sends, Graph calls, attempts at webhooks, and how many webhooks are pending.
    pub async fn journal(&self) -> Value {
        self.get("/sandbox/log").await
    }

    /// How many webhooks Baton has still to take.
    pub async fn pending(&self) -> u64 {
        let none = u64::MAX;
        let told = self.get(&format!("/sandbox/log?sends_after={none}&calls_after={none}&webhooks_after={none}")).await;
        told["pending"].as_u64().expect("a number")
    }

    /// Switches faults on, beside those that are.
    pub async fn misbehave(&self, faults: &Value) {
        self.post("/sandbox/faults", faults).await;
    }

    /// Switches all faults off. What they were, and how often each had struck.
    pub async fn behave(&self) -> Vec<Value> {
        let told = self.get("/sandbox/faults").await;
        expect(self.http.delete(format!("{}/sandbox/faults", self.base))).await;
        told["faults"].as_array().expect("faults").clone()
    }

    /// Lets the platform take this token of the Page, and no longer the one before.
    pub async fn set_page_token(&self, token: &str) {
        self.post("/sandbox/subscriptions", &json!({"page_id": PAGE, "app_id": PLATFORM_APP, "token": token})).await;
    }

    /// The number of the newest attempt at a webhook.
    pub async fn newest_attempt(&self) -> u64 {
        self.journal().await["webhooks"].as_array().and_then(|attempts| attempts.last()?["n"].as_u64()).unwrap_or_default()
    }

    /// How many attempts at webhooks after this number were answered with 503.
    pub async fn told_to_come_again(&self, after: u64) -> usize {
        let none = u64::MAX;
        let told = self.get(&format!("/sandbox/log?sends_after={none}&calls_after={none}&webhooks_after={after}")).await;
        told["webhooks"].as_array().expect("a list").iter().filter(|attempt| attempt["status"] == 503).count()
    }

    /// Calls the sandbox's own API.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        expect(self.http.post(format!("{}{path}", self.base)).json(body)).await
    }

    /// Asks the sandbox's own API.
    pub async fn get(&self, path: &str) -> Value {
        expect(self.http.get(format!("{}{path}", self.base))).await
    }
}

impl Person {
    /// Writes a text; the message's id.
    pub async fn says(&self, text: &str) -> String {
        self.writes(json!({"text": text})).await
    }

    /// Taps a quick reply or a button of a message; `payload` is what stands behind it.
    pub async fn taps(&self, quick_reply: bool, title: &str, payload: &str) -> String {
        let kind = if quick_reply { "quick_reply" } else { "postback" };
        self.writes(json!({kind: {"title": title, "payload": payload}})).await
    }

    async fn writes(&self, mut body: Value) -> String {
        body["page_id"] = json!(PAGE);
        body["psid"] = json!(self.psid);
        let said = expect(self.http.post(format!("{}/messages", self.base)).json(&body)).await;
        super::text(&said["mid"])
    }

    /// The conversation as the person sees it, oldest first: `{mid, from: person | page, text, …}` each.
    pub async fn transcript(&self) -> Vec<Value> {
        let told = expect(self.http.get(format!("{}/messages?page_id={PAGE}&psid={}", self.base, self.psid))).await;
        told["messages"].as_array().expect("messages").clone()
    }

    /// The texts that the Page has written, oldest first.
    pub async fn has_read(&self) -> Vec<String> {
        let from_page = |message: &Value| (message["from"] == "page").then(|| message["text"].as_str().unwrap_or_default().to_owned());
        self.transcript().await.iter().filter_map(from_page).collect()
    }

    /// Waits until the Page has written a text with these words in it; the message.
    pub async fn reads(&self, words: &str) -> Value {
        eventually(&format!("the person reads {words:?}"), async || {
            let matches = |message: &Value| message["from"] == "page" && message["text"].as_str().is_some_and(|text| text.contains(words));
            self.transcript().await.into_iter().find(matches)
        })
        .await
    }
}

async fn expect(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("the sandbox answers");
    let status = answer.status();
    let text = answer.text().await.expect("an answer");
    assert!(status.is_success(), "the sandbox refuses: {status} {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
