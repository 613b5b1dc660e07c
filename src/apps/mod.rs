//! The face towards apps: their events go out to them, their Graph calls come in.

pub mod delivery;
pub mod graph;
pub mod http;
mod sign_of_life;

pub use sign_of_life::{SignOfLife, SignsOfLife};
