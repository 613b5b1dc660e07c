//! Sends as the ledger reads and writes them.

use super::super::StoreError;
use super::super::log::{datetime, timestamp};
use super::{ConversationKey, GroupTransaction};
use crate::access::UserId;
use crate::control::Epoch;
use crate::wire::{AppId, PageId, PersonId, Send, Timestamp};

/// A row of `outbox` that a command concerns.
#[derive(Debug, Clone, PartialEq)]
pub struct SendRow {
    /// The Page.
    pub page: PageId,
    /// Its number there.
    pub send_id: i64,
    /// To whom.
    pub person: PersonId,
    /// Who sends.
    pub app: AppId,
    /// The agent behind it.
    pub user: Option<UserId>,
    /// `accepted`, `sending`, `sent`, `failed`, `unknown`, `superseded`.
    pub state: String,
    /// Epoch at acceptance.
    pub epoch: Epoch,
    /// What.
    pub send: Send,
    /// Baton's own metadata.
    pub token: String,
    /// The caller's key.
    pub idempotency_key: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When `sending` was committed.
    pub sending_at: Option<Timestamp>,
    /// Lease generation it was begun under.
    pub begun_by: Option<i64>,
    /// The platform's id of it.
    pub mid: Option<String>,
    /// For reusable attachments.
    pub attachment_id: Option<String>,
    /// Why it failed.
    pub error: Option<(i64, Option<i64>, String)>,
}

/// A send to insert; its state is `accepted`.
pub type NewSendRow = SendRow;

/// A send whose state, outcome or turn changed: the whole row as it is afterwards.
#[derive(Debug, Clone)]
pub struct SendChange {
    /// The row afterwards.
    pub row: SendRow,
    /// Whether it is over.
    pub done: bool,
    /// Not before then.
    pub not_before: Option<Timestamp>,
}

struct Row {
    page_id: String,
    send_id: i64,
    person_id: String,
    app_id: String,
    user_id: Option<i64>,
    state: String,
    epoch: i64,
    send: String,
    token: String,
    idempotency_key: Option<String>,
    accepted_at: time::OffsetDateTime,
    sending_at: Option<time::OffsetDateTime>,
    begun_by: Option<i64>,
    mid: Option<String>,
    attachment_id: Option<String>,
    error_code: Option<i64>,
    error_subcode: Option<i64>,
    error_message: Option<String>,
}

impl TryFrom<Row> for SendRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let place = format!("{}:{}", row.page_id, row.send_id);
        let bad = |column, why: String| StoreError::inconsistent("outbox", column, &place, why);
        Ok(Self {
            page: PageId::parse(&row.page_id).map_err(|e| bad("page_id", e.to_string()))?,
            send_id: row.send_id,
            person: PersonId::parse(&row.person_id).map_err(|e| bad("person_id", e.to_string()))?,
            app: AppId::parse(&row.app_id).map_err(|e| bad("app_id", e.to_string()))?,
            user: row.user_id.map(UserId),
            state: row.state,
            epoch: Epoch(u64::try_from(row.epoch).unwrap_or_default()),
            send: serde_json::from_str(&row.send).map_err(|e| bad("send", e.to_string()))?,
            token: row.token,
            idempotency_key: row.idempotency_key,
            accepted_at: timestamp(row.accepted_at),
            sending_at: row.sending_at.map(timestamp),
            begun_by: row.begun_by,
            mid: row.mid,
            attachment_id: row.attachment_id,
            error: row.error_code.map(|code| (code, row.error_subcode, row.error_message.unwrap_or_default())),
        })
    }
}

