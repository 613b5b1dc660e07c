//! What can be asked of the ledger, and what it answers.

use serde::{Deserialize, Serialize};

use crate::access::UserId;
use crate::control::{self, Control, Epoch, Refusal, TransferCall};
use crate::store::StoreError;
use crate::store::teams::Team;
use crate::wire::{AppId, Done, GraphError, MessageId, Metadata, PageId, PersonId, Send, Timestamp};

pub use crate::store::outbox::{SendError, SendId, SendState};

/// What became of one event of the platform. Each of these is an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// It is in the log at this position (the first of the rows it caused).
    Stored {
        /// Its place.
        position: i64,
    },
    /// It was there already.
    Duplicate,
    /// It could not be stored as an event, so it was kept raw and counted.
    Quarantined,
}

/// A process's right to send for a Page, by number: whoever holds a higher one has taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLease {
    /// `outbox_leases.generation`.
    pub generation: i64,
}

/// A control command for one conversation.
#[derive(Debug, Clone)]
pub struct Order {
    /// The Page.
    pub page: PageId,
    /// The conversation.
    pub person: PersonId,
    /// What is wanted. Carries the app.
    pub command: control::Command,
    /// The agent behind it. Once the inbox owns the conversation through this command it is assigned to them.
    pub user: Option<UserId>,
}

/// What an order did.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// The state afterwards.
    pub control: Control,
    /// Its place in the log, if anything happened.
    pub position: Option<i64>,
    /// The platform must be asked first; the outcome comes as a later row of the log.
    pub transfer: Option<TransferCall>,
}

/// A send that an app or an agent wants.
#[derive(Debug, Clone)]
pub struct NewSend {
    /// The Page.
    pub page: PageId,
    /// Who sends.
    pub app: AppId,
    /// The agent behind the inbox.
    pub user: Option<UserId>,
    /// What.
    pub send: Send,
    /// The epoch the sender believes in, if it said so.
    pub epoch: Option<Epoch>,
    /// A repetition with the same key on the same Page by the same app is the same send.
    pub idempotency_key: Option<String>,
    /// The newest position the agent saw: somebody else's newer message refuses the send ([`LedgerError::SomebodyAnswered`]). `None`: not asked.
    pub seen: Option<i64>,
    /// The newest send the agent saw on its way: somebody else's newer one to the same person, not in the log yet, refuses the send likewise.
    /// `None`: not asked.
    pub queued: Option<i64>,
    /// What an in-process app has collected, written in the transaction that accepts the send.
    pub memory: Option<Memory>,
}

/// A versioned value of an in-process app about one conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// The version it was read at; 0 when there was none. The write raises it by one.
    pub version: i64,
    /// The value.
    pub value: serde_json::Value,
}

/// The ledger took a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub send_id: SendId,
    /// It had been taken before under the same idempotency key.
    pub repeated: bool,
}

/// A send whose turn has come: `sending` is committed, the first byte may leave.
#[derive(Debug, Clone)]
pub struct SendJob {
    /// The Page.
    pub page: PageId,
    /// Its id.
    pub send_id: SendId,
    /// Who sends.
    pub app: AppId,
    /// What.
    pub send: Send,
    /// Goes upstream as `message.metadata`, so that Baton knows its own echo.
    pub token: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

/// What asking for a send's turn gave.
#[derive(Debug, Clone)]
pub enum Begun {
    /// Send it now, then [`super::Ledger::finish`].
    Go(Box<SendJob>),
    /// It must not go, and its state says why.
    No(SendState),
}

/// What became of a dispatched send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The platform took it.
    Sent {
        /// Its id there; sender actions have none.
        mid: Option<MessageId>,
        /// For reusable attachments.
        attachment_id: Option<String>,
    },
    /// The platform refused it.
    Failed(SendError),
    /// Time-out, reset, or a 5xx after the request was written.
    Unknown,
    /// Nothing was written (connection refused, throttled): it waits again, until then.
    Later {
        /// Not before then, by Baton's clock.
        not_before: Timestamp,
    },
}

/// What people do to a conversation besides control and sending. Never heard by apps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Give it to an agent, or to nobody.
    Assign {
        /// To whom.
        to: Option<UserId>,
        /// What they should know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<Metadata>,
    },
    /// Take it for oneself as long as no colleague has it.
    Claim,
    /// Give it to a team, or take it off its team. Whichever agent has it keeps it.
    AssignTeam {
        /// To which, by the name it has then: the log tells it even if the team is deleted.
        to: Option<Team>,
        /// What they should know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<Metadata>,
    },
    /// Done with it: it leaves the open views until the person writes again. The inbox lets go of control with it.
    Close,
    /// Back among the open ones.
    Reopen,
    /// Put aside until then: it leaves the open views, and comes back by itself or when the person writes.
    Snooze {
        /// Until when, by Baton's clock.
        until: Timestamp,
    },
    /// Back from being put aside; without an agent: because its time has come.
    Wake,
    /// A note among agents.
    Note {
        /// Its text.
        text: String,
        /// The key of the form in which it was written: the same text from the same form is one note, however often it comes.
        #[serde(skip)]
        form: Option<String>,
    },
    /// What was to be done after a message was not done. The ledger says so itself; nobody orders it.
    Kept {
        /// What.
        how: Done,
        /// Why not.
        why: Kept,
    },
}

/// Why a conversation stays with its agent after the message that was to be the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The customer wrote what the agent had not seen.
    Written,
    /// Somebody else has it by now.
    Moved,
}

/// Why the ledger did not do something.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The rules of control refuse.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// A rule of the platform refuses (window, tag): the error to give.
    #[error("{}", .0.message)]
    Platform(GraphError),
    /// No such Page.
    #[error("no such Page")]
    UnknownPage,
    /// The person has never been seen on this Page.
    #[error("no such person on this Page")]
    UnknownPerson,
    /// A colleague has taken it in between.
    #[error("a colleague has it")]
    Claimed,
    /// The team has been deleted.
    #[error("no such team")]
    UnknownTeam,
    /// Another process sends for the Page now.
    #[error("the outbox lease is no longer held")]
    LeaseLost,
    /// No such send.
    #[error("no such send")]
    UnknownSend,
    /// Somebody else's message came in between; the newest position is given.
    #[error("somebody answered meanwhile")]
    SomebodyAnswered {
        /// Where.
        position: i64,
    },
    /// What the app had collected was changed by somebody else.
    #[error("the conversation's memory has moved on")]
    StaleMemory,
    /// The same idempotency key with another content.
    #[error("the idempotency key was used for another send")]
    KeyReused,
    /// The database does not do it now: nothing has changed, the caller may come again.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The database went away over it, and did not tell what became of it: it may be done.
    #[error("nobody knows whether it was done")]
    Untold,
    /// Baton is stopping.
    #[error("stopping")]
    Stopping,
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
