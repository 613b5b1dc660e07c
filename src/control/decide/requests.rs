//! Requests for control: made, repeated, told, declined, granted, lapsed.

use super::{Note, Turn};
use crate::control::command::{Change, Refusal};
use crate::control::state::{Owner, Request, TransferCall};
use crate::wire::{AppId, Metadata, Timestamp};

impl Turn<'_> {
    /// `request_thread_control`: waits for the owner or the deadline; granted at once where nobody is there to say no.
    pub(super) fn request(&mut self, app: &AppId, metadata: Option<&Metadata>) -> Result<(), Refusal> {
        self.admit(app)?;
        if self.is_owner(app) {
            return Err(Refusal::AlreadyOwner);
        }
        if self.is_requester(app) {
            self.ask(app, metadata, self.now);
        } else if self.owner_is_absent() {
            let note = Note::new(Change::Passed).by(app).requested_by(app).metadata(metadata).told([app]);
            self.hand_over(self.held_by(app), note);
        } else if self.control.owner.is_confirmed_external() {
            self.begin_transfer(TransferCall::Request, app, metadata);
        } else {
            self.ask(app, metadata, self.now);
        }
        Ok(())
    }

    /// The owner or the default app says no.
    pub(super) fn decline(&mut self, app: &AppId, requester: &AppId) -> Result<(), Refusal> {
        self.admit(app)?;
        if !self.is_owner(app) && self.rules.default_app.as_ref() != Some(app) {
            return Err(Refusal::NotOwner);
        }
        if !self.drop_request(requester) {
            return Err(Refusal::NoSuchRequest);
        }
        self.note(Note::new(Change::Declined).by(app).requested_by(requester));
        Ok(())
    }

    /// Enters a request, or the new words of one that waits already, and tells it to the owner and the default app.
    pub(super) fn ask(&mut self, app: &AppId, metadata: Option<&Metadata>, asked_at: Timestamp) {
        match self.control.requests.iter_mut().find(|request| request.app == *app) {
            Some(waiting) => waiting.metadata = metadata.cloned(),
            None => {
                let deadline = self.now.plus_millis(self.rules.request_deadline_ms);
                self.control.requests.push(Request { app: app.clone(), metadata: metadata.cloned(), asked_at, deadline });
            }
        }
        self.tell_request(app, metadata);
    }

    /// Writes that an app asks, for the owner and the default app to hear.
    pub(super) fn tell_request(&mut self, app: &AppId, metadata: Option<&Metadata>) {
        let owner = self.control.owner.local().cloned();
        let default = self.rules.default_app.clone().filter(|default| self.rules.is_active(default) && Some(default) != owner.as_ref());
        let told: Vec<AppId> = owner.into_iter().chain(default).filter(|told| told != app).collect();
        self.note(Note::new(Change::Requested).by(app).requested_by(app).metadata(metadata).told(&told));
    }

    /// A new owner among Baton's apps hears of every request that still waits.
    pub(super) fn tell_requests_again(&mut self) {
        let Some(owner) = self.control.owner.local().cloned() else { return };
        for request in self.control.requests.clone() {
            let note = Note::new(Change::Requested).by(&request.app).requested_by(&request.app).metadata(request.metadata.as_ref());
            self.note(note.told([&owner]));
        }
    }

    /// Gives control to whoever has waited longest. To an external app that takes the platform's word.
    pub(super) fn grant_earliest(&mut self) {
        if self.control.requests.is_empty() {
            return;
        }
        let Request { app, metadata, .. } = self.control.requests.remove(0);
        if self.rules.is_active(&app) {
            let note = Note::new(Change::Passed).requested_by(&app).metadata(metadata.as_ref()).told([&app]);
            self.hand_over(self.held_by(&app), note);
        } else {
            self.begin_transfer(TransferCall::Pass { target: app.clone() }, &app, metadata.as_ref());
        }
    }

    pub(super) fn lapse_request(&mut self, app: &AppId) {
        if self.drop_request(app) {
            self.note(Note::new(Change::RequestLapsed).requested_by(app));
        }
    }

    pub(super) fn is_requester(&self, app: &AppId) -> bool {
        self.control.requests.iter().any(|request| request.app == *app)
    }

    /// Ends an app's request, if it has one, and says whether it had.
    pub(super) fn drop_request(&mut self, app: &AppId) -> bool {
        let before = self.control.requests.len();
        self.control.requests.retain(|request| request.app != *app);
        self.control.requests.len() < before
    }

    /// Nobody is there who could say no.
    fn owner_is_absent(&self) -> bool {
        match &self.control.owner {
            Owner::Idle => self.rules.answering_app(self.now).is_none(),
            Owner::App { app, .. } => self.rules.is_absent(app, self.now),
            Owner::External { .. } => false,
        }
    }
}
