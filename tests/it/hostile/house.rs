//! A whole Baton as strangers meet it: real server, real database, real HTTP. Two Pages of two businesses that must not see each other, an
//! Instagram account, their apps and agents.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use baton::config::{Keys, Settings};
use baton::crypto::seal::Sealer;
use baton::crypto::{password, signature, token};
use baton::server::{self, Blueprint, Running};
use clap::Parser;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::SecretBox;
use serde_json::{Value, json};

use super::watch;
use crate::harness::{Database, database};
use crate::platform_fake::{FakePlatform, Reply};

/// The Page of the business that is attacked.
pub const PAGE: &str = "100200300";
/// A Page of another business.
pub const RIVAL: &str = "400500600";
/// An Instagram account of the first business. Its id exceeds 2^53.
pub const INSTAGRAM: &str = "17841400008460056";
/// Answers first on [`PAGE`] and [`INSTAGRAM`].
pub const BOT: &str = "111";
/// The agents' inbox on all Pages.
pub const INBOX: &str = "222";
/// An app on [`PAGE`] and [`INSTAGRAM`] that may not take control.
pub const OTHER: &str = "333";
/// Answers first on [`RIVAL`].
pub const RIVAL_BOT: &str = "444";
/// Has been taken off [`PAGE`].
pub const GONE: &str = "666";
/// Wrote just now; the bot holds the conversation. No token of a page holds so many digits by chance.
pub const PERSON: &str = "9001900290039004";
/// Wrote 25 hours ago.
pub const LATE: &str = "9002";
/// Wrote to [`RIVAL`]. As long, for the same reason.
pub const RIVALS_PERSON: &str = "7001700270037004";
/// Wrote to [`INSTAGRAM`] just now.
pub const FOLLOWER: &str = "6001";
/// Wrote to [`INSTAGRAM`] 25 hours ago.
pub const LATE_FOLLOWER: &str = "6002";

pub const BOT_TOKEN: &str = "baton_page_tokenOfTheBotOnThePage00000000000000000000";
pub const OTHER_TOKEN: &str = "baton_page_tokenOfTheOtherOnThePage000000000000000000";
pub const RIVAL_TOKEN: &str = "baton_page_tokenOfTheRivalsBot00000000000000000000000";
pub const INSTAGRAM_TOKEN: &str = "baton_page_tokenOfTheBotOnInstagram000000000000000000";
pub const INSTAGRAM_OTHER_TOKEN: &str = "baton_page_tokenOfTheOtherOnInstagram0000000000000000";
pub const GONE_TOKEN: &str = "baton_page_tokenOfAnAppThatIsGone00000000000000000000";
pub const REVOKED_TOKEN: &str = "baton_page_tokenThatWasRevoked0000000000000000000000";
pub const BOT_SECRET: &str = "appSecretOfTheBot0123456789abcdef";
pub const OTHER_SECRET: &str = "appSecretOfTheOther123456789abcde";
pub const PLATFORM_SECRET: &str = "platformAppSecret0123456789abcdef";
pub const VERIFY_TOKEN: &str = "verifyTokenOfThePlatform";
pub const UPSTREAM_TOKEN: &str = "EAAGtokenOfThePageOnThePlatform";
pub const PASSWORD: &str = "correct horse battery staple";
/// What people wrote to the rival; nobody of the first business may ever see it.
pub const RIVALS_SECRET: &str = "the safe opens with left4711right";

/// Signs the cookies of logins.
pub const SESSION_KEY: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";
const SEALING_KEY: [u8; 32] = *b"vutsrqponmlkjihgfedcba9876543210";

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    settings: Settings,
}

