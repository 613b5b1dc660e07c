//! Hears of what other processes wrote: by notification at once, by looking each second for truth.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{Advance, Ledger};
use crate::store::notify::{Listener, Notice};
use crate::wire::PageId;

/// How often every Page's head is looked at, in case a notification was lost.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait before listening again after the connection broke.
const AGAIN: Duration = Duration::from_millis(500);

impl Ledger {
    /// Passes the growth of logs by other processes on to this one's listeners, until `stop`.
    pub async fn watch_until(self, process: i64, stop: CancellationToken) {
        let mut own = self.advances.subscribe();
        let mut known: HashMap<PageId, i64> = HashMap::new();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut listener = self.listen().await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                advance = own.recv() => match advance {
                    Ok(advance) => { let seen = known.entry(advance.page).or_default(); *seen = advance.position.max(*seen); }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                notice = next(&mut listener) => match notice {
                    Some(notice) => self.heed(notice, process, &mut known),
                    None => { tokio::time::sleep(AGAIN).await; listener = self.listen().await; }
                },
                // A database that does not answer may have gone with the connection that is listened on, without a word.
                _ = look.tick() => if !self.look(&mut known).await { listener = None; },
            }
        }
    }

    async fn listen(&self) -> Option<Listener> {
        self.store.listen().await.inspect_err(|error| tracing::warn!(%error, "cannot listen; looking each second goes on")).ok()
    }

    fn heed(&self, notice: Notice, process: i64, known: &mut HashMap<PageId, i64>) {
        if notice.process == process {
            return;
        }
        self.pass_on(notice.page.clone(), notice.position, known);
        // It may have accepted sends as well; an outbox that finds nothing has lost little.
        let _ = self.accepted.send(notice.page);
    }

    /// False: the database does not answer.
    async fn look(&self, known: &mut HashMap<PageId, i64>) -> bool {
        match self.store.heads().await {
            Ok(heads) => heads.into_iter().for_each(|(page, position)| self.pass_on(page, position, known)),
            Err(error) => {
                tracing::debug!(%error, "cannot look at the heads");
                return false;
            }
        }
        true
    }

    fn pass_on(&self, page: PageId, position: i64, known: &mut HashMap<PageId, i64>) {
        let seen = known.entry(page.clone()).or_default();
        if position > *seen {
            *seen = position;
            self.advances.tell(Advance { page, position, rows: Arc::from([]) });
        }
    }
}

async fn next(listener: &mut Option<Listener>) -> Option<Notice> {
    match listener {
        Some(listener) => listener.next().await,
        None => None,
    }
}
