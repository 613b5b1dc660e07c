//! Where a conversation stands in the lists. Each list is a lane or a few of them.

use super::ConversationRow;
use crate::control::{Owner, PageRules};

/// A lane: who would have to do something, and whether the person waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// People hold it, no agent has it, and the person waits.
    Waiting,
    /// The same, answered.
    Left,
    /// An agent has it, and the person waits.
    Owed,
    /// The same, answered.
    Answered,
    /// Nobody holds it and no app would, and the person waits.
    Nobody,
    /// An app talks, or nothing is to be done.
    Quiet,
    /// Held by an app beside Baton.
    Elsewhere,
}

impl Lane {
    /// All lanes, by number.
    pub const ALL: [Self; 7] = [Self::Waiting, Self::Left, Self::Owed, Self::Answered, Self::Nobody, Self::Quiet, Self::Elsewhere];

    /// The lane of a conversation under its Page's rules.
    #[must_use]
    pub fn of(row: &ConversationRow, rules: &PageRules) -> Self {
        let waits = row.last_inbound_position > row.last_outbound_position;
        match &row.control.owner {
            Owner::App { app, .. } if Some(app) == rules.inbox_app.as_ref() => match (row.assignee.is_some(), waits) {
                (false, true) => Self::Waiting,
                (false, false) => Self::Left,
                (true, true) => Self::Owed,
                (true, false) => Self::Answered,
            },
            Owner::External { .. } => Self::Elsewhere,
            Owner::Idle if waits && rules.default_app.is_none() => Self::Nobody,
            Owner::Idle | Owner::App { .. } => Self::Quiet,
        }
    }

    /// Whether the person waits.
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(self, Self::Waiting | Self::Owed | Self::Nobody)
    }

    /// Its number in the database.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Waiting => 0,
            Self::Left => 1,
            Self::Owed => 2,
            Self::Answered => 3,
            Self::Nobody => 4,
            Self::Quiet => 5,
            Self::Elsewhere => 6,
        }
    }

    /// The lane with a number.
    #[must_use]
    pub fn from_number(number: i16) -> Self {
        Self::ALL.into_iter().find(|lane| lane.number() == number).unwrap_or(Self::Quiet)
    }
}
