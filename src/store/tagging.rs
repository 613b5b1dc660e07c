//! Tags on conversations.

use super::tags::{RawTag, Tag, TagId};
use super::{Store, StoreError};
use crate::access::UserId;
use crate::wire::{PageId, PersonId};

impl Store {
    /// The tags of a conversation, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conversation_tags(&self, page: &PageId, person: &PersonId) -> Result<Vec<Tag>, StoreError> {
        let rows = sqlx::query_as!(
            RawTag,
            r#"select t.tag_id, t.name, t.colour, t.archived_at is not null as "archived!"
               from conversation_tags c join tags t using (tag_id) where c.page_id = $1 and c.person_id = $2 order by lower(t.name), t.tag_id"#,
            page.as_str(),
            person.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Tag::try_from).collect()
    }

    /// Puts a tag on a conversation. False: there is no such tag, or it is no longer offered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_tag(&self, page: &PageId, person: &PersonId, tag: TagId, by: UserId) -> Result<bool, StoreError> {
        let offered = sqlx::query_scalar!(
            r#"with offered as (select tag_id from tags where tag_id = $3 and archived_at is null),
               put as (
                   insert into conversation_tags (page_id, person_id, tag_id, added_by) select $1, $2, tag_id, $4 from offered on conflict do nothing)
               select count(*) as "offered!" from offered"#,
            page.as_str(),
            person.as_str(),
            tag.0,
            by.0
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(offered > 0)
    }

    /// Takes a tag off a conversation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_tag_off(&self, page: &PageId, person: &PersonId, tag: TagId) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from conversation_tags where page_id = $1 and person_id = $2 and tag_id = $3",
            page.as_str(),
            person.as_str(),
            tag.0
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
