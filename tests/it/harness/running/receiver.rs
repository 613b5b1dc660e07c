//! An app's callback: records every delivery in the order of arrival and answers as it is told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::broadcast;

use crate::harness::eventually;

/// What arrived with one POST.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// `webhook-id`: the same each time the event comes.
    pub id: String,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes that are signed.
    pub raw: Vec<u8>,
    /// The same, read.
    pub body: Value,
}

impl Delivery {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `messaging` or `standby`.
    pub fn channel(&self) -> &'static str {
        if self.body["entry"][0]["standby"].is_array() { "standby" } else { "messaging" }
    }

    /// The only item.
    pub fn item(&self) -> &Value {
        &self.body["entry"][0][self.channel()][0]
    }

    /// The person whose conversation it is about: whoever of the two is not the Page.
    pub fn psid(&self) -> Option<&str> {
        let page = self.body["entry"][0]["id"].as_str()?;
        let item = self.item();
        [&item["sender"]["id"], &item["recipient"]["id"]].into_iter().filter_map(Value::as_str).find(|id| *id != page)
    }

    /// The message's text.
    pub fn text(&self) -> Option<&str> {
        self.item()["message"]["text"].as_str()
    }

    /// Whether it is a message of the Page.
    pub fn is_echo(&self) -> bool {
        self.item()["message"]["is_echo"] == true
    }

    /// Whether `X-Hub-Signature-256` is made with this secret over exactly these bytes.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
        mac.update(&self.raw);
        self.header("x-hub-signature-256") == Some(&format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
    }
}

type Policy = Box<dyn FnMut(&Delivery) -> u16 + Send>;

struct State {
    deliveries: Mutex<Vec<Delivery>>,
    policy: Mutex<Policy>,
    think_ms: AtomicU64,
    arrived: broadcast::Sender<Delivery>,
}

/// A callback on a port of its own. It stops with the last copy.
#[derive(Clone)]
pub struct Receiver {
    /// Its address.
    pub url: String,
    state: Arc<State>,
    _stop: Arc<Stop>,
}

struct Stop(ServerHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        // The command is sent at once; nobody waits for the outcome.
        drop(self.0.stop(false));
    }
}

impl Receiver {
    /// Takes everything with 200 until it is told otherwise.
    pub fn start() -> Self {
        let state = Arc::new(State {
            deliveries: Mutex::default(),
            policy: Mutex::new(Box::new(|_| 200)),
            think_ms: AtomicU64::new(0),
            arrived: broadcast::channel(16_384).0,
        });
        let data = Data::from(Arc::clone(&state));
        let server =
            HttpServer::new(move || App::new().app_data(data.clone()).route("/", web::get().to(verify)).route("/", web::post().to(take)))
                .workers(1)
                .disable_signals()
                .bind("127.0.0.1:0")
                .expect("a free port");
        let url = format!("http://{}/", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, state, _stop: Arc::new(Stop(handle)) }
    }

    /// Answers each delivery with this status from now on.
    pub fn answer(&self, policy: impl FnMut(&Delivery) -> u16 + Send + 'static) {
        *self.state.policy.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(policy);
    }

    /// How long it takes from now on until it answers. A delivery counts as arrived before.
    pub fn think(&self, time: Duration) {
        self.state.think_ms.store(u64::try_from(time.as_millis()).expect("milliseconds"), Ordering::Relaxed);
    }

    /// Everything so far, in the order of arrival, what was refused among it.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.deliveries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Each delivery from now on, once it has been answered with 200.
    pub fn taken(&self) -> broadcast::Receiver<Delivery> {
        self.state.arrived.subscribe()
    }

    /// Waits until a delivery is as described; the first such.
    pub async fn heard(&self, what: &str, is_it: impl Fn(&Delivery) -> bool) -> Delivery {
        eventually(&format!("the app hears {what}"), async || self.deliveries().into_iter().find(&is_it)).await
    }
}

#[derive(serde::Deserialize)]
struct Challenge {
    #[serde(rename = "hub.challenge")]
    challenge: String,
}

async fn verify(query: Query<Challenge>) -> String {
    query.into_inner().challenge
}

async fn take(request: HttpRequest, raw: Bytes, state: Data<State>) -> HttpResponse {
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let id = request.headers().get("webhook-id").map(text).unwrap_or_default();
    let body = serde_json::from_slice(&raw).unwrap_or_default();
    let delivery = Delivery { id, headers, raw: raw.to_vec(), body };
    let status = (state.policy.lock().unwrap_or_else(PoisonError::into_inner))(&delivery);
    state.deliveries.lock().unwrap_or_else(PoisonError::into_inner).push(delivery.clone());
    tokio::time::sleep(Duration::from_millis(state.think_ms.load(Ordering::Relaxed))).await;
    if status == 200 {
        // Nobody need listen.
        let _ = state.arrived.send(delivery);
    }
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).finish()
}
