//! Keeps Baton's platform app subscribed to the webhooks of every connected Page: nothing comes in otherwise.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Client;
use crate::store::Store;
use crate::wire::PageId;

/// How often is looked for Pages that have been connected, or have got another token.
const LOOK: Duration = Duration::from_secs(5);

/// After how long a Page is subscribed again: the platform unsubscribes an app whose webhooks have failed for an hour, and tells nobody but the
/// app's developers by mail.
const AGAIN: Duration = Duration::from_secs(3600);

/// How long a Page is left alone that could not be subscribed.
const REST: Duration = Duration::from_secs(60);

/// Subscribes in the background.
#[derive(Debug)]
pub struct Connections {
    store: Store,
    client: Client,
    resting: HashMap<PageId, Instant>,
}

impl Connections {
    /// Nothing is asked before [`Connections::run`].
    #[must_use]
    pub fn new(store: Store, client: Client) -> Self {
        Self { store, client, resting: HashMap::new() }
    }

    /// Subscribes until `stop`. Several processes may do the same at once: the last call says what the ones before it said.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.look() => {}
            }
        }
    }

    async fn look(&mut self) {
        let pages = match self.store.pages_to_subscribe(AGAIN).await {
            Ok(pages) => pages,
            Err(error) => return tracing::debug!(%error, "cannot look for Pages to subscribe"),
        };
        self.resting.retain(|_, until| *until > Instant::now());
        for page in pages {
            if self.resting.contains_key(&page) {
                continue;
            }
            match self.client.subscribe(&page).await {
                Ok(()) => tracing::info!(%page, "subscribed to the Page's webhooks"),
                Err(outcome) => {
                    tracing::warn!(%page, ?outcome, "cannot subscribe to the Page's webhooks: as long as it is not, nothing comes in");
                    self.resting.insert(page, Instant::now() + REST);
                }
            }
        }
    }
}
