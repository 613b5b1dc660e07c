//! What must be true of every step and every state, said without the rules' own words where possible.

use super::Rule;
use super::world::{APPS, Step, Truth, World};
use crate::control::tests::app;
use crate::control::{Command, Control, Decision, Evidence, Owner, PageRules, TransferOutcome};
use crate::wire::{AppId, Timestamp};

/// Judges one decision.
pub fn judge_step(rule: Rule, rules: &PageRules, step: &Step) -> Result<(), &'static str> {
    let Ok(decision) = &step.decided else { return Ok(()) };
    judge_epochs(&step.before, decision)?;
    judge_events(step, decision)?;
    judge_send(rules, step, decision)?;
    if is_old_evidence(rules, step) {
        let ticked = rule(&step.before, rules, &Command::Tick, step.now).map_err(|_| "the clock is never refused")?;
        holds(ticked.control == decision.control, "old evidence moves nothing")?;
    }
    let by_app = app_of(&step.command);
    holds(by_app.is_none() || step.before.transfer.is_none(), "nothing is accepted while a transfer is pending")
}

/// Judges one state by asking it questions, without going on from there.
pub fn judge_state(rule: Rule, rules: &PageRules, world: &World) -> Result<(), &'static str> {
    judge_voices(rule, rules, world)?;
    judge_transfer(rule, rules, world)?;
    judge_requests(rule, rules, world)?;
    judge_truth(rule, rules, world)
}

const fn holds(truth: bool, promise: &'static str) -> Result<(), &'static str> {
    if truth { Ok(()) } else { Err(promise) }
}

/// Who holds the conversation at a moment, reading the state without the rules.
fn holder(control: &Control, now: Timestamp) -> Option<&AppId> {
    match &control.owner {
        Owner::App { app, until } if *until > now => Some(app),
        _ => None,
    }
}

fn is_external(owner: &Owner, now: Timestamp) -> bool {
    match owner {
        Owner::External { evidence: Evidence::Implied { until }, .. } => *until > now,
        Owner::External { evidence: Evidence::Confirmed, .. } => true,
        Owner::Idle | Owner::App { .. } => false,
    }
}

fn judge_epochs(before: &Control, decision: &Decision) -> Result<(), &'static str> {
    let mut last = before;
    for event in &decision.events {
        let moved = u64::from(!last.owner.is_same_holder(&event.after.owner));
        holds(event.after.epoch.0 == last.epoch.0 + moved, "the epoch counts changes of owner")?;
        last = &event.after;
    }
    holds(decision.control.epoch.0 == last.epoch.0, "the epoch counts changes of owner")
}

/// The last event holds the state; only a message or an echo makes what its sender has last longer without one.
fn judge_events(step: &Step, decision: &Decision) -> Result<(), &'static str> {
    let told = decision.events.last().map_or(&step.before, |event| &event.after);
    let same = if matches!(step.command, Command::PersonActs { .. } | Command::ForeignEcho { .. }) {
        told.owner.is_same_holder(&decision.control.owner)
    } else {
        told == &decision.control
    };
    holds(same, "the events give the state")
}

fn judge_send(rules: &PageRules, step: &Step, decision: &Decision) -> Result<(), &'static str> {
    let Command::Send { app, .. } = &step.command else { return Ok(()) };
    let owned = holder(&step.before, step.now);
    let idle = owned.is_none() && !is_external(&step.before.owner, step.now);
    let free = idle && rules.default_app.as_ref().is_none_or(|default| default == app);
    // A request that was due when the send came may have made its sender the owner.
    let granted = step.before.requests.iter().any(|request| request.app == *app && request.deadline <= step.now);
    holds(owned == Some(app) || free || granted, "only the owner speaks")?;
    holds(holder(&decision.control, step.now) == Some(app), "who speaks is the owner")
}

