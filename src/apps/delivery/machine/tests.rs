#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeMap;

use super::super::event::{Failure, Verdict};
use super::*;
use crate::control::{Audience, Epoch, PayloadCut};
use crate::wire::{Channel, PageId, PersonId, Timestamp};

mod endings;
mod property;

const HEARD: Heard = Heard { channel: Channel::Messaging, payload: PayloadCut::Whole };

fn person(name: &str) -> Conversation {
    Some(PersonId::parse(name).unwrap())
}

fn row(position: i64, conversation: &Conversation) -> Arc<LogRow> {
    Arc::new(LogRow {
        page: PageId::parse("1").unwrap(),
        position,
        person: conversation.clone(),
        at: Timestamp::from_millis(0),
        happened_at: Timestamp::from_millis(0),
        kind: "message".into(),
        field: "messages".into(),
        mid: Some(format!("m{position}")),
        app: None,
        user: None,
        audience: Audience::Everyone,
        button_app: None,
        epoch: Epoch(0),
        payload: "{}".into(),
        scrubbed: false,
    })
}

fn http_500() -> Verdict {
    Verdict::Failed(Failure { unreachable: false, retry_after: None, why: "HTTP 500".into() })
}

fn refused() -> Verdict {
    Verdict::Failed(Failure { unreachable: true, retry_after: None, why: "nothing answers there".into() })
}

fn settings() -> Settings {
    Settings { schedule: vec![Duration::from_secs(5), Duration::from_secs(30)], ..Settings::default() }
}

/// A machine, the log it reads, and what the database would hold.
struct World {
    machine: Machine,
    settings: Settings,
    log: Vec<(i64, Conversation)>,
    now: Instant,
    parked: BTreeMap<Conversation, (ParkedConversation, Option<String>)>,
    dead: Vec<DeadLetter>,
    /// Set aside by a process that crashed before it could write so: these come again after what followed them.
    dead_for_a_moment: Vec<DeadLetter>,
    cursor: i64,
}

impl World {
    /// A log whose positions, from 1 on, belong to the people named by these letters.
    fn new(people: &str) -> Self {
        Self::with(people, settings())
    }

    fn with(people: &str, settings: Settings) -> Self {
        let log = people.chars().zip(1..).map(|(name, position)| (position, person(&name.to_string()))).collect();
        let now = Instant::now();
        let machine = Machine::new(Arc::new(settings.clone()), 0, Vec::new(), None, now);
        Self { machine, settings, log, now, parked: BTreeMap::new(), dead: Vec::new(), dead_for_a_moment: Vec::new(), cursor: 0 }
    }

    fn read_one(&mut self) -> bool {
        let next = self.log.iter().find(|(position, _)| *position > self.machine.read()).cloned();
        match next.filter(|_| self.machine.has_room()) {
            Some((position, conversation)) => {
                self.machine.offer(row(position, &conversation), Some(HEARD), self.now);
                true
            }
            None => false,
        }
    }

    fn read_all(&mut self) {
        while self.read_one() {}
    }

    /// The next POST, after every reading of timelines that comes before it.
    fn next(&mut self) -> Option<Vec<Event>> {
        loop {
            match self.machine.next(self.now)? {
                Work::Deliver(events) => return Some(events),
                Work::Read(asked) => self.answer_timeline(&asked),
            }
        }
    }

    fn answer_timeline(&mut self, asked: &Timeline) {
        self.answer_part_of_timeline(asked, usize::MAX);
    }

    /// A part that is as long as it may be does not tell whether there is more.
    fn answer_part_of_timeline(&mut self, asked: &Timeline, most: usize) {
        let rows: Vec<_> = self
            .log
            .iter()
            .filter(|(position, conversation)| *conversation == asked.conversation && *position >= asked.from)
            .map(|(position, conversation)| (row(*position, conversation), Some(HEARD)))
            .take(most)
            .collect();
        let complete = rows.len() < most;
        self.machine.timeline(asked, rows, complete, self.now);
    }

    fn started(&mut self) -> Vec<Vec<Event>> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// What the database knows once cursors are written.
    fn flush(&mut self) {
        let changes = self.machine.take_changes();
        self.cursor = self.machine.cursor();
        for (conversation, parked) in changes.parked {
            match parked {
                Some(parked) => self.parked.insert(conversation, parked),
                None => self.parked.remove(&conversation),
            };
        }
        self.dead.extend(changes.dead);
    }

