//! An app behind Baton: it speaks the Graph API to one process and takes webhooks.

use serde_json::{Value, json};

use super::{Person, Receiver, recipient, text};

/// A webhook app on the Page.
#[derive(Clone)]
pub struct App {
    /// Its id.
    pub id: String,
    /// Signs its webhooks.
    pub secret: String,
    /// What its callback is verified with.
    pub verify_token: String,
    /// Its token for the Page.
    pub token: String,
    /// What it has been told.
    pub receiver: Receiver,
    base: String,
    http: reqwest::Client,
}

/// An answer of the Graph API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Code and subcode of a refusal.
    pub fn error(&self) -> Option<(i64, Option<i64>)> {
        let error = &self.body["error"];
        Some((error["code"].as_i64()?, error["error_subcode"].as_i64()))
    }
}

impl App {
    pub(super) fn new(added: &Value, receiver: Receiver, http: reqwest::Client, base: String) -> Self {
        let field = |name: &str| text(&added[name]);
        Self {
            id: field("app_id"),
            secret: field("app_secret"),
            verify_token: field("verify_token"),
            token: field("page_token"),
            receiver,
            base,
            http,
        }
    }

    /// The same app, calling another process.
    pub fn through(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// Sends a text.
    pub async fn send(&self, person: &Person, text: &str) -> Answer {
        self.messages(person, json!({"text": text}), None).await.expect("Baton answers")
    }

    /// Sends a message under an `Idempotency-Key`, if one is given. An error when nothing answered.
    pub async fn messages(&self, person: &Person, message: Value, key: Option<&str>) -> reqwest::Result<Answer> {
        let body = json!({"recipient": recipient(person), "messaging_type": "RESPONSE", "message": message});
        let request = self.request("messages", &body);
        answer(key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key))).await
    }

    /// Passes control to another app, or to the default app.
    pub async fn pass(&self, person: &Person, target: Option<&App>) -> Answer {
        self.control("pass_thread_control", person, json!({"target_app_id": target.map(|app| &app.id)})).await
    }

    /// Takes control.
    pub async fn take(&self, person: &Person) -> Answer {
        self.control("take_thread_control", person, json!({})).await
    }

    /// Asks for control.
    pub async fn request_control(&self, person: &Person) -> Answer {
        self.control("request_thread_control", person, json!({})).await
    }

    /// Lets control go.
    pub async fn release(&self, person: &Person) -> Answer {
        self.control("release_thread_control", person, json!({})).await
    }

    /// A call of thread control; null parameters are left out.
    pub async fn control(&self, edge: &str, person: &Person, mut more: Value) -> Answer {
        more["recipient"] = recipient(person);
        if let Some(parameters) = more.as_object_mut() {
            parameters.retain(|_, value| !value.is_null());
        }
        self.try_control(edge, &more).await.expect("Baton answers")
    }

    /// The same, or an error when nothing answered.
    pub async fn try_control(&self, edge: &str, body: &Value) -> reqwest::Result<Answer> {
        answer(self.request(edge, body)).await
    }

    /// Who holds the conversation, as far as the app may know. An error when nothing answered.
    pub async fn thread_owner(&self, person: &Person) -> reqwest::Result<Answer> {
        let url = format!("{}/v25.0/me/thread_owner?recipient={}&access_token={}", self.base, person.psid, self.token);
        answer(self.http.get(url)).await
    }

    fn request(&self, edge: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/v25.0/me/{edge}?access_token={}", self.base, self.token)).json(body)
    }
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
}
