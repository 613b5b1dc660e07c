//! One send: its turn at the ledger, the call, and its outcome at the ledger.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::queue::{Settled, Turn};
use crate::clock;
use crate::control::Command;
use crate::failpoint;
use crate::ledger::{Begun, LedgerError, Order, OutboxLease, SendJob, SendOutcome, SendState};
use crate::platform::client::{Meaning, Outcome, Refused};
use crate::store::outbox::{SendError, SendKind};
use crate::wire::{GraphError, MessageId, PageId, Timestamp};

/// How long to wait before the ledger is asked again when the store does not answer.
const STORE_RETRY: Duration = Duration::from_millis(250);

/// How long a send that the platform would not or could not take now waits at least: the Page's rest decides the rest.
const AGAIN_MS: i64 = 100;

/// What became of a dispatch, for the queue and for the Page's rest.
#[derive(Debug)]
pub struct Dispatched {
    /// The turn it was.
    pub turn: Turn,
    /// What the queue is told.
    pub settled: Settled,
    /// What the Page as a whole learns from it.
    pub lesson: Lesson,
}

/// What a dispatch says about the Page as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lesson {
    /// Nothing.
    None,
    /// The platform answers.
    Fine,
    /// It could not be reached.
    OutOfReach,
    /// It asks for less, for so long if it says so.
    Throttled(Option<Duration>),
    /// Another process sends for this Page.
    LeaseLost,
}

/// Carries out one turn.
pub async fn dispatch(shared: &Shared, page: &PageId, lease: OutboxLease, turn: Turn, stop: &CancellationToken) -> Dispatched {
    failpoint::pass("outbox.begin");
    let (settled, lesson) = match shared.ledger.begin(page.clone(), turn.send, lease).await {
        Ok(Begun::Go(job)) => {
            failpoint::pass("outbox.begun");
            go(shared, &job, &turn, lease, stop).await
        }
        // Only this process begins sends of this Page, and it has begun none that is not settled: the answer to an earlier `begin` was
        // lost, and no byte has left.
        Ok(Begun::No(SendState::Sending)) => {
            let outcome = SendOutcome::Later { not_before: clock::now() };
            (record(shared, page, &turn, lease, outcome, stop).await, Lesson::None)
        }
        Ok(Begun::No(_)) | Err(LedgerError::UnknownSend | LedgerError::UnknownPage) => (Settled::Over, Lesson::None),
        Err(LedgerError::LeaseLost) => (again(), Lesson::LeaseLost),
        Err(error) => {
            tracing::warn!(%page, send = turn.send.0, %error, "a send's turn could not be written");
            tokio::time::sleep(STORE_RETRY).await;
            (again(), Lesson::None)
        }
    };
    Dispatched { turn, settled, lesson }
}

/// Sends, and records what came of it.
async fn go(shared: &Shared, job: &SendJob, turn: &Turn, lease: OutboxLease, stop: &CancellationToken) -> (Settled, Lesson) {
    let began = clock::now();
    let waited = u64::try_from(began.since(job.accepted_at)).unwrap_or_default();
    metrics::histogram!("baton_send_wait_seconds").record(Duration::from_millis(waited));
    // The first byte must leave while the lease certainly holds, so that whoever takes over knows what this process may still be doing.
    let (outcome, lesson) = if shared.process.lease_left() < shared.settings.lease_margin {
        (SendOutcome::Later { not_before: began }, Lesson::None)
    } else {
        judge(shared, job, began).await
    };
    failpoint::pass("outbox.answered");
    metrics::counter!("baton_sends_total", "outcome" => label(&outcome)).increment(1);
    let settled = record(shared, &job.page, turn, lease, outcome, stop).await;
    failpoint::pass("outbox.finished");
    (settled, lesson)
}

