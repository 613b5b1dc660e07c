//! Conversations off the main way, from their timelines back to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::event::{Conversation, Event, Path};
use super::super::lane::{Lane, Phase};
use super::{Machine, Work};
use crate::control::Heard;
use crate::store::log::LogRow;

/// How long to wait when the database does not give a timeline.
const AGAIN: Duration = Duration::from_secs(1);

/// A part of a conversation's timeline to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Timeline {
    /// Whose.
    pub conversation: Conversation,
    /// From there on.
    pub from: i64,
    /// What lies beyond comes through the log.
    pub to: i64,
}

impl Machine {
    pub(super) fn read_timeline(&mut self, conversation: &Conversation) -> Option<Work> {
        let lane = self.lanes.get_mut(conversation)?;
        let detour = lane.detour.as_ref()?;
        let timeline = Timeline { conversation: conversation.clone(), from: detour.position, to: detour.left_to };
        lane.phase = Phase::Busy;
        self.under_way += 1;
        Some(Work::Read(timeline))
    }

    /// Tells what [`Work::Read`] found: rows in order, how the app hears each, and whether there are no more up to the end asked for.
    pub fn timeline(&mut self, asked: &Timeline, rows: Vec<(Arc<LogRow>, Option<Heard>)>, complete: bool, now: Instant) {
        self.under_way -= 1;
        let Some(lane) = self.lanes.get_mut(&asked.conversation) else { return };
        lane.phase = Phase::Idle;
        let Some(detour) = &mut lane.detour else { return };
        // What lies beyond the end asked for is not taken from here, so it is not done with either: the log may have offered it meanwhile.
        let end = asked.to + 1;
        let reached = if complete { end } else { rows.last().map_or(asked.from, |(row, _)| end.min(row.position + 1)) };
        let mut queued = 0;
        for (row, heard) in rows {
            let Some(heard) = heard.filter(|_| row.position <= asked.to) else { continue };
            let mut event = Event::new(row, heard, Path::Timeline, now);
            if event.position() == detour.position {
                event.tries = detour.attempts;
            }
            event.successes_before = self.health.successes();
            self.held_bytes += event.weight;
            lane.queue.push_back(event);
            queued += 1;
        }
        self.held += queued;
        if queued == 0 {
            detour.position = reached;
            detour.attempts = 0;
        }
        self.go_on(&asked.conversation, now);
    }

    /// Tells that [`Work::Read`] failed.
    pub fn timeline_failed(&mut self, asked: &Timeline, now: Instant) {
        self.under_way -= 1;
        let Some(lane) = self.lanes.get_mut(&asked.conversation) else { return };
        lane.phase = Phase::Idle;
        if let Some(detour) = &mut lane.detour {
            detour.next = now + AGAIN;
            self.due.insert((detour.next, asked.conversation.clone()));
        }
    }

    /// An event of a conversation off the main way is done.
    pub(super) fn passed(&mut self, conversation: &Conversation, position: i64, now: Instant) {
        if let Some(detour) = self.lanes.get_mut(conversation).and_then(|lane| lane.detour.as_mut()) {
            detour.position = position + 1;
            detour.attempts = 0;
            detour.next = now;
            detour.why = None;
            self.note_detour(conversation, now);
        }
    }

    /// Lets an idle conversation do what it has to do next, or forgets it.
    pub(super) fn go_on(&mut self, conversation: &Conversation, now: Instant) {
        let Some(lane) = self.lanes.get_mut(conversation) else { return };
        if lane.phase != Phase::Idle {
            return;
        }
        if lane.queue.is_empty()
            && let Some(detour) = &lane.detour
        {
            if detour.position > detour.left_to {
                lane.detour = None;
                self.detours -= 1;
                self.changes.parked.insert(conversation.clone(), None);
            } else if detour.next > now {
                self.due.insert((detour.next, conversation.clone()));
                return;
            } else {
                return self.make_ready(conversation);
            }
        }
        if !lane.queue.is_empty() {
            self.make_ready(conversation);
        } else if self.lanes.get(conversation).is_some_and(Lane::is_done) {
            self.lanes.remove(conversation);
        }
    }
}
