//! Footprint: memory, the time to be ready, the size of the program.

use std::time::Duration;

use crate::Scale;
use crate::baton::{self, Baton};
use crate::cluster::Cluster;
use crate::delivery::Stage;
use crate::intake::Series;
use crate::live::log_in;
use crate::machine;
use crate::report::{Bound, Runs, Section, figure};
use crate::seed;
use crate::watch::Watchers;

/// How long nothing happens before Baton counts as idle.
const QUIET: Duration = Duration::from_secs(10);

/// Measures the section.
pub async fn measure(cluster: &Cluster, scale: Scale) -> Section {
    let (mut ready, mut idle) = (Runs::default(), Runs::default());
    cluster.copy("bench_idle", seed::SPREAD).await;
    for _ in 0..scale.rounds {
        let baton = Baton::start(&cluster.folder, Some(&cluster.url("bench_idle"))).await;
        ready.0.push(baton.ready_after.as_secs_f64());
        tokio::time::sleep(QUIET).await;
        idle.0.push(machine::memory(baton.id()).1);
        baton.stop().await;
    }
    cluster.drop("bench_idle").await;
    everything_at_once(cluster, scale).await;
    let mut section = Section::default();
    let (where_most, most) = baton::largest_memory();
    section.goal(
        "most memory resident in all that was measured < 100 MB",
        format!("{} MB ({where_most})", figure(most)),
        "100 MB".into(),
        most / 100.0,
        Bound::AtMost(1.0),
    );
    section.goal(
        "memory resident after ten idle seconds < 30 MB",
        format!("{} MB", idle.show()),
        "30 MB".into(),
        idle.median() / 30.0,
        Bound::AtMost(1.0),
    );
    section.goal(
        "from start to ready on an existing database < 1 s",
        format!("{} s", ready.show()),
        "1 s".into(),
        ready.median(),
        Bound::AtMost(1.0),
    );
    let size = baton::path().metadata().expect("the program").len() as f64 / 1024.0 / 1024.0;
    section.goal("the release program < 30 MB", format!("{} MB", figure(size)), "30 MB".into(), size / 30.0, Bound::AtMost(1.0));
    section
}

/// Apps that keep up, one that does not, a backlog and open streams, while webhooks come as fast as they are taken.
async fn everything_at_once(cluster: &Cluster, scale: Scale) {
    let mut stage = Stage::open(cluster, "bench_full", seed::SPREAD).await;
    let cookie = log_in(cluster, "bench_full", &stage.baton).await;
    let (one, _slow, batch) = (stage.add("One", 0, 1).await, stage.add("Slow", 1000, 1).await, stage.add("Batches", 0, 100).await);
    let _watchers = Watchers::open(&stage.baton.address, &cookie, 50).await;
    stage.intake(seed::PEOPLE, scale.seconds, &mut Series::default()).await;
    stage.drain(batch, 30_000, &mut Series::default()).await;
    stage.run(Some(2000.0), 1, (2000.0 * scale.seconds) as usize, &[one, batch], &mut Series::default()).await;
    stage.close().await;
}
