//! Baton dies at the very places where a crash could lose, double or reorder something. Each label is a [`baton::failpoint`] that must have
//! been reached: the process ends by itself there, and says so.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::kill::crowd::{Crowd, SETTINGS, let_leases_lapse};
use super::{rounds, seed, show};
use crate::harness::eventually;
use crate::harness::running::{App, Evidence, PAGE, Person, Running, settling};

/// Places that ordinary traffic passes.
const UNDER_TRAFFIC: [&str; 10] = [
    // The group is written, but not committed.
    "ledger.commit",
    // Committed, but nobody knows of it.
    "ledger.committed",
    // Deliveries, outboxes and browsers know of it, but the callers have no answers.
    "ledger.told",
    // A send's turn has come.
    "outbox.begin",
    // `sending` is committed, and not a byte has left.
    "outbox.begun",
    // The platform has answered, and the ledger does not know.
    "outbox.answered",
    // The outcome is committed.
    "outbox.finished",
    // An app has taken an event, and no cursor knows.
    "delivery.answered",
    // Cursors are about to be written.
    "delivery.flush",
    // Cursors are written, and their memory of it is not.
    "delivery.flushed",
];

/// SIGABRT, by which an abort ends a process.
const ABORTED: i32 = 6;

/// The app beside Baton.
const OUTSIDE: &str = "263902037430900";

#[tokio::test]
async fn dying_at_any_point_loses_doubles_and_reorders_nothing() {
    let (each, seed) = (rounds(1, 10), seed());
    let mut crowd = Crowd::gather(Running::with(1, &SETTINGS).await, seed).await;
    let mut dice = StdRng::seed_from_u64(seed);
    for _ in 0..each {
        for label in UNDER_TRAFFIC {
            crowd.flows().await;
            let killed = crowd.running.batons[0].kill();
            let_leases_lapse(&crowd.running, killed).await;
            die(&mut crowd.running, label, dice.random_range(1..=9)).await;
            crowd.running.batons[0].restart().await;
        }
    }
    crowd.flows().await;
    let rounds = each * UNDER_TRAFFIC.len();
    // Killed, to be started with an end before it, and that end.
    let held = crowd.settle(2 * rounds).await;
    assert!(held.events >= 3 * rounds && held.sent >= rounds, "there was traffic");
    show(
        "Baton dies at 10 labelled points under traffic",
        rounds,
        "the process died there; every acknowledged event in the log once, heard in order by both apps; one owner; every send sent once or unknown",
        &format!("{} events, {} changes of owner, {} sends, {} unknown: all held", held.events, held.changes, held.sent, held.unknown),
    );
}

/// Starts Baton with an end before it, and waits until it has met it.
async fn die(running: &mut Running, label: &str, pass: u32) {
    running.batons[0].launch_with(&[("BATON_DIE_AT", &format!("{label}:{pass}"))]);
    has_died_at(running, label).await;
}

async fn has_died_at(running: &mut Running, label: &str) {
    let (process, signal, log) = running.batons[0].has_died().await;
    assert_eq!(signal, Some(ABORTED), "process {process} should have died at {label}");
    let last = log.lines().rev().find(|line| line.contains("dies here, as it was told")).unwrap_or_default();
    assert!(last.contains(label), "died elsewhere than at {label}: {last}");
    let_leases_lapse(running, process).await;
}

/// A conversation goes outside, and comes back; at each place of both ways Baton dies. Then the platform decides who holds it, and the call
/// was made once or never.
#[tokio::test]
async fn a_transfer_that_dies_on_the_way_is_settled_by_the_platform() {
    let each = rounds(1, 10);
    let mut running = Running::start(1).await;
    running.sandbox.post("/sandbox/apps", &json!({"app_id": OUTSIDE, "name": "Page inbox", "external": true})).await;
    running.command(&["page", "set", "--page", PAGE, "--external-apps", OUTSIDE]).await;
    let bot = running.add_app("Bot", &["--default"]).await;
    let ada = running.person("Ada Lovelace").await;
    let mut calls = 0;
    for round in 0..each {
        for label in ["transfer.call", "transfer.called"] {
            ada.says(&format!("round {round} for {label}")).await;
            running.owned(&ada, &bot.id).await;
            let is_called = label == "transfer.called";
            let pass = json!({"recipient": {"id": ada.psid}, "target_app_id": OUTSIDE});
            interrupted(&mut running, &bot, "pass_thread_control", pass, label).await;
            settled(&running).await;
            running.owned(&ada, if is_called { OUTSIDE } else { &bot.id }).await;
            calls += usize::from(is_called);
            assert_eq!(graph_calls(&running, "pass_thread_control").await, calls, "{label}");
            if is_called {
                // The person outside is done with it.
                let act = json!({"page_id": PAGE, "psid": ada.psid, "app_id": OUTSIDE, "action": "release"});
                running.sandbox.post("/sandbox/external", &act).await;
            }
        }
    }
    settling::everything_is_done(&running, &[]).await;
    Evidence::of(&running).await.positions_are_consecutive();
    show(
        "Baton dies around the platform's call of a transfer",
        2 * each,
        "the process died there; the call is made once or never; the owner is the platform's",
        &format!("{calls} calls for {} transfers: all held", 2 * each),
    );
}

