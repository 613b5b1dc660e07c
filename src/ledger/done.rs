//! What an agent wanted to happen to a conversation once their message was sent. It happens in the transaction that records the sending, or the log
//! says why it did not.

use super::command::{Act, Kept};
use super::group::Group;
use super::orders;
use crate::access::UserId;
use crate::control::{self, Command};
use crate::store::group::SendRow;
use crate::wire::Done;

/// Closes or gives back, unless the customer has written what the agent had not seen, or somebody else has the conversation by now than the author or
/// whoever `had` it.
pub(super) fn done(group: &mut Group, row: &SendRow, how: Done, seen: i64, had: Option<UserId>) {
    let (page, person) = (&row.page, &row.person);
    let Some(conversation) = group.conversation(page, person) else { return };
    let elses = conversation.assignee.is_some() && conversation.assignee != row.user && conversation.assignee != had;
    let moved = conversation.control.epoch != row.epoch || elses;
    let why = if moved {
        Some(Kept::Moved)
    } else if conversation.last_inbound_position > seen {
        Some(Kept::Written)
    } else {
        None
    };
    let why = why.or_else(|| (!carry_out(group, row, how)).then_some(Kept::Moved));
    if let Some(why) = why {
        orders::note(group, page, person, row.user, "kept", &Act::Kept { how, why });
    }
}

/// Whether it was done.
fn carry_out(group: &mut Group, row: &SendRow, how: Done) -> bool {
    let (page, person) = (&row.page, &row.person);
    match how {
        Done::Close => orders::act(group, page, person, row.user, &Act::Close).is_ok(),
        Done::Snooze { until } => orders::act(group, page, person, row.user, &Act::Snooze { until }).is_ok(),
        Done::Release => {
            let (Some(rules), Some(conversation)) = (group.rules(page), group.conversation(page, person)) else { return false };
            let release = Command::Release { app: row.app.clone(), metadata: None };
            let Ok(decision) = control::decide(&conversation.control, &rules, &release, group.now) else { return false };
            let now = group.now;
            group.apply(page, person, decision, row.user, now);
            true
        }
    }
}
