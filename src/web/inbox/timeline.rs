//! The timeline of a conversation, folded from the log and the outbox: one line for everything that happened.

use std::collections::HashMap;

use serde_json::Value;

use super::content::{self, Content};
use super::line::{Event, Line, LineView, Message, Note, Quoted, State};
use super::names::Names;
use super::scene::Scene;
use super::steps;
use crate::access::UserId;
use crate::ledger::Act;
use crate::store::inbox::conversation::AppKind;
use crate::store::inbox::timeline::PendingSend;
use crate::store::log::LogRow;
use crate::web::State as Web;
use crate::web::assets::Assets;
use crate::web::error::WebError;
use crate::web::text::{Texts, fill};
use crate::web::when::Clock;
use crate::wire::{AppId, Timestamp};

mod fold;
mod outcome;

/// Lines of a page of the timeline.
const LINES: usize = 50;

/// Messages of one author within this time belong together, in milliseconds.
const TOGETHER_MS: i64 = 5 * 60_000;

/// A page of the timeline.
pub struct Timeline {
    /// Its lines, oldest first.
    pub lines: Vec<LineView>,
    /// The position before which there is more.
    pub older: Option<i64>,
}

/// One line on its way to the page.
struct Entry {
    id: String,
    at: Timestamp,
    mid: Option<String>,
    line: Line,
}

impl Timeline {
    /// The newest lines, or those before a position, one of them marked. Learns the names of the agents in them.
    pub async fn load(web: &Web, scene: &mut Scene, before: Option<i64>, marked: Option<i64>) -> Result<Self, WebError> {
        let (page, person) = (scene.conversation.page.clone(), scene.conversation.person.clone());
        let limit = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
        let mut rows = web.store.lines_before(&page, &person, before, limit).await?;
        let more = rows.len() > LINES;
        if more {
            rows.remove(0);
        }
        let oldest = rows.first().map_or(0, |row| row.position);
        let folds = web.store.folds_from(&page, &person, oldest).await?;
        let from = rows.first().filter(|_| more).map_or(Timestamp::from_millis(0), |row| row.at);
        let until = rows.last().filter(|_| before.is_some()).map(|row| row.at);
        let sends = web.store.pending_sends(&page, &person, from, until).await?;
        learn(web, scene, &rows, &sends).await?;
        let ids: Vec<String> = sends.iter().filter_map(|send| attachment_of(send).map(str::to_owned)).collect();
        let files = if ids.is_empty() { HashMap::new() } else { web.store.attachment_names(&page, &ids).await? };
        let customer = super::names::person(&scene.conversation.name, &person, scene.conversation.object, scene.t());
        let may_write = super::composer::may_write(scene);
        let teller = Teller { names: &scene.names, clock: &scene.clock, customer: &customer, files: &files, may_write };
        let entries = teller.entries(&rows, &folds, &sends);
        let mut lines = finish(entries, &scene.clock, scene.t());
        if let Some(line) = marked.map(|position| format!("p{position}")).and_then(|id| lines.iter_mut().find(|line| line.id == id)) {
            line.marked = true;
        }
        Ok(Self { lines, older: Some(oldest).filter(|_| more) })
    }
}

/// Reads the names of agents that the lines mention.
async fn learn(web: &Web, scene: &mut Scene, rows: &[LogRow], sends: &[PendingSend]) -> Result<(), WebError> {
    let assigned = rows.iter().filter(|row| row.kind == "assign").filter_map(|row| match serde_json::from_str(&row.payload) {
        Ok(Act::Assign { to, .. }) => to,
        _ => None,
    });
    let ids: Vec<i64> = rows
        .iter()
        .filter_map(|row| row.user)
        .chain(sends.iter().filter_map(|send| send.user))
        .chain(assigned)
        .filter(|user| !scene.names.knows(*user))
        .map(|user| user.0)
        .collect();
    if !ids.is_empty() {
        scene.names.learn(web.store.user_names(&ids).await?);
    }
    Ok(())
}

/// The uploaded file that a send carries.
fn attachment_of(send: &PendingSend) -> Option<&str> {
    match &send.send.content {
        crate::wire::Content::Message { message, .. } => message.get("attachment")?.pointer("/payload/attachment_id")?.as_str(),
        crate::wire::Content::Action { .. } => None,
    }
}

/// Makes lines of rows.
struct Teller<'a> {
    names: &'a Names,
    clock: &'a Clock,
    customer: &'a str,
    /// What files were called where they came from.
    files: &'a HashMap<String, String>,
    may_write: bool,
}

