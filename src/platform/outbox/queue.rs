//! Whose turn it is. Pure: strictly first in, first out in a conversation, one at a time; agents before bots among conversations.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use crate::store::outbox::{OpenSend, SendId, SendKind};
use crate::wire::{PersonId, Timestamp};

/// A send whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Which.
    pub send: SendId,
    /// Whose conversation.
    pub person: PersonId,
    /// What it counts as.
    pub kind: SendKind,
}

/// What became of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is over, one way or the other.
    Over,
    /// Its outcome is unknown since then: the conversation waits a while for its echo.
    Unknown(Timestamp),
    /// It goes back to the head of its conversation, not before then.
    Again(Timestamp),
}

/// What a conversation is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Doing {
    /// Its first send is in `ready` or `later`, if it has one.
    #[default]
    Waiting,
    /// One of its sends is on its way.
    Sending,
    /// One of its sends is of unknown outcome, until then.
    Held(SendId, Timestamp),
}

#[derive(Debug, Default)]
struct Conversation {
    doing: Doing,
    sends: VecDeque<OpenSend>,
}

/// The sends of one Page that wait.
#[derive(Debug)]
pub struct Queue {
    conversations: HashMap<PersonId, Conversation>,
    /// First sends that may go: agents' (false) before the rest (true), then by number.
    ready: BTreeMap<(bool, SendId), PersonId>,
    /// First sends that must wait, and held conversations: by when.
    later: BTreeMap<(Timestamp, SendId), PersonId>,
    waiting: usize,
    /// How long an unknown outcome holds up its conversation, in milliseconds.
    hold_ms: i64,
}

impl Queue {
    /// Nothing waits.
    #[must_use]
    pub fn new(hold_ms: i64) -> Self {
        Self { conversations: HashMap::new(), ready: BTreeMap::new(), later: BTreeMap::new(), waiting: 0, hold_ms }
    }

