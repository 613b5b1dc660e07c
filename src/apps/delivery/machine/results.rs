//! What comes of trying.

use tokio::time::Instant;

use super::super::event::{Conversation, Event, Failure, Path, Verdict};
use super::super::lane::{Detour, Phase};
use super::Machine;
use crate::crypto::random;
use crate::store::delivery_flush::DeadLetter;

impl Machine {
    /// Tells what came of [`super::Work::Deliver`].
    pub fn tried(&mut self, events: Vec<Event>, verdict: Verdict, now: Instant) {
        self.under_way -= 1;
        match verdict {
            Verdict::Taken => self.taken(events, now),
            Verdict::Gone => {
                self.gone = true;
                self.put_back(events, false);
            }
            Verdict::Failed(failure) if events.len() > 1 => {
                // Whose fault it was shows when each goes alone.
                self.put_back(events, true);
                if failure.unreachable {
                    self.begin_outage(Some(&failure), now);
                }
            }
            Verdict::Failed(failure) => {
                for event in events {
                    self.failed(event, &failure, now);
                }
            }
        }
    }

    /// Tells that [`super::Work::Deliver`] was not done: nobody was asked.
    pub fn not_tried(&mut self, mut events: Vec<Event>) {
        self.under_way -= 1;
        events.iter_mut().for_each(|event| event.tries -= 1);
        self.put_back(events, false);
    }

    fn taken(&mut self, events: Vec<Event>, now: Instant) {
        let (suspects, outage_ended) = self.health.taken();
        let mut conversations = Vec::new();
        for event in events {
            let conversation = event.conversation();
            self.let_go(&event);
            match event.path {
                Path::Log => self.outstanding.done(event.position()),
                Path::Timeline => self.passed(&conversation, event.position(), now),
            }
            if conversations.last() != Some(&conversation) {
                conversations.push(conversation);
            }
        }
        for conversation in conversations {
            if let Some(lane) = self.lanes.get_mut(&conversation) {
                lane.phase = Phase::Idle;
                self.go_on(&conversation, now);
            }
        }
        if outage_ended {
            self.free_suspects();
        } else {
            // While these failed, the app took something else: it was the events.
            for conversation in suspects {
                self.park_suspect(&conversation, now);
            }
        }
    }

    fn failed(&mut self, mut event: Event, failure: &Failure, now: Instant) {
        let conversation = event.conversation();
        event.failure = Some(Box::new(failure.clone()));
        self.health.probe_failed(&self.settings, failure.retry_after, now);
        let down = self.health.is_down();
        let others_succeeded = self.health.successes() > event.successes_before;
        if failure.unreachable {
            self.put_back(vec![event], false);
            self.begin_outage(Some(failure), now);
        } else if event.path == Path::Timeline && !down {
            self.detour_failed(&conversation, &event, failure, now);
        } else if event.strikes > 0 || (others_succeeded && !down) {
            self.park(&conversation, event, failure, now);
        } else {
            self.suspect(&conversation, event, failure, now);
        }
    }

    /// Keeps an event that failed at the head of its conversation until it is clear whose fault it was.
    fn suspect(&mut self, conversation: &Conversation, event: Event, failure: &Failure, now: Instant) {
        if let Some(lane) = self.lanes.get_mut(conversation) {
            lane.queue.push_front(event);
            lane.phase = Phase::Suspect;
        }
        self.health.suspect(conversation, now);
        let nothing_else = self.under_way == 0 && self.ready.is_empty();
        if self.health.is_down() {
            self.make_ready(conversation);
        } else if self.health.suspects() >= self.settings.outage_after || nothing_else {
            self.begin_outage(Some(failure), now);
        }
    }

    /// Parks the one conversation that alone looked like an outage.
    pub(super) fn convict(&mut self, conversation: &Conversation, now: Instant) {
        self.health.acquit();
        if let Some(lane) = self.lanes.get_mut(conversation).filter(|lane| lane.phase == Phase::Ready && !lane.queue.is_empty()) {
            lane.phase = Phase::Suspect;
            self.park_suspect(conversation, now);
        }
    }

