//! The outbox as its sender and those who wait for an outcome read it. The ledger alone writes the sends.

use serde::{Deserialize, Serialize};

use super::log::{datetime, timestamp};
use super::processes::LEASE_SECONDS;
use super::{Store, StoreError};
use crate::wire::{Content, MessageId, PageId, PersonId, Send, Timestamp};

/// A send of a Page; consecutive from 1, so first accepted is first sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SendId(pub i64);

/// How far a send is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendState {
    /// Waits for its turn.
    Accepted,
    /// The first byte may have left.
    Sending,
    /// The platform has it.
    Sent {
        /// Its id there; sender actions have none.
        mid: Option<MessageId>,
        /// For reusable attachments.
        attachment_id: Option<String>,
    },
    /// The platform, or Baton before it, said no.
    Failed(SendError),
    /// Nobody knows whether it was sent. Never sent again by itself.
    Unknown,
    /// Control changed hands before its turn came.
    Superseded,
}

/// Why a send failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendError {
    /// The platform's code.
    pub code: i64,
    /// The platform's subcode.
    pub subcode: Option<i64>,
    /// The platform's words.
    pub message: String,
}

impl SendError {
    /// Whether the sender is told to try again, since nothing was sent and later it may be: the platform's documented codes for that.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.code, 2 | 4 | 613 | 80_001 | 80_002 | 80_006)
    }
}

/// How the platform counts a send against its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendKind {
    /// Text, template, link, sticker.
    Message,
    /// An image, audio, video or file.
    Media,
    /// Typing, seen, reaction.
    Action,
}

impl SendKind {
    /// The kind of this send.
    #[must_use]
    pub fn of(send: &Send) -> Self {
        let Content::Message { message, .. } = &send.content else { return Self::Action };
        match message.get("attachment").and_then(|attachment| attachment.get("type")).and_then(serde_json::Value::as_str) {
            Some("image" | "audio" | "video" | "file") => Self::Media,
            _ => Self::Message,
        }
    }
}

/// A send that waits for its turn, or that holds up its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSend {
    /// Which.
    pub send_id: SendId,
    /// To whom.
    pub person: PersonId,
    /// An agent wrote it.
    pub by_agent: bool,
    /// What it counts as.
    pub kind: SendKind,
    /// Not before then.
    pub not_before: Option<Timestamp>,
    /// When its outcome became unknown; `None` for one that waits for its turn.
    pub unknown_since: Option<Timestamp>,
}

impl Store {
    /// Takes the lease of a Page's outbox for a process that is alive: when it is free, held by a dead process, or already this one's.
    /// The lease's number, higher than any before, is the answer; `None` while another process holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_outbox(&self, page: &PageId, process: i64) -> Result<Option<i64>, StoreError> {
        let generation = sqlx::query_scalar!(
            "insert into outbox_leases as l (page_id, process_id, generation)
             select $1, $2, 1 where exists (
                 select 1 from processes where process_id = $2 and heartbeat_at >= statement_timestamp() - $3::float8 * interval '1 second')
             on conflict (page_id) do update set process_id = excluded.process_id, generation = l.generation + 1
             where l.process_id is null or l.process_id = excluded.process_id or not exists (
                 select 1 from processes p where p.process_id = l.process_id and p.heartbeat_at >= statement_timestamp() - $3::float8 * interval '1 second')
             returning generation",
            page.as_str(),
            process,
            f64::from(LEASE_SECONDS)
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(generation)
    }

    /// Gives the lease of a Page's outbox back, unless another process has it by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_outbox(&self, page: &PageId, process: i64, generation: i64) -> Result<(), StoreError> {
        sqlx::query!(
            "update outbox_leases set process_id = null where page_id = $1 and process_id = $2 and generation = $3",
            page.as_str(),
            process,
            generation
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Pages on which a send waits or was left under way, and whose outbox no other living process holds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pages_to_send(&self, process: i64) -> Result<Vec<PageId>, StoreError> {
        let pages = sqlx::query_scalar!(
            "select distinct o.page_id from outbox o
             where o.state in ('accepted', 'sending') and not exists (
                 select 1 from outbox_leases l join processes p using (process_id)
                 where l.page_id = o.page_id and p.process_id <> $1 and p.heartbeat_at >= statement_timestamp() - $2::float8 * interval '1 second')",
            process,
            f64::from(LEASE_SECONDS)
        )
        .fetch_all(&self.pool)
        .await?;
        pages.into_iter().map(|page| PageId::parse(&page).map_err(|e| StoreError::inconsistent("outbox", "page_id", &page, e))).collect()
    }

    /// Up to `limit` sends of a Page after a number, in order, that wait for their turn or became unknown after `unknown_after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_sends(
        &self,
        page: &PageId,
        after: SendId,
        unknown_after: Timestamp,
        limit: i64,
    ) -> Result<Vec<OpenSend>, StoreError> {
        let rows = sqlx::query!(
            r#"select send_id, person_id, user_id, send, not_before, case when state = 'unknown' then done_at end as unknown_since
               from outbox where page_id = $1 and send_id > $2 and state in ('accepted', 'sending', 'unknown')
                 and (state = 'accepted' or (state = 'unknown' and done_at > $3)) order by send_id limit $4"#,
            page.as_str(),
            after.0,
            datetime(unknown_after),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let place = format!("{page}:{}", row.send_id);
                let send: Send = serde_json::from_str(&row.send).map_err(|e| StoreError::inconsistent("outbox", "send", &place, e))?;
                Ok(OpenSend {
                    send_id: SendId(row.send_id),
                    person: PersonId::parse(&row.person_id).map_err(|e| StoreError::inconsistent("outbox", "person_id", &place, e))?,
                    by_agent: row.user_id.is_some(),
                    kind: SendKind::of(&send),
                    not_before: row.not_before.map(timestamp),
                    unknown_since: row.unknown_since.map(timestamp),
                })
            })
            .collect()
    }

    /// How many sends of a Page wait for their turn, counted up to `most`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_sends(&self, page: &PageId, most: i64) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from (select 1 from outbox where page_id = $1 and state = 'accepted' limit $2) as waiting"#,
            page.as_str(),
            most
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(count)
    }

    /// How far a send is, or `None` for an unknown one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_state(&self, page: &PageId, send: SendId) -> Result<Option<SendState>, StoreError> {
        let row = sqlx::query!(
            "select state, mid, attachment_id, error_code, error_subcode, error_message from outbox where page_id = $1 and send_id = $2",
            page.as_str(),
            send.0
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let bad = |column, why: String| StoreError::inconsistent("outbox", column, format!("{page}:{}", send.0), why);
        Ok(Some(match row.state.as_str() {
            "accepted" => SendState::Accepted,
            "sending" => SendState::Sending,
            "sent" => SendState::Sent {
                mid: row.mid.map(MessageId::parse).transpose().map_err(|e| bad("mid", e.to_string()))?,
                attachment_id: row.attachment_id,
            },
            "failed" => SendState::Failed(SendError {
                code: row.error_code.unwrap_or(1),
                subcode: row.error_subcode,
                message: row.error_message.unwrap_or_default(),
            }),
            "unknown" => SendState::Unknown,
            "superseded" => SendState::Superseded,
            other => return Err(bad("state", other.to_owned())),
        }))
    }
}
