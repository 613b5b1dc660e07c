//! Poison, outage, and receivers that mean harm.

use std::time::{Duration, Instant};

use baton::apps::http::{self, Outbound, Outcome};
use url::Url;

use crate::delivery_receiver::{Receiver, Reply};
use crate::delivery_world::World;
use crate::harness::eventually;
use crate::harness::page::app_id;

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_event_parks_its_conversation_and_nobody_elses() {
    let mut world = World::new().await;
    world.settings.schedule = vec![Duration::from_millis(300); 20];
    let receiver = Receiver::start().await;
    receiver.answer_with(|got| Reply::Status(if got.texts() == ["poison"] { 500 } else { 200 }));
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let running = world.start().await;
    world.say(&[("9001", "a1"), ("9002", "b1"), ("9001", "poison"), ("9001", "a3"), ("9002", "b2")]).await;
    for n in 3..30 {
        world.say(&[("9002", &format!("b{n}"))]).await;
    }
    eventually("it is parked", || async { (world.number("select count(*) from parked").await == 1).then_some(()) }).await;
    eventually("the cursor goes on", || async { (world.cursor(&app).await == 32).then_some(()) }).await;
    assert!(!receiver.texts().contains(&"a3".to_owned()), "what follows waits");
    assert_eq!(world.number("select count(*) from subscriptions where down_since is not null").await, 0);

    receiver.answer_with(|_| Reply::Status(200));
    eventually("the conversation goes on", || async { receiver.texts().contains(&"a3".to_owned()).then_some(()) }).await;
    let heard = receiver.got();
    let last = heard.iter().rfind(|got| got.texts() == ["poison"]).unwrap();
    assert!(last.headers["x-baton-attempt"].parse::<u32>().unwrap() > 1);
    let ids: Vec<&String> = heard.iter().filter(|got| got.texts() == ["poison"]).map(|got| &got.headers["webhook-id"]).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "the id is stable: {ids:?}");
    let mut own: Vec<String> = receiver.texts().into_iter().filter(|text| !text.starts_with('b')).collect();
    own.dedup();
    assert_eq!(own, ["a1", "poison", "a3"]);
    eventually("nothing is parked any more", || async { (world.number("select count(*) from parked").await == 0).then_some(()) }).await;
    assert_eq!(world.number("select count(*) from dead_letters").await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nothing_helps_becomes_a_dead_letter_while_others_are_taken() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.answer_with(|got| Reply::Status(if got.texts() == ["poison"] { 400 } else { 200 }));
    world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let running = world.start().await;
    world.say(&[("9001", "poison"), ("9001", "a2"), ("9002", "b0")]).await;
    eventually("it is set aside", || async {
        world.say(&[("9002", "more")]).await;
        (world.number("select count(*) from dead_letters").await == 1).then_some(())
    })
    .await;
    let (position, attempts, why): (i64, i32, String) =
        sqlx::query_as("select position, attempts, last_error from dead_letters").fetch_one(&world.database.pool).await.unwrap();
    assert_eq!((position, why.as_str()), (1, "HTTP 400: ok"));
    assert!(attempts > 3, "{attempts}");
    eventually("the conversation goes on", || async { receiver.texts().contains(&"a2".to_owned()).then_some(()) }).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_answers_nothing_is_set_aside_and_a_call_wakes_it() {
    let mut world = World::new().await;
    let gone = Receiver::start().await;
    let (address, url) = (gone.address, gone.url());
    drop(gone);
    let app = world.app("111", "webhook", Some(&url), &["messages"]).await;
    let running = world.start().await;
    world.say(&[("9001", "a1"), ("9002", "b1"), ("9001", "a2")]).await;
    eventually("the rules hear of it", || async {
        (world.number("select count(*) from subscriptions where down_since is not null").await == 1).then_some(())
    })
    .await;
    assert!(world.number("select rules_version from pages").await > 1);
    assert_eq!((world.cursor(&app).await, world.number("select count(*) from parked").await), (0, 0));
    running.stop().await;

    // Another process goes on where this one was, now with long waits between probes.
    world.settings.probe = Duration::from_secs(3600);
    let running = world.start().await;
    eventually("it is leased", || async { (world.number("select process_id from cursors").await == running.process).then_some(()) }).await;
    // Nothing shows the first probe, which must have failed for the call to be what wakes it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let receiver = Receiver::start_at(address).await;
    world.signs.tell(&app);
    let called = Instant::now();
    eventually("it hears everything", || async { (receiver.got().len() == 3).then_some(()) }).await;
    assert!(called.elapsed() < Duration::from_secs(2), "{:?}", called.elapsed());
    let own: Vec<String> = receiver.texts().into_iter().filter(|text| text.starts_with('a')).collect();
    assert_eq!(own, ["a1", "a2"]);
    eventually("the rules hear of it", || async {
        (world.number("select count(*) from subscriptions where down_since is not null").await == 0).then_some(())
    })
    .await;
    running.stop().await;
    assert_eq!(world.cursor(&app).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_across_conversations_are_an_outage_that_ends_by_itself() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.answer_with(|_| Reply::Status(503));
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let running = world.start().await;
    world.say(&[("9001", "a"), ("9002", "b"), ("9003", "c"), ("9004", "d")]).await;
    eventually("the rules hear of it", || async {
        (world.number("select count(*) from subscriptions where down_since is not null").await == 1).then_some(())
    })
    .await;
    assert_eq!((world.cursor(&app).await, world.number("select count(*) from parked").await), (0, 0));
    receiver.answer_with(|_| Reply::Status(200));
    eventually("the cursor goes on", || async { (world.cursor(&app).await == 4).then_some(()) }).await;
    assert_eq!(world.number("select count(*) from dead_letters").await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_days_of_outage_disable_a_subscription() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.answer_with(|_| Reply::Status(503));
    world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    world.run("update subscriptions set down_since = clock_timestamp() - interval '5 days 1 second'").await;
    let running = world.start().await;
    world.say(&[("9001", "are you still away?")]).await;
    eventually("it is disabled", || async {
        (world.number("select count(*) from subscriptions where disabled_at is not null and disabled_reason = 'nothing could be delivered for 5 days'").await == 1)
            .then_some(())
    })
    .await;
    eventually("its lease is given back", || async { (world.number("select process_id from cursors").await == -1).then_some(()) }).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_was_down_when_nobody_looked_any_more_is_tried_first() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    world.run("update subscriptions set down_since = clock_timestamp() - interval '6 days'").await;
    let running = world.start().await;
    eventually("it is leased", || async {
        (world.number("select coalesce((select process_id from cursors), -1)").await == running.process).then_some(())
    })
    .await;
    world.say(&[("9001", "are you back?")]).await;
    eventually("it hears", || async { (receiver.texts() == ["are you back?"]).then_some(()) }).await;
    eventually("it is up", || async {
        (world.number("select count(*) from subscriptions where down_since is null and disabled_at is null").await == 1).then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_says_410_is_disabled() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    receiver.answer_with(|_| Reply::Status(410));
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let running = world.start().await;
    world.say(&[("9001", "a"), ("9001", "b")]).await;
    eventually("it is disabled", || async {
        (world.number("select count(*) from subscriptions where disabled_reason like '%410%'").await == 1).then_some(())
    })
    .await;
    running.stop().await;
    assert_eq!(receiver.texts(), ["a"]);
    assert_eq!(world.cursor(&app).await, 0, "the admin may enable it again, and then nothing is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_or_removed_subscription_hears_nothing_more() {
    for statement in ["update subscriptions set disabled_at = now()", "update subscriptions set removed_at = now()"] {
        let world = World::new().await;
        let receiver = Receiver::start().await;
        world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
        let running = world.start().await;
        world.say(&[("9001", "before")]).await;
        eventually("it hears", || async { (receiver.got().len() == 1).then_some(()) }).await;
        sqlx::query(statement).execute(&world.database.pool).await.unwrap();
        eventually("its lease is given back", || async { (world.number("select process_id from cursors").await == -1).then_some(()) })
            .await;
        world.say(&[("9001", "after")]).await;
        running.stop().await;
        assert_eq!(receiver.texts(), ["before"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let world = World::new().await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let location = format!("location: {}", elsewhere.url());
    receiver.answer_with(move |_| Reply::With(307, location.clone()));
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let running = world.start().await;
    world.say(&[("9001", "a")]).await;
    eventually("it is tried again", || async { (receiver.got().len() > 2).then_some(()) }).await;
    running.stop().await;
    assert!(elsewhere.got().is_empty());
    assert_eq!(world.cursor(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_never_called_unless_allowed() {
    let mut world = World::new().await;
    world.outbound.allowed_networks = Vec::new();
    let receiver = Receiver::start().await;
    let by_name = format!("http://localhost:{}/webhook", receiver.address.port());
    world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    world.app("222", "webhook", Some(&by_name), &["messages"]).await;
    let running = world.start().await;
    world.say(&[("9001", "a")]).await;
    eventually("both are down", || async {
        (world.number("select count(*) from subscriptions where down_since is not null").await == 2).then_some(())
    })
    .await;
    running.stop().await;
    assert!(receiver.got().is_empty());

    let outbound = Outbound::new(http::Settings::default()).unwrap();
    for url in [receiver.url(), by_name] {
        assert_eq!(outbound.get(&Url::parse(&url).unwrap()).await, Outcome::Blocked, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_answers_or_never_ends_is_cut_off() {
    let receiver = Receiver::start().await;
    let settings = http::Settings { timeout: Duration::from_secs(1), allowed_networks: vec!["127.0.0.1".parse().unwrap()] };
    let outbound = Outbound::new(settings).unwrap();
    let url = Url::parse(&receiver.url()).unwrap();
    for (reply, status) in [(Reply::Hang, None), (Reply::HangUp, None), (Reply::Endless, Some(200)), (Reply::Status(204), Some(204))] {
        let script = reply.clone();
        receiver.answer_with(move |_| script.clone());
        let began = Instant::now();
        let outcome = outbound.post(&url, Default::default(), b"{}".to_vec()).await;
        assert!(began.elapsed() < Duration::from_secs(2), "{reply:?}");
        match (outcome, status) {
            (Outcome::Answered(answer), Some(status)) => {
                assert_eq!(answer.status, status);
                assert!(answer.body.len() <= http::BODY_LIMIT);
            }
            (Outcome::TimedOut, None) => assert!(matches!(reply, Reply::Hang)),
            (Outcome::Broken, None) => assert!(matches!(reply, Reply::HangUp)),
            (outcome, _) => panic!("{reply:?}: {outcome:?}"),
        }
    }
    let port = receiver.address.port();
    drop(receiver);
    let outcome = eventually("nobody listens there", || async {
        let outcome = outbound.get(&Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap()).await;
        (!matches!(outcome, Outcome::Answered(_) | Outcome::Broken)).then_some(outcome)
    })
    .await;
    assert_eq!(outcome, Outcome::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_does_not_hold_up_the_others() {
    let world = World::new().await;
    let (silent, quick) = (Receiver::start().await, Receiver::start().await);
    silent.answer_with(|_| Reply::Hang);
    world.app("111", "webhook", Some(&silent.url()), &["messages"]).await;
    world.app("222", "webhook", Some(&quick.url()), &["messages"]).await;
    let running = world.start().await;
    for n in 0..20 {
        world.say(&[("9001", &format!("{n}"))]).await;
    }
    eventually("the other hears everything", || async { (world.cursor(&app_id("222")).await == 20).then_some(()) }).await;
    assert_eq!(world.cursor(&app_id("111")).await, 0);
    running.stop().await;
}
