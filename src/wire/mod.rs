//! The platform's JSON as types: what comes in, what goes out, and what is refused. Pure.

pub mod error;
pub mod event;
mod ids;
pub mod send;
pub mod upstream;

pub use error::GraphError;
pub use event::{Channel, Event, Incoming};
pub use ids::{AppId, BadId, MessageId, Metadata, Object, PageId, PersonId, Timestamp};
pub use send::{Content, InlineControl, Send};
