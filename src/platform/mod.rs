//! The face towards the platform: webhooks come in through [`intake`], Graph calls go out through the [`client`].
//!
//! What is sent goes through the [`outbox`], which keeps order and pace; [`transfer`] carries the control of conversations to and from
//! apps beside Baton, [`profiles`] learns who people are, [`connections`] keeps webhooks coming, and [`upstream`] makes the calls that the face towards apps asks for.

pub mod client;
pub mod connections;
pub mod intake;
pub mod outbox;
pub mod profiles;
pub mod transfer;
pub mod upstream;

pub use client::Client;
pub use connections::Connections;
pub use intake::Intake;
pub use outbox::Outbox;
pub use profiles::Profiles;
pub use transfer::Transfers;
