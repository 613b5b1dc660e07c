//! The face towards the platform: webhooks come in through [`intake`], Graph calls go out through the [`client`].
//!

pub mod client;
pub mod intake;
pub mod outbox;

pub use client::Client;
pub use intake::Intake;
pub use outbox::Outbox;
