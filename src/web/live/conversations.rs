//! Changed conversations of a Page, written once for all streams that tell of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::wire::{PageId, PersonId};

/// More changed conversations than this are told as "everything".
pub const MANY: usize = 200;

/// Conversations that changed, each with its newest position.
#[derive(Debug, Clone)]
pub enum Conversations {
    /// These.
    These {
        /// How many.
        count: usize,
        /// The elements of a JSON array, as the stream carries them.
        elements: Arc<str>,
    },
    /// More than [`MANY`].
    Many,
}

impl Conversations {
    /// Writes them.
    pub fn of(page: &PageId, people: &BTreeMap<PersonId, i64>) -> Self {
        if people.len() > MANY {
            return Self::Many;
        }
        let elements: Vec<String> =
            people.iter().map(|(person, position)| json!([format!("{page}/{person}"), position]).to_string()).collect();
        Self::These { count: elements.len(), elements: elements.join(",").into() }
    }
}