    fn park_suspect(&mut self, conversation: &Conversation, now: Instant) {
        let Some(lane) = self.lanes.get_mut(conversation).filter(|lane| lane.phase == Phase::Suspect) else { return };
        let Some(mut event) = lane.queue.pop_front() else { return };
        if let Some(failure) = event.failure.take() {
            self.park(conversation, event, &failure, now);
        }
    }

    /// Parks a conversation at an event that has failed: the cursor moves on, what follows waits behind it.
    fn park(&mut self, conversation: &Conversation, event: Event, failure: &Failure, now: Instant) {
        let Some(lane) = self.lanes.get_mut(conversation) else { return };
        let dropped = lane.drain_queue();
        let from_log: Vec<i64> = dropped.iter().filter(|event| event.path == Path::Log).map(Event::position).collect();
        let newest = from_log.last().copied().unwrap_or(event.position());
        let left_to = lane.detour.as_ref().map_or(newest, |detour| detour.left_to.max(newest));
        let next = now + self.settings.wait_after(1, failure.retry_after, random::fraction());
        self.detours += usize::from(lane.detour.is_none());
        lane.detour = Some(Detour {
            position: event.position(),
            left_to,
            attempts: 1,
            successes_then: self.health.successes(),
            next,
            why: Some(failure.why.clone()),
        });
        lane.phase = Phase::Idle;
        dropped.iter().chain([&event]).for_each(|event| self.let_go(event));
        if event.path == Path::Log {
            self.outstanding.done(event.position());
        }
        for position in from_log {
            self.outstanding.done(position);
        }
        self.due.insert((next, conversation.clone()));
        self.note_detour(conversation, now);
    }

    /// A parked event failed once more.
    fn detour_failed(&mut self, conversation: &Conversation, event: &Event, failure: &Failure, now: Instant) {
        let successes = self.health.successes();
        // Of what the app took while this was under way, nobody knows whether it could have taken this.
        let others_before = event.successes_before;
        let Some(lane) = self.lanes.get_mut(conversation) else { return };
        let dropped = lane.drain_queue();
        lane.phase = Phase::Idle;
        dropped.iter().chain([event]).for_each(|event| self.let_go(event));
        let Some(detour) = self.lanes.get_mut(conversation).and_then(|lane| lane.detour.as_mut()) else { return };
        let others_succeeded = others_before > detour.successes_then;
        if detour.position != event.position() {
            // Another event than the one that was parked, so its schedule begins.
            detour.position = event.position();
            detour.attempts = 0;
        }
        detour.attempts += 1;
        detour.successes_then = successes;
        detour.why = Some(failure.why.clone());
        if others_succeeded && self.settings.is_exhausted(detour.attempts) {
            let letter = DeadLetter {
                position: event.position(),
                person: conversation.clone(),
                attempts: detour.attempts,
                why: failure.why.clone(),
            };
            self.changes.dead.push(letter);
            self.passed(conversation, event.position(), now);
            self.go_on(conversation, now);
            return;
        }
        detour.next = now + self.settings.wait_after(detour.attempts, failure.retry_after, random::fraction());
        let next = detour.next;
        self.due.insert((next, conversation.clone()));
        self.note_detour(conversation, now);
        self.health.failed_again(conversation);
        if self.everything_fails() {
            self.begin_outage(Some(failure), now);
        }
    }

    /// Whether so many conversations have failed since the app last took anything that it is no longer their own fault, although they are parked: as many as
    /// make an outage of others, or all there are.
    fn everything_fails(&self) -> bool {
        let failed = self.health.suspects();
        failed >= self.settings.outage_after || (failed > 1 && failed >= self.lanes.len())
    }

    /// Puts events back at the head of their conversations, in their order, as if they had not been tried.
    fn put_back(&mut self, events: Vec<Event>, alone: bool) {
        let mut conversations = Vec::new();
        for mut event in events.into_iter().rev() {
            let conversation = event.conversation();
            event.alone |= alone;
            if let Some(lane) = self.lanes.get_mut(&conversation) {
                lane.queue.push_front(event);
            }
            if conversations.last() != Some(&conversation) {
                conversations.push(conversation);
            }
        }
        for conversation in conversations.iter().rev() {
            self.make_ready(conversation);
        }
    }
}
