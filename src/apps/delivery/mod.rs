//! Delivery: every event of a Page's log, to every app that hears it, in the order of its conversation, at least once.
//!
//! # Who owns what
//! A *subscription* (an app on a Page) has one cursor in the database: everything up to it is done. It is leased to one process at a time;
//! there one task owns it, and in that task one [`machine::Machine`] owns all of its state. The machine is told of rows, results and the
//! time, and says what to do next; it does nothing itself, so the rules below can be tested without a database or a network. No lock is
//! held across an await anywhere; the three that exist ([`tail`], [`progress`], the lease's clock) guard plain data for a moment.
//!
//! ```text
//!   ledger ──Advance──▶ Tails ──rows──▶ Subscription task ──events──▶ POSTs (in the same task, up to `parallel`)
//!                                        │  Machine   ◀──results─────────┘
//!                                        ▼
//!                                     Unwritten ──every 100 ms, all subscriptions in one transaction──▶ cursors, parked, dead_letters
//! ```
//!
//! # Rules
//! - One conversation is one *lane*: its events go out one after the other (or together in one POST, for apps that take batches). Lanes
//!   run beside each other. The cursor is the low-water mark: it stays before the oldest event that is not done.
//! - A lane whose event failed while the app took others is *parked*: it goes on a detour. Its place is written down, the cursor no longer
//!   waits for it, and its events are read from the conversation's timeline until it has caught up. The same happens to a conversation
//!   with more to hear than is held in memory. The cursor and what is parked are always written in one transaction, so whatever the
//!   cursor has passed is either done or written down.
//! - An event becomes a dead letter at the end of its schedule, and only if the app took events of other conversations since its last try.
//! - When everything fails it is an outage ([`health`]): nothing is parked, the cursor stays, one event at a time is tried, in turn from
//!   each conversation, so that one which brings the app down cannot hide that it is up.
//! - Rows that have waited longer than half a minute are read again before they go out: they may have been scrubbed.
//!
//! # Leases
//! Every process takes up to its fair share of the subscriptions that nobody alive delivers to, and gives back what is beyond it. A lease is
//! as good as its process' heartbeat; a POST starts only if it can time out before the lease does. Everything written carries the lease's
//! generation, so a process that has lost it writes nothing.

mod event;
mod health;
mod lane;
mod leases;
mod machine;
mod outstanding;
mod progress;
mod render;
mod settings;
mod subscription;
mod tail;
mod transport;
mod writer;

pub use leases::Delivery;
pub use settings::Settings;
pub use transport::{InProcessApp, Transport};
