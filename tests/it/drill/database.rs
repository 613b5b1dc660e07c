//! The database dies, is cut off, runs full, or lets nobody in. Baton says so at once, loses nothing, and goes on by itself.

pub(super) mod house;
mod left_begin;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{rounds, seed};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use house::House;

#[tokio::test]
async fn killing_postgresql_loses_nothing() {
    let (rounds, seed) = (rounds(3, 50), seed());
    let house = House::build(Cluster::start("").await, seed).await;
    let mut dice = StdRng::seed_from_u64(seed);
    for round in 0..rounds {
        house.crowd.flows().await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..700))).await;
        if round % 3 == 2 {
            assert!(house.cluster.kill_a_session(dice.random_range(0..20)), "there are sessions");
        } else {
            house.cluster.kill().await;
            house.is_away().await;
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..1500))).await;
            house.cluster.start_again().await;
        }
        house.is_back().await;
    }
    house.settle("PostgreSQL killed under traffic, whole or one session", rounds).await;
}

#[tokio::test]
async fn a_bad_network_to_postgresql_loses_nothing() {
    let (rounds, seed) = (rounds(4, 48), seed());
    let house = House::build(Cluster::start("").await, seed).await;
    let mut dice = StdRng::seed_from_u64(seed);
    for round in 0..rounds {
        house.crowd.flows().await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..500))).await;
        match round % 4 {
            0 => house.proxy.cut(),
            1 => {
                house.proxy.stall();
                house.is_away().await;
                tokio::time::sleep(Duration::from_millis(dice.random_range(0..4000))).await;
            }
            2 => {
                house.proxy.refuse();
                house.is_away().await;
                tokio::time::sleep(Duration::from_millis(dice.random_range(0..1500))).await;
            }
            _ => {
                house.proxy.slow(Duration::from_millis(dice.random_range(5..20)), 200);
                tokio::time::sleep(Duration::from_millis(dice.random_range(500..3000))).await;
            }
        }
        house.proxy.clear();
        house.is_back().await;
    }
    house.settle("connections to PostgreSQL cut, refused, stalled, slowed under traffic", rounds).await;
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let (rounds, seed) = (rounds(2, 10), seed());
    let house = House::build(Cluster::start_in_little_room(120, 12).await, seed).await;
    for round in 0..rounds {
        house.crowd.flows().await;
        let folder = house.cluster.home().join(if round % 2 == 0 { "data" } else { "wal" });
        let filler = folder.join("filler");
        tokio::select! {
            () = keep_full(&filler) => {}
            () = house.takes_nothing() => {}
        }
        std::fs::remove_file(&filler).expect("there is room again");
        // Without room for its log PostgreSQL breaks down; it comes back by itself, or an admin starts it again.
        eventually("PostgreSQL runs", async || {
            if !house.cluster.is_running() {
                house.cluster.start_again().await;
            }
            house.cluster.answers().await.then_some(())
        })
        .await;
        house.is_back().await;
    }
    house.settle("no room for PostgreSQL's data or log under traffic", rounds).await;
}

/// Takes what room there is, again and again: PostgreSQL frees some.
async fn keep_full(filler: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(filler).expect("a file");
    let block = vec![0_u8; 4096];
    loop {
        if let Err(error) = file.write_all(&block) {
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn connections_that_run_out_lose_nothing() {
    let (rounds, seed) = (rounds(2, 10), seed());
    let house = House::build(Cluster::start("").await, seed).await;
    for round in 0..rounds {
        house.crowd.flows().await;
        if round % 2 == 0 {
            // Everybody waits for one who is not done, until Baton has no connection left.
            let mut holder = house.crowd.running.database.pool.begin().await.expect("a transaction");
            sqlx::query("lock table subscriptions, pages, outbox, _sqlx_migrations in access exclusive mode")
                .execute(&mut *holder)
                .await
                .expect("the tables are locked");
            house.is_away().await;
            holder.rollback().await.expect("the tables are free");
        } else {
            // Others have taken every connection that PostgreSQL has.
            house.proxy.refuse();
            let others = house.cluster.take_every_connection().await;
            house.proxy.clear();
            house.is_away().await;
            drop(others);
        }
        house.is_back().await;
    }
    house.settle("no connection left at Baton, or at PostgreSQL, under traffic", rounds).await;
}