    /// Another process begins from what the database knows.
    fn crash(&mut self) {
        self.dead_for_a_moment.extend(self.machine.take_changes().dead);
        let parked = self.parked.values().map(|(parked, _)| parked.clone()).collect();
        self.machine = Machine::new(Arc::new(self.settings.clone()), self.cursor, parked, None, self.now);
    }

    fn try_one(&mut self, verdict: Verdict) -> i64 {
        let events = self.next().expect("something to deliver");
        let position = events[0].position();
        self.machine.tried(events, verdict, self.now);
        position
    }
}

fn positions(posts: &[Vec<Event>]) -> Vec<Vec<i64>> {
    posts.iter().map(|events| events.iter().map(Event::position).collect()).collect()
}

#[test]
fn conversations_run_beside_each_other_and_each_one_at_a_time() {
    let mut world = World::new("aabac");
    world.read_all();
    let posts = world.started();
    assert_eq!(positions(&posts), [[1], [3], [5]]);
    for events in posts {
        world.machine.tried(events, Verdict::Taken, world.now);
    }
    assert_eq!(world.machine.cursor(), 1, "2 is not done, so 3 and 5 do not count");
    assert_eq!(positions(&world.started()), [[2]]);
}

#[test]
fn no_more_posts_than_allowed_are_under_way() {
    let mut world = World::with("abcdef", Settings { parallel: 2, ..settings() });
    world.read_all();
    assert_eq!(positions(&world.started()), [[1], [2]]);
}

#[test]
fn what_an_app_does_not_hear_is_skipped() {
    let mut world = World::new("");
    world.machine.offer(row(1, &person("a")), None, world.now);
    world.machine.offer(row(2, &person("a")), None, world.now);
    assert!(world.started().is_empty());
    assert_eq!(world.machine.cursor(), 2);
}

#[test]
fn an_event_that_fails_while_others_succeed_parks_its_conversation() {
    let mut world = World::new("abab");
    world.read_all();
    let mut posts = world.started();
    let (b, a) = (posts.pop().unwrap(), posts.pop().unwrap());
    world.machine.tried(b, Verdict::Taken, world.now);
    world.machine.tried(a, http_500(), world.now);
    assert_eq!(world.machine.cursor(), 3, "3 waits behind 1 in the parked conversation, 4 is next");
    assert_eq!(world.try_one(Verdict::Taken), 4);
    world.flush();
    assert_eq!(world.cursor, 4);
    let (parked, why) = &world.parked[&person("a")];
    assert_eq!((parked.position, parked.attempts, why.as_deref()), (1, 1, Some("HTTP 500")));
    assert!((4..=6).contains(&parked.wait.as_secs()), "5 s with a fifth of jitter: {:?}", parked.wait);

    assert!(world.next().is_none(), "it waits");
    world.pass(Duration::from_secs(6));
    assert_eq!(world.try_one(Verdict::Taken), 1);
    assert_eq!(world.try_one(Verdict::Taken), 3);
    assert!(world.next().is_none());
    world.flush();
    assert!(world.parked.is_empty());
}

#[test]
fn a_conversation_back_from_its_detour_hears_what_came_meanwhile_first() {
    let mut world = World::new("abaa");
    for _ in 0..2 {
        world.read_one();
    }
    let posts = world.started();
    let mut posts = posts.into_iter();
    let (a, b) = (posts.next().unwrap(), posts.next().unwrap());
    world.machine.tried(b, Verdict::Taken, world.now);
    world.machine.tried(a, http_500(), world.now);
    world.read_one();
    world.pass(Duration::from_secs(6));
    let first = world.next().unwrap();
    // 4 comes while 1 is tried again.
    world.read_one();
    assert!(world.next().is_none());
    world.machine.tried(first, Verdict::Taken, world.now);
    assert_eq!([world.try_one(Verdict::Taken), world.try_one(Verdict::Taken)], [3, 4]);
    assert_eq!(world.machine.parked(), 0);
}

#[test]
fn nobody_there_is_an_outage_at_once_and_parks_nothing() {
    let mut world = World::new("ab");
    world.read_all();
    for events in world.started() {
        world.machine.tried(events, refused(), world.now);
    }
    world.flush();
    assert!(world.machine.health.is_down());
    assert!(world.machine.health.surely_down_for(world.now).is_some());
    assert_eq!((world.cursor, world.parked.len()), (0, 0));

    let mut probed = Vec::new();
    for _ in 0..4 {
        assert!(world.next().is_none(), "no probe before its time");
        world.pass(Duration::from_secs(2));
        probed.push(world.try_one(refused()));
    }
    assert_eq!(probed, [1, 2, 1, 2], "one probe every two seconds, each conversation in turn");
    world.pass(Duration::from_secs(2));
    world.try_one(Verdict::Taken);
    assert!(!world.machine.health.is_down());
    world.try_one(Verdict::Taken);
    assert_eq!(world.machine.cursor(), 2);
}

