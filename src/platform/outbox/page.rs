//! The sender of one Page, for as long as this process holds the lease of its outbox.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::dispatch::{Dispatched, Lesson, dispatch};
use super::pacing::{Pace, Rest};
use super::queue::Queue;
use super::{Bell, Shared};
use crate::clock;
use crate::crypto::random;
use crate::ledger::{LedgerError, OutboxLease};
use crate::store::StoreError;
use crate::store::outbox::{SendId, SendState};
use crate::wire::PageId;

/// How many sends are read at once.
const READ: i64 = 500;

/// How many are held in memory; the others wait in the store.
const HELD: usize = 5_000;

/// How soon to look again when something that should be here in a moment is not.
const SOON: Duration = Duration::from_millis(200);

/// Why a sender ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// Another process sends for the Page.
    #[error("another process holds the lease")]
    LeaseLost,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger does not.
    #[error(transparent)]
    Ledger(LedgerError),
}

impl From<LedgerError> for Ended {
    fn from(error: LedgerError) -> Self {
        if matches!(error, LedgerError::LeaseLost) { Self::LeaseLost } else { Self::Ledger(error) }
    }
}

/// Sends for one Page.
pub struct Sender {
    shared: Arc<Shared>,
    page: PageId,
    lease: OutboxLease,
    bell: Arc<Bell>,
    queue: Queue,
    pace: Pace,
    rest: Rest,
    read_to: SendId,
    /// What did not fit into memory waits in the store.
    more_waits: bool,
    under_way: JoinSet<Dispatched>,
    stop: CancellationToken,
    began: Instant,
}

impl Sender {
    /// Takes the lease and sends until `stop`, or until the lease is lost. What is under way then is still waited for.
    pub async fn run(shared: Arc<Shared>, page: PageId, bell: Arc<Bell>, stop: CancellationToken) -> Result<(), Ended> {
        let process = shared.process.id();
        let generation = shared.store.lease_outbox(&page, process).await?.ok_or(Ended::LeaseLost)?;
        let lease = OutboxLease { generation };
        // A few hundred at a time, until nothing is left that another holder began.
        while shared.ledger.abandon(page.clone(), lease).await? > 0 {}
        tracing::debug!(%page, generation, "sending for a Page");
        let hold_ms = i64::try_from(shared.settings.hold_unknown.as_millis()).unwrap_or(i64::MAX);
        let pace = Pace::new(shared.settings.messages, shared.settings.media, shared.settings.actions);
        let mut sender = Self {
            page,
            lease,
            bell,
            queue: Queue::new(hold_ms),
            pace,
            rest: Rest::default(),
            read_to: SendId(0),
            more_waits: false,
            under_way: JoinSet::new(),
            stop,
            began: Instant::now(),
            shared,
        };
        let ended = sender.work().await;
        while let Some(Ok(dispatched)) = sender.under_way.join_next().await {
            tracing::trace!(send = dispatched.turn.send.0, "finished while stopping");
        }
        sender.shared.store.release_outbox(&sender.page, process, generation).await?;
        ended
    }

    async fn work(&mut self) -> Result<(), Ended> {
        let mut rung = true;
        loop {
            if rung {
                self.read().await?;
                self.reconcile().await?;
            }
            let pause = self.start();
            self.bell.expect_echoes(self.queue.held().next().is_some());
            rung = tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = self.bell.rung() => true,
                Some(joined) = self.under_way.join_next() => {
                    if let Ok(dispatched) = joined {
                        self.learn(dispatched)?;
                    }
                    self.more_waits && self.queue.len() < HELD / 2
                }
                () = tokio::time::sleep(pause) => false,
            };
        }
    }

    /// Reads what was accepted since, as far as it fits.
    async fn read(&mut self) -> Result<(), StoreError> {
        loop {
            self.more_waits = self.queue.len() >= HELD;
            if self.more_waits {
                return Ok(());
            }
            let hold_ms = i64::try_from(self.shared.settings.hold_unknown.as_millis()).unwrap_or(i64::MAX);
            let unknown_after = clock::now().plus_millis(hold_ms.saturating_neg());
            let sends = self.shared.store.open_sends(&self.page, self.read_to, unknown_after, READ).await?;
            let count = sends.len();
            if let Some(last) = sends.last() {
                self.read_to = last.send_id;
            }
            self.queue.extend(sends);
            if i64::try_from(count).unwrap_or(READ) < READ {
                return Ok(());
            }
        }
    }

    /// Lets conversations go on whose unknown send has become known, by its echo.
    async fn reconcile(&mut self) -> Result<(), StoreError> {
        let held: Vec<_> = self.queue.held().map(|(person, send)| (person.clone(), send)).collect();
        for (person, send) in held {
            if self.shared.store.send_state(&self.page, send).await? != Some(SendState::Unknown) {
                self.queue.release(&person, send);
            }
        }
        Ok(())
    }

    /// Starts what may go now. How long until something else may is the answer.
    fn start(&mut self) -> Duration {
        let settings = &self.shared.settings;
        loop {
            let now = self.began.elapsed();
            let rest = self.rest.left(now);
            if !rest.is_zero() {
                return rest;
            }
            if self.under_way.len() >= settings.in_flight {
                // One of them ends before anything else can begin.
                return settings.poll;
            }
            if self.shared.process.lease_left() < settings.lease_margin {
                return SOON;
            }
            let pace = &self.pace;
            let Some(turn) = self.queue.next(clock::now(), |kind| pace.wait(kind, now).is_zero()) else { return self.pause(now) };
            self.pace.take(turn.kind, now);
            let (shared, page, lease, stop) = (Arc::clone(&self.shared), self.page.clone(), self.lease, self.stop.clone());
            self.under_way.spawn(async move { dispatch(&shared, &page, lease, turn, &stop).await });
        }
    }

    /// How long nothing can go: until the pace allows the quickest of what is ready, or something that waits for a time is due.
    fn pause(&self, now: Duration) -> Duration {
        let paced = self.queue.ready_kinds().map(|kind| self.pace.wait(kind, now)).min();
        let due = self.queue.next_due().map(|at| Duration::from_millis(u64::try_from(at.since(clock::now())).unwrap_or_default()));
        paced.into_iter().chain(due).min().unwrap_or(self.shared.settings.poll).max(Duration::from_millis(1))
    }

    fn learn(&mut self, dispatched: Dispatched) -> Result<(), Ended> {
        let now = self.began.elapsed();
        let settings = &self.shared.settings;
        match dispatched.lesson {
            Lesson::None => {}
            Lesson::Fine => self.rest.over(),
            Lesson::LeaseLost => return Err(Ended::LeaseLost),
            Lesson::OutOfReach => {
                let rest = self.rest.take(now, settings.reach_first, settings.reach_longest, None, random::fraction());
                tracing::warn!(page = %self.page, ?rest, "the platform is out of reach; the Page's sends wait");
            }
            Lesson::Throttled(asked) => {
                let rest = self.rest.take(now, settings.throttle_first, settings.throttle_longest, asked, random::fraction());
                metrics::counter!("baton_send_throttled_total").increment(1);
                tracing::warn!(page = %self.page, ?rest, "the platform asks for less; the Page's sends wait");
            }
        }
        self.queue.settle(&dispatched.turn.person, dispatched.settled);
        Ok(())
    }
}
