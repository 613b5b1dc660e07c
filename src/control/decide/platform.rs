//! What the platform tells: persons' events, standby, echoes, handovers, `thread_owner`.

use super::{Note, Turn};
use crate::control::command::{Change, PlatformHandover};
use crate::control::state::{Evidence, Owner, Transfer, TransferCall};
use crate::wire::{AppId, Metadata, Timestamp};

impl Turn<'_> {
    /// The person did something, and the platform told it on `messaging`: so no external app holds the conversation for certain.
    /// An implied owner is not known to the platform, hence stays.
    pub(super) fn person_acts(&mut self, message: bool, at: Timestamp) {
        if self.moves(at) && self.control.owner.is_confirmed_external() {
            self.hand_over(Owner::Idle, Note::new(Change::ExternalEnded));
        }
        if !message {
            return;
        }
        let lease_end = self.now.plus_millis(self.rules.lease_ms);
        match &mut self.control.owner {
            Owner::App { until, .. } => *until = lease_end.max(*until),
            // A pending pass by whoever answers first: its outcome says who owns.
            Owner::Idle if self.control.transfer.is_some() => {}
            Owner::Idle => {
                if let Some(app) = self.rules.answering_app(self.now) {
                    self.hand_over(self.held_by(app), Note::new(Change::Assigned));
                }
            }
            Owner::External { .. } => {}
        }
    }

    /// The platform delivered on `standby`: an external app holds the conversation, it does not say which.
    pub(super) fn platform_standby(&mut self, at: Timestamp) {
        if self.moves(at) {
            self.external_holds(None, Note::new(Change::External));
        }
    }

    /// Somebody else answered the person.
    pub(super) fn foreign_echo(&mut self, app: Option<&AppId>, at: Timestamp) {
        let harmless = app.is_some_and(|app| self.rules.automation_apps.contains(app) || self.rules.apps.contains_key(app));
        if harmless || !self.moves(at) || self.rules.implied_ms <= 0 {
            return;
        }
        let until = self.now.plus_millis(self.rules.implied_ms);
        match (&mut self.control.owner, app) {
            (Owner::External { evidence: Evidence::Confirmed, .. }, app) => {
                if app.is_some() {
                    self.external_holds(app, Note::new(Change::External));
                }
            }
            (Owner::External { app: holder, evidence: Evidence::Implied { until: end } }, app)
                if app.is_none() || holder.as_ref() == app =>
            {
                *end = until.max(*end);
            }
            (_, app) => {
                let owner = Owner::External { app: app.cloned(), evidence: Evidence::Implied { until } };
                self.hand_over(owner, Note { by: app.cloned(), ..Note::new(Change::Implied) });
            }
        }
    }

    /// A handover event of the platform.
    pub(super) fn platform_handover(&mut self, event: &PlatformHandover, at: Timestamp) {
        if at < self.control.changed_at {
            return;
        }
        match event {
            PlatformHandover::ToUs { previous, metadata } => self.handed_to_us(previous.as_ref(), metadata.as_ref(), at),
            PlatformHandover::ToExternal { app, metadata } => self.handed_to_external(app.as_ref(), metadata.as_ref(), at),
            PlatformHandover::RequestedBy { app, metadata } => self.requested_from_outside(app, metadata.as_ref()),
        }
    }

    /// `thread_owner`, or a refused send, says whether an external app holds the conversation.
    pub(super) fn external_owner(&mut self, app: Option<&AppId>, holds: bool, at: Timestamp) {
        if let Some(transfer) = self.control.transfer.clone() {
            // Asked before the transfer began, it says nothing about it.
            if at >= transfer.begun_at {
                self.transfer_seen(&transfer, app, holds);
            }
        } else if at >= self.control.changed_at {
            if holds {
                self.external_holds(app, Note::new(Change::External));
            } else if self.control.owner.is_confirmed_external() {
                self.hand_over(Owner::Idle, Note::new(Change::ExternalEnded));
            }
        }
    }

    /// An external app holds the conversation for certain. What is known of it already is kept.
    pub(super) fn external_holds(&mut self, app: Option<&AppId>, note: Note) {
        let known = match &self.control.owner {
            Owner::External { app: holder, .. } if app.is_none() => holder.clone(),
            _ => app.cloned(),
        };
        let owner = Owner::External { app: known, evidence: Evidence::Confirmed };
        if owner != self.control.owner {
            self.hand_over(owner, note);
        }
    }

    /// Control came from outside to this app, which hears of it as a pass.
    pub(super) fn come_to(&mut self, app: &AppId, previous: Option<&AppId>, metadata: Option<&Metadata>) {
        let note = Note { by: previous.cloned(), ..Note::new(Change::Passed).metadata(metadata).told([app]) };
        let former = self.replace_owner(self.held_by(app), self.since);
        // The platform knows better from whom it came than Baton, which may have heard of no owner or of another.
        self.announce(previous.cloned().or(former), note);
    }

    fn handed_to_us(&mut self, previous: Option<&AppId>, metadata: Option<&Metadata>, at: Timestamp) {
        let Some(transfer) = self.control.transfer.clone() else {
            if self.control.owner.local().is_none() {
                self.welcome_back(previous, metadata);
            }
            return;
        };
        if at < transfer.begun_at {
            return;
        }
        match &transfer.call {
            TransferCall::Take | TransferCall::Request => {
                self.control.transfer = None;
                self.come_to(&transfer.by, previous, metadata);
            }
            // It went out and came back before the platform's answer was known.
            TransferCall::Pass { target } if previous == Some(target) => {
                self.control.transfer = None;
                self.complete(&transfer);
                self.welcome_back(previous, metadata);
            }
            TransferCall::Pass { .. } => {}
        }
    }

    /// Control came back: to whoever waits for it, else to the app that answers first, else to nobody.
    fn welcome_back(&mut self, previous: Option<&AppId>, metadata: Option<&Metadata>) {
        let waiting = self.control.requests.iter().map(|request| &request.app).find(|app| self.rules.is_active(app));
        if let Some(app) = waiting.or_else(|| self.rules.answering_app(self.now)).cloned() {
            self.come_to(&app, previous, metadata);
        } else if self.control.owner != Owner::Idle {
            self.hand_over(Owner::Idle, Note::new(Change::ExternalEnded).metadata(metadata));
        }
    }

    fn handed_to_external(&mut self, app: Option<&AppId>, metadata: Option<&Metadata>, at: Timestamp) {
        let done = |transfer: &mut Transfer| matches!(&transfer.call, TransferCall::Pass { target } if at >= transfer.begun_at && app.is_none_or(|app| app == target));
        match self.control.transfer.take_if(done) {
            Some(transfer) => self.complete(&transfer),
            // Any other pending transfer is left to its own outcome. Whoever loses the conversation hears it, as the platform told Baton.
            None => {
                let former = self.control.owner.local().cloned();
                self.external_holds(app, Note::new(Change::External).metadata(metadata).told(&former));
            }
        }
    }

    /// An external app asks. Only one to which the admin allows passes can be granted anything; of others the owner just hears.
    fn requested_from_outside(&mut self, app: &AppId, metadata: Option<&Metadata>) {
        if self.control.owner.app() == Some(app) {
            return;
        }
        if self.rules.external_apps.contains(app) {
            self.ask(app, metadata, self.now);
        } else {
            self.tell_request(app, metadata);
        }
    }

    /// Whether evidence of this moment may move the owner: it is not older than the last change, and no transfer is pending, whose
    /// outcome says more.
    fn moves(&self, at: Timestamp) -> bool {
        at >= self.control.changed_at && self.control.transfer.is_none()
    }
}
