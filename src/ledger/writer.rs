//! The writer: takes whatever commands wait as one group, without waiting for more, and commits them together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc};

use super::command::{LedgerError, Received};
use super::group::{Group, Reading};
use super::reading::{self, RulesCache};
use super::short_way::{self, ShortWay};
use super::{Advance, Advances, Command, Reply, Waiting, incoming, orders, sends};
use crate::failpoint;
use crate::store::group::{GroupId, GroupTransaction, Link, Writes};
use crate::store::log::LogRow;
use crate::store::{Store, StoreError};
use crate::wire::{AppId, PageId, Timestamp};

/// Most commands in one transaction.
const GROUP: usize = 1000;

/// How long a group is tried again while the database does not answer. Callers are told to come again after that.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long reading and writing a group may take, before its COMMIT. After it the network may be to blame; nothing has been committed.
const STEPS: Duration = Duration::from_secs(4);

/// How long a failure counts as the present state: whoever looks later is let try.
const FAILING: Duration = Duration::from_secs(5);

/// Whether the database takes what is to be written, as far as the newest groups tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    failed_at: Arc<Mutex<Option<Instant>>>,
}

impl Standing {
    /// Whether a group could not be written a moment ago, and nothing has been since.
    pub fn is_failing(&self) -> bool {
        self.lock().is_some_and(|at| at.elapsed() < FAILING)
    }

    fn failed(&self) {
        *self.lock() = Some(Instant::now());
    }

    fn succeeded(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one task of a process that writes conversations.
#[derive(Debug)]
pub(super) struct Writer {
    pub standing: Standing,
    pub store: Store,
    pub process: i64,
    pub own_app: AppId,
    pub door: mpsc::Receiver<Waiting>,
    pub advances: Advances,
    pub accepted: broadcast::Sender<PageId>,
    pub rules: RulesCache,
    /// Kept from group to group.
    pub link: Option<Link>,
    pub short_way: ShortWay,
}

/// A group that is written and not committed.
type Written<'l> = (GroupTransaction<'l>, GroupId, Vec<Result<Reply, LedgerError>>, Writes);

/// What a committed group leaves to do.
#[derive(Debug)]
struct Committed {
    replies: Vec<Result<Reply, LedgerError>>,
    log: Vec<LogRow>,
    accepted: Vec<PageId>,
}

/// How far the short way led.
enum Short {
    /// To its end.
    Done(Committed),
    /// Nowhere: nothing is written, and the group must go the long way.
    Blocked(Link),
}

impl Committed {
    fn new(replies: Vec<Result<Reply, LedgerError>>, writes: Writes) -> Self {
        Self { replies, log: writes.log, accepted: writes.sends.into_iter().map(|send| send.page).collect() }
    }
}

impl Writer {
    /// Works until every way in is closed and everything waiting is done.
    pub async fn run(mut self) {
        let mut group = Vec::new();
        while self.door.recv_many(&mut group, GROUP).await > 0 {
            metrics::histogram!("baton_ledger_group_commands").record(f64::from(u32::try_from(group.len()).unwrap_or(u32::MAX)));
            self.commit(std::mem::take(&mut group)).await;
        }
    }

    async fn commit(&mut self, group: Vec<Waiting>) {
        let (commands, answers): (Vec<Command>, Vec<_>) = group.into_iter().map(|waiting| (waiting.command, waiting.answer)).unzip();
        let started = Instant::now();
        let replies = match self.try_together(&commands).await {
            Ok(replies) => replies,
            Err(error) if error.is_transient() => commands.iter().map(|_| Err(unavailable(&error))).collect(),
            Err(error) => {
                tracing::warn!(%error, commands = commands.len(), "a group failed; its commands are run one by one");
                self.try_apart(&commands).await
            }
        };
        metrics::histogram!("baton_ledger_commit_seconds").record(started.elapsed().as_secs_f64());
        for (answer, reply) in answers.into_iter().zip(replies) {
            // A caller that went away does not mind.
            let _ = answer.send(reply);
        }
    }

    /// Runs the commands as one transaction, again while the database is away for a moment.
    async fn try_together(&mut self, commands: &[Command]) -> Result<Vec<Result<Reply, LedgerError>>, StoreError> {
        let all: Vec<&Command> = commands.iter().collect();
        self.with_patience(&all).await
    }

