//! Baton is killed in the middle of traffic, again and again, and nothing is lost, doubled or reordered.

pub(super) mod crowd;
pub(super) mod traffic;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{rounds, seed, show};
use crate::harness::running::Running;
use crowd::{Crowd, SETTINGS, let_leases_lapse};

#[tokio::test]
async fn killing_baton_loses_doubles_and_reorders_nothing() {
    let (rounds, seed) = (rounds(20, 200), seed());
    let mut crowd = Crowd::gather(Running::with(1, &SETTINGS).await, seed).await;
    let mut dice = StdRng::seed_from_u64(seed);
    for round in 1..=rounds {
        crowd.flows().await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..700))).await;
        let killed = crowd.running.batons[0].kill();
        // After the last kill the dead process's leases lapse by themselves.
        if round < rounds {
            let_leases_lapse(&crowd.running, killed).await;
        }
        crowd.running.batons[0].restart().await;
    }
    crowd.flows().await;
    let held = crowd.settle(rounds).await;
    assert!(held.events >= 5 * rounds && held.sent >= 3 * rounds && held.changes >= rounds, "there was traffic");
    assert!(held.refused >= rounds, "Baton was away for some webhooks");
    show(
        "Baton killed at a random moment under traffic",
        rounds,
        "every acknowledged event in the log once, heard in order by both apps; one owner; every send sent once or unknown",
        &format!("{} events, {} changes of owner, {} sends, {} unknown: all held", held.events, held.changes, held.sent, held.unknown),
    );
}
