//! Drafts of agents: what they have written and not sent, the same on every device.

use super::log::timestamp;
use super::{Store, StoreError};
use crate::access::UserId;
use crate::wire::{PageId, PersonId, Timestamp};

/// What is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftKind {
    /// To the customer.
    Reply,
    /// To colleagues.
    Note,
}

impl DraftKind {
    /// As forms and the table name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Note => "note",
        }
    }

    /// Reads [`DraftKind::as_str`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Reply, Self::Note].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Whose text in which conversation.
#[derive(Debug, Clone, Copy)]
pub struct DraftPlace<'a> {
    /// Who writes.
    pub user: UserId,
    /// The Page.
    pub page: &'a PageId,
    /// The conversation.
    pub person: &'a PersonId,
    /// Reply or note.
    pub kind: DraftKind,
}

/// The form that a text stands in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edition {
    /// The form's key.
    pub key: String,
    /// How often the text was changed in it.
    pub edits: i64,
}

/// What the server knows of a text.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// The text; empty: none.
    pub text: String,
    /// Where it stands.
    pub edition: Edition,
    /// What was sent last.
    pub spent: Option<Edition>,
    /// When it was saved.
    pub at: Option<Timestamp>,
}

/// Both texts of a conversation.
#[derive(Debug, Clone, Default)]
pub struct Drafts {
    /// To the customer.
    pub reply: Saved,
    /// To colleagues.
    pub note: Saved,
}

impl Store {
    /// What an agent has written in a conversation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drafts(&self, user: UserId, page: &PageId, person: &PersonId) -> Result<Drafts, StoreError> {
        let rows = sqlx::query!(
            "select kind, text, key, edits, spent, spent_edits, saved_at from drafts where user_id = $1 and page_id = $2 and person_id = $3",
            user.0,
            page.as_str(),
            person.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        let mut drafts = Drafts::default();
        for row in rows {
            let saved = Saved {
                text: row.text,
                edition: Edition { key: row.key, edits: row.edits },
                spent: row.spent.map(|key| Edition { key, edits: row.spent_edits }),
                at: Some(timestamp(row.saved_at)),
            };
            match DraftKind::parse(&row.kind) {
                Some(DraftKind::Note) => drafts.note = saved,
                _ => drafts.reply = saved,
            }
        }
        Ok(drafts)
    }

    /// Keeps a text, unless a newer state of it is kept already or it has been sent. Whether it did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_draft(&self, place: DraftPlace<'_>, edition: &Edition, text: &str) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "insert into drafts as d (user_id, page_id, person_id, kind, key, edits, text) values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (user_id, page_id, person_id, kind) do update
                 set key = excluded.key, edits = excluded.edits, text = excluded.text, saved_at = excluded.saved_at
                 where (d.spent is distinct from excluded.key or d.spent_edits < excluded.edits)
                   and (d.key <> excluded.key or d.edits <= excluded.edits)",
            place.user.0,
            place.page.as_str(),
            place.person.as_str(),
            place.kind.as_str(),
            edition.key,
            edition.edits,
            text
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Forgets a text that was sent. What was written after it in the same form stays. What the agent sent long ago is forgotten with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_draft(&self, place: DraftPlace<'_>, edition: &Edition) -> Result<(), StoreError> {
        sqlx::query!(
            "with old as (delete from drafts where user_id = $1 and text = '' and saved_at < now() - interval '2 days'
                              and (page_id, person_id, kind) is distinct from ($2, $3, $4))
             insert into drafts as d (user_id, page_id, person_id, kind, key, edits, text, spent, spent_edits)
             values ($1, $2, $3, $4, $5, $6, '', $5, $6)
             on conflict (user_id, page_id, person_id, kind) do update
                 set spent = excluded.spent, spent_edits = excluded.spent_edits, saved_at = excluded.saved_at,
                     text = case when d.key = excluded.key and d.edits <= excluded.edits then '' else d.text end",
            place.user.0,
            place.page.as_str(),
            place.person.as_str(),
            place.kind.as_str(),
            edition.key,
            edition.edits
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
