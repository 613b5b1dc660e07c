//! Tells deliveries, outboxes and browsers that a Page's log has grown.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::store::log::LogRow;
use crate::wire::PageId;

/// A Page's log now reaches `position`.
#[derive(Debug, Clone)]
pub struct Advance {
    /// The Page.
    pub page: PageId,
    /// Its newest position.
    pub position: i64,
    /// The rows themselves, consecutive and ending at `position`, when this process wrote them; empty when another did.
    pub rows: Arc<[LogRow]>,
}

/// How many advances a slow listener may be behind before it is told to look for itself.
const BACKLOG: usize = 1024;

/// The channel of [`Advance`]s of this process. A listener that lags gets `RecvError::Lagged` and must read the store.
#[derive(Debug, Clone)]
pub struct Advances {
    sender: broadcast::Sender<Advance>,
}

impl Default for Advances {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG) }
    }
}

impl Advances {
    /// Hears every advance from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Advance> {
        self.sender.subscribe()
    }

    /// Tells everyone who listens.
    pub fn tell(&self, advance: Advance) {
        // Nobody listening is fine.
        let _ = self.sender.send(advance);
    }
}
