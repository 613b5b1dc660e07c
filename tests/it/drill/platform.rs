//! The platform misbehaves, as the real one does: webhooks come twice, late, out of order, with strange timestamps or never; answers are lost,
//! calls fail or are throttled; tokens die; apps beside Baton break in. Nothing that was acknowledged is lost, and nothing is sent twice.

mod stale;
mod traffic;
mod witness;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::{rounds, seed, show};
use crate::drill::kill::traffic::Outcome;
use crate::harness::eventually;
use crate::harness::running::{App, Evidence, PAGE, Person, Running, settling};
use traffic::{Traffic, insist, outside};
use witness::Witness;

/// What both apps hear.
const FIELDS: &str = "messages,message_echoes,message_deliveries,messaging_handovers,standby";

/// Waits for a failed delivery, so short that the test need not wait for them.
const RETRIES: &str = "200ms,300ms,500ms,1s,1s,1s,1s,1s,1s";

/// Codes that ask for less (protocol page, section 4).
const THROTTLES: [i64; 6] = [613, 4, 17, 32, 80_001, 80_006];

#[tokio::test(flavor = "multi_thread")]
async fn a_misbehaving_platform_loses_doubles_and_reorders_nothing() {
    let (rounds, seed) = (rounds(3, 60), seed());
    let running = Running::with(1, &[("BATON_RETRY_SCHEDULE", RETRIES), ("BATON_SEND_RATE", "200")]).await;
    let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
    let desk = running.add_app("Desk", &["--may-take", "--fields", FIELDS]).await;
    let mut dice = StdRng::seed_from_u64(seed);
    let mut witness = Witness::default();
    let mut traffic = Traffic::start(&running, &bot, &desk, seed).await;
    let mut tokens = 0;

    for round in 1..=rounds {
        running.sandbox.misbehave(&trouble(&mut dice, round, seed)).await;
        traffic_flows(&running).await;
        if round.is_multiple_of(3) {
            tokens += 1;
            let token = format!("EAAround{round}");
            running.sandbox.set_page_token(&token).await;
            let refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused(190, _));
            let before = traffic.outcomes.count(refused);
            eventually("sends fail for want of a token", async || (traffic.outcomes.count(refused) > before).then_some(())).await;
            running.set_page_token(&token).await;
            traffic_flows(&running).await;
        }
        witness.note(&running.sandbox.behave().await);
        witness.look(&running).await;
    }
    traffic.quiet().await;
    everybody_is_answered(&running, &desk, &traffic).await;
    let outcomes = traffic.stop().await;
    settling::everything_is_done(&running, &[(&bot, FIELDS), (&desk, FIELDS)]).await;
    witness.look(&running).await;

    let evidence = Evidence::of(&running).await;
    evidence.positions_are_consecutive();
    let stored = witness.acknowledged_events_are_stored_once(&running).await;
    let unknown = witness.sends_are_honest(&running).await;
    nothing_is_sent_twice(&witness, &outcomes);
    let heard: usize = [&bot, &desk].iter().map(|app| evidence.heard_in_order(app, FIELDS).0).sum();
    let struck = &witness.struck;
    assert!(struck.len() == KINDS.len() && struck.values().all(|times| *times > 0), "every fault struck: {struck:?}");
    assert!(stored >= 10 * rounds && witness.sends.len() >= 3 * rounds, "{stored} events, {} sends", witness.sends.len());
    show(
        "The platform misbehaves in every way at once under traffic",
        rounds,
        "every acknowledged event in the log once and heard in order; every send sent once, or shown as what it is; everybody answered in the end",
        &format!(
            "{} faults of {} kinds, {tokens} dead tokens; {stored} events, {heard} heard, {} sends, {unknown} unknown for good, none twice",
            struck.values().sum::<u64>(),
            struck.len(),
            witness.sends.len()
        ),
    );
}

/// Every kind of fault.
const KINDS: [&str; 13] = [
    "webhook_duplicate",
    "webhook_reorder",
    "webhook_delay",
    "webhook_straggle",
    "webhook_loss",
    "webhook_timestamp",
    "drop_answer",
    "late_error",
    "drop_call",
    "server_error",
    "throttle",
    "too_many_requests",
    "slow_answer",
];

