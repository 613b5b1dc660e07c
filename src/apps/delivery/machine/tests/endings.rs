//! How it ends gracefully or not, and how an outage is known when every conversation is off the main way already.

use super::*;

#[test]
fn what_is_done_does_not_come_again_after_a_graceful_end() {
    let now = Instant::now();
    let (anna, ben, mia) = (person("anna"), person("ben"), person("mia"));
    let settings = Arc::new(Settings { parallel: 2, ..settings() });
    let mut machine = Machine::new(Arc::clone(&settings), 0, Vec::new(), None, now);
    for (position, who) in [(1, &anna), (2, &ben), (3, &anna), (4, &mia), (5, &anna), (6, &ben)] {
        machine.offer(row(position, who), Some(HEARD), now);
    }
    let start = |machine: &mut Machine| match machine.next(now) {
        Some(Work::Deliver(events)) => events,
        other => panic!("something to deliver: {other:?}"),
    };
    let (one, two) = (start(&mut machine), start(&mut machine));
    machine.tried(two, Verdict::Taken, now);
    let four = start(&mut machine);
    assert_eq!(four[0].position(), 4, "Anna's first is still on its way");
    machine.tried(four, Verdict::Taken, now);
    machine.tried(one, Verdict::Taken, now);
    assert_eq!(machine.cursor(), 2, "3 holds it back");
    machine.leave(now);
    // Ben's 6 follows whatever is done, so it is left to the log.
    assert_eq!(machine.cursor(), 5);
    let changes = machine.take_changes();
    let (parked, _) = changes.parked[&anna].clone().expect("Anna's conversation is parked");
    assert_eq!((parked.position, parked.attempts, changes.parked.len()), (3, 0, 1));
    let mut next = Machine::new(settings, 5, vec![parked], None, now);
    assert!(matches!(next.next(now), Some(Work::Read(Timeline { from: 3, to: 5, .. }))));
}

#[test]
fn what_waited_in_memory_is_heard_first_after_a_crash() {
    // More than is held of one conversation: the third is parked, and the cursor still lies before the first.
    let mut world = World::with("aaaaa", Settings { lane: 2, ..settings() });
    world.read_all();
    assert_eq!(world.started().len(), 1, "1 is on its way");
    world.flush();
    assert_eq!((world.cursor, world.parked[&person("a")].0.position), (0, 3));
    world.crash();
    assert!(world.machine.next(world.now).is_none(), "nobody knows yet what lies before 3");
    let mut heard = Vec::new();
    loop {
        let read = world.read_one();
        if let Some(events) = world.next() {
            heard.extend(events.iter().map(Event::position));
            world.machine.tried(events, Verdict::Taken, world.now);
        } else if !read {
            break;
        }
    }
    assert_eq!(heard, [1, 2, 3, 4, 5]);
    world.flush();
    assert_eq!((world.cursor, world.parked.len()), (5, 0));
}

#[test]
fn what_comes_while_a_timeline_is_read_is_heard_although_the_reading_went_past_it() {
    let mut world = World::new("abaaa");
    for _ in 0..2 {
        world.read_one();
    }
    // Somebody else's is taken, so Anna's first is parked; it is set aside by hand, and nothing of hers is left up to where the log was read.
    let mut posts = world.started();
    let (b, a) = (posts.pop().unwrap(), posts.pop().unwrap());
    world.machine.tried(b, Verdict::Taken, world.now);
    world.machine.tried(a, http_500(), world.now);
    world.flush();
    let parked = ParkedConversation { position: 2, wait: Duration::ZERO, ..world.parked[&person("a")].0.clone() };
    world.machine = Machine::new(Arc::new(settings()), 2, vec![parked], None, world.now);
    let Some(Work::Read(asked)) = world.machine.next(world.now) else { panic!("a timeline is read") };
    assert_eq!((asked.from, asked.to), (2, 2));
    // Her second comes through the log meanwhile, and the reading finds it and the next, as many as it may.
    world.read_one();
    world.answer_part_of_timeline(&asked, 2);
    world.read_all();
    assert_eq!([world.try_one(Verdict::Taken), world.try_one(Verdict::Taken), world.try_one(Verdict::Taken)], [3, 4, 5]);
    world.flush();
    assert_eq!((world.cursor, world.parked.len()), (5, 0));
}

