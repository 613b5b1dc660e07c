//! The rules of control: who holds a conversation, who hears what, which window is open. Pure.

mod audience;
mod command;
mod state;

pub use audience::Audience;
pub use command::{Change, Command, ControlEvent, Decision, PlatformHandover, Refusal, TransferOutcome};
pub use state::{AppRules, AtDeadline, Control, Epoch, Evidence, Health, Owner, PageRules, Request, Transfer, TransferCall};
