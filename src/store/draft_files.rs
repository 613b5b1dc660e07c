//! Files that agents have put beside a reply and not sent.

use std::collections::HashMap;

use super::{Store, StoreError};
use crate::access::UserId;
use crate::wire::file::{FileKind, SentFile};
use crate::wire::{AppId, AttachmentId, PageId, PersonId};

/// The platform forgets an upload after 90 days; one that is nearly so old is not offered any more.
const GOOD_DAYS: i32 = 80;

/// Whose reply in which conversation.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// Who writes.
    pub user: UserId,
    /// The Page.
    pub page: &'a PageId,
    /// The conversation.
    pub person: &'a PersonId,
}

struct Row {
    attachment_id: String,
    kind: String,
    name: String,
    bytes: i64,
}

impl TryFrom<Row> for SentFile {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let bad = |column, value: &str| StoreError::inconsistent("attachments", column, &row.attachment_id, value);
        Ok(Self {
            id: AttachmentId::parse(&row.attachment_id).map_err(|_| bad("attachment_id", &row.attachment_id))?,
            kind: FileKind::parse(&row.kind).ok_or_else(|| bad("kind", &row.kind))?,
            name: row.name,
            bytes: row.bytes,
        })
    }
}

impl Store {
    /// The files beside a reply, in the order in which they came.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn draft_files(&self, beside: Beside<'_>) -> Result<Vec<SentFile>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select a.attachment_id, a.kind, a.name as "name!", coalesce(a.bytes, 0) as "bytes!"
               from draft_files d join attachments a using (page_id, attachment_id)
               where d.user_id = $1 and d.page_id = $2 and d.person_id = $3 and a.name is not null
                 and d.added_at > now() - make_interval(days => $4) order by d.added_at, a.attachment_id"#,
            beside.user.0,
            beside.page.as_str(),
            beside.person.as_str(),
            GOOD_DAYS
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(SentFile::try_from).collect()
    }

    /// Puts a file that the platform has beside a reply. `app`: through which it was uploaded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_draft_file(&self, beside: Beside<'_>, app: &AppId, file: &SentFile) -> Result<(), StoreError> {
        sqlx::query!(
            "with uploaded as (
                 insert into attachments (page_id, attachment_id, app_id, kind, name, bytes, user_id) values ($2, $4, $5, $6, $7, $8, $1)
                 on conflict (page_id, attachment_id) do update set name = excluded.name, bytes = excluded.bytes, user_id = excluded.user_id),
             old as (delete from draft_files where user_id = $1 and added_at < now() - make_interval(days => $9))
             insert into draft_files (user_id, page_id, person_id, attachment_id) values ($1, $2, $3, $4) on conflict do nothing",
            beside.user.0,
            beside.page.as_str(),
            beside.person.as_str(),
            file.id.as_str(),
            app.as_str(),
            file.kind.as_str(),
            file.name,
            file.bytes,
            GOOD_DAYS
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes files away from a reply: they were sent, or shall not be.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_draft_files(&self, beside: Beside<'_>, files: &[AttachmentId]) -> Result<(), StoreError> {
        let ids: Vec<&str> = files.iter().map(AttachmentId::as_str).collect();
        sqlx::query!(
            "delete from draft_files where user_id = $1 and page_id = $2 and person_id = $3 and attachment_id = any($4)",
            beside.user.0,
            beside.page.as_str(),
            beside.person.as_str(),
            &ids as _
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Which of these an agent has uploaded to a Page, in the order in which they are given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn files_of(&self, user: UserId, page: &PageId, ids: &[AttachmentId]) -> Result<Vec<SentFile>, StoreError> {
        let ids: Vec<&str> = ids.iter().map(AttachmentId::as_str).collect();
        let rows = sqlx::query_as!(
            Row,
            r#"select a.attachment_id, a.kind, a.name as "name!", coalesce(a.bytes, 0) as "bytes!"
               from attachments a join unnest($3::text[]) with ordinality as n (id, place) on n.id = a.attachment_id
               where a.page_id = $2 and a.user_id = $1 and a.name is not null order by n.place"#,
            user.0,
            page.as_str(),
            &ids as _
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(SentFile::try_from).collect()
    }

    /// What attachments of a Page were called where they came from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attachment_names(&self, page: &PageId, ids: &[String]) -> Result<HashMap<String, String>, StoreError> {
        let rows = sqlx::query!(
            r#"select attachment_id, name as "name!" from attachments where page_id = $1 and attachment_id = any($2) and name is not null"#,
            page.as_str(),
            ids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.attachment_id, row.name)).collect())
    }
}
