//! The rules as tables. Expected values come from the published behaviour of the platform and from the table of the rules of control in
//! `docs/architecture.md`, never from running the code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod audience;
mod clock;
mod external;
mod histories;
mod requests;
mod routing;
mod thread_control;
mod window;

use super::*;
use crate::wire::{AppId, Metadata, Object, Timestamp};

/// The moment at which every scene begins, far from zero so that times before it exist.
pub const START: i64 = 1_800_000_000_000;
pub const SECOND: i64 = 1_000;
pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;

/// Apps of the test Page: `bot` is the default app, `inbox` may take and is Baton's inbox, `guest` may do nothing special.
pub fn app(name: &str) -> AppId {
    AppId::parse(name).unwrap()
}

pub fn words(text: &str) -> Option<Metadata> {
    Some(Metadata::parse(text).unwrap())
}

pub const fn after(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

/// A Page with a default app, and the external app `suite`, to which passes are allowed.
pub fn page() -> PageRules {
    let mut rules = zero_config();
    rules.default_app = Some(app("bot"));
    rules
}

/// The same Page without a default app.
pub fn zero_config() -> PageRules {
    let mut rules = PageRules::new(Object::Page);
    for name in ["bot", "inbox", "guest", "spare"] {
        rules.apps.insert(app(name), AppRules::default());
    }
    rules.apps.insert(app("inbox"), AppRules { may_take: true, human: true, health: Health::Up });
    rules.inbox_app = Some(app("inbox"));
    rules.external_apps.insert(app("suite"));
    rules.automation_apps.insert(app("autoreply"));
    rules
}

pub fn with_health(mut rules: PageRules, name: &str, health: Health) -> PageRules {
    rules.apps.get_mut(&app(name)).unwrap().health = health;
    rules
}

/// Down for so long when the scene begins.
pub const fn down_for(millis: i64) -> Health {
    Health::Down { since: after(-millis) }
}

/// An owner by a short name: `idle`, a local app, `~suite` for an implied external owner, `!suite` for a confirmed one, `!` for an unknown one.
pub fn owner(name: &str) -> Owner {
    let named = |name: &str| (!name.is_empty()).then(|| app(name));
    match name {
        "idle" => Owner::Idle,
        _ if name.starts_with('~') => Owner::External { app: named(&name[1..]), evidence: Evidence::Implied { until: after(HOUR) } },
        _ if name.starts_with('!') => Owner::External { app: named(&name[1..]), evidence: Evidence::Confirmed },
        _ => Owner::App { app: app(name), until: after(DAY) },
    }
}

pub fn name_of(owner: &Owner) -> String {
    let text = |app: &Option<AppId>| app.as_ref().map(ToString::to_string).unwrap_or_default();
    match owner {
        Owner::Idle => "idle".into(),
        Owner::App { app, .. } => app.to_string(),
        Owner::External { app, evidence: Evidence::Confirmed } => format!("!{}", text(app)),
        Owner::External { app, evidence: Evidence::Implied { .. } } => format!("~{}", text(app)),
    }
}

/// A conversation whose owner changed last at the start of the scene.
pub fn held(by: &str) -> Control {
    Control { owner: owner(by), epoch: Epoch(7), changed_at: after(0), ..Control::default() }
}

pub fn send(by: &str) -> Command {
    Command::Send { app: app(by), action: false, epoch: None }
}

pub fn typing(by: &str) -> Command {
    Command::Send { app: app(by), action: true, epoch: None }
}

pub fn pass(by: &str, target: &str) -> Command {
    Command::Pass { app: app(by), target: (!target.is_empty()).then(|| app(target)), metadata: None }
}

pub fn take(by: &str) -> Command {
    Command::Take { app: app(by), metadata: None }
}

pub fn request(by: &str) -> Command {
    Command::Request { app: app(by), metadata: None }
}

pub fn decline(by: &str, requester: &str) -> Command {
    Command::Decline { app: app(by), requester: app(requester) }
}

pub fn release(by: &str) -> Command {
    Command::Release { app: app(by), metadata: None }
}

pub fn extend(by: &str, duration_ms: i64) -> Command {
    Command::Extend { app: app(by), duration_ms }
}

/// The person's message, at the moment of the platform's clock that is so long after the start.
pub const fn message(at: i64) -> Command {
    Command::PersonActs { message: true, at: after(at) }
}

pub const fn reads(at: i64) -> Command {
    Command::PersonActs { message: false, at: after(at) }
}

/// What a decision did, in words: `owner +epochs`, then each event as `change` or `change>told,told`, then what is asked of the platform.
pub fn told(before: &Control, decision: &Decision) -> String {
    let mut text = format!("{} +{}", name_of(&decision.control.owner), decision.control.epoch.0 - before.epoch.0);
    for event in &decision.events {
        text.push(' ');
        text.push_str(event.change.as_str());
        if !event.told.is_empty() {
            let apps: Vec<&str> = event.told.iter().map(AppId::as_str).collect();
            text.push('>');
            text.push_str(&apps.join(","));
        }
    }
    match &decision.transfer {
        Some(TransferCall::Pass { target }) => text.push_str(&format!(" ask:pass:{target}")),
        Some(TransferCall::Take) => text.push_str(" ask:take"),
        Some(TransferCall::Request) => text.push_str(" ask:request"),
        None => {}
    }
    text
}

/// Decides at so long after the start and puts the outcome into words; a refusal by its name.
pub fn outcome_at(millis: i64, rules: &PageRules, control: &Control, command: &Command) -> String {
    match decide(control, rules, command, after(millis)) {
        Ok(decision) => told(control, &decision),
        Err(refusal) => format!("{refusal:?}"),
    }
}

/// One second after the start.
pub fn outcome(rules: &PageRules, control: &Control, command: &Command) -> String {
    outcome_at(SECOND, rules, control, command)
}

/// A conversation that goes through several commands.
pub struct Scene {
    pub rules: PageRules,
    pub control: Control,
    pub now: i64,
}

impl Scene {
    pub fn new(rules: PageRules, held_by: &str) -> Self {
        Self { rules, control: held(held_by), now: SECOND }
    }

    /// Does a command one millisecond after the last and says what came of it.
    #[track_caller]
    pub fn does(&mut self, command: Command) -> String {
        self.now += 1;
        match decide(&self.control, &self.rules, &command, after(self.now)) {
            Ok(decision) => {
                let text = told(&self.control, &decision);
                self.control = decision.control;
                text
            }
            Err(refusal) => format!("{refusal:?}"),
        }
    }

    pub fn waits(&mut self, millis: i64) -> &mut Self {
        self.now += millis;
        self
    }

    pub fn begun_at(&self) -> Timestamp {
        self.control.transfer.as_ref().unwrap().begun_at
    }
}
