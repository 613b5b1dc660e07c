//! What one subscription does next, without doing it: no I/O, no clock, no task. See the module's page for the rules.

mod leaving;
mod results;
mod timeline;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::event::{Conversation, Event, Failure, Path};
use super::health::{Allowance, Health};
use super::lane::{Detour, Lane, Phase};
use super::outstanding::Outstanding;
use super::settings::Settings;
use crate::control::Heard;
use crate::store::delivery::ParkedConversation;
use crate::store::delivery_flush::DeadLetter;
use crate::store::log::LogRow;

pub(super) use timeline::Timeline;

/// Something to do.
#[derive(Debug)]
pub(super) enum Work {
    /// Hand these over, in one POST. [`Machine::tried`] tells what came of it.
    Deliver(Vec<Event>),
    /// Read a conversation's timeline. [`Machine::timeline`] or [`Machine::timeline_failed`] tells what came of it.
    Read(Timeline),
}

/// What has changed since it was last asked, for the database.
#[derive(Debug, Default, Clone)]
pub(super) struct Changes {
    /// Conversations that wait, or `None` for those that no longer do.
    pub parked: HashMap<Conversation, Option<(ParkedConversation, Option<String>)>>,
    /// Events set aside.
    pub dead: Vec<DeadLetter>,
}

/// The state of one subscription.
#[derive(Debug)]
pub(super) struct Machine {
    settings: Arc<Settings>,
    batch: usize,
    outstanding: Outstanding,
    lanes: HashMap<Conversation, Lane>,
    ready: VecDeque<Conversation>,
    due: BTreeSet<(Instant, Conversation)>,
    /// Parked beyond what was read: what lies before may be theirs and not done, so they wait until the log was read up to there.
    ahead: BTreeSet<(i64, Instant, Conversation)>,
    /// Events in memory, those under way included, and their bytes.
    held: usize,
    held_bytes: usize,
    /// POSTs and readings under way.
    under_way: usize,
    pub health: Health,
    /// The app said 410.
    pub gone: bool,
    /// Lanes with a detour.
    detours: usize,
    changes: Changes,
}

impl Machine {
    /// A subscription that has done everything up to `position`, but for what is parked.
    pub fn new(settings: Arc<Settings>, position: i64, parked: Vec<ParkedConversation>, down_for: Option<Duration>, now: Instant) -> Self {
        let mut machine = Self {
            settings,
            batch: 1,
            outstanding: Outstanding::from(position),
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            due: BTreeSet::new(),
            ahead: BTreeSet::new(),
            held: 0,
            held_bytes: 0,
            under_way: 0,
            health: Health::new(down_for, now),
            gone: false,
            detours: parked.len(),
            changes: Changes::default(),
        };
        for one in parked {
            // The clock may have been set back since.
            let next = now + one.wait.min(machine.settings.longest_wait(one.attempts));
            let detour = Detour { position: one.position, left_to: position, attempts: one.attempts, successes_then: 0, next, why: None };
            machine.ahead.insert((one.position, next, one.person.clone()));
            machine.lanes.insert(one.person, Lane { detour: Some(detour), ..Lane::new() });
        }
        machine
    }

    /// Most events one POST may carry, from now on.
    pub fn set_batch(&mut self, batch: usize) {
        self.batch = batch.max(1);
    }

    /// The newest position read from the log.
    pub const fn read(&self) -> i64 {
        self.outstanding.read()
    }

    /// Everything up to here is done or parked.
    pub fn cursor(&self) -> i64 {
        self.outstanding.cursor()
    }

    /// How many conversations are off the main way.
    pub const fn parked(&self) -> usize {
        self.detours
    }

    /// Whether more of the log may be read into memory.
    pub fn has_room(&self) -> bool {
        self.held < self.settings.window
            && self.held_bytes < self.settings.window_bytes
            && self.outstanding.span() < self.settings.window.saturating_mul(16)
    }

    /// An event leaves memory.
    fn let_go(&mut self, event: &Event) {
        self.held -= 1;
        self.held_bytes -= event.weight;
    }

    /// Notes that the log no longer has what lies between here and `position`.
    pub fn gap_before(&mut self, position: i64) {
        let from = self.read() + 1;
        if from < position {
            let why = format!("the log no longer has the {} positions from {from} to {}", position - from, position - 1);
            self.changes.dead.push(DeadLetter { position: from, person: None, attempts: 0, why });
            self.outstanding.skip_to(position - 1);
        }
    }

    /// Takes the next row of the log, and how the app hears it.
    pub fn offer(&mut self, row: Arc<LogRow>, heard: Option<Heard>, now: Instant) {
        let position = row.position;
        if row.kind == "unsend"
            && let Some(mid) = &row.mid
            && let Some(lane) = self.lanes.get_mut(&row.person)
        {
            lane.scrub(mid);
        }
        let Some(heard) = heard else { return self.outstanding.skip_to(position) };
        let conversation = row.person.clone();
        let lane = self.lanes.entry(conversation.clone()).or_insert_with(Lane::new);
        if let Some(detour) = &mut lane.detour {
            detour.left_to = detour.left_to.max(position);
            self.outstanding.skip_to(position);
            if position < detour.position {
                // After a crash the cursor may lie before what was parked. The cursor passes this event now, so it must be written down.
                detour.position = position;
                self.note_detour(&conversation, now);
            }
        } else if lane.queue.len() >= self.settings.lane {
            lane.detour = Some(Detour { position, left_to: position, attempts: 0, successes_then: 0, next: now, why: None });
            self.outstanding.skip_to(position);
            self.detours += 1;
            self.note_detour(&conversation, now);
        } else {
            self.outstanding.add(position);
            let event = Event::new(row, heard, Path::Log, now);
            self.held += 1;
            self.held_bytes += event.weight;
            lane.queue.push_back(event);
            if lane.phase == Phase::Idle {
                self.make_ready(&conversation);
            }
        }
    }

