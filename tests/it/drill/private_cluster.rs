//! The PostgreSQL that Baton runs itself, where no `DATABASE_URL` is given, dies. Baton starts it again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton::postgres::Cluster;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::kill::crowd::{Crowd, SETTINGS};
use super::{rounds, seed, show};
use crate::harness::cluster::kill_server;
use crate::harness::running::Running;
use crate::harness::{database_at, eventually};

/// A folder whose name is short enough for a socket, where whoever runs PostgreSQL may enter. It goes away with the test.
struct DataFolder(PathBuf);

impl Drop for DataFolder {
    fn drop(&mut self) {
        kill_server(&self.0.join("postgres").join("data"));
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn baton_starts_its_own_postgresql_again() {
    let (rounds, seed) = (rounds(2, 20), seed());
    let folder = DataFolder(PathBuf::from(format!("/tmp/baton-own-{}", std::process::id())));
    let path = folder.0.clone();
    // Baton shares it with this test, which needs it before, and which never starts it again.
    let cluster = in_background(move || Cluster::start(&path).expect("a private cluster")).await;
    let mut database = database_at(cluster.url()).await;
    database.url = String::new();
    let mut settings = SETTINGS.to_vec();
    let data_dir = folder.0.display().to_string();
    settings.push(("BATON_DATA_DIR", &data_dir));
    let crowd = Crowd::gather(Running::on(database, 1, &settings).await, seed).await;
    let process = crowd.running.baton().id();
    let mut dice = StdRng::seed_from_u64(seed);
    for _ in 0..rounds {
        crowd.flows().await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..500))).await;
        let killed = kill_server(&folder.0.join("postgres").join("data"));
        assert!(killed.len() > 3, "a server and its sessions: {killed:?}");
        eventually("PostgreSQL runs again", async || runs_anew(&folder.0, killed[0]).then_some(())).await;
        crowd.flows().await;
        assert_eq!(crowd.running.baton().id(), process);
    }
    eventually("Baton is ready", async || (crowd.running.baton().readiness().await == 200).then_some(())).await;
    let held = crowd.settle(rounds).await;
    assert!(held.events >= 3 * rounds && held.sent >= rounds, "there was traffic");
    in_background(move || cluster.leave().expect("it is left")).await;
    show(
        "the PostgreSQL that Baton runs itself killed under traffic",
        rounds,
        "Baton starts it again; every acknowledged event in the log once, heard in order by both apps; one owner; every send sent once or unknown",
        &format!("{} events, {} sends, {} unknown: all held", held.events, held.sent, held.unknown),
    );
}

/// Whether another server than this runs in a data folder.
fn runs_anew(folder: &Path, old: u32) -> bool {
    let file = std::fs::read_to_string(folder.join("postgres").join("data").join("postmaster.pid")).unwrap_or_default();
    // The eighth line of a server that takes connections.
    file.lines().next().is_some_and(|pid| pid.trim() != old.to_string()) && file.lines().nth(7).is_some_and(|state| state.trim() == "ready")
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it is done")
}
