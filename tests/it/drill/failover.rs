//! The primary dies and its synchronous standby takes over, at the same address. What was acknowledged is there.

use std::time::Duration;

use baton::store::Store;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::database::house::{House, NAME};
use super::proxy::Proxy;
use super::{rounds, seed};
use crate::harness::cluster::Cluster;
use crate::harness::{database, eventually};

/// The standby's name to its primary.
const STANDBY: &str = "standby";

#[tokio::test]
async fn a_failover_loses_nothing() {
    let (rounds, seed) = (rounds(2, 10), seed());
    let mut house = House::build(Cluster::start("").await, seed).await;
    let mut dice = StdRng::seed_from_u64(seed);
    for round in 0..rounds {
        let standby = Cluster::standby_of(&house.cluster, STANDBY).await;
        follow_synchronously(&house.cluster).await;
        house.crowd.flows().await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..1000))).await;
        if round % 2 == 1 {
            // The machine vanishes without a word: nothing tells that its connections are dead.
            house.proxy.stall();
        }
        house.cluster.kill().await;
        house.proxy.move_to(standby.address());
        house.proxy.clear();
        // It answers, but takes nothing yet.
        house.is_away().await;
        standby.promote().await;
        house.evidence.move_to(standby.address());
        house.evidence.cut();
        // The old primary is never seen again.
        house.cluster = standby;
        house.is_back().await;
    }
    house.settle("primary killed under traffic, synchronous standby promoted, address moved", rounds).await;
}

/// It would answer reads, but may be behind: what is not there proves nothing.
#[tokio::test]
async fn a_standby_is_not_talked_to_before_it_is_promoted() {
    let primary = Cluster::start("").await;
    primary.make(NAME).await;
    let proxy = Proxy::to(primary.address()).await;
    let store = Store::connect(&primary.url(NAME, proxy.address), 2).await.expect("the primary answers");
    let standby = Cluster::standby_of(&primary, STANDBY).await;
    let mut reader = eventually("the standby answers reads", async || {
        <sqlx::PgConnection as sqlx::Connection>::connect(&standby.url(NAME, standby.address())).await.ok()
    })
    .await;
    sqlx::query("select 1").execute(&mut reader).await.expect("an answer");
    proxy.move_to(standby.address());
    proxy.cut();
    for _ in 0..3 {
        assert!(store.ping().await.is_err(), "nothing is read from it");
    }
    standby.promote().await;
    eventually("it is the database now", async || store.ping().await.ok()).await;
}

/// From now on nothing is committed that the standby does not have.
async fn follow_synchronously(primary: &Cluster) {
    primary.tell(&format!("alter system set synchronous_standby_names = '{STANDBY}'")).await;
    primary.tell("select pg_reload_conf()").await;
    let url = primary.url(NAME, primary.address());
    eventually("the standby follows synchronously", async || {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.ok()?;
        let state: String = sqlx::query_scalar("select sync_state from pg_stat_replication").fetch_one(&mut connection).await.ok()?;
        (state == "sync").then_some(())
    })
    .await;
}

/// A server that recovered, or another that took over, may give out the number of a transaction again that it never saw. So whether a group
/// was committed is told by a row that was committed with it, and as long as that is open, by nothing.
#[tokio::test]
async fn whether_a_group_was_committed_is_told_by_what_is_committed_with_it() {
    let database = database().await;
    let store = &database.store;
    let mut link = store.link().await.expect("a connection");
    let mut first = link.begin_group().await.expect("a group");
    let first_id = first.lock_heads(&[], 7).await.expect("a name").id;
    let asked = tokio::time::timeout(Duration::from_millis(300), store.is_committed(&first_id)).await;
    assert!(asked.is_err(), "an open group is neither: {asked:?}");
    first.commit().await.expect("committed");
    assert!(store.is_committed(&first_id).await.expect("told"));

    let second_id = {
        let mut second = link.begin_group().await.expect("a group");
        second.lock_heads(&[], 7).await.expect("a name").id
    };
    let (told, ()) = tokio::join!(store.is_committed(&second_id), async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        // As a server does with what a lost connection leaves.
        drop(link);
    });
    assert!(!told.expect("told"), "rolled back");
}