impl GroupTransaction<'_> {
    /// Sends by number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sends_by_id(&mut self, asked: &[(PageId, i64)]) -> Result<Vec<SendRow>, StoreError> {
        let pages: Vec<&str> = asked.iter().map(|(page, _)| page.as_str()).collect();
        let ids: Vec<i64> = asked.iter().map(|(_, id)| *id).collect();
        let rows = sqlx::query_as!(
            Row,
            "select o.page_id, o.send_id, o.person_id, o.app_id, o.user_id, o.state, o.epoch, o.send, o.token, o.idempotency_key, o.accepted_at,
                    o.sending_at, o.begun_by, o.mid, o.attachment_id, o.error_code, o.error_subcode, o.error_message
             from unnest($1::text[], $2::bigint[]) as a (page_id, send_id) join outbox o on o.page_id = a.page_id and o.send_id = a.send_id",
            &pages as _,
            &ids
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter().map(SendRow::try_from).collect()
    }

    /// Sends by idempotency key: (Page, app, key).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sends_by_key(&mut self, asked: &[(PageId, AppId, String)]) -> Result<Vec<SendRow>, StoreError> {
        let pages: Vec<&str> = asked.iter().map(|(page, ..)| page.as_str()).collect();
        let apps: Vec<&str> = asked.iter().map(|(_, app, _)| app.as_str()).collect();
        let keys: Vec<&str> = asked.iter().map(|(.., key)| key.as_str()).collect();
        let rows = sqlx::query_as!(
            Row,
            "select o.page_id, o.send_id, o.person_id, o.app_id, o.user_id, o.state, o.epoch, o.send, o.token, o.idempotency_key, o.accepted_at,
                    o.sending_at, o.begun_by, o.mid, o.attachment_id, o.error_code, o.error_subcode, o.error_message
             from unnest($1::text[], $2::text[], $3::text[]) as a (page_id, app_id, key)
             join outbox o on o.page_id = a.page_id and o.app_id = a.app_id and o.idempotency_key = a.key",
            &pages as _,
            &apps as _,
            &keys as _
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter().map(SendRow::try_from).collect()
    }

    /// Sends of these conversations that are under way or of unknown outcome: candidates for an echo without metadata.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sends_awaiting_echo(&mut self, asked: &[ConversationKey]) -> Result<Vec<SendRow>, StoreError> {
        let pages: Vec<&str> = asked.iter().map(|(page, _)| page.as_str()).collect();
        let people: Vec<&str> = asked.iter().map(|(_, person)| person.as_str()).collect();
        let rows = sqlx::query_as!(
            Row,
            "select o.page_id, o.send_id, o.person_id, o.app_id, o.user_id, o.state, o.epoch, o.send, o.token, o.idempotency_key, o.accepted_at,
                    o.sending_at, o.begun_by, o.mid, o.attachment_id, o.error_code, o.error_subcode, o.error_message
             from unnest($1::text[], $2::text[]) as a (page_id, person_id)
             join outbox o on o.page_id = a.page_id and o.person_id = a.person_id
             where o.state in ('sending', 'unknown')",
            &pages as _,
            &people as _
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter().map(SendRow::try_from).collect()
    }

    /// Sends to these people that are on their way, after these numbers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sends_on_their_way(&mut self, asked: &[(ConversationKey, i64)]) -> Result<Vec<SendRow>, StoreError> {
        let pages: Vec<&str> = asked.iter().map(|((page, _), _)| page.as_str()).collect();
        let people: Vec<&str> = asked.iter().map(|((_, person), _)| person.as_str()).collect();
        let after: Vec<i64> = asked.iter().map(|(_, id)| *id).collect();
        let rows = sqlx::query_as!(
            Row,
            "select o.page_id, o.send_id, o.person_id, o.app_id, o.user_id, o.state, o.epoch, o.send, o.token, o.idempotency_key, o.accepted_at,
                    o.sending_at, o.begun_by, o.mid, o.attachment_id, o.error_code, o.error_subcode, o.error_message
             from unnest($1::text[], $2::text[], $3::bigint[]) as a (page_id, person_id, send_id)
             join outbox o on o.page_id = a.page_id and o.person_id = a.person_id and o.send_id > a.send_id
             where o.state in ('accepted', 'sending')",
            &pages as _,
            &people as _,
            &after
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter().map(SendRow::try_from).collect()
    }

    /// Sends of a Page left in `sending` by an older lease.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sends_left_behind(&mut self, page: &PageId, generation: i64) -> Result<Vec<SendRow>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "select page_id, send_id, person_id, app_id, user_id, state, epoch, send, token, idempotency_key, accepted_at,
                    sending_at, begun_by, mid, attachment_id, error_code, error_subcode, error_message
             from outbox where page_id = $1 and state = 'sending' and begun_by < $2 order by send_id limit 500",
            page.as_str(),
            generation
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter().map(SendRow::try_from).collect()
    }

    /// The lease numbers of Pages' outboxes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbox_generations(&mut self, pages: &[&str]) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = sqlx::query!("select page_id, generation from outbox_leases where page_id = any($1::text[])", pages as _)
            .fetch_all(&mut *self.transaction)
            .await?;
        Ok(rows.into_iter().map(|row| (row.page_id, row.generation)).collect())
    }

    /// The version of an in-process app's memory of a conversation; 0 when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn memory_version(&mut self, page: &PageId, person: &PersonId, app: &AppId) -> Result<i64, StoreError> {
        let version = sqlx::query_scalar!(
            "select version from bot_memory where page_id = $1 and person_id = $2 and app_id = $3",
            page.as_str(),
            person.as_str(),
            app.as_str()
        )
        .fetch_optional(&mut *self.transaction)
        .await?;
        Ok(version.unwrap_or_default())
    }

    pub(super) async fn insert_sends(&mut self, rows: &[NewSendRow]) -> Result<(), StoreError> {
        let send: Vec<String> = rows
            .iter()
            .map(|row| serde_json::to_string(&row.send).map_err(|e| StoreError::inconsistent("outbox", "send", row.send_id, e)))
            .collect::<Result<_, _>>()?;
        let text = |f: fn(&SendRow) -> &str| rows.iter().map(f).collect::<Vec<&str>>();
        sqlx::query!(
            "insert into outbox (page_id, send_id, person_id, app_id, user_id, state, epoch, send, token, idempotency_key, accepted_at, done_at)
             select n.*, case when n.state = 'superseded' then n.accepted_at end
             from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::text[], $9::text[],
                 $10::text[], $11::timestamptz[])
                 as n (page_id, send_id, person_id, app_id, user_id, state, epoch, send, token, idempotency_key, accepted_at)",
            &text(|row| row.page.as_str()) as _,
            &rows.iter().map(|row| row.send_id).collect::<Vec<_>>(),
            &text(|row| row.person.as_str()) as _,
            &text(|row| row.app.as_str()) as _,
            &rows.iter().map(|row| row.user.map(|user| user.0)).collect::<Vec<_>>() as _,
            &text(|row| row.state.as_str()) as _,
            &rows.iter().map(|row| i64::try_from(row.epoch.0).unwrap_or(i64::MAX)).collect::<Vec<_>>(),
            &send as _,
            &text(|row| row.token.as_str()) as _,
            &rows.iter().map(|row| row.idempotency_key.as_deref()).collect::<Vec<_>>() as _,
            &rows.iter().map(|row| datetime(row.accepted_at)).collect::<Vec<_>>()
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    pub(super) async fn change_sends(&mut self, changes: &[SendChange], now: Timestamp) -> Result<(), StoreError> {
        let done: Vec<_> = changes.iter().map(|change| change.done.then(|| datetime(now))).collect();
        sqlx::query!(
            "update outbox o set state = case when n.state = 'accepted' and o.withdrawn then 'superseded' else n.state end,
                 done_at = case when n.state = 'accepted' and o.withdrawn then $14 else n.done_at end,
                 sending_at = n.sending_at, begun_by = n.begun_by, not_before = n.not_before, mid = n.mid, attachment_id = n.attachment_id, error_code = n.error_code, error_subcode = n.error_subcode,
                 error_message = n.error_message, idempotency_key = n.idempotency_key
             from unnest($1::text[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::text[],
                 $9::text[], $10::bigint[], $11::bigint[], $12::text[], $13::text[])
                 as n (page_id, send_id, state, sending_at, begun_by, done_at, not_before, mid, attachment_id, error_code, error_subcode, error_message,
                     idempotency_key)
             where o.page_id = n.page_id and o.send_id = n.send_id",
            &changes.iter().map(|change| change.row.page.as_str()).collect::<Vec<_>>() as _,
            &changes.iter().map(|change| change.row.send_id).collect::<Vec<_>>(),
            &changes.iter().map(|change| change.row.state.as_str()).collect::<Vec<_>>() as _,
            &changes.iter().map(|change| change.row.sending_at.map(datetime)).collect::<Vec<_>>() as _,
            &changes.iter().map(|change| change.row.begun_by).collect::<Vec<_>>() as _,
            &done as _,
            &changes.iter().map(|change| change.not_before.map(datetime)).collect::<Vec<_>>() as _,
            &changes.iter().map(|change| change.row.mid.as_deref()).collect::<Vec<_>>() as _,
            &changes.iter().map(|change| change.row.attachment_id.as_deref()).collect::<Vec<_>>() as _,
            &changes.iter().map(|change| change.row.error.as_ref().map(|error| error.0)).collect::<Vec<_>>() as _,
            &changes.iter().map(|change| change.row.error.as_ref().and_then(|error| error.1)).collect::<Vec<_>>() as _,
            &changes.iter().map(|change| change.row.error.as_ref().map(|error| error.2.as_str())).collect::<Vec<_>>() as _,
            &changes.iter().map(|change| change.row.idempotency_key.as_deref()).collect::<Vec<_>>() as _,
            datetime(now)
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}
