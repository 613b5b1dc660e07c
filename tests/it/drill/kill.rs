//! Baton is killed in the middle of traffic, again and again, and nothing is lost, doubled or reordered.

pub mod traffic;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{rounds, seed, show};
use crate::harness::eventually;
use crate::harness::running::{Evidence, PAGE, Running};
use traffic::{Outcome, Traffic};

/// What both apps hear.
const FIELDS: &str = "messages,message_echoes,message_deliveries,messaging_handovers,standby";

/// Waits for a failed delivery, so short that the test need not wait for them.
const RETRIES: &str = "200ms,300ms,500ms,1s,1s,1s,1s,1s,1s";

#[tokio::test]
async fn killing_baton_loses_doubles_and_reorders_nothing() {
    let (rounds, seed) = (rounds(20, 200), seed());
    let mut running = Running::with(1, &[("BATON_RETRY_SCHEDULE", RETRIES), ("BATON_SEND_RATE", "200")]).await;
    let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
    let desk = running.add_app("Desk", &["--may-take", "--fields", FIELDS]).await;
    let mut dice = StdRng::seed_from_u64(seed);
    let mut faults = StdRng::seed_from_u64(seed + 1);
    desk.receiver.answer(move |_| if faults.random_bool(0.03) { 500 } else { 200 });
    // Apps take their time, so that a kill meets deliveries under way, and others that wait behind them.
    bot.receiver.think(Duration::from_millis(30));
    desk.receiver.think(Duration::from_millis(80));
    let traffic = Traffic::start(&running, &bot, &desk, seed).await;

    for round in 1..=rounds {
        traffic_flows(&running).await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..700))).await;
        let killed = running.batons[0].kill();
        // After the last kill the dead process's leases lapse by themselves.
        if round < rounds {
            let_leases_lapse(&running, killed).await;
        }
        running.batons[0].restart().await;
    }
    traffic_flows(&running).await;
    let (said, outcomes) = traffic.stop().await;
    everything_is_done(&running).await;

    eventually("every app has heard everything", async || {
        let evidence = Evidence::of(&running).await;
        [&bot, &desk].iter().all(|app| evidence.missing(app, FIELDS) == 0).then_some(())
    })
    .await;
    let evidence = Evidence::of(&running).await;
    evidence.positions_are_consecutive();
    let stored = evidence.acknowledged_events_are_stored_once();
    assert!(stored >= said && said >= 5 * rounds, "{said} messages were written, {stored} events acknowledged");
    let sent = evidence.sends_are_honest();
    assert!(sent >= 3 * rounds, "{sent} messages were sent");
    let changes = evidence.one_owner_at_a_time();
    assert!(changes >= rounds, "{changes} changes of owner");
    for app in [&bot, &desk] {
        let (heard, again) = evidence.heard_in_order(app, FIELDS);
        assert!(heard >= stored && again < heard, "{heard} events heard, {again} of them again");
    }
    let mids = evidence.sent_mids();
    for (key, outcome) in &outcomes {
        match outcome {
            Outcome::Sent(mid) => assert!(mids.contains(mid.as_str()), "{key} was answered with {mid}, which nobody got"),
            // Whether it was sent is looked up above, in the outbox.
            Outcome::Unknown => {}
            Outcome::Refused(code, subcode) => assert_eq!((*code, *subcode), (10, Some(2_018_300)), "{key}"),
        }
    }
    assert!(evidence.refused_webhooks() >= rounds, "Baton was away for some webhooks");
    assert!(outcomes.values().filter(|outcome| matches!(outcome, Outcome::Sent(_))).count() >= 3 * rounds, "sends were answered");
    show(
        "Baton killed at a random moment under traffic",
        rounds,
        "every acknowledged event in the log once, heard in order by both apps; one owner; every send sent once or unknown",
        &format!("{stored} events, {changes} changes of owner, {sent} sends: all held"),
    );
}

/// Waits until something new has come in, and something has gone out.
async fn traffic_flows(running: &Running) {
    let progress = async || {
        let (position, sent): (i64, i64) =
            sqlx::query_as("select last_position, (select count(*) from outbox where state = 'sent') from pages where page_id = $1")
                .bind(PAGE)
                .fetch_one(&running.database.pool)
                .await
                .expect("the progress");
        (position, sent)
    };
    let before = progress().await;
    eventually("traffic flows", async || {
        let now = progress().await;
        (now.0 >= before.0 + 3 && now.1 >= before.1 + 2).then_some(())
    })
    .await;
}

/// What the next eight seconds would do: the killed process holds no leases any more.
async fn let_leases_lapse(running: &Running, killed: u32) {
    let lapsed = sqlx::query("update processes set heartbeat_at = heartbeat_at - interval '8 seconds' where name like $1")
        .bind(format!("%({killed})"))
        .execute(&running.database.pool)
        .await
        .expect("processes are written");
    assert_eq!(lapsed.rows_affected(), 1, "the killed process is known");
}

/// Waits until the platform has nothing more to bring, and every send has an outcome.
async fn everything_is_done(running: &Running) {
    eventually("everything is done", async || {
        let open: i64 = sqlx::query_scalar("select count(*) from outbox where state in ('accepted', 'sending')")
            .fetch_one(&running.database.pool)
            .await
            .expect("the outbox");
        (open == 0 && running.sandbox.pending().await == 0).then_some(())
    })
    .await;
}
