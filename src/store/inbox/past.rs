//! What a conversation has behind it: its earlier stretches, each ended by a closure, and what agents noted.

use super::super::log::{LogRow, timestamp};
use super::super::{Store, StoreError};
use crate::access::UserId;
use crate::wire::{PageId, PersonId, Timestamp};

/// How far back one looks, in rows of the conversation: a side must not cost more the longer somebody is known.
const ROWS: i64 = 5000;

/// A stretch of a conversation that was closed.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// Its first row.
    pub first: i64,
    /// When that was.
    pub began: Timestamp,
    /// When it was closed.
    pub closed: Timestamp,
    /// By whom.
    pub by: Option<UserId>,
}

impl Store {
    /// The newest closed stretches among the last rows of a conversation, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stretches(&self, page: &PageId, person: &PersonId, limit: i64) -> Result<Vec<Stretch>, StoreError> {
        let rows = sqlx::query!(
            r#"with newest as (
                   select position, kind, at, user_id from log where page_id = $1 and person_id = $2 order by position desc limit $4
               ), numbered as (
                   select position, kind, at, user_id, count(*) filter (where kind = 'close') over (order by position desc) as after from newest
               )
               select (array_agg(position order by position))[1] as "first!", min(at) as "began!", max(at) filter (where kind = 'close') as "closed!",
                      (array_agg(user_id) filter (where kind = 'close'))[1] as by
               from numbered where after > 0 group by after order by after limit $3"#,
            page.as_str(),
            person.as_str(),
            limit,
            ROWS
        )
        .fetch_all(&self.pool)
        .await?;
        let stretch = |began, closed, first, by: Option<i64>| Stretch {
            first,
            began: timestamp(began),
            closed: timestamp(closed),
            by: by.map(UserId),
        };
        Ok(rows.into_iter().map(|row| stretch(row.began, row.closed, row.first, row.by)).collect())
    }

    /// The newest notes among the last rows of a conversation, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_notes(&self, page: &PageId, person: &PersonId, limit: i64) -> Result<Vec<LogRow>, StoreError> {
        let positions = sqlx::query_scalar!(
            r#"select position from (
                   select position, kind from log where page_id = $1 and person_id = $2 order by position desc limit $4
               ) newest where kind = 'note' order by position desc limit $3"#,
            page.as_str(),
            person.as_str(),
            limit,
            ROWS
        )
        .fetch_all(&self.pool)
        .await?;
        self.log_at(page, &positions).await
    }
}
