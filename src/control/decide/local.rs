//! What Baton's own apps do: send, pass, take, release, extend.

use super::{Note, Turn};
use crate::control::command::{Change, Refusal};
use crate::control::state::{Epoch, Owner, TransferCall};
use crate::wire::{AppId, Metadata};

/// Meta's own inboxes, for Messenger and for Instagram. A pass to them means Baton's inbox, unless the admin has allowed passes to them.
const META_INBOXES: [&str; 2] = ["263902037430900", "1217981644879628"];

/// Longest lease that an app can ask for, in milliseconds: seven days from now.
const MAX_EXTENSION_MS: i64 = 7 * 24 * 3_600_000;

/// Where a pass goes.
enum Target {
    Local(AppId),
    External(AppId),
}

impl Turn<'_> {
    /// A message or a sender action. Who sends a message while nobody holds the conversation becomes its owner.
    pub(super) fn send(&mut self, app: &AppId, action: bool, epoch: Option<Epoch>) -> Result<(), Refusal> {
        self.admit(app)?;
        let owns = self.is_owner(app);
        if !owns && (!self.may_act_idle(app) || !action && self.would_lose_at_once(app)) {
            return Err(Refusal::NotOwnerSend);
        }
        if epoch.is_some_and(|epoch| epoch != self.control.epoch && !(owns && self.control.claimed_from == Some(epoch))) {
            return Err(Refusal::StaleEpoch);
        }
        if !owns && !action {
            let claimed_from = self.control.epoch;
            let previous = self.replace_owner(self.held_by(app), self.now);
            self.control.claimed_from = Some(claimed_from);
            self.announce(previous, Note::new(Change::Assigned).by(app));
        }
        Ok(())
    }

    /// `pass_thread_control`.
    pub(super) fn pass(&mut self, app: &AppId, target: Option<&AppId>, metadata: Option<&Metadata>) -> Result<(), Refusal> {
        self.admit(app)?;
        if !self.is_owner(app) && !self.may_act_idle(app) {
            return Err(Refusal::NotOwner);
        }
        match self.target(target)? {
            Target::External(target) => self.begin_transfer(TransferCall::Pass { target }, app, metadata),
            Target::Local(target) if self.is_owner(&target) => {}
            Target::Local(target) => {
                let note = Note::new(Change::Passed).by(app).metadata(metadata).told([&target]);
                self.hand_over(self.held_by(&target), note);
            }
        }
        Ok(())
    }

    /// `take_thread_control`. From an external app that holds the conversation for certain it takes the platform's word.
    pub(super) fn take(&mut self, app: &AppId, metadata: Option<&Metadata>) -> Result<(), Refusal> {
        self.admit(app)?;
        if self.is_owner(app) {
            return Ok(());
        }
        let ownerless = self.control.owner == Owner::Idle && self.rules.answering_app(self.now).is_none();
        if ownerless || !self.rules.may_take(app) {
            return Err(Refusal::MayNotTake);
        }
        if self.control.owner.is_confirmed_external() {
            self.begin_transfer(TransferCall::Take, app, metadata);
        } else {
            let note = Note::new(Change::Taken).by(app).metadata(metadata).told(self.control.owner.local());
            self.hand_over(self.held_by(app), note);
        }
        Ok(())
    }

    /// `release_thread_control`.
    pub(super) fn release(&mut self, app: &AppId, metadata: Option<&Metadata>) -> Result<(), Refusal> {
        self.admit(app)?;
        if !self.is_owner(app) {
            return Err(Refusal::NotOwner);
        }
        self.hand_over(Owner::Idle, Note::new(Change::Released).by(app).metadata(metadata));
        Ok(())
    }

    /// `extend_thread_control`: the lease lasts at least so long from now. It is never cut short.
    pub(super) fn extend(&mut self, app: &AppId, duration_ms: i64) -> Result<(), Refusal> {
        self.admit(app)?;
        if !(1..=MAX_EXTENSION_MS).contains(&duration_ms) {
            return Err(Refusal::BadDuration);
        }
        match &mut self.control.owner {
            Owner::App { app: owner, until } if owner == app => {
                let wanted = self.now.plus_millis(duration_ms);
                if wanted > *until {
                    *until = wanted;
                    self.note(Note::new(Change::Extended).by(app));
                }
                Ok(())
            }
            _ => Err(Refusal::NotOwner),
        }
    }

    /// Whether nobody holds the conversation and the app is one that may answer then.
    fn may_act_idle(&self, app: &AppId) -> bool {
        self.control.owner == Owner::Idle && self.rules.may_answer_idle(app, self.now)
    }

    /// Whether the app would have to give a claim away in the same moment: a request to an owner that is absent is granted at once, and what
    /// the owner has said would be taken from the queue after it was accepted.
    fn would_lose_at_once(&self, app: &AppId) -> bool {
        self.rules.is_absent(app, self.now) && self.control.requests.iter().any(|request| request.app != *app)
    }

    /// Whom a pass names: the app that answers first if nobody.
    fn target(&self, named: Option<&AppId>) -> Result<Target, Refusal> {
        let named = named.or_else(|| self.rules.answering_app(self.now)).ok_or(Refusal::UnknownTarget)?;
        if self.rules.external_apps.contains(named) {
            return Ok(Target::External(named.clone()));
        }
        let meant = if META_INBOXES.contains(&named.as_str()) { self.rules.inbox_app.as_ref() } else { Some(named) };
        meant.filter(|app| self.rules.is_active(app)).map(|app| Target::Local(app.clone())).ok_or(Refusal::UnknownTarget)
    }
}
