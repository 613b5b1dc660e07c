//! Where an agent writes, or why they cannot and what they can do about it.

use askama::Template;

use super::address::{ListState, path};
use super::context::Unsaved;
use super::endings::{self, Ending};
use super::files::Files;
use super::moves::{self, Move};
use super::scene::Scene;
use crate::control::{Command, Owner, Window};
use crate::crypto::random;
use crate::store::drafts::{Drafts, Edition, Saved};
use crate::store::inbox::conversation::Connection;
use crate::web::assets::Assets;
use crate::web::posted::Fields;
use crate::web::session::Agent;
use crate::web::text::{Texts, fill};
use crate::wire::file::{FILE_BYTES, SentFile};
use crate::wire::{Done, Object, Timestamp};

/// Longest text on Messenger, in characters. Send API reference, "text": under 2000.
pub const TEXT_CHARS: usize = 2000;

/// Longest text on Instagram, in bytes. Instagram messaging, "text": 1000 bytes.
pub const INSTAGRAM_BYTES: usize = 1000;

/// Less than this is shown as urgent, in milliseconds.
const URGENT_MS: i64 = 3_600_000;

/// A text in a form, and which form that is.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// The text.
    pub text: String,
    /// The form's key, empty if the same form may not be used again; and how often the text was changed in it.
    pub edition: Edition,
}

impl Written {
    /// What a form says.
    pub fn posted(fields: &Fields) -> Self {
        let key = fields.find("key").filter(|key| (8..=64).contains(&key.len())).unwrap_or_default().to_owned();
        let edits = fields.get("edits").parse::<i64>().unwrap_or_default().max(0);
        Self { text: fields.get("text").replace("\r\n", "\n").trim().to_owned(), edition: Edition { key, edits } }
    }

    /// The form's key.
    pub fn keyed(&self) -> Option<&str> {
        Some(self.edition.key.as_str()).filter(|key| !key.is_empty())
    }
}

/// What an agent had written when a form came back.
#[derive(Default)]
pub struct Draft {
    /// The reply.
    pub reply: Option<Written>,
    /// The note.
    pub note: Option<Written>,
    /// What was to happen after the message.
    pub then: Option<Done>,
    /// What they had seen, if that still counts.
    pub seen: Option<i64>,
    /// Somebody answered meanwhile.
    pub guard: Option<Guard>,
    /// They want to put a saved reply in, and are asked which.
    pub choices: Option<Vec<Choice>>,
    /// What they wrote about the person and is not kept.
    pub fields: Vec<Unsaved>,
}

/// A saved reply to choose.
pub struct Choice {
    /// Its number.
    pub id: i64,
    /// What it is about.
    pub title: String,
}

impl Draft {
    /// A note that was not saved.
    pub fn of_note(note: Written) -> Self {
        Self { note: Some(note), ..Self::default() }
    }
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

/// A field to write in, as the page shows it.
pub struct Sheet {
    /// What is in it.
    text: String,
    /// Goes with the form: the same form twice does one thing.
    key: String,
    /// How often the text was changed under this key.
    edits: i64,
    /// The key that was used last: what a browser still has of it has gone out.
    spent: String,
    spent_edits: i64,
    /// When the server got the text, in milliseconds.
    saved_at: i64,
}

impl Sheet {
    /// What came back with a form, else what the server has kept.
    fn new(returned: Option<Written>, saved: Saved) -> Self {
        let spent = saved.spent.unwrap_or_default();
        let written = returned.unwrap_or(Written { text: saved.text, edition: saved.edition });
        // What is left of a form that was sent is a text of its own.
        let used = written.edition.key.is_empty() || written.edition.key == spent.key || written.text.is_empty();
        let edition = if used { Edition { key: random::hex::<16>(), edits: 0 } } else { written.edition };
        Self {
            text: written.text,
            key: edition.key,
            edits: edition.edits,
            spent: spent.key,
            spent_edits: spent.edits,
            saved_at: saved.at.map_or(0, Timestamp::millis),
        }
    }
}

/// What the server knows of what is being written.
pub struct Kept {
    /// The agent's drafts.
    pub drafts: Drafts,
    /// The files beside the reply.
    pub files: Vec<SentFile>,
    /// The newest send to the customer, whatever became of it.
    pub queued: i64,
}

/// The composer.
#[derive(Template)]
#[template(path = "composer.html")]
pub struct Composer {
    t: &'static Texts,
    assets: &'static Assets,
    csrf: String,
    view: String,
    action_url: String,
    window: WindowLine,
    blocked: Option<Blocked>,
    slow: Option<String>,
    guard: Option<Guard>,
    reply: Sheet,
    files: Files,
    note: Sheet,
    noting: bool,
    then: String,
    ending: Option<String>,
    endings: Vec<Ending>,
    choices: Option<Vec<Choice>>,
    seen: i64,
    queued: i64,
    limit: usize,
    bytes: bool,
    largest_file: usize,
    enter_sends: bool,
    placeholder: String,
    draft: String,
    refresh: String,
}

impl Composer {
    /// The composer of a conversation, with what the agent had written.
    pub fn new(scene: &Scene, agent: &Agent, list: &ListState, name: &str, draft: Draft, saved: Kept) -> Self {
        let (page, person) = (&scene.conversation.page, &scene.conversation.person);
        let noting = draft.note.is_some();
        let (then, endings) = (draft.then.map(endings::write).unwrap_or_default(), endings::endings(scene));
        Self {
            t: scene.t(),
            assets: Assets::get(),
            csrf: agent.csrf.clone(),
            view: list.query(),
            action_url: path(page, person),
            window: window_line(scene),
            blocked: blocked(scene),
            slow: scene.conversation.waits_until.map(|until| fill(scene.t().slow, &[("time", &scene.clock.to_the_second(until))])),
            guard: draft.guard,
            reply: Sheet::new(draft.reply, saved.drafts.reply),
            files: Files::new(page, person, saved.files, scene.t()),
            note: Sheet::new(draft.note, saved.drafts.note),
            noting,
            ending: endings.iter().find(|ending| ending.then == then).map(|ending| ending.label.clone()),
            then,
            endings,
            choices: draft.choices,
            seen: draft.seen.unwrap_or(scene.conversation.last_position),
            queued: saved.queued,
            limit: if scene.conversation.object == Object::Instagram { INSTAGRAM_BYTES } else { TEXT_CHARS - 1 },
            bytes: scene.conversation.object == Object::Instagram,
            largest_file: FILE_BYTES,
            enter_sends: agent.preferences.enter_sends,
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

/// Whether an agent may write to the customer now.
pub fn may_write(scene: &Scene) -> bool {
    blocked(scene).is_none()
}

fn blocked(scene: &Scene) -> Option<Blocked> {
    let t = scene.t();
    let because = |reason: &str| Some(Blocked { reason: reason.to_owned(), remedy: None });
    let Some(inbox) = scene.inbox() else { return because(t.blocked_no_inbox) };
    match scene.conversation.connection {
        Connection::Missing => return because(t.blocked_page),
        Connection::Refused => return because(t.blocked_refused),
        Connection::Good => {}
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
