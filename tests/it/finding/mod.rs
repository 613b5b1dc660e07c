//! Finding things, and doing everything without a mouse.

mod search;
