//! The rules themselves: what a command does to a conversation's control.

mod clock;
mod local;
mod platform;
mod requests;
mod transfer;

use std::borrow::Cow;

use super::command::{Change, Command, ControlEvent, Decision, PlatformRefusal, Refusal};
use super::state::{Control, Owner, PageRules, TransferCall};
use crate::wire::{AppId, Metadata, Timestamp};

pub use clock::check_at;

/// Decides a command.
///
/// What the clock has brought about is decided first, whether or not a sweeper came by: deciding [`Command::Tick`] and then the
/// command gives the same state and the same events. What the command makes due at once is decided with it, so nothing is due
/// afterwards.
///
/// A person's message makes the owner's lease longer, and another echo makes an implied ownership longer, without an event of its own:
/// the row of the message explains it.
///
/// # Errors
/// A [`Refusal`]; then nothing has happened and nothing is to be written.
pub fn decide(control: &Control, rules: &PageRules, command: &Command, now: Timestamp) -> Result<Decision, Refusal> {
    let mut turn = Turn::new(control, rules, now);
    turn.settle();
    turn.carry_out(command)?;
    turn.settle();
    // A transfer that the clock began and the command's evidence ended at once needs no call.
    let transfer = turn.transfer.filter(|_| turn.control.transfer.is_some());
    Ok(Decision { control: turn.control, events: turn.events, transfer })
}

impl Control {
    /// The state as it counts now: with lapsed leases, gone owners and due requests decided, although nothing has written so yet.
    #[must_use]
    pub fn as_of(&self, rules: &PageRules, now: Timestamp) -> Cow<'_, Self> {
        if check_at(self, rules).is_none_or(|due| due > now) {
            return Cow::Borrowed(self);
        }
        let mut turn = Turn::new(self, rules, now);
        turn.settle();
        Cow::Owned(turn.control)
    }
}

/// One command being decided.
struct Turn<'a> {
    rules: &'a PageRules,
    now: Timestamp,
    /// From when on a new owner counts: for what the platform tells from when it happened there. What it tells of later may have come in before, or
    /// together with it, and is no older evidence for that.
    since: Timestamp,
    control: Control,
    events: Vec<ControlEvent>,
    transfer: Option<TransferCall>,
}

/// What an event says besides who was and is the owner.
struct Note {
    change: Change,
    by: Option<AppId>,
    requester: Option<AppId>,
    metadata: Option<Metadata>,
    refusal: Option<PlatformRefusal>,
    told: Vec<AppId>,
}

impl Note {
    const fn new(change: Change) -> Self {
        Self { change, by: None, requester: None, metadata: None, refusal: None, told: Vec::new() }
    }

    fn by(self, app: &AppId) -> Self {
        Self { by: Some(app.clone()), ..self }
    }

    fn requested_by(self, app: &AppId) -> Self {
        Self { requester: Some(app.clone()), ..self }
    }

    fn metadata(self, metadata: Option<&Metadata>) -> Self {
        Self { metadata: metadata.cloned(), ..self }
    }

    fn refused(self, why: Option<&PlatformRefusal>) -> Self {
        Self { refusal: why.cloned(), ..self }
    }

    fn told<'t>(self, apps: impl IntoIterator<Item = &'t AppId>) -> Self {
        Self { told: apps.into_iter().cloned().collect(), ..self }
    }
}

impl<'a> Turn<'a> {
    fn new(control: &Control, rules: &'a PageRules, now: Timestamp) -> Self {
        Self { rules, now, since: now, control: control.clone(), events: Vec::new(), transfer: None }
    }

    fn carry_out(&mut self, command: &Command) -> Result<(), Refusal> {
        self.since = command.happened_at().map_or(self.now, |at| at.min(self.now));
        let done = self.obey(command);
        self.since = self.now;
        done
    }

    fn obey(&mut self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::PersonActs { message, at } => self.person_acts(*message, *at),
            Command::PlatformStandby { at } => self.platform_standby(*at),
            Command::ForeignEcho { app, at } => self.foreign_echo(app.as_ref(), *at),
            Command::PlatformHandover { event, at } => self.platform_handover(event, *at),
            Command::ExternalOwner { app, holds, at } => self.external_owner(app.as_ref(), *holds, *at),
            Command::TransferDone { begun_at, outcome } => self.transfer_done(*begun_at, outcome),
            // Whatever the clock or the admin brought about is decided before every command.
            Command::Tick => {}
            Command::Send { app, action, epoch } => return self.send(app, *action, *epoch),
            Command::Pass { app, target, metadata } => return self.pass(app, target.as_ref(), metadata.as_ref()),
            Command::Take { app, metadata } => return self.take(app, metadata.as_ref()),
            Command::Request { app, metadata } => return self.request(app, metadata.as_ref()),
            Command::Decline { app, requester } => return self.decline(app, requester),
            Command::Release { app, metadata } => return self.release(app, metadata.as_ref()),
            Command::Extend { app, duration_ms } => return self.extend(app, *duration_ms),
        }
        Ok(())
    }

    /// Lets in a command of an app: it must be on the Page, and no transfer may be pending.
    fn admit(&self, app: &AppId) -> Result<(), Refusal> {
        if !self.rules.is_active(app) {
            return Err(Refusal::NotOnPage);
        }
        if self.control.transfer.is_some() {
            return Err(Refusal::TransferPending);
        }
        Ok(())
    }

    fn is_owner(&self, app: &AppId) -> bool {
        self.control.owner.local() == Some(app)
    }

    /// Ownership by a local app that begins now.
    fn held_by(&self, app: &AppId) -> Owner {
        Owner::App { app: app.clone(), until: self.now.plus_millis(self.rules.lease_ms) }
    }

    /// Makes somebody the owner, writes why, and tells the requests that still wait to the new owner.
    fn hand_over(&mut self, owner: Owner, note: Note) {
        let previous = self.replace_owner(owner, self.since);
        self.announce(previous, note);
    }

    /// Replaces the owner and gives the former one's id. The epoch rises only if the holder is another one.
    fn replace_owner(&mut self, owner: Owner, at: Timestamp) -> Option<AppId> {
        let former = std::mem::replace(&mut self.control.owner, owner);
        if !former.is_same_holder(&self.control.owner) {
            self.control.epoch = self.control.epoch.next();
            self.control.changed_at = self.control.changed_at.max(at);
            self.control.claimed_from = None;
        }
        former.app().cloned()
    }

    fn announce(&mut self, previous: Option<AppId>, mut note: Note) {
        if let Some(owner) = self.control.owner.app().cloned()
            && self.drop_request(&owner)
        {
            note.requester = Some(owner);
        }
        self.record(previous, note);
        self.tell_requests_again();
    }

    /// Writes an event that leaves the owner as it is.
    fn note(&mut self, note: Note) {
        self.record(self.control.owner.app().cloned(), note);
    }

    fn record(&mut self, previous_owner: Option<AppId>, note: Note) {
        self.events.push(ControlEvent {
            change: note.change,
            by: note.by,
            requester: note.requester,
            previous_owner,
            new_owner: self.control.owner.app().cloned(),
            metadata: note.metadata,
            refusal: note.refusal,
            told: note.told,
            after: self.control.clone(),
        });
    }
}
