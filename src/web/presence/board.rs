//! What this process has heard of who is where.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::access::UserId;
use crate::store::Store;
use crate::web::text::{Texts, fill};
use crate::wire::{PageId, PersonId};

/// How long a sign counts.
const COUNTS: Duration = Duration::from_secs(40);

/// How often it is looked for signs that count no longer.
const SWEEP: Duration = Duration::from_secs(2);

/// How long until listening is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How many changes a slow stream may be behind before it misses some.
const BACKLOG: usize = 256;

/// What somebody does at a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Looks at it.
    Viewing,
    /// Writes.
    Typing,
    /// Has left.
    Gone,
    /// Has changed what is written down about the person: tags, fields.
    Wrote,
}

/// What somebody does at a conversation, as processes tell each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sign {
    /// The Page.
    pub page: PageId,
    /// The conversation.
    pub person: PersonId,
    /// Who.
    pub user: UserId,
    /// What colleagues call them.
    pub name: String,
    /// What they do.
    pub doing: Doing,
}

/// A conversation.
pub type Conversation = (PageId, PersonId);

/// What a board tells of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Somebody came, left, or does something else.
    Presence(Conversation),
    /// What is written down about the person was changed.
    Written(Conversation),
}

#[derive(Debug)]
struct Present {
    name: String,
    doing: Doing,
    until: Instant,
}

/// Everybody who is known to be somewhere.
#[derive(Debug)]
pub struct Board {
    places: Mutex<HashMap<Conversation, BTreeMap<UserId, Present>>>,
    changed: broadcast::Sender<Told>,
}

impl Default for Board {
    /// A board on which nobody is yet.
    fn default() -> Self {
        Self { places: Mutex::default(), changed: broadcast::Sender::new(BACKLOG) }
    }
}

impl Board {
    /// Hears of every conversation where somebody came, left, does or writes something.
    pub fn subscribe(&self) -> broadcast::Receiver<Told> {
        self.changed.subscribe()
    }

    /// Who else is there, in words; empty when nobody is.
    pub fn words(&self, conversation: &Conversation, me: UserId, t: &Texts) -> String {
        let places = self.lock();
        let now = Instant::now();
        let others = places.get(conversation).into_iter().flatten().filter(|(user, present)| **user != me && present.until > now);
        let word = |present: &Present| {
            fill(if present.doing == Doing::Typing { t.presence_typing } else { t.presence_viewing }, &[("name", &present.name)])
        };
        others.map(|(_, present)| word(present)).collect::<Vec<_>>().join(" · ")
    }

    /// Listens until `stop`.
    pub async fn run(&self, store: &Store, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.listen(store) => {}
            }
        }
    }

    /// Takes signs in until the connection breaks.
    async fn listen(&self, store: &Store) {
        let mut listener = match store.listen_to_presence().await {
            Ok(listener) => listener,
            Err(error) => {
                tracing::debug!(%error, "who is where is not known for now");
                return tokio::time::sleep(AGAIN).await;
            }
        };
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                heard = listener.next() => match heard {
                    Some(sign) => if let Ok(sign) = serde_json::from_str(&sign) { self.take(sign, Instant::now()) },
                    None => return,
                },
                _ = sweep.tick() => self.sweep(Instant::now()),
            }
        }
    }

    fn take(&self, sign: Sign, now: Instant) {
        let conversation = (sign.page, sign.person);
        if sign.doing == Doing::Wrote {
            return self.tell(Told::Written(conversation));
        }
        let mut places = self.lock();
        let people = places.entry(conversation.clone()).or_default();
        let before = people.remove(&sign.user).filter(|present| present.until > now).map(|present| present.doing);
        let after = (sign.doing != Doing::Gone).then_some(sign.doing);
        if after.is_some() {
            people.insert(sign.user, Present { name: sign.name, doing: sign.doing, until: now + COUNTS });
        }
        if people.is_empty() {
            places.remove(&conversation);
        }
        drop(places);
        if before != after {
            self.tell(Told::Presence(conversation));
        }
    }

    fn tell(&self, told: Told) {
        // Nobody listening is fine.
        let _ = self.changed.send(told);
    }

    fn sweep(&self, now: Instant) {
        let mut left = Vec::new();
        self.lock().retain(|conversation, people| {
            let before = people.len();
            people.retain(|_, present| present.until > now);
            if people.len() < before {
                left.push(conversation.clone());
            }
            !people.is_empty()
        });
        for conversation in left {
            self.tell(Told::Presence(conversation));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Conversation, BTreeMap<UserId, Present>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::web::text::EN;

    #[tokio::test]
    async fn signs_count_for_a_while_and_only_changes_are_told() {
        let board = Board::default();
        let mut changed = board.subscribe();
        let place = (PageId::parse("1").unwrap(), PersonId::parse("2").unwrap());
        let sign = |user: i64, name: &str, doing| Sign {
            page: place.0.clone(),
            person: place.1.clone(),
            user: UserId(user),
            name: name.into(),
            doing,
        };
        let now = Instant::now();
        board.take(sign(1, "Anna", Doing::Viewing), now);
        board.take(sign(2, "Ben", Doing::Typing), now);
        assert_eq!(board.words(&place, UserId(3), &EN), "Anna is viewing · Ben is typing");
        assert_eq!(board.words(&place, UserId(1), &EN), "Ben is typing", "oneself is no news");
        assert!(changed.try_recv().is_ok() && changed.try_recv().is_ok());
        board.take(sign(2, "Ben", Doing::Typing), now + Duration::from_secs(15));
        assert!(changed.try_recv().is_err(), "the same again");
        board.sweep(now + Duration::from_secs(41));
        assert_eq!(board.words(&place, UserId(3), &EN), "Ben is typing");
        assert!(changed.try_recv().is_ok());
        board.take(sign(2, "Ben", Doing::Gone), now + Duration::from_secs(42));
        assert_eq!(board.words(&place, UserId(3), &EN), "");
        assert!(changed.try_recv().is_ok() && board.lock().is_empty());
    }
}
