//! Strangers at every door: whatever they send gets the documented error, breaks nothing, and changes nothing.

mod bodies;
mod connections;
mod errors;
mod fuzz;
mod fuzz_calls;
mod house;
mod logins;
mod memory;
mod pages;
mod stored;
mod tokens;
mod trespass;
mod watch;
mod webhooks;
mod webhooks_fuzz;
mod wire;
