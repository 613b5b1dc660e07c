//! One of two processes is frozen under traffic for longer than its leases, and goes on later as if nothing had happened: meanwhile the other
//! does everything, and what the first had in its hands does no harm.

mod grip;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::pair::Pair;
use super::{in_full, rounds, seed, show};
use crate::harness::eventually;
use crate::harness::running::Running;
use grip::Grip;

/// How long a lease lives without its process, in milliseconds.
const LEASE_MS: u64 = 7_000;

/// How long the balancer waits for a process to say that it is ready, before it takes what it has asked there elsewhere.
const PATIENCE: Duration = Duration::from_secs(4);

/// How soon the other process has everything in its hands.
const MOVES_ON: Duration = Duration::from_secs(10);

/// What was measured in one round.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    /// From the freeze to the first event after it that every app is done with: what an app was behind is part of it.
    deliveries: Duration,
    /// From the freeze until the other process has moved every cursor on.
    takeover: Duration,
    /// How many rows the app that was furthest behind was behind, when first looked at.
    behind: i64,
    /// From the freeze to the first message that another process sends.
    sends: Duration,
}

impl Times {
    fn longer(self, other: Self) -> Self {
        Self {
            deliveries: self.deliveries.max(other.deliveries),
            takeover: self.takeover.max(other.takeover),
            behind: self.behind.max(other.behind),
            sends: self.sends.max(other.sends),
        }
    }
}

#[tokio::test]
async fn a_frozen_process_holds_up_nobody_and_does_no_harm_when_it_wakes() {
    let (rounds, seed) = (rounds(3, 30), seed());
    let mut pair = Pair::start(seed, Some(PATIENCE), &[]).await;
    let mut dice = StdRng::seed_from_u64(seed + 7);
    let watch = Watch::start(&pair.running);
    let mut longest = [Times::default(); 3];
    for round in 0..rounds {
        let grip = [Grip::Chance, Grip::Cursor, Grip::Page][round % 3];
        let times = freeze_and_thaw(&pair, grip, &mut dice).await;
        longest[round % 3] = longest[round % 3].longer(times);
    }
    pair.traffic_flows().await;
    let held = pair.ends_well().await;
    let looks = watch.stop().await;
    assert!(held.events >= 5 * rounds && held.sends >= 2 * rounds && held.changes >= rounds, "{held:?}");
    assert!(looks > 100 * rounds, "{looks} looks at the cursors");
    let late = longest.iter().any(|times| times.takeover > MOVES_ON || times.sends > MOVES_ON);
    let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
    let figures = |times: Times| {
        let Times { deliveries, takeover, behind, sends } = times;
        format!("{} s / {} s / {} s ({behind} rows behind)", seconds(takeover), seconds(deliveries), seconds(sends))
    };
    show(
        "One of two processes frozen for longer than its leases, then thawed; at random, while it writes cursors, while it holds the Page",
        rounds,
        "cursors and sends move on within 10 s; no cursor moves back, no stale transaction commits, nothing is lost, sent twice or out of order",
        &format!(
            "longest until cursors moved on / an event since the freeze was delivered / sends went on (and the most that an app was behind when first looked at): {} at random, {} with cursors, {} with the Page; {} events, {} sends, {} deliveries came again: {}",
            figures(longest[0]),
            figures(longest[1]),
            figures(longest[2]),
            held.events,
            held.sends,
            held.again,
            if late { "not all in time" } else { "all held" }
        ),
    );
    assert!(!(in_full() && late), "{longest:?}");
}

