//! Several processes, and the death of one.

use std::collections::HashMap;
use std::time::Duration;

use crate::delivery_receiver::Receiver;
use crate::delivery_world::World;
use crate::harness::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn processes_share_the_subscriptions_fairly() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    for app in 1..=6 {
        world.app(&format!("{app}"), "webhook", Some(&receiver.url()), &["messages"]).await;
    }
    let one = world.start().await;
    eventually("one has all", || async { (world.number("select count(process_id) from cursors").await == 6).then_some(()) }).await;
    let two = world.start().await;
    eventually("each has half", || async {
        let most =
            world.number("select max(count) from (select count(*) from cursors where process_id is not null group by process_id) x").await;
        let held = world.number("select count(process_id) from cursors").await;
        (most == 3 && held == 6).then_some(())
    })
    .await;
    world.say(&[("9001", "hello")]).await;
    eventually("each app hears it", || async { (receiver.got().len() == 6).then_some(()) }).await;
    two.stop().await;
    eventually("one has all again", || async {
        (world.number("select count(*) from cursors where process_id = (select min(process_id) from processes)").await == 6).then_some(())
    })
    .await;
    one.stop().await;
    assert_eq!(receiver.got().len(), 6, "nothing came twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_takes_over_after_a_death_and_nothing_is_lost() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let mut running = world.start().await;
    let mut said = 0;
    for _ in 0..3 {
        for _ in 0..40 {
            let texts: Vec<(String, String)> = (0..5).map(|person| (format!("p{person}"), format!("p{person}-{said:04}"))).collect();
            let messages: Vec<(&str, &str)> = texts.iter().map(|(person, text)| (person.as_str(), text.as_str())).collect();
            world.say(&messages).await;
            said += 1;
        }
        eventually("it delivers", || async { (receiver.got().len() > said * 3).then_some(()) }).await;
        running.kill().await;
        // Eight seconds later its leases are free.
        world.run("update processes set heartbeat_at = clock_timestamp() - interval '9 seconds'").await;
        running = world.start().await;
    }
    eventually("everything is done", || async { (world.cursor(&app).await == i64::try_from(said).unwrap() * 5).then_some(()) }).await;
    running.stop().await;

    let mut heard: HashMap<String, Vec<String>> = HashMap::new();
    let mut bodies: HashMap<String, Vec<u8>> = HashMap::new();
    for got in receiver.got() {
        let text = got.texts().remove(0);
        let known = bodies.entry(got.headers["webhook-id"].clone()).or_insert_with(|| got.body.clone());
        assert_eq!(*known, got.body, "the same id is the same event");
        let own = heard.entry(text[..2].to_owned()).or_default();
        if !own.contains(&text) {
            own.push(text);
        }
    }
    for (person, texts) in heard {
        let expected: Vec<String> = (0..said).map(|n| format!("{person}-{n:04}")).collect();
        assert_eq!(texts, expected);
    }
    assert_eq!(bodies.len(), said * 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_lost_its_lease_writes_nothing() {
    let mut world = World::new().await;
    world.settings.look = Duration::from_secs(3600);
    let receiver = Receiver::start().await;
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let running = world.start().await;
    world.say(&[("9001", "one")]).await;
    eventually("the cursor follows", || async { (world.cursor(&app).await == 1).then_some(()) }).await;
    world.run("update cursors set generation = generation + 1, process_id = null, position = 0").await;
    world.say(&[("9001", "two")]).await;
    eventually("it hears", || async { receiver.texts().contains(&"two".to_owned()).then_some(()) }).await;
    running.stop().await;
    assert_eq!(world.cursor(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_one_process_wakes_deliveries_of_another() {
    let mut world = World::new().await;
    world.settings.probe = Duration::from_secs(3600);
    let gone = Receiver::start().await;
    let (address, url) = (gone.address, gone.url());
    drop(gone);
    let app = world.app("111", "webhook", Some(&url), &["messages"]).await;
    let one = world.start().await;
    world.say(&[("9001", "hello")]).await;
    eventually("it is down", || async {
        (world.number("select count(*) from subscriptions where down_since is not null").await == 1).then_some(())
    })
    .await;
    let receiver = Receiver::start_at(address).await;
    // The app calls a process that shares nothing with the first but the database.
    let elsewhere = baton::apps::SignsOfLife::default();
    let first = std::mem::replace(&mut world.signs, elsewhere);
    let two = world.start().await;
    eventually("two processes are there", || async { (world.number("select count(*) from processes").await == 2).then_some(()) }).await;
    eventually("it hears", || async {
        world.signs.tell(&app);
        (receiver.texts() == ["hello"]).then_some(())
    })
    .await;
    drop(first);
    one.stop().await;
    two.stop().await;
}
