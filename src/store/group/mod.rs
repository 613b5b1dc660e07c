//! The ledger's transaction: one for a whole group of commands, under the locks of the Pages concerned.

mod conversations;
mod sends;
mod write;

use std::time::Duration;

use sqlx::{Postgres, Transaction};

use super::log::timestamp;
use super::pool::within;
use super::rules::VersionedRules;
use super::{Store, StoreError, rules};
use crate::crypto::random;
use crate::wire::{PageId, PersonId, Timestamp};

pub use conversations::ConversationRow;
pub use sends::{NewSendRow, SendChange, SendRow};
pub use write::{BotMemoryWrite, ButtonWrite, Quarantined, Superseding, Writes};

/// How long a COMMIT may take to be answered. After it the network may be to blame, and it is asked elsewhere what became of it.
const COMMIT: Duration = Duration::from_secs(3);

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

/// One transaction of the ledger.
#[derive(Debug)]
pub struct GroupTransaction {
    transaction: Transaction<'static, Postgres>,
}

/// A group's own name, to ask later whether it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupId {
    process: i64,
    name: String,
}

impl Store {
    /// Begins a group.
    ///
    /// # Errors
    /// When the database does not give a connection.
    pub async fn begin_group(&self) -> Result<GroupTransaction, StoreError> {
        Ok(GroupTransaction { transaction: self.writer.begin().await? })
    }

    /// Whether a group whose COMMIT was not answered is committed. The answer is final: as long as the group's transaction is open somewhere,
    /// this waits for it, since both write the same row.
    ///
    /// # Errors
    /// When the database fails, or the transaction stays open: then nobody knows yet.
    pub async fn is_committed(&self, group: &GroupId) -> Result<bool, StoreError> {
        let newest = sqlx::query_scalar!(
            "insert into committed_groups (process_id, group_id, committed_at) values ($1, '', clock_timestamp())
             on conflict (process_id) do update set committed_at = committed_groups.committed_at returning group_id",
            group.process
        )
        .fetch_one(&self.writer)
        .await?;
        Ok(newest == group.name)
    }
}

impl GroupTransaction {
    /// Locks the heads of the Pages, in key order. Unknown Pages are left out.
    ///
    /// # Errors
    /// When the database fails, or a lock cannot be had in time.
    pub async fn lock_heads(&mut self, pages: &[&str]) -> Result<Vec<Head>, StoreError> {
        let rows = sqlx::query!(
            "select page_id, last_position, last_send, rules_version from pages where page_id = any($1::text[]) order by page_id for update",
            pages as _
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Head {
                    page: PageId::parse(&row.page_id).map_err(|e| StoreError::inconsistent("pages", "page_id", &row.page_id, e))?,
                    last_position: row.last_position,
                    last_send: row.last_send,
                    rules_version: row.rules_version,
                })
            })
            .collect()
    }

    /// The database's time now, after locking, and this group's name, which is committed with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clock(&mut self, process: i64) -> Result<(Timestamp, GroupId), StoreError> {
        let name = random::hex::<12>();
        let now = sqlx::query_scalar!(
            "insert into committed_groups (process_id, group_id, committed_at) values ($1, $2, clock_timestamp())
             on conflict (process_id) do update set group_id = excluded.group_id, committed_at = excluded.committed_at returning committed_at",
            process,
            name
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok((timestamp(now), GroupId { process, name }))
    }

    /// The rules of a Page whose head is locked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules(&mut self, page: &PageId) -> Result<Option<VersionedRules>, StoreError> {
        rules::load(&mut self.transaction, page).await
    }

    /// Which of these have been seen.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn seen(&mut self, asked: &[(PageId, Seen)]) -> Result<Vec<(PageId, Seen)>, StoreError> {
        let pages: Vec<&str> = asked.iter().map(|(page, _)| page.as_str()).collect();
        let hashes: Vec<&[u8]> = asked.iter().map(|(_, hash)| hash.as_slice()).collect();
        let rows = sqlx::query!(
            "select d.page_id, d.hash from unnest($1::text[], $2::bytea[]) as a (page_id, hash) join duplicates d on d.page_id = a.page_id and d.hash = a.hash",
            &pages as _,
            &hashes as _
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
    /// When the database fails or does not answer in time; on a lost connection [`Store::is_committed`] tells whether it happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(within(COMMIT, self.transaction.commit()).await?)
    }
}
