//! One conversation within a subscription.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::event::Event;

/// What a conversation is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing; it has nothing to do, or waits until its detour goes on.
    Idle,
    /// It stands in the queue of those that may go.
    Ready,
    /// Its event is under way, or its timeline is being read.
    Busy,
    /// Its event failed, and nobody knows yet whose fault it was.
    Suspect,
}

/// A conversation off the main way: its events from `position` on are read from its timeline, and the cursor does not wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detour {
    /// The first event that is not done.
    pub position: i64,
    /// The newest event that was left to the timeline. Once everything up to it is done, the conversation is back on the main way.
    pub left_to: i64,
    /// How often the event at `position` has failed.
    pub attempts: u32,
    /// Successes of the subscription when it failed last.
    pub successes_then: u64,
    /// When it goes on.
    pub next: Instant,
    /// Why it failed last.
    pub why: Option<String>,
}

/// A conversation that has something to do.
#[derive(Debug)]
pub(super) struct Lane {
    pub queue: VecDeque<Event>,
    pub phase: Phase,
    pub detour: Option<Detour>,
}

impl Lane {
    pub fn new() -> Self {
        Self { queue: VecDeque::new(), phase: Phase::Idle, detour: None }
    }

    /// Whether there is no reason to remember it.
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Idle && self.queue.is_empty() && self.detour.is_none()
    }

    /// A message was taken back: what waits of it goes out without its content.
    pub fn scrub(&mut self, mid: &str) {
        for event in self.queue.iter_mut().filter(|event| event.row.mid.as_deref() == Some(mid) && event.row.kind != "unsend") {
            let mut row = (*event.row).clone();
            row.scrubbed = true;
            event.row = row.into();
        }
    }

    /// Takes the waiting events out.
    pub fn drain_queue(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.queue).into()
    }
}
