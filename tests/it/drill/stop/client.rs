//! Who asks while Baton stops: the platform and an app, some behind a balancer that heeds readiness, others that ask until nobody listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::line::{Answer, Line, NoAnswer};
use crate::harness::running::{App, PAGE, Person, Running};

/// How often readiness is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How long a client rests between two requests.
const REST: Duration = Duration::from_millis(80);

/// How a client takes it that Baton stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Asks nothing more once Baton is not ready: every request of it must be answered.
    Heedful,
    /// Asks until nobody listens: what is answered must be answered well, and once a connection is said to be the last, it is.
    Stubborn,
}

/// Whether Baton is ready, as a balancer sees it.
#[derive(Clone)]
pub struct Readiness {
    ready: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

impl Readiness {
    /// Looks until it is not ready.
    pub fn watch(base: &str) -> Self {
        let watch = Self { ready: Arc::new(AtomicBool::new(true)), answered: Arc::default() };
        let (ready, base) = (Arc::clone(&watch.ready), base.to_owned());
        tokio::spawn(async move {
            let request = get("/readyz");
            while Line::to(&base).ask(&request).await.is_ok_and(|answer| answer.status == 200) {
                tokio::time::sleep(LOOK).await;
            }
            ready.store(false, Ordering::Relaxed);
        });
        watch
    }

    /// How many requests have been answered.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }
}

/// A request, and what became of it.
pub struct Asked {
    /// The message's id, or the key of the send.
    pub name: String,
    /// Whether it is a send of the app rather than a webhook of the platform.
    pub is_send: bool,
    /// To ask again.
    pub request: String,
    /// Nothing, if the connection ended without one.
    pub answer: Option<Answer>,
}

/// One client with a connection of its own.
pub struct Client {
    line: Line,
    name: String,
    is_send: bool,
    make: Box<dyn Fn(&str) -> String + Send>,
}

impl Client {
    /// The platform brings messages of a person.
    pub fn platform(running: &Running, person: Person, name: String) -> Self {
        let secret = running.platform_secret().to_owned();
        let make = move |mid: &str| {
            let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| u64::try_from(time.as_millis()).expect("milliseconds"));
            let (from, to) = (json!({"id": person.psid}), json!({"id": PAGE}));
            let message = json!({"sender": from, "recipient": to, "timestamp": now, "message": {"mid": mid, "text": mid}});
            let body = json!({"object": "page", "entry": [{"id": PAGE, "time": now, "messaging": [message]}]}).to_string();
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
            mac.update(body.as_bytes());
            post("/platform/webhook", &format!("X-Hub-Signature-256: sha256={}", hex::encode(mac.finalize().into_bytes())), &body)
        };
        Self { line: Line::to(&running.baton().base), name: format!("m_{name}"), is_send: false, make: Box::new(make) }
    }

    /// An app sends messages to a person.
    pub fn app(running: &Running, app: &App, person: Person, name: String) -> Self {
        let path = format!("/v25.0/me/messages?access_token={}", app.token);
        let make = move |key: &str| {
            let body = json!({"recipient": {"id": person.psid}, "messaging_type": "RESPONSE", "message": {"text": key}}).to_string();
            post(&path, &format!("Idempotency-Key: {key}"), &body)
        };
        Self { line: Line::to(&running.baton().base), name, is_send: true, make: Box::new(make) }
    }

    /// Asks and asks. Everything that was asked.
    pub async fn run(mut self, manner: Manner, readiness: Readiness) -> Vec<Asked> {
        let mut asked = Vec::new();
        loop {
            if manner == Manner::Heedful && !readiness.ready.load(Ordering::Relaxed) {
                return asked;
            }
            let name = format!("{}_{}", self.name, asked.len());
            let request = (self.make)(&name);
            let answer = match self.line.ask(&request).await {
                Ok(answer) => Some(answer),
                Err(why) if manner == Manner::Heedful => panic!("{name} has no answer: {why:?}"),
                Err(NoAnswer::Refused) => return asked,
                Err(NoAnswer::Closed) => None,
            };
            readiness.answered.fetch_add(usize::from(answer.is_some()), Ordering::Relaxed);
            asked.push(Asked { name, is_send: self.is_send, request, answer });
            tokio::time::sleep(REST).await;
        }
    }
}

/// Asks anew over a connection of its own.
pub async fn insist(base: &str, request: &str) -> Answer {
    Line::to(base).ask(request).await.expect("an answer")
}

/// The id that a send was answered with.
pub fn sent(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    body["message_id"].as_str().expect("a message id").to_owned()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: baton\r\nConnection: close\r\n\r\n")
}

fn post(path: &str, header: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: baton\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{header}\r\n\r\n{body}",
        body.len()
    )
}
