//! Webhooks over real HTTP: what is acknowledged is stored, what is not proved is refused.

use std::time::Duration;

use actix_web::{App, HttpServer, web};
use baton::ledger::Ledger;
use baton::platform::intake::{self, Intake, PATH};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::page::{TestPage, app_id};
use crate::harness::{Database, database};

const SECRET: &str = "platform-secret-one";
const OLD_SECRET: &str = "platform-secret-two";
const VERIFY_TOKEN: &str = "correct horse";
const LIMIT: usize = 64 * 1024;

/// A webhook and its signatures: `openssl dgst -sha256 -hmac <secret>` (and `-sha1`) of exactly these bytes.
const SIGNED: &str = r#"{"object":"page","entry":[{"id":"100200300","time":1458692752478,"messaging":[{"sender":{"id":"9001"},"recipient":{"id":"100200300"},"timestamp":1458692752478,"message":{"mid":"m_openssl","text":"gr\u00fc\u00dfe \/ hello"}}]}]}"#;
const BY_SECRET: &str = "sha256=f5ebfb4447eb84986f21212b9092a4149b6f4164c1f6063bb70bd053e4fb232b";
const BY_OLD_SECRET: &str = "sha256=48d0079b88fb4f25836d854985e3e5b116a710acddadc5e205c91ced603a83b4";
const BY_SHA1: &str = "sha1=8fc55d6bbaf908ca3da18163e0e0cb50af630bf6";

struct House {
    database: Database,
    page: TestPage,
    port: u16,
    http: reqwest::Client,
}

