//! What every test of the whole house needs: a real PostgreSQL, a database of its own, a Page with apps.

#![allow(dead_code, reason = "each test uses its part of it")]

pub mod browser;
pub mod chromedriver;
pub mod cluster;
pub mod leash;
pub mod page;
pub mod running;

use baton::store::Store;

/// A fresh, migrated database and the way to it.
pub struct Database {
    /// Its address.
    pub url: String,
    /// The store on it.
    pub store: Store,
    /// A pool for tests that look at rows themselves.
    pub pool: sqlx::PgPool,
}

/// Makes a database for one test. It goes away with the cluster.
pub async fn database() -> Database {
    database_at(cluster::database().await).await
}

/// Migrates an empty database.
pub async fn database_at(url: String) -> Database {
    let store = Store::connect(&url, 8).await.expect("the test database answers");
    store.migrate().await.expect("the migrations run");
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(4).connect(&url).await.expect("the test database answers");
    Database { url, store, pool }
}

/// Waits until `look` gives something, for at most a minute; fails with `what` otherwise.
pub async fn eventually<T, F, Fut>(what: &str, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
