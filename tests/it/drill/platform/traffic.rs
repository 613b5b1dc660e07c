//! People who write, a bot that answers whatever it hears, a desk that takes and gives back, and an app beside Baton that breaks in.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::drill::kill::traffic::Outcome;
use crate::harness::running::{Answer, App, PAGE, PLATFORM_APP, Person, Running};

/// Meta's own inbox, which is always beside Baton on the sandbox.
pub const OUTSIDE: &str = "263902037430900";

/// How many people write.
const PEOPLE: u64 = 12;

/// While the bot has so many answers under way, nobody writes: no faster than a busy machine and a platform that asks for less can follow.
const UNDER_WAY: usize = 36;

/// How soon whoever was told to come again does.
const AGAIN: Duration = Duration::from_millis(100);

/// The bot's answers by their texts, which no two share.
#[derive(Clone, Default)]
pub struct Outcomes(Arc<Mutex<BTreeMap<String, Outcome>>>);

impl Outcomes {
    fn note(&self, text: String, outcome: Outcome) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(text, outcome);
    }

    /// All so far.
    pub fn all(&self) -> BTreeMap<String, Outcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether an answer to these words was sent.
    pub fn was_answered(&self, words: &str) -> bool {
        let answer = format!("re: {words} [");
        let outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.range(answer.clone()..).take_while(|(text, _)| text.starts_with(&answer)).any(|(_, told)| matches!(told, Outcome::Sent(_)))
    }

    /// How many so far are like this.
    pub fn count(&self, like: impl Fn(&Outcome) -> bool) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().filter(|outcome| like(outcome)).count()
    }
}

/// Traffic that goes on until it is stopped.
pub struct Traffic {
    /// Everybody who writes.
    pub people: Vec<Person>,
    /// What became of the bot's answers.
    pub outcomes: Outcomes,
    stop: CancellationToken,
    answering: CancellationToken,
    actors: JoinSet<()>,
    bot: JoinSet<()>,
}

impl Traffic {
    /// Everybody begins.
    pub async fn start(running: &Running, bot: &App, desk: &App, seed: u64) -> Self {
        let (stop, answering) = (CancellationToken::new(), CancellationToken::new());
        let (outcomes, under_way) = (Outcomes::default(), Arc::new(AtomicUsize::new(0)));
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(running.person(&format!("Person {number}")).await);
        }
        let (mut actors, mut bot_task) = (JoinSet::new(), JoinSet::new());
        bot_task.spawn(answer_everything(bot.clone(), people.clone(), outcomes.clone(), Arc::clone(&under_way), answering.clone()));
        for (number, person) in (1..).zip(&people) {
            let dice = StdRng::seed_from_u64(seed + 100 + number);
            actors.spawn(until(stop.clone(), write(person.clone(), Arc::clone(&under_way), dice)));
        }
        actors.spawn(until(stop.clone(), hand_over(bot.clone(), desk.clone(), people.clone(), StdRng::seed_from_u64(seed + 98))));
        let outside = format!("{}/sandbox/external", running.sandbox.base);
        actors.spawn(until(stop.clone(), break_in(running.http.clone(), outside, people.clone(), StdRng::seed_from_u64(seed + 99))));
        Self { people, outcomes, stop, answering, actors, bot: bot_task }
    }

    /// Nobody begins anything new but the bot, which goes on answering.
    pub async fn quiet(&mut self) {
        self.stop.cancel();
        while let Some(done) = self.actors.join_next().await {
            done.expect("an actor");
        }
    }

    /// The bot finishes its answers. What became of them all.
    pub async fn stop(mut self) -> BTreeMap<String, Outcome> {
        self.quiet().await;
        self.answering.cancel();
        while let Some(done) = self.bot.join_next().await {
            done.expect("the bot answers");
        }
        self.outcomes.all()
    }
}

async fn until(stop: CancellationToken, act: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = act => {}
    }
}

async fn write(person: Person, under_way: Arc<AtomicUsize>, mut dice: StdRng) {
    for number in 0.. {
        tokio::time::sleep(Duration::from_millis(dice.random_range(150..700))).await;
        while under_way.load(Ordering::Relaxed) >= UNDER_WAY {
            tokio::time::sleep(AGAIN).await;
        }
        person.says(&format!("message {number}")).await;
    }
}