impl House {
    async fn build() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut intake::Settings)) -> Self {
        let database = database().await;
        let page = TestPage::insert(&database.pool).await;
        let (ledger, _) = Ledger::start(database.store.clone(), 1, app_id("555"));
        let secrets = vec![SECRET.to_owned().into(), OLD_SECRET.to_owned().into()];
        let mut settings = intake::Settings { body_limit: LIMIT, ..intake::Settings::new(VERIFY_TOKEN.to_owned().into(), secrets) };
        change(&mut settings);
        let door = Intake::new(settings, ledger, database.store.clone());
        let server = HttpServer::new(move || App::new().app_data(web::Data::new(door.clone())).configure(intake::routes))
            .workers(1)
            .bind("127.0.0.1:0")
            .expect("a free port");
        let port = server.addrs()[0].port();
        actix_web::rt::spawn(server.run());
        Self { database, page, port, http: reqwest::Client::builder().no_proxy().build().expect("a client") }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    async fn post(&self, body: impl Into<reqwest::Body>, signature: Option<(&str, &str)>) -> (u16, String) {
        let mut request = self.http.post(self.url()).header("content-type", "application/json").body(body);
        if let Some((name, value)) = signature {
            request = request.header(name, value);
        }
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a body"))
    }

    async fn deliver(&self, body: &str) -> (u16, String) {
        let signature = sign(SECRET, body.as_bytes());
        self.post(body.to_owned(), Some(("x-hub-signature-256", &signature))).await
    }

    async fn mids(&self) -> Vec<String> {
        sqlx::query_scalar("select mid from log where mid is not null order by position")
            .fetch_all(&self.database.pool)
            .await
            .expect("the log")
    }

    async fn quarantined(&self) -> Vec<(Option<String>, String)> {
        sqlx::query_as("select page_id, raw from quarantine order by quarantine_id")
            .fetch_all(&self.database.pool)
            .await
            .expect("quarantine")
    }
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn message(mid: &str) -> String {
    format!(
        r#"{{"sender":{{"id":"9001"}},"recipient":{{"id":"100200300"}},"timestamp":1458692752478,"message":{{"mid":"{mid}","text":"hi"}}}}"#
    )
}

fn webhook(page: &str, items: &[String]) -> String {
    format!(r#"{{"object":"page","entry":[{{"id":"{page}","time":1458692752478,"messaging":[{}]}}]}}"#, items.join(","))
}

fn acknowledged() -> (u16, String) {
    (200, "EVENT_RECEIVED".to_owned())
}

#[actix_web::test]
async fn only_a_right_signature_lets_a_webhook_in() {
    let house = House::build().await;
    let table = [
        (None, 401),
        (Some(("x-hub-signature", BY_SHA1)), 401),
        (Some(("x-hub-signature-256", BY_SHA1)), 401),
        (Some(("x-hub-signature-256", "")), 401),
        (Some(("x-hub-signature-256", "sha256=")), 401),
        (Some(("x-hub-signature-256", "sha256=zz")), 401),
        (Some(("x-hub-signature-256", &BY_SECRET[7..])), 401),
        (Some(("x-hub-signature-256", "sha256=f5ebfb4447eb84986f21212b9092a4149b6f4164c1f6063bb70bd053e4fb232c")), 403),
    ];
    for (signature, expected) in table {
        assert_eq!(house.post(SIGNED, signature).await.0, expected, "{signature:?}");
    }
    let changed = SIGNED.replace("hello", "hullo");
    assert_eq!(house.post(changed, Some(("x-hub-signature-256", BY_SECRET))).await.0, 403, "another body");
    assert!(house.mids().await.is_empty());
    for signature in [BY_SECRET, BY_OLD_SECRET] {
        assert_eq!(house.post(SIGNED, Some(("x-hub-signature-256", signature))).await, acknowledged());
    }
    assert_eq!(house.mids().await, ["m_openssl"], "delivered under both secrets, stored once");
}

#[actix_web::test]
async fn without_a_secret_nothing_is_believed() {
    let house = House::with(|settings| settings.app_secrets = vec![String::new().into()]).await;
    let signature = sign("", SIGNED.as_bytes());
    assert_eq!(house.post(SIGNED, Some(("x-hub-signature-256", &signature))).await.0, 403);
}

#[actix_web::test]
async fn the_address_is_verified_by_its_token() {
    let house = House::build().await;
    let table = [
        ("hub.mode=subscribe&hub.verify_token=correct+horse&hub.challenge=1158201444", 200, "1158201444"),
        ("hub.mode=subscribe&hub.verify_token=correct%20horse&hub.challenge=<b>x</b>", 200, "<b>x</b>"),
        ("hub.mode=unsubscribe&hub.verify_token=correct+horse&hub.challenge=1", 403, "Forbidden"),
        ("hub.mode=subscribe&hub.verify_token=correct+hors&hub.challenge=1", 403, "Forbidden"),
        ("hub.mode=subscribe&hub.challenge=1", 403, "Forbidden"),
        ("hub.mode=subscribe&hub.verify_token=correct+horse", 403, "Forbidden"),
        ("", 403, "Forbidden"),
    ];
    for (query, status, body) in table {
        let response = house.http.get(format!("{}?{query}", house.url())).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), status, "{query}");
        let kind = response.headers()["content-type"].to_str().expect("a type").to_owned();
        assert!(kind.starts_with("text/plain"), "{kind}");
        assert_eq!(response.text().await.expect("a body"), body, "{query}");
    }
    let house = House::with(|settings| settings.verify_token = String::new().into()).await;
    let response = house.http.get(format!("{}?hub.mode=subscribe&hub.verify_token=&hub.challenge=1", house.url())).send().await;
    assert_eq!(response.expect("an answer").status().as_u16(), 403, "no token set: nothing fits");
}

#[actix_web::test]
async fn one_bad_item_costs_no_other() {
    let house = House::build().await;
    let bad = [message("m_1"), "17".to_owned(), message("m_2")];
    assert_eq!(house.deliver(&webhook("100200300", &bad)).await, acknowledged());
    assert_eq!(house.mids().await, ["m_1", "m_2"]);
    assert_eq!(house.quarantined().await, [(Some("100200300".to_owned()), "17".to_owned())]);
}

#[actix_web::test]
async fn a_repeated_delivery_is_acknowledged_and_stored_once() {
    let house = House::build().await;
    let body = webhook("100200300", &[message("m_1"), message("m_1"), message("m_2")]);
    for _ in 0..3 {
        assert_eq!(house.deliver(&body).await, acknowledged());
    }
    assert_eq!(house.mids().await, ["m_1", "m_2"]);
}

