//! Control commands, acts of people, and the sweeper's turn, as the ledger decides them.

use super::command::{Act, LedgerError, Order, Ordered};
use super::group::{Entry, Group};
use super::sends;
use crate::access::UserId;
use crate::control::{self, Audience, Command, Owner, Refusal};
use crate::store::group::Seen;
use crate::store::teams::Team;
use crate::wire::{Metadata, PageId, PersonId, Timestamp};

/// Gives a control command.
pub(super) fn order(group: &mut Group, order: &Order) -> Result<Ordered, LedgerError> {
    let rules = group.rules(&order.page).ok_or(LedgerError::UnknownPage)?;
    let row = group.conversation(&order.page, &order.person).ok_or(LedgerError::UnknownPerson)?;
    if let (Command::Take { .. }, Some(user)) = (&order.command, order.user) {
        is_free(group, &order.page, &order.person, user)?;
    }
    let decision = control::decide(&row.control, &rules, &order.command, group.now)?;
    let (transfer, control) = (decision.transfer.clone(), decision.control.clone());
    let now = group.now;
    let mut position = group.apply(&order.page, &order.person, decision, order.user, now);
    // Taking what the inbox holds already is how an agent claims it.
    if let (Command::Take { app, .. }, Some(user)) = (&order.command, order.user)
        && rules.inbox_app.as_ref() == Some(app)
        && inbox_owns(group, &order.page, &order.person)
    {
        position = assign(group, &order.page, &order.person, order.user, Some(user), None).or(position);
    }
    Ok(Ordered { control, position, transfer })
}

/// Does what people do besides.
pub(super) fn act(group: &mut Group, page: &PageId, person: &PersonId, user: Option<UserId>, act: &Act) -> Result<i64, LedgerError> {
    let rules = group.rules(page).ok_or(LedgerError::UnknownPage)?;
    let row = group.conversation(page, person).ok_or(LedgerError::UnknownPerson)?;
    let last = row.last_position;
    match act {
        Act::Assign { to, said } => {
            if !inbox_owns(group, page, person) {
                return Err(Refusal::NotOwner.into());
            }
            Ok(assign(group, page, person, user, *to, said.as_ref()).unwrap_or(last))
        }
        Act::Claim => {
            if !inbox_owns(group, page, person) {
                return Err(Refusal::NotOwner.into());
            }
            user.map_or(Ok(()), |user| is_free(group, page, person, user))?;
            Ok(assign(group, page, person, user, user, None).unwrap_or(last))
        }
        Act::AssignTeam { to, .. } => Ok(assign_team(group, page, person, user, to.as_ref(), act)?.unwrap_or(last)),
        Act::Close => {
            if let (true, Some(inbox)) = (inbox_owns(group, page, person), rules.inbox_app.clone()) {
                let control = row.control.clone();
                let decision = control::decide(&control, &rules, &Command::Release { app: inbox, metadata: None }, group.now)?;
                let now = group.now;
                group.apply(page, person, decision, user, now);
            }
            let now = group.now;
            let row = group.change(page, person);
            row.closed_at = Some(now);
            row.snoozed_until = None;
            Ok(note(group, page, person, user, "close", act))
        }
        Act::Reopen => {
            group.change(page, person).closed_at = None;
            Ok(note(group, page, person, user, "reopen", act))
        }
        Act::Snooze { until } => Ok(snooze(group, page, person, user, *until)),
        Act::Wake if row.snoozed_until.is_none() => Ok(last),
        Act::Wake => Ok(wake(group, page, person, user)),
        Act::Note { .. } if note_key(person, user, act).is_some_and(|key| !group.see(page, key)) => Ok(last),
        Act::Note { .. } => Ok(note(group, page, person, user, "note", act)),
        Act::Kept { .. } => Ok(note(group, page, person, user, "kept", act)),
    }
}

/// What a note from a form is known by.
pub(super) fn note_key(person: &PersonId, user: Option<UserId>, act: &Act) -> Option<Seen> {
    let (Act::Note { text, form: Some(form) }, Some(user)) = (act, user) else { return None };
    Some(sends::short_hash(&serde_json::json!(["note", person.as_str(), user.0, form, text]).to_string()))
}