#[test]
fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_schedule() {
    let now = Instant::now();
    let settings = Settings { longest_retry_after: Duration::from_secs(20), ..settings() };
    for (attempts, longest) in [(0, 0), (1, 20), (2, 36), (9, 36)] {
        let parked = ParkedConversation { person: person("anna"), position: 1, attempts, wait: Duration::from_secs(36_000) };
        let mut machine = Machine::new(Arc::new(settings.clone()), 0, vec![parked], None, now);
        machine.offer(row(1, &person("anna")), Some(HEARD), now);
        let after = |seconds| now + Duration::from_secs(seconds);
        assert!(longest == 0 || machine.next(after(longest - 1)).is_none(), "{attempts} attempts");
        assert!(matches!(machine.next(after(longest)), Some(Work::Read(_))), "{attempts} attempts");
    }
}

/// Parks each of these people: their event fails while somebody else's is taken.
fn all_parked(people: &str) -> World {
    let mut world = World::new(&format!("{people}z"));
    world.read_all();
    let mut posts = world.started();
    let other = posts.pop().unwrap();
    let suspects = posts.len().min(2);
    let rest = posts.split_off(suspects);
    for events in posts {
        world.machine.tried(events, http_500(), world.now);
    }
    world.machine.tried(other, Verdict::Taken, world.now);
    for events in rest {
        world.machine.tried(events, http_500(), world.now);
    }
    world.flush();
    assert_eq!((world.parked.len(), world.machine.health.is_down()), (people.len(), false));
    world
}

#[test]
fn an_outage_is_known_although_every_conversation_is_parked() {
    for people in ["abcd", "ab"] {
        let mut world = all_parked(people);
        let mut tries = 0;
        while !world.machine.health.is_down() {
            world.pass(Duration::from_secs(40));
            world.try_one(http_500());
            tries += 1;
            assert!(tries <= 3, "{people}: different conversations have failed in a row");
        }
        assert!(world.machine.health.surely_down_for(world.now).is_some(), "{people}");
        world.flush();
        assert!(world.dead.is_empty(), "an outage sets nothing aside");
        while world.machine.parked() > 0 {
            world.pass(Duration::from_secs(40));
            world.try_one(Verdict::Taken);
        }
        assert!(!world.machine.health.is_down());
        world.flush();
        assert_eq!((world.cursor, world.parked.len(), world.dead.len()), (people.len() as i64 + 1, 0, 0), "{people}");
    }
}

#[test]
fn a_parked_poison_alone_is_no_outage() {
    let mut world = all_parked("a");
    for _ in 0..4 {
        world.pass(Duration::from_secs(40));
        world.try_one(http_500());
        assert!(!world.machine.health.is_down());
    }
}

#[test]
fn what_the_app_takes_during_a_try_does_not_make_it_the_last() {
    let mut world = all_parked("a");
    for _ in 0..4 {
        world.pass(Duration::from_secs(40));
        world.try_one(http_500());
    }
    // It hangs, and the app takes something else before it is given up.
    world.pass(Duration::from_secs(40));
    let hanging = world.next().unwrap();
    world.machine.offer(row(3, &person("m")), Some(HEARD), world.now);
    assert_eq!(world.try_one(Verdict::Taken), 3);
    world.machine.tried(hanging, http_500(), world.now);
    world.flush();
    assert!(world.dead.is_empty(), "the app may have been away until then");
    world.machine.offer(row(4, &person("m")), Some(HEARD), world.now);
    assert_eq!(world.try_one(Verdict::Taken), 4);
    world.pass(Duration::from_secs(40));
    world.try_one(http_500());
    world.flush();
    assert_eq!(world.dead.len(), 1, "another was taken before it failed again");
}

#[test]
fn what_was_not_tried_comes_again_as_if_nothing_had_been() {
    let mut world = World::new("aab");
    world.read_all();
    let mut posts = world.started();
    let (b, a) = (posts.pop().unwrap(), posts.pop().unwrap());
    world.machine.tried(b, Verdict::Taken, world.now);
    world.machine.not_tried(a);
    let again = world.next().unwrap();
    assert_eq!((again[0].position(), again[0].tries), (1, 1));
    world.machine.not_tried(again);
    assert_eq!([world.try_one(Verdict::Taken), world.try_one(Verdict::Taken)], [1, 2]);
    world.flush();
    assert_eq!((world.cursor, world.parked.len()), (3, 0));
}