    /// How many sends wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.waiting
    }

    /// Takes in sends in the order of their numbers.
    pub fn extend(&mut self, sends: impl IntoIterator<Item = OpenSend>) {
        for send in sends {
            if let Some(since) = send.unknown_since {
                // Sender actions have no echo to wait for.
                if send.kind != SendKind::Action {
                    self.hold(&send.person, send.send_id, since);
                }
                continue;
            }
            let conversation = self.conversations.entry(send.person.clone()).or_default();
            let first = conversation.sends.is_empty() && conversation.doing == Doing::Waiting;
            let person = send.person.clone();
            conversation.sends.push_back(send);
            self.waiting += 1;
            if first {
                self.arm(&person);
            }
        }
    }

    /// The next send that may go, if any: its conversation is busy until [`Queue::settle`]. `may_go` says which kinds the pace allows.
    pub fn next(&mut self, now: Timestamp, may_go: impl Fn(SendKind) -> bool) -> Option<Turn> {
        self.wake(now);
        let allowed: HashSet<SendKind> =
            [SendKind::Message, SendKind::Media, SendKind::Action].into_iter().filter(|kind| may_go(*kind)).collect();
        if allowed.is_empty() {
            return None;
        }
        let (key, person) = self.ready.iter().find(|(_, person)| self.head(person).is_some_and(|send| allowed.contains(&send.kind)))?;
        let (key, person) = (*key, person.clone());
        self.ready.remove(&key);
        let conversation = self.conversations.get_mut(&person)?;
        let send = conversation.sends.front()?;
        let turn = Turn { send: send.send_id, person, kind: send.kind };
        conversation.doing = Doing::Sending;
        Some(turn)
    }

    /// The kinds of the sends that only the pace keeps from going.
    pub fn ready_kinds(&self) -> impl Iterator<Item = SendKind> {
        self.ready.values().filter_map(|person| self.head(person)).map(|send| send.kind)
    }

    /// When the next send or conversation that waits for a time is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.later.keys().next().map(|(at, _)| *at)
    }

    /// What became of the send of this conversation that was on its way.
    pub fn settle(&mut self, person: &PersonId, settled: Settled) {
        let Some(conversation) = self.conversations.get_mut(person).filter(|one| one.doing == Doing::Sending) else { return };
        conversation.doing = Doing::Waiting;
        if let Settled::Again(not_before) = settled {
            if let Some(send) = conversation.sends.front_mut() {
                send.not_before = Some(not_before);
            }
            return self.arm(person);
        }
        let over = conversation.sends.pop_front();
        self.waiting -= usize::from(over.is_some());
        match (settled, over) {
            (Settled::Unknown(since), Some(send)) => self.hold(person, send.send_id, since),
            _ => self.arm(person),
        }
    }

    /// The sends of unknown outcome that hold up conversations.
    pub fn held(&self) -> impl Iterator<Item = (&PersonId, SendId)> {
        self.conversations.iter().filter_map(|(person, conversation)| match conversation.doing {
            Doing::Held(send, _) => Some((person, send)),
            _ => None,
        })
    }

    /// The outcome of a send has become known: its conversation goes on.
    pub fn release(&mut self, person: &PersonId, send: SendId) {
        if let Some(conversation) = self.conversations.get_mut(person)
            && let Doing::Held(holder, until) = conversation.doing
            && holder == send
        {
            conversation.doing = Doing::Waiting;
            self.later.remove(&(until, holder));
            self.arm(person);
        }
    }

    fn head(&self, person: &PersonId) -> Option<&OpenSend> {
        self.conversations.get(person)?.sends.front()
    }

    /// Puts a conversation that does nothing where its first send belongs; forgets one that has none.
    fn arm(&mut self, person: &PersonId) {
        let Some(send) = self.head(person) else {
            self.conversations.remove(person);
            return;
        };
        let (id, by_agent, not_before) = (send.send_id, send.by_agent, send.not_before);
        match not_before {
            Some(at) => self.later.insert((at, id), person.clone()),
            None => self.ready.insert((!by_agent, id), person.clone()),
        };
    }

    /// Holds a conversation up. What is known to be on its way is not disturbed: it is newer.
    fn hold(&mut self, person: &PersonId, send: SendId, since: Timestamp) {
        let until = since.plus_millis(self.hold_ms);
        let conversation = self.conversations.entry(person.clone()).or_default();
        match conversation.doing {
            Doing::Sending => return,
            Doing::Held(_, other) if other >= until => return,
            Doing::Held(other, at) => {
                self.later.remove(&(at, other));
            }
            Doing::Waiting => {
                if let Some(first) = conversation.sends.front() {
                    self.ready.remove(&(!first.by_agent, first.send_id));
                    if let Some(at) = first.not_before {
                        self.later.remove(&(at, first.send_id));
                    }
                }
            }
        }
        conversation.doing = Doing::Held(send, until);
        self.later.insert((until, send), person.clone());
    }

    /// Moves what is due to where it may go.
    fn wake(&mut self, now: Timestamp) {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            let person = entry.remove();
            let Some(conversation) = self.conversations.get_mut(&person) else { continue };
            conversation.doing = Doing::Waiting;
            if let Some(send) = conversation.sends.front_mut().filter(|send| send.not_before.is_some_and(|at| at <= now)) {
                send.not_before = None;
            }
            self.arm(&person);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const HOLD_MS: i64 = 10_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn send(id: i64, person: &str, by_agent: bool) -> OpenSend {
        let person = PersonId::parse(person).unwrap();
        OpenSend { send_id: SendId(id), person, by_agent, kind: SendKind::Message, not_before: None, unknown_since: None }
    }

    fn turn(queue: &mut Queue, now: i64) -> Option<i64> {
        queue.next(at(now), |_| true).map(|turn| turn.send.0)
    }

    fn anna() -> PersonId {
        PersonId::parse("anna").unwrap()
    }

    #[test]
    fn agents_go_first_but_only_between_conversations() {
        let mut queue = Queue::new(HOLD_MS);
        queue.extend([send(1, "anna", false), send(2, "anna", true), send(3, "bert", false), send(4, "carl", true)]);
        assert_eq!(turn(&mut queue, 0), Some(4), "the agent's, though it came last");
        assert_eq!(turn(&mut queue, 0), Some(1), "the agent's second message waits behind the bot's first in the same conversation");
        assert_eq!(turn(&mut queue, 0), Some(3));
        assert_eq!(turn(&mut queue, 0), None, "one at a time in a conversation");
        queue.settle(&anna(), Settled::Over);
        assert_eq!(turn(&mut queue, 0), Some(2));
    }

    #[test]
    fn an_unknown_outcome_holds_up_its_conversation_for_a_while() {
        let mut queue = Queue::new(HOLD_MS);
        queue.extend([send(1, "anna", false), send(2, "anna", false), send(3, "bert", false)]);
        assert_eq!(turn(&mut queue, 0), Some(1));
        queue.settle(&anna(), Settled::Unknown(at(100)));
        assert_eq!(turn(&mut queue, 100), Some(3), "others go on");
        assert_eq!(queue.next_due(), Some(at(10_100)));
        assert_eq!(turn(&mut queue, 10_099), None);
        assert_eq!(turn(&mut queue, 10_100), Some(2));
    }

    #[test]
    fn an_outcome_that_becomes_known_ends_the_hold() {
        let mut queue = Queue::new(HOLD_MS);
        queue.extend([OpenSend { unknown_since: Some(at(0)), ..send(1, "anna", false) }, send(2, "anna", false)]);
        assert_eq!(turn(&mut queue, 0), None);
        assert_eq!(queue.held().map(|(person, send)| (person.as_str().to_owned(), send.0)).collect::<Vec<_>>(), [("anna".to_owned(), 1)]);
        queue.release(&anna(), SendId(1));
        assert_eq!(turn(&mut queue, 0), Some(2));
        assert_eq!(queue.next_due(), None);
        let mut queue = Queue::new(HOLD_MS);
        queue.extend([OpenSend { unknown_since: Some(at(0)), kind: SendKind::Action, ..send(1, "anna", false) }, send(2, "anna", false)]);
        assert_eq!(turn(&mut queue, 0), Some(2), "a sender action has no echo to wait for");
    }

    #[test]
    fn what_must_wait_keeps_its_place() {
        let mut queue = Queue::new(HOLD_MS);
        queue.extend([send(1, "anna", false), send(2, "anna", false)]);
        assert_eq!(turn(&mut queue, 0), Some(1));
        queue.settle(&anna(), Settled::Again(at(500)));
        assert_eq!(turn(&mut queue, 499), None);
        assert_eq!(turn(&mut queue, 500), Some(1));
    }

    #[test]
    fn a_kind_without_room_lets_others_pass() {
        let mut queue = Queue::new(HOLD_MS);
        queue.extend([OpenSend { kind: SendKind::Media, ..send(1, "anna", true) }, send(2, "bert", false)]);
        let text_only = |kind| kind == SendKind::Message;
        assert_eq!(queue.next(at(0), text_only).map(|turn| turn.send.0), Some(2));
        assert_eq!(queue.next(at(0), text_only), None);
        assert_eq!(queue.ready_kinds().collect::<Vec<_>>(), [SendKind::Media]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Accept(u8, bool),
        Next,
        Settle(u8, u8),
        Pass(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0..4_u8, any::<bool>()).prop_map(|(person, agent)| Step::Accept(person, agent)),
            4 => Just(Step::Next),
            3 => (0..4_u8, 0..3_u8).prop_map(|(person, how)| Step::Settle(person, how)),
            1 => (0..6_000_i64).prop_map(Step::Pass),
        ];
        prop::collection::vec(step, 0..120)
    }

    proptest! {
        #[test]
        fn each_conversation_goes_in_order_one_at_a_time_and_nothing_is_lost(steps in steps()) {
            let mut queue = Queue::new(HOLD_MS);
            let (mut now, mut newest) = (0_i64, 0_i64);
            let mut accepted: HashMap<String, Vec<i64>> = HashMap::new();
            let mut went: HashMap<String, Vec<i64>> = HashMap::new();
            let mut busy: BTreeSet<String> = BTreeSet::new();
            for step in steps {
                match step {
                    Step::Accept(person, agent) => {
                        newest += 1;
                        accepted.entry(person.to_string()).or_default().push(newest);
                        queue.extend([send(newest, &person.to_string(), agent)]);
                    }
                    Step::Next => if let Some(turn) = queue.next(at(now), |_| true) {
                        prop_assert!(busy.insert(turn.person.to_string()), "two at a time in {}", turn.person);
                        went.entry(turn.person.to_string()).or_default().push(turn.send.0);
                    },
                    Step::Settle(person, how) => {
                        let person = PersonId::parse(person.to_string()).unwrap();
                        if busy.remove(person.as_str()) {
                            let settled = match how { 0 => Settled::Over, 1 => Settled::Unknown(at(now)), _ => Settled::Again(at(now + 50)) };
                            if how == 2 { went.get_mut(person.as_str()).unwrap().pop(); }
                            queue.settle(&person, settled);
                        }
                    }
                    Step::Pass(millis) => now += millis,
                }
            }
            // Let everything end well.
            for _ in 0..500 {
                now += 10_001;
                for person in std::mem::take(&mut busy) {
                    queue.settle(&PersonId::parse(person).unwrap(), Settled::Over);
                }
                while let Some(turn) = queue.next(at(now), |_| true) {
                    busy.insert(turn.person.to_string());
                    went.entry(turn.person.to_string()).or_default().push(turn.send.0);
                }
                if busy.is_empty() && queue.len() == 0 { break; }
            }
            went.retain(|_, sends| !sends.is_empty());
            prop_assert_eq!(went, accepted);
            prop_assert_eq!(queue.conversations.len(), 0, "nothing is kept of what is over");
        }
    }
}
