//! What belongs to a Page as a whole and is shared by its apps: the Messenger profile and uploaded attachments.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Store, StoreError};
use crate::wire::{AppId, PageId};

/// The Messenger profile of a Page as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct PageProfile {
    /// Its properties; null for those known to be unset.
    pub known: Map<String, Value>,
    /// Those of them that were heard of so long ago that they may have changed on the platform.
    pub old: HashSet<String>,
}

impl Store {
    /// The Messenger profile of a Page as far as it is known; what was heard of earlier than `age` ago counts as old.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page_profile(&self, page: &PageId, age: Duration) -> Result<PageProfile, StoreError> {
        let rows = sqlx::query!(
            r#"select property, value, set_at < statement_timestamp() - $2::float8 * interval '1 second' as "is_old!"
               from page_profiles where page_id = $1"#,
            page.as_str(),
            age.as_secs_f64()
        )
        .fetch_all(&self.pool)
        .await?;
        let old = rows.iter().filter(|row| row.is_old).map(|row| row.property.clone()).collect();
        Ok(PageProfile { known: rows.into_iter().map(|row| (row.property, row.value)).collect(), old })
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
