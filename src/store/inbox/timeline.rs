//! The timeline of one conversation: what is shown, what changes what is shown, and what still waits to be sent.

use super::super::log::{LogRow, datetime, timestamp};
use super::super::{Store, StoreError};
use crate::access::UserId;
use crate::wire::{AppId, PageId, PersonId, Send, Timestamp};

/// Kinds that change other rows, or are told by the outbox, and have no line of their own.
const FOLDED: [&str; 7] = ["read", "delivery", "reaction", "edit", "unsend", "send_failed", "send_unknown"];

/// Most rows that are read to fold into a page of the timeline.
const FOLD_LIMIT: i64 = 2000;

/// A send that is not (yet) an echo in the log.
#[derive(Debug, Clone)]
pub struct PendingSend {
    /// Its number on the Page.
    pub send_id: i64,
    /// Who sends.
    pub app: AppId,
    /// The agent behind it.
    pub user: Option<UserId>,
    /// `accepted`, `sending`, `failed`, `unknown` or `superseded`.
    pub state: String,
    /// What.
    pub send: Send,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The platform wants it no earlier; then it is tried again.
    pub not_before: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<(i64, Option<i64>, String)>,
    /// Another attempt was made with [`again_key`].
    pub again: bool,
}

/// The idempotency key of the attempt after a send: there is one at most, however often it is asked for.
#[must_use]
pub fn again_key(send_id: i64) -> String {
    format!("again.{send_id}")
}

struct Row {
    send_id: i64,
    app_id: String,
    user_id: Option<i64>,
    state: String,
    send: String,
    accepted_at: time::OffsetDateTime,
    not_before: Option<time::OffsetDateTime>,
    error_code: Option<i64>,
    error_subcode: Option<i64>,
    error_message: Option<String>,
    again: bool,
}

impl Row {
    fn read(self, page: &PageId) -> Result<PendingSend, StoreError> {
        let bad = |column, why: String| StoreError::inconsistent("outbox", column, format!("{page}:{}", self.send_id), why);
        Ok(PendingSend {
            send_id: self.send_id,
            app: AppId::parse(&self.app_id).map_err(|e| bad("app_id", e.to_string()))?,
            user: self.user_id.map(UserId),
            send: serde_json::from_str(&self.send).map_err(|e| bad("send", e.to_string()))?,
            accepted_at: timestamp(self.accepted_at),
            not_before: self.not_before.map(timestamp),
            error: self.error_code.map(|code| (code, self.error_subcode, self.error_message.clone().unwrap_or_default())),
            state: self.state,
            again: self.again,
        })
    }
}

impl Store {
    /// The newest rows with a line of their own before a position, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lines_before(&self, page: &PageId, person: &PersonId, before: Option<i64>, limit: i64) -> Result<Vec<LogRow>, StoreError> {
        let positions = sqlx::query_scalar!(
            "select position from log
             where page_id = $1 and person_id = $2 and position < $3 and kind <> all($4) order by position desc limit $5",
            page.as_str(),
            person.as_str(),
            before.unwrap_or(i64::MAX),
            &FOLDED as _,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let mut rows = self.log_at(page, &positions).await?;
        rows.reverse();
        Ok(rows)
    }

    /// The position of the line so many lines after a position; `None` when the newest is nearer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lines_beyond(&self, page: &PageId, person: &PersonId, position: i64, lines: i64) -> Result<Option<i64>, StoreError> {
        let beyond = sqlx::query_scalar!(
            "select position from log
             where page_id = $1 and person_id = $2 and position > $3 and kind <> all($4) order by position offset $5 limit 1",
            page.as_str(),
            person.as_str(),
            position,
            &FOLDED as _,
            lines
        );
        Ok(beyond.fetch_optional(&self.pool).await?)
    }

    /// What changes lines from a position on: edits, reactions, unsends, reads, deliveries; oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn folds_from(&self, page: &PageId, person: &PersonId, position: i64) -> Result<Vec<LogRow>, StoreError> {
        let positions = sqlx::query_scalar!(
            "select position from log
             where page_id = $1 and person_id = $2 and position >= $3 and kind = any($4) order by position desc limit $5",
            page.as_str(),
            person.as_str(),
            position,
            &FOLDED as _,
            FOLD_LIMIT
        )
        .fetch_all(&self.pool)
        .await?;
        let mut rows = self.log_at(page, &positions).await?;
        rows.reverse();
        Ok(rows)
    }

    /// Messages that have not reached the platform, or of which nobody knows whether they did, accepted in this span of time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_sends(
        &self,
        page: &PageId,
        person: &PersonId,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Vec<PendingSend>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select send_id, app_id, user_id, state, send, accepted_at, not_before, error_code, error_subcode, error_message,
                      exists (select 1 from outbox a where a.page_id = o.page_id and a.app_id = o.app_id
                              and a.idempotency_key = 'again.' || o.send_id) as "again!"
               from outbox o
               where page_id = $1 and person_id = $2 and state <> 'sent' and accepted_at >= $3 and ($4::timestamptz is null or accepted_at < $4)
               order by send_id desc limit 100"#,
            page.as_str(),
            person.as_str(),
            datetime(from),
            until.map(datetime)
        )
        .fetch_all(&self.pool)
        .await?;
        let sends: Result<Vec<PendingSend>, _> = rows.into_iter().rev().map(|row| row.read(page)).collect();
        Ok(sends?.into_iter().filter(|send| !send.send.is_action()).collect())
    }

    /// The number of the newest send of a conversation; 0: none yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_send(&self, page: &PageId, person: &PersonId) -> Result<i64, StoreError> {
        let newest = sqlx::query_scalar!(
            "select send_id from outbox where page_id = $1 and person_id = $2 order by send_id desc limit 1",
            page.as_str(),
            person.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(newest.unwrap_or_default())
    }

    /// A send of a conversation, whatever became of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_to(&self, page: &PageId, person: &PersonId, send_id: i64) -> Result<Option<PendingSend>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            r#"select send_id, app_id, user_id, state, send, accepted_at, not_before, error_code, error_subcode, error_message, false as "again!"
               from outbox where page_id = $1 and person_id = $2 and send_id = $3"#,
            page.as_str(),
            person.as_str(),
            send_id
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| row.read(page)).transpose()
    }

    /// The conversations that changed on a Page after a position up to another, each with its newest position.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changed_people(&self, page: &PageId, after: i64, until: i64) -> Result<Vec<(PersonId, i64)>, StoreError> {
        let rows = sqlx::query!(
            r#"select person_id as "person_id!", max(position) as "position!" from log
               where page_id = $1 and position > $2 and position <= $3 and person_id is not null group by person_id"#,
            page.as_str(),
            after,
            until
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let person =
                    PersonId::parse(&row.person_id).map_err(|e| StoreError::inconsistent("log", "person_id", &row.person_id, e))?;
                Ok((person, row.position))
            })
            .collect()
    }
}
