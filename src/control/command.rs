//! What can be asked of the rules, what they answer, and why they refuse.

use serde::{Deserialize, Serialize};

use super::state::{Control, Epoch, TransferCall};
use crate::wire::{AppId, Metadata, Timestamp};

/// One thing that happens to a conversation's control.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// The person did something on the platform's `messaging` channel (wrote, tapped, reacted, followed a link, …).
    PersonActs {
        /// Whether it counts as a message of the person: only that gives ownership and renews the lease.
        message: bool,
        /// When, by the platform's clock.
        at: Timestamp,
    },
    /// The platform delivered something on `standby`: an external app holds the conversation.
    PlatformStandby {
        /// When, by the platform's clock.
        at: Timestamp,
    },
    /// An echo of a message that Baton did not send.
    ForeignEcho {
        /// Who sent it, where the echo says so.
        app: Option<AppId>,
        /// When, by the platform's clock.
        at: Timestamp,
    },
    /// A handover event of the platform, seen from Baton's platform app.
    PlatformHandover {
        /// What it says.
        event: PlatformHandover,
        /// When, by the platform's clock.
        at: Timestamp,
    },
    /// An app wants to send something.
    Send {
        /// Who.
        app: AppId,
        /// A sender action needs ownership but never gives it.
        action: bool,
        /// The epoch the sender believes in; a stale one is refused.
        epoch: Option<Epoch>,
    },
    /// `pass_thread_control`.
    Pass {
        /// Who.
        app: AppId,
        /// To whom; the default app if none is named.
        target: Option<AppId>,
        /// Handed on.
        metadata: Option<Metadata>,
    },
    /// `take_thread_control`.
    Take {
        /// Who.
        app: AppId,
        /// Handed on.
        metadata: Option<Metadata>,
    },
    /// `request_thread_control`.
    Request {
        /// Who.
        app: AppId,
        /// Handed on.
        metadata: Option<Metadata>,
    },
    /// The owner or the default app says no to a request.
    Decline {
        /// Who says no.
        app: AppId,
        /// Whose request.
        requester: AppId,
    },
    /// `release_thread_control`.
    Release {
        /// Who.
        app: AppId,
        /// Kept in the log.
        metadata: Option<Metadata>,
    },
    /// `extend_thread_control`.
    Extend {
        /// Who.
        app: AppId,
        /// From now, in milliseconds; at most 7 days.
        duration_ms: i64,
    },
    /// Time passed: lapsed leases end, requests reach their deadline, owners and requesters that are gone from the Page count as such.
    Tick,
    /// The platform answered a transfer.
    TransferDone {
        /// [`super::Transfer::begun_at`] of the transfer that was asked for. An answer to another one decides nothing: a handover
        /// event may have ended it before, and a second one may be pending.
        begun_at: Timestamp,
        /// What it said.
        outcome: TransferOutcome,
    },
    /// `thread_owner` answered, or a send was refused upstream because somebody else controls the thread.
    ExternalOwner {
        /// Who, if known. `None` with `holds` false: nobody outside holds it.
        app: Option<AppId>,
        /// Whether an external app holds it at all.
        holds: bool,
        /// When it was asked, by Baton's clock.
        at: Timestamp,
    },
}

impl Command {
    /// When what the platform tells happened there; `None` for what happens now.
    #[must_use]
    pub const fn happened_at(&self) -> Option<Timestamp> {
        match self {
            Self::PersonActs { at, .. }
            | Self::PlatformStandby { at }
            | Self::ForeignEcho { at, .. }
            | Self::PlatformHandover { at, .. }
            | Self::ExternalOwner { at, .. } => Some(*at),
            _ => None,
        }
    }
}

/// A handover event of the platform, as it concerns Baton's own platform app.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PlatformHandover {
    /// Control came to Baton's platform app (a pass to it, or its own take confirmed).
    ToUs {
        /// Who held it.
        previous: Option<AppId>,
        /// Handed on.
        metadata: Option<Metadata>,
    },
    /// Control went to an external app.
    ToExternal {
        /// Which one.
        app: Option<AppId>,
        /// Handed on.
        metadata: Option<Metadata>,
    },
    /// An external app asks for control.
    RequestedBy {
        /// Which one.
        app: AppId,
        /// Handed on.
        metadata: Option<Metadata>,
    },
}

