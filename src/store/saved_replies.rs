//! Saved replies: everybody's, which admins keep, and each agent's own.

use super::{Store, StoreError};
use crate::access::UserId;
use crate::wire::file::FILE_BYTES;

/// Most replies of everybody, and of one agent.
pub const MOST: i64 = 300;

/// Most files of a reply.
pub const REPLY_FILES: i64 = 5;

/// Most bytes of the files of a reply together: they are read at once.
pub const REPLY_BYTES: usize = FILE_BYTES;

/// A saved reply's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyId(pub i64);

/// What a saved reply says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyText {
    /// What it is about.
    pub title: String,
    /// What is typed after the slash; empty: none.
    pub shortcut: String,
    /// Where it belongs; empty: nowhere.
    pub category: String,
    /// The text, with variables.
    pub body: String,
}

/// A saved reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedReply {
    /// Its number.
    pub id: ReplyId,
    /// Whose it is; `None`: everybody's.
    pub owner: Option<UserId>,
    /// What it says.
    pub text: ReplyText,
    /// What goes with it.
    pub files: Vec<ReplyFile>,
}

/// A file of a saved reply, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyFile {
    /// Its number.
    pub id: i64,
    /// What it is called.
    pub name: String,
}

/// A file of a saved reply with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyContent {
    /// What it is called.
    pub name: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl Store {
    /// Everybody's replies and those of one agent, by category and title.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn saved_replies(&self, user: UserId) -> Result<Vec<SavedReply>, StoreError> {
        let rows = sqlx::query!(
            r#"select reply_id, owner, title, shortcut, category, body,
                      array(select file_id from saved_reply_files f where f.reply_id = r.reply_id order by file_id) as "file_ids!",
                      array(select name from saved_reply_files f where f.reply_id = r.reply_id order by file_id) as "file_names!"
               from saved_replies r where owner is null or owner = $1
               order by lower(category), lower(title), reply_id"#,
            user.0
        )
        .fetch_all(&self.pool)
        .await?;
        let replies = rows.into_iter().map(|row| SavedReply {
            id: ReplyId(row.reply_id),
            owner: row.owner.map(UserId),
            text: ReplyText { title: row.title, shortcut: row.shortcut, category: row.category, body: row.body },
            files: row.file_ids.into_iter().zip(row.file_names).map(|(id, name)| ReplyFile { id, name }).collect(),
        });
        Ok(replies.collect())
    }

    /// The files of a reply that this agent may use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reply_files(&self, user: UserId, id: ReplyId) -> Result<Vec<ReplyContent>, StoreError> {
        let rows = sqlx::query!(
            "select f.name, f.content from saved_reply_files f join saved_replies r using (reply_id)
             where r.reply_id = $1 and (r.owner is null or r.owner = $2) order by f.file_id",
            id.0,
            user.0
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| ReplyContent { name: row.name, content: row.content }).collect())
    }

    /// How many bytes the files of a reply have together that this agent may use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reply_bytes(&self, user: UserId, id: ReplyId) -> Result<usize, StoreError> {
        let bytes = sqlx::query_scalar!(
            r#"select coalesce(sum(octet_length(f.content)), 0)::bigint as "bytes!" from saved_reply_files f join saved_replies r using (reply_id)
               where r.reply_id = $1 and (r.owner is null or r.owner = $2)"#,
            id.0,
            user.0
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(usize::try_from(bytes).unwrap_or_default())
    }

    /// Gives a reply of this owner another file. False: there is no such reply, or it has too many, or they are too large together.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_reply_file(&self, id: ReplyId, owner: Option<UserId>, file: &ReplyContent) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "insert into saved_reply_files (reply_id, name, content)
             select reply_id, $3, $4::bytea from saved_replies r where reply_id = $1 and owner is not distinct from $2
                 and (select count(*) < $5 and coalesce(sum(octet_length(f.content)), 0) + octet_length($4::bytea) <= $6
                      from saved_reply_files f where f.reply_id = r.reply_id)",
            id.0,
            owner.map(|user| user.0),
            file.name,
            file.content,
            REPLY_FILES,
            i64::try_from(REPLY_BYTES).unwrap_or(i64::MAX)
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes files away from a reply of this owner.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_reply_files(&self, id: ReplyId, owner: Option<UserId>, files: &[i64]) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from saved_reply_files f using saved_replies r
             where f.reply_id = r.reply_id and r.reply_id = $1 and r.owner is not distinct from $2 and f.file_id = any($3)",
            id.0,
            owner.map(|user| user.0),
            files
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A new reply. `None`: there are too many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_reply(&self, owner: Option<UserId>, text: &ReplyText) -> Result<Option<ReplyId>, StoreError> {
        let created = sqlx::query_scalar!(
            "insert into saved_replies (owner, title, shortcut, category, body) select $1::bigint, $2, $3, $4, $5
             where (select count(*) from saved_replies where owner is not distinct from $1) < $6 returning reply_id",
            owner.map(|user| user.0),
            text.title,
            text.shortcut,
            text.category,
            text.body,
            MOST
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(created.map(ReplyId))
    }

    /// Changes a reply of this owner. False: there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_reply(&self, id: ReplyId, owner: Option<UserId>, text: &ReplyText) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "update saved_replies set title = $3, shortcut = $4, category = $5, body = $6, changed_at = now()
             where reply_id = $1 and owner is not distinct from $2",
            id.0,
            owner.map(|user| user.0),
            text.title,
            text.shortcut,
            text.category,
            text.body
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes a reply of this owner. False: there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_reply(&self, id: ReplyId, owner: Option<UserId>) -> Result<bool, StoreError> {
        let done =
            sqlx::query!("delete from saved_replies where reply_id = $1 and owner is not distinct from $2", id.0, owner.map(|user| user.0))
                .execute(&self.pool)
                .await?;
        Ok(done.rows_affected() == 1)
    }
}