/// The house and everything to look at it with.
pub struct House {
    pub database: Database,
    pub base: String,
    pub port: u16,
    pub http: reqwest::Client,
    pub platform: FakePlatform,
    _running: Running,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("a body") }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// What an answer of the Graph surface always is: JSON, never a 5xx, and where it refuses, the whole envelope.
    pub fn check_graph(&self) -> Result<(), String> {
        let told = |why: &str| Err(format!("{why}: {self:?}"));
        if self.status >= 500 {
            return told("a 5xx");
        }
        if !self.header("content-type").starts_with("application/json") {
            return told("not declared as JSON");
        }
        let Ok(body) = serde_json::from_str::<Value>(&self.text) else { return told("not JSON") };
        if self.status < 400 {
            return if body.get("error").is_none() { Ok(()) } else { told("an error with a good status") };
        }
        let error = &body["error"];
        let whole = error["code"].is_i64()
            && error["message"].as_str().is_some_and(|text| !text.is_empty())
            && error["type"].as_str().is_some_and(|text| text.ends_with("Exception"))
            && error["fbtrace_id"].as_str().is_some_and(|text| !text.is_empty())
            && error.get("error_subcode").is_none_or(Value::is_i64);
        if whole { Ok(()) } else { told("not the envelope") }
    }

    /// Status, code and subcode of a refusal of the Graph surface.
    pub fn refusal(&self) -> (u16, i64, Option<i64>) {
        self.check_graph().unwrap_or_else(|why| panic!("{why}"));
        let body = self.json();
        let code = body["error"]["code"].as_i64().unwrap_or_else(|| panic!("no refusal: {self:?}"));
        (self.status, code, body["error"]["error_subcode"].as_i64())
    }
}

/// Somebody who is logged in.
pub struct Login {
    /// The cookie, `name=value`.
    pub cookie: String,
    /// The token of its forms.
    pub csrf: String,
}

impl House {
    pub async fn build() -> Self {
        watch::begin();
        let database = database().await;
        let platform = FakePlatform::start().await;
        // What every edge answers, in one.
        platform.reply_control(Reply::With(200, json!({"success": true, "result": "success", "attachment_id": "1857777774821032"})));
        populate(&database.pool).await;
        let settings = settings(&platform);
        let keys = Keys { sealing: SecretBox::new(Box::new(SEALING_KEY)), session: SecretBox::new(Box::new(SESSION_KEY)) };
        let listener = server::listen("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut plan = Blueprint::draw(&settings, &keys, address).expect("a plan");
        // A test does not wait a minute for what never comes.
        plan.graph.limits.patience = Duration::from_secs(10);
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
        let running = server::start(plan, database.store.clone(), listener, metrics).await.expect("it starts");
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let base = format!("http://{address}");
        let house = Self { database, base, port: address.port(), http, platform, _running: running };
        let now = baton::clock::now().millis();
        let long_ago = now - 25 * 3_600_000;
        house.says(PAGE, PERSON, "hello", now).await;
        house.says(PAGE, LATE, "hello", long_ago).await;
        house.says(RIVAL, RIVALS_PERSON, RIVALS_SECRET, now).await;
        house.says(INSTAGRAM, FOLLOWER, "hello", now).await;
        house.says(INSTAGRAM, LATE_FOLLOWER, "hello", long_ago).await;
        house
    }

    /// A person writes to a Page, by a signed webhook.
    pub async fn says(&self, page: &str, person: &str, text: &str, at: i64) {
        let item = json!({"sender": {"id": person}, "recipient": {"id": page}, "timestamp": at,
            "message": {"mid": format!("m_{person}_{}", next()), "text": text}});
        let object = if page == INSTAGRAM { "instagram" } else { "page" };
        let body = json!({"object": object, "entry": [{"id": page, "time": at, "messaging": [item]}]});
        assert_eq!(self.webhook(body.to_string()).await.status, 200, "a webhook is taken");
    }

    /// A webhook with the right signature.
    pub async fn webhook(&self, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        let signature = format!("sha256={}", signature::sha256_hex(PLATFORM_SECRET.as_bytes(), &body));
        Answer::of(self.http.post(self.url("/platform/webhook")).header("x-hub-signature-256", signature).body(body)).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// GET with a token in the query.
    pub async fn get_as(&self, token: &str, path: &str) -> Answer {
        let separator = if path.contains('?') { '&' } else { '?' };
        Answer::of(self.http.get(self.url(&format!("{path}{separator}access_token={token}")))).await
    }

    /// POST of JSON with a token in the query.
    pub async fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        Answer::of(self.http.post(self.url(&format!("{path}?access_token={token}"))).json(body)).await
    }

    /// Logs somebody in.
    pub async fn log_in(&self, email: &str) -> Login {
        let form = [("email", email), ("password", PASSWORD)];
        let answer = Answer::of(self.http.post(self.url("/login")).body(encoded(&form))).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/inbox"), "{answer:?}");
        let cookie = answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        let page = Answer::of(self.http.get(self.url("/inbox")).header("cookie", &cookie)).await;
        let document = scraper::Html::parse_document(&page.text);
        let field = scraper::Selector::parse("input[name=csrf]").expect("a selector");
        let csrf = document.select(&field).next().and_then(|input| input.attr("value")).expect("a token in a form").to_owned();
        Login { cookie, csrf }
    }

    /// A page as somebody sees it.
    pub async fn look(&self, login: &Login, path: &str) -> Answer {
        Answer::of(self.http.get(self.url(path)).header("cookie", &login.cookie)).await
    }

    /// A form as somebody's browser posts it.
    pub async fn submit(&self, login: &Login, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("csrf", login.csrf.as_str())];
        all.extend_from_slice(fields);
        Answer::of(self.http.post(self.url(path)).header("cookie", &login.cookie).header("origin", &self.base).body(encoded(&all))).await
    }

