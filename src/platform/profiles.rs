//! Learns who people are: asks the platform when a person first appears, and again when what is known has grown old.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Client;
use super::client::Outcome;
use crate::clock;
use crate::ledger::{Advance, Ledger};
use crate::store::Store;
use crate::store::log::LogRow;
use crate::store::platform::Profile;
use crate::wire::{PageId, PersonId};

/// How profiles are asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many at once. 4.
    pub at_once: usize,
    /// After how long a person who writes is asked about again: names change, and addresses of pictures expire. 1 day.
    pub refresh: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { at_once: 4, refresh: Duration::from_secs(24 * 3600) }
    }
}

/// How many people are remembered as asked about, so that a lively conversation does not ask the store with each message.
const REMEMBERED: usize = 50_000;

/// Asks for profiles in the background.
#[derive(Debug)]
pub struct Profiles {
    settings: Settings,
    ledger: Ledger,
    store: Store,
    client: Client,
    asked: HashSet<(PageId, PersonId)>,
    room: Arc<Semaphore>,
    under_way: JoinSet<Option<(PageId, PersonId)>>,
}

impl Profiles {
    /// With these settings. Nothing is asked before [`Profiles::run`].
    #[must_use]
    pub fn new(settings: Settings, ledger: Ledger, store: Store, client: Client) -> Self {
        let room = Arc::new(Semaphore::new(settings.at_once.max(1)));
        Self { settings, ledger, store, client, asked: HashSet::new(), room, under_way: JoinSet::new() }
    }

    /// Asks until `stop`. What is under way then is left: the person's next message asks again.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut advances = self.ledger.advances().subscribe();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(joined) = self.under_way.join_next() => if let Ok(Some(failed)) = joined { self.asked.remove(&failed); },
                advance = advances.recv() => match advance {
                    Ok(advance) => self.heed(&advance).await,
                    // The people's next messages ask again.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    /// Asks about the people who did something and are not known, or not any longer.
    async fn heed(&mut self, advance: &Advance) {
        let mut people: Vec<PersonId> = advance.rows.iter().filter(|row| by_person(row)).filter_map(|row| row.person.clone()).collect();
        people.sort_unstable();
        people.dedup();
        people.retain(|person| !self.asked.contains(&(advance.page.clone(), person.clone())));
        if people.is_empty() {
            return;
        }
        if self.asked.len() + people.len() > REMEMBERED {
            self.asked.clear();
        }
        self.asked.extend(people.iter().map(|person| (advance.page.clone(), person.clone())));
        let refresh = i64::try_from(self.settings.refresh.as_millis()).unwrap_or(i64::MAX);
        let since = clock::now().plus_millis(refresh.saturating_neg());
        match self.store.people_to_ask(&advance.page, &people, since).await {
            Ok(unknown) => unknown.into_iter().for_each(|person| self.ask(advance.page.clone(), person)),
            Err(error) => {
                tracing::debug!(%error, "cannot look up people");
                people.into_iter().for_each(|person| {
                    self.asked.remove(&(advance.page.clone(), person));
                });
            }
        }
    }

    fn ask(&mut self, page: PageId, person: PersonId) {
        let (room, client, store) = (Arc::clone(&self.room), self.client.clone(), self.store.clone());
        self.under_way.spawn(async move {
            let _permit = room.acquire().await.ok()?;
            learn(&client, &store, &page, &person).await.is_err().then_some((page, person))
        });
    }
}

/// Whether the person did it, so that the platform tells who they are: it does not before they have acted.
fn by_person(row: &LogRow) -> bool {
    matches!(row.kind.as_str(), "message" | "postback" | "referral" | "optin" | "reaction")
}

/// The platform did not answer: to be asked again at the person's next message.
struct NotNow;

async fn learn(client: &Client, store: &Store, page: &PageId, person: &PersonId) -> Result<(), NotNow> {
    let profile = match client.profile(page, person).await {
        Ok(profile) => profile,
        // A plain no is kept as knowing nothing: asking at each message would only cost calls.
        Err(Outcome::Refused(refused)) if refused.meaning() == super::client::Meaning::Permanent => Profile::default(),
        Err(_) => return Err(NotNow),
    };
    store.put_profile(page, person, &profile).await.map_err(|error| {
        tracing::debug!(%error, "cannot keep a profile");
        NotNow
    })
}
