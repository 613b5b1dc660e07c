//! What belongs to a Page as a whole and is shared by its apps: the Messenger profile and uploaded attachments.

use serde_json::{Map, Value};

use super::{Store, StoreError};
use crate::wire::{AppId, PageId};

impl Store {
    /// The Messenger profile of a Page as far as it is known; null for properties known to be unset.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page_profile(&self, page: &PageId) -> Result<Map<String, Value>, StoreError> {
        let rows =
            sqlx::query!("select property, value from page_profiles where page_id = $1", page.as_str()).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (row.property, row.value)).collect())
    }

    /// Keeps properties of a Page's Messenger profile as an app set them; null for what it removed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_page_profile(&self, page: &PageId, app: &AppId, properties: &Map<String, Value>) -> Result<(), StoreError> {
        let names: Vec<String> = properties.keys().cloned().collect();
        let values: Vec<Value> = properties.values().cloned().collect();
        sqlx::query!(
            "insert into page_profiles (page_id, property, value, app_id)
             select $1, n.property, n.value, $2 from unnest($3::text[], $4::jsonb[]) as n (property, value)
             on conflict (page_id, property) do update set value = excluded.value, app_id = excluded.app_id, set_at = clock_timestamp()",
            page.as_str(),
            app.as_str(),
            &names,
            &values
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps that an app uploaded an attachment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_attachment(&self, page: &PageId, app: &AppId, id: &str, kind: &str, url: Option<&str>) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into attachments (page_id, attachment_id, app_id, kind, url) values ($1, $2, $3, $4, $5) on conflict do nothing",
            page.as_str(),
            id,
            app.as_str(),
            kind,
            url
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
