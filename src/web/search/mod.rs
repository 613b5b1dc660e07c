//! Finding anything: people by name or id, messages and notes by their words.
//!
//! The log is read a moment after it was written, by one process at a time, into tables of the search's own (`store::search`). What is found is
//! shown from the log itself, under the reader's permissions.

mod hits;
mod page;
mod query;
mod reader;
mod resolve;
mod words;

use tokio::sync::Semaphore;

pub use page::page;
pub use reader::run;

/// Looks for people or lines that this process does at once: however many are asked for, lists and conversations find connections.
const AT_ONCE: usize = 2;

/// Who may search now.
pub struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}