impl Teller<'_> {
    fn entries(&self, rows: &[LogRow], folds: &[LogRow], sends: &[PendingSend]) -> Vec<Entry> {
        let mut entries: Vec<Entry> = rows.iter().map(|row| self.entry(row)).collect();
        fold::fold(&mut entries, rows, folds, self.names.t);
        for send in sends {
            // By the time of its acceptance, among what the log had by then.
            let place = entries.iter().rposition(|entry| entry.at <= send.accepted_at).map_or(0, |index| index + 1);
            entries.insert(place, self.pending(send));
        }
        entries
    }

    fn entry(&self, row: &LogRow) -> Entry {
        let item: Value = serde_json::from_str(&row.payload).unwrap_or_default();
        let line = match row.kind.as_str() {
            "message" | "echo" => Line::Message(Box::new(self.message(row, &item))),
            "postback" => Line::Message(Box::new(self.tap(row, &item))),
            "note" => match serde_json::from_str(&row.payload) {
                Ok(Act::Note { text, .. }) => {
                    let author = self.names.actor(row.app.as_ref(), row.user);
                    Line::Note(Note { author, mine: row.user == Some(self.names.me), text, at: self.clock.moment(row.at) })
                }
                _ => self.event(row, &item),
            },
            "control" | "assign" | "close" | "reopen" | "snooze" | "wake" | "kept" => match steps::step(row, self.names, self.clock) {
                Some(step) => Line::Control(step),
                None => self.event(row, &item),
            },
            _ => self.event(row, &item),
        };
        Entry { id: format!("p{}", row.position), at: row.at, mid: row.mid.clone(), line }
    }

    fn message(&self, row: &LogRow, item: &Value) -> Message {
        let content = Content::read(item.get("message").unwrap_or(&Value::Null), self.names.t);
        let mut message = if row.kind == "echo" { self.outgoing(content, row.app.as_ref(), row.user) } else { self.customers(content) };
        message.removed = row.scrubbed;
        message.at = self.clock.moment(shown_at(row));
        message
    }

    fn tap(&self, row: &LogRow, item: &Value) -> Message {
        let title = item.pointer("/postback/title").and_then(Value::as_str);
        let mut message = self.customers(Content { text: title.map(str::to_owned), tapped: true, ..Content::default() });
        message.removed = row.scrubbed;
        message.at = self.clock.moment(shown_at(row));
        message
    }

    fn pending(&self, send: &PendingSend) -> Entry {
        let mut message = match &send.send.content {
            crate::wire::Content::Message { message, .. } => Value::Object(message.clone()),
            crate::wire::Content::Action { .. } => Value::Null,
        };
        if let (Some(name), Some(payload)) = (
            attachment_of(send).and_then(|id| self.files.get(id)),
            message.pointer_mut("/attachment/payload").and_then(Value::as_object_mut),
        ) {
            payload.insert("title".to_owned(), name.as_str().into());
        }
        let mut message = self.outgoing(Content::read(&message, self.names.t), Some(&send.app), send.user);
        message.waits = true;
        message.at = self.clock.moment(send.accepted_at);
        message.state = Some(outcome::of_send(send, self.clock, self.names.t));
        message.again = outcome::again(send, self.names.t).filter(|_| self.may_write && self.names.kind(&send.app) == Some(AppKind::Inbox));
        Entry { id: format!("s{}", send.send_id), at: send.accepted_at, mid: None, line: Line::Message(Box::new(message)) }
    }

    fn customers(&self, content: Content) -> Message {
        self.build("in", "customer", self.customer.to_owned(), None, content)
    }

    fn outgoing(&self, content: Content, app: Option<&AppId>, user: Option<UserId>) -> Message {
        let t = self.names.t;
        let (by, role) = match app.map(|app| self.names.kind(app)) {
            Some(Some(AppKind::Inbox)) => ("people", None),
            Some(Some(AppKind::Bot)) => ("bot", Some(t.role_bot)),
            Some(Some(AppKind::Webhook)) => ("app", Some(t.role_app)),
            Some(None) => ("external", Some(t.role_external)),
            None => ("external", None),
        };
        let author = match (user, app) {
            (None, None) => t.role_elsewhere.to_owned(),
            _ => self.names.actor(app, user),
        };
        Message { mine: user == Some(self.names.me), ..self.build("out", by, author, role, content) }
    }

    fn build(&self, side: &'static str, by: &'static str, author: String, role: Option<&'static str>, content: Content) -> Message {
        let content = content.without_expired(self.clock.now, self.names.t);
        Message {
            side,
            by,
            author,
            mine: false,
            role,
            joined: false,
            waits: false,
            quoted: content.reply_to.clone().map(|mid| Quoted { mid, text: self.names.t.message_quoted.to_owned(), href: None }),
            removed: false,
            empty: content.is_empty(),
            text: content.text.as_deref().map(content::pieces),
            attachments: content.attachments,
            cards: content.cards,
            reactions: Vec::new(),
            quick_replies: content.quick_replies,
            tapped: content.tapped,
            edited: false,
            at: self.clock.moment(self.clock.now),
            state: None,
            again: None,
        }
    }

    fn event(&self, row: &LogRow, item: &Value) -> Line {
        let (words, known) = outcome::event_words(&row.kind, item, self.names.t);
        let raw = (!known && !row.scrubbed).then(|| serde_json::to_string_pretty(item).unwrap_or_default());
        Line::Event(Event { words, raw, at: self.clock.moment(shown_at(row)) })
    }
}

