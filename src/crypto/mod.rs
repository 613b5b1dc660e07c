//! Every secret: sealing at rest, signatures, tokens, passwords, and the one source of randomness.

pub mod login;
pub mod password;
pub mod random;
pub mod seal;
pub mod signature;
pub mod token;
