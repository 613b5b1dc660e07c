//! This process among those that share the database: its heartbeat, and how long its leases still hold.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::store::processes::{HEARTBEAT_SECONDS, LEASE_SECONDS};
use crate::store::{Store, StoreError};

/// How long the database may take for a heartbeat.
const PATIENCE: Duration = Duration::from_secs(2);

/// This process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Process {
    id: i64,
    name: Arc<str>,
    // Set before each renewal is sent, so that the lease is never believed longer than the database grants it.
    renewed: Arc<Mutex<Instant>>,
}

impl Process {
    /// Enters this process and keeps its heartbeat until `stop`, then leaves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enter(store: &Store, name: &str, stop: CancellationToken) -> Result<(Self, tokio::task::JoinHandle<()>), StoreError> {
        let asked = Instant::now();
        let id = store.register_process(name).await?;
        let process = Self { id, name: name.into(), renewed: Arc::new(Mutex::new(asked)) };
        let task = tokio::spawn(process.clone().beat(store.clone(), stop));
        Ok((process, task))
    }

    /// `processes.process_id`.
    #[must_use]
    pub const fn id(&self) -> i64 {
        self.id
    }

    /// How long leases of this process still hold, on the monotonic clock. Start nothing that may take longer.
    #[must_use]
    pub fn lease_left(&self) -> Duration {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_secs(u64::from(LEASE_SECONDS)).saturating_sub(renewed.elapsed())
    }

    async fn beat(self, store: Store, stop: CancellationToken) {
        let mut tick = tokio::time::interval(Duration::from_secs(HEARTBEAT_SECONDS.into()));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => self.renew(&store).await,
            }
        }
        if let Err(error) = store.leave(self.id).await {
            tracing::warn!(%error, "could not leave the list of processes; its leases lapse by themselves");
        }
    }

    async fn renew(&self, store: &Store) {
        let asked = Instant::now();
        match tokio::time::timeout(PATIENCE, store.heartbeat(self.id, &self.name)).await {
            Ok(Ok(())) => *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = asked,
            Ok(Err(error)) => return tracing::warn!(%error, "heartbeat failed"),
            Err(_) => return tracing::warn!("heartbeat timed out"),
        }
        if let Err(error) = store.bury_processes().await {
            tracing::debug!(%error, "could not bury dead processes");
        }
    }
}
