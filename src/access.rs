//! Who may see and do what. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::wire::PageId;

/// A person who logs in to Baton.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees all Pages and changes settings.
    Admin,
    /// Sees the Pages assigned to them and answers there.
    Agent,
}

/// The Pages a user may see: every list, search, direct address, stream and command asks this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Admins: all Pages.
    All,
    /// Agents: these.
    Pages(BTreeSet<PageId>),
}

impl Scope {
    /// Whether the Page is in it.
    #[must_use]
    pub fn allows(&self, page: &PageId) -> bool {
        match self {
            Self::All => true,
            Self::Pages(pages) => pages.contains(page),
        }
    }
}