/// The bot answers each message that it hears on `messaging`, once, under the event's id.
async fn answer_everything(bot: App, people: Vec<Person>, outcomes: Outcomes, under_way: Arc<AtomicUsize>, stop: CancellationToken) {
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
        let (Some(said), "messaging", false) = (delivery.text(), delivery.channel(), delivery.is_echo()) else { continue };
        if !heard.insert(delivery.id.clone()) {
            continue;
        }
        let person = people.iter().find(|person| Some(person.psid.as_str()) == delivery.psid()).expect("known").clone();
        let text = format!("re: {said} [{}]", delivery.id);
        let (bot, outcomes, under_way) = (bot.clone(), outcomes.clone(), Arc::clone(&under_way));
        under_way.fetch_add(1, Ordering::Relaxed);
        answers.spawn(async move {
            let outcome = insist(&bot, &person, &text, &delivery.id).await;
            outcomes.note(text, outcome);
            under_way.fetch_sub(1, Ordering::Relaxed);
        });
    }
    while let Some(done) = answers.join_next().await {
        done.expect("an answer");
    }
}

/// Sends under one key, again while the answer says that it may be sent again.
pub async fn insist(app: &App, person: &Person, text: &str, key: &str) -> Outcome {
    loop {
        let answer = conclusive(app.messages(person, json!({"text": text}), Some(key)).await);
        let Some(answer) = answer else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        return match (answer.error(), answer.body["message_id"].as_str()) {
            (None, Some(mid)) => Outcome::Sent(mid.to_owned()),
            (Some((2, None)), _) => Outcome::Unknown,
            (Some((code, subcode)), _) => Outcome::Refused(code, subcode),
            (None, None) => panic!("neither sent nor refused: {} {}", answer.status, answer.body),
        };
    }
}

/// Now and then a conversation goes to the desk, which gives it back. What the platform has a say in may well be refused.
async fn hand_over(bot: App, desk: App, people: Vec<Person>, mut dice: StdRng) {
    loop {
        let recipient = json!({"id": people[dice.random_range(0..people.len())].psid});
        if dice.random_bool(0.5) {
            control(&bot, "pass_thread_control", json!({"recipient": recipient, "target_app_id": desk.id})).await;
        } else {
            control(&desk, "take_thread_control", json!({"recipient": recipient})).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.random_range(50..300))).await;
        control(&desk, "pass_thread_control", json!({"recipient": recipient, "target_app_id": bot.id})).await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(50..200))).await;
    }
}

async fn control(app: &App, edge: &str, body: Value) {
    while conclusive(app.try_control(edge, &body).await).is_none() {
        tokio::time::sleep(AGAIN).await;
    }
}

/// An answer that is not to be asked for again. 408 comes when a busy server has read nothing in time.
fn conclusive(answer: reqwest::Result<Answer>) -> Option<Answer> {
    answer.ok().filter(|answer| answer.status != 408 && answer.body["error"]["is_transient"] != true)
}

/// Now and then somebody at Meta's inbox answers, with an event of the handover or silently, and later lets go or passes back.
async fn break_in(http: reqwest::Client, url: String, people: Vec<Person>, mut dice: StdRng) {
    loop {
        tokio::time::sleep(Duration::from_millis(dice.random_range(300..900))).await;
        let psid = people[dice.random_range(0..people.len())].psid.clone();
        let silent = dice.random_bool(0.5);
        outside(&http, &url, &psid, json!({"action": "send", "text": "Page inbox here", "silent": silent})).await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(200..900))).await;
        if dice.random_bool(0.5) {
            outside(&http, &url, &psid, json!({"action": "pass", "target_app_id": PLATFORM_APP})).await;
        } else {
            outside(&http, &url, &psid, json!({"action": "release"})).await;
        }
    }
}

/// An act of Meta's inbox. It may be refused: Baton may have taken the conversation meanwhile.
pub async fn outside(http: &reqwest::Client, url: &str, psid: &str, mut act: Value) {
    act["page_id"] = json!(PAGE);
    act["psid"] = json!(psid);
    act["app_id"] = json!(OUTSIDE);
    http.post(url).json(&act).send().await.expect("the sandbox answers");
}
