//! Which ids are personas of a Page. What they are called and look like is kept by the platform.

use super::{Store, StoreError};
use crate::wire::PageId;

impl Store {
    /// Keeps that these ids are personas of a Page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_personas(&self, page: &PageId, ids: &[&str]) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into personas (page_id, persona_id) select $1, n.persona_id from unnest($2::text[]) as n (persona_id) on conflict do nothing",
            page.as_str(),
            ids as _
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether an id is known to be a persona of a Page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_persona(&self, page: &PageId, id: &str) -> Result<bool, StoreError> {
        let known = sqlx::query_scalar!(
            r#"select exists (select from personas where page_id = $1 and persona_id = $2) as "known!""#,
            page.as_str(),
            id
        );
        Ok(known.fetch_one(&self.pool).await?)
    }

    /// Forgets a persona.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_persona(&self, page: &PageId, id: &str) -> Result<(), StoreError> {
        sqlx::query!("delete from personas where page_id = $1 and persona_id = $2", page.as_str(), id).execute(&self.pool).await?;
        Ok(())
    }
}