    /// Runs each command in a transaction of its own. An event that still fails alone is kept raw.
    async fn try_apart(&mut self, commands: &[Command]) -> Vec<Result<Reply, LedgerError>> {
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            let reply = match self.with_patience(&[command]).await {
                Ok(mut replies) => replies.pop().unwrap_or(Err(LedgerError::Stopping)),
                Err(error) if error.is_transient() => Err(unavailable(&error)),
                Err(error) => self.quarantine(command, &error).await,
            };
            replies.push(reply);
        }
        replies
    }

    async fn quarantine(&mut self, command: &Command, why: &StoreError) -> Result<Reply, LedgerError> {
        tracing::error!(error = %why, page = %command.page(), "a command cannot be stored");
        metrics::counter!("baton_quarantined_total").increment(1);
        let Command::Incoming(event) = command else { return Err(unavailable(why)) };
        self.store.quarantine(&[(Some(event.page.clone()), &why.to_string(), &event.raw)]).await?;
        Ok(Reply::Received(Received::Quarantined))
    }

    /// Nobody waits long once it is known that the database is away: then each group is tried once.
    async fn with_patience(&mut self, commands: &[&Command]) -> Result<Vec<Result<Reply, LedgerError>>, StoreError> {
        let patience = if self.standing.is_failing() { Duration::ZERO } else { PATIENCE };
        let done = self.try_for(patience, commands).await;
        if done.as_ref().is_err_and(StoreError::is_transient) {
            self.standing.failed();
        }
        done
    }

    async fn try_for(&mut self, patience: Duration, commands: &[&Command]) -> Result<Vec<Result<Reply, LedgerError>>, StoreError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            match self.once(commands).await {
                Ok(committed) => {
                    failpoint::pass("ledger.committed");
                    // A full disk has room for what changes nothing: that proves nothing.
                    if !committed.log.is_empty() {
                        self.standing.succeeded();
                    }
                    let replies = self.tell(committed);
                    failpoint::pass("ledger.told");
                    return Ok(replies);
                }
                Err(error) if error.is_transient() && !matches!(error, StoreError::Untold(_)) && started.elapsed() + pause < patience => {
                    tracing::warn!(%error, "a group is tried again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn once(&mut self, commands: &[&Command]) -> Result<Committed, StoreError> {
        let link = match self.link.take() {
            Some(link) => link,
            None => self.store.link().await?,
        };
        let mut link = match self.at_once(link, commands).await? {
            Short::Done(committed) => return Ok(committed),
            Short::Blocked(link) => link,
        };
        let Ok(written) = tokio::time::timeout(STEPS, self.write(&mut link, commands)).await else { return Err(StoreError::TooSlow) };
        let (transaction, id, replies, writes) = written?;
        failpoint::pass("ledger.commit");
        self.short_way.doubt();
        match transaction.commit().await {
            Ok(()) => self.link = Some(link),
            Err(error) => {
                drop(link);
                self.resolve(&id, error).await?;
            }
        }
        self.short_way.committed(id);
        Ok(Committed::new(replies, writes))
    }

    /// The short way, for commands that may go it.
    async fn at_once(&mut self, mut link: Link, commands: &[&Command]) -> Result<Short, StoreError> {
        let Some((former, keys)) = self.short_way.admits(commands) else { return Ok(Short::Blocked(link)) };
        let mut glance = tokio::time::timeout(STEPS, link.glance(&keys)).await.unwrap_or(Err(StoreError::TooSlow))?;
        let Some(reading) = short_way::reading(&mut glance, &keys, &self.rules) else { return Ok(Short::Blocked(link)) };
        let (replies, now, writes) = self.decided(glance.now, reading, commands);
        if !writes.is_plain() {
            return Ok(Short::Blocked(link));
        }
        let id = GroupId::new(self.process);
        failpoint::pass("ledger.commit");
        self.short_way.doubt();
        match link.write_at_once(&writes, now, &glance, &former, &id).await {
            Ok(true) => self.link = Some(link),
            Ok(false) => {
                self.short_way.committed(former);
                self.short_way.rest();
                return Ok(Short::Blocked(link));
            }
            // Something was seen before, for one; or there is no room. The long way finds out.
            Err(error) if error.is_undone() => {
                tracing::debug!(%error, "a group goes the long way");
                self.short_way.rest();
                return Ok(Short::Blocked(link));
            }
            Err(error) => {
                drop(link);
                self.resolve(&id, error).await?;
            }
        }
        self.short_way.committed(id);
        Ok(Short::Done(Committed::new(replies, writes)))
    }

    /// Does everything of a group but to commit it.
    async fn write<'l>(&mut self, link: &'l mut Link, commands: &[&Command]) -> Result<Written<'l>, StoreError> {
        let mut transaction = link.begin_group().await?;
        let (reading, now, id) = reading::read(&mut transaction, commands, &mut self.rules, self.process).await?;
        let (replies, now, writes) = self.decided(now, reading, commands);
        transaction.write(&writes, now, self.process).await?;
        Ok((transaction, id, replies, writes))
    }

