//! The pages for people on a real server and database, and a browser without script.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use actix_web::{App, HttpServer, web};
use baton::access::UserId;
use baton::control::Command;
use baton::ledger::{Begun, Ledger, NewSend, Order, OutboxLease, Received, SendId, SendOutcome};
use baton::web::{Settings, Web};
use baton::wire::upstream::{Upstream, UpstreamCall, UpstreamError, UpstreamRequest};
use baton::wire::{AppId, Content, GraphError, MessageId, PageId, Send, Timestamp, webhook};
use scraper::{Html, Selector};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::page::{TestPage, app_id, person_id};
use crate::harness::{Database, database};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// A running inbox.
pub struct WebHouse {
    pub database: Database,
    pub ledger: Ledger,
    pub page: TestPage,
    pub base: String,
    /// What the platform was asked for agents.
    pub calls: Arc<Mutex<Vec<UpstreamRequest>>>,
    stop: CancellationToken,
}

impl Drop for WebHouse {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl WebHouse {
    /// With the default settings.
    pub async fn build() -> Self {
        Self::with(|_| {}).await
    }

    /// With other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let database = database().await;
        let page = TestPage::insert(&database.pool).await;
        for (app, name, kind) in
            [(&page.bot, "Harbour bot", "bot"), (&page.inbox, "Inbox", "inbox"), (&page.other, "Parcel tracker", "webhook")]
        {
            let change = sqlx::query("update apps set name = $2, kind = $3 where app_id = $1").bind(app.as_str()).bind(name).bind(kind);
            change.execute(&database.pool).await.expect("an app");
        }
        sqlx::query("update pages set token_sealed = '\\x00'").execute(&database.pool).await.expect("a token");
        sqlx::query("insert into outbox_leases (page_id, process_id, generation) values ($1, 1, 1)")
            .bind(page.id.as_str())
            .execute(&database.pool)
            .await
            .expect("a lease");
        let (ledger, _) = Ledger::start(database.store.clone(), 1, app_id("555"));
        let mut settings = Settings::new("http://localhost:1".parse().expect("an address"), vec![7; 32]);
        change(&mut settings);
        let stop = CancellationToken::new();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let upstream = platform(Arc::clone(&calls));
        let face = Web::new(database.store.clone(), ledger.clone(), upstream, settings, stop.clone()).expect("the face starts");
        let port = std::env::var("BATON_TEST_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(0);
        let base = serve(face, &stop, port);
        Self { database, ledger, page, base, calls, stop }
    }

    /// The address of another process beside this one, which shares nothing with it but the database.
    pub fn another_process(&self) -> String {
        let settings = Settings::new("http://localhost:1".parse().expect("an address"), vec![7; 32]);
        let upstream = platform(Arc::clone(&self.calls));
        let face =
            Web::new(self.database.store.clone(), self.ledger.clone(), upstream, settings, self.stop.clone()).expect("the face starts");
        serve(face, &self.stop, 0)
    }

    /// Somebody who may log in.
    pub async fn user(&self, email: &str, name: &str, role: &str, pages: &[&PageId]) -> i64 {
        static HASH: OnceLock<String> = OnceLock::new();
        let hash = HASH.get_or_init(|| baton::crypto::password::hash(PASSWORD).expect("a hash"));
        let user: i64 =
            sqlx::query_scalar("insert into users (email, name, password_hash, role) values ($1, $2, $3, $4) returning user_id")
                .bind(email)
                .bind(name)
                .bind(hash)
                .bind(role)
                .fetch_one(&self.database.pool)
                .await
                .expect("a user");
        for page in pages {
            let insert = sqlx::query("insert into user_pages (user_id, page_id) values ($1, $2)").bind(user).bind(page.as_str());
            insert.execute(&self.database.pool).await.expect("a Page of a user");
        }
        user
    }

    /// A second Page, with the inbox on it.
    pub async fn second_page(&self) -> PageId {
        let id = PageId::parse("400500600").expect("a Page id");
        let insert = sqlx::query("insert into pages (page_id, object, name, token_sealed) values ($1, 'page', 'Night Market', '\\x00')");
        insert.bind(id.as_str()).execute(&self.database.pool).await.expect("a Page");
        let subscribe = sqlx::query("insert into subscriptions (page_id, app_id, may_take) values ($1, '222', true)").bind(id.as_str());
        subscribe.execute(&self.database.pool).await.expect("a subscription");
        id
    }