#[test]
fn probes_become_rare_after_an_hour_until_the_app_calls() {
    let mut world = World::new("a");
    world.read_all();
    world.try_one(refused());
    world.pass(Duration::from_secs(3601));
    world.try_one(refused());
    world.pass(Duration::from_secs(29));
    assert!(world.next().is_none());
    world.machine.health.sign_of_life(world.now);
    assert_eq!(world.try_one(refused()), 1, "at once");
    world.pass(Duration::from_secs(2));
    assert_eq!(world.try_one(refused()), 1, "and often for a while");
}

#[test]
fn different_conversations_failing_in_a_row_are_an_outage() {
    let mut world = World::new("abcd");
    world.read_all();
    let mut posts = world.started();
    let last = posts.pop().unwrap();
    for (events, down) in posts.into_iter().zip([false, false, true]) {
        world.machine.tried(events, http_500(), world.now);
        assert_eq!(world.machine.health.is_down(), down);
    }
    world.flush();
    assert!(world.parked.is_empty());
    // The fourth was under way all the time and shows that the app is there after all.
    world.machine.tried(last, Verdict::Taken, world.now);
    assert!(!world.machine.health.is_down());
    assert_eq!(positions(&world.started()), [[1], [2], [3]]);
}

#[test]
fn a_suspect_is_judged_by_the_next_result_of_another() {
    let mut world = World::new("ab");
    world.read_all();
    let mut posts = world.started();
    let (b, a) = (posts.pop().unwrap(), posts.pop().unwrap());
    world.machine.tried(a, http_500(), world.now);
    world.flush();
    assert_eq!((world.cursor, world.parked.len()), (0, 0), "nobody knows yet");
    world.machine.tried(b, Verdict::Taken, world.now);
    world.flush();
    assert_eq!((world.cursor, world.parked.len()), (2, 1));
}

#[test]
fn one_conversation_alone_is_believed_late_and_sentenced_in_the_end() {
    let mut world = World::new("a");
    world.read_all();
    world.try_one(http_500());
    assert!(world.machine.health.is_down());
    let began = world.now;
    let mut believed_after = None;
    while world.machine.health.is_down() {
        world.pass(Duration::from_secs(2));
        if world.machine.health.surely_down_for(world.now).is_some() {
            believed_after.get_or_insert(world.now - began);
        }
        if let Some(events) = world.next() {
            world.machine.tried(events, http_500(), world.now);
        }
    }
    assert_eq!(believed_after, Some(Duration::from_secs(60)));
    assert_eq!(world.now - began, Duration::from_secs(600));
    world.flush();
    assert_eq!(world.parked[&person("a")].0.position, 1);
}

#[test]
fn a_conversation_whose_event_brings_the_app_down_is_parked_the_second_time() {
    let mut world = World::with("abab", Settings { parallel: 1, ..settings() });
    let broken = || Verdict::Failed(Failure { unreachable: false, retry_after: None, why: "the connection broke".into() });
    world.read_all();
    assert_eq!(world.try_one(broken()), 1);
    assert_eq!(world.try_one(refused()), 2, "it is still starting");
    world.pass(Duration::from_secs(2));
    let mut tried = Vec::new();
    for _ in 0..6 {
        let Some(events) = world.next() else { break };
        let position = events[0].position();
        tried.push(position);
        let verdict = if position == 1 { broken() } else { Verdict::Taken };
        world.machine.tried(events, verdict, world.now);
        world.pass(Duration::from_secs(2));
    }
    world.flush();
    assert!(world.parked.contains_key(&person("a")), "{tried:?}");
    assert!(tried.contains(&2) && tried.contains(&4), "the other conversation goes on: {tried:?}");
}

