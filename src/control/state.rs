//! The state of control of one conversation, and the rules of the Page it belongs to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::wire::{AppId, Metadata, Object, Timestamp};

/// Grows by one at every change of owner: the fence against stale senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// Who holds one conversation, and what is pending about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Control {
    /// Who holds it.
    pub owner: Owner,
    /// How often the owner has changed.
    pub epoch: Epoch,
    /// When the owner last changed. Evidence of the platform that is older moves nothing.
    pub changed_at: Timestamp,
    /// Requests for control that wait, earliest first, at most one an app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Request>,
    /// A move to or from an external app that the platform has not confirmed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
    /// The epoch in which the owner made itself owner by sending while nobody held the conversation. A second answer to what it
    /// heard in that epoch is not stale: nobody else has held the conversation in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_from: Option<Epoch>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            owner: Owner::Idle,
            epoch: Epoch(0),
            changed_at: Timestamp::from_millis(0),
            requests: Vec::new(),
            transfer: None,
            claimed_from: None,
        }
    }
}

impl Epoch {
    /// The epoch after one more change of owner.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Who holds a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Owner {
    /// Nobody.
    Idle,
    /// One of Baton's apps, until its lease ends.
    App {
        /// The app.
        app: AppId,
        /// End of the lease. A lapsed lease counts as idle before anything has written so.
        until: Timestamp,
    },
    /// An app beside Baton on the platform.
    External {
        /// Which one; `None` until `thread_owner` has told.
        app: Option<AppId>,
        /// How Baton knows.
        evidence: Evidence,
    },
}

impl Owner {
    /// The owner's id, local or external, where it is known.
    #[must_use]
    pub const fn app(&self) -> Option<&AppId> {
        match self {
            Self::Idle => None,
            Self::App { app, .. } => Some(app),
            Self::External { app, .. } => app.as_ref(),
        }
    }

    /// The owner, if it is one of Baton's apps.
    #[must_use]
    pub const fn local(&self) -> Option<&AppId> {
        match self {
            Self::App { app, .. } => Some(app),
            Self::Idle | Self::External { .. } => None,
        }
    }

    /// Whether the platform has said that an external app holds the conversation.
    #[must_use]
    pub const fn is_confirmed_external(&self) -> bool {
        matches!(self, Self::External { evidence: Evidence::Confirmed, .. })
    }

    /// Whether both are the same holder. To learn the name of an external app is no change of owner, nor is a longer lease.
    #[must_use]
    pub fn is_same_holder(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Idle, Self::Idle) => true,
            (Self::App { app: one, .. }, Self::App { app: two, .. }) => one == two,
            (Self::External { app: one, .. }, Self::External { app: two, .. }) => one.is_none() || two.is_none() || one == two,
            _ => false,
        }
    }
}

/// How Baton knows that an external app holds a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "evidence", rename_all = "snake_case")]
pub enum Evidence {
    /// The platform said so: a handover event, a standby event, `thread_owner`, or a refusal.
    Confirmed,
    /// Somebody else's echo was seen. It can be taken from locally and lapses.
    Implied {
        /// When it lapses.
        until: Timestamp,
    },
}

/// An app's wish for control.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// Who asks.
    pub app: AppId,
    /// What it said; a repetition replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When it first asked.
    pub asked_at: Timestamp,
    /// When the Page's request policy decides. A repetition keeps it.
    pub deadline: Timestamp,
}

/// A move that needs the platform's word. The epoch stays, and control commands and sends are refused, until the outcome is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transfer {
    /// What is asked of the platform.
    pub call: TransferCall,
    /// The local app that asked.
    pub by: AppId,
    /// Handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When it began. Names the transfer in [`super::Command::TransferDone`].
    pub begun_at: Timestamp,
}

/// What a transfer asks of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum TransferCall {
    /// `pass_thread_control` to an external app.
    Pass {
        /// The external app.
        target: AppId,
    },
    /// `take_thread_control` from an external app.
    Take,
    /// `request_thread_control` of an external app.
    Request,
}

/// How well an app answers, as delivery sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(tag = "health", rename_all = "snake_case")]
pub enum Health {
    /// It answers.
    #[default]
    Up,
    /// Everything to it has failed since then.
    Down {
        /// Start of the outage.
        since: Timestamp,
    },
    /// Switched off: by an admin, by five days of outage, or by its own 410.
    Disabled,
}

/// What the rules know of one app on the Page.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub struct AppRules {
    /// May take control from others.
    pub may_take: bool,
    /// People write through it: `HUMAN_AGENT` is open to it after 24 hours.
    pub human: bool,
    /// How well it answers.
    pub health: Health,
}

