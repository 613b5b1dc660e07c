//! `POST /{page}/messages`: accepted by the ledger, sent by the outbox, answered with the outcome.

use std::time::Duration;

use serde_json::{Map, Value};

use super::GraphApi;
use super::attachments;
use super::call::Call;
use super::caller::PageCaller;
use crate::clock;
use crate::control::{self, Command, Epoch};
use crate::ledger::{Accepted, LedgerError, NewSend, SendError, SendId, SendState};
use crate::wire::{GraphError, Object, Params, PersonId, Send, parse_send};

/// What an answer 613 says, whether the queue was too long before or during the wait.
const QUEUE_TOO_LONG: &str = "Calls to this api have exceeded the rate limit.";

/// Sends, and waits for what becomes of it.
pub(super) async fn send(api: &GraphApi, caller: &PageCaller, call: Call) -> Result<Value, GraphError> {
    let Call { mut params, files, idempotency_key, epoch, body, .. } = call;
    if let Some(file) = attachments::filedata(files) {
        check_may_send(api, caller, params.recipient()?, epoch).await?;
        attachments::upload_beside(api, caller, &mut params, file).await?;
    }
    // The file is on the platform; the memory goes back before the wait.
    drop(body);
    let send = parse_send(&params, caller.object())?;
    check_queue(api, caller).await?;
    let has_key = idempotency_key.is_some();
    let new = NewSend {
        page: caller.page().clone(),
        app: caller.app().clone(),
        user: None,
        send: send.clone(),
        epoch,
        idempotency_key,
        seen: None,
        queued: None,
        memory: None,
    };
    let accepted = api.ledger.accept(new).await.map_err(|error| match error {
        LedgerError::Untold => untold(api, &error, has_key),
        error => refusal(api, error, caller.object()),
    });
    let Accepted { send_id, .. } = accepted?;
    let state = outcome(api, caller, send_id, has_key).await?;
    answer(api, caller, &send, &params, state).await
}

/// Refuses before acceptance when the Page's queue is longer than it may be (design, section 4.4).
async fn check_queue(api: &GraphApi, caller: &PageCaller) -> Result<(), GraphError> {
    let most = longest_queue(api.settings.sends_per_second, api.settings.longest_queue);
    let waiting = api.store.waiting_sends(caller.page(), most + 1).await.map_err(|error| api.unavailable(&error))?;
    if waiting > most { Err(GraphError::throttled(QUEUE_TOO_LONG)) } else { Ok(()) }
}

/// How many sends may wait so that the last is made in time.
fn longest_queue(per_second: u32, longest: Duration) -> i64 {
    let sends = u128::from(per_second) * longest.as_millis() / 1000;
    i64::try_from(sends).unwrap_or(i64::MAX - 1).max(1)
}

/// Refuses what the ledger would refuse, before a file is uploaded for nothing. The ledger decides again.
async fn check_may_send(api: &GraphApi, caller: &PageCaller, person: PersonId, epoch: Option<Epoch>) -> Result<(), GraphError> {
    let state = api.store.control_of(caller.page(), &person).await.map_err(|error| api.unavailable(&error))?;
    let state = state.ok_or_else(GraphError::unknown_person)?;
    let Some(known) = api.store.rules(caller.page()).await.map_err(|error| api.unavailable(&error))? else { return Ok(()) };
    let command = Command::Send { app: caller.app().clone(), action: false, epoch };
    control::decide(&state, &known.rules, &command, clock::now())
        .map(drop)
        .map_err(|refusal| GraphError::from_refusal(refusal, caller.object()))
}

/// Waits for the outcome; what has not begun by then is taken back.
async fn outcome(api: &GraphApi, caller: &PageCaller, send: SendId, has_key: bool) -> Result<SendState, GraphError> {
    let page = caller.page();
    let waited = tokio::time::timeout(api.settings.outcome_patience, api.outcomes.of(page.clone(), send)).await;
    if let Ok(Some(state)) = waited {
        return Ok(state);
    }
    let error = GraphError::throttled(QUEUE_TOO_LONG);
    let why = SendError { code: error.code, subcode: None, message: error.message };
    api.ledger.cancel(page.clone(), send, why).await.map_err(|error| untold(api, &error, has_key))
}

