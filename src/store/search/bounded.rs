//! Statements that end in time, however much there is to look through.

use std::time::{Duration, Instant};

use sqlx::{PgConnection, Postgres, Transaction};

use crate::store::{Store, StoreError};

/// A search that is under way.
pub(super) struct Bounded {
    transaction: Transaction<'static, Postgres>,
    ends: Instant,
}

impl Store {
    /// Begins to search, for at most `patience`.
    pub(super) async fn search(&self, patience: Duration) -> Result<Bounded, StoreError> {
        let ends = Instant::now() + patience;
        Ok(Bounded { transaction: self.pool.begin().await?, ends })
    }
}

impl Bounded {
    /// For one statement that ends in time; `None` when time is up. Planned for what is asked, never to read a table from end to end, and for one process: on
    /// a large log others would be called for help, which takes longer to begin than the whole search, and takes cores from the inbox.
    pub async fn in_time(&mut self) -> Result<Option<&mut PgConnection>, StoreError> {
        let left = self.ends.saturating_duration_since(Instant::now()).as_millis();
        if left == 0 {
            return Ok(None);
        }
        // It runs within what was left for the statement before it.
        let set = sqlx::query!(
            r#"select set_config('statement_timeout', $1, true) as "a!", set_config('plan_cache_mode', 'force_custom_plan', true) as "b!",
                      set_config('enable_seqscan', 'off', true) as "c!", set_config('max_parallel_workers_per_gather', '0', true) as "d!""#,
            left.to_string()
        )
        .fetch_one(&mut *self.transaction)
        .await
        .map_err(StoreError::from);
        match set {
            Ok(_) => Ok(Some(&mut *self.transaction)),
            Err(error) if is_out_of_time(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The statement was ended because its time was up.
pub(super) fn is_out_of_time(error: &StoreError) -> bool {
    matches!(error, StoreError::Database(sqlx::Error::Database(inner)) if inner.code().as_deref() == Some("57014"))
}
