//! Sends, from acceptance to outcome, as the ledger decides them.

use sha2::{Digest, Sha256};

use super::command::{Accepted, Begun, LedgerError, NewSend, OutboxLease, SendError, SendId, SendJob, SendOutcome, SendState};
use super::done;
use super::group::{Entry, Group};
use crate::access::UserId;
use crate::control::{self, Audience, Command, Terms};
use crate::crypto::random;
use crate::store::group::{BotMemoryWrite, ButtonWrite, Seen, SendRow};
use crate::wire::{self, Content, Event, Incoming, InlineControl, Kind, MessageId, PageId};

/// An echo without metadata is matched with a send begun at most so long before, in milliseconds.
const ECHO_WITHIN_MS: i64 = 60_000;

/// What the platform's metadata of Baton's own messages begins with.
const TOKEN: &str = "baton.";

/// Hash under which a button's payload, or a form, is remembered.
pub(super) fn short_hash(text: &str) -> Seen {
    let digest = Sha256::digest(text.as_bytes());
    let mut hash = Seen::default();
    hash.copy_from_slice(&digest[..16]);
    hash
}

/// Accepts a send, or says why not.
pub(super) fn accept(group: &mut Group, new: &NewSend) -> Result<Accepted, LedgerError> {
    let rules = group.rules(&new.page).ok_or(LedgerError::UnknownPage)?;
    if let Some(key) = &new.idempotency_key
        && let Some(known) = group.send_by_key(&new.page, &new.app, key)
    {
        return if known.send == new.send {
            Ok(Accepted { send_id: SendId(known.send_id), repeated: true })
        } else {
            Err(LedgerError::KeyReused)
        };
    }
    let person = &new.send.person;
    let row = group.conversation(&new.page, person).ok_or(LedgerError::UnknownPerson)?;
    let command = Command::Send { app: new.app.clone(), action: new.send.is_action(), epoch: new.epoch };
    let decision = control::decide(&row.control, &rules, &command, group.now)?;
    let human = rules.apps.get(&new.app).is_some_and(|app| app.human);
    control::may_send(&Terms::of(&new.send, rules.object, human), row.last_person_act, group.now)
        .map_err(|refusal| LedgerError::Platform(refusal.to_graph_error(rules.object)))?;
    if let Some(seen) = new.seen
        && row.last_outbound_position > seen
    {
        return Err(LedgerError::SomebodyAnswered { position: row.last_outbound_position });
    }
    if new.queued.is_some_and(|queued| is_overtaken(group, new, queued)) {
        return Err(LedgerError::SomebodyAnswered { position: row.last_outbound_position });
    }
    if let Some(memory) = &new.memory
        && memory.version != group.memory_version(&new.page, person, &new.app)
    {
        return Err(LedgerError::StaleMemory);
    }
    let now = group.now;
    group.apply(&new.page, person, decision, new.user, now);
    let epoch = group.change(&new.page, person).control.epoch;
    let id = group.insert_send(SendRow {
        page: new.page.clone(),
        send_id: 0,
        person: person.clone(),
        app: new.app.clone(),
        user: new.user,
        state: "accepted".to_owned(),
        epoch,
        send: new.send.clone(),
        token: format!("{TOKEN}{}", random::hex::<12>()),
        idempotency_key: new.idempotency_key.clone(),
        accepted_at: now,
        sending_at: None,
        begun_by: None,
        mid: None,
        attachment_id: None,
        error: None,
    });
    remember(group, new);
    Ok(Accepted { send_id: SendId(id), repeated: false })
}

/// Whether somebody else's message to the same person is on its way that this agent has not seen.
fn is_overtaken(group: &Group, new: &NewSend, queued: i64) -> bool {
    group.sends().any(|send| {
        send.page == new.page
            && send.person == new.send.person
            && send.send_id > queued
            && (&send.app, send.user) != (&new.app, new.user)
            && !send.send.is_action()
            && matches!(send.state.as_str(), "accepted" | "sending")
    })
}

