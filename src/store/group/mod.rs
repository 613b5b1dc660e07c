//! The ledger's transaction: one for a whole group of commands, under the locks of the Pages concerned.

mod conversations;
mod glance;
mod lane;
mod rows;
mod sends;
mod teams;
mod write;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Postgres, Transaction};

use super::log::{datetime, timestamp};
use super::pool::{Beginnings, RESTED, answers, within};
use super::rules::VersionedRules;
use super::{Store, StoreError, rules};
use crate::crypto::random;
use crate::wire::{PageId, PersonId, Timestamp};

pub use conversations::{ConversationRow, Stored};
pub use glance::Glance;
pub use lane::Lane;
pub use sends::{NewSendRow, SendChange, SendRow};
pub use teams::TeamWrite;
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

/// What locking the heads gave.
#[derive(Debug)]
pub struct Locked {
    /// The heads of the Pages that there are.
    pub heads: Vec<Head>,
    /// The database's time once all were locked.
    pub now: Timestamp,
    /// This group.
    pub id: GroupId,
}

/// A connection that the ledger's writer keeps from group to group. After a failure it is given up.
#[derive(Debug)]
pub struct Link {
    connection: PoolConnection<Postgres>,
    beginnings: Arc<Beginnings>,
    used: Instant,
}

/// One transaction of the ledger.
#[derive(Debug)]
pub struct GroupTransaction<'l> {
    transaction: Transaction<'l, Postgres>,
}

/// A group's own name, to ask later whether it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupId {
    process: i64,
    name: String,
}

impl Store {
    /// A connection for the ledger's writer.
    ///
    /// # Errors
    /// When the database does not give one.
    pub async fn link(&self) -> Result<Link, StoreError> {
        Ok(Link { connection: self.writer.acquire().await?, beginnings: self.writer.beginnings(), used: Instant::now() })
    }

    /// Whether a group whose COMMIT was not answered is committed. The answer is final: as long as the group's transaction is open somewhere,
    /// this waits for it, since both write the same row; and one that is still on its way finds another name there than it counts on.
    ///
    /// # Errors
    /// When the database fails, or the transaction stays open: then nobody knows yet.
    pub async fn is_committed(&self, group: &GroupId) -> Result<bool, StoreError> {
        let newest = sqlx::query_scalar!(
            "insert into committed_groups (process_id, group_id, committed_at) values ($1, '', clock_timestamp())
             on conflict (process_id) do update set group_id = case when committed_groups.group_id = $2 then $2 else '' end returning group_id",
            group.process,
            group.name
        )
        .fetch_one(&self.writer)
        .await?;
        Ok(newest == group.name)
    }
}

impl GroupId {
    /// A new name for a group of this process.
    #[must_use]
    pub fn new(process: i64) -> Self {
        Self { process, name: random::hex::<12>() }
    }
}

impl Link {
    /// Begins a group.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_group(&mut self) -> Result<GroupTransaction<'_>, StoreError> {
        self.wake().await?;
        Ok(GroupTransaction { transaction: self.beginnings.begin(&mut self.connection).await? })
    }

    /// While it rested, the network may have fallen silent: that is found out sooner than by a group that gets no answer.
    async fn wake(&mut self) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.used, Instant::now()).elapsed() > RESTED {
            answers(&mut self.connection).await?;
        }
        Ok(())
    }
}

impl GroupTransaction<'_> {
    /// Locks the heads of the Pages, in key order, and takes the time after that. Unknown Pages are left out. The group gets a name, which is
    /// committed with it.
    ///
    /// # Errors
    /// When the database fails, or a lock cannot be had in time.
    pub async fn lock_heads(&mut self, pages: &[&str], process: i64) -> Result<Locked, StoreError> {
        let id = GroupId::new(process);
        // The clock is read again with each head that is locked: the last reading counts.
        let rows = sqlx::query!(
            r#"with head as materialized (
                   select page_id, last_position, last_send, rules_version from pages where page_id = any($1::text[]) order by page_id for update
               ), named as (
                   insert into committed_groups (process_id, group_id, committed_at) values ($2, $3, clock_timestamp())
                   on conflict (process_id) do update set group_id = excluded.group_id, committed_at = excluded.committed_at)
               select clock_timestamp() as "now!", head.page_id as "page_id?", last_position as "last_position?", last_send as "last_send?",
                      rules_version as "rules_version?"
               from (select) as always left join head on true"#,
            pages as _,
            process,
            id.name
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let now = rows.iter().map(|row| timestamp(row.now)).max();
        let now = now.ok_or_else(|| StoreError::inconsistent("pages", "page_id", "", "the clock was not read"))?;
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
        Ok(Locked { heads, now, id })
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
    /// When the database fails or does not answer in time; on a lost connection [`Store::is_committed`] tells whether it happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(within(COMMIT, self.transaction.commit()).await?)
    }
}