async fn answer(api: &GraphApi, caller: &PageCaller, send: &Send, params: &Params, state: SendState) -> Result<Value, GraphError> {
    match state {
        SendState::Sent { mid, attachment_id } => {
            if let Some(id) = &attachment_id {
                attachments::remember(api, caller, params, id).await;
            }
            let mut answer = Map::new();
            answer.insert("recipient_id".to_owned(), send.person.as_str().into());
            if let Some(mid) = mid.filter(|_| !send.is_action()) {
                answer.insert("message_id".to_owned(), mid.as_str().into());
            }
            if let Some(id) = attachment_id {
                answer.insert("attachment_id".to_owned(), id.into());
            }
            Ok(Value::Object(answer))
        }
        SendState::Failed(error) => Err(failed(&error)),
        SendState::Superseded => Err(GraphError::from_refusal(control::Refusal::NotOwnerSend, caller.object())),
        SendState::Accepted | SendState::Sending | SendState::Unknown => Err(unknown()),
    }
}

/// Nobody knows whether it was sent: sending it again might double it.
fn unknown() -> GraphError {
    GraphError::unknown_outcome("The outcome of this send is unknown. Do not retry; its echo tells whether it was sent.")
}

/// The send was accepted, or may have been, and the ledger does not tell what becomes of it. Under its key it may come again, since that is the
/// same send; without one it would be another.
fn untold(api: &GraphApi, error: &LedgerError, has_key: bool) -> GraphError {
    let temporary = api.unavailable(error);
    if has_key { temporary } else { unknown() }
}

/// The platform's own error, as it gave it.
pub(super) fn failed(error: &SendError) -> GraphError {
    let status = match (error.code, error.subcode) {
        (1 | 2, _) => 500,
        (190, _) => 401,
        (10, None) | (200..=299, _) => 403,
        _ => 400,
    };
    let mut given = GraphError::new(error.code, error.subcode, status, "");
    let prefix = format!("(#{})", error.code);
    given.message = if error.message.starts_with(&prefix) { error.message.clone() } else { format!("{prefix} {}", error.message) };
    given.transient = error.is_transient();
    given
}

/// What a refusal of the ledger is on the wire.
pub(super) fn refusal(api: &GraphApi, error: LedgerError, object: Object) -> GraphError {
    match error {
        LedgerError::Refused(refusal) => GraphError::from_refusal(refusal, object),
        LedgerError::Platform(error) => error,
        LedgerError::UnknownPerson => GraphError::unknown_person(),
        LedgerError::KeyReused => GraphError::parameter("The Idempotency-Key was used for another send"),
        LedgerError::Stopping => GraphError::temporary("Service temporarily unavailable. Please retry."),
        error => api.unavailable(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_as_long_as_its_pace_allows() {
        assert_eq!(longest_queue(40, Duration::from_secs(5)), 200);
        assert_eq!(longest_queue(300, Duration::from_millis(500)), 150);
        assert_eq!(longest_queue(0, Duration::from_secs(5)), 1);
        assert_eq!(longest_queue(u32::MAX, Duration::MAX), i64::MAX - 1);
    }

    #[test]
    fn the_platforms_errors_go_back_as_they_came() {
        let error = |code, subcode, message: &str| failed(&SendError { code, subcode, message: message.to_owned() });
        let given = error(10, Some(2_018_278), "(#10) This message is sent outside of allowed window.");
        assert_eq!((given.code, given.subcode, given.status), (10, Some(2_018_278), 400));
        assert_eq!(given.message, "(#10) This message is sent outside of allowed window.");
        assert_eq!(error(551, None, "This person isn't available right now.").message, "(#551) This person isn't available right now.");
        assert!(error(613, None, "slow").transient);
        assert_eq!(error(10, None, "x").status, 403);
        assert_eq!(error(190, Some(460), "x").status, 401);
        assert!(!unknown().transient);
        assert_eq!(unknown().code, 2);
    }
}
