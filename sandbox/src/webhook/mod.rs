//! Webhooks out: signed, in order per conversation and app, repeated until they are taken.

mod event;
mod handshake;
mod lane;
mod signature;

pub use handshake::shake_hands;
pub use lane::Lanes;
pub use signature::hmac_sha256_hex;