    /// What a refused call must leave as it was: each table with its rows, counted and hashed.
    pub async fn state(&self) -> Vec<String> {
        let part = |name: &str, row: &str| {
            format!("'{name}: ' || (select count(*) || ' ' || md5(coalesce(string_agg({row}, '|' order by {row}), '')) from {name} t)")
        };
        // What the clock and the deliveries write by themselves is left out.
        let parts = [
            part("log", "t::text"),
            part("outbox", "t::text"),
            part("conversations", "(to_jsonb(t) - 'check_at')::text"),
            part("pages", "(to_jsonb(t) - 'rules_version')::text"),
            part("apps", "t::text"),
            part("app_tokens", "t::text"),
            part("users", "t::text"),
            part("sessions", "t::text"),
            part("quarantine", "t::text"),
            part("attachments", "t::text"),
            part("page_profiles", "t::text"),
            part("subscriptions", "(to_jsonb(t) - 'down_since')::text"),
        ];
        let sql = format!("select array[{}]", parts.join(", "));
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.database.pool).await.expect("the state")
    }

    /// The newest rows of the log, to say what happened.
    pub async fn newest(&self) -> Vec<(String, String)> {
        let rows = sqlx::query_as("select kind, payload from log order by at desc, position desc limit 3");
        rows.fetch_all(&self.database.pool).await.expect("the log")
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &'static str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&self.database.pool)
            .await
            .expect("a count")
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.database.pool).await.expect("done");
    }

    /// Everything still works, and nothing has broken on the way.
    pub async fn stands(&self) {
        watch::no_panics();
        let me = self.get_as(BOT_TOKEN, "/me").await;
        assert_eq!((me.status, me.json()["id"].as_str().map(str::to_owned)), (200, Some(PAGE.to_owned())), "{me:?}");
        for path in ["/healthz", "/readyz", "/login"] {
            assert_eq!(Answer::of(self.http.get(self.url(path))).await.status, 200, "{path}");
        }
    }
}

/// A form, as browsers write it down.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A number that was not given before.
pub fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A header of any bytes that HTTP lets through.
pub fn header_value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).expect("a header")
}

fn settings(platform: &FakePlatform) -> Settings {
    let graph_url = platform.url().to_string();
    let flags = [
        "baton",
        "--platform-app-id=555",
        &format!("--platform-app-secret={PLATFORM_SECRET}"),
        &format!("--platform-verify-token={VERIFY_TOKEN}"),
        &format!("--graph-url={graph_url}"),
        "--send-rate=300",
    ];
    Flags::parse_from(flags).settings
}

