//! Changes of control, assignments and closures as sentences.

use super::metadata::Told;
use super::names::Names;
use crate::control::{Change, ControlEvent};
use crate::ledger::{Act, Kept};
use crate::store::log::LogRow;
use crate::web::text::fill;
use crate::web::when::{Clock, Moment};
use crate::wire::{Done, Metadata};

/// One step in the life of a conversation.
pub struct Step {
    /// Its colour.
    pub class: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// What happened.
    pub words: String,
    /// What was said with it.
    pub metadata: Told,
    /// When.
    pub at: Moment,
}

/// The step that a row of the log is, if it is one.
pub fn step(row: &LogRow, names: &Names, clock: &Clock) -> Option<Step> {
    let at = clock.moment(row.at);
    if row.kind == "control" {
        let event: ControlEvent = serde_json::from_str(&row.payload).ok()?;
        let (class, icon) = look(event.change);
        let metadata = Told::read(event.metadata.as_ref().map(Metadata::as_str), names.t);
        return Some(Step { class, icon, words: changed(&event, row, names), metadata, at });
    }
    let act: Act = serde_json::from_str(&row.payload).ok()?;
    let t = names.t;
    let by = names.actor(row.app.as_ref(), row.user);
    let metadata = match &act {
        Act::Assign { said, .. } | Act::AssignTeam { said, .. } => Told::read(said.as_ref().map(Metadata::as_str), t),
        _ => Told::default(),
    };
    let (icon, words) = match act {
        Act::Assign { to: None, .. } => ("person", fill(t.did_unassign, &[("by", &by)])),
        Act::Assign { to, .. } if to == row.user => ("person", fill(t.did_assign_self, &[("by", &by)])),
        Act::Assign { to: Some(to), .. } => ("person", fill(t.did_assign, &[("by", &by), ("to", &names.user(to))])),
        Act::AssignTeam { to: None, .. } => ("people", fill(t.desk.did_take_off_team, &[("by", &by)])),
        Act::AssignTeam { to: Some(team), .. } => ("people", fill(t.desk.did_assign_team, &[("by", &by), ("team", &team.name)])),
        Act::Close => ("check", fill(t.did_close, &[("by", &by)])),
        Act::Reopen => ("open", fill(t.did_reopen, &[("by", &by)])),
        Act::Snooze { until } => ("clock", fill(t.did_snooze, &[("by", &by), ("time", &clock.until(until))])),
        Act::Wake if row.user.is_none() => ("clock", t.did_wake_by_itself.to_owned()),
        Act::Wake => ("clock", fill(t.did_wake, &[("by", &by)])),
        Act::Kept { how, why } => (
            "info",
            match (how, why) {
                (Done::Close, Kept::Written) => t.kept_open_written,
                (Done::Close, Kept::Moved) => t.kept_open_moved,
                (Done::Snooze { .. }, Kept::Written) => t.kept_awake_written,
                (Done::Snooze { .. }, Kept::Moved) => t.kept_awake_moved,
                (Done::Release, Kept::Written) => t.kept_here_written,
                (Done::Release, Kept::Moved) => t.kept_here_moved,
            }
            .to_owned(),
        ),
        Act::Claim | Act::Note { .. } => return None,
    };
    Some(Step { class: "quiet", icon, words, metadata, at })
}

const fn look(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Passed | Change::Taken => ("moved", "swap"),
        Change::Requested | Change::Declined | Change::RequestLapsed => ("asked", "hand"),
        Change::External | Change::Implied | Change::ExternalEnded => ("outside", "outside"),
        Change::TransferBegun | Change::TransferEnded => ("outside", "swap"),
        Change::Assigned | Change::Released | Change::Extended | Change::Expired | Change::OwnerGone => ("quiet", "swap"),
    }
}

fn changed(event: &ControlEvent, row: &LogRow, names: &Names) -> String {
    let t = names.t;
    let app = |id: &Option<crate::wire::AppId>| id.as_ref().map_or_else(|| t.somebody.to_owned(), |id| names.app(id));
    let acted = event.by.is_some() || row.user.is_some();
    let text = match event.change {
        Change::Assigned if acted => t.did_assigned_by,
        Change::Assigned => t.did_assigned,
        Change::Passed if event.by.is_none() && event.requester.is_some() => t.did_granted,
        Change::Passed if acted => t.did_passed,
        Change::Passed => t.did_passed_external,
        Change::Taken if event.previous_owner.is_some() => t.did_taken,
        Change::Taken => t.did_taken_idle,
        Change::Requested => t.did_requested,
        Change::Declined => t.did_declined,
        Change::RequestLapsed => t.did_lapsed,
        Change::Released => t.did_released,
        Change::Extended => t.did_extended,
        Change::Expired => t.did_expired,
        Change::OwnerGone => t.did_gone,
        Change::External if event.new_owner.is_none() => t.did_external_unknown,
        Change::External => t.did_external,
        Change::Implied => t.did_implied,
        Change::ExternalEnded => t.did_external_ended,
        Change::TransferEnded => t.did_transfer_ended,
        Change::TransferBegun => transfer(event, names),
    };
    let asked = row.user.filter(|_| event.change == Change::Requested).map_or_else(|| app(&event.requester), |user| names.user(user));
    fill(
        text,
        &[
            ("by", &names.actor(event.by.as_ref(), row.user)),
            ("new", &app(&event.new_owner)),
            ("previous", &app(&event.previous_owner)),
            ("requester", &asked),
        ],
    )
}

fn transfer(event: &ControlEvent, names: &Names) -> &'static str {
    use crate::control::TransferCall;
    match event.after.transfer.as_ref().map(|transfer| &transfer.call) {
        Some(TransferCall::Take) => names.t.did_transfer_take,
        Some(TransferCall::Request) => names.t.did_transfer_request,
        Some(TransferCall::Pass { .. }) | None => names.t.did_transfer_pass,
    }
}
