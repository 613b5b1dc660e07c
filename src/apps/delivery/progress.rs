//! How far the subscriptions of this process are, on its way to the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::counter;

use super::event::Conversation;
use super::machine::Changes;
use crate::failpoint;
use crate::store::delivery::{ParkedConversation, SubscriptionKey};
use crate::store::delivery_flush::{DeadLetter, Progress};
use crate::store::{Store, StoreError};

/// What one subscription has not written yet. The subscription's task puts in, the flush takes out.
#[derive(Debug)]
pub(super) struct Unwritten {
    subscription: SubscriptionKey,
    generation: i64,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    position: i64,
    written: i64,
    parked: HashMap<Conversation, Option<(ParkedConversation, Option<String>)>>,
    dead: Vec<DeadLetter>,
    lost: bool,
}

impl Unwritten {
    /// Nothing yet; the database is at `position`.
    pub fn new(subscription: SubscriptionKey, generation: i64, position: i64) -> Arc<Self> {
        let waiting = Waiting { position, written: position, parked: HashMap::new(), dead: Vec::new(), lost: false };
        Arc::new(Self { subscription, generation, waiting: Mutex::new(waiting) })
    }

    /// Takes note of how far the subscription is. What is given together is written together.
    pub fn note(&self, position: i64, changes: Changes) {
        let mut waiting = self.lock();
        waiting.position = waiting.position.max(position);
        waiting.parked.extend(changes.parked);
        waiting.dead.extend(changes.dead);
    }

    /// Everything up to here is done, whether written or not.
    pub fn position(&self) -> i64 {
        self.lock().position
    }

    /// Whether another process has taken over.
    pub fn is_lost(&self) -> bool {
        self.lock().lost
    }

    fn take(&self) -> Option<Progress> {
        let mut waiting = self.lock();
        if waiting.lost || (waiting.position == waiting.written && waiting.parked.is_empty() && waiting.dead.is_empty()) {
            return None;
        }
        let mut progress = Progress {
            subscription: self.subscription.clone(),
            generation: self.generation,
            position: waiting.position,
            parked: Vec::new(),
            resumed: Vec::new(),
            dead: std::mem::take(&mut waiting.dead),
        };
        for (conversation, parked) in waiting.parked.drain() {
            match parked {
                Some(parked) => progress.parked.push(parked),
                None => progress.resumed.push(conversation),
            }
        }
        Some(progress)
    }

    /// Takes back what could not be written. What came since is newer and stays.
    fn put_back(&self, progress: Progress) {
        let mut waiting = self.lock();
        for parked in progress.parked {
            waiting.parked.entry(parked.0.person.clone()).or_insert(Some(parked));
        }
        for conversation in progress.resumed {
            waiting.parked.entry(conversation).or_insert(None);
        }
        waiting.dead.splice(..0, progress.dead);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what all subscriptions have not written yet, in one transaction.
///
/// # Errors
/// When the database fails. Then nothing was written, and all of it is kept for the next time.
pub(super) async fn flush(store: &Store, all: &[Arc<Unwritten>]) -> Result<(), StoreError> {
    let (sources, progress): (Vec<_>, Vec<_>) = all.iter().filter_map(|one| Some((one, one.take()?))).unzip();
    if progress.is_empty() {
        return Ok(());
    }
    failpoint::pass("delivery.flush");
    match store.flush_deliveries(&progress).await {
        Ok(held) => {
            failpoint::pass("delivery.flushed");
            for (source, progress) in sources.into_iter().zip(progress) {
                let mut waiting = source.lock();
                waiting.written = progress.position;
                waiting.lost = !held.contains(&progress.subscription);
                counter!("baton_dead_letters_total").increment(u64::try_from(progress.dead.len()).unwrap_or_default());
            }
            Ok(())
        }
        Err(error) => {
            for (source, progress) in sources.into_iter().zip(progress) {
                source.put_back(progress);
            }
            Err(error)
        }
    }
}
