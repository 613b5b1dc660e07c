//! PostgreSQL. SQL lives here and nowhere else; each file is one subject.

pub mod accounts;
pub mod admin;
pub mod apps;
pub mod delivery;
pub mod delivery_flush;
pub mod delivery_health;
mod error;
pub mod group;
pub mod inbox;
pub mod inbox_conversation;
pub mod inbox_timeline;
pub mod log;
mod memory;
pub mod notify;
pub mod outbox;
pub mod outcomes;
pub mod people;
pub mod platform;
pub mod processes;
pub mod profiles;
pub mod rules;
mod sweep;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::str::FromStr;
use std::time::Duration;

pub use error::StoreError;

/// Connections of the ledger's writer: one at work, one for the moment after a lost connection.
const WRITERS: u32 = 2;

/// A frozen process must hold neither a Page nor a cursor: its transaction ends by itself.
const LIMITS: [(&str, &str); 1] = [("idle_in_transaction_session_timeout", "5s")];

/// What the ledger's writer must not wait for either.
const WRITER_LIMITS: [(&str, &str); 2] = [("lock_timeout", "5s"), ("statement_timeout", "10s")];

/// The database, as everything but the ledger's writer sees it.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    writer: PgPool,
}

impl Store {
    /// Connects, with at most `connections` at once.
    ///
    /// # Errors
    /// When the address is not one, or the database does not answer within 10 seconds.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?.application_name("baton").options(LIMITS);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options.clone())
            .await?;
        let writer = PgPoolOptions::new()
            .max_connections(WRITERS)
            .acquire_timeout(Duration::from_secs(2))
            .connect_lazy_with(options.application_name("baton-ledger").options(WRITER_LIMITS));
        Ok(Self { pool, writer })
    }

    /// Brings the schema up to date. Several processes may do it at once.
    ///
    /// # Errors
    /// When a migration fails, or the database has migrations this program does not know.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        sqlx::migrate!().run(&self.pool).await?;
        Ok(())
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query_scalar!("select 1").fetch_one(&self.pool).await?;
        Ok(())
    }
}
