//! The processes that share the database, and how they know of each other's death.

use super::{Store, StoreError};

/// A process that has not renewed its heartbeat for so long holds no lease, in seconds.
pub const LEASE_SECONDS: u32 = 7;

/// How often a process renews its heartbeat, in seconds. What is started must end within what is left of the lease: nothing starts while the heartbeat is
/// older than the lease but for the longest call.
pub const HEARTBEAT_SECONDS: u32 = 1;

impl Store {
    /// Enters this process. Its id is the answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn register_process(&self, name: &str) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar!("insert into processes (name) values ($1) returning process_id", name).fetch_one(&self.pool).await?)
    }

    /// Renews the heartbeat. A process that another has buried meanwhile enters again: its leases may be others' by now, which their numbers
    /// tell.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heartbeat(&self, process: i64, name: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into processes (process_id, name) overriding system value values ($1, $2)
             on conflict (process_id) do update set heartbeat_at = clock_timestamp()",
            process,
            name
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes this process out, so that its leases are free at once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leave(&self, process: i64) -> Result<(), StoreError> {
        sqlx::query!("delete from processes where process_id = $1", process).execute(&self.pool).await?;
        Ok(())
    }

    /// Buries processes whose heartbeat is older than a minute: their leases have been free for long.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bury_processes(&self) -> Result<u64, StoreError> {
        let done = sqlx::query!("delete from processes where heartbeat_at < statement_timestamp() - interval '1 minute'")
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}
