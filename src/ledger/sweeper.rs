//! The clock's hand: lapsed leases, deadlines of requests, owners that are gone, and what may be forgotten.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Command, Ledger, LedgerError};

use crate::store::group::ConversationKey;

/// How often the sweeper looks. Deadlines of requests are kept to about this.
const LOOK: Duration = Duration::from_millis(500);

/// How often what is old is forgotten.
const FORGET: Duration = Duration::from_secs(60);

/// Most conversations in one step.
const STEP: i64 = 200;

impl Ledger {
    /// Sweeps until `stop`. Every process may do it: a sweep twice does nothing.
    pub async fn sweep_until(self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut forget = tokio::time::interval(FORGET);
        loop {
            let swept = tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => self.sweep_due().await,
                _ = forget.tick() => self.forget().await,
            };
            if let Err(error) = swept {
                tracing::warn!(%error, "sweeping failed; it is tried again");
            }
        }
    }

    async fn forget(&self) -> Result<(), LedgerError> {
        self.store.forget_duplicates().await?;
        self.store.forget_groups().await?;
        Ok(())
    }

    async fn sweep_due(&self) -> Result<(), LedgerError> {
        let due = self.store.conversations_due(STEP).await?;
        self.sweep_all(due).await?;
        let orphaned = self.store.conversations_of_gone_owners(STEP).await?;
        self.sweep_all(orphaned).await
    }

    async fn sweep_all(&self, conversations: Vec<ConversationKey>) -> Result<(), LedgerError> {
        let mut waiting = Vec::with_capacity(conversations.len());
        for (page, person) in conversations {
            waiting.push(self.ask(Command::Sweep { page, person }).await?);
        }
        for answer in waiting {
            if let Err(error) = answer.await.map_err(|_| LedgerError::Stopping)? {
                tracing::debug!(%error, "a conversation was not swept");
            }
        }
        Ok(())
    }
}