    /// What becomes of the commands, at which time, and what that writes.
    fn decided(&self, now: Timestamp, reading: Reading, commands: &[&Command]) -> (Vec<Result<Reply, LedgerError>>, Timestamp, Writes) {
        let mut group = Group::new(now, self.own_app.clone(), reading);
        let replies = commands.iter().map(|command| decide(&mut group, command)).collect();
        (replies, group.now, group.finish())
    }

    /// A COMMIT was not answered: the database knows whether it happened. As long as it does not tell, nothing else may be tried.
    async fn resolve(&self, id: &GroupId, error: StoreError) -> Result<(), StoreError> {
        if !error.is_transient() {
            return Err(error);
        }
        let started = Instant::now();
        loop {
            let asked = tokio::time::timeout(PATIENCE, self.store.is_committed(id)).await.unwrap_or(Err(StoreError::TooSlow));
            match asked {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(error),
                Err(_) if started.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(untold) => return Err(StoreError::Untold(Box::new(untold))),
            }
        }
    }

    /// Tells deliveries, outboxes and browsers.
    fn tell(&self, committed: Committed) -> Vec<Result<Reply, LedgerError>> {
        let mut rows = committed.log.into_iter().peekable();
        let mut by_page: std::collections::BTreeMap<PageId, Vec<LogRow>> = std::collections::BTreeMap::new();
        for row in rows.by_ref() {
            by_page.entry(row.page.clone()).or_default().push(row);
        }
        for (page, rows) in by_page {
            let position = rows.last().map_or(0, |row| row.position);
            self.advances.tell(Advance { page, position, rows: Arc::from(rows) });
        }
        for page in committed.accepted {
            // Nobody listening is fine.
            let _ = self.accepted.send(page);
        }
        committed.replies
    }
}

/// Asks the part of the rules that a command concerns.
fn decide(group: &mut Group, command: &Command) -> Result<Reply, LedgerError> {
    match command {
        Command::Incoming(event) => Ok(Reply::Received(incoming::receive(group, event))),
        Command::Order(order) => orders::order(group, order).map(|ordered| Reply::Ordered(Box::new(ordered))),
        Command::Accept(new) => sends::accept(group, new).map(Reply::Accepted),
        Command::Begin { page, send, lease } => sends::begin(group, page, *send, *lease).map(Reply::Begun),
        Command::Finish { page, send, lease, outcome } => sends::finish(group, page, *send, *lease, outcome).map(Reply::State),
        Command::Cancel { page, send, why } => sends::cancel(group, page, *send, why).map(Reply::State),
        Command::Abandoned { page, lease } => sends::abandon(group, page, *lease).map(Reply::Count),
        Command::Act { page, person, user, act } => orders::act(group, page, person, *user, act).map(Reply::Position),
        Command::Sweep { page, person } => orders::sweep(group, page, person).map(Reply::Position),
    }
}

fn unavailable(error: &StoreError) -> LedgerError {
    tracing::warn!(%error, "the store is not available");
    if matches!(error, StoreError::Untold(_)) {
        return LedgerError::Untold;
    }
    LedgerError::Unavailable("the database does not answer".into())
}
