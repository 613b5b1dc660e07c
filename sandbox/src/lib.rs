//! The Messenger Platform in a box: what Baton's demo and tests run against instead of the real one.
//!
//! Everything lives in memory and speaks HTTP. Start reading at [`server`], which binds a listener and wires the parts:
//!
//! - [`settings`]: the command line and the configuration file
//! - `world`: Pages, apps, people and conversations with the platform's rules (window, thread control, who hears what); no HTTP in it
//! - `graph`: the Graph API side, at `/` and `/vN.N/`
//! - `webhook`: signed webhooks to apps, in order per conversation, retried
//! - `person`: a JSON API to act as a customer
//! - `admin`: a JSON API to arrange the world, move its clock, make external apps act and switch faults on
//! - `chat`: the customer's chat page
//!
//! It is as strict as the platform is known to be, and honest about what it does not play: edges it does not know answer with code 100.

pub mod settings;

pub mod server;

mod admin;
mod chat;
mod clock;
mod faults;
mod graph;
mod journal;
mod person;
mod platform;
mod random;
mod webhook;
mod world;
