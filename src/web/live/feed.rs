//! What changed, told once to all streams of this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::ledger::{Advance, Ledger};
use crate::store::{Store, StoreError};
use crate::wire::{PageId, PersonId};

/// How many changes a slow stream may be behind before it reads the store itself.
const BACKLOG: usize = 1024;

/// A Page's log grew from one position to another.
#[derive(Debug, Clone)]
pub struct Change {
    /// The Page.
    pub page: PageId,
    /// The position it grew from.
    pub from: i64,
    /// The position it has now.
    pub to: i64,
    /// The conversations that changed, each with its newest position.
    pub people: Arc<[(PersonId, i64)]>,
}

/// Turns the ledger's advances into changes, reading what other processes wrote once for all streams.
pub struct Feed {
    store: Store,
    ledger: Ledger,
    told: broadcast::Sender<Change>,
}

impl Feed {
    pub fn new(store: Store, ledger: Ledger) -> Self {
        Self { store, ledger, told: broadcast::Sender::new(BACKLOG) }
    }

    /// Hears every change from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.told.subscribe()
    }

    /// Tells changes until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut advances = self.ledger.advances().subscribe();
        let mut heads = BTreeMap::new();
        loop {
            let heard = tokio::select! {
                () = stop.cancelled() => return,
                heard = advances.recv() => heard,
            };
            let done = match heard {
                Ok(advance) => self.advance(&mut heads, advance).await,
                Err(RecvError::Lagged(_)) => self.catch_up(&mut heads).await,
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = done {
                // The heads stay where they are: the next advance reads what this one could not.
                tracing::warn!(%error, "live updates wait for the store");
            }
        }
    }

    async fn advance(&self, heads: &mut BTreeMap<PageId, i64>, advance: Advance) -> Result<(), StoreError> {
        let Advance { page, position, rows } = advance;
        let first = rows.first().map(|row| row.position - 1);
        let from = heads.get(&page).copied().or(first).unwrap_or(position - 1);
        if position <= from {
            return Ok(());
        }
        let people: BTreeMap<PersonId, i64> = if first.is_some_and(|first| first <= from) {
            rows.iter().filter_map(|row| Some((row.person.clone()?, row.position))).collect()
        } else {
            self.store.changed_people(&page, from, position).await?.into_iter().collect()
        };
        heads.insert(page.clone(), position);
        // Nobody listening is fine.
        let _ = self.told.send(Change { page, from, to: position, people: people.into_iter().collect() });
        Ok(())
    }

    async fn catch_up(&self, heads: &mut BTreeMap<PageId, i64>) -> Result<(), StoreError> {
        for (page, position) in self.store.heads().await? {
            self.advance(heads, Advance { page, position, rows: Arc::new([]) }).await?;
        }
        Ok(())
    }
}
