//! Whatever everybody does at once, through two processes, one of which may die: what each was told can be explained by one order of
//! everything, true to time and to the rules. Checked from outside, as Jepsen does it; then the log is read against the rules.

mod bad;
mod model;
mod replay;
mod search;
mod world;

use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;

use super::{rounds, seed, show};
use crate::harness::eventually;
use crate::harness::running::{Balancer, Person, Running};

use model::Answer;
use search::{Op, Verdict, search};
use world::{Record, World};

/// Conversations of a history.
const CONVERSATIONS: usize = 5;

#[tokio::test]
async fn every_history_has_an_order_that_explains_it() {
    let (rounds, seed) = (rounds(2, 50), seed());
    let mut running = Running::with(2, &[("BATON_SEND_RATE", "300")]).await;
    let world = Arc::new(World::make(&running).await);
    let balancer = Balancer::start(running.batons.iter().map(|baton| baton.base.clone()).collect(), None);
    running.sandbox.deliver_to(&balancer.url).await;
    let (mut ops, mut lost, mut kills, mut read_to) = (0, 0, 0, 0);
    for round in 0..rounds {
        let mut people = Vec::new();
        for number in 0..CONVERSATIONS {
            let person = running.person(&format!("Person {round}.{number}")).await;
            person.says("Hello").await;
            people.push(person);
        }
        all_taken(&running).await;
        let (actors, record) = world.act(&running, &people, 50, seed + 100 * round as u64);
        if round % 2 == 1 {
            kills += 1;
            kill_one(&mut running, &record, round).await;
        }
        finish(&running, actors).await;
        let journal =
            running.sandbox.get(&format!("/sandbox/log?sends_after={0}&calls_after={0}&webhooks_after={read_to}", u64::MAX)).await;
        let attempts = journal["webhooks"].as_array().expect("attempts");
        read_to = attempts.last().map_or(read_to, |attempt| attempt["n"].as_u64().expect("a number"));
        let (some, unanswered) = match explain(&world, &record, attempts, &people) {
            Ok(counted) => counted,
            Err((person, why)) => panic!("round {round}, {person}: {why}\n{}", replay::log_of(&running, &person).await),
        };
        ops += some;
        lost += unanswered;
    }
    let rows = replay::log_gives_the_stored_state(&running).await;
    show(
        "Apps, agents, the clock and the platform act at random through two processes, one of which is killed now and then",
        rounds,
        "each conversation's history, as its clients saw it, is linearizable by the rules; the log replayed gives the stored state",
        &format!(
            "{ops} operations in {} conversations, {kills} kills, {lost} answers lost: all explained; {rows} rows of control replayed",
            rounds * CONVERSATIONS
        ),
    );
}

/// Kills one of the processes in the middle of a history, and starts it again.
async fn kill_one(running: &mut Running, record: &Record, round: usize) {
    eventually("the history is under way", async || (record.len() >= 100).then_some(())).await;
    let victim = round / 2 % 2;
    let killed = running.batons[victim].kill();
    let lapsed = sqlx::query("update processes set heartbeat_at = heartbeat_at - interval '8 seconds' where name like $1")
        .bind(format!("%({killed})"))
        .execute(&running.database.pool)
        .await
        .expect("processes are written");
    assert_eq!(lapsed.rows_affected(), 1, "the killed process is known");
    running.batons[victim].restart().await;
}

/// Waits until everybody has done everything, and Baton has taken whatever the platform has told.
async fn finish(running: &Running, mut actors: JoinSet<()>) {
    while let Some(done) = actors.join_next().await {
        done.expect("an actor");
    }
    all_taken(running).await;
}

async fn all_taken(running: &Running) {
    eventually("Baton has taken everything", async || (running.sandbox.pending().await == 0).then_some(())).await;
}

/// Each conversation has an order that explains it. How many ops there were, and how many of them were never answered; or whose has none, and why.
fn explain(world: &World, record: &Record, attempts: &[Value], people: &[Person]) -> Result<(usize, usize), (String, String)> {
    let mut histories = record.by_person();
    for (person, op) in world.told_by_platform(attempts) {
        histories.entry(person).or_default().push(op);
    }
    let (mut ops, mut lost) = (0, 0);
    for person in people {
        let history = histories.remove(&person.psid).expect("a history");
        ops += history.len();
        lost += history.iter().filter(|op| op.answer == Answer::Lost).count();
        match search(&World::rules(), &history) {
            Verdict::Explained => {}
            Verdict::Impossible { explained, state, stuck } => {
                let why = format!("after {explained} of these the state is {state:?}, and none of those comes next");
                return Err((person.psid.clone(), format!("{why}:\n{}\n{}", told(&stuck), told(&history))));
            }
            Verdict::Undecided => return Err((person.psid.clone(), format!("too much at once\n{}", told(&history)))),
        }
    }
    Ok((ops, lost))
}

/// A history in words.
fn told(history: &[Op]) -> String {
    let mut history = history.to_vec();
    history.sort_by_key(|op| op.start);
    let begun = history.first().map_or(0, |op| op.start);
    let line = |op: &Op| format!("{:>6} {:>6} {}: {:?} -> {:?}", op.start - begun, op.end - begun, op.by, op.call, op.answer);
    history.iter().map(line).collect::<Vec<_>>().join("\n")
}
