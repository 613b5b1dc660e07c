//! Finding people and messages.

mod bounded;
pub mod find;
pub mod keep;
pub mod people;

use crate::wire::Timestamp;

/// Spans of time that the index knows, as powers of two of milliseconds: about a minute, a quarter of an hour, five hours, three days, fifty days.
const SPANS: [u32; 5] = [16, 20, 24, 28, 32];

/// What the index is told of a moment: the spans it lies in.
fn spans(at: Timestamp) -> impl Iterator<Item = String> {
    SPANS.into_iter().map(move |power| span(power, at.millis() >> power))
}

fn span(power: u32, number: i64) -> String {
    format!("{power}:{number}")
}

/// Who wrote a line, as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A person who writes to a Page.
    Customer,
    /// An agent.
    User(crate::access::UserId),
    /// An app.
    App(crate::wire::AppId),
}

impl Author {
    fn term(&self) -> String {
        match self {
            Self::Customer => "c:".to_owned(),
            Self::User(user) => format!("u:{}", user.0),
            Self::App(app) => format!("a:{app}"),
        }
    }
}

fn page_term(page: &str) -> String {
    format!("p:{page}")
}