/// Asks for a transfer that Baton dies at, and starts Baton again when the transfer counts as left behind.
async fn interrupted(running: &mut Running, app: &App, edge: &str, body: Value, label: &str) {
    let killed = running.batons[0].kill();
    let_leases_lapse(running, killed).await;
    running.batons[0].restart_with(&[("BATON_DIE_AT", &format!("{label}:1"))]).await;
    let asked = app.try_control(edge, &body).await;
    assert!(asked.is_err(), "Baton died before it could answer: {asked:?}");
    has_died_at(running, label).await;
    // What the next half minute would do.
    let left = sqlx::query(
        "update conversations set control = replace(control, '\"begun_at\":' || begun_at, '\"begun_at\":' || begun_at - 31000)
         from (select person_id as whose, (control::jsonb #>> '{transfer,begun_at}')::bigint as begun_at from conversations) as transfers
         where person_id = whose and begun_at is not null",
    )
    .execute(&running.database.pool)
    .await
    .expect("conversations are written");
    // The platform's own event may have told of its call before Baton died.
    let told = label == "transfer.called" && left.rows_affected() == 0;
    assert!(told || left.rows_affected() == 1, "the transfer is under way");
    running.batons[0].restart().await;
}

/// Waits until no transfer is under way.
async fn settled(running: &Running) {
    eventually("the transfer is settled", async || {
        let open: i64 = sqlx::query_scalar("select count(*) from conversations where control::jsonb ? 'transfer'")
            .fetch_one(&running.database.pool)
            .await
            .expect("conversations are read");
        (open == 0).then_some(())
    })
    .await;
}

/// How many calls of an edge the platform has taken.
async fn graph_calls(running: &Running, edge: &str) -> usize {
    let journal = running.sandbox.journal().await;
    let calls = journal["calls"].as_array().expect("a list");
    calls.iter().filter(|call| call["path"].as_str().is_some_and(|path| path.ends_with(edge)) && call["status"] == 200).count()
}

/// The built-in bot says several things to a message. Baton dies between them, and each is said once.
#[tokio::test]
async fn the_bot_that_dies_between_two_replies_says_each_once() {
    let (each, seed) = (rounds(2, 20), seed());
    let mut running = Running::with(1, &SETTINGS).await;
    running.add_bot().await;
    let mut dice = StdRng::seed_from_u64(seed);
    let mut said = 0;
    for round in 0..each {
        let killed = running.batons[0].kill();
        let_leases_lapse(&running, killed).await;
        running.batons[0].launch_with(&[("BATON_DIE_AT", &format!("bot.accepted:{}", dice.random_range(1..=4)))]);
        let mut people: Vec<Person> = Vec::new();
        for number in 0..4 {
            let person = running.person(&format!("Person {round}/{number}")).await;
            person.says("Hello").await;
            people.push(person);
        }
        has_died_at(&mut running, "bot.accepted").await;
        running.batons[0].restart().await;
        for person in &people {
            let texts = eventually("the bot has said hello and its menu", async || {
                let texts = person.has_read().await;
                (texts.len() >= 2).then_some(texts)
            })
            .await;
            said += texts.len();
        }
        settling::everything_is_done(&running, &[]).await;
        let first = people[0].has_read().await;
        for person in &people {
            assert_eq!(person.has_read().await, first, "everybody is greeted alike, once");
        }
        let mut once = first.clone();
        once.dedup();
        assert_eq!(once, first, "nothing is said twice");
    }
    let evidence = Evidence::of(&running).await;
    evidence.positions_are_consecutive();
    evidence.acknowledged_events_are_stored_once();
    let sent = evidence.sends_are_honest();
    evidence.one_owner_at_a_time();
    assert_eq!(sent, said, "and nothing else");
    show(
        "Baton dies after the built-in bot's reply was accepted",
        each,
        "the process died there; the bot says everything once",
        &format!("{sent} replies to {} people: all held", 4 * each),
    );
}
