//! A pool whose every step ends in time, and which lets nobody wait for a database that is known to be away.
//!
//! The network may fall silent: then nothing tells that an answer will never come. So connections are tried before they are lent and when
//! they come back, and every query has a limit. Once no connection can be had, one caller at a time tries again, and everybody else is told
//! at once; the loops of the background see to it that somebody tries.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Connection, Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr, Transaction};

/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(2);

/// How long a connection that lay idle may take to answer.
const PING: Duration = Duration::from_secs(1);

/// How long a connection may lie idle before it is tried: it answered when it came back.
pub(super) const RESTED: Duration = Duration::from_secs(1);

/// How long a query may take, with the wait for its connection: whoever asked is to be told within five seconds.
const QUERY: Duration = Duration::from_secs(4);

/// How long after a BEGIN that nobody waited for connections that come back are looked at: longer than it takes to give one back.
const DOUBTED: Duration = Duration::from_secs(10);

/// How often somebody tries whether the database is back.
const TRY_EVERY: Duration = Duration::from_millis(250);

/// Connections to the database. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    inner: PgPool,
    gate: Arc<Gate>,
    beginnings: Arc<Beginnings>,
}

/// BEGINs whose answer is not there. A caller that does not wait for it leaves a connection in a transaction of which sqlx does not know: what the next
/// caller writes would look written and go with it. So connections that come back are looked at more closely for a while.
#[derive(Debug, Default)]
pub(super) struct Beginnings {
    under_way: AtomicUsize,
    left: Mutex<Option<Instant>>,
}

/// A BEGIN that is under way.
struct Beginning<'a> {
    all: &'a Beginnings,
    answered: bool,
}

/// Closed while the database is away.
#[derive(Debug, Default)]
struct Gate {
    closed: Mutex<Option<Closed>>,
}

#[derive(Debug, Clone, Copy)]
struct Closed {
    next_try: Instant,
    trying: bool,
}

/// Somebody's way through the gate.
struct Passage<'a> {
    gate: &'a Gate,
    is_trial: bool,
}

impl Pool {
    /// At most `connections` at once; none yet.
    pub fn new(options: PgConnectOptions, connections: u32) -> Self {
        let beginnings = Arc::<Beginnings>::default();
        let released = Arc::clone(&beginnings);
        let inner = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .after_connect(|connection, _| is_primary(connection).boxed())
            .before_acquire(|connection, meta| match meta.idle_for < RESTED {
                true => std::future::ready(Ok(true)).boxed(),
                false => answers(connection).boxed(),
            })
            .after_release(move |connection, _| match released.is_any_open() {
                true => ends_transaction(connection).boxed(),
                false => answers(connection).boxed(),
            })
            .connect_lazy_with(options);
        Self { inner, gate: Arc::default(), beginnings }
    }

    /// A connection.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        self.pass(self.inner.acquire()).await
    }

    /// A connection for one query, and what is left of the query's time after the wait.
    async fn lend(&self) -> Result<(PoolConnection<Postgres>, Duration), Error> {
        let began = Instant::now();
        let connection = self.acquire().await?;
        Ok((connection, QUERY.saturating_sub(began.elapsed())))
    }

    /// A transaction on a connection of its own.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, Error> {
        // Boxed, or every future that begins a transaction holds this one several times.
        self.pass(self.beginnings.watch(Box::pin(self.inner.begin()))).await
    }

    /// What must watch a transaction that begins on a connection of this pool in another way.
    pub fn beginnings(&self) -> Arc<Beginnings> {
        Arc::clone(&self.beginnings)
    }

    /// Closes every connection, after what they are at.
    pub async fn close(&self) {
        self.inner.close().await;
    }

    /// Another pool on the same database, of one connection, for who keeps it.
    pub fn single(&self) -> Self {
        Self::new(PgConnectOptions::clone(&self.inner.connect_options()), 1)
    }

    /// The pool without limits, for what takes as long as it takes.
    pub fn patient(&self) -> &PgPool {
        &self.inner
    }

    async fn pass<T>(&self, acquiring: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let passage = self.gate.enter()?;
        let acquired = acquiring.await;
        match &acquired {
            Ok(_) => passage.succeeded(),
            // Everybody being at work is no sign that the database is away, nor is the end of this process.
            Err(Error::PoolClosed) => {}
            Err(Error::PoolTimedOut) if self.inner.size() >= self.inner.options().get_max_connections() => {}
            Err(_) => passage.failed(),
        }
        acquired
    }
}

