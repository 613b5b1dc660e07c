//! The built-in bot: an app like any other, that answers first, collects what it asks for, and hands over to people.
//!
//! It hears the same events as every app, through a call in this process instead of a POST, and acts through the same door: its replies
//! are accepted by the ledger under the epoch of the event they answer, each with the key `<event id>/<n>`, so a redelivery doubles
//! nothing. [`Script`] is what it knows, [`dialogue`] what it says (pure), [`run`] how it lives.

mod answering;
mod dialogue;
mod hours;
mod matching;
mod memory;
mod script;

pub use answering::{Bot, run};
pub use script::{BadScript, Script};
