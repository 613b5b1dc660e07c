//! An event on its way to one app, and what came of trying.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::control::{self, Hearable, Heard, STANDBY_FIELD};
use crate::store::log::LogRow;
use crate::wire::{AppId, Channel, PersonId};

/// A conversation; `None` stands for what concerns the Page itself. Within a subscription, what one conversation has to hear goes out one
/// after the other.
pub(super) type Conversation = Option<PersonId>;

/// How an event came to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// Read from the Page's log in order; the cursor waits for it.
    Log,
    /// Read from its conversation's timeline, because the conversation was parked; the cursor is beyond it.
    Timeline,
}

/// An event that an app hears.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub row: Arc<LogRow>,
    pub heard: Heard,
    pub path: Path,
    /// What it takes of memory, roughly, in bytes.
    pub weight: usize,
    /// When the row was read: an old copy may hold what has been scrubbed since.
    pub read_at: Instant,
    /// How often it was tried.
    pub tries: u32,
    /// Of the tries that failed: those between which the app took other events.
    pub strikes: u32,
    /// Successes of the subscription when its present or last try began.
    pub successes_before: u64,
    /// A POST that carried it with others failed: it goes alone next time.
    pub alone: bool,
    /// Why its last try failed.
    pub failure: Option<Box<Failure>>,
}

impl Event {
    pub fn new(row: Arc<LogRow>, heard: Heard, path: Path, now: Instant) -> Self {
        let weight = row.weight();
        Self { row, heard, path, weight, read_at: now, tries: 0, strikes: 0, successes_before: 0, alone: false, failure: None }
    }

    /// Takes over the row as it is now. What the log no longer has is as good as scrubbed.
    pub fn renew(&mut self, row: Option<LogRow>, now: Instant) {
        self.read_at = now;
        self.row = match row.filter(|row| row.position == self.row.position) {
            Some(row) => Arc::new(row),
            None => Arc::new(LogRow { scrubbed: true, ..(*self.row).clone() }),
        };
    }

    pub fn position(&self) -> i64 {
        self.row.position
    }

    pub fn conversation(&self) -> Conversation {
        self.row.person.clone()
    }
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The app has it.
    Taken,
    /// The app wants nothing more, ever.
    Gone,
    /// It did not take it.
    Failed(Failure),
}

/// Why a try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// Nobody answers there at all, which no single event can be the cause of.
    pub unreachable: bool,
    /// How long the app wants to be left alone.
    pub retry_after: Option<Duration>,
    /// In words, for the admin.
    pub why: String,
}

/// What a subscription listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hearing {
    app: AppId,
    fields: HashMap<String, i64>,
    app_fields: Option<HashSet<String>>,
}

impl Hearing {
    pub fn new(app: AppId, fields: HashMap<String, i64>, app_fields: Option<Vec<String>>) -> Self {
        Self { app, fields, app_fields: app_fields.map(|fields| fields.into_iter().collect()) }
    }

    /// The position up to which it hears nothing; `None` when it listens to nothing at all.
    pub fn starts_at(&self) -> Option<i64> {
        self.fields.values().min().copied()
    }

    /// Whether and how the app hears a row: its audience, then the fields it is subscribed to, each from its position on.
    pub fn hear(&self, row: &LogRow) -> Option<Heard> {
        if !self.listens_to(&row.field, row.position) {
            return None;
        }
        let hearable = Hearable { audience: &row.audience, field: &row.field, button_app: row.button_app.as_ref() };
        let heard = control::hear(&hearable, &self.app)?;
        (heard.channel != Channel::Standby || self.listens_to(STANDBY_FIELD, row.position)).then_some(heard)
    }

    fn listens_to(&self, field: &str, position: i64) -> bool {
        self.fields.get(field).is_some_and(|&since| since < position)
            && self.app_fields.as_ref().is_none_or(|fields| fields.contains(field))
    }
}
