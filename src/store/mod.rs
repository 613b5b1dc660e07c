//! PostgreSQL. SQL lives here and nowhere else; each file is one subject.

pub mod accounts;
pub mod admin;
pub mod apps;
pub mod delivery;
pub mod delivery_flush;
pub mod delivery_health;
pub mod draft_files;
pub mod drafts;
mod error;
pub mod fields;
pub mod group;
pub mod inbox;
pub mod label;
pub mod log;
mod memory;
pub mod notify;
pub mod outbox;
pub mod outcomes;
pub mod people;
pub mod personas;
pub mod platform;
mod pool;
pub mod preferences;
pub mod presence;
pub mod processes;
pub mod profiles;
pub mod read_marks;
pub mod rules;
pub mod saved_replies;
pub mod saved_views;
pub mod search;
mod sweep;
pub mod tagging;
pub mod tags;
pub mod teams;

use sqlx::postgres::PgConnectOptions;
use std::str::FromStr;
use std::time::{Duration, Instant};

pub use error::StoreError;
use pool::Pool;

/// Connections of the ledger's writer: one at work, one for the moment after a lost connection.
const WRITERS: u32 = 2;

/// How the ledger's writer works. It waits for nothing long, so that no process holds up a Page for others. And its statements name each row by its
/// key, so they are planned once, for indexes: a plan made while the tables were small must not stay when they are large.
const WRITER_SETTINGS: [(&str, &str); 6] = [
    ("lock_timeout", "5s"),
    ("statement_timeout", "10s"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// A frozen process must hold neither a Page nor a cursor: its transaction ends by itself.
///
/// Queries are prepared once and fit every number of rows, so PostgreSQL has to guess how many a limit gives. On a long log it guesses so many
/// that it compiles the plan anew at each execution, which takes a hundred times as long as the query does.
const EVERYWHERE: [(&str, &str); 2] = [("idle_in_transaction_session_timeout", "5s"), ("jit", "off")];

/// How long the database may take to answer for the first time: it may have been started a moment ago.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// The database, as everything but the ledger's writer sees it.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    writer: Pool,
}

impl Store {
    /// Connects, with at most `connections` at once.
    ///
    /// # Errors
    /// When the address is not one, or the database does not answer within 10 seconds.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?.application_name("baton").options(EVERYWHERE);
        let pool = Pool::new(options.clone(), connections);
        let writer = Pool::new(options.application_name("baton-ledger").options(WRITER_SETTINGS), WRITERS);
        let asked = Instant::now();
        while let Err(error) = pool.patient().acquire().await {
            if !matches!(error, sqlx::Error::PoolTimedOut) || asked.elapsed() > FIRST_ANSWER {
                return Err(error.into());
            }
        }
        Ok(Self { pool, writer })
    }

    /// Brings the schema up to date. Several processes may do it at once.
    ///
    /// # Errors
    /// When a migration fails, or the database has migrations this program does not know.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        sqlx::migrate!().run(self.pool.patient()).await?;
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