/// When it happened by the platform, but never after Baton had it.
fn shown_at(row: &LogRow) -> Timestamp {
    row.happened_at.min(row.at)
}

/// Puts days between the lines, joins what belongs together, and keeps a state only where it says something new.
fn finish(entries: Vec<Entry>, clock: &Clock, t: &'static Texts) -> Vec<LineView> {
    let assets = Assets::get();
    let mut lines: Vec<LineView> = Vec::with_capacity(entries.len() + 4);
    let mut previous: Option<(Timestamp, Option<(String, &'static str)>)> = None;
    for Entry { id, at, line, .. } in calm(entries) {
        if previous.as_ref().is_none_or(|(before, _)| !clock.same_day(*before, at)) {
            let heading = Line::Day(clock.day_heading(at));
            lines.push(LineView { id: format!("day-{id}"), line: heading, marked: false, t, assets });
            previous = None;
        }
        let line = match line {
            Line::Message(mut message) => {
                let author = (message.author.clone(), message.by);
                message.joined =
                    previous.as_ref().is_some_and(|(before, last)| last.as_ref() == Some(&author) && at.since(*before) < TOGETHER_MS);
                previous = Some((at, Some(author)));
                Line::Message(message)
            }
            other => {
                previous = Some((at, None));
                other
            }
        };
        lines.push(LineView { id, line, marked: false, t, assets });
    }
    lines
}

/// A state that the next message of ours has as well is not repeated.
fn calm(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut next: Option<&'static str> = None;
    for entry in entries.iter_mut().rev() {
        let Line::Message(message) = &mut entry.line else { continue };
        let Some(state) = &message.state else { continue };
        if message.waits {
            continue;
        }
        let class = state.class;
        if next == Some(class) {
            message.state = None;
        }
        next = Some(class);
    }
    entries
}

/// An answer of somebody else in a line, and whose it is: what an agent should read before they send.
pub fn answer(row: &LogRow, names: &Names) -> (String, String) {
    (names.actor(row.app.as_ref(), row.user), content::line(&row.kind, &row.payload, names.t))
}

/// The texts of states of messages the platform has.
const fn platform_state(class: &'static str, t: &Texts) -> State {
    let (icon, label) = match class.as_bytes() {
        b"read" => ("read", t.state_read),
        b"delivered" => ("delivered", t.state_delivered),
        _ => ("sent", t.state_sent),
    };
    State { class, icon, label, detail: None, repeated: false }
}

/// Quotes the lines that messages answer.
fn quote(entries: &mut [Entry]) {
    let lines: HashMap<String, (String, String)> = entries
        .iter()
        .filter_map(|entry| match &entry.line {
            Line::Message(message) if !message.removed => Some((entry.mid.clone()?, (one_line(message)?, format!("#{}", entry.id)))),
            _ => None,
        })
        .collect();
    for entry in entries {
        if let Line::Message(message) = &mut entry.line
            && let Some(quoted) = &mut message.quoted
            && let Some((text, href)) = lines.get(&quoted.mid)
        {
            (quoted.text, quoted.href) = (text.clone(), Some(href.clone()));
        }
    }
}

fn one_line(message: &Message) -> Option<String> {
    use super::content::Piece;
    let text = message.text.as_ref().map(|pieces| {
        let words = pieces.iter().map(|piece| match piece {
            Piece::Plain(words) => words.as_str(),
            Piece::Link(url) => url.as_str(),
        });
        words.collect::<String>()
    });
    text.or_else(|| message.attachments.first().map(|it| it.label.clone())).map(|line| line.chars().take(120).collect())
}

/// Puts one value into a text.
fn with(text: &str, key: &str, value: &str) -> String {
    fill(text, &[(key, value)])
}
