//! Baton and its traffic on a database of its own, behind a network that can be made to misbehave.

use std::time::{Duration, Instant};

use super::super::kill::crowd::{Crowd, SETTINGS};
use super::super::proxy::Proxy;
use super::super::show;
use crate::harness::cluster::Cluster;
use crate::harness::running::Running;
use crate::harness::{database_at, eventually};

/// The platform's patience with a webhook.
const PLATFORM_WAITS: Duration = Duration::from_secs(5);

/// The database.
pub const NAME: &str = "drill";

/// Everything that runs.
pub struct House {
    pub crowd: Crowd,
    pub proxy: Proxy,
    /// The way of the evidence, past the proxy that things are done to.
    pub evidence: Proxy,
    pub cluster: Cluster,
    process: u32,
}

impl House {
    /// Baton on this cluster, through a proxy; the evidence is read past it.
    pub async fn build(cluster: Cluster, seed: u64) -> Self {
        cluster.make(NAME).await;
        let proxy = Proxy::to(cluster.address()).await;
        let evidence = Proxy::to(cluster.address()).await;
        let mut database = database_at(cluster.url(NAME, evidence.address)).await;
        database.url = cluster.url(NAME, proxy.address);
        let crowd = Crowd::gather(Running::on(database, 1, &SETTINGS).await, seed).await;
        let process = crowd.running.baton().id();
        Self { crowd, proxy, evidence, cluster, process }
    }

    /// Waits until Baton says that it is not ready, and has told the platform to come again.
    pub async fn takes_nothing(&self) {
        let Running { sandbox, .. } = &self.crowd.running;
        let newest = sandbox.newest_attempt().await;
        eventually("Baton says that it is not ready", async || (self.crowd.running.baton().readiness().await == 503).then_some(())).await;
        eventually("the platform is told to come again", async || (sandbox.told_to_come_again(newest).await > 0).then_some(())).await;
    }

    /// The same where nothing at all can be read or written: then an app is told to come again as well, whatever it wants.
    pub async fn is_away(&self) {
        self.takes_nothing().await;
        let asked = Instant::now();
        let told = self.asks().await;
        assert_eq!(told, 503, "an app is told to come again");
        assert!(asked.elapsed() < PLATFORM_WAITS, "the app waited {:?}", asked.elapsed());
    }

    /// Waits until Baton is ready again and everything goes on, in the same process.
    pub async fn is_back(&self) {
        let baton = self.crowd.running.baton();
        eventually("Baton is ready again", async || (baton.readiness().await == 200).then_some(())).await;
        self.crowd.flows().await;
        assert_eq!(baton.id(), self.process);
    }

    /// Holds the evidence against every promise.
    pub async fn settle(self, done: &str, rounds: usize) {
        let Self { crowd, cluster, proxy, evidence, .. } = self;
        let held = crowd.settle(rounds).await;
        assert!(held.events >= 3 * rounds && held.sent >= rounds, "there was traffic");
        assert!(held.slowest_refusal < PLATFORM_WAITS, "the platform waited {:?}", held.slowest_refusal);
        drop((proxy, evidence, cluster));
        show(
            done,
            rounds,
            "not ready is said, webhooks and apps are told to come again within 5 s, everything goes on by itself; every acknowledged event in the log once, heard in order by both apps; one owner; every send sent once or unknown",
            &format!(
                "{} events, {} sends, {} unknown, {} webhooks told to come again, half of them within {} ms, all within {} ms: all held",
                held.events,
                held.sent,
                held.unknown,
                held.refused,
                held.usual_refusal.as_millis(),
                held.slowest_refusal.as_millis()
            ),
        );
    }

    /// The status that an app gets which wants something written.
    async fn asks(&self) -> u16 {
        let nobody = serde_json::json!({"recipient": {"id": "1"}});
        self.crowd.bot.try_control("take_thread_control", &nobody).await.expect("Baton answers").status
    }
}
