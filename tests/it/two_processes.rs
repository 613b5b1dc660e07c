//! Two processes of Baton on one database behave as one.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::eventually;
use crate::harness::running::{Agent, Answer, App, Balancer, PAGE, Person, Running, settling};

/// What every app here hears.
const FIELDS: &str = "messages,message_echoes,messaging_handovers,standby";

/// What a send by an app that does not own the conversation is answered with.
const NOT_OWNER: Option<(i64, Option<i64>)> = Some((10, Some(2_018_300)));

/// Two processes behind a balancer, a bot that answers first, and two desks that may take.
struct Pair {
    running: Running,
    bot: App,
    desks: [App; 2],
    _balancer: Balancer,
}

impl Pair {
    async fn start() -> Self {
        let running = Running::start(2).await;
        let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
        let mut desks = Vec::new();
        for name in ["Front desk", "Back desk"] {
            desks.push(running.add_app(name, &["--may-take", "--fields", FIELDS]).await);
        }
        let balancer = Balancer::start(running.batons.iter().map(|baton| baton.base.clone()).collect(), None);
        running.sandbox.deliver_to(&balancer.url).await;
        Self { running, bot, desks: desks.try_into().ok().expect("two"), _balancer: balancer }
    }

    fn apps(&self) -> [&App; 3] {
        [&self.bot, &self.desks[0], &self.desks[1]]
    }

    /// The app, calling the process with this number.
    fn through(&self, app: &App, process: usize) -> App {
        app.through(&self.running.batons[process].base)
    }

    /// Waits until nothing is under way, then looks at everything. How many messages were sent.
    async fn ends_well(&self) -> usize {
        let evidence = settling::everything_is_done(&self.running, &self.apps().map(|app| (app, FIELDS))).await;
        evidence.positions_are_consecutive();
        assert!(evidence.acknowledged_events_are_stored_once() > 0, "something came in");
        evidence.one_owner_at_a_time();
        for app in self.apps() {
            evidence.heard_in_order(app, FIELDS);
        }
        evidence.sends_are_honest()
    }

    /// The number of the process that holds the lease of the Page's outbox.
    async fn sender(&self) -> usize {
        eventually("a process holds the outbox", async || {
            let name: Option<String> =
                sqlx::query_scalar("select p.name from outbox_leases l join processes p using (process_id) where l.page_id = $1")
                    .bind(PAGE)
                    .fetch_optional(&self.running.database.pool)
                    .await
                    .expect("the lease");
            name.and_then(|name| self.number(&name))
        })
        .await
    }

    /// The numbers of the processes that deliver to some app.
    async fn deliverers(&self) -> HashSet<usize> {
        let names: Vec<String> = sqlx::query_scalar("select p.name from cursors c join processes p using (process_id)")
            .fetch_all(&self.running.database.pool)
            .await
            .expect("the cursors");
        names.iter().filter_map(|name| self.number(name)).collect()
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.running.batons.iter().position(|baton| baton.base.ends_with(name.split(' ').next().unwrap_or("?")))
    }
}

/// Each of these people has said hello and belongs to the bot.
async fn greeted(pair: &Pair, count: usize) -> Vec<Person> {
    let mut people = Vec::new();
    for number in 0..count {
        let person = pair.running.person(&format!("Person {number}")).await;
        person.says("Hello").await;
        people.push(person);
    }
    for person in &people {
        pair.running.owned(person, &pair.bot.id).await;
    }
    people
}

#[tokio::test]
async fn whoever_calls_whichever_process_one_app_speaks() {
    let pair = Pair::start().await;
    let people = greeted(&pair, 3).await;
    for round in 0..6 {
        join_all(people.iter().map(|person| scramble(&pair, person, round))).await;
    }
    for person in &people {
        let owner = pair.running.owner(person).await.expect("owned");
        for app in pair.apps() {
            for process in [0, 1] {
                let answer = pair.through(app, process).send(person, "Is it mine?").await;
                if app.id == owner {
                    answer.ok();
                } else {
                    assert_eq!(answer.error(), NOT_OWNER, "{}", answer.body);
                }
            }
        }
    }
    let sent = pair.ends_well().await;
    assert!(sent >= 6, "the owners' last words at least: {sent}");
}

/// Everybody at once, through both processes: both desks take, all three send, the person writes. Exactly those who owned the conversation
/// at their moment may have been heard, which the log tells afterwards.
async fn scramble(pair: &Pair, person: &Person, round: usize) {
    let [front, back] = [0, 1].map(|number| pair.through(&pair.desks[number], (number + round) % 2));
    let takes = async { tokio::join!(front.take(person), back.take(person)) };
    let calls = pair.apps().into_iter().flat_map(|app| [0, 1].map(|process| pair.through(app, process)));
    let sends = calls.map(|app| async move { app.send(person, &format!("round {round}")).await });
    let (taken, answers, _) = tokio::join!(takes, join_all(sends), person.says("And I?"));
    taken.0.ok();
    taken.1.ok();
    for answer in answers {
        assert!(answer.status == 200 || answer.error() == NOT_OWNER, "{}", answer.body);
    }
    let owner = pair.running.owner(person).await;
    assert!(pair.desks.iter().any(|desk| Some(&desk.id) == owner.as_ref()), "one of those who took owns it: {owner:?}");
    // Back to the bot, so that the next round begins alike.
    let owner = pair.desks.iter().find(|desk| Some(&desk.id) == owner.as_ref()).expect("a desk");
    if round.is_multiple_of(2) {
        owner.pass(person, None).await.ok();
    }
}

