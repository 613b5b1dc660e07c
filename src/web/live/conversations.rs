//! Changed conversations of a Page, written once for all streams that tell of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::wire::{PageId, PersonId};

/// More changed conversations than this are told as many.
pub const MANY: usize = 200;

/// Of more than this it is not told any more which they are.
pub const KNOWN: usize = 20_000;

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
    /// More than [`MANY`]: too many to tell all to everybody. `None` when there are more than [`KNOWN`].
    Many(Option<Arc<BTreeMap<PersonId, i64>>>),
}

impl Conversations {
    /// Writes them.
    pub fn of(page: &PageId, people: BTreeMap<PersonId, i64>) -> Self {
        if people.len() > MANY {
            return Self::Many((people.len() <= KNOWN).then(|| Arc::new(people)));
        }
        let elements: Vec<String> = people.iter().map(|(person, position)| element(page, person, *position)).collect();
        Self::These { count: elements.len(), elements: elements.join(",").into() }
    }
}

/// A conversation and its newest position, as the stream carries them.
pub fn element(page: &PageId, person: &PersonId, position: i64) -> String {
    json!([format!("{page}/{person}"), position]).to_string()
}
