//! An app's webhook endpoint.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::web::{Bytes, Data, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a webhook may take to come.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it must stay away to count as not coming.
const QUIET: Duration = Duration::from_millis(250);

/// A webhook as it came in.
#[derive(Debug)]
pub struct Received {
    pub body: Bytes,
    pub sha1: String,
    pub sha256: String,
}

impl Received {
    /// The only event of the webhook and the channel that it came on.
    pub fn event(&self) -> (String, Value) {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let entry = &body["entry"][0];
        let channel = if entry.get("standby").is_some() { "standby" } else { "messaging" };
        assert_eq!(entry[channel].as_array().unwrap().len(), 1, "one event in a webhook: {body}");
        (channel.to_owned(), entry[channel][0].clone())
    }
}

struct State {
    sender: mpsc::UnboundedSender<Received>,
    status: AtomicU16,
    hold_ms: AtomicU64,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

/// A running endpoint.
pub struct Receiver {
    pub url: String,
    received: mpsc::UnboundedReceiver<Received>,
    state: Arc<State>,
}

impl Receiver {
    pub fn start() -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            sender,
            status: AtomicU16::new(200),
            hold_ms: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let data = Data::from(state.clone());
        let app =
            move || App::new().app_data(data.clone()).route("/webhook", web::get().to(verify)).route("/webhook", web::post().to(receive));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        tokio::spawn(server);
        Self { url, received, state }
    }

    /// The status of the answers from now on.
    pub fn answer(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    /// How long the answers take from now on.
    pub fn hold(&self, ms: u64) {
        self.state.hold_ms.store(ms, Ordering::SeqCst);
    }

    /// The most webhooks that were being answered at one time.
    pub fn most_in_flight(&self) -> usize {
        self.state.most_in_flight.load(Ordering::SeqCst)
    }

    /// The next webhook.
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = Received> {
        let caller = std::panic::Location::caller();
        async move { timeout(PATIENCE, self.received.recv()).await.unwrap_or_else(|_| panic!("no webhook came for {caller}")).unwrap() }
    }

    /// The next event that has `key`, with its channel; others are skipped.
    #[track_caller]
    pub fn next_with(&mut self, key: &'static str) -> impl Future<Output = (String, Value)> {
        let caller = std::panic::Location::caller();
        async move {
            loop {
                let received =
                    timeout(PATIENCE, self.received.recv()).await.unwrap_or_else(|_| panic!("no {key} came for {caller}")).unwrap();
                let (channel, event) = received.event();
                if event.get(key).is_some() {
                    return (channel, event);
                }
            }
        }
    }

    /// Everything that comes until it is quiet.
    pub async fn rest(&mut self) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        while let Ok(Some(received)) = timeout(QUIET, self.received.recv()).await {
            events.push(received.event());
        }
        events
    }
}

#[derive(serde::Deserialize)]
struct Challenge {
    #[serde(rename = "hub.mode")]
    mode: String,
    #[serde(rename = "hub.verify_token")]
    verify_token: String,
    #[serde(rename = "hub.challenge")]
    challenge: String,
}

async fn verify(query: Query<Challenge>) -> HttpResponse {
    if query.mode == "subscribe" && query.verify_token == "let me in" {
        HttpResponse::Ok().body(query.challenge.clone())
    } else {
        HttpResponse::Forbidden().finish()
    }
}

async fn receive(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let now = state.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
    state.most_in_flight.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(state.hold_ms.load(Ordering::SeqCst))).await;
    state.in_flight.fetch_sub(1, Ordering::SeqCst);
    // Settled before the test hears of it: a test that then changes the status means the next answer.
    let status = state.status.load(Ordering::SeqCst);
    state.sender.send(Received { body, sha1: header("X-Hub-Signature"), sha256: header("X-Hub-Signature-256") }).ok();
    HttpResponse::build(status.try_into().unwrap()).body("EVENT_RECEIVED")
}