/// One round.
async fn freeze_and_thaw(pair: &Pair, grip: Grip, dice: &mut StdRng) -> Times {
    eventually("both processes deliver", async || {
        let deliverers = pair.deliverers().await;
        (deliverers.len() == 2 && deliverers[0] != deliverers[1] && pair.sender().await.is_some()).then_some(())
    })
    .await;
    pair.traffic_flows().await;
    tokio::time::sleep(Duration::from_millis(dice.random_range(0..700))).await;
    let frozen = grip.freeze(pair, dice).await;
    let (since, other) = (frozen.since, 1 - frozen.process);
    let (head, moment, before) = (pair.head().await, now(&pair.running).await, positions(&pair.running).await);
    let (deliveries, takeover, sends) = tokio::join!(
        async {
            eventually("the other process delivers what came in after the freeze", async || {
                let beyond = positions(&pair.running).await.iter().all(|position| *position > head.last_position);
                (beyond && pair.deliverers().await == [other, other]).then(|| since.elapsed())
            })
            .await
        },
        async {
            eventually("the other process has the cursors", async || (pair.deliverers().await == [other, other]).then_some(())).await;
            // What the frozen one had written may have been on its way until now.
            let found = positions(&pair.running).await;
            eventually("it moves them on", async || {
                let moved = positions(&pair.running).await.iter().zip(&found).all(|(after, before)| after > before);
                moved.then(|| since.elapsed())
            })
            .await
        },
        async {
            eventually("the other process sends", async || {
                (pair.sender().await == Some(other) && something_was_sent_after(&pair.running, moment).await).then(|| since.elapsed())
            })
            .await
        }
    );
    let frozen_for = Duration::from_millis(LEASE_MS + dice.random_range(1_000..4_000));
    tokio::time::sleep(frozen_for.saturating_sub(since.elapsed())).await;
    pair.running.batons[frozen.process].thaw();
    if let Some(transaction) = frozen.transaction {
        let fate: Option<String> = sqlx::query_scalar("select pg_xact_status($1::text::xid8)")
            .bind(&transaction)
            .fetch_one(&pair.running.database.pool)
            .await
            .expect("a fate");
        assert_eq!(fate.as_deref(), Some("aborted"), "what it had begun under the Page's lock");
    }
    let behind = before.iter().map(|position| head.last_position - position).max().unwrap_or_default();
    Times { deliveries, takeover, behind, sends }
}

/// The apps' cursors, always in the same order.
async fn positions(running: &Running) -> Vec<i64> {
    let cursors = sqlx::query_scalar("select position from cursors order by app_id");
    cursors.fetch_all(&running.database.pool).await.expect("the cursors")
}

/// Whether something is sent whose turn came after this moment.
async fn something_was_sent_after(running: &Running, moment: f64) -> bool {
    sqlx::query_scalar("select exists (select from outbox where extract(epoch from sending_at)::float8 > $1 and state = 'sent')")
        .bind(moment)
        .fetch_one(&running.database.pool)
        .await
        .expect("the outbox")
}

/// The database's time.
async fn now(running: &Running) -> f64 {
    sqlx::query_scalar("select extract(epoch from clock_timestamp())::float8").fetch_one(&running.database.pool).await.expect("a time")
}

/// Looks at the cursors all the time: neither they nor the numbers of their leases ever move back.
struct Watch {
    stop: CancellationToken,
    task: JoinHandle<usize>,
}

impl Watch {
    fn start(running: &Running) -> Self {
        let (stop, pool) = (CancellationToken::new(), running.database.pool.clone());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let (mut looks, mut last) = (0, Vec::new());
            while !stopped.is_cancelled() {
                let now: Vec<(String, i64, i64)> = sqlx::query_as("select app_id, position, generation from cursors order by app_id")
                    .fetch_all(&pool)
                    .await
                    .expect("the cursors");
                for (before, after) in last.iter().zip(&now) {
                    let ((app, position, generation), (same, later, newer)) = (before, after);
                    assert!(app == same && later >= position && newer >= generation, "{before:?}, then {after:?}");
                }
                (looks, last) = (looks + 1, now);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            looks
        });
        Self { stop, task }
    }

    /// How often it has looked.
    async fn stop(self) -> usize {
        self.stop.cancel();
        self.task.await.expect("nothing moves back")
    }
}

/// A process that another has buried, because it was frozen or cut off for more than a minute, is alive again as soon as it says so.
#[tokio::test]
async fn a_buried_process_comes_back() {
    let running = Running::start(1).await;
    let bot = running.add_app("Bot", &["--default"]).await;
    let ada = running.person("Ada Lovelace").await;
    ada.says("Hello").await;
    bot.receiver.heard("the greeting", |delivery| delivery.text() == Some("Hello")).await;
    let buried = sqlx::query("delete from processes").execute(&running.database.pool).await.expect("processes are written");
    assert_eq!(buried.rows_affected(), 1);
    // For longer than a lease lives by itself.
    tokio::time::sleep(Duration::from_millis(LEASE_MS + 500)).await;
    ada.says("Still there?").await;
    bot.receiver.heard("what came in later", |delivery| delivery.text() == Some("Still there?")).await;
    bot.send(&ada, "Of course").await.ok();
    ada.reads("Of course").await;
}
