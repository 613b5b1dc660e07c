//! Looks for an order of everything that happened to one conversation that is true to time and to the rules (Wing and Gong's search, with
//! Lowe's memory of where it has been).

use std::collections::HashSet;

use super::model::{Answer, Call, Ms, NOT_OWNER_SEND, Rules, Span, State, agrees};

/// Something that was asked or that happened, from outside: it took effect at one moment between its start and its end.
#[derive(Debug, Clone)]
pub struct Op {
    /// Who asked, and where.
    pub by: String,
    pub call: Call,
    pub start: Ms,
    /// When its answer was there. An op whose answer was lost never ended.
    pub end: Ms,
    pub answer: Answer,
}

/// What never ended.
pub const NEVER: Ms = Ms::MAX / 4;

/// How far the clocks of one machine may disagree.
const SLACK: Ms = 5;

/// How long the platform may take to tell of what it acts upon already.
const TOLD_LATE: Ms = 1_000;

/// How many steps a search may take: what needs more was recorded with too much at once.
const MOST_STEPS: usize = 3_000_000;

/// What a search found.
#[derive(Debug)]
pub enum Verdict {
    /// An order that explains everything.
    Explained,
    /// There is none. How many ops could be explained at most, the state then, and what could not come next.
    Impossible { explained: usize, state: State, stuck: Vec<Op> },
    /// Too much to look at.
    Undecided,
}

/// Ops that have been put in order, as bits.
type Done = Vec<u64>;

struct Search<'a> {
    rules: &'a Rules,
    ops: &'a [Op],
    been: HashSet<(Done, State, Ms)>,
    steps: usize,
    best: (usize, State, Done),
}

/// Looks for an order, beginning with a conversation that nobody has held yet.
pub fn search(rules: &Rules, ops: &[Op]) -> Verdict {
    // What says that it was not done needs no explanation, and what was lost is only looked at where it could have done something.
    let mut ops: Vec<Op> = ops.iter().filter(|op| op.answer != Answer::NotDone).cloned().collect();
    for op in ops.iter_mut().filter(|op| op.answer == Answer::Lost) {
        op.end = NEVER;
    }
    ops.sort_by_key(|op| op.end);
    let nothing: Done = vec![0; ops.len().div_ceil(64)];
    let mut search = Search { rules, ops: &ops, been: HashSet::new(), steps: 0, best: (0, State::default(), nothing.clone()) };
    if search.explain(&nothing, &State::default(), Ms::MIN / 4) {
        return Verdict::Explained;
    }
    if search.steps >= MOST_STEPS {
        return Verdict::Undecided;
    }
    let (explained, state, done) = search.best;
    let stuck = (0..ops.len()).filter(|number| !has(&done, *number)).take(8).map(|number| ops[number].clone()).collect();
    Verdict::Impossible { explained, state, stuck }
}

impl Search<'_> {
    /// Whether what is not done can follow this state, nothing of it before `now`.
    fn explain(&mut self, done: &Done, state: &State, now: Ms) -> bool {
        let mut open = (0..self.ops.len()).filter(|number| !has(done, *number));
        // They are sorted: the first open one ends first, and whatever is next comes before that.
        let Some(first_end) = open.next().map(|number| self.ops[number].end).filter(|end| *end < NEVER) else { return true };
        self.steps += 1;
        if self.steps >= MOST_STEPS || !self.been.insert((done.clone(), state.clone(), now)) {
            return false;
        }
        let explained: usize = done.iter().map(|bits| bits.count_ones() as usize).sum();
        if explained > self.best.0 {
            self.best = (explained, state.clone(), done.clone());
        }
        let pending = self.is_pending(done, first_end);
        for number in 0..self.ops.len() {
            let op = &self.ops[number];
            if !has(done, number) && op.start <= first_end && self.take(done, state, now, number, first_end, pending) {
                return true;
            }
            if self.steps >= MOST_STEPS {
                return false;
            }
        }
        // Nothing can come next as things are: time may have to pass first.
        let when = Span { from: now, to: first_end + SLACK };
        state.elapse(self.rules, when).into_iter().any(|(at, state)| self.explain(done, &state, now.max(at)))
    }

    /// Whether everything can be explained with this op next.
    fn take(&mut self, done: &Done, state: &State, now: Ms, number: usize, first_end: Ms, pending: bool) -> bool {
        let op = &self.ops[number];
        let now = now.max(op.start);
        if state.is_overdue(now, pending) {
            return false;
        }
        let when = Span { from: now - SLACK, to: first_end.min(op.end) + SLACK };
        let mut after = done.clone();
        after[number / 64] |= 1 << (number % 64);
        let lost = op.answer == Answer::Lost;
        let refused_by_platform = op.answer == NOT_OWNER_SEND && self.is_told_of_outside(op);
        let ways = state.call(self.rules, &op.call, when, pending);
        ways.into_iter().any(|(ruled, next)| {
            // A lost op that would change nothing may as well never have happened.
            let accepted_first = refused_by_platform && ruled == Answer::Done;
            let fits = if lost { next != *state } else { accepted_first || agrees(&self.ops[number].answer, &ruled) };
            fits && self.explain(&after, &next, now)
        })
    }

    /// Whether the platform tells about then that somebody outside holds the conversation. It may refuse a send that Baton has accepted, in the words
    /// that Baton has for its own refusal; by then whoever sent may have become the owner.
    fn is_told_of_outside(&self, send: &Op) -> bool {
        let outside = self.ops.iter().filter(|op| matches!(op.call, Call::Standby(_) | Call::HandedOver(..)));
        outside.into_iter().any(|told| told.start <= send.end + TOLD_LATE && told.end >= send.start)
    }

    /// Whether the platform may just be asked to move control.
    fn is_pending(&self, done: &Done, by: Ms) -> bool {
        self.ops.iter().enumerate().any(|(number, op)| !has(done, number) && op.start <= by && op.call.may_be_pending())
    }
}

fn has(done: &Done, number: usize) -> bool {
    done[number / 64] & (1 << (number % 64)) != 0
}
