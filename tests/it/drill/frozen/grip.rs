//! Freezing a process at the worst moment: with locks in its hands.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use sqlx::{PgConnection, PgPool};

use crate::drill::pair::Pair;
use crate::harness::eventually;
use crate::harness::running::PAGE;

/// How long a transaction must do nothing to be held by a process that is frozen rather than slow. Its session ends it after 5 seconds.
const IDLE: &str = "1500 milliseconds";

/// What the process holds when it is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grip {
    /// Whatever it happens to hold.
    Chance,
    /// The lock of a cursor that it is about to move.
    Cursor,
    /// The lock of the Page's head, in the middle of a group.
    Page,
}

/// A frozen process.
#[derive(Debug)]
pub struct Frozen {
    /// Its number.
    pub process: usize,
    /// When it was frozen.
    pub since: Instant,
    /// The id of the group's transaction that it holds open.
    pub transaction: Option<String>,
}

impl Grip {
    /// Freezes a process: whichever sends, or whichever is caught with the lock.
    pub async fn freeze(self, pair: &Pair, dice: &mut StdRng) -> Frozen {
        let sender = pair.sender().await.expect("a process sends");
        match self {
            Self::Chance => {
                pair.running.batons[sender].freeze();
                Frozen { process: sender, since: Instant::now(), transaction: None }
            }
            Self::Cursor => loop {
                // Where the machine is slow, the flush is over before the process stands still.
                if let Some(frozen) = freeze_with_cursor(pair, sender).await {
                    return frozen;
                }
            },
            Self::Page => loop {
                // Which process the group belongs to is not to be seen from outside.
                if let Some(frozen) = freeze_with_page(pair, dice.random_range(0..2)).await {
                    return frozen;
                }
            },
        }
    }
}

/// Makes the process wait for a cursor in the middle of a flush, freezes it, and lets it have the cursor. Nothing, if it did not keep it.
async fn freeze_with_cursor(pair: &Pair, process: usize) -> Option<Frozen> {
    let pool = &pair.running.database.pool;
    let address = pair.running.batons[process].base.trim_start_matches("http://");
    let mut bait = pool.begin().await.expect("a transaction");
    let locked = sqlx::query("select from cursors c join processes p using (process_id) where p.name like $1 for update of c")
        .bind(format!("{address} (%"))
        .fetch_all(&mut *bait)
        .await
        .expect("the cursors");
    assert_eq!(locked.len(), 1, "it delivers to one app");
    let caught = waits_for(pool, &mut bait, "update cursors c set position").await;
    pair.running.batons[process].freeze();
    let since = Instant::now();
    bait.rollback().await.expect("the cursor is free");
    keeps(pair, process, &caught).await.then_some(Frozen { process, since, transaction: None })
}

/// The same with the conversations, which a group writes under the lock of the Page's head. Nothing, if the group was the other process's.
async fn freeze_with_page(pair: &Pair, process: usize) -> Option<Frozen> {
    let pool = &pair.running.database.pool;
    let mut bait = pool.begin().await.expect("a transaction");
    sqlx::query("select from conversations where page_id = $1 order by person_id for update")
        .bind(PAGE)
        .execute(&mut *bait)
        .await
        .expect("the conversations");
    let caught = waits_for(pool, &mut bait, "").await;
    pair.running.batons[process].freeze();
    let since = Instant::now();
    bait.rollback().await.expect("the conversations are free");
    keeps(pair, process, &caught).await.then_some(Frozen { process, since, transaction: Some(caught.transaction) })
}

/// Whether the frozen process keeps what it was caught with. It is thawed if not.
async fn keeps(pair: &Pair, process: usize, caught: &Caught) -> bool {
    let pool = &pair.running.database.pool;
    loop {
        if is_idle(pool, caught).await {
            return true;
        }
        if !is_open(pool, caught).await {
            pair.running.batons[process].thaw();
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A session that waits for a lock, and its transaction.
#[derive(Debug, sqlx::FromRow)]
struct Caught {
    pid: i32,
    transaction: String,
}

/// Waits until a session of Baton waits for what is locked here.
async fn waits_for(pool: &PgPool, bait: &mut PgConnection, statement: &str) -> Caught {
    let own: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(bait).await.expect("an id");
    eventually("Baton waits for the lock", async || {
        sqlx::query_as(
            "select pid, backend_xid::text as transaction from pg_stat_activity
             where $1 = any(pg_blocking_pids(pid)) and application_name like 'baton%' and query like $2 and backend_xid is not null limit 1",
        )
        .bind(own)
        .bind(format!("{statement}%"))
        .fetch_optional(pool)
        .await
        .expect("the sessions")
    })
    .await
}

/// Whether the transaction has done nothing for so long that its process must be frozen.
async fn is_idle(pool: &PgPool, caught: &Caught) -> bool {
    looks_like(pool, caught, "state = 'idle in transaction' and state_change < clock_timestamp() - $3::interval").await
}

/// Whether the transaction still runs.
async fn is_open(pool: &PgPool, caught: &Caught) -> bool {
    looks_like(pool, caught, "$3 is not null").await
}

async fn looks_like(pool: &PgPool, caught: &Caught, condition: &str) -> bool {
    let query = format!("select exists (select from pg_stat_activity where pid = $1 and backend_xid::text = $2 and {condition})");
    sqlx::query_scalar(sqlx::AssertSqlSafe(query))
        .bind(caught.pid)
        .bind(&caught.transaction)
        .bind(IDLE)
        .fetch_one(pool)
        .await
        .expect("the sessions")
}