/// Some faults, thrown by the dice. Each kind comes at least in every second round, with a first strike that is certain.
fn trouble(dice: &mut StdRng, round: usize, seed: u64) -> Value {
    let mut faults = Vec::new();
    for (number, kind) in KINDS.into_iter().enumerate() {
        if !(round + number).is_multiple_of(2) && dice.random_bool(0.6) {
            continue;
        }
        // What leaves an outcome unknown holds up its conversation for ten seconds, and a throttle holds up all of them.
        let probability = match kind {
            "drop_call" | "server_error" | "throttle" | "too_many_requests" => 0.02,
            "webhook_loss" | "webhook_delay" | "late_error" => 0.05,
            _ => 0.15,
        };
        let mut fault = json!({"kind": kind, "ms": dice.random_range(20..1500), "regain_minutes": 0});
        match kind {
            "webhook_timestamp" => {
                fault["form"] = [json!("seconds"), json!("text_seconds"), json!("text"), Value::Null][dice.random_range(0..4)].clone();
                fault["shift_ms"] = json!([0, dice.random_range(-3_600_000..0), dice.random_range(0..60_000)][dice.random_range(0..3)]);
            }
            "throttle" => fault["code"] = json!(THROTTLES[dice.random_range(0..THROTTLES.len())]),
            "too_many_requests" => fault["retry_after_s"] = json!(1),
            "slow_answer" | "webhook_delay" => fault["ms"] = json!(dice.random_range(50..400)),
            _ => {}
        }
        let mut once = fault.clone();
        once["count"] = json!(1);
        fault["probability"] = json!(probability);
        fault["seed"] = json!(seed + 1000 * round as u64 + number as u64);
        faults.extend([once, fault]);
    }
    if dice.random_bool(0.5) {
        // Whoever asks the platform who holds a thread, or moves it, meets trouble as well.
        faults.push(json!({"kind": "server_error", "edge": "*", "probability": 0.02, "seed": seed + round as u64}));
    }
    json!(faults)
}

/// Waits until something new has come in, and something has gone out.
async fn traffic_flows(running: &Running) {
    let progress = async || -> (i64, i64) {
        sqlx::query_as("select last_position, (select count(*) from outbox where state = 'sent') from pages where page_id = $1")
            .bind(PAGE)
            .fetch_one(&running.database.pool)
            .await
            .expect("the progress")
    };
    let before = progress().await;
    eventually("traffic flows", async || {
        let now = progress().await;
        (now.0 >= before.0 + 60 && now.1 >= before.1 + 15).then_some(())
    })
    .await;
}

