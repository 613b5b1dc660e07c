//! Learns who people are: asks the platform when a person first appears, and again when what is known has grown old.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::Instant;
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

/// How many people are remembered as looked after, so that a lively conversation does not ask the store with each message.
const REMEMBERED: usize = 250_000;

/// How often people who appeared are looked up in the store, all together.
const LOOK_UP_EVERY: Duration = Duration::from_millis(200);

/// How many people wait to be asked about. Others are asked about at their next message.
const WAITING: usize = 10_000;

/// How long nobody is asked about once the platform has not answered.
const REST: Duration = Duration::from_secs(5);

/// Asks for profiles in the background.
#[derive(Debug)]
pub struct Profiles {
    settings: Settings,
    ledger: Ledger,
    store: Store,
    client: Client,
    /// Hashes of people: one that two share costs a name that is learnt later.
    seen: HashSet<u64>,
    hasher: RandomState,
    appeared: BTreeMap<PageId, Vec<PersonId>>,
    waiting: VecDeque<(PageId, PersonId)>,
    rest_until: Instant,
    under_way: JoinSet<Option<(PageId, PersonId)>>,
}

impl Profiles {
    /// With these settings. Nothing is asked before [`Profiles::run`].
    #[must_use]
    pub fn new(settings: Settings, ledger: Ledger, store: Store, client: Client) -> Self {
        Self {
            settings,
            ledger,
            store,
            client,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            appeared: BTreeMap::new(),
            waiting: VecDeque::new(),
            rest_until: Instant::now(),
            under_way: JoinSet::new(),
        }
    }

    /// Asks until `stop`. What is under way then is left: the person's next message asks again.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut advances = self.ledger.advances().subscribe();
        let mut look_up = tokio::time::interval(LOOK_UP_EVERY);
        look_up.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(joined) = self.under_way.join_next() => {
                    if let Ok(Some((page, person))) = joined {
                        self.forget(&page, &person);
                        self.rest_until = Instant::now() + REST;
                    }
                    self.ask();
                }
                () = tokio::time::sleep_until(self.rest_until), if !self.waiting.is_empty() && self.under_way.is_empty() => self.ask(),
                _ = look_up.tick(), if !self.appeared.is_empty() => self.look_up().await,
                advance = advances.recv() => match advance {
                    Ok(advance) => self.heed(&advance),
                    // The people's next messages ask again.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    /// Notes the people who did something and have not been looked after.
    fn heed(&mut self, advance: &Advance) {
        if self.seen.len() > REMEMBERED {
            self.seen.clear();
        }
        for person in advance.rows.iter().filter(|row| by_person(row)).filter_map(|row| row.person.as_ref()) {
            let appeared = self.appeared.get(&advance.page).map_or(0, Vec::len);
            if appeared < WAITING && self.seen.insert(self.hasher.hash_one((&advance.page, person))) {
                self.appeared.entry(advance.page.clone()).or_default().push(person.clone());
            }
        }
    }

    fn forget(&mut self, page: &PageId, person: &PersonId) {
        self.seen.remove(&self.hasher.hash_one((page, person)));
    }

    /// Finds out which of those who appeared are not known, or not any longer, and asks about them.
    async fn look_up(&mut self) {
        let refresh = i64::try_from(self.settings.refresh.as_millis()).unwrap_or(i64::MAX);
        let since = clock::now().plus_millis(refresh.saturating_neg());
        for (page, people) in std::mem::take(&mut self.appeared) {
            let unknown = match self.store.people_to_ask(&page, &people, since).await {
                Ok(unknown) => unknown,
                Err(error) => {
                    tracing::debug!(%error, "cannot look up people");
                    people.iter().for_each(|person| self.forget(&page, person));
                    continue;
                }
            };
            for person in unknown {
                if self.waiting.len() < WAITING {
                    self.waiting.push_back((page.clone(), person));
                } else {
                    self.forget(&page, &person);
                }
            }
        }
        self.ask();
    }

    /// Asks about those who wait, as far as there is room and the platform answers.
    fn ask(&mut self) {
        while self.under_way.len() < self.settings.at_once.max(1) && self.rest_until <= Instant::now() {
            let Some((page, person)) = self.waiting.pop_front() else { return };
            let (client, store) = (self.client.clone(), self.store.clone());
            self.under_way.spawn(async move { learn(&client, &store, &page, &person).await.is_err().then_some((page, person)) });
        }
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
