//! The outbox: sends that the ledger has accepted go to the platform, in order and at the Page's pace.
//!
//! A Page's outbox is leased to one process. `accepted → sending` is committed by the ledger before the first byte leaves, under the
//! lease's number; what a dead process left in `sending` becomes unknown and is never sent again.

mod dispatch;
pub mod pacing;
mod page;
mod queue;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Client;
use crate::ledger::{Advance, Ledger, Process};
use crate::store::Store;
use crate::wire::PageId;
use pacing::Rate;
use page::Sender;

/// How the outbox sends.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Messages of a Page. 30 a second with 10 at once, since a Page that sends more than 40 a second goes dark.
    pub messages: Rate,
    /// Of these, images, audio, video and files. 8 a second with 2 at once: the platform takes 10.
    pub media: Rate,
    /// Typing, seen, reactions. 60 a second with 20 at once.
    pub actions: Rate,
    /// Calls of one Page that may be under way at once. 32.
    pub in_flight: usize,
    /// How often to look for sends that nobody has told of. 1 s.
    pub poll: Duration,
    /// How long an unknown outcome holds up its conversation. 10 s.
    pub hold_unknown: Duration,
    /// How old a send may be that is tried again after the platform was out of reach or asked for less. 10 min.
    pub give_up: Duration,
    /// First and longest rest of a Page while the platform is out of reach. 250 ms, 15 s.
    pub reach_first: Duration,
    /// See `reach_first`.
    pub reach_longest: Duration,
    /// First and longest rest of a Page after the platform asked for less, unless it names a time. 2 s, 5 min.
    pub throttle_first: Duration,
    /// See `throttle_first`.
    pub throttle_longest: Duration,
    /// How much of the lease must be left when a call starts: what it takes to connect and write. 4 s.
    pub lease_margin: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            messages: Rate { per_second: 30, burst: 10 },
            media: Rate { per_second: 8, burst: 2 },
            actions: Rate { per_second: 60, burst: 20 },
            in_flight: 32,
            poll: Duration::from_secs(1),
            hold_unknown: Duration::from_secs(10),
            give_up: Duration::from_secs(600),
            reach_first: Duration::from_millis(250),
            reach_longest: Duration::from_secs(15),
            throttle_first: Duration::from_secs(2),
            throttle_longest: Duration::from_secs(300),
            lease_margin: Duration::from_secs(4),
        }
    }
}

/// Sends for every Page whose lease this process holds.
#[derive(Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
}

/// What all senders need.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    ledger: Ledger,
    store: Store,
    client: Client,
    process: Process,
}

/// Wakes the sender of a Page.
#[derive(Debug, Default)]
struct Bell {
    notify: Notify,
    expects_echoes: AtomicBool,
}

impl Bell {
    async fn rung(&self) {
        self.notify.notified().await;
    }

    /// Whether rows of the log may let a conversation go on.
    fn expect_echoes(&self, expects: bool) {
        self.expects_echoes.store(expects, Ordering::Release);
    }
}

impl Outbox {
    /// An outbox with these settings. Nothing is sent before [`Outbox::run`].
    #[must_use]
    pub fn new(settings: Settings, ledger: Ledger, store: Store, client: Client, process: Process) -> Self {
        Self { shared: Arc::new(Shared { settings, ledger, store, client, process }) }
    }

    /// Sends until `stop`; what is under way then is waited for.
    pub async fn run(self, stop: CancellationToken) {
        let mut accepted = self.shared.ledger.accepted();
        let mut advances = self.shared.ledger.advances().subscribe();
        let mut look = tokio::time::interval(self.shared.settings.poll);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut senders = Senders { shared: self.shared, bells: HashMap::new(), tasks: JoinSet::new(), stop: stop.clone() };
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                page = accepted.recv() => match page {
                    Ok(page) => senders.wake(page),
                    // The next look finds what was missed.
                    Err(RecvError::Lagged(_)) => look.reset_immediately(),
                    Err(RecvError::Closed) => break,
                },
                advance = advances.recv() => match advance {
                    Ok(advance) => senders.heed(&advance),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                Some(ended) = senders.tasks.join_next() => if let Ok(page) = ended { senders.bells.remove(&page); },
                _ = look.tick() => senders.look().await,
            }
        }
        while senders.tasks.join_next().await.is_some() {}
    }
}

/// The senders of this process.
struct Senders {
    shared: Arc<Shared>,
    bells: HashMap<PageId, Arc<Bell>>,
    tasks: JoinSet<PageId>,
    stop: CancellationToken,
}

impl Senders {
    /// Rings the Page's sender; starts one if there is none.
    fn wake(&mut self, page: PageId) {
        if let Some(bell) = self.bells.get(&page) {
            bell.notify.notify_one();
            return;
        }
        let bell = Arc::new(Bell::default());
        self.bells.insert(page.clone(), Arc::clone(&bell));
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        self.tasks.spawn(async move {
            if let Err(ended) = Sender::run(shared, page.clone(), bell, stop).await {
                tracing::debug!(%page, %ended, "no longer sending for a Page");
            }
            page
        });
    }

    /// An echo may have told what became of an unknown send.
    fn heed(&self, advance: &Advance) {
        if let Some(bell) = self.bells.get(&advance.page).filter(|bell| bell.expects_echoes.load(Ordering::Acquire))
            && (advance.rows.is_empty() || advance.rows.iter().any(|row| row.kind == "echo"))
        {
            bell.notify.notify_one();
        }
    }

    /// Looks for sends that nobody has told of: after a start, a lost notification, or the death of another process.
    async fn look(&mut self) {
        match self.shared.store.pages_to_send(self.shared.process.id()).await {
            Ok(pages) => pages.into_iter().for_each(|page| self.wake(page)),
            Err(error) => tracing::warn!(%error, "cannot look for sends"),
        }
    }
}
