//! What an app gets when nothing goes wrong, over real HTTP.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use baton::apps::delivery::InProcessApp;
use baton::control::Audience;
use baton::wire::Channel;
use serde_json::json;

use crate::delivery_receiver::{Got, Receiver};
use crate::delivery_world::{Row, SECRET, World, message};
use crate::harness::eventually;
use crate::harness::page::app_id;

/// An HMAC by another program, in hex.
fn openssl(digest: &str, data: &[u8]) -> String {
    let mut child = Command::new("openssl")
        .args(["dgst", digest, "-hmac", SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is there");
    child.stdin.take().unwrap().write_all(data).unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    output.trim().rsplit(' ').next().unwrap().to_owned()
}

async fn got(receiver: &Receiver, count: usize) -> Vec<Got> {
    eventually("the app has got them", || async { Some(receiver.got()).filter(|got| got.len() >= count) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_a_post_signed_over_exactly_its_bytes() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let running = world.start().await;
    world.say(&[("9001", "grüße/<ü>😀"), ("9002", "zwei")]).await;
    let got = got(&receiver, 2).await;
    for one in &got {
        assert_eq!((one.method.as_str(), one.target.as_str()), ("POST", "/webhook"));
        assert!(one.body.is_ascii());
        assert_eq!(one.json()["entry"].as_array().unwrap().len(), 1);
        assert_eq!(one.headers["content-type"], "application/json");
        assert_eq!(one.headers["x-hub-signature"], format!("sha1={}", openssl("-sha1", &one.body)));
        assert_eq!(one.headers["x-hub-signature-256"], format!("sha256={}", openssl("-sha256", &one.body)));
        assert_eq!(one.headers["x-baton-epoch"], "1");
        assert!(one.headers["webhook-signature"].starts_with("v1,"));
        assert!(!one.headers.contains_key("x-baton-attempt"));
    }
    let mut ids: Vec<&str> = got.iter().map(|one| one.headers["webhook-id"].as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["evt_100_1", "evt_100_2"]);
    running.stop().await;
    assert_eq!(world.cursor(&app_id("111")).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_conversation_is_heard_in_order() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let running = world.start().await;
    for group in 0..20 {
        let texts: Vec<(String, String)> = (0..12).map(|n| (format!("person{}", n % 4), format!("{:03}", group * 12 + n))).collect();
        let messages: Vec<(&str, &str)> = texts.iter().map(|(person, text)| (person.as_str(), text.as_str())).collect();
        world.say(&messages).await;
    }
    let got = got(&receiver, 240).await;
    let mut heard: HashMap<String, Vec<String>> = HashMap::new();
    for one in &got {
        let person = one.json()["entry"][0]["messaging"][0]["sender"]["id"].as_str().unwrap().to_owned();
        heard.entry(person).or_default().extend(one.texts());
    }
    assert_eq!(heard.len(), 4);
    for (person, texts) in heard {
        let mut sorted = texts.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(texts, sorted, "{person}");
        assert_eq!(texts.len(), 60);
    }
    eventually("the cursor follows", || async { (world.cursor(&app).await == 240).then_some(()) }).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn audience_and_fields_decide_what_an_app_hears() {
    let world = World::new().await;
    let [owner, listener, deaf, late] =
        [Receiver::start().await, Receiver::start().await, Receiver::start().await, Receiver::start().await];
    world.app("111", "webhook", Some(&owner.url()), &["messages", "baton_control"]).await;
    world.app("222", "webhook", Some(&listener.url()), &["messages", "standby"]).await;
    world.app("333", "webhook", Some(&deaf.url()), &["messages"]).await;
    world.app("444", "webhook", Some(&late.url()), &["messages", "standby"]).await;
    world.run(r#"update subscriptions set fields = '{"messages": 0, "standby": 1}' where app_id = '444'"#).await;
    let running = world.start().await;
    let to_owner = |text: &str| Row { audience: Audience::Owner(app_id("111")), ..message("9001", text) };
    let released = json!({ "change": "released", "by": "111", "after": { "owner": { "kind": "idle" }, "epoch": 2, "changed_at": 5 } });
    let control = Row { person: Some("9001"), kind: "control", field: "baton_control", audience: Audience::Subscribers, payload: released };
    let note = Row { kind: "note", field: "", audience: Audience::Internal, ..message("9001", "secret") };
    world.write(&[to_owner("one"), to_owner("two"), note, control, message("9001", "all")]).await;

    let owned = got(&owner, 4).await;
    assert_eq!(owner.texts(), ["one", "two", "all"]);
    assert_eq!(owned[2].json()["entry"][0]["messaging"][0]["baton_control"]["change"], "released");
    got(&listener, 3).await;
    assert_eq!(listener.texts(), ["one", "two", "all"]);
    assert_eq!(listener.got()[0].json()["entry"][0]["standby"][0]["message"]["text"], "one");
    got(&late, 2).await;
    assert_eq!(late.texts(), ["two", "all"], "standby counts from the position it was subscribed at");
    got(&deaf, 1).await;
    assert_eq!(deaf.texts(), ["all"], "without standby only what is on messaging");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_app_begins_where_it_was_subscribed() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.say(&[("9001", "before")]).await;
    world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    world.run(r#"update subscriptions set fields = '{"messages": 1}'"#).await;
    world.say(&[("9001", "after")]).await;
    let running = world.start().await;
    got(&receiver, 1).await;
    world.say(&[("9001", "later")]).await;
    got(&receiver, 2).await;
    assert_eq!(receiver.texts(), ["after", "later"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_takes_batches_gets_one_event_an_entry() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    world.run("update apps set batch = 50").await;
    world.say(&[("9001", "a1"), ("9001", "a2"), ("9002", "b1"), ("9001", "a3")]).await;
    let running = world.start().await;
    let got = got(&receiver, 1).await;
    assert_eq!(got[0].texts(), ["a1", "a2", "a3", "b1"]);
    let body = got[0].json();
    assert!(body["entry"].as_array().unwrap().iter().all(|entry| entry["messaging"].as_array().unwrap().len() == 1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_inside_the_process_gets_the_same_and_gets_it_again() {
    let world = World::new().await;
    world.app("111", "bot", None, &["messages"]).await;
    let (app, mut deliveries) = InProcessApp::channel(16);
    let running = world.start_with(Some(app)).await;
    world.say(&[("9001", "hello")]).await;
    let first = deliveries.recv().await.unwrap();
    assert_eq!((first.event_id.as_str(), first.epoch.0, first.channel), ("evt_100_1", 1, Channel::Messaging));
    assert_eq!((first.app.as_str(), first.page.as_str(), first.person.as_str()), ("111", "100", "9001"));
    assert_eq!(first.item["message"]["text"], "hello");
    first.answer.send(Err("not now".to_owned())).unwrap();
    let again = deliveries.recv().await.unwrap();
    assert_eq!(again.event_id, "evt_100_1");
    again.answer.send(Ok(())).unwrap();
    eventually("the cursor follows", || async { (world.cursor(&app_id("111")).await == 1).then_some(()) }).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_person_is_heard_in_order_beside_the_others() {
    let mut world = World::new().await;
    world.settings.lane = 4;
    world.settings.window = 8;
    let receiver = Receiver::start().await;
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let texts: Vec<String> = (0..60).map(|n| format!("{n:02}")).collect();
    let mut flood: Vec<(&str, &str)> = texts.iter().map(|text| ("9001", text.as_str())).collect();
    flood.push(("9002", "me too"));
    world.say(&flood).await;
    let running = world.start().await;
    got(&receiver, 61).await;
    let heard = receiver.texts();
    assert!(heard.iter().position(|text| text == "me too").unwrap() < 20, "{heard:?}");
    let flood: Vec<String> = heard.into_iter().filter(|text| text != "me too").collect();
    assert_eq!(flood, texts);
    eventually("nothing is parked any more", || async {
        (world.cursor(&app).await == 61 && world.number("select count(*) from parked").await == 0).then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_scrubbed_before_its_turn_goes_out_as_deleted() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    world.say(&[("9001", "regretted")]).await;
    world.run("update log set scrubbed_at = now()").await;
    let running = world.start().await;
    let got = got(&receiver, 1).await;
    assert_eq!(got[0].json()["entry"][0]["messaging"][0]["message"], json!({ "mid": "mid.regretted", "is_deleted": true }));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_older_than_the_log_jumps_and_says_so() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    world.say(&[("9001", "one"), ("9001", "two"), ("9001", "three")]).await;
    world.run("delete from log where position < 3").await;
    let running = world.start().await;
    got(&receiver, 1).await;
    assert_eq!(receiver.texts(), ["three"]);
    eventually("the cursor follows", || async { (world.cursor(&app).await == 3).then_some(()) }).await;
    let told: (i64, i32, String) =
        sqlx::query_as("select position, attempts, last_error from dead_letters").fetch_one(&world.database.pool).await.unwrap();
    assert_eq!((told.0, told.1), (1, 0));
    assert!(told.2.contains("2 positions from 1 to 2"), "{}", told.2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_has_just_subscribed_to_is_heard_at_once() {
    let mut world = World::new().await;
    world.settings.look = Duration::from_secs(1);
    let receiver = Receiver::start().await;
    let app = world.app("111", "webhook", Some(&receiver.url()), &["messages"]).await;
    let to_another = |text: &str| Row { audience: Audience::Owner(app_id("222")), ..message("9001", text) };
    let running = world.start().await;
    world.write(&[message("9001", "all"), to_another("not yet")]).await;
    got(&receiver, 1).await;
    eventually("both are passed", async || (world.cursor(&app).await == 2).then_some(())).await;
    let fields = ["messages", "standby"].map(str::to_owned);
    world.database.store.subscribe(&world.page, &app, &fields).await.unwrap();
    world.write(&[to_another("now")]).await;
    got(&receiver, 2).await;
    assert_eq!(receiver.texts(), ["all", "now"]);
    running.stop().await;
}
