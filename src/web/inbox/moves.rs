//! What an agent may do with a conversation now. The rules of control are asked, so a button that works is one that the ledger will obey.

use super::owner::at_deadline_hint;
use super::scene::Scene;
use crate::access::UserId;
use crate::control::{Command, Owner, Refusal, decide};
use crate::store::inbox::conversation::AppKind;
use crate::store::teams::Team;
use crate::web::text::fill;
use crate::wire::AppId;

/// A button.
#[derive(Debug)]
pub struct Move {
    /// What the form says.
    pub action: &'static str,
    /// To whom, where that is fixed.
    pub to: Option<String>,
    /// What the button says.
    pub label: String,
    /// Its weight.
    pub class: &'static str,
    /// Its key.
    pub key: &'static str,
    /// Why it does nothing now.
    pub why_not: Option<String>,
    /// What will happen.
    pub hint: Option<String>,
}

/// Somebody to whom a conversation can be passed.
pub struct Target {
    /// The field of the form: `target` for apps, `to` for colleagues, `team` for teams.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// Its icon.
    pub icon: &'static str,
    /// Its name.
    pub label: String,
}

/// The buttons of a conversation, the most likely first.
pub fn moves(scene: &Scene) -> Vec<Move> {
    let mut moves = Vec::with_capacity(4);
    let Some(inbox) = scene.inbox() else {
        return vec![blocked("take", scene.t().move_take, "t", scene.t().why_no_inbox.to_owned())];
    };
    if scene.conversation.closed_at.is_some() {
        moves.push(plain("reopen", scene.t().move_reopen.to_owned(), "primary", "e"));
    }
    if scene.inbox_owns() {
        moves.extend(claim(scene));
        let (label, hint) = match scene.next_answerer() {
            Some(app) => (scene.t().move_release_to.to_owned(), Some(fill(scene.t().hint_release, &[("app", &app)]))),
            None => (scene.t().move_release.to_owned(), None),
        };
        moves.push(Move { hint, ..plain("release", label, "", "b") });
    } else {
        moves.push(take(scene, inbox));
        moves.push(request(scene, inbox));
    }
    if scene.conversation.closed_at.is_none() {
        moves.push(plain("close", scene.t().move_close.to_owned(), "", "e"));
    }
    moves
}

/// The inbox has it: an agent may make it theirs.
fn claim(scene: &Scene) -> Option<Move> {
    let me = Some(scene.names.me.0.to_string());
    match &scene.conversation.assignee {
        Some((user, _)) if *user == scene.names.me => None,
        Some((_, name)) => {
            let label = fill(scene.t().move_take_from, &[("name", name)]);
            Some(Move { to: me, ..plain("assign", label, "", "t") })
        }
        None => Some(plain("assign", scene.t().move_take_open.to_owned(), "primary", "t")),
    }
}

fn take(scene: &Scene, inbox: &AppId) -> Move {
    let label = scene.t().move_take.to_owned();
    match take_command(scene, inbox) {
        Ok(_) => plain("take", label, "primary", "t"),
        Err(refusal) => blocked("take", scene.t().move_take, "t", why_not(scene, refusal)),
    }
}

/// How the inbox takes this conversation: by a take, or while nobody holds it and no app is the first, by passing it to itself.
pub fn take_command(scene: &Scene, inbox: &AppId) -> Result<Command, Refusal> {
    let take = Command::Take { app: inbox.clone(), metadata: None };
    let to_oneself = Command::Pass { app: inbox.clone(), target: Some(inbox.clone()), metadata: None };
    let refused = match allowed(scene, &take) {
        Ok(()) => return Ok(take),
        Err(refusal) => refusal,
    };
    if scene.control.owner == Owner::Idle && allowed(scene, &to_oneself).is_ok() { Ok(to_oneself) } else { Err(refused) }
}

