//! Which agent and which team have a conversation, in step with its owner.

use crate::access::UserId;
use crate::control::{Change, ControlEvent, Owner};
use crate::store::group::ConversationRow;
use crate::wire::AppId;

/// The app of Baton's that holds it afterwards.
const fn local_owner(event: &ControlEvent) -> Option<&AppId> {
    match &event.after.owner {
        Owner::App { app, .. } => Some(app),
        Owner::Idle | Owner::External { .. } => None,
    }
}

/// Whether people held it until now. Only then can a team have it, so that other changes need not look.
pub(super) fn leaves_people(event: &ControlEvent, inbox: Option<&AppId>) -> bool {
    let owner = local_owner(event);
    let former = event.previous_owner.as_ref().filter(|former| owner != Some(*former));
    // An inbox that was taken off its Page is not known as one any more.
    former.is_some() && (former == inbox || inbox.is_none() && event.change == Change::OwnerGone)
}

/// Keeps who among the agents has it, and what was said at the handover, in step with the owner.
pub(super) fn follow_owner(row: &mut ConversationRow, event: &ControlEvent, inbox: Option<&AppId>, user: Option<UserId>) {
    let owner = local_owner(event);
    let is_inbox = owner.is_some() && owner == inbox;
    match event.change {
        Change::Requested if event.by.as_ref() == inbox && user.is_some() => row.requested_by = user,
        Change::Declined | Change::RequestLapsed if event.by.as_ref() == inbox || inbox.is_some_and(|inbox| !waits(row, inbox)) => {
            row.requested_by = None
        }
        _ => {}
    }
    let changed = event.previous_owner.as_ref() != owner;
    if !is_inbox {
        row.assignee = None;
        row.handover_note = None;
    } else if changed {
        let by_inbox = event.by.as_ref() == inbox;
        row.assignee = if by_inbox { user } else { row.requested_by.take() };
        row.handover_note = event.metadata.as_ref().map(|metadata| metadata.as_str().replace('\0', "\u{fffd}"));
        row.closed_at = None;
        row.snoozed_until = None;
    }
}

fn waits(row: &ConversationRow, inbox: &AppId) -> bool {
    row.control.requests.iter().any(|request| request.app == *inbox)
}