/// Whether the command is evidence of the platform about who holds the conversation, and older than what it would move.
fn is_old_evidence(rules: &PageRules, step: &Step) -> bool {
    let at = match &step.command {
        Command::PlatformStandby { at }
        | Command::ForeignEcho { at, .. }
        | Command::PlatformHandover { at, .. }
        | Command::ExternalOwner { at, .. } => *at,
        _ => return false,
    };
    match (&step.command, &step.before.transfer) {
        // About a transfer it is old if it was asked for before that began: a lease that lapsed meanwhile says nothing about it.
        (Command::ExternalOwner { .. }, Some(transfer)) => at < transfer.begun_at,
        _ => at < step.before.as_of(rules, step.now).changed_at,
    }
}

const fn app_of(command: &Command) -> Option<&AppId> {
    match command {
        Command::Send { app, .. }
        | Command::Pass { app, .. }
        | Command::Take { app, .. }
        | Command::Request { app, .. }
        | Command::Decline { app, .. }
        | Command::Release { app, .. }
        | Command::Extend { app, .. } => Some(app),
        _ => None,
    }
}

/// One voice: of all apps at most one may send, but where nobody holds the conversation and no app answers first.
fn judge_voices(rule: Rule, rules: &PageRules, world: &World) -> Result<(), &'static str> {
    let may_send = |name: &str| {
        let command = Command::Send { app: app(name), action: false, epoch: None };
        rule(&world.control, rules, &command, world.now).is_ok()
    };
    let voices = APPS.into_iter().filter(|name| may_send(name)).count();
    let open = rules.default_app.is_none() && holder(&world.control, world.now).is_none() && !is_external(&world.control.owner, world.now);
    holds(voices <= 1 || open, "only the owner speaks")?;
    holds(voices == 0 || world.control.transfer.is_none(), "nothing is accepted while a transfer is pending")
}

/// Whatever the platform says about a pending transfer ends it. No answer does not.
fn judge_transfer(rule: Rule, rules: &PageRules, world: &World) -> Result<(), &'static str> {
    const PROMISE: &str = "a transfer ends with the platform's word";
    let Some(pending) = &world.control.transfer else { return Ok(()) };
    let begun_at = pending.begun_at;
    let words = [
        (Command::TransferDone { begun_at, outcome: TransferOutcome::Done }, true),
        (Command::TransferDone { begun_at, outcome: TransferOutcome::Refused { why: None } }, true),
        (Command::TransferDone { begun_at, outcome: TransferOutcome::Unknown }, false),
        (Command::ExternalOwner { app: Some(app("suite")), holds: true, at: world.now }, true),
        (Command::ExternalOwner { app: None, holds: true, at: world.now }, true),
        (Command::ExternalOwner { app: None, holds: false, at: world.now }, true),
    ];
    for (command, ends) in words {
        let decision = rule(&world.control, rules, &command, world.now).map_err(|_| PROMISE)?;
        // Another one may begin at once: a request of the external app that was waiting.
        let gone = decision.control.transfer.as_ref() != Some(pending) || decision.transfer.is_some();
        holds(gone == ends, PROMISE)?;
    }
    Ok(())
}

/// With no transfer in the way, the clock alone ends every request.
fn judge_requests(rule: Rule, rules: &PageRules, world: &World) -> Result<(), &'static str> {
    const PROMISE: &str = "a request ends at its deadline";
    let Some(latest) = world.control.requests.iter().map(|request| request.deadline).max() else { return Ok(()) };
    if world.control.transfer.is_some() {
        return Ok(());
    }
    let decision = rule(&world.control, rules, &Command::Tick, latest.max(world.now)).map_err(|_| PROMISE)?;
    // The external app's turn came first: the others wait for the platform's word, no longer.
    holds(decision.control.requests.is_empty() || decision.transfer.is_some(), PROMISE)
}

/// However little of the platform's words arrived: once it answers who holds the thread, Baton believes what is true.
fn judge_truth(rule: Rule, rules: &PageRules, world: &World) -> Result<(), &'static str> {
    const PROMISE: &str = "fresh evidence is believed";
    if world.control.transfer.is_some() {
        return Ok(());
    }
    let outside = world.truth == Truth::Suite;
    let command = Command::ExternalOwner { app: outside.then(|| app("suite")), holds: outside, at: world.now };
    let decision = rule(&world.control, rules, &command, world.now).map_err(|_| PROMISE)?;
    holds(decision.control.owner.is_confirmed_external() == outside, PROMISE)
}
