//! What the sweeper reads, and what is forgotten.
//!
//! Times are compared with `statement_timestamp()`: `clock_timestamp()` may change from row to row, so no index can be asked for it.

use super::group::ConversationKey;
use super::{Store, StoreError};
use crate::wire::{PageId, PersonId};

fn key(page: &str, person: &str) -> Result<ConversationKey, StoreError> {
    Ok((
        PageId::parse(page).map_err(|e| StoreError::inconsistent("conversations", "page_id", page, e))?,
        PersonId::parse(person).map_err(|e| StoreError::inconsistent("conversations", "person_id", person, e))?,
    ))
}

impl Store {
    /// Conversations whose alarm has rung, earliest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conversations_due(&self, limit: i64) -> Result<Vec<ConversationKey>, StoreError> {
        let rows = sqlx::query!(
            "select page_id, person_id from conversations where check_at <= statement_timestamp() order by check_at limit $1",
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| key(&row.page_id, &row.person_id)).collect()
    }

    /// Conversations owned by an app that was removed from their Page or disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conversations_of_gone_owners(&self, limit: i64) -> Result<Vec<ConversationKey>, StoreError> {
        let rows = sqlx::query!(
            // An owner that is gone holds few conversations, mostly none, whatever statistics say: the order leaves no way but the index.
            "select c.page_id, c.person_id from subscriptions s cross join lateral (
                 select page_id, person_id from conversations where page_id = s.page_id and owner = s.app_id
                 order by page_id, owner, person_id limit $1) c
             where s.removed_at is not null or s.disabled_at is not null limit $1",
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| key(&row.page_id, &row.person_id)).collect()
    }

    /// Forgets duplicates older than 7 days, some thousand at a time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_duplicates(&self) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "delete from duplicates where ctid in (select ctid from duplicates where seen_at < statement_timestamp() - interval '7 days' limit 5000)"
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Forgets the newest groups of processes that have committed none for a day: nobody asks for them any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_groups(&self) -> Result<u64, StoreError> {
        let done = sqlx::query!("delete from committed_groups where committed_at < statement_timestamp() - interval '1 day'")
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}
