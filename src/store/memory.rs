//! What in-process apps have collected.

use super::{Store, StoreError};
use crate::wire::{AppId, PageId, PersonId};

impl Store {
    /// The memory of an in-process app of one conversation and its version; 0 and null when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn memory(&self, page: &PageId, person: &PersonId, app: &AppId) -> Result<(i64, serde_json::Value), StoreError> {
        let row = sqlx::query!(
            "select version, value from bot_memory where page_id = $1 and person_id = $2 and app_id = $3",
            page.as_str(),
            person.as_str(),
            app.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map_or((0, serde_json::Value::Null), |row| (row.version, row.value)))
    }
}
