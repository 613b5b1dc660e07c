//! Who holds a conversation, in a word and in a sentence.

use super::names::Names;
use crate::access::UserId;
use crate::control::{AtDeadline, Control, Evidence, Owner};
use crate::store::inbox::conversation::AppKind;
use crate::web::text::fill;
use crate::web::when::Clock;
use crate::wire::{AppId, Timestamp};

/// The owner in a word, for rows.
#[derive(Debug)]
pub struct Chip {
    /// Its colour.
    pub class: &'static str,
    /// The word.
    pub label: String,
}

/// The owner in a sentence, for the head of a conversation.
pub struct Holder {
    /// Its colour.
    pub class: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// Who holds it.
    pub who: String,
    /// Until when.
    pub until: Option<String>,
    /// Who has it, while people hold it.
    pub assigned: Option<String>,
    /// Who asks for it.
    pub pending: Option<Pending>,
}

/// A request that waits, for the head of a conversation.
pub struct Pending {
    /// Who asks, and until when.
    pub words: String,
    /// How much of the time is left, in milliseconds.
    pub left: i64,
    /// What happens then.
    pub then: &'static str,
}

/// The owner of a row. A lapsed lease counts as over before anybody has written so.
pub fn chip(control: &Control, names: &Names, now: Timestamp) -> Chip {
    let t = names.t;
    if control.transfer.is_some() {
        return Chip { class: "moving", label: t.owner_moving.to_owned() };
    }
    match &control.owner {
        Owner::App { app, until } if *until > now => match names.kind(app) {
            Some(AppKind::Inbox) => Chip { class: "people", label: t.owner_inbox.to_owned() },
            Some(AppKind::Bot) => Chip { class: "bot", label: names.app(app) },
            _ => Chip { class: "app", label: names.app(app) },
        },
        Owner::External { evidence: Evidence::Implied { until }, .. } if *until <= now => idle(t.owner_idle),
        Owner::External { app, .. } => {
            Chip { class: "external", label: app.as_ref().map_or_else(|| t.owner_external.to_owned(), |app| names.app(app)) }
        }
        Owner::App { .. } | Owner::Idle => idle(t.owner_idle),
    }
}

fn idle(label: &str) -> Chip {
    Chip { class: "idle", label: label.to_owned() }
}

/// The head's answer to: who holds it, until when, who is assigned, who asks. `control` is as of now.
pub fn holder(
    control: &Control,
    at_deadline: AtDeadline,
    closed: bool,
    assignee: Option<&(UserId, String)>,
    inbox: Option<&AppId>,
    names: &Names,
    clock: &Clock,
) -> Holder {
    let t = names.t;
    let until = |at: Timestamp| Some(fill(t.holder_until, &[("time", &clock.until(at))]));
    let by = |text: &str, app: &AppId| fill(text, &[("app", &names.app(app))]);
    let (class, icon, who, until) = if control.transfer.is_some() {
        ("moving", "swap", t.holder_moving.to_owned(), None)
    } else {
        match &control.owner {
            Owner::Idle => ("idle", "idle", t.holder_idle.to_owned(), None),
            Owner::App { app, until: end } if Some(app) == inbox => ("people", "person", t.holder_inbox.to_owned(), until(*end)),
            Owner::App { app, until: end } if names.kind(app) == Some(AppKind::Bot) => ("bot", "bot", by(t.holder_app, app), until(*end)),
            Owner::App { app, until: end } => ("app", "swap", by(t.holder_app, app), until(*end)),
            Owner::External { app: None, .. } => ("external", "outside", t.holder_external_unknown.to_owned(), None),
            Owner::External { app: Some(app), evidence: Evidence::Confirmed } => ("external", "outside", by(t.holder_external, app), None),
            Owner::External { app: Some(app), evidence: Evidence::Implied { until: end } } => {
                ("external", "outside", by(t.holder_implied, app), until(*end))
            }
        }
    };
    let who = if closed { format!("{} {who}", t.holder_closed) } else { who };
    Holder {
        class,
        icon,
        who,
        until,
        assigned: (class == "people" || assignee.is_some()).then(|| assigned(assignee, names)),
        pending: pending(control, at_deadline, inbox, names, clock),
    }
}

fn assigned(assignee: Option<&(UserId, String)>, names: &Names) -> String {
    match assignee {
        None => names.t.holder_unassigned.to_owned(),
        Some((user, _)) if *user == names.me => names.t.holder_assigned_you.to_owned(),
        Some((_, name)) => fill(names.t.holder_assigned, &[("name", name)]),
    }
}

fn pending(control: &Control, at_deadline: AtDeadline, inbox: Option<&AppId>, names: &Names, clock: &Clock) -> Option<Pending> {
    let request = control.requests.first()?;
    let time = clock.to_the_second(request.deadline);
    let words = if Some(&request.app) == inbox {
        fill(names.t.holder_requested, &[("time", &time)])
    } else {
        fill(names.t.holder_requested_by, &[("app", &names.app(&request.app)), ("time", &time)])
    };
    let then = match at_deadline {
        AtDeadline::Grant => names.t.deadline_grant,
        AtDeadline::Lapse => names.t.deadline_lapse,
    };
    Some(Pending { words, left: request.deadline.since(clock.now).max(0), then })
}

/// What a request comes to, for the button's hint.
pub const fn at_deadline_hint(names: &Names, at_deadline: AtDeadline) -> &'static str {
    match at_deadline {
        AtDeadline::Grant => names.t.hint_request,
        AtDeadline::Lapse => names.t.hint_request_lapse,
    }
}