/// How a transfer ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TransferOutcome {
    /// The platform did it.
    Done,
    /// The platform refused, so nothing has changed.
    Refused {
        /// What it said, for whoever asked; `None` where it was out of reach.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<PlatformRefusal>,
    },
    /// No answer. `thread_owner` decides later through [`Command::ExternalOwner`].
    Unknown,
}

/// The platform's own words about a refused transfer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlatformRefusal {
    /// `error.code`.
    pub code: i64,
    /// `error.error_subcode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcode: Option<i64>,
    /// `error.message`.
    pub message: Box<str>,
}

/// What the rules decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The state afterwards.
    pub control: Control,
    /// What happened, in order; each becomes a row of the log. Empty when nothing did.
    pub events: Vec<ControlEvent>,
    /// A call the platform must be asked now, whose outcome comes back as [`Command::TransferDone`].
    pub transfer: Option<TransferCall>,
}

/// Something that happened to control, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ControlEvent {
    /// What.
    pub change: Change,
    /// The local or external app that moved it; `None` for the clock, the platform or an admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AppId>,
    /// Whose request this is about, or was granted with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<AppId>,
    /// Who was the owner before, where it was an app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_owner: Option<AppId>,
    /// Who is the owner after, where it is an app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_owner: Option<AppId>,
    /// Handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Why the platform refused a transfer, with [`Change::TransferEnded`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<PlatformRefusal>,
    /// The local apps that hear of it as a handover event of the platform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<AppId>,
    /// The whole state after this event, so that the log explains everything.
    pub after: Control,
}

/// The kinds of [`ControlEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// An idle conversation got an owner: a person wrote, or an app sent where no default is set.
    Assigned,
    /// `pass_thread_control`, or control that came from an external app.
    Passed,
    /// `take_thread_control`.
    Taken,
    /// A request was made, repeated, or told to a new owner.
    Requested,
    /// A request ended without being granted: by the owner or default app.
    Declined,
    /// A request ended at its deadline or because its app is gone.
    RequestLapsed,
    /// The owner let go.
    Released,
    /// The lease was made longer.
    Extended,
    /// The lease or an implied ownership ran out.
    Expired,
    /// The owner is gone from the Page.
    OwnerGone,
    /// An external app holds the conversation now.
    External,
    /// An external app seems to hold it: its echo was seen.
    Implied,
    /// An external app no longer holds it.
    ExternalEnded,
    /// A move that needs the platform began.
    TransferBegun,
    /// It was refused, or `thread_owner` says that it did not happen.
    TransferEnded,
}

impl Change {
    /// The kind as the log names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Passed => "passed",
            Self::Taken => "taken",
            Self::Requested => "requested",
            Self::Declined => "declined",
            Self::RequestLapsed => "request_lapsed",
            Self::Released => "released",
            Self::Extended => "extended",
            Self::Expired => "expired",
            Self::OwnerGone => "owner_gone",
            Self::External => "external",
            Self::Implied => "implied",
            Self::ExternalEnded => "external_ended",
            Self::TransferBegun => "transfer_begun",
            Self::TransferEnded => "transfer_ended",
        }
    }
}

/// Why a command changes nothing. One place turns these into the platform's codes (`wire::error`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A send by an app that does not own the conversation: 10/2018300.
    #[error("another app is controlling this thread")]
    NotOwnerSend,
    /// A pass, release or extend by an app that does not own it: 100, on Instagram 100/2534037.
    #[error("the action needs the thread owner")]
    NotOwner,
    /// A pass to an app that is not on the Page: 100/2018164.
    #[error("the target app is not on the Page")]
    UnknownTarget,
    /// A take that is not allowed: 27.
    #[error("the app may not take control")]
    MayNotTake,
    /// The sender's epoch is over: 10/2018300.
    #[error("the sender acts on an old epoch")]
    StaleEpoch,
    /// The app is not (or no longer) on the Page: 200.
    #[error("the app is not on the Page")]
    NotOnPage,
    /// A transfer waits for the platform's word: 2, transient.
    #[error("a transfer of control is pending")]
    TransferPending,
    /// A duration that is not positive or beyond seven days: 100.
    #[error("the duration is out of range")]
    BadDuration,
    /// Nobody has asked: 100.
    #[error("no such request")]
    NoSuchRequest,
    /// A request by the owner itself: 100.
    #[error("the app is already the owner")]
    AlreadyOwner,
}
