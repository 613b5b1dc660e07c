//! The agents' lists: which conversations are in a view, how many there are, and what a row shows.
//!
//! Every list is a walk along an index in the list's order ([`walk`]). Filters are asked about the conversations on the way, and a walk that
//! finds little ends after some thousand, with the place from which it goes on.

mod aside;
pub mod conversation;
mod counts;
mod filter;
pub mod past;
mod rows;
pub mod timeline;
mod walk;

use serde::{Deserialize, Serialize};

use crate::wire::{PageId, PersonId, Timestamp};

pub use counts::{COUNT_CAP, Counts};
pub use filter::{Filter, Holder, Span, TeamIs};
pub use rows::{LastMessage, PersonName, Row, RowTag, UNREAD_CAP};
pub use walk::{Asked, LEASE_ENDS_MS, Listing, WINDOW_ENDS_MS};

/// A list of conversations that agents look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The inbox holds it and nobody has it.
    #[default]
    Needs,
    /// Assigned to the one who looks.
    Mine,
    /// Nobody has it: handed to people, or held by nobody while its person waits.
    Unassigned,
    /// People have answered, and the person is to write next.
    Customer,
    /// An app of Baton's holds it, or nothing is to be done.
    Bot,
    /// An app beside Baton holds it.
    Elsewhere,
    /// Everything that is neither closed nor put aside.
    Open,
    /// The messaging window of somebody who waits, or an agent's lease, is about to end.
    Ending,
    /// The newest send went wrong.
    Failed,
    /// Put aside.
    Snoozed,
    /// What agents are done with.
    Closed,
}

/// An order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sort {
    /// Newest message first.
    #[default]
    Newest,
    /// Of those who wait, who has waited longest first.
    Waiting,
    /// Of those who wait and can still be answered within the window, whose window ends soonest first.
    Ending,
}

impl Sort {
    /// All orders.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Waiting, Self::Ending];

    /// The name in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Waiting => "waiting",
            Self::Ending => "ending",
        }
    }
}

impl View {
    /// All views, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::Needs,
        Self::Mine,
        Self::Unassigned,
        Self::Customer,
        Self::Open,
        Self::Ending,
        Self::Failed,
        Self::Snoozed,
        Self::Bot,
        Self::Elsewhere,
        Self::Closed,
    ];

    /// The name in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Mine => "mine",
            Self::Unassigned => "unassigned",
            Self::Customer => "customer",
            Self::Bot => "bot",
            Self::Elsewhere => "elsewhere",
            Self::Open => "open",
            Self::Ending => "ending",
            Self::Failed => "failed",
            Self::Snoozed => "snoozed",
            Self::Closed => "closed",
        }
    }

    /// The orders it can be shown in, the usual one first. One or none: there is nothing to choose.
    #[must_use]
    pub const fn sorts(self) -> &'static [Sort] {
        match self {
            Self::Needs => &[Sort::Waiting, Sort::Newest, Sort::Ending],
            Self::Mine | Self::Unassigned | Self::Open => &[Sort::Newest, Sort::Waiting, Sort::Ending],
            Self::Customer | Self::Bot | Self::Elsewhere => &[Sort::Newest],
            Self::Ending | Self::Failed | Self::Snoozed | Self::Closed => &[],
        }
    }

    /// The order to show it in when this one is asked for.
    #[must_use]
    pub fn sorted(self, asked: Option<Sort>) -> Sort {
        let usual = self.sorts().first().copied().unwrap_or_default();
        asked.filter(|sort| self.sorts().contains(sort)).unwrap_or(usual)
    }
}

/// A place in a view: the row after which the next ones come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What the view sorts by.
    pub at: Timestamp,
    /// The Page.
    pub page: PageId,
    /// The person.
    pub person: PersonId,
}
