//! The end: what is done shall not come again.

use tokio::time::Instant;

use super::super::event::{Conversation, Event, Path};
use super::super::lane::Detour;
use super::Machine;

impl Machine {
    /// Nothing is under way any more, and nothing will be. Conversations with something left before an event that is done are parked where they are, so that
    /// the cursor passes what is done, and whoever delivers next begins with what is not.
    pub fn leave(&mut self, now: Instant) {
        let Some(last) = self.outstanding.last_done() else { return };
        let behind = |event: &Event| event.path == Path::Log && event.position() < last;
        let left: Vec<Conversation> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.queue.front().is_some_and(behind))
            .map(|(conversation, _)| conversation.clone())
            .collect();
        for conversation in left {
            self.put_down(&conversation, now);
        }
    }

    /// Parks a conversation at its first event that was not tried to the end.
    fn put_down(&mut self, conversation: &Conversation, now: Instant) {
        let Some(lane) = self.lanes.get_mut(conversation) else { return };
        let dropped = lane.drain_queue();
        let (Some(first), Some(last)) = (dropped.first(), dropped.last()) else { return };
        let (position, newest) = (first.position(), last.position());
        match &mut lane.detour {
            Some(detour) => detour.position = detour.position.min(position),
            None => {
                let why = first.failure.as_ref().map(|failure| failure.why.clone());
                lane.detour = Some(Detour { position, left_to: newest, attempts: 0, successes_then: 0, next: now, why });
                self.detours += 1;
            }
        }
        for event in &dropped {
            self.let_go(event);
            self.outstanding.done(event.position());
        }
        self.note_detour(conversation, now);
    }
}
