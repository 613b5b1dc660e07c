//! A rolling restart: one process after the other is asked to finish and started again, behind a balancer. Nobody notices.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::kill::traffic::Outcome;
use super::pair::Pair;
use super::{rounds, seed, show};

/// How long a stopping process still takes requests: many times what the balancer takes to see that it is not ready.
const DRAIN: (&str, &str) = ("BATON_DRAIN_SECONDS", "2");

#[tokio::test]
async fn a_rolling_restart_is_noticed_by_nobody() {
    let (rounds, seed) = (rounds(1, 20), seed());
    let mut pair = Pair::start(seed, None, &[DRAIN]).await;
    let mut dice = StdRng::seed_from_u64(seed + 8);
    let mut longest = Duration::ZERO;
    for _ in 0..rounds {
        for process in [0, 1] {
            pair.traffic_flows().await;
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..700))).await;
            let since = Instant::now();
            pair.running.batons[process].terminate();
            let status = pair.running.batons[process].ended().await;
            longest = longest.max(since.elapsed());
            assert_eq!(status.code(), Some(0), "it finishes: {status}");
            pair.running.batons[process].restart().await;
        }
    }
    pair.traffic_flows().await;
    let held = pair.ends_well().await;
    let failures = pair.balancer.failures();
    assert!(failures.is_empty(), "{} of {} requests failed: {failures:#?}", failures.len(), pair.balancer.answered());
    let unknown = held.outcomes.values().filter(|outcome| **outcome == Outcome::Unknown).count();
    assert_eq!(unknown, 0, "no send's outcome is lost");
    assert!(held.events >= 10 * rounds && held.sends >= 4 * rounds && held.changes >= rounds, "{held:?}");
    show(
        "Rolling restart of two processes behind a balancer, under traffic",
        rounds,
        "no request fails, no send's outcome is unknown, both processes end with 0, every app hears everything in order",
        &format!(
            "{} requests, none failed, {} told to come again by a process that was ready but busy; {} events, {} sends; longest stop {:.1} s",
            pair.balancer.answered(),
            pair.balancer.busy(),
            held.events,
            held.sends,
            longest.as_secs_f64()
        ),
    );
}
