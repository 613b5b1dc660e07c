//! The Graph-compatible API, over HTTP.

mod callers;
mod control;
mod house;
mod messages;
mod page;
mod personas;
mod strangers;
