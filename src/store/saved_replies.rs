//! Saved replies: everybody's, which admins keep, and each agent's own.

use super::{Store, StoreError};
use crate::access::UserId;

/// Most replies of everybody, and of one agent.
pub const MOST: i64 = 300;

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
}

impl Store {
    /// Everybody's replies and those of one agent, by category and title.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn saved_replies(&self, user: UserId) -> Result<Vec<SavedReply>, StoreError> {
        let rows = sqlx::query!(
            "select reply_id, owner, title, shortcut, category, body from saved_replies where owner is null or owner = $1
             order by lower(category), lower(title), reply_id",
            user.0
        )
        .fetch_all(&self.pool)
        .await?;
        let replies = rows.into_iter().map(|row| SavedReply {
            id: ReplyId(row.reply_id),
            owner: row.owner.map(UserId),
            text: ReplyText { title: row.title, shortcut: row.shortcut, category: row.category, body: row.body },
        });
        Ok(replies.collect())
    }

    /// A new reply. False: there are too many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_reply(&self, owner: Option<UserId>, text: &ReplyText) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "insert into saved_replies (owner, title, shortcut, category, body) select $1::bigint, $2, $3, $4, $5
             where (select count(*) from saved_replies where owner is not distinct from $1) < $6",
            owner.map(|user| user.0),
            text.title,
            text.shortcut,
            text.category,
            text.body,
            MOST
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
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
