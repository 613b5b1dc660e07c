//! What time and the admin bring about without anybody's command: lapsed leases, gone apps, deadlines of requests.

use super::{Note, Turn};
use crate::control::command::Change;
use crate::control::state::{AtDeadline, Control, Evidence, Owner, PageRules, Request};
use crate::wire::{AppId, Timestamp};

/// Something that is to happen by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Due {
    /// The requester is gone.
    RequesterGone(AppId),
    /// The owner is gone.
    OwnerGone,
    /// The lease or the implied ownership ends.
    Lapse,
    /// Nobody is there to say no to the earliest request.
    Grant,
    /// The earliest request is at its deadline.
    Deadline,
}

/// When the clock next has something to do for this conversation; a moment that is past when it has something to do at once. `None`:
/// nothing, until a command changes something.
///
/// Changes of the Page's rules and of an app's health may make it earlier.
#[must_use]
pub fn check_at(control: &Control, rules: &PageRules) -> Option<Timestamp> {
    next_due(control, rules).map(|(at, _)| at)
}

/// What happens next by itself. Of two things at the same moment the one named first in [`Due`] goes first.
fn next_due(control: &Control, rules: &PageRules) -> Option<(Timestamp, Due)> {
    let at_once = control.changed_at;
    if let Some(request) = control.requests.iter().find(|request| is_gone(request, rules)) {
        return Some((at_once, Due::RequesterGone(request.app.clone())));
    }
    if control.owner.local().is_some_and(|app| !rules.is_active(app)) {
        return Some((at_once, Due::OwnerGone));
    }
    let lapse = lapse_at(&control.owner).map(|at| (at, Due::Lapse));
    let decision = request_due(control, rules);
    // `min_by_key` keeps the first of equals.
    lapse.into_iter().chain(decision).min_by_key(|(at, _)| *at)
}

/// An external requester stays one as long as the admin allows passes to it.
fn is_gone(request: &Request, rules: &PageRules) -> bool {
    !rules.is_active(&request.app) && !rules.external_apps.contains(&request.app)
}

const fn lapse_at(owner: &Owner) -> Option<Timestamp> {
    match owner {
        Owner::App { until, .. } | Owner::External { evidence: Evidence::Implied { until }, .. } => Some(*until),
        Owner::Idle | Owner::External { evidence: Evidence::Confirmed, .. } => None,
    }
}

/// When the earliest request is decided. While a transfer is pending none is: its outcome decides who could grant at all.
fn request_due(control: &Control, rules: &PageRules) -> Option<(Timestamp, Due)> {
    let first = control.requests.first().filter(|_| control.transfer.is_none())?;
    let absent = match &control.owner {
        // Whether there is anybody to answer first does not depend on how long an app is down, so any moment will do.
        Owner::Idle => rules.answering_app(control.changed_at).is_none().then_some(control.changed_at),
        Owner::App { app, .. } => rules.absent_from(app).map(|from| from.plus_millis(1)),
        Owner::External { .. } => None,
    };
    match absent {
        Some(at) if at < first.deadline => Some((at, Due::Grant)),
        _ => Some((first.deadline, Due::Deadline)),
    }
}

impl Turn<'_> {
    /// Does everything that is due. It ends: every step takes away a request, or an owner who then is idle or answers.
    pub(super) fn settle(&mut self) {
        while let Some((at, due)) = next_due(&self.control, self.rules) {
            if at > self.now {
                break;
            }
            match due {
                Due::RequesterGone(app) => self.lapse_request(&app),
                Due::OwnerGone => self.replace_gone_owner(),
                Due::Lapse => self.lapse_owner(at),
                Due::Grant => self.grant_earliest(),
                Due::Deadline => self.end_requests(),
            }
        }
    }

    /// The default app, or who stands in for it, steps in for an owner that is gone; else nobody.
    fn replace_gone_owner(&mut self) {
        let owner = self.rules.answering_app(self.now).map_or(Owner::Idle, |app| self.held_by(app));
        self.hand_over(owner, Note::new(Change::OwnerGone));
    }

    /// A lapse counts from its own moment, not from when somebody noticed: evidence of the platform in between is not older than it.
    fn lapse_owner(&mut self, at: Timestamp) {
        let previous = self.replace_owner(Owner::Idle, at);
        self.announce(previous, Note::new(Change::Expired));
    }

    /// The Page's policy at the earliest request's deadline. What an external app holds for certain cannot be granted here.
    fn end_requests(&mut self) {
        let granted = self.rules.at_deadline == AtDeadline::Grant && !self.control.owner.is_confirmed_external();
        let lapsing: Vec<AppId> = self.control.requests.iter().skip(usize::from(granted)).map(|request| request.app.clone()).collect();
        for app in lapsing {
            self.lapse_request(&app);
        }
        if granted {
            self.grant_earliest();
        }
    }
}
