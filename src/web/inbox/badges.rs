//! The numbers beside the views, counted at most once a second for one set of permissions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::access::UserId;
use crate::store::inbox::{COUNT_CAP, Counts};
use crate::store::{Store, StoreError};
use crate::wire::{PageId, Timestamp};

const FRESH: Duration = Duration::from_secs(1);

/// Beyond this many sets the stale ones are let go.
const KEPT: usize = 1000;

type Key = (UserId, Vec<PageId>);

/// The cache of counts.
#[derive(Default)]
pub struct Badges {
    known: Mutex<HashMap<Key, (Instant, Counts)>>,
}

impl Badges {
    /// The counts of somebody on these Pages.
    pub async fn counts(&self, store: &Store, pages: &[PageId], me: UserId, now: Timestamp) -> Result<Counts, StoreError> {
        let key = (me, pages.to_vec());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some((_, counts)) = known.filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(counts);
        }
        let counts = store.counts(pages, me, now).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        known.insert(key, (Instant::now(), counts));
        Ok(counts)
    }

    /// Somebody has changed something: what they see next counts it.
    pub fn forget(&self, me: UserId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|(user, _), _| *user != me);
    }
}

/// A number as a badge shows it: exact up to 99.
pub fn shown(count: i64) -> String {
    if count >= COUNT_CAP { "99+".to_owned() } else { count.to_string() }
}
