//! Baton is asked to stop in the middle of everything: requests over many connections, sends, open streams, deliveries. It finishes all of it.

mod client;
mod line;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use super::{rounds, seed, show};
use crate::harness::eventually;
use crate::harness::running::{Agent, App, Person, Running, settling};
use client::{Asked, Client, Manner, Readiness};

/// What the bot hears.
const FIELDS: &str = "messages,message_echoes,messaging_handovers";

/// How long a stopping process still takes requests.
const DRAIN: Duration = Duration::from_secs(1);

/// How many connections bring webhooks, and how many sends; half of each belong to clients that do not heed readiness.
const LINES: [usize; 2] = [16, 8];

#[tokio::test]
async fn stopping_under_load_finishes_what_is_under_way() {
    let (rounds, seed) = (rounds(2, 30), seed());
    let drain = DRAIN.as_secs().to_string();
    let mut running = Running::with(1, &[("BATON_DRAIN_SECONDS", &drain), ("BATON_SEND_RATE", "200")]).await;
    let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
    running.add_inbox().await;
    let password = running.add_user("anna@example.org", "Anna", "agent").await;
    bot.receiver.think(Duration::from_millis(50));
    let mut people = Vec::new();
    for number in 0..LINES[0] {
        let person = running.person(&format!("Person {number}")).await;
        person.says("Hello").await;
        people.push(person);
    }
    for person in &people {
        running.owned(person, &bot.id).await;
    }
    let mut dice = StdRng::seed_from_u64(seed + 9);
    let (mut seen, mut longest) = (Seen::default(), Duration::ZERO);
    for round in 0..rounds {
        let agent = Agent::log_in(running.baton(), "anna@example.org", &password).await;
        let mut streams = JoinSet::new();
        for _ in 0..3 {
            let live = agent.live(None).await;
            streams.spawn(async move { (live.ended().await, Instant::now()) });
        }
        let load = Load::start(&running, &bot, &people, round);
        load.is_under_way().await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..500))).await;
        let since = Instant::now();
        running.batons[0].terminate();
        let status = running.batons[0].ended().await;
        longest = longest.max(since.elapsed());
        assert_eq!(status.code(), Some(0), "it finishes: {status}");
        while let Some(ended) = streams.join_next().await {
            let (ended, at) = ended.expect("a stream");
            assert!(ended.is_ok(), "a stream breaks off: {ended:?}");
            assert!(at >= since + DRAIN, "a stream ends before others can take it over");
        }
        let asked = load.ends().await;
        nothing_is_left(&running).await;
        running.batons[0].restart().await;
        seen.add(&running, asked).await;
    }
    assert!(seen.answered >= 200 * rounds && seen.sent >= 20 * rounds, "{seen:?}");
    let evidence = settling::everything_is_done(&running, &[(&bot, FIELDS)]).await;
    evidence.positions_are_consecutive();
    let sends = evidence.sends_are_honest();
    assert_eq!((evidence.sends_in("sent"), evidence.sends_in("unknown")), (sends, 0), "every send's outcome is known");
    let (heard, again) = evidence.heard_in_order(&bot, FIELDS);
    assert_eq!(again, 0, "what was under way is written down, so nothing comes again of {heard}");
    show(
        "SIGTERM under load: webhooks and sends over kept-alive connections, open streams, deliveries under way",
        rounds,
        "exit code 0; no request of a client that heeds /readyz fails, no answer breaks off; no lease left, no send unknown, nothing delivered twice",
        &format!(
            "{} requests answered, {} unanswered of clients that do not heed it; {sends} sends, {heard} events; longest stop {:.1} s",
            seen.answered,
            seen.unanswered,
            longest.as_secs_f64()
        ),
    );
}

/// Clients at work.
struct Load {
    readiness: Readiness,
    clients: JoinSet<Vec<Asked>>,
}

impl Load {
    fn start(running: &Running, bot: &App, people: &[Person], round: usize) -> Self {
        let base = &running.baton().base;
        let (readiness, mut clients) = (Readiness::watch(base), JoinSet::new());
        for (kind, lines) in LINES.into_iter().enumerate() {
            for number in 0..lines {
                let person = people[number % people.len()].clone();
                let name = format!("{round}_{kind}_{number}");
                let manner = if number % 2 == 0 { Manner::Heedful } else { Manner::Stubborn };
                let client = if kind == 0 { Client::platform(running, person, name) } else { Client::app(running, bot, person, name) };
                clients.spawn(client.run(manner, readiness.clone()));
            }
        }
        Self { readiness, clients }
    }

    /// Waits until a good number of requests have been answered.
    async fn is_under_way(&self) {
        eventually("requests are answered", async || (self.readiness.answered() >= 300).then_some(())).await;
    }

    async fn ends(self) -> Vec<Asked> {
        self.clients.join_all().await.into_iter().flatten().collect()
    }
}

/// What has been seen of requests.
#[derive(Debug, Default)]
struct Seen {
    answered: usize,
    sent: usize,
    unanswered: usize,
}

impl Seen {
    /// Whatever was answered is as answered; whatever was not is asked again, and is then there once.
    async fn add(&mut self, running: &Running, asked: Vec<Asked>) {
        self.answered += asked.iter().filter(|one| one.answer.is_some()).count();
        self.unanswered += asked.iter().filter(|one| one.answer.is_none()).count();
        let mut mids = BTreeMap::new();
        for one in asked {
            let answer = match one.answer {
                Some(answer) => answer,
                None => client::insist(&running.baton().base, &one.request).await,
            };
            assert_eq!(answer.status, 200, "{}: {}", one.name, answer.body);
            self.sent += usize::from(one.is_send);
            let mid = if one.is_send { client::sent(&answer) } else { one.name };
            mids.insert(mid, one.is_send);
        }
        let (all, echoes): (Vec<String>, Vec<bool>) = mids.into_iter().unzip();
        let missing: Vec<(String, i64)> = sqlx::query_as(
            "select asked.mid, count(log.mid) from unnest($1::text[], $2::boolean[]) as asked (mid, echo)
             left join log on log.mid = asked.mid and log.kind = case when asked.echo then 'echo' else 'message' end
             group by asked.mid having count(log.mid) <> 1",
        )
        .bind(&all)
        .bind(&echoes)
        .fetch_all(&running.database.pool)
        .await
        .expect("the log");
        assert!(missing.is_empty(), "acknowledged, but not in the log once: {missing:?}");
    }
}

/// A process that has ended well holds nothing, and leaves nothing to guess.
async fn nothing_is_left(running: &Running) {
    let left: (i64, i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from processes), (select count(*) from cursors where process_id is not null),
                (select count(*) from outbox_leases where process_id is not null), (select count(*) from outbox where state = 'sending')",
    )
    .fetch_one(&running.database.pool)
    .await
    .expect("what is left");
    assert_eq!(left, (0, 0, 0, 0), "processes, cursors, outboxes, sends under way");
}
