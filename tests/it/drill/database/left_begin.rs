//! A BEGIN that nobody waits for: whoever is lent the connection next must not find itself in a transaction of which it does not know.

use std::time::Duration;

use baton::store::Store;
use sqlx::PgPool;

use super::super::proxy::Proxy;
use super::house::NAME;
use crate::harness::cluster::Cluster;
use crate::harness::database_at;

/// Shorter than PostgreSQL's own limit for sessions that do nothing in a transaction, which would hide what is looked for.
const SOON: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_begin_that_nobody_waits_for_leaves_no_transaction() {
    let cluster = Cluster::start("").await;
    cluster.make(NAME).await;
    let (proxy, evidence) = (Proxy::to(cluster.address()).await, Proxy::to(cluster.address()).await);
    let database = database_at(cluster.url(NAME, evidence.address)).await;
    let store = Store::connect(&cluster.url(NAME, proxy.address), 1).await.expect("the database answers");
    let mut link = store.link().await.expect("a connection");
    drop(link.begin_group().await.expect("a group"));
    proxy.stall();
    let left = tokio::time::timeout(Duration::from_millis(100), link.begin_group()).await.map(drop);
    assert!(left.is_err(), "BEGIN is not answered");
    drop(link);
    let left = tokio::time::timeout(Duration::from_millis(100), store.claim_search(None)).await.map(drop);
    assert!(left.is_err(), "nor is this one");
    proxy.clear();
    store.ping().await.expect("the database answers");
    let told = tokio::time::timeout(SOON, async { while in_transaction(&database.pool).await > 0 {} }).await;
    assert!(told.is_ok(), "a session is left in a transaction");
}

/// Sessions of Baton's that do nothing in a transaction.
async fn in_transaction(pool: &PgPool) -> i64 {
    let count = "select count(*) from pg_stat_activity where state like 'idle in transaction%' and application_name like 'baton%'";
    sqlx::query_scalar(count).fetch_one(pool).await.expect("the sessions")
}