    /// The platform tells something about a person on a Page.
    pub async fn hears(&self, page: &PageId, person: &str, event: Value) -> Received {
        let mut item = json!({"sender": {"id": person}, "recipient": {"id": page.as_str()}, "timestamp": baton::clock::now().millis()});
        item.as_object_mut().expect("an object").extend(event.as_object().expect("an object").clone());
        let body = json!({"object": "page", "entry": [{"id": page.as_str(), "time": 1, "messaging": [item]}]}).to_string();
        let batch = webhook::parse(body.as_bytes(), Timestamp::from_millis(1)).expect("a webhook");
        let events = batch.items.into_iter().map(|item| item.expect("an event")).collect();
        self.ledger.receive(events).await.expect("stored").remove(0)
    }

    /// A person writes on the first Page.
    pub async fn says(&self, person: &str, mid: &str, text: &str) {
        self.hears(&self.page.id, person, json!({"message": {"mid": mid, "text": text}})).await;
    }

    /// A team of these accounts, as addresses name it.
    pub async fn team(&self, name: &str, members: &[i64]) -> String {
        let insert = "with team as (insert into teams (name) values ($1) returning team_id),
                           members as (insert into team_members select team_id, unnest($2::bigint[]) from team)
                      select team_id from team";
        let team: i64 = sqlx::query_scalar(insert).bind(name).bind(members).fetch_one(&self.database.pool).await.expect("a team");
        team.to_string()
    }

    /// What a person is called.
    pub async fn named(&self, person: &str, name: &str) {
        let insert = sqlx::query("insert into people (page_id, person_id, name) values ($1, $2, $3)");
        insert.bind(self.page.id.as_str()).bind(person).bind(name).execute(&self.database.pool).await.expect("a person");
    }

    /// An app sends a message, which stays accepted.
    pub async fn accepts(&self, app: &AppId, person: &str, message: Value) -> SendId {
        self.accepts_as(None, app, person, message).await
    }

    /// An agent sends a message that the platform takes.
    pub async fn sends_as(&self, user: i64, person: &str, mid: &str, message: Value) {
        let send = self.accepts_as(Some(user), &self.page.inbox, person, message).await;
        let mid = Some(MessageId::parse(mid).expect("a message id"));
        self.comes_to(send, SendOutcome::Sent { mid, attachment_id: None }).await;
    }

    /// An agent or an app sends a message, which stays accepted.
    pub async fn accepts_as(&self, user: Option<i64>, app: &AppId, person: &str, message: Value) -> SendId {
        let Value::Object(message) = message else { panic!("a message is an object") };
        let send = Send {
            person: person_id(person),
            content: Content::Message { message, metadata: None },
            messaging_type: None,
            tag: None,
            extra: Map::new(),
            thread_control: None,
        };
        let new = NewSend {
            page: self.page.id.clone(),
            app: app.clone(),
            user: user.map(UserId),
            send,
            epoch: None,
            idempotency_key: None,
            seen: None,
            queued: None,
            memory: None,
        };
        self.ledger.accept(new).await.expect("accepted").send_id
    }

    /// The outcome of a send that was accepted.
    pub async fn comes_to(&self, send: SendId, outcome: SendOutcome) {
        let begun = self.ledger.begin(self.page.id.clone(), send, OutboxLease { generation: 1 }).await.expect("begun");
        assert!(matches!(begun, Begun::Go(_)), "{begun:?}");
        self.ledger.finish(self.page.id.clone(), send, OutboxLease { generation: 1 }, outcome).await.expect("finished");
    }

    /// An app's message that the platform takes.
    pub async fn sends(&self, app: &AppId, person: &str, mid: &str, message: Value) {
        let send = self.accepts(app, person, message).await;
        let mid = Some(MessageId::parse(mid).expect("a message id"));
        self.comes_to(send, SendOutcome::Sent { mid, attachment_id: None }).await;
    }

    /// A control command on the first Page.
    pub async fn orders(&self, person: &str, command: Command) {
        let order = Order { page: self.page.id.clone(), person: person_id(person), command, user: None };
        self.ledger.order(order).await.expect("obeyed");
    }

    /// The bot hands over.
    pub async fn hands_over(&self, person: &str, metadata: &str) {
        let metadata = Some(baton::wire::Metadata::parse(metadata).expect("metadata"));
        let (app, target) = (self.page.bot.clone(), Some(self.page.inbox.clone()));
        self.orders(person, Command::Pass { app, target, metadata }).await;
    }

    /// The inbox gives a conversation back to the bot, and gets it again with other words.
    pub async fn hands_back_and_over(&self, person: &str, metadata: &str) {
        let (app, target) = (self.page.inbox.clone(), Some(self.page.bot.clone()));
        self.orders(person, Command::Pass { app, target, metadata: None }).await;
        self.hands_over(person, metadata).await;
    }

    /// The address of a conversation on the first Page.
    pub fn conversation(&self, person: &str) -> String {
        format!("/inbox/{}/{person}", self.page.id)
    }