/// Once the platform behaves and nobody breaks in, everybody who writes belongs to the bot again and is answered: nothing is stuck.
async fn everybody_is_answered(running: &Running, desk: &App, traffic: &Traffic) {
    let outside_url = format!("{}/sandbox/external", running.sandbox.base);
    join_all(traffic.people.iter().map(|person| async {
        outside(&running.http, &outside_url, &person.psid, json!({"action": "release"})).await;
        let word = format!("last word of {}", person.psid);
        // What a conversation's last send left unknown may hold it up for ten seconds.
        for _ in 0..12 {
            desk.release(person).await;
            person.says(&word).await;
            let deadline = Instant::now() + Duration::from_secs(5);
            while Instant::now() < deadline {
                if traffic.outcomes.was_answered(&word) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        panic!("{word} is never answered");
    }))
    .await;
}

/// What the bot was told of each answer is what the platform did. No two answers have the same text, so nobody read one twice.
fn nothing_is_sent_twice(witness: &Witness, outcomes: &BTreeMap<String, Outcome>) {
    for (text, outcome) in outcomes {
        match (outcome, witness.taken(text)) {
            (Outcome::Sent(mid), (1, Some(taken))) if mid == taken => {}
            (Outcome::Unknown, (0 | 1, _)) | (Outcome::Refused(..), (0, _)) => {}
            (_, taken) => panic!("{text:?}: the bot was told {outcome:?}, the platform took it {taken:?}"),
        }
    }
}

#[tokio::test]
async fn throttling_paces_and_loses_nothing() {
    const PEOPLE: usize = 8;
    let rounds = rounds(2, 21);
    let running = Running::with(1, &[("BATON_SEND_RATE", "200")]).await;
    let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
    let people = greeted(&running, &bot, PEOPLE).await;
    let mut witness = Witness::default();
    let mut refused = 0;
    for round in 0..rounds {
        // Every code in turn, then a 429 that names a time. A rest is two seconds, or what was asked for; a quarter of it is left to chance.
        let (fault, rest) = match THROTTLES.get(round % 7) {
            Some(code) => (json!({"kind": "throttle", "code": code, "regain_minutes": 0}), 1.5),
            None => (json!({"kind": "too_many_requests", "regain_minutes": 0, "retry_after_s": 3}), 3.0),
        };
        witness.look(&running).await;
        let before = witness.calls_of("/messages");
        running.sandbox.misbehave(&json!([fault])).await;
        let began = Instant::now();
        let texts: Vec<String> = (0..3 * PEOPLE).map(|number| format!("round {round}, number {number}")).collect();
        let sends = join_all(texts.iter().zip(people.iter().cycle()).map(|(text, person)| insist(&bot, person, text, text)));
        let relent = async {
            witness.sees(&running, "the platform refuses", |seen| seen.calls_of("/messages") > before).await;
            tokio::time::sleep(Duration::from_millis(2_200)).await;
            running.sandbox.behave().await;
            witness.look(&running).await;
            (witness.calls_of("/messages") - before, began.elapsed().as_secs_f64())
        };
        let (outcomes, (calls, lasted)) = tokio::join!(sends, relent);
        // Each conversation has one send under way. After a rest each may try once more; one more time is left for the moment of relenting.
        let most = PEOPLE * (2 + (lasted / rest).floor() as usize);
        assert!(calls <= most, "{calls} calls in {lasted} s although the platform asked for less: {fault}");
        refused += calls;
        witness.look(&running).await;
        for (text, outcome) in texts.iter().zip(&outcomes) {
            let (times, mid) = witness.taken(text);
            assert_eq!((times, outcome), (1, &Outcome::Sent(mid.unwrap_or_default().to_owned())), "{text}");
        }
    }
    settling::everything_is_done(&running, &[(&bot, FIELDS)]).await;
    witness.look(&running).await;
    assert_eq!(witness.sends_are_honest(&running).await, 0, "nothing is unknown");
    show(
        "The platform throttles: six codes, and 429 with Retry-After",
        rounds,
        "the Page rests, then everything is sent once and in order",
        &format!("{} sends after {refused} calls that were refused, all once and in order", witness.sends.len()),
    );
}

#[tokio::test]
async fn a_dying_token_fails_sends_honestly_and_recovers_once_replaced() {
    let rounds = rounds(2, 30);
    let running = Running::with(1, &[("BATON_SEND_RATE", "200")]).await;
    let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
    let people = greeted(&running, &bot, 6).await;
    let mut witness = Witness::default();
    let (mut sent, mut failed) = (0, 0);
    for round in 0..rounds {
        // The token dies while sends are under way: each is sent, or fails with the platform's own code.
        let texts: Vec<String> = (0..30).map(|number| format!("round {round}, number {number}")).collect();
        let sends = join_all(texts.iter().zip(people.iter().cycle()).map(|(text, person)| insist(&bot, person, text, text)));
        let token = format!("EAAround{round}");
        let die = async {
            witness.sees(&running, "sends are under way", |seen| seen.sends.len() > sent).await;
            running.sandbox.set_page_token(&token).await;
        };
        let (outcomes, ()) = tokio::join!(sends, die);
        witness.look(&running).await;
        for (text, outcome) in texts.iter().zip(&outcomes) {
            match (outcome, witness.taken(text)) {
                (Outcome::Sent(mid), (1, Some(taken))) if mid == taken => sent += 1,
                (Outcome::Refused(190, _), (0, _)) => failed += 1,
                (_, taken) => panic!("{text}: told {outcome:?}, taken {taken:?}"),
            }
        }
        // Nothing more goes out until the token is replaced; then everything does, from the first on.
        let text = format!("round {round}, without a token");
        assert!(matches!(insist(&bot, &people[0], &text, &text).await, Outcome::Refused(190, _)));
        failed += 1;
        running.set_page_token(&token).await;
        for (number, person) in people.iter().enumerate() {
            let text = format!("round {round}, again {number}");
            let outcome = insist(&bot, person, &text, &text).await;
            assert!(matches!(outcome, Outcome::Sent(_)), "after the token was replaced: {outcome:?}");
            sent += 1;
        }
    }
    settling::everything_is_done(&running, &[(&bot, FIELDS)]).await;
    witness.look(&running).await;
    assert_eq!(witness.sends_are_honest(&running).await, 0, "nothing is unknown");
    assert_eq!(witness.sends.len(), sent, "what was told as sent is what was sent");
    show(
        "A Page's token dies under sends and is replaced",
        rounds,
        "each send is sent once or fails with 190; after `baton page set` the first one goes out",
        &format!("{sent} sent, {failed} failed with 190, none lost, none twice"),
    );
}

/// Each of these people has said hello and belongs to the bot.
async fn greeted(running: &Running, bot: &App, count: usize) -> Vec<Person> {
    let mut people = Vec::new();
    for number in 0..count {
        let person = running.person(&format!("Person {number}")).await;
        person.says("Hello").await;
        running.owned(&person, &bot.id).await;
        people.push(person);
    }
    people
}
