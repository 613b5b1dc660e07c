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
    /// How long an implied owner counts, in milliseconds.
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
}
