//! Every secret: sealing at rest, signatures, tokens, passwords, and the one source of randomness.

pub mod random;