/// Calls the platform and says what its answer means for the send.
async fn judge(shared: &Shared, job: &SendJob, began: Timestamp) -> (SendOutcome, Lesson) {
    let later = SendOutcome::Later { not_before: clock::now().plus_millis(AGAIN_MS) };
    let waited_long = began.since(job.accepted_at) > i64::try_from(shared.settings.give_up.as_millis()).unwrap_or(i64::MAX);
    match shared.client.send(job).await {
        Outcome::Answered(answer) => (sent(&answer), Lesson::Fine),
        Outcome::Unknown(_) => (SendOutcome::Unknown, Lesson::None),
        Outcome::NotWritten(_) if waited_long => (failed(&GraphError::temporary("The platform could not be reached.")), Lesson::OutOfReach),
        Outcome::NotWritten(_) => (later, Lesson::OutOfReach),
        Outcome::Refused(refused) => match refused.meaning() {
            Meaning::Throttled if waited_long => (failed(&refused.error), Lesson::Throttled(refused.regain)),
            Meaning::Throttled => (later, Lesson::Throttled(refused.regain)),
            Meaning::HeldOutside => {
                held_outside(shared, job, began).await;
                (refused_outcome(&refused), Lesson::Fine)
            }
            Meaning::TokenDead | Meaning::Permanent => (refused_outcome(&refused), Lesson::Fine),
        },
    }
}

/// An app beside Baton controls the thread: the ledger learns it before the send fails, so that nothing else goes in between.
async fn held_outside(shared: &Shared, job: &SendJob, began: Timestamp) {
    let command = Command::ExternalOwner { app: None, holds: true, at: began.max(job.accepted_at) };
    let order = Order { page: job.page.clone(), person: job.send.person.clone(), command, user: None };
    if let Err(error) = shared.ledger.order(order).await {
        tracing::warn!(page = %job.page, %error, "could not note that an external app holds a conversation");
    }
}

/// Writes the outcome, as often as it takes: until it is written, the conversation waits. A process that stops leaves it to the next
/// holder of the lease, for which it is unknown.
async fn record(
    shared: &Shared,
    page: &PageId,
    turn: &Turn,
    lease: OutboxLease,
    outcome: SendOutcome,
    stop: &CancellationToken,
) -> Settled {
    loop {
        match shared.ledger.finish(page.clone(), turn.send, lease, outcome.clone()).await {
            // Sender actions have no echo to wait for.
            Ok(SendState::Unknown) if turn.kind != SendKind::Action => return Settled::Unknown(clock::now()),
            Ok(SendState::Accepted) => {
                let SendOutcome::Later { not_before } = outcome else { return again() };
                return Settled::Again(not_before);
            }
            Ok(_) | Err(LedgerError::UnknownSend | LedgerError::UnknownPage | LedgerError::Stopping) => return Settled::Over,
            Err(_) if stop.is_cancelled() => return Settled::Over,
            Err(error) => {
                tracing::warn!(%page, send = turn.send.0, %error, "the outcome of a send could not be written; trying again");
                tokio::time::sleep(STORE_RETRY).await;
            }
        }
    }
}

fn again() -> Settled {
    Settled::Again(clock::now().plus_millis(AGAIN_MS))
}

fn sent(answer: &Value) -> SendOutcome {
    let text = |key: &str| match answer.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    SendOutcome::Sent { mid: text("message_id").and_then(|mid| MessageId::parse(mid).ok()), attachment_id: text("attachment_id") }
}

fn refused_outcome(refused: &Refused) -> SendOutcome {
    failed(&refused.error)
}

fn failed(error: &GraphError) -> SendOutcome {
    SendOutcome::Failed(SendError { code: error.code, subcode: error.subcode, message: error.message.clone() })
}

const fn label(outcome: &SendOutcome) -> &'static str {
    match outcome {
        SendOutcome::Sent { .. } => "sent",
        SendOutcome::Failed(_) => "failed",
        SendOutcome::Unknown => "unknown",
        SendOutcome::Later { .. } => "later",
    }
}
