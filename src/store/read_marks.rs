//! How far each agent has read each conversation.

use super::{Store, StoreError};
use crate::access::UserId;
use crate::wire::{PageId, PersonId};

impl Store {
    /// An agent has seen a conversation up to a position. One that they marked unread stays so until they open it anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_read(&self, user: UserId, page: &PageId, person: &PersonId, position: i64, opened: bool) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into read_marks as m (user_id, page_id, person_id, position, kept_unread) values ($1, $2, $3, $4, false)
             on conflict (user_id, page_id, person_id) do update set position = greatest(m.position, excluded.position), kept_unread = false
             where (m.position < excluded.position or m.kept_unread) and ($5 or not m.kept_unread)",
            user.0,
            page.as_str(),
            person.as_str(),
            position,
            opened
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// An agent wants to see a conversation as if they had not read the person's newest message.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_unread(&self, user: UserId, page: &PageId, person: &PersonId) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into read_marks (user_id, page_id, person_id, position, kept_unread)
             select $1, page_id, person_id, greatest(last_inbound_position - 1, 0), true from conversations where page_id = $2 and person_id = $3
             on conflict (user_id, page_id, person_id) do update set position = excluded.position, kept_unread = true",
            user.0,
            page.as_str(),
            person.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