impl Beginnings {
    /// Begins a transaction on a connection of the pool.
    pub async fn begin<'c>(&self, connection: &'c mut PgConnection) -> Result<Transaction<'c, Postgres>, Error> {
        self.watch(connection.begin()).await
    }

    async fn watch<T>(&self, begin: impl Future<Output = T>) -> T {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let mut beginning = Beginning { all: self, answered: false };
        let begun = begin.await;
        beginning.answered = true;
        begun
    }

    fn is_any_open(&self) -> bool {
        let left = *self.left.lock().unwrap_or_else(PoisonError::into_inner);
        self.under_way.load(Ordering::SeqCst) > 0 || left.is_some_and(|at| at.elapsed() < DOUBTED)
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        if !self.answered {
            *self.all.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        self.all.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gate {
    fn enter(&self) -> Result<Passage<'_>, Error> {
        let mut closed = self.lock();
        match closed.as_mut() {
            None => Ok(Passage { gate: self, is_trial: false }),
            Some(closed) if !closed.trying && closed.next_try <= Instant::now() => {
                closed.trying = true;
                Ok(Passage { gate: self, is_trial: true })
            }
            Some(_) => Err(Error::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, "the database was away a moment ago"))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Closed>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passage<'_> {
    fn succeeded(&self) {
        if self.gate.lock().take().is_some() {
            tracing::info!("the database is back");
        }
    }

    fn failed(&self) {
        let closed = Closed { next_try: Instant::now() + TRY_EVERY, trying: false };
        if self.gate.lock().replace(closed).is_none() {
            tracing::error!("the database is away");
        }
    }
}

impl Drop for Passage<'_> {
    /// Whoever tried may have been told to stop waiting; then another may try.
    fn drop(&mut self) {
        if self.is_trial
            && let Some(closed) = self.gate.lock().as_mut()
        {
            closed.trying = false;
        }
    }
}

/// Whether a connection is of use. It may have been left in the middle of something, by a caller that did not wait.
pub(super) async fn answers(connection: &mut PgConnection) -> Result<bool, Error> {
    within(PING, connection.ping()).await.map(|()| true)
}

/// The same for a connection that may be in a transaction of which sqlx does not know: it is made known, and ended.
async fn ends_transaction(connection: &mut PgConnection) -> Result<bool, Error> {
    within(PING, async { connection.begin().await?.rollback().await }).await.map(|()| true)
}

/// Refuses a standby: it may be behind what Baton has been told is committed, so nothing may be concluded from what is not there.
async fn is_primary(connection: &mut PgConnection) -> Result<(), Error> {
    let is_standby = sqlx::query_scalar!(r#"select pg_is_in_recovery() as "standby!""#).fetch_one(connection).await?;
    match is_standby {
        false => Ok(()),
        true => Err(Error::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, "the database is a standby"))),
    }
}

/// What is done within a limit; after it, the connection that was asked is in an unknown state.
pub(super) async fn within<T, E: From<Error>>(limit: Duration, asked: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the database takes too long")).into()),
    }
}

impl<'p> Executor<'p> for &'_ Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        let all = async move {
            let (mut connection, left) = pool.lend().await?;
            let steps: Vec<Either<PgQueryResult, PgRow>> = within::<_, Error>(left, connection.fetch_many(query).try_collect()).await?;
            Ok::<_, Error>(stream::iter(steps.into_iter().map(Ok)))
        };
        stream::once(all).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        async move {
            let (mut connection, left) = pool.lend().await?;
            within(left, connection.fetch_optional(query)).await
        }
        .boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        async move {
            let (mut connection, left) = pool.lend().await?;
            within(left, connection.prepare_with(sql, parameters)).await
        }
        .boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        async move {
            let (mut connection, left) = pool.lend().await?;
            within(left, connection.describe(sql)).await
        }
        .boxed()
    }
}
