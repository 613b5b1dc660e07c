//! People who write, a bot that answers everything it may answer, and a desk that is passed conversations or takes them.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::harness::running::{Answer, App, Delivery, Evidence, Person, Running};

/// How many people write.
const PEOPLE: u64 = 12;

/// How many messages of a person may wait for an answer or, where the bot has nothing to say, a hearing: nobody writes faster than a busy machine can follow.
const ON_THE_WAY: usize = 6;

/// How soon whoever found nobody tries again.
const AGAIN: Duration = Duration::from_millis(50);

/// What became of a send, as its sender was told in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Sent under this id.
    Sent(String),
    /// Nobody knows.
    Unknown,
    /// Code and subcode.
    Refused(i64, Option<i64>),
}

/// What senders were told is what happened. What was told to be unknown is looked up in the outbox, by [`Evidence::sends_are_honest`].
pub fn senders_were_told_the_truth(outcomes: &BTreeMap<String, Outcome>, evidence: &Evidence) {
    let mids = evidence.sent_mids();
    for (key, outcome) in outcomes {
        match outcome {
            Outcome::Sent(mid) => assert!(mids.contains(mid.as_str()), "{key} was answered with {mid}, which nobody got"),
            Outcome::Unknown => {}
            Outcome::Refused(code, subcode) => assert_eq!((*code, *subcode), (10, Some(2_018_300)), "{key}"),
        }
    }
}

/// The bot's sends by their `Idempotency-Key`.
type Outcomes = Arc<Mutex<BTreeMap<String, Outcome>>>;

/// Somebody who writes, and how much more they may.
#[derive(Clone)]
struct Writer {
    person: Person,
    may: Arc<Semaphore>,
}

/// Traffic that goes on until it is stopped.
pub struct Traffic {
    stop: CancellationToken,
    answering: CancellationToken,
    people: JoinSet<usize>,
    bot: JoinSet<()>,
    handovers: JoinSet<()>,
    outcomes: Outcomes,
}

impl Traffic {
    /// Everybody begins.
    pub async fn start(running: &Running, bot: &App, desk: &App, seed: u64) -> Self {
        let (stop, answering) = (CancellationToken::new(), CancellationToken::new());
        let outcomes = Outcomes::default();
        let mut writers = Vec::new();
        for number in 0..PEOPLE {
            let person = running.person(&format!("Person {number}")).await;
            writers.push(Writer { person, may: Arc::new(Semaphore::new(ON_THE_WAY)) });
        }
        let (mut people, mut handovers, mut bot_tasks) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
        bot_tasks.spawn(answer_everything(bot.clone(), writers.clone(), Arc::clone(&outcomes), answering.clone()));
        for (number, writer) in (1..).zip(&writers) {
            people.spawn(write(writer.clone(), StdRng::seed_from_u64(seed + 100 + number), stop.clone()));
        }
        handovers.spawn(hand_over(bot.clone(), desk.clone(), writers, StdRng::seed_from_u64(seed + 99), stop.clone()));
        Self { stop, answering, people, bot: bot_tasks, handovers, outcomes }
    }