#[actix_web::test]
async fn what_is_of_an_unknown_page_is_kept_raw() {
    let house = House::build().await;
    assert_eq!(house.deliver(&webhook("999", &[message("m_1")])).await, acknowledged());
    // A Page's id under the other object is another Page.
    let instagram = webhook("100200300", &[message("m_2")]).replace(r#""page""#, r#""instagram""#);
    assert_eq!(house.deliver(&instagram).await, acknowledged());
    assert!(house.mids().await.is_empty());
    let pages: Vec<_> = house.quarantined().await.into_iter().map(|(page, _)| page.unwrap_or_default()).collect();
    assert_eq!(pages, ["999", "100200300"]);
    assert_eq!(house.deliver(&webhook("100200300", &[message("m_3")])).await, acknowledged());
    assert_eq!(house.mids().await, ["m_3"]);
}

#[actix_web::test]
async fn a_page_that_was_removed_meanwhile_is_unknown() {
    let house = House::build().await;
    assert_eq!(house.deliver(&webhook("100200300", &[message("m_1")])).await, acknowledged());
    sqlx::query("delete from pages where page_id = $1").bind(house.page.id.as_str()).execute(&house.database.pool).await.expect("removed");
    assert_eq!(house.deliver(&webhook("100200300", &[message("m_2")])).await, acknowledged());
    assert_eq!(house.quarantined().await.len(), 1);
}

#[actix_web::test]
async fn what_cannot_be_read_is_kept_raw_and_acknowledged() {
    let house = House::build().await;
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let bodies = ["", "{", "null", "[]", r#"{"object":"page"}"#, r#"{"field":"messages","value":{}}"#, "{\"a\":\"\0\u{fffd}\"", &deep];
    for body in bodies {
        assert_eq!(house.deliver(body).await, acknowledged(), "{:.40}", body);
    }
    assert_eq!(house.quarantined().await.len(), bodies.len());
    assert_eq!(house.deliver(r#"{"object":"whatsapp_business_account","entry":[]}"#).await.0, 404);
    let unsigned = house.post(r#"{"object":"whatsapp_business_account","entry":[]}"#, None).await;
    assert_eq!(unsigned.0, 401, "strangers learn nothing");
}

#[actix_web::test]
async fn bodies_are_cut_at_the_limit() {
    let house = House::build().await;
    assert_eq!(house.post(vec![b' '; LIMIT + 1], None).await.0, 413, "by its declared length");
    assert_eq!(house.post(vec![b' '; LIMIT], None).await.0, 401, "the limit itself is fine");
    assert_eq!(chunked_until_refused(house.port).await, 413, "by what has come, when no length is declared");
}

/// Sends chunks without end until an answer comes. Its status.
async fn chunked_until_refused(port: u16) -> u16 {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("the head");
    let (mut read, mut write) = stream.split();
    let chunk = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
    let flood = async {
        loop {
            if write.write_all(chunk.as_bytes()).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = [0; 12];
    let refused = tokio::time::timeout(Duration::from_secs(10), async {
        tokio::select! {
            () = flood => unreachable!("the flood does not end"),
            done = read.read_exact(&mut answer) => done.expect("a status line"),
        }
    });
    refused.await.expect("an answer while the body still comes");
    String::from_utf8_lossy(&answer[9..12]).parse().expect("a status")
}

#[actix_web::test]
async fn bodies_share_a_memory_budget() {
    let house = House::with(|settings| settings.bodies_in_flight = 1000).await;
    assert_eq!(house.post(vec![b' '; 1001], None).await.0, 503);
    assert_eq!(house.post(vec![b' '; 1000], None).await.0, 401, "the room is free again");
}

#[actix_web::test]
async fn a_store_that_does_not_answer_is_told_quickly() {
    let house = House::with(|settings| settings.commit_timeout = Duration::from_secs(1)).await;
    let mut lock = house.database.pool.begin().await.expect("a transaction");
    sqlx::query("select 1 from pages where page_id = $1 for update")
        .bind(house.page.id.as_str())
        .execute(&mut *lock)
        .await
        .expect("locked");
    let body = webhook("100200300", &[message("m_1")]);
    assert_eq!(house.deliver(&body).await.0, 503);
    lock.rollback().await.expect("unlocked");
    assert_eq!(house.deliver(&body).await, acknowledged());
    assert_eq!(house.mids().await, ["m_1"], "what was in flight counts once");
}
