//! The platform's JSON as types: what comes in, what goes out, and what is refused. Pure.

mod ascii;
pub mod batch;
pub mod control_call;
pub mod deliver;
mod duplicate;
mod echo;
pub mod error;
pub mod event;
pub mod file;
mod ids;
mod item;
mod json;
pub mod kind;
mod literal;
mod message_limits;
pub mod params;
mod parse_send;
pub mod send;
mod template;
mod transcript;
pub mod upload;
pub mod upstream;
pub mod webhook;

pub use ascii::escaped;
pub use batch::{BatchAnswer, BatchCall, BatchItem};
pub use control_call::ControlCall;
pub use duplicate::echo_key;
pub use echo::local_echo;
pub use error::GraphError;
pub use event::{Channel, Event, Incoming};
pub use ids::{AppId, AttachmentId, BadId, MessageId, Metadata, Object, PageId, PersonId, Timestamp};
pub use kind::Kind;
pub use params::Params;
pub use parse_send::parse_send;
pub use send::{Content, Done, InlineControl, Send};
pub use upload::Upload;