#[test]
fn a_dead_letter_needs_the_whole_schedule_and_others_taken_between() {
    let mut world = World::new("ab");
    world.read_all();
    let mut posts = world.started();
    let (b, a) = (posts.pop().unwrap(), posts.pop().unwrap());
    world.machine.tried(b, Verdict::Taken, world.now);
    world.machine.tried(a, http_500(), world.now);
    for _ in 0..5 {
        world.pass(Duration::from_secs(40));
        assert_eq!(world.try_one(http_500()), 1);
    }
    world.flush();
    assert!(world.dead.is_empty(), "nobody else was there to compare with");

    world.log.push((3, person("b")));
    world.log.push((4, person("a")));
    world.read_all();
    assert_eq!(world.try_one(Verdict::Taken), 3);
    world.pass(Duration::from_secs(40));
    assert_eq!(world.try_one(http_500()), 1);
    world.flush();
    let letter = &world.dead[0];
    assert_eq!((letter.position, letter.person.clone(), letter.why.as_str()), (1, person("a"), "HTTP 500"));
    assert_eq!(world.try_one(Verdict::Taken), 4, "the conversation goes on");
    world.flush();
    assert!(world.parked.is_empty());
    assert_eq!(world.cursor, 4);
}

#[test]
fn a_flooding_conversation_does_not_crowd_out_the_others() {
    let mut world = World::with("aaaaaaaaaab", Settings { lane: 3, window: 6, ..settings() });
    world.read_all();
    assert_eq!(positions(&world.started()), [[1], [11]]);
    world.flush();
    assert_eq!((world.parked[&person("a")].0.position, world.parked[&person("a")].0.attempts), (4, 0));
}

#[test]
fn a_flood_is_heard_in_order() {
    let mut world = World::with("aaaaaaaaaa", Settings { lane: 3, window: 6, ..settings() });
    let mut heard = Vec::new();
    while heard.len() < 10 {
        world.read_all();
        heard.push(world.try_one(Verdict::Taken));
    }
    assert_eq!(heard, (1..=10).collect::<Vec<_>>());
    world.flush();
    assert!(world.parked.is_empty());
}

#[test]
fn after_a_crash_what_was_parked_behind_the_cursor_is_not_lost() {
    let mut world = World::with("aaaaab", Settings { lane: 2, ..settings() });
    world.read_all();
    world.flush();
    assert_eq!((world.cursor, world.parked[&person("a")].0.position), (0, 3), "1 and 2 are in memory only");
    world.crash();
    world.read_all();
    let heard: Vec<i64> = (0..6).map(|_| world.try_one(Verdict::Taken)).filter(|&position| position != 6).collect();
    assert_eq!(heard, [1, 2, 3, 4, 5]);
}

#[test]
fn batches_keep_the_order_and_go_one_by_one_after_a_failure() {
    let mut world = World::new("aabca");
    world.machine.set_batch(4);
    world.read_all();
    let mut posts = world.started();
    assert_eq!(positions(&posts), [vec![1, 2, 5, 3], vec![4]]);
    let (c, batch) = (posts.pop().unwrap(), posts.pop().unwrap());
    world.machine.tried(batch, http_500(), world.now);
    world.machine.tried(c, Verdict::Taken, world.now);
    assert_eq!(positions(&world.started()), [[1], [3]]);
    world.flush();
    assert!(world.parked.is_empty() && !world.machine.health.is_down());
}

#[test]
fn gone_ends_it() {
    let mut world = World::new("ab");
    world.read_all();
    world.try_one(Verdict::Gone);
    assert!(world.machine.gone);
    assert!(world.next().is_none());
    assert_eq!(world.machine.cursor(), 0);
}

#[test]
fn what_is_taken_back_before_it_went_out_goes_without_its_content() {
    let mut world = World::new("aa");
    world.read_all();
    let first = world.next().unwrap();
    let unsend = LogRow { kind: "unsend".into(), mid: Some("m2".into()), ..(*row(3, &person("a"))).clone() };
    world.machine.offer(unsend.into(), Some(HEARD), world.now);
    world.machine.tried(first, Verdict::Taken, world.now);
    let second = world.next().unwrap();
    assert!(second[0].row.scrubbed);
    world.machine.tried(second, Verdict::Taken, world.now);
    assert!(!world.next().unwrap()[0].row.scrubbed, "the unsend itself says so already");
}

#[test]
fn a_gap_in_the_log_is_jumped_and_told() {
    let mut world = World::new("");
    world.machine.gap_before(8);
    world.machine.offer(row(8, &person("a")), Some(HEARD), world.now);
    world.flush();
    assert_eq!((world.dead[0].position, world.dead[0].attempts), (1, 0));
    assert!(world.dead[0].why.contains("7 positions"), "{}", world.dead[0].why);
    assert_eq!(world.try_one(Verdict::Taken), 8);
}
