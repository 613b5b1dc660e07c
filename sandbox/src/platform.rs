//! What every request shares: the world, its clock, the webhook lanes, the faults, the journal and the live changes.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::settings;
use crate::webhook::Lanes;
use crate::world::{ThreadKey, World};

/// Changes that a slow browser may lag behind before it is told to look at everything again.
const LIVE_BACKLOG: usize = 1_024;

/// Locks a mutex; a panic elsewhere does not make the sandbox useless.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running platform.
pub struct Platform {
    /// The time.
    pub clock: Clock,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// What happened.
    pub journal: Journal,
    world: Mutex<World>,
    lanes: Lanes,
    live: broadcast::Sender<ThreadKey>,
    base_url: OnceLock<String>,
}

impl Platform {
    /// A platform with the given world, delivering webhooks on the present tokio runtime.
    pub fn new(world: World, delivery: settings::Delivery) -> Result<Arc<Self>, reqwest::Error> {
        let lanes = Lanes::new(delivery)?;
        Ok(Arc::new(Self {
            clock: Clock::default(),
            faults: Faults::default(),
            journal: Journal::default(),
            world: Mutex::new(world),
            lanes,
            live: broadcast::channel(LIVE_BACKLOG).0,
            base_url: OnceLock::new(),
        }))
    }

    /// Looks at the world.
    pub fn look<T>(&self, look: impl FnOnce(&World, i64) -> T) -> T {
        let world = lock(&self.world);
        look(&world, self.clock.now_ms())
    }

    /// Changes the world, then sends the webhooks and tells the browsers that follow from it, in the order of the changes.
    pub fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut World, i64) -> T) -> T {
        let mut world = lock(&self.world);
        let answer = change(&mut world, self.clock.now_ms());
        for delivery in world.take_outbox() {
            self.lanes.enqueue(self, delivery);
        }
        for key in world.take_changes() {
            // Nobody listening is no error.
            self.live.send(key).ok();
        }
        answer
    }

    /// Changes as they happen.
    pub fn live(&self) -> broadcast::Receiver<ThreadKey> {
        self.live.subscribe()
    }

    /// Webhooks still to be delivered.
    pub fn pending_webhooks(&self) -> usize {
        self.lanes.pending()
    }

    /// Drops what an app has still to get about an account.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Sets the address under which others reach the sandbox; the first call counts.
    pub fn set_base_url(&self, url: String) {
        self.base_url.set(url).ok();
    }

    /// The address under which others reach the sandbox.
    pub fn base_url(&self) -> &str {
        self.base_url.get().map_or("", String::as_str)
    }
}
