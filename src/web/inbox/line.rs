//! One line of a timeline.

use askama::Template;

use super::content::{Attachment, Card, Piece};
use super::steps::Step;
use crate::web::assets::Assets;
use crate::web::text::Texts;
use crate::web::when::Moment;

/// What a line is.
pub enum Line {
    /// A new day.
    Day(String),
    /// Something that somebody wrote.
    Message(Box<Message>),
    /// Control, assignment or closure changed.
    Control(Step),
    /// A note among agents.
    Note(Note),
    /// Anything else that happened.
    Event(Event),
}

/// A message.
pub struct Message {
    /// `in` or `out`.
    pub side: &'static str,
    /// `customer`, `bot`, `app`, `people` or `external`.
    pub by: &'static str,
    /// Who wrote it.
    pub author: String,
    /// That is the reader.
    pub mine: bool,
    /// What kind of author that is.
    pub role: Option<&'static str>,
    /// Follows another of the same author closely.
    pub joined: bool,
    /// Not at the platform yet, or never.
    pub waits: bool,
    /// The message it answers.
    pub quoted: Option<Quoted>,
    /// Taken back.
    pub removed: bool,
    /// Its text.
    pub text: Option<Vec<Piece>>,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// Cards.
    pub cards: Vec<Card>,
    /// Holds nothing that can be shown.
    pub empty: bool,
    /// Emoji.
    pub reactions: Vec<String>,
    /// What could be tapped.
    pub quick_replies: Vec<String>,
    /// Was tapped rather than written.
    pub tapped: bool,
    /// Its text was changed.
    pub edited: bool,
    /// When.
    pub at: Moment,
    /// How far it is.
    pub state: Option<State>,
    /// What can be done about that.
    pub again: Option<Again>,
}

impl Message {
    /// What is said aloud of what the reader wrote: that it went out, or why not.
    fn said(&self, t: &Texts) -> Option<String> {
        let state = self.state.as_ref().filter(|state| self.mine && !state.repeated)?;
        match state.class {
            "accepted" | "sending" => None,
            // Said once, however far it comes.
            "sent" | "delivered" | "read" => Some(t.state_sent.to_owned()),
            _ => Some(state.detail.as_ref().map_or_else(|| state.label.to_owned(), |detail| format!("{}. {detail}", state.label))),
        }
    }
}

/// The button that makes another attempt.
pub struct Again {
    /// The attempt that came to nothing.
    pub send_id: i64,
    /// What the button says.
    pub label: &'static str,
}

/// The message that another answers.
pub struct Quoted {
    /// Its id at the platform.
    pub mid: String,
    /// What it says, as far as it is on the page.
    pub text: String,
    /// Where it is on the page.
    pub href: Option<String>,
}

/// How far a message of ours is.
#[derive(Debug, Clone)]
pub struct State {
    /// `sent`, `read`, `failed`, …
    pub class: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// The word for it.
    pub label: &'static str,
    /// What it means, where that needs saying.
    pub detail: Option<String>,
    /// Another attempt was made.
    pub repeated: bool,
}

/// A note.
pub struct Note {
    /// Who wrote it.
    pub author: String,
    /// That is the reader.
    pub mine: bool,
    /// What.
    pub text: String,
    /// When.
    pub at: Moment,
}

/// Something else.
pub struct Event {
    /// What, in words.
    pub words: String,
    /// The item, where Baton cannot say what it is.
    pub raw: Option<String>,
    /// When.
    pub at: Moment,
}

/// A line with what its template needs.
#[derive(Template)]
#[template(path = "line.html")]
pub struct LineView {
    /// Its id in the page: the same on every rendering.
    pub id: String,
    /// What it is.
    pub line: Line,
    /// It is what the reader came for.
    pub marked: bool,
    /// The texts.
    pub t: &'static Texts,
    /// The assets.
    pub assets: &'static Assets,
}