    /// What to do now, if anything.
    pub fn next(&mut self, now: Instant) -> Option<Work> {
        if self.gone {
            return None;
        }
        if self.health.in_doubt() && self.under_way == 0 && self.ready.is_empty() {
            // Nothing else is under way that could tell whose fault it was.
            self.begin_outage(None, now);
        }
        if let Some(conversation) = self.health.guilty(now) {
            self.convict(&conversation, now);
        }
        self.catch_up();
        self.release_due(now);
        match self.health.allowance(now) {
            Allowance::Nothing => None,
            Allowance::Free if self.under_way >= self.settings.parallel => None,
            Allowance::Free => self.pop(self.batch),
            Allowance::Probe => {
                let work = self.pop(1)?;
                if matches!(work, Work::Deliver(_)) {
                    self.health.probing(now);
                }
                Some(work)
            }
        }
    }

    /// When [`Machine::next`] may have something to do although nothing has happened.
    pub fn next_time(&self) -> Option<Instant> {
        if self.health.is_down() {
            let anything = !self.ready.is_empty() || !self.due.is_empty();
            return self.health.next_probe().filter(|_| anything);
        }
        self.due.first().map(|&(at, _)| at)
    }

    /// What has changed for the database, if anything has.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Lets conversations that were parked beyond what was read wait like all others, once the log has been read up to where they go on.
    fn catch_up(&mut self) {
        while self.ahead.first().is_some_and(|&(position, ..)| position <= self.read() + 1)
            && let Some((_, next, conversation)) = self.ahead.pop_first()
        {
            self.due.insert((next, conversation));
        }
    }

    /// Lets conversations whose wait is over go on. While the app is down they go on only if nothing else is there to probe it with.
    fn release_due(&mut self, now: Instant) {
        while let Some((at, conversation)) = self.due.first().cloned() {
            let down = self.health.is_down();
            if (at > now && !down) || (down && !self.ready.is_empty()) {
                break;
            }
            self.due.pop_first();
            if self.lanes.get(&conversation).is_some_and(|lane| lane.phase == Phase::Idle) {
                self.make_ready(&conversation);
            }
        }
    }

    fn pop(&mut self, most: usize) -> Option<Work> {
        let mut events = Vec::new();
        while events.len() < most
            && let Some(conversation) = self.ready.pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&conversation).filter(|lane| lane.phase == Phase::Ready) else { continue };
            if lane.queue.is_empty() && lane.detour.is_some() {
                if !events.is_empty() {
                    // A reading goes by itself.
                    self.ready.push_front(conversation);
                    break;
                }
                return self.read_timeline(&conversation);
            }
            let alone = lane.queue.front().is_some_and(|event| event.alone);
            if alone && !events.is_empty() {
                self.ready.push_front(conversation);
                break;
            }
            let room = if alone { 1 } else { most - events.len() };
            let fit = lane.queue.iter().take(room).enumerate().take_while(|(index, event)| *index == 0 || !event.alone).count();
            let successes = self.health.successes();
            events.extend(lane.queue.drain(..fit).map(|event| started(event, successes)));
            lane.phase = Phase::Busy;
            if alone {
                break;
            }
        }
        if events.is_empty() {
            return None;
        }
        self.under_way += 1;
        Some(Work::Deliver(events))
    }

    fn make_ready(&mut self, conversation: &Conversation) {
        if let Some(lane) = self.lanes.get_mut(conversation).filter(|lane| lane.phase != Phase::Ready) {
            lane.phase = Phase::Ready;
            self.ready.push_back(conversation.clone());
        }
    }

    /// Everything fails. The suspects take turns as probes.
    fn begin_outage(&mut self, failure: Option<&Failure>, now: Instant) {
        self.health.begin_outage(&self.settings, failure, now);
        self.free_suspects();
    }

    /// Lets every suspect stand in the queue again, those that wait longest first.
    fn free_suspects(&mut self) {
        let mut suspects: Vec<(i64, Conversation)> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.phase == Phase::Suspect)
            .map(|(conversation, lane)| (lane.queue.front().map_or(0, Event::position), conversation.clone()))
            .collect();
        suspects.sort_unstable();
        for (_, conversation) in suspects {
            self.make_ready(&conversation);
        }
    }

    /// Writes down how a conversation off the main way stands.
    fn note_detour(&mut self, conversation: &Conversation, now: Instant) {
        let Some(detour) = self.lanes.get(conversation).and_then(|lane| lane.detour.as_ref()) else { return };
        let parked = ParkedConversation {
            person: conversation.clone(),
            position: detour.position,
            attempts: detour.attempts,
            wait: detour.next.saturating_duration_since(now),
        };
        self.changes.parked.insert(conversation.clone(), Some((parked, detour.why.clone())));
    }
}

fn started(mut event: Event, successes: u64) -> Event {
    // A new try after the app took something else: the failure before was the event's own.
    if event.path == Path::Log && event.failure.is_some() && successes > event.successes_before {
        event.strikes += 1;
    }
    event.tries += 1;
    event.successes_before = successes;
    event
}

#[cfg(test)]
mod tests;