fn request(scene: &Scene, inbox: &AppId) -> Move {
    let t = scene.t();
    if let Some(known) = scene.control.requests.iter().find(|request| request.app == *inbox) {
        let time = scene.clock.to_the_second(known.deadline);
        return blocked("request", t.move_request, "q", fill(t.why_requested, &[("time", &time)]));
    }
    match allowed(scene, &Command::Request { app: inbox.clone(), metadata: None }) {
        Ok(()) => {
            let seconds = (scene.rules.request_deadline_ms / 1000).to_string();
            let hint = fill(at_deadline_hint(&scene.names, scene.rules.at_deadline), &[("seconds", &seconds)]);
            let class = if take_command(scene, inbox).is_err() { "primary" } else { "" };
            Move { hint: Some(hint), ..plain("request", t.move_request.to_owned(), class, "q") }
        }
        Err(refusal) => blocked("request", t.move_request, "q", why_not(scene, refusal)),
    }
}

/// Whether the rules would do this now.
pub fn allowed(scene: &Scene, command: &Command) -> Result<(), Refusal> {
    decide(&scene.control, &scene.rules, command, scene.clock.now).map(|_| ())
}

/// A refusal in the reader's words.
pub fn why_not(scene: &Scene, refusal: Refusal) -> String {
    let t = scene.t();
    match refusal {
        Refusal::TransferPending => t.why_moving,
        Refusal::NotOnPage => t.why_no_inbox,
        Refusal::MayNotTake if scene.control.owner == Owner::Idle => t.why_idle,
        Refusal::MayNotTake => t.why_may_not_take,
        Refusal::NotOwner | Refusal::NotOwnerSend | Refusal::StaleEpoch => t.problem_not_owner,
        Refusal::UnknownTarget | Refusal::BadDuration | Refusal::NoSuchRequest | Refusal::AlreadyOwner => t.why_external,
    }
    .to_owned()
}

/// Where the conversation can be passed: other apps, then colleagues, then teams, then everybody.
pub fn targets(scene: &Scene, colleagues: &[(UserId, String)], teams: &[Team]) -> Vec<Target> {
    if !scene.inbox_owns() || scene.control.transfer.is_some() {
        return Vec::new();
    }
    let t = scene.t();
    let local = scene.rules.apps.keys().filter(|app| Some(*app) != scene.inbox());
    let apps = local.chain(&scene.rules.external_apps).map(|app| Target {
        field: "target",
        value: app.to_string(),
        icon: match scene.names.kind(app) {
            Some(AppKind::Bot) => "bot",
            Some(_) => "swap",
            None => "outside",
        },
        label: fill(t.pass_to_app, &[("app", &scene.names.app(app))]),
    });
    let assigned = scene.conversation.assignee.as_ref().map(|(user, _)| *user);
    let others = colleagues.iter().filter(|(user, _)| *user != scene.names.me && Some(*user) != assigned);
    let people = others.map(|(user, name)| Target {
        field: "to",
        value: user.0.to_string(),
        icon: "person",
        label: fill(t.pass_to_colleague, &[("name", name)]),
    });
    let everybody = assigned.map(|_| Target { field: "to", value: "0".to_owned(), icon: "people", label: t.pass_unassign.to_owned() });
    apps.chain(people).chain(to_teams(scene, teams)).chain(everybody).collect()
}

/// The other teams, and none where there is one.
fn to_teams(scene: &Scene, teams: &[Team]) -> Vec<Target> {
    let f = scene.t().desk;
    let target = |value: i64, text, team: &Team| Target {
        field: "team",
        value: value.to_string(),
        icon: "people",
        label: fill(text, &[("team", &team.name)]),
    };
    let current = scene.conversation.team.as_ref();
    let others = teams.iter().filter(|team| current.is_none_or(|current| current.team != team.team));
    let others = others.map(|team| target(team.team.0, f.pass_to_team, team));
    others.chain(current.map(|team| target(0, f.pass_off_team, team))).collect()
}

fn plain(action: &'static str, label: String, class: &'static str, key: &'static str) -> Move {
    Move { action, to: None, label, class, key, why_not: None, hint: None }
}

fn blocked(action: &'static str, label: &str, key: &'static str, why: String) -> Move {
    Move { why_not: Some(why), ..plain(action, label.to_owned(), "", key) }
}
