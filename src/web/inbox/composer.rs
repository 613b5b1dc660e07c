//! Where an agent writes, or why they cannot and what they can do about it.

use askama::Template;

use super::address::{ListState, path};
use super::moves::{self, Move};
use super::scene::Scene;
use crate::control::{Command, Owner, Window};
use crate::crypto::random;
use crate::web::assets::Assets;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::wire::Object;

/// Longest text on Messenger, in characters. Send API reference, "text": under 2000.
pub const TEXT_CHARS: usize = 2000;

/// Longest text on Instagram, in bytes. Instagram messaging, "text": 1000 bytes.
pub const INSTAGRAM_BYTES: usize = 1000;

/// Less than this is shown as urgent, in milliseconds.
const URGENT_MS: i64 = 3_600_000;

/// What an agent had written when a form came back.
#[derive(Default)]
pub struct Draft {
    /// The reply.
    pub text: String,
    /// The note.
    pub note: String,
    /// The form's key, if the same send may be repeated with it.
    pub key: Option<String>,
    /// What they had seen, if that still counts.
    pub seen: Option<i64>,
    /// Somebody answered meanwhile.
    pub guard: Option<Guard>,
}

/// What others wrote meanwhile.
pub struct Guard {
    /// The question.
    pub title: String,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// An answer of somebody else.
pub struct Answer {
    /// Who.
    pub who: String,
    /// What.
    pub text: String,
}

/// The line about the messaging window.
pub struct WindowLine {
    /// `open`, `soon`, `human` or `closed`.
    pub class: &'static str,
    /// The line.
    pub label: String,
}

/// Why nothing can be written.
struct Blocked {
    reason: String,
    remedy: Option<Move>,
}

/// The composer.
#[derive(Template)]
#[template(path = "composer.html")]
pub struct Composer {
    t: &'static Texts,
    assets: &'static Assets,
    csrf: String,
    view: &'static str,
    action_url: String,
    window: WindowLine,
    blocked: Option<Blocked>,
    guard: Option<Guard>,
    text: String,
    note: String,
    key: String,
    seen: i64,
    limit: usize,
    placeholder: String,
    draft: String,
    refresh: String,
}

impl Composer {
    /// The composer of a conversation, with what the agent had written.
    pub fn new(scene: &Scene, agent: &Agent, list: &ListState, name: &str, draft: Draft) -> Self {
        let (page, person) = (&scene.conversation.page, &scene.conversation.person);
        Self {
            t: scene.t(),
            assets: Assets::get(),
            csrf: agent.csrf.clone(),
            view: list.view.as_str(),
            action_url: path(page, person),
            window: window_line(scene),
            blocked: blocked(scene),
            guard: draft.guard,
            text: draft.text,
            note: draft.note,
            key: draft.key.unwrap_or_else(random::hex::<16>),
            seen: draft.seen.unwrap_or(scene.conversation.last_position),
            limit: if scene.conversation.object == Object::Instagram { INSTAGRAM_BYTES } else { TEXT_CHARS },
            placeholder: fill(scene.t().reply_placeholder, &[("name", name)]),
            draft: format!("{}:{page}:{person}", agent.user.0),
            refresh: list.conversation(page, person),
        }
    }
}

/// The messaging window in words.
pub fn window_line(scene: &Scene) -> WindowLine {
    let t = scene.t();
    match scene.window() {
        Window::Open { until } => {
            let left = until.since(scene.clock.now);
            let class = if left < URGENT_MS { "soon" } else { "open" };
            WindowLine { class, label: fill(t.window_open, &[("left", &scene.clock.left(left))]) }
        }
        Window::HumanAgent { until } => WindowLine { class: "human", label: fill(t.window_human, &[("time", &scene.clock.until(until))]) },
        Window::Closed if scene.conversation.last_person_act.is_none() => WindowLine { class: "closed", label: t.window_never.to_owned() },
        Window::Closed => WindowLine { class: "closed", label: t.window_closed.to_owned() },
    }
}

fn blocked(scene: &Scene) -> Option<Blocked> {
    let t = scene.t();
    let because = |reason: &str| Some(Blocked { reason: reason.to_owned(), remedy: None });
    let Some(inbox) = scene.inbox() else { return because(t.blocked_no_inbox) };
    if !scene.conversation.connected {
        return because(t.blocked_page);
    }
    if scene.window() == Window::Closed {
        return because(t.blocked_window);
    }
    if scene.control.transfer.is_some() {
        return because(t.blocked_moving);
    }
    let send = Command::Send { app: inbox.clone(), action: false, epoch: None };
    if moves::allowed(scene, &send).is_ok() && scene.conversation.closed_at.is_none() {
        return None;
    }
    let reason = match &scene.control.owner {
        _ if scene.conversation.closed_at.is_some() => t.blocked_closed.to_owned(),
        Owner::Idle => t.blocked_idle.to_owned(),
        Owner::App { app, .. } => fill(t.blocked_app, &[("app", &scene.names.app(app))]),
        Owner::External { .. } => t.blocked_external.to_owned(),
    };
    let usable = |it: &Move| it.why_not.is_none() && matches!(it.action, "reopen" | "take" | "request");
    Some(Blocked { reason, remedy: moves::moves(scene).into_iter().find(usable) })
}