/// What happens to pending requests at their deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum AtDeadline {
    /// The earliest is granted, the rest lapse.
    #[default]
    Grant,
    /// All lapse.
    Lapse,
}

/// How long an outage lasts, in milliseconds, until the app counts as absent: its fallback answers first, requests to it are granted.
pub const ABSENT_AFTER_MS: i64 = 60_000;

/// The rules of one Page.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PageRules {
    /// Messenger or Instagram: some refusals have other codes there.
    pub object: Object,
    /// Answers first; owner of what is idle when a person writes. The primary receiver of older words.
    pub default_app: Option<AppId>,
    /// Stands in for a default app that is down for over a minute or disabled.
    pub fallback_app: Option<AppId>,
    /// Baton's own inbox, if it is on the Page: what a pass to Meta's inbox ids means.
    pub inbox_app: Option<AppId>,
    /// The apps on the Page. An owner that is not here is gone and counts as absent.
    pub apps: BTreeMap<AppId, AppRules>,
    /// Apps beside Baton on the platform to which the admin allows passes.
    pub external_apps: BTreeSet<AppId>,
    /// Platform app ids whose echoes never count as an implied take.
    pub automation_apps: BTreeSet<AppId>,
    /// How long an owner holds a conversation without a person's message, in milliseconds.
    pub lease_ms: i64,
    /// How long a request waits, in milliseconds.
    pub request_deadline_ms: i64,
    /// What happens then.
    pub at_deadline: AtDeadline,
    /// How long an implied owner counts, in milliseconds; 0: echoes never count.
    pub implied_ms: i64,
}

impl PageRules {
    /// Rules with the documented defaults and no app: 24 h lease, requests granted after 30 s, implied owners for an hour.
    #[must_use]
    pub fn new(object: Object) -> Self {
        Self {
            object,
            default_app: None,
            fallback_app: None,
            inbox_app: None,
            apps: BTreeMap::new(),
            external_apps: BTreeSet::new(),
            automation_apps: BTreeSet::new(),
            lease_ms: 24 * 3_600_000,
            request_deadline_ms: 30_000,
            at_deadline: AtDeadline::Grant,
            implied_ms: 3_600_000,
        }
    }

    /// Whether the app is on the Page and switched on. Any other counts as gone.
    #[must_use]
    pub fn is_active(&self, app: &AppId) -> bool {
        self.apps.get(app).is_some_and(|rules| rules.health != Health::Disabled)
    }

    /// When an app counts as absent: at once if it is gone, [`ABSENT_AFTER_MS`] into an outage, never while it answers.
    pub(super) fn absent_from(&self, app: &AppId) -> Option<Timestamp> {
        match self.apps.get(app).map(|rules| rules.health) {
            None | Some(Health::Disabled) => Some(Timestamp::from_millis(i64::MIN)),
            Some(Health::Down { since }) => Some(since.plus_millis(ABSENT_AFTER_MS)),
            Some(Health::Up) => None,
        }
    }

    /// Whether the app is gone, switched off, or has been down for longer than [`ABSENT_AFTER_MS`].
    #[must_use]
    pub fn is_absent(&self, app: &AppId, now: Timestamp) -> bool {
        self.absent_from(app).is_some_and(|from| now > from)
    }

    /// Who answers first: the default app; its fallback where the default is absent and the fallback is not. A default that is merely
    /// down still answers first when nobody can stand in for it. `None` where there is no default, or it and its fallback are gone:
    /// then everybody may answer what nobody holds.
    #[must_use]
    pub fn answering_app(&self, now: Timestamp) -> Option<&AppId> {
        let default = self.default_app.as_ref()?;
        let candidates = [Some(default), self.fallback_app.as_ref()];
        let present = candidates.into_iter().flatten().find(|app| !self.is_absent(app, now));
        present.or_else(|| candidates.into_iter().flatten().find(|app| self.is_active(app)))
    }

    /// Whether the app may answer what nobody holds: the default app and who stands in for it, or any app if there is no default.
    #[must_use]
    pub fn may_answer_idle(&self, app: &AppId, now: Timestamp) -> bool {
        self.answering_app(now).is_none_or(|first| first == app || self.default_app.as_ref() == Some(app))
    }

    /// Whether the app may take control from others: the default app always.
    #[must_use]
    pub fn may_take(&self, app: &AppId) -> bool {
        self.default_app.as_ref() == Some(app) || self.apps.get(app).is_some_and(|rules| rules.may_take)
    }
}
