//! Whatever fails and whenever it crashes, nothing is left out: random steps, in any order that a task could bring about.

use proptest::prelude::*;

use super::*;

/// What an app and the database do, in the order in which it happens to come back.
struct Run {
    world: World,
    batch: usize,
    /// Rows of a timeline that are read at once.
    part: usize,
    under_way: Vec<Work>,
    heard: BTreeMap<Conversation, Vec<i64>>,
}

impl Run {
    fn new(people: &str, lane: usize, batch: usize, part: usize) -> Self {
        let mut world = World::with(people, Settings { parallel: 4, window: 12, lane, ..settings() });
        world.machine.set_batch(batch);
        Self { world, batch, part, under_way: Vec::new(), heard: BTreeMap::new() }
    }

    fn step(&mut self, step: u8, chance: u8) {
        match step {
            0..=2 => drop(self.world.read_one()),
            3..=5 => self.under_way.extend(self.world.machine.next(self.world.now)),
            6..=8 => self.come_back(chance),
            9 => self.world.pass(Duration::from_secs(u64::from(chance))),
            10 => self.world.flush(),
            _ if chance < 100 => self.crash(chance.is_multiple_of(2)),
            _ => {}
        }
    }

    /// One of what is under way ends in some way.
    fn come_back(&mut self, chance: u8) {
        if self.under_way.is_empty() {
            return;
        }
        match self.under_way.swap_remove(usize::from(chance) % self.under_way.len()) {
            Work::Read(asked) if chance % 8 == 7 => self.world.machine.timeline_failed(&asked, self.world.now),
            Work::Read(asked) => self.world.answer_part_of_timeline(&asked, self.part),
            Work::Deliver(events) => {
                let verdict = match chance % 8 {
                    0..=4 => Verdict::Taken,
                    5 | 6 => http_500(),
                    _ => refused(),
                };
                // An app may have heard what it did not acknowledge.
                if verdict == Verdict::Taken || chance > 200 {
                    self.hear(&events);
                }
                self.world.machine.tried(events, verdict, self.world.now);
            }
        }
    }

    fn crash(&mut self, arrived: bool) {
        for work in std::mem::take(&mut self.under_way) {
            if let Work::Deliver(events) = work
                && arrived
            {
                self.hear(&events);
            }
        }
        self.world.crash();
        self.world.machine.set_batch(self.batch);
    }

    fn hear(&mut self, events: &[Event]) {
        for event in events {
            self.heard.entry(event.conversation()).or_default().push(event.position());
        }
    }

    /// Conversations of which something is under way, each as often as that is so.
    fn busy(&self) -> Vec<Conversation> {
        let busy = self.under_way.iter().flat_map(|work| match work {
            Work::Read(asked) => vec![asked.conversation.clone()],
            Work::Deliver(events) => {
                let mut conversations: Vec<_> = events.iter().map(Event::conversation).collect();
                conversations.dedup();
                conversations
            }
        });
        busy.collect()
    }

    /// From now on the app takes everything.
    fn end(&mut self) {
        let last = self.world.log.len() as i64;
        for _ in 0..2000 {
            if self.world.machine.cursor() == last && self.world.machine.parked() == 0 && self.under_way.is_empty() {
                break;
            }
            match self.under_way.pop() {
                Some(Work::Read(asked)) => self.world.answer_part_of_timeline(&asked, self.part),
                Some(Work::Deliver(events)) => {
                    self.hear(&events);
                    self.world.machine.tried(events, Verdict::Taken, self.world.now);
                }
                None => {}
            }
            self.world.read_one();
            self.under_way.extend(self.world.machine.next(self.world.now));
            self.world.pass(Duration::from_secs(1));
        }
        self.world.flush();
    }

    fn judge(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!((self.world.cursor, self.world.parked.len()), (self.world.log.len() as i64, 0), "everything is done");
        let dead: Vec<i64> = self.world.dead.iter().chain(&self.world.dead_for_a_moment).map(|letter| letter.position).collect();
        let mut wanted: BTreeMap<&Conversation, Vec<i64>> = BTreeMap::new();
        for (position, conversation) in self.world.log.iter().filter(|(position, _)| !dead.contains(position)) {
            wanted.entry(conversation).or_default().push(*position);
        }
        for (conversation, wanted) in wanted {
            // What comes again after a crash or a lost answer is left out.
            let mut newest = 0;
            let heard = self.heard.get(conversation).into_iter().flatten().copied().filter(|position| !dead.contains(position));
            let mut first = Vec::new();
            for position in heard {
                if position > newest {
                    newest = position;
                    first.push(position);
                }
            }
            prop_assert_eq!(first, wanted, "{:?} heard {:?}", conversation, self.heard.get(conversation));
        }
        Ok(())
    }
}

/// More than usual: a run is cheap.
fn many_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: 8 * usual.cases, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn every_conversation_is_heard_in_order_and_without_gaps(
        people in "[a-c]{1,20}|[a-e]{1,60}",
        steps in proptest::collection::vec((0_u8..12, any::<u8>()), 0..300),
        lane in 1_usize..5,
        batch in 1_usize..4,
        part in 1_usize..6,
    ) {
        let mut run = Run::new(&people, lane, batch, part);
        for (step, chance) in steps {
            run.step(step, chance);
            let mut busy = run.busy();
            let count = busy.len();
            busy.sort();
            busy.dedup();
            prop_assert_eq!(count, busy.len(), "one at a time per conversation");
        }
        run.end();
        run.judge()?;
    }
}
