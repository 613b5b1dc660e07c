//! A zoo: one Page with apps that misbehave, each in its own way, beside apps that behave. Nobody suffers from another.

mod gate;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::kill::traffic::Traffic;
use super::{rounds, seed, show};
use crate::harness::eventually;
use crate::harness::running::{App, Evidence, PAGE, Receiver, Running, free_port};
use gate::{Gate, Habit};

/// What everybody hears.
const FIELDS: &str = "messages,message_echoes,message_deliveries,messaging_handovers,standby";

/// Waits for a failed delivery, so short that the end of the schedule is seen.
const RETRIES: &str = "200ms,300ms,500ms,500ms,500ms";

/// How often the moody one fails.
const MOODY: f64 = 0.1;

/// An app and what stands before it.
struct Animal {
    name: &'static str,
    app: App,
    gate: Gate,
}

#[tokio::test]
async fn nobody_suffers_from_an_app_that_misbehaves() {
    let (rounds, seed) = (rounds(1, 10), seed());
    let running = Running::with(1, &[("BATON_RETRY_SCHEDULE", RETRIES), ("BATON_SEND_RATE", "200")]).await;
    let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
    let desk = running.add_app("Desk", &["--may-take", "--fields", FIELDS]).await;
    let elsewhere = running.add_app("Elsewhere", &["--fields", "messages"]).await;
    let behaved = [
        animal(&running, "endless body", Habit::Endless, seed).await,
        animal(&running, "breaks off", Habit::BreakOff, seed).await,
        animal(&running, "moody", Habit::Moody(MOODY), seed).await,
    ];
    let poisoned = animal(&running, "poisoned", Habit::Poison, seed).await;
    let gone = animal(&running, "gone", Habit::Say("HTTP/1.1 410 Gone"), seed).await;
    let mut spoilt = Vec::new();
    for (name, habit) in [
        ("hangs", Habit::Hang),
        ("hangs up", Habit::HangUp),
        ("500", Habit::Say("HTTP/1.1 500 Internal Server Error")),
        ("429", Habit::Say("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1")),
        ("redirects", Habit::Redirect(elsewhere.receiver.url.clone())),
    ] {
        spoilt.push((animal(&running, name, habit.clone(), seed).await, habit));
    }
    let (away, address) = absent(&running, "away").await;
    let (lost, _) = absent(&running, "lost").await;
    let lag = Lag::watch(&running, &bot);
    let traffic = Traffic::start(&running, &bot, &desk, seed).await;
    let down: Vec<&str> = spoilt.iter().map(|(animal, _)| animal.app.id.as_str()).chain([away.id.as_str(), &lost.id]).collect();
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        spoilt.iter().filter(|_| round > 0).for_each(|(animal, habit)| animal.gate.turn(habit.clone()));
        all_down(&running, &down).await;
        longest = longest.max(all_come_back(&spoilt).await);
    }
    // Time goes by: an hour for one, more than any app is waited for for the other.
    down_for(&running, &away, "1 hour").await;
    down_for(&running, &lost, "5 days").await;
    let gave_up = eventually("the lost app is given up", async || reason(&running, &lost).await).await;
    assert_eq!(gave_up, "nothing could be delivered for 5 days");
    let _back = Gate::start(&away.receiver.url, &address, Habit::Open, seed).await;
    let called = Instant::now();
    away.request_control(&running.person("Somebody").await).await;
    away.receiver.heard("what came in while it was away", |_| true).await;
    longest = longest.max(called.elapsed());

    let dead = eventually("the poison is set aside", async || dead_letters(&running).await.into_iter().next()).await;
    assert_eq!(Some(format!("evt_{PAGE}_{}", dead.1)), poisoned.gate.poison(), "the one event that never got through");
    assert_eq!(dead.0, poisoned.app.id);
    traffic.stop().await;
    let good: Vec<&App> = [&bot, &desk, &away]
        .into_iter()
        .chain(behaved.iter().map(|animal| &animal.app))
        .chain(spoilt.iter().map(|(animal, _)| &animal.app))
        .collect();
    catch_up(&running, &good).await;
    let told = Instant::now();
    loop {
        let left = left_to_hear(&running, &good, &poisoned).await;
        if left.is_empty() {
            break;
        }
        assert!(told.elapsed() < Duration::from_secs(60), "not everybody has heard everything: {left:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lag = lag.stop().await;
    let evidence = Evidence::of(&running).await;
    evidence.positions_are_consecutive();
    let events = evidence.acknowledged_events_are_stored_once();
    for app in &good {
        evidence.heard_in_order(app, FIELDS);
    }
    poisoned_in_order(&poisoned.app);
    assert_eq!(dead_letters(&running).await, [dead], "an outage sets nothing aside");
    assert!(gone.app.receiver.deliveries().is_empty());
    assert_eq!(reason(&running, &gone.app).await.as_deref(), Some("the app answered 410 Gone"));
    for app in &good {
        assert_eq!(reason(&running, app).await, None, "moods and outages of less than five days disable nobody");
    }
    assert!(elsewhere.receiver.deliveries().iter().all(|heard| heard.is_signed_with(&elsewhere.secret)), "redirects are not followed");
    show(
        "A Page with twelve misbehaving apps: hang, hang up, 500, 429, redirect, refuse, 410, endless and broken answers, moods, poison",
        rounds,
        "the others hear everything in order and in time; outages set nothing aside and end by themselves; one dead letter; 410 alone disables",
        &format!(
            "{events} events heard in order by {} apps; the bot never more than {:.1} s behind; outages noticed over after {:.1} s at most",
            good.len(),
            lag.as_secs_f64(),
            longest.as_secs_f64()
        ),
    );
}

/// An app with a gate before its callback, from the first event on.
async fn animal(running: &Running, name: &'static str, habit: Habit, seed: u64) -> Animal {
    let receiver = Receiver::start();
    let gate = Gate::start(&receiver.url, "127.0.0.1:0", habit, seed).await;
    let app = running.add_app_behind(name, &["--fields", FIELDS], receiver, &gate.url).await;
    Animal { name, app, gate }
}

/// An app that nobody answers for, and where its gate will be.
async fn absent(running: &Running, name: &str) -> (App, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let app = running.add_app_behind(name, &["--fields", FIELDS], Receiver::start(), &format!("http://{address}/")).await;
    (app, address)
}

/// Waits until the rules of control know that these are down.
async fn all_down(running: &Running, apps: &[&str]) {
    eventually("the outages are known", async || {
        let down: i64 = sqlx::query_scalar("select count(*) from subscriptions where app_id = any($1) and down_since is not null")
            .bind(apps)
            .fetch_one(&running.database.pool)
            .await
            .expect("the subscriptions");
        (usize::try_from(down) == Ok(apps.len())).then_some(())
    })
    .await;
}

/// The gates open: how long it takes until every app has heard something again.
async fn all_come_back(spoilt: &[(Animal, Habit)]) -> Duration {
    let since = Instant::now();
    let mut before = Vec::new();
    for (animal, _) in spoilt {
        before.push(animal.app.receiver.deliveries().len());
        animal.gate.turn(Habit::Open);
    }
    for ((animal, _), before) in spoilt.iter().zip(before) {
        eventually(animal.name, async || (animal.app.receiver.deliveries().len() > before).then_some(())).await;
    }
    since.elapsed()
}

/// Makes an outage older than it is, for whoever leases the subscription next; the present lease ends.
async fn down_for(running: &Running, app: &App, age: &str) {
    for statement in [
        "update subscriptions set down_since = clock_timestamp() - $1::text::interval where app_id = $2 and down_since is not null",
        "update cursors set generation = generation + 1, process_id = null where app_id = $2 and $1::text is not null",
    ] {
        let done = sqlx::query(statement).bind(age).bind(&app.id).execute(&running.database.pool).await.expect("written");
        assert_eq!(done.rows_affected(), 1, "{statement}");
    }
}

/// Waits while these apps go on hearing what came in during their outages: for as long as it takes, but not a minute without getting on.
async fn catch_up(running: &Running, apps: &[&App]) {
    let apps: Vec<&str> = apps.iter().map(|app| app.id.as_str()).collect();
    let behind = async || {
        let (cursors, parked): (i64, i64) = sqlx::query_as(
            "select coalesce(sum(p.last_position - c.position), 0)::bigint,
                    (select coalesce(sum(p.last_position - k.position + 1), 0)::bigint from parked k join pages p using (page_id) where k.app_id = any($1))
             from cursors c join pages p using (page_id) where c.app_id = any($1)",
        )
        .bind(&apps)
        .fetch_one(&running.database.pool)
        .await
        .expect("the cursors");
        cursors + parked
    };
    let mut least = i64::MAX;
    while least > 0 {
        least = eventually("the apps get on", async || Some(behind().await).filter(|now| *now < least)).await;
    }
}

/// What is still under way, and to whom; nothing once everybody has heard everything but the poison.
async fn left_to_hear(running: &Running, good: &[&App], poisoned: &Animal) -> Vec<(String, usize)> {
    // First: what is committed after the evidence was read is in neither.
    let pending = usize::try_from(running.sandbox.pending().await).expect("a number");
    let evidence = Evidence::of(running).await;
    let mut left = vec![
        ("webhooks of the platform".to_owned(), pending),
        ("sends".to_owned(), evidence.sends_in("accepted") + evidence.sends_in("sending")),
        (poisoned.name.to_owned(), evidence.missing(&poisoned.app, FIELDS).len().abs_diff(1)),
    ];
    left.extend(good.iter().map(|app| (app.id.clone(), evidence.missing(app, FIELDS).len())));
    left.retain(|(_, count)| *count > 0);
    left
}

/// App and position of every event that was set aside.
async fn dead_letters(running: &Running) -> Vec<(String, i64)> {
    sqlx::query_as("select app_id, position from dead_letters").fetch_all(&running.database.pool).await.expect("the dead letters")
}

/// Why an app is disabled, if it is.
async fn reason(running: &Running, app: &App) -> Option<String> {
    sqlx::query_scalar("select disabled_reason from subscriptions where app_id = $1 and disabled_at is not null")
        .bind(&app.id)
        .fetch_optional(&running.database.pool)
        .await
        .expect("the subscriptions")
}

/// Each person's events came in the order of the log; the parked ones after what they waited for.
fn poisoned_in_order(app: &App) {
    let mut last: HashMap<String, i64> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for delivery in app.receiver.deliveries() {
        let position: i64 = delivery.id.rsplit('_').next().and_then(|position| position.parse().ok()).expect("a position");
        if seen.insert(position) {
            let before = last.insert(delivery.psid().expect("a person").to_owned(), position);
            assert!(before.is_none_or(|before| before < position), "{position} after {before:?}");
        }
    }
}

/// How far an app ever is behind.
struct Lag {
    stop: CancellationToken,
    task: JoinHandle<Duration>,
}

impl Lag {
    fn watch(running: &Running, app: &App) -> Self {
        let (stop, pool, app) = (CancellationToken::new(), running.database.pool.clone(), app.id.clone());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            while !stopped.is_cancelled() {
                let lag: Option<f64> = sqlx::query_scalar(
                    "select extract(epoch from clock_timestamp() - min(at))::float8 from log
                     where page_id = $1 and position > (select position from cursors where page_id = $1 and app_id = $2)",
                )
                .bind(PAGE)
                .bind(&app)
                .fetch_one(&pool)
                .await
                .expect("the log");
                longest = longest.max(Duration::try_from_secs_f64(lag.unwrap_or_default()).unwrap_or_default());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            longest
        });
        Self { stop, task }
    }

    async fn stop(self) -> Duration {
        self.stop.cancel();
        self.task.await.expect("it looks")
    }
}