/// Lets the clock act on a conversation, and re-arms its alarm.
pub(super) fn sweep(group: &mut Group, page: &PageId, person: &PersonId) -> Result<i64, LedgerError> {
    let rules = group.rules(page).ok_or(LedgerError::UnknownPage)?;
    let row = group.conversation(page, person).ok_or(LedgerError::UnknownPerson)?;
    let decision = control::decide(&row.control, &rules, &Command::Tick, group.now)?;
    let now = group.now;
    group.apply(page, person, decision, None, now);
    if group.change(page, person).snoozed_until.is_some_and(|until| until <= now) {
        wake(group, page, person, None);
    }
    let row = group.change(page, person);
    row.check_at = control::check_at(&row.control, &rules).into_iter().chain(row.snoozed_until).min();
    Ok(row.last_position)
}

/// Puts it aside, and arms the alarm that brings it back.
fn snooze(group: &mut Group, page: &PageId, person: &PersonId, user: Option<UserId>, until: Timestamp) -> i64 {
    let row = group.change(page, person);
    row.closed_at = None;
    row.snoozed_until = Some(until);
    row.check_at = row.check_at.into_iter().chain([until]).min();
    note(group, page, person, user, "snooze", &Act::Snooze { until })
}

fn wake(group: &mut Group, page: &PageId, person: &PersonId, user: Option<UserId>) -> i64 {
    group.change(page, person).snoozed_until = None;
    note(group, page, person, user, "wake", &Act::Wake)
}

/// A lease that has ended counts, whether or not the sweeper has come by.
fn inbox_owns(group: &Group, page: &PageId, person: &PersonId) -> bool {
    let (Some(rules), Some(row)) = (group.rules(page), group.conversation(page, person)) else { return false };
    matches!((&row.control.as_of(&rules, group.now).owner, &rules.inbox_app), (Owner::App { app, .. }, Some(inbox)) if app == inbox)
}

/// Of two who take it at once, the second is told: it is the first one's, and they know so.
fn is_free(group: &Group, page: &PageId, person: &PersonId, user: UserId) -> Result<(), LedgerError> {
    let assignee = group.conversation(page, person).and_then(|row| row.assignee);
    let is_theirs = assignee.is_some_and(|assignee| assignee != user) && inbox_owns(group, page, person);
    if is_theirs { Err(LedgerError::Claimed) } else { Ok(()) }
}

/// Gives the conversation to an agent or to nobody. Nothing is written when they have it already.
fn assign(
    group: &mut Group,
    page: &PageId,
    person: &PersonId,
    user: Option<UserId>,
    to: Option<UserId>,
    said: Option<&Metadata>,
) -> Option<i64> {
    let row = group.change(page, person);
    if row.assignee == to {
        return None;
    }
    row.assignee = to;
    Some(note(group, page, person, user, "assign", &Act::Assign { to, said: said.cloned() }))
}

/// Gives the conversation to a team or takes it off. Nothing is written when the team has it already.
fn assign_team(
    group: &mut Group,
    page: &PageId,
    person: &PersonId,
    user: Option<UserId>,
    to: Option<&Team>,
    act: &Act,
) -> Result<Option<i64>, LedgerError> {
    if !inbox_owns(group, page, person) {
        return Err(Refusal::NotOwner.into());
    }
    let team = to.map(|to| to.team);
    if team.is_some_and(|team| !group.knows_team(team)) {
        return Err(LedgerError::UnknownTeam);
    }
    if group.team(page, person) == team {
        return Ok(None);
    }
    group.set_team(page, person, team);
    Ok(Some(note(group, page, person, user, "assign", act)))
}

/// A row that only people see.
pub(super) fn note(group: &mut Group, page: &PageId, person: &PersonId, user: Option<UserId>, kind: &'static str, act: &Act) -> i64 {
    let entry = Entry {
        kind,
        field: String::new(),
        happened_at: group.now,
        mid: None,
        app: None,
        user,
        audience: Audience::Internal,
        button_app: None,
        payload: serde_json::to_string(act).unwrap_or_default(),
    };
    group.append(page, Some(person), entry)
}
