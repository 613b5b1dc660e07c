//! The Graph API over real HTTP on a real ledger, with a platform that does as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use baton::apps::SignsOfLife;
use baton::apps::graph::{self, GraphApi, Outcomes, Parts, Settings};
use baton::apps::http::{self, Outbound};
use baton::crypto::seal::Sealer;
use baton::crypto::{signature, token};
use baton::ledger::{Begun, Ledger, OutboxLease, SendError, SendId, SendJob, SendOutcome};
use baton::store::Store;
use baton::wire::upstream::{Upstream, UpstreamCall, UpstreamError, UpstreamMethod};
use baton::wire::{AppId, GraphError, MessageId, PageId, Timestamp, webhook};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::harness::page::{TestPage, app_id};
use crate::harness::{Database, database};

pub const PERSON: &str = "9001";
pub const BOT_TOKEN: &str = "token-of-the-bot";
pub const OTHER_TOKEN: &str = "token-of-the-other";
pub const BOT_SECRET: &str = "secret-of-the-bot";

/// A call that reached the fake platform.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: UpstreamMethod,
    pub path: String,
    pub body: Value,
    pub file: Option<(String, usize)>,
}

pub struct House {
    pub database: Database,
    pub ledger: Ledger,
    pub page: TestPage,
    pub base: String,
    pub http: reqwest::Client,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    pub sent: Arc<Mutex<Vec<SendJob>>>,
    pub signs: SignsOfLife,
    stop: CancellationToken,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("an answer");
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}")) }
    }

    /// Code, subcode and status of an error in a complete envelope.
    pub fn error(&self) -> (i64, Option<i64>, u16) {
        let error = &self.body["error"];
        let code = error["code"].as_i64().unwrap_or_else(|| panic!("no error: {self:?}"));
        assert!(error["fbtrace_id"].as_str().is_some_and(|id| !id.is_empty()), "{self:?}");
        assert!(error["message"].is_string() && error["type"].is_string(), "{self:?}");
        (code, error["error_subcode"].as_i64(), self.status)
    }
}

impl House {
    pub async fn build() -> Self {
        Self::with(Settings::default()).await
    }

    /// A Page whose person has written, so that the bot owns the conversation; the outbox is running.
    pub async fn with(settings: Settings) -> Self {
        let house = Self::without_outbox(settings).await;
        tokio::spawn(outbox(
            house.database.store.clone(),
            house.ledger.clone(),
            house.page.id.clone(),
            house.sent.clone(),
            house.stop.clone(),
        ));
        house
    }

    pub async fn without_outbox(settings: Settings) -> Self {
        let database = database().await;
        let page = TestPage::insert(&database.pool).await;
        let sealer = Sealer::new(&[7; 32]);
        for (app, given, secret) in [(&page.bot, BOT_TOKEN, BOT_SECRET), (&page.other, OTHER_TOKEN, "secret-of-the-other")] {
            let sealed = sealer.seal(&format!("apps.secret.{app}"), secret.as_bytes()).expect("sealed");
            sqlx::query("update apps set secret_sealed = $2 where app_id = $1")
                .bind(app.as_str())
                .bind(sealed)
                .execute(&database.pool)
                .await
                .expect("a secret");
            sqlx::query("insert into app_tokens (token_hash, page_id, app_id) values ($1, $2, $3)")
                .bind(token::hash(given).as_slice())
                .bind(page.id.as_str())
                .bind(app.as_str())
                .execute(&database.pool)
                .await
                .expect("a token");
        }
        sqlx::query("insert into outbox_leases (page_id, process_id, generation) values ($1, 1, 1)")
            .bind(page.id.as_str())
            .execute(&database.pool)
            .await
            .expect("a lease");
        let (ledger, _) = Ledger::start(database.store.clone(), 1, app_id("555"));
        let stop = CancellationToken::new();
        let (outcomes, watch) = Outcomes::watch(database.store.clone(), ledger.advances().clone());
        tokio::spawn(watch.run(stop.clone()));
        let (upstream, served) = Upstream::channel();
        let asked = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(platform(served, asked.clone()));
        let outbound = Outbound::new(http::Settings {
            allowed_networks: vec!["127.0.0.0/8".parse().expect("a network")],
            ..http::Settings::default()
        });
        let signs = SignsOfLife::default();
        let parts = Parts {
            store: database.store.clone(),
            ledger: ledger.clone(),
            sealer,
            upstream,
            outcomes,
            signs: signs.clone(),
            outbound: outbound.expect("a client"),
        };
        let base = serve(GraphApi::new(parts, settings));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let house = Self { database, ledger, page, base, http: reqwest::Client::new(), asked, sent, signs, stop };
        house.says("m_first", "hello").await;
        house
    }

