//! The rules of control: who holds a conversation, who hears what, which window is open. Pure.

mod audience;
mod command;
mod decide;
mod state;
mod window;

pub use audience::{Audience, CONTROL_FIELD, Hearable, Heard, PayloadCut, STANDBY_FIELD, audience_of, audience_of_control, hear};
pub use command::{Change, Command, ControlEvent, Decision, PlatformHandover, PlatformRefusal, Refusal, TransferOutcome};
pub use decide::{check_at, decide};
pub use state::{
    ABSENT_AFTER_MS, AppRules, AtDeadline, Control, Epoch, Evidence, Health, Owner, PageRules, Request, Transfer, TransferCall,
};
pub use window::{EXTENDED_MS, STANDARD_MS, Terms, Window, WindowRefusal, is_persons_message, may_send, opens_window, window};

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
