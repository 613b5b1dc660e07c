//! Who is at which conversation, told between processes. Nothing is written down: a sign that is missed is repeated within seconds.

use std::time::Duration;

use sqlx::postgres::PgListener;

use super::pool::within;
use super::{Store, StoreError};

/// How long each step of beginning to listen may take.
const LISTEN: Duration = Duration::from_secs(2);

/// Where signs are told.
const CHANNEL: &str = "baton_presence";

/// Hears signs.
#[derive(Debug)]
pub struct PresenceListener {
    listener: PgListener,
}

impl Store {
    /// Tells every process, this one too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_presence(&self, sign: &str) -> Result<(), StoreError> {
        sqlx::query!("select pg_notify($1, $2)", CHANNEL, sign).execute(&self.pool).await?;
        Ok(())
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn listen_to_presence(&self) -> Result<PresenceListener, StoreError> {
        let mut listener = within(LISTEN, PgListener::connect_with(self.pool.single().patient())).await?;
        within(LISTEN, listener.listen(CHANNEL)).await?;
        Ok(PresenceListener { listener })
    }
}

impl PresenceListener {
    /// The next sign; `None` when the connection broke.
    pub async fn next(&mut self) -> Option<String> {
        let notification = self.listener.try_recv().await.ok()??;
        Some(notification.payload().to_owned())
    }
}