#[tokio::test]
async fn what_one_process_accepts_another_sends_once() {
    let pair = Pair::start().await;
    let people = greeted(&pair, 4).await;
    pair.bot.send(&people[0], "Whoever sends first holds the outbox").await.ok();
    let sender = pair.sender().await;
    let other = pair.through(&pair.bot, 1 - sender);
    let sends = (0..5).flat_map(|number| people.iter().map(move |person| (number, person)));
    let answers = join_all(sends.map(|(number, person)| {
        let other = &other;
        async move { (person, insist(other, person, &format!("number {number}")).await) }
    }))
    .await;
    assert_eq!(pair.sender().await, sender, "the lease did not move");
    let mut mids: HashMap<&str, HashSet<String>> = HashMap::new();
    for (person, answer) in answers {
        let mid = answer.ok()["message_id"].as_str().expect("a message id").to_owned();
        assert!(mids.entry(person.psid.as_str()).or_default().insert(mid), "each send has its own message");
    }
    for person in &people {
        let shown: HashSet<String> =
            person.transcript().await.iter().filter_map(|message| message["mid"].as_str().map(str::to_owned)).collect();
        assert!(mids[person.psid.as_str()].is_subset(&shown), "what was answered is there");
    }
    assert_eq!(pair.ends_well().await, 1 + 5 * people.len());
}

#[tokio::test]
async fn an_agent_sees_live_what_came_in_elsewhere() {
    let running = Running::start(2).await;
    running.add_inbox().await;
    running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
    let password = running.add_user("anna@example.org", "Anna", "agent").await;
    let [here, there] = [&running.batons[0], &running.batons[1]];
    running.sandbox.deliver_to(&format!("{}/platform/webhook", there.base)).await;
    let ada = running.person("Ada Lovelace").await;
    let conversation = format!("{PAGE}/{}", ada.psid);

    let agent = Agent::log_in(here, "anna@example.org", &password).await;
    let mut live = agent.live(None).await;
    assert_eq!(live.next().await.0, "hello", "the stream has begun");
    let mid = ada.says("Hello?").await;
    live.tells_of(&conversation, position(&running, &mid).await).await;
    let page = agent.page(&format!("/inbox/{conversation}")).await;
    assert!(page.contains("Hello?"), "the message is shown on the process it did not come to");

    // The stream breaks; what happens meanwhile is told when it goes on, by the other process.
    let last = live.last_id.clone();
    drop(live);
    let mid = ada.says("Anybody?").await;
    let position = position(&running, &mid).await;
    let mut live = agent.at(there).live(Some(&last)).await;
    live.tells_of(&conversation, position).await;
}

/// Where a message is in the log, once it is.
async fn position(running: &Running, mid: &str) -> i64 {
    eventually("the message is in the log", async || {
        sqlx::query_scalar("select position from log where page_id = $1 and mid = $2")
            .bind(PAGE)
            .bind(mid)
            .fetch_optional(&running.database.pool)
            .await
            .expect("the log")
    })
    .await
}

#[tokio::test]
async fn the_leases_of_a_killed_process_move_to_the_other() {
    let mut pair = Pair::start().await;
    let people = greeted(&pair, 4).await;
    pair.bot.send(&people[0], "Whoever sends first holds the outbox").await.ok();
    eventually("both processes deliver", async || (pair.deliverers().await.len() == 2).then_some(())).await;
    let sender = pair.sender().await;
    let survivor = pair.through(&pair.bot, 1 - sender);
    // Messages are on their way in and out at the moment of death.
    let mut under_way = JoinSet::new();
    for person in &people {
        for number in 0..10 {
            let (survivor, person) = (survivor.clone(), person.clone());
            under_way.spawn(async move { insist(&survivor, &person, &format!("under way {number}")).await });
        }
        person.says("before").await;
    }
    let first = under_way.join_next().await.expect("a send").expect("sent");
    pair.running.batons[sender].kill();
    for person in &people {
        person.says("after").await;
    }
    let after = join_all(people.iter().map(|person| insist(&survivor, person, "after"))).await;
    assert!(after.iter().all(|answer| answer.status == 200), "the survivor sends: {after:?}");
    assert_eq!(pair.sender().await, 1 - sender, "it holds the outbox now");
    for app in pair.apps() {
        app.receiver.heard("what came in afterwards", |delivery| delivery.text() == Some("after") && !delivery.is_echo()).await;
    }
    assert_eq!(pair.deliverers().await, HashSet::from([1 - sender]), "it delivers to all");
    for answer in under_way.join_all().await.into_iter().chain([first]) {
        assert!(answer.status == 200 || answer.error() == Some((2, None)), "sent, or honestly unknown: {}", answer.body);
    }
    assert!(pair.ends_well().await > people.len(), "what was sent afterwards at least");
}

/// Sends under one key until the answer is final.
async fn insist(app: &App, person: &Person, text: &str) -> Answer {
    loop {
        let key = format!("{}/{text}", person.psid);
        let answer = app.messages(person, json!({"text": text}), Some(&key)).await.expect("the survivor answers");
        if answer.body["error"]["is_transient"] != true {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