/// A message of people that was a response when it was accepted, and needs the tag by the time it is its turn.
fn in_time(group: &Group, row: &SendRow) -> wire::Send {
    let mut send = row.send.clone();
    let (Some(rules), Some(conversation)) = (group.rules(&row.page), group.conversation(&row.page, &row.person)) else { return send };
    let human = row.user.is_some() && rules.apps.get(&row.app).is_some_and(|app| app.human);
    let late = matches!(control::window(conversation.last_person_act, group.now), control::Window::HumanAgent { .. });
    if human && late && send.tag.is_none() && !send.is_action() {
        send.messaging_type = Some("MESSAGE_TAG".to_owned());
        send.tag = Some("HUMAN_AGENT".to_owned());
    }
    send
}

/// Keeps what was accepted besides the message: its buttons, and what the app has collected.
fn remember(group: &mut Group, new: &NewSend) {
    let person = &new.send.person;
    for payload in new.send.buttons() {
        group.writes().buttons.push(ButtonWrite {
            page: new.page.clone(),
            person: person.clone(),
            payload_hash: short_hash(&payload),
            app: new.app.clone(),
        });
    }
    if let Some(memory) = &new.memory {
        group.set_memory_version(&new.page, person, &new.app, memory.version + 1);
        group.writes().memories.push(BotMemoryWrite {
            page: new.page.clone(),
            person: person.clone(),
            app: new.app.clone(),
            version: memory.version + 1,
            value: memory.value.clone(),
        });
    }
}

/// Gives a send its turn.
pub(super) fn begin(group: &mut Group, page: &PageId, id: SendId, lease: OutboxLease) -> Result<Begun, LedgerError> {
    let row = group.send(page, id.0).ok_or(LedgerError::UnknownSend)?;
    if group.generation(page) != lease.generation {
        return Err(LedgerError::LeaseLost);
    }
    if row.state != "accepted" {
        return Ok(Begun::No(state(row)));
    }
    let mut row = row.clone();
    row.state = "sending".to_owned();
    row.sending_at = Some(group.now);
    row.begun_by = Some(lease.generation);
    let job = SendJob {
        page: page.clone(),
        send_id: id,
        app: row.app.clone(),
        send: in_time(group, &row),
        token: row.token.clone(),
        accepted_at: row.accepted_at,
    };
    group.change_send(row, None);
    Ok(Begun::Go(Box::new(job)))
}

/// Records an outcome. What a former holder of the lease tells late counts only if the message went out: whatever else it knows is of a try that
/// is not the present one.
pub(super) fn finish(
    group: &mut Group,
    page: &PageId,
    id: SendId,
    lease: OutboxLease,
    outcome: &SendOutcome,
) -> Result<SendState, LedgerError> {
    let row = group.send(page, id.0).ok_or(LedgerError::UnknownSend)?.clone();
    let own = row.begun_by == Some(lease.generation);
    // An unknown outcome may still become known; what is known stays.
    let open = match outcome {
        SendOutcome::Sent { .. } => matches!(row.state.as_str(), "sending" | "unknown"),
        SendOutcome::Failed(_) | SendOutcome::Unknown | SendOutcome::Later { .. } => own && row.state == "sending",
    };
    if !open {
        // The echo was quicker. What only the answer knows is added.
        if let (SendOutcome::Sent { attachment_id: Some(attachment), .. }, "sent") = (outcome, row.state.as_str()) {
            let row = SendRow { attachment_id: Some(attachment.clone()), ..row };
            group.change_send(row.clone(), None);
            return Ok(state(&row));
        }
        return Ok(state(&row));
    }
    let row = match outcome {
        SendOutcome::Sent { mid, attachment_id } => sent(group, row, mid.as_ref(), attachment_id.clone()),
        SendOutcome::Failed(error) => failed(group, row, error),
        SendOutcome::Unknown => unknown(group, row),
        SendOutcome::Later { not_before } => {
            let row = SendRow { state: "accepted".to_owned(), sending_at: None, begun_by: None, ..row };
            group.change_send(row.clone(), Some(*not_before));
            row
        }
    };
    Ok(state(&row))
}