    /// Everybody stops; what was begun is finished. How many messages people wrote, and what became of the bot's sends.
    pub async fn stop(mut self) -> (usize, BTreeMap<String, Outcome>) {
        self.stop.cancel();
        let mut said = 0;
        while let Some(one) = self.people.join_next().await {
            said += one.expect("a person writes");
        }
        while let Some(done) = self.handovers.join_next().await {
            done.expect("handovers go on");
        }
        self.answering.cancel();
        while let Some(done) = self.bot.join_next().await {
            done.expect("the bot answers");
        }
        (said, self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// A person writes every now and then. How many messages.
async fn write(writer: Writer, mut dice: StdRng, stop: CancellationToken) -> usize {
    let mut said = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return said,
            may = writer.may.acquire() => may.expect("never closed").forget(),
        }
        writer.person.says(&format!("message {said}")).await;
        said += 1;
        tokio::time::sleep(Duration::from_millis(dice.random_range(50..400))).await;
    }
}

/// The bot answers each message that it hears on `messaging`, once, under the event's id.
async fn answer_everything(bot: App, writers: Vec<Writer>, outcomes: Outcomes, stop: CancellationToken) {
    let mut taken = bot.receiver.taken();
    let (mut answers, mut heard) = (JoinSet::new(), HashSet::new());
    loop {
        let delivery = tokio::select! {
            () = stop.cancelled() => break,
            delivery = taken.recv() => delivery,
        };
        let delivery = match delivery {
            Ok(delivery) => delivery,
            Err(RecvError::Lagged(_)) => panic!("the bot has more to answer than it can remember"),
            Err(RecvError::Closed) => break,
        };
        if delivery.text().is_none() || delivery.is_echo() {
            continue;
        }
        let writer = writers.iter().find(|writer| Some(writer.person.psid.as_str()) == delivery.psid()).expect("known");
        let is_new = heard.insert(delivery.id.clone());
        let (bot, writer, outcomes) = (bot.clone(), writer.clone(), Arc::clone(&outcomes));
        answers.spawn(async move {
            if delivery.channel() == "messaging" {
                answer(bot, writer.person, delivery, outcomes).await;
            }
            writer.may.add_permits(usize::from(is_new));
        });
    }
    while let Some(done) = answers.join_next().await {
        done.expect("an answer");
    }
}

async fn answer(bot: App, person: Person, delivery: Delivery, outcomes: Outcomes) {
    let message = json!({"text": format!("re: {}", delivery.text().unwrap_or_default())});
    let answer = loop {
        if let Some(answer) = conclusive(bot.messages(&person, message.clone(), Some(&delivery.id)).await) {
            break answer;
        }
        tokio::time::sleep(AGAIN).await;
    };
    let outcome = match (answer.error(), answer.body["message_id"].as_str()) {
        (None, Some(mid)) => Outcome::Sent(mid.to_owned()),
        (Some((2, None)), _) => Outcome::Unknown,
        (Some((code, subcode)), _) => Outcome::Refused(code, subcode),
        (None, None) => panic!("neither sent nor refused: {} {}", answer.status, answer.body),
    };
    let before = outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(delivery.id.clone(), outcome.clone());
    // The event came again, and so did its answer: what was sent stays sent, and stays the same message.
    if let Some(Outcome::Sent(mid)) = before {
        assert_eq!(outcome, Outcome::Sent(mid), "{}", delivery.id);
    }
}

/// Now and then a conversation goes to the desk, which gives it back.
async fn hand_over(bot: App, desk: App, writers: Vec<Writer>, mut dice: StdRng, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let recipient = json!({"id": writers[dice.random_range(0..writers.len())].person.psid});
        if dice.random_bool(0.5) {
            control(&bot, "pass_thread_control", json!({"recipient": recipient, "target_app_id": desk.id, "metadata": "to the desk"}))
                .await;
        } else {
            control(&desk, "take_thread_control", json!({"recipient": recipient})).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.random_range(50..300))).await;
        control(&desk, "pass_thread_control", json!({"recipient": recipient, "target_app_id": bot.id})).await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(50..200))).await;
    }
}

/// A call of thread control. Repeated after a kill it may find that it was done before, or that there is no such conversation yet.
async fn control(app: &App, edge: &str, body: Value) {
    let answer = loop {
        if let Some(answer) = conclusive(app.try_control(edge, &body).await) {
            break answer;
        }
        tokio::time::sleep(AGAIN).await;
    };
    assert!(answer.status == 200 || matches!(answer.error(), Some((100, _))), "{edge}: {}", answer.body);
}

/// An answer that is not to be asked for again. 408 comes when a busy server has read nothing in time.
fn conclusive(answer: reqwest::Result<Answer>) -> Option<Answer> {
    answer.ok().filter(|answer| answer.status != 408 && answer.body["error"]["is_transient"] != true)
}
