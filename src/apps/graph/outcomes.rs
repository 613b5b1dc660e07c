//! Waits for the outcomes of sends, for all waiting calls together: one look at the store answers everybody.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::ledger::{Advance, Advances, SendId, SendState};
use crate::store::Store;
use crate::wire::PageId;

/// Sender actions leave no trace in the log, and other processes tell late: so often the store is asked while somebody waits.
const LOOK: Duration = Duration::from_millis(25);
/// Calls that may be on their way to the watch.
const ASKING: usize = 1024;

/// Asks the watch. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outcomes {
    asks: mpsc::Sender<Ask>,
}

/// Looks for the outcomes.
#[derive(Debug)]
pub struct OutcomeWatch {
    asks: mpsc::Receiver<Ask>,
    advances: Advances,
    store: Store,
    waiting: HashMap<(PageId, SendId), Vec<oneshot::Sender<SendState>>>,
}

#[derive(Debug)]
struct Ask {
    page: PageId,
    send: SendId,
    answer: oneshot::Sender<SendState>,
}

impl Outcomes {
    /// The asking end, and the watch, which must be run.
    #[must_use]
    pub fn watch(store: Store, advances: Advances) -> (Self, OutcomeWatch) {
        let (sender, asks) = mpsc::channel(ASKING);
        (Self { asks: sender }, OutcomeWatch { asks, advances, store, waiting: HashMap::new() })
    }

    /// Waits until the send has ended: neither accepted nor sending. `None` once the watch is stopped.
    pub async fn of(&self, page: PageId, send: SendId) -> Option<SendState> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask { page, send, answer }).await.ok()?;
        answered.await.ok()
    }
}

impl OutcomeWatch {
    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut advances = self.advances.subscribe();
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                ask = self.asks.recv() => match ask {
                    // It has just been accepted: the next tick or advance is early enough.
                    Some(Ask { page, send, answer }) => self.waiting.entry((page, send)).or_default().push(answer),
                    None => return,
                },
                // Heard whether or not somebody waits: what a listener does not take is kept for it, and that is the rows themselves.
                advance = advances.recv() => match self.concerns(advance, &mut advances) {
                    Some(true) => self.look().await,
                    Some(false) => {}
                    None => return,
                },
                _ = tick.tick(), if !self.waiting.is_empty() => self.look().await,
            }
        }
    }

    /// Whether an advance, or one of those behind it, is of a Page somebody waits for; `None`: there will be no more.
    fn concerns(&self, first: Result<Advance, RecvError>, more: &mut broadcast::Receiver<Advance>) -> Option<bool> {
        let waited_for = |advance: &Advance| self.waiting.keys().any(|(page, _)| *page == advance.page);
        let mut concerns = match first {
            Ok(advance) => waited_for(&advance),
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return None,
        };
        while let Ok(advance) = more.try_recv() {
            concerns = concerns || waited_for(&advance);
        }
        Some(concerns)
    }

    async fn look(&mut self) {
        self.waiting.retain(|_, waiters| {
            waiters.retain(|waiter| !waiter.is_closed());
            !waiters.is_empty()
        });
        let sends: Vec<(PageId, SendId)> = self.waiting.keys().cloned().collect();
        if sends.is_empty() {
            return;
        }
        match self.store.settled(&sends).await {
            Ok(settled) => {
                for one in settled {
                    for waiter in self.waiting.remove(&(one.page, one.send)).unwrap_or_default() {
                        // Whoever waited may have gone.
                        let _ = waiter.send(one.state.clone());
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "could not look for the outcomes of sends; trying again"),
        }
    }
}
