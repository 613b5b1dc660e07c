//! What changed, gathered for a moment and then told once to all streams of this process.
//!
//! Whatever a message costs is paid here, however many streams are open; a stream only passes on what was written for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::GATHER;
use super::conversations::{Conversations, KNOWN};
use crate::ledger::{Advance, Ledger};
use crate::store::{Store, StoreError};
use crate::wire::{PageId, PersonId};

/// How many times of telling a slow stream may be behind before it reads the store itself.
const BACKLOG: usize = 64;

/// A Page's log grew from one position to another.
#[derive(Debug, Clone)]
pub struct Change {
    /// The Page.
    pub page: PageId,
    /// The position it grew from.
    pub from: i64,
    /// The position it has now.
    pub to: i64,
    /// The conversations that changed.
    pub conversations: Conversations,
}

/// Turns the ledger's advances into changes, reading what other processes wrote once for all streams.
pub struct Feed {
    store: Store,
    ledger: Ledger,
    told: broadcast::Sender<Arc<[Change]>>,
}

/// How a Page has grown since the last time of telling.
#[derive(Debug)]
struct Growth {
    from: i64,
    to: i64,
    /// Who changed, while they are few enough to be known one by one.
    people: BTreeMap<PersonId, i64>,
    /// Some of the rows did not come along: the store knows them.
    unknown: bool,
}

/// What is gathered.
#[derive(Debug, Default)]
struct Gathered {
    heads: BTreeMap<PageId, i64>,
    growth: BTreeMap<PageId, Growth>,
    tell_at: Option<Instant>,
}

impl Feed {
    pub fn new(store: Store, ledger: Ledger) -> Self {
        Self { store, ledger, told: broadcast::Sender::new(BACKLOG) }
    }

    /// Hears every change from now on: all that happened in a moment together.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<[Change]>> {
        self.told.subscribe()
    }

    /// Tells changes until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut advances = self.ledger.advances().subscribe();
        let mut gathered = Gathered::default();
        loop {
            let heard = tokio::select! {
                () = stop.cancelled() => return,
                heard = advances.recv() => heard,
                () = until(gathered.tell_at) => {
                    self.tell(&mut gathered).await;
                    continue;
                }
            };
            match heard {
                Ok(advance) => gathered.take(&advance, self.told.receiver_count() > 0),
                Err(RecvError::Lagged(_)) => self.catch_up(&mut gathered).await,
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn catch_up(&self, gathered: &mut Gathered) {
        match self.store.heads().await {
            Ok(heads) => heads.into_iter().for_each(|(page, position)| {
                gathered.take(&Advance { page, position, rows: Arc::new([]) }, self.told.receiver_count() > 0)
            }),
            // The heads stay where they are: the next advance shows that something is missing.
            Err(error) => tracing::warn!(%error, "live updates wait for the store"),
        }
    }

    async fn tell(&self, gathered: &mut Gathered) {
        gathered.tell_at = None;
        let mut changes = Vec::with_capacity(gathered.growth.len());
        for (page, growth) in std::mem::take(&mut gathered.growth) {
            match self.people(&page, &growth).await {
                Ok(read) => {
                    let conversations = Conversations::of(&page, read.unwrap_or(growth.people));
                    changes.push(Change { page, from: growth.from, to: growth.to, conversations });
                }
                Err(error) => {
                    tracing::warn!(%error, "live updates wait for the store");
                    gathered.growth.insert(page, growth);
                    gathered.tell_at = Some(Instant::now() + GATHER);
                }
            }
        }
        // Nobody listening is fine.
        let _ = self.told.send(changes.into());
    }

    /// Who changed, from the store where it has to be asked.
    async fn people(&self, page: &PageId, growth: &Growth) -> Result<Option<BTreeMap<PersonId, i64>>, StoreError> {
        if growth.people.len() > KNOWN || !growth.unknown {
            return Ok(None);
        }
        let people = self.store.changed_people(page, growth.from, growth.to).await?;
        Ok(Some(people.into_iter().collect()))
    }
}

impl Gathered {
    /// Takes an advance in. With nobody to tell only the head is kept: who comes later begins there.
    fn take(&mut self, advance: &Advance, somebody: bool) {
        let Advance { page, position, rows } = advance;
        let first = rows.first().map(|row| row.position - 1);
        let from = self.heads.get(page).copied().or(first).unwrap_or(position - 1);
        if *position <= from {
            return;
        }
        self.heads.insert(page.clone(), *position);
        if !somebody {
            return;
        }
        self.tell_at.get_or_insert_with(|| Instant::now() + GATHER);
        let none = Growth { from, to: from, people: BTreeMap::new(), unknown: false };
        let growth = self.growth.entry(page.clone()).or_insert(none);
        growth.unknown |= first.is_none_or(|first| first > growth.to);
        growth.to = *position;
        for row in rows.iter() {
            if growth.people.len() > KNOWN {
                break;
            }
            if let Some(person) = &row.person {
                growth.people.insert(person.clone(), row.position);
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