/// Takes back what has not begun.
pub(super) fn cancel(group: &mut Group, page: &PageId, id: SendId, why: &SendError) -> Result<SendState, LedgerError> {
    let row = group.send(page, id.0).ok_or(LedgerError::UnknownSend)?.clone();
    if row.state != "accepted" {
        return Ok(state(&row));
    }
    Ok(state(&failed(group, row, why)))
}

/// Makes unknown what older leases left in `sending`.
pub(super) fn abandon(group: &mut Group, page: &PageId, lease: OutboxLease) -> Result<u64, LedgerError> {
    if group.generation(page) != lease.generation {
        return Err(LedgerError::LeaseLost);
    }
    let left: Vec<SendRow> = group
        .sends()
        .filter(|send| send.page == *page && send.state == "sending" && send.begun_by.is_some_and(|by| by < lease.generation))
        .cloned()
        .collect();
    let count = left.len();
    for row in left {
        unknown(group, row);
    }
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

fn sent(group: &mut Group, row: SendRow, mid: Option<&MessageId>, attachment_id: Option<String>) -> SendRow {
    let row = SendRow { state: "sent".to_owned(), mid: mid.map(|mid| mid.as_str().to_owned()), attachment_id, ..row };
    group.change_send(row.clone(), None);
    // An echo that could not be told from another's may be in the log already.
    if let Some(mid) = mid
        && group.see(&row.page, wire::echo_key(mid))
    {
        append_echo(group, &row, mid);
    }
    inline_control(group, &row);
    row
}

fn failed(group: &mut Group, mut row: SendRow, error: &SendError) -> SendRow {
    if error.is_transient() {
        // The sender is told to try again, and must not meet this failure for ever under the same key.
        group.free_key(&mut row);
    }
    let row = SendRow { state: "failed".to_owned(), error: Some((error.code, error.subcode, error.message.clone())), ..row };
    group.change_send(row.clone(), None);
    append_outcome(group, &row, "send_failed");
    row
}

fn unknown(group: &mut Group, row: SendRow) -> SendRow {
    let row = SendRow { state: "unknown".to_owned(), ..row };
    group.change_send(row.clone(), None);
    append_outcome(group, &row, "send_unknown");
    // An agent is not done with what may never have arrived.
    if !matches!(row.send.thread_control, Some(InlineControl::Done { .. })) {
        inline_control(group, &row);
    }
    row
}

/// A row for people and waiting callers; no app hears it.
fn append_outcome(group: &mut Group, row: &SendRow, kind: &'static str) {
    let entry = Entry {
        kind,
        field: String::new(),
        happened_at: group.now,
        mid: None,
        app: Some(row.app.clone()),
        user: row.user,
        audience: Audience::Internal,
        button_app: None,
        payload: serde_json::json!({ "send_id": row.send_id }).to_string(),
    };
    group.append(&row.page, Some(&row.person), entry);
}

/// The one local echo of a send.
fn append_echo(group: &mut Group, row: &SendRow, mid: &MessageId) -> i64 {
    let now = group.now;
    let object = group.object(&row.page);
    let audience = match (group.rules(&row.page), group.conversation(&row.page, &row.person)) {
        (Some(rules), Some(conversation)) => control::audience_of(&conversation.control, &rules, now),
        _ => Audience::Internal,
    };
    let entry = Entry {
        kind: "echo",
        field: wire::kind::field(Kind::Echo, "", object).to_owned(),
        happened_at: now,
        mid: Some(mid.as_str().to_owned()),
        app: Some(row.app.clone()),
        user: row.user,
        audience,
        button_app: None,
        payload: wire::local_echo(&row.page, &row.person, now, &row.app, mid, &row.send),
    };
    let position = group.append(&row.page, Some(&row.person), entry);
    let conversation = group.change(&row.page, &row.person);
    conversation.last_message_position = position;
    conversation.last_outbound_position = position;
    position
}

/// Applies `thread_control` of a send, unless somebody else has moved control since it was accepted.
fn inline_control(group: &mut Group, row: &SendRow) {
    let Some(inline) = &row.send.thread_control else { return };
    if let InlineControl::Done { how, seen, assignee } = inline {
        return done::done(group, row, *how, *seen, assignee.map(UserId));
    }
    let (Some(rules), Some(conversation)) = (group.rules(&row.page), group.conversation(&row.page, &row.person)) else { return };
    if conversation.control.epoch != row.epoch {
        return;
    }
    let command = match inline {
        InlineControl::Pass { app_id } => Command::Pass { app: row.app.clone(), target: app_id.clone(), metadata: None },
        InlineControl::Release | InlineControl::Done { .. } => Command::Release { app: row.app.clone(), metadata: None },
    };
    match control::decide(&conversation.control, &rules, &command, group.now) {
        Ok(decision) => {
            let now = group.now;
            group.apply(&row.page, &row.person, decision, row.user, now);
        }
        Err(refusal) => tracing::info!(%refusal, "inline thread control was refused after its message was sent"),
    }
}

/// Where an echo comes from.
pub(super) enum Origin {
    /// It is of this send.
    Send(Box<SendRow>),
    /// It is of one of Baton's sends, and nobody can tell of which.
    Own,
    /// No send of Baton's is known to be its cause.
    Elsewhere,
}

/// Where an echo comes from: by Baton's own metadata, else by person and text if there is exactly one candidate.
pub(super) fn origin(group: &Group, incoming: &Incoming) -> Origin {
    let (Event::Echo { app, metadata, text, .. }, Some(person)) = (&incoming.event, &incoming.person) else { return Origin::Elsewhere };
    if app.as_ref().is_some_and(|app| *app != group.own_app) {
        return Origin::Elsewhere;
    }
    let mine = |send: &&SendRow| send.page == incoming.page && send.person == *person;
    if let Some(metadata) = metadata {
        let named = group.sends().filter(mine).find(|send| metadata.starts_with(TOKEN) && send.token == *metadata);
        return named.map_or(Origin::Elsewhere, |send| Origin::Send(Box::new(send.clone())));
    }
    let recent = |send: &&SendRow| {
        matches!(send.state.as_str(), "sending" | "unknown")
            && send.sending_at.is_some_and(|at| group.now.since(at) <= ECHO_WITHIN_MS)
            && matches!(send.send.content, Content::Message { .. })
            && send.send.text() == text.as_deref()
    };
    let mut candidates = group.sends().filter(mine).filter(recent);
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Origin::Send(Box::new(only.clone())),
        (Some(_), Some(_)) => Origin::Own,
        (None, _) => Origin::Elsewhere,
    }
}

/// Completes a send by its echo. The position of the local echo, or nothing when it was known.
pub(super) fn complete_by_echo(group: &mut Group, row: SendRow, mid: &MessageId) -> Option<i64> {
    if row.state == "sent" || !group.see(&row.page, wire::echo_key(mid)) {
        return None;
    }
    let row = SendRow { state: "sent".to_owned(), mid: Some(mid.as_str().to_owned()), error: None, ..row };
    group.change_send(row.clone(), None);
    let position = append_echo(group, &row, mid);
    inline_control(group, &row);
    Some(position)
}

/// A stored state as callers see it.
pub fn state(row: &SendRow) -> SendState {
    match row.state.as_str() {
        "accepted" => SendState::Accepted,
        "sending" => SendState::Sending,
        "sent" => {
            SendState::Sent { mid: row.mid.as_deref().and_then(|mid| MessageId::parse(mid).ok()), attachment_id: row.attachment_id.clone() }
        }
        "failed" => SendState::Failed(row.error.clone().map_or_else(
            || SendError { code: 1, subcode: None, message: String::new() },
            |(code, subcode, message)| SendError { code, subcode, message },
        )),
        "superseded" => SendState::Superseded,
        _ => SendState::Unknown,
    }
}