    /// A browser that is logged in.
    pub async fn browser(&self, email: &str) -> Browser {
        let mut browser = self.stranger();
        let answer = browser.submit("/login", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.location.as_deref()), (303, Some("/inbox")), "{}", answer.body);
        browser
    }

    /// A browser that is not.
    pub fn stranger(&self) -> Browser {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Browser { client, base: self.base.clone(), cookies: BTreeMap::new(), language: "en" }
    }
}

/// A platform that takes every upload but those called `unwanted`, and counts them.
fn platform(calls: Arc<Mutex<Vec<UpstreamRequest>>>) -> Upstream {
    let (upstream, mut asked) = Upstream::channel();
    tokio::spawn(async move {
        while let Some(UpstreamCall { request, answer }) = asked.recv().await {
            let unwanted = request.file.as_ref().is_some_and(|file| file.name.starts_with("unwanted"));
            let number = {
                let mut calls = calls.lock().expect("the calls");
                calls.push(request);
                calls.len()
            };
            let error = || UpstreamError::Refused(GraphError::new(100, Some(2_018_047), 400, "Upload attachment failure"));
            let _ = answer.send(if unwanted { Err(error()) } else { Ok(json!({"attachment_id": format!("87000000000{number:04}")})) });
        }
    });
    upstream
}

fn serve(face: Web, stop: &CancellationToken, port: u16) -> String {
    let face = Arc::new(face);
    tokio::spawn(Arc::clone(&face).run());
    let data = web::Data::from(face);
    let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(baton::web::routes))
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .bind(("127.0.0.1", port))
        .expect("a port");
    let base = format!("http://{}", server.addrs().first().expect("an address"));
    let (server, stop) = (server.run(), stop.clone());
    let handle = server.handle();
    tokio::spawn(server);
    tokio::spawn(async move {
        stop.cancelled().await;
        handle.stop(false).await;
    });
    base
}

/// A browser without script. A clone is another window of it.
#[derive(Clone)]
pub struct Browser {
    pub client: reqwest::Client,
    pub base: String,
    pub cookies: BTreeMap<String, String>,
    pub language: &'static str,
}

/// What a browser got.
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Browser {
    /// The cookies as a header.
    pub fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Follows an address, without what it redirects to.
    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.base));
        self.ask(request).await
    }

    /// Sends a form as it is.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(body);
        self.ask(request).await
    }

    /// Sends a form with the token of this login.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf().await;
        let fields: Vec<_> = std::iter::once(("csrf", csrf.as_str())).chain(fields.iter().copied()).collect();
        self.submit(path, &fields).await
    }

    /// Sends a form with files, as a browser does that has no script: each file under the name of its field, with its own name.
    pub async fn post_files(&mut self, path: &str, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Answer {
        const BOUNDARY: &str = "----a-line-that-is-in-no-file";
        let csrf = self.csrf().await;
        let mut body = Vec::new();
        for (name, value) in std::iter::once(&("csrf", csrf.as_str())).chain(fields) {
            body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        for (name, content) in files {
            let head =
                format!("Content-Disposition: form-data; name=\"pick\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream");
            body.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .header("sec-fetch-site", "same-origin")
            .body(body);
        self.ask(request).await
    }

    /// The token of this login, from a page.
    pub async fn csrf(&mut self) -> String {
        let page = self.get("/inbox").await;
        page.attribute("input[name=csrf]", "value").expect("a form with a token")
    }

    pub async fn ask(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.header("cookie", self.cookie_header()).header("accept-language", self.language);
        let response = request.send().await.expect("an answer");
        for cookie in response.headers().get_all("set-cookie") {
            let text = cookie.to_str().expect("text");
            let (name, value) = text.split(';').next().expect("a cookie").split_once('=').expect("a cookie");
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = response.headers().get("location").map(|value| value.to_str().expect("text").to_owned());
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, location, headers, body: response.text().await.expect("a body") }
    }
}

impl Answer {
    pub fn html(&self) -> Html {
        Html::parse_document(&self.body)
    }

    /// The texts of what a selector finds, with single spaces.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).expect("a selector");
        let text = |element: scraper::ElementRef<'_>| element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        self.html().select(&selector).map(text).collect()
    }

    pub fn text(&self, selector: &str) -> String {
        self.texts(selector).join(" | ")
    }

    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let selector = Selector::parse(selector).expect("a selector");
        self.html().select(&selector).next().and_then(|element| element.attr(name).map(str::to_owned))
    }

    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let selector = Selector::parse(selector).expect("a selector");
        self.html().select(&selector).filter_map(|element| element.attr(name).map(str::to_owned)).collect()
    }

    pub fn count(&self, selector: &str) -> usize {
        self.html().select(&Selector::parse(selector).expect("a selector")).count()
    }
}
