//! A database with a Page, apps that listen, and deliveries that tests can start, stop and kill.

use std::time::Duration;

use baton::apps::SignsOfLife;
use baton::apps::delivery::{Delivery, InProcessApp, Settings};
use baton::apps::http::{self, Outbound};
use baton::control::Audience;
use baton::crypto::seal::Sealer;
use baton::ledger::{Advance, Advances, Process};
use baton::wire::{AppId, PageId};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::page::{app_id, page_id};
use crate::harness::{Database, database};

pub const SECRET: &str = "the-app-secret";

/// Everything but the deliveries.
pub struct World {
    pub database: Database,
    pub page: PageId,
    pub advances: Advances,
    pub signs: SignsOfLife,
    pub settings: Settings,
    pub outbound: http::Settings,
}

/// Deliveries of one process.
pub struct Running {
    pub process: i64,
    stop: CancellationToken,
    leave: CancellationToken,
    delivering: JoinHandle<()>,
    heart: JoinHandle<()>,
}

impl Running {
    /// As after SIGKILL: nothing is written any more, and the process is not taken out.
    pub async fn kill(self) {
        self.heart.abort();
        self.delivering.abort();
        let _ = self.delivering.await;
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.delivering.await.unwrap();
        self.leave.cancel();
        self.heart.await.unwrap();
    }
}

/// An event to write.
pub struct Row<'a> {
    pub person: Option<&'a str>,
    pub kind: &'a str,
    pub field: &'a str,
    pub audience: Audience,
    pub payload: Value,
}

fn sealer() -> Sealer {
    Sealer::new(&[7; 32])
}

impl World {
    /// A Page without apps; everything quick, so that tests are.
    pub async fn new() -> Self {
        let database = database().await;
        sqlx::query("insert into pages (page_id, object, name) values ('100', 'page', 'Harbour Coffee')")
            .execute(&database.pool)
            .await
            .unwrap();
        let settings = Settings {
            schedule: vec![Duration::from_millis(300); 3],
            probe: Duration::from_millis(100),
            told_after: Duration::from_millis(50),
            flush: Duration::from_millis(20),
            look: Duration::from_millis(50),
            ..Settings::default()
        };
        let outbound = http::Settings { timeout: Duration::from_secs(1), allowed_networks: vec!["127.0.0.0/8".parse().unwrap()] };
        Self { database, page: page_id("100"), advances: Advances::default(), signs: SignsOfLife::default(), settings, outbound }
    }

    /// An app on the Page, subscribed from the beginning.
    pub async fn app(&self, id: &str, kind: &str, callback: Option<&str>, fields: &[&str]) -> AppId {
        let sealed = sealer().seal(&format!("apps.secret.{id}"), SECRET.as_bytes()).unwrap();
        sqlx::query("insert into apps (app_id, name, kind, secret_sealed, verify_token, callback_url) values ($1, $1, $2, $3, 'v', $4)")
            .bind(id)
            .bind(kind)
            .bind(sealed)
            .bind(callback)
            .execute(&self.database.pool)
            .await
            .unwrap();
        let fields: Value = fields.iter().map(|field| ((*field).to_owned(), json!(0))).collect::<serde_json::Map<_, _>>().into();
        sqlx::query("insert into subscriptions (page_id, app_id, fields) values ('100', $1, $2)")
            .bind(id)
            .bind(fields)
            .execute(&self.database.pool)
            .await
            .unwrap();
        app_id(id)
    }

    /// Writes rows as the ledger would, and tells of them as of another process' rows.
    pub async fn write(&self, rows: &[Row<'_>]) -> i64 {
        let mut transaction = self.database.pool.begin().await.unwrap();
        let head: i64 = sqlx::query_scalar("select last_position from pages where page_id = '100' for update")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        for (row, position) in rows.iter().zip(head + 1..) {
            sqlx::query(
                "insert into log (page_id, position, person_id, at, happened_at, kind, field, mid, audience, epoch, payload)
                 values ('100', $1, $2, clock_timestamp(), 1, $3, $4, $5, $6, 1, $7)",
            )
            .bind(position)
            .bind(row.person)
            .bind(row.kind)
            .bind(row.field)
            .bind(format!("m{position}"))
            .bind(serde_json::to_string(&row.audience).unwrap())
            .bind(row.payload.to_string())
            .execute(&mut *transaction)
            .await
            .unwrap();
        }
        let position = head + i64::try_from(rows.len()).unwrap();
        sqlx::query("update pages set last_position = $1 where page_id = '100'").bind(position).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        self.advances.tell(Advance { page: self.page.clone(), position, rows: [].into() });
        position
    }

    /// Each person writes each text, everyone hears it on `messaging`.
    pub async fn say(&self, messages: &[(&str, &str)]) -> i64 {
        let rows: Vec<Row<'_>> = messages.iter().map(|(person, text)| message(person, text)).collect();
        self.write(&rows).await
    }

    pub async fn start(&self) -> Running {
        self.start_with(None).await
    }

    pub async fn start_with(&self, in_process: Option<InProcessApp>) -> Running {
        let (stop, leave) = (CancellationToken::new(), CancellationToken::new());
        let (process, heart) = Process::enter(&self.database.store, "test", leave.clone()).await.unwrap();
        let id = process.id();
        let outbound = Outbound::new(self.outbound.clone()).unwrap();
        let (store, advances, signs) = (self.database.store.clone(), self.advances.clone(), self.signs.clone());
        let mut delivery = Delivery::new(store, process, advances, signs, outbound, sealer(), self.settings.clone());
        if let Some(app) = in_process {
            delivery = delivery.with_in_process(app);
        }
        Running { process: id, delivering: tokio::spawn(delivery.run(stop.clone())), heart, stop, leave }
    }

    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar::<_, Option<i64>>(query).fetch_one(&self.database.pool).await.unwrap().unwrap_or(-1)
    }

    pub async fn cursor(&self, app: &AppId) -> i64 {
        let found: Option<i64> = sqlx::query_scalar("select position from cursors where page_id = '100' and app_id = $1")
            .bind(app.as_str())
            .fetch_optional(&self.database.pool)
            .await
            .unwrap();
        found.unwrap_or(-1)
    }

    pub async fn run(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.database.pool).await.unwrap();
    }
}

pub fn message<'a>(person: &'a str, text: &str) -> Row<'a> {
    let payload = json!({ "sender": { "id": person }, "recipient": { "id": "100" }, "timestamp": 1, "message": { "mid": format!("mid.{text}"), "text": text } });
    Row { person: Some(person), kind: "message", field: "messages", audience: Audience::Everyone, payload }
}
