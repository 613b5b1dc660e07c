//! How somebody wants their pages.

use super::{Store, StoreError};
use crate::access::UserId;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads [`Theme::as_str`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name)
    }
}

/// What marks messages as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reads {
    /// That they are on screen.
    #[default]
    ByOpening,
    /// That they are answered.
    ByAnswering,
}

/// What somebody chose, or how it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Light or dark.
    pub theme: Theme,
    /// Shortcuts of one key are on.
    pub single_keys: bool,
    /// Enter sends.
    pub enter_sends: bool,
    /// After closing comes the next conversation of the list.
    pub next_after_close: bool,
    /// What marks messages as read.
    pub reads: Reads,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { theme: Theme::System, single_keys: true, enter_sends: false, next_after_close: true, reads: Reads::default() }
    }
}

impl Store {
    /// Keeps what somebody chose.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_preferences(&self, user: UserId, chosen: &Preferences) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into preferences (user_id, theme, single_keys, enter_sends, next_after_close, read_by_answering) values ($1, $2, $3, $4, $5, $6)
             on conflict (user_id) do update set theme = excluded.theme, single_keys = excluded.single_keys,
                 enter_sends = excluded.enter_sends, next_after_close = excluded.next_after_close,
                 read_by_answering = excluded.read_by_answering",
            user.0,
            Some(chosen.theme).filter(|theme| *theme != Theme::System).map(Theme::as_str),
            chosen.single_keys,
            chosen.enter_sends,
            chosen.next_after_close,
            chosen.reads == Reads::ByAnswering
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