    /// The person writes.
    pub async fn says(&self, mid: &str, text: &str) {
        let now = baton::clock::now().millis();
        let item =
            json!({"sender": {"id": PERSON}, "recipient": {"id": self.page.id}, "timestamp": now, "message": {"mid": mid, "text": text}});
        let body = json!({"object": "page", "entry": [{"id": self.page.id, "time": now, "messaging": [item]}]}).to_string();
        let batch = webhook::parse(body.as_bytes(), Timestamp::from_millis(now)).expect("a webhook");
        let events = batch.items.into_iter().map(|item| item.expect("an event")).collect();
        self.ledger.receive(events).await.expect("stored");
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.http.get(format!("{}{path}", self.base)).send().await.expect("an answer")).await
    }

    /// Posts JSON with the bot's token in the query.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(BOT_TOKEN, path, body).await
    }

    pub async fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{}{path}?access_token={token}", self.base)).json(body);
        Answer::of(request.send().await.expect("an answer")).await
    }

    pub async fn delete(&self, path: &str, body: &Value) -> Answer {
        let request = self.http.delete(format!("{}{path}?access_token={BOT_TOKEN}", self.base)).json(body);
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// The texts that the outbox has sent.
    pub fn sent_texts(&self) -> Vec<String> {
        self.sent.lock().expect("no panic").iter().filter_map(|job| job.send.text().map(str::to_owned)).collect()
    }

    /// The calls that reached the platform, by path.
    pub fn asked_paths(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").iter().map(|asked| asked.path.clone()).collect()
    }

    pub fn last_asked(&self) -> Asked {
        self.asked.lock().expect("no panic").last().cloned().expect("the platform was asked")
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.database.pool).await.expect("done");
    }
}

/// A text to [`PERSON`].
pub fn text(text: &str) -> Value {
    json!({"recipient": {"id": PERSON}, "message": {"text": text}})
}

/// Whose conversation.
pub fn whose() -> Value {
    json!({"recipient": {"id": PERSON}})
}

pub fn proof(token: &str, secret: &str) -> String {
    signature::appsecret_proof(secret, token)
}

/// Serves the API on a port of its own.
fn serve(api: GraphApi) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let api = Data::new(api);
    let server =
        HttpServer::new(move || App::new().app_data(api.clone()).configure(graph::routes)).workers(1).disable_signals().listen(listener);
    tokio::spawn(server.expect("it listens").run());
    base
}

/// Sends what is accepted. A text says what the platform makes of it: `fail`, `unknown`, `never`.
async fn outbox(store: Store, ledger: Ledger, page: PageId, sent: Arc<Mutex<Vec<SendJob>>>, stop: CancellationToken) {
    let lease = OutboxLease { generation: 1 };
    let mut after = SendId(0);
    while !stop.is_cancelled() {
        for open in store.open_sends(&page, after, Timestamp::from_millis(i64::MAX), 100).await.expect("the outbox") {
            after = open.send_id;
            let Begun::Go(job) = ledger.begin(page.clone(), open.send_id, lease).await.expect("begun") else { continue };
            let number = open.send_id.0;
            let reusable = job.send.is_reusable().then(|| format!("{}", 5000 + number));
            let outcome = match job.send.text() {
                Some("fail") => {
                    SendOutcome::Failed(SendError { code: 10, subcode: Some(2_018_278), message: "(#10) outside of allowed window".into() })
                }
                Some("unknown") => SendOutcome::Unknown,
                Some("never") => continue,
                _ if job.send.is_action() => SendOutcome::Sent { mid: None, attachment_id: None },
                _ => SendOutcome::Sent { mid: MessageId::parse(format!("m_sent_{number}")).ok(), attachment_id: reusable },
            };
            sent.lock().expect("no panic").push(*job);
            ledger.finish(page.clone(), open.send_id, lease, outcome).await.expect("finished");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Answers for the platform.
async fn platform(mut served: mpsc::Receiver<UpstreamCall>, asked: Arc<Mutex<Vec<Asked>>>) {
    while let Some(UpstreamCall { request, answer }) = served.recv().await {
        let result = match (request.method, request.path.as_str()) {
            (UpstreamMethod::Post, "me/message_attachments") => Ok(json!({"attachment_id": "1857777774821032"})),
            (UpstreamMethod::Get, "me/messenger_profile") => Ok(json!({"data": [{"greeting": [{"locale": "default", "text": "Ahoy"}]}]})),
            (_, "me/messenger_profile") => Ok(json!({"result": "success"})),
            (UpstreamMethod::Get, PERSON) => {
                Ok(json!({"first_name": "Ada", "last_name": "Lovelace", "profile_pic": "https://example.com/a.png", "id": PERSON}))
            }
            _ => Err(UpstreamError::Refused(GraphError::new(100, Some(33), 400, "Unsupported request"))),
        };
        asked.lock().expect("no panic").push(Asked {
            method: request.method,
            path: request.path,
            body: Value::Object(request.body),
            file: request.file.map(|file| (file.content_type, file.bytes.len())),
        });
        let _ = answer.send(result);
    }
}

/// A callback that answers its handshake, with the challenge or with something else.
pub fn callback(answers: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook?a=b", listener.local_addr().expect("an address"));
    let server = HttpServer::new(move || {
        App::new().route(
            "/hook",
            actix_web::web::get().to(move |query: actix_web::web::Query<std::collections::HashMap<String, String>>| async move {
                let right = query.get("hub.mode").is_some_and(|mode| mode == "subscribe")
                    && query.get("hub.verify_token").is_some_and(|token| token == "v 1&")
                    && query.contains_key("a");
                let body = if right && answers == "challenge" {
                    query.get("hub.challenge").cloned().unwrap_or_default()
                } else {
                    answers.to_owned()
                };
                actix_web::HttpResponse::Ok().body(body)
            }),
        )
    });
    tokio::spawn(server.workers(1).disable_signals().listen(listener).expect("it listens").run());
    url
}

/// The id of the app as JSON shows it.
pub fn id(app: &AppId) -> Value {
    app.as_str().into()
}
