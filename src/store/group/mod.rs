//! The ledger's transaction: one for a whole group of commands, under the locks of the Pages concerned.

mod conversations;
mod rows;
mod sends;
mod write;

use sqlx::{Postgres, Transaction};

use super::log::{datetime, timestamp};
use super::rules::VersionedRules;
use super::{Store, StoreError, rules};
use crate::wire::{PageId, PersonId, Timestamp};

pub use conversations::{ConversationRow, Stored};
pub use sends::{NewSendRow, SendChange, SendRow};
pub use write::{BotMemoryWrite, ButtonWrite, Quarantined, Superseding, Writes};

/// Hash of something seen, 16 bytes.
pub type Seen = [u8; 16];

/// A conversation's name.
pub type ConversationKey = (PageId, PersonId);

/// A Page's locked head.
#[derive(Debug, Clone)]
pub struct Head {
    /// The Page.
    pub page: PageId,
    /// Newest position.
    pub last_position: i64,
    /// Newest send.
    pub last_send: i64,
    /// Version of its rules.
    pub rules_version: i64,
}

/// What locking the heads gave.
#[derive(Debug)]
pub struct Locked {
    /// The heads of the Pages that there are.
    pub heads: Vec<Head>,
    /// The database's time once all were locked.
    pub now: Timestamp,
    /// This transaction.
    pub id: TransactionId,
}

/// One transaction of the ledger.
#[derive(Debug)]
pub struct GroupTransaction {
    transaction: Transaction<'static, Postgres>,
}

/// The transaction's own id, to ask later what became of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransactionId(String);

/// What became of a transaction whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is committed.
    Committed,
    /// It never happened.
    Aborted,
    /// It is still open on the server.
    Open,
}

impl Store {
    /// Begins a group.
    ///
    /// # Errors
    /// When the database does not give a connection.
    pub async fn begin_group(&self) -> Result<GroupTransaction, StoreError> {
        Ok(GroupTransaction { transaction: self.writer.begin().await? })
    }

    /// Asks what became of a transaction whose COMMIT was not answered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fate(&self, id: &TransactionId) -> Result<Fate, StoreError> {
        let status = sqlx::query_scalar!("select pg_xact_status($1::text::xid8)", id.0).fetch_one(&self.pool).await?;
        Ok(match status.as_deref() {
            Some("committed") => Fate::Committed,
            Some("in progress") => Fate::Open,
            _ => Fate::Aborted,
        })
    }
}

impl GroupTransaction {
    /// Locks the heads of the Pages, in key order, and takes the time after that. Unknown Pages are left out.
    ///
    /// # Errors
    /// When the database fails, or a lock cannot be had in time.
    pub async fn lock_heads(&mut self, pages: &[&str]) -> Result<Locked, StoreError> {
        // The clock is read again with each head that is locked: the last reading counts.
        let rows = sqlx::query!(
            r#"with head as materialized (
                   select page_id, last_position, last_send, rules_version from pages where page_id = any($1::text[]) order by page_id for update)
               select clock_timestamp() as "now!", pg_current_xact_id()::text as "id!", head.page_id as "page_id?", last_position as "last_position?",
                      last_send as "last_send?", rules_version as "rules_version?"
               from (select) as always left join head on true"#,
            pages as _
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let (now, id) = rows
            .iter()
            .map(|row| (timestamp(row.now), row.id.clone()))
            .max()
            .ok_or_else(|| StoreError::inconsistent("pages", "page_id", "", "the clock was not read"))?;
        let mut heads = Vec::with_capacity(rows.len());
        for row in rows {
            let (Some(page), Some(last_position), Some(last_send), Some(rules_version)) =
                (row.page_id, row.last_position, row.last_send, row.rules_version)
            else {
                continue;
            };
            let page = PageId::parse(&page).map_err(|e| StoreError::inconsistent("pages", "page_id", &page, e))?;
            heads.push(Head { page, last_position, last_send, rules_version });
        }
        Ok(Locked { heads, now, id: TransactionId(id) })
    }

    /// The rules of a Page whose head is locked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules(&mut self, page: &PageId) -> Result<Option<VersionedRules>, StoreError> {
        rules::load(&mut self.transaction, page).await
    }

    /// Marks all of these as seen. Those that were not before are the answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_seen(&mut self, asked: &[(PageId, Seen)], now: Timestamp) -> Result<Vec<(PageId, Seen)>, StoreError> {
        let pages: Vec<&str> = asked.iter().map(|(page, _)| page.as_str()).collect();
        let hashes: Vec<&[u8]> = asked.iter().map(|(_, hash)| hash.as_slice()).collect();
        let rows = sqlx::query!(
            "insert into duplicates (page_id, hash, seen_at) select page_id, hash, $3 from unnest($1::text[], $2::bytea[]) as n (page_id, hash)
             on conflict do nothing returning page_id, hash",
            &pages as _,
            &hashes as _,
            datetime(now)
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter()
            .map(|row| {
                let page = PageId::parse(&row.page_id).map_err(|e| StoreError::inconsistent("duplicates", "page_id", &row.page_id, e))?;
                let hash = row.hash.try_into().map_err(|_| StoreError::inconsistent("duplicates", "hash", &row.page_id, "not 16 bytes"))?;
                Ok((page, hash))
            })
            .collect()
    }

    /// Commits.
    ///
    /// # Errors
    /// When the database fails; on a lost connection [`Store::fate`] tells whether it happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}