async fn populate(pool: &sqlx::PgPool) {
    let sealer = Sealer::new(&SEALING_KEY);
    for (page, object, name, linked, default) in [
        (PAGE, "page", "Harbour Coffee", None, BOT),
        (RIVAL, "page", "Rival Bakery", None, RIVAL_BOT),
        (INSTAGRAM, "instagram", "harbour.coffee", Some(PAGE), BOT),
    ] {
        let sealed = sealer.seal(&format!("pages.token.{page}"), UPSTREAM_TOKEN.as_bytes()).expect("sealed");
        // Requests stay pending as long as a test lasts, so that the clock changes nothing.
        let sql = "insert into pages (page_id, object, name, linked_page_id, default_app, token_sealed, request_deadline_ms)
                   values ($1, $2, $3, $4, $5, $6, 86400000)";
        let insert = sqlx::query(sql).bind(page).bind(object).bind(name).bind(linked).bind(default).bind(sealed);
        insert.execute(pool).await.expect("a Page");
    }
    for (app, kind, secret) in [
        (BOT, "webhook", BOT_SECRET),
        (INBOX, "inbox", "appSecretOfTheInbox"),
        (OTHER, "webhook", OTHER_SECRET),
        (RIVAL_BOT, "webhook", "appSecretOfTheRivalsBot"),
        (GONE, "webhook", "appSecretOfTheGone"),
    ] {
        let sealed = sealer.seal(&format!("apps.secret.{app}"), secret.as_bytes()).expect("sealed");
        let sql = "insert into apps (app_id, name, kind, secret_sealed, verify_token) values ($1, 'App ' || $1, $2, $3, 'v')";
        sqlx::query(sql).bind(app).bind(kind).bind(sealed).execute(pool).await.expect("an app");
    }
    for (page, app, may_take, removed) in [
        (PAGE, BOT, true, false),
        (PAGE, INBOX, true, false),
        (PAGE, OTHER, false, false),
        (PAGE, GONE, true, true),
        (RIVAL, RIVAL_BOT, true, false),
        (RIVAL, INBOX, true, false),
        (INSTAGRAM, BOT, true, false),
        (INSTAGRAM, INBOX, true, false),
        (INSTAGRAM, OTHER, false, false),
    ] {
        let sql = "insert into subscriptions (page_id, app_id, may_take, removed_at) values ($1, $2, $3, case when $4 then now() end)";
        sqlx::query(sql).bind(page).bind(app).bind(may_take).bind(removed).execute(pool).await.expect("a subscription");
    }
    for (given, page, app, revoked) in [
        (BOT_TOKEN, PAGE, BOT, false),
        (OTHER_TOKEN, PAGE, OTHER, false),
        (RIVAL_TOKEN, RIVAL, RIVAL_BOT, false),
        (INSTAGRAM_TOKEN, INSTAGRAM, BOT, false),
        (INSTAGRAM_OTHER_TOKEN, INSTAGRAM, OTHER, false),
        (GONE_TOKEN, PAGE, GONE, false),
        (REVOKED_TOKEN, PAGE, BOT, true),
    ] {
        let sql = "insert into app_tokens (token_hash, page_id, app_id, revoked_at) values ($1, $2, $3, case when $4 then now() end)";
        let insert = sqlx::query(sql).bind(token::hash(given).to_vec()).bind(page).bind(app).bind(revoked);
        insert.execute(pool).await.expect("a token");
    }
    let hash = password::hash(PASSWORD).expect("a hash");
    for (email, role, page, disabled) in [
        ("alice@harbour.example", "agent", Some(PAGE), false),
        ("bob@rival.example", "agent", Some(RIVAL), false),
        ("carol@baton.example", "admin", None, false),
        ("dave@harbour.example", "agent", Some(PAGE), true),
    ] {
        let sql = "insert into users (email, name, password_hash, role, disabled_at)
                   values ($1, split_part($1, '@', 1), $2, $3, case when $4 then now() end) returning user_id";
        let insert = sqlx::query_scalar(sql).bind(email).bind(&hash).bind(role).bind(disabled);
        let user: i64 = insert.fetch_one(pool).await.expect("a user");
        if let Some(page) = page {
            sqlx::query("insert into user_pages (user_id, page_id) values ($1, $2)")
                .bind(user)
                .bind(page)
                .execute(pool)
                .await
                .expect("a Page");
        }
    }
}
