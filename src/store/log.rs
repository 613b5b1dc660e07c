//! The log: everything that happened on a Page.

use crate::access::UserId;
use crate::control::{Audience, Epoch};
use crate::store::{Store, StoreError};
use crate::wire::{AppId, PageId, PersonId, Timestamp};

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// The Page.
    pub page: PageId,
    /// Its place there; consecutive from 1, in the order of commits.
    pub position: i64,
    /// The conversation; none for what concerns the Page.
    pub person: Option<PersonId>,
    /// The database's time when it was written.
    pub at: Timestamp,
    /// The platform's time of the event.
    pub happened_at: Timestamp,
    /// `wire::Kind` of an event of the platform, `echo` of a send, `control`, or a kind of the inside.
    pub kind: String,
    /// Webhook field an app must have subscribed; empty for what no app hears.
    pub field: String,
    /// The message it is, or is about.
    pub mid: Option<String>,
    /// The app that did it.
    pub app: Option<AppId>,
    /// The agent who did it.
    pub user: Option<UserId>,
    /// Who hears it.
    pub audience: Audience,
    /// The app whose button was tapped.
    pub button_app: Option<AppId>,
    /// Epoch of the conversation after it.
    pub epoch: Epoch,
    /// The item as JSON text.
    pub payload: String,
    /// Its content is gone: unsent or erased.
    pub scrubbed: bool,
}

impl LogRow {
    /// The stable id under which every app hears this row, however often it is delivered.
    #[must_use]
    pub fn event_id(&self) -> String {
        format!("evt_{}_{}", self.page, self.position)
    }

    /// What it takes of memory, roughly, in bytes.
    #[must_use]
    pub const fn weight(&self) -> usize {
        // Ids and names are short; each is an allocation of its own.
        const BESIDE_THE_PAYLOAD: usize = 640;
        self.payload.len() + BESIDE_THE_PAYLOAD
    }
}

/// A row as PostgreSQL gives it.
struct Row {
    page_id: String,
    position: i64,
    person_id: Option<String>,
    at: time::OffsetDateTime,
    happened_at: i64,
    kind: String,
    field: String,
    mid: Option<String>,
    app_id: Option<String>,
    user_id: Option<i64>,
    audience: String,
    button_app: Option<String>,
    epoch: i64,
    payload: String,
    scrubbed: bool,
}

/// Milliseconds of a time of the database.
#[must_use]
pub fn timestamp(at: time::OffsetDateTime) -> Timestamp {
    Timestamp::from_millis(i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
}

/// A time of the database from milliseconds.
#[must_use]
pub fn datetime(at: Timestamp) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.millis()) * 1_000_000).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

impl TryFrom<Row> for LogRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let place = format!("{}:{}", row.page_id, row.position);
        let bad = |column, why: String| StoreError::inconsistent("log", column, &place, why);
        let app = |column, id: Option<String>| id.map(AppId::parse).transpose().map_err(|e| bad(column, e.to_string()));
        Ok(Self {
            page: PageId::parse(&row.page_id).map_err(|e| bad("page_id", e.to_string()))?,
            position: row.position,
            person: row.person_id.map(PersonId::parse).transpose().map_err(|e| bad("person_id", e.to_string()))?,
            at: timestamp(row.at),
            happened_at: Timestamp::from_millis(row.happened_at),
            kind: row.kind,
            field: row.field,
            mid: row.mid,
            app: app("app_id", row.app_id)?,
            user: row.user_id.map(UserId),
            audience: serde_json::from_str(&row.audience).map_err(|e| bad("audience", e.to_string()))?,
            button_app: app("button_app", row.button_app)?,
            epoch: Epoch(u64::try_from(row.epoch).unwrap_or_default()),
            payload: row.payload,
            scrubbed: row.scrubbed,
        })
    }
}

impl Store {
    /// Up to `limit` rows of a Page after a position, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_after(&self, page: &PageId, position: i64, limit: i64) -> Result<Vec<LogRow>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select page_id, position, person_id, at, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload,
                      scrubbed_at is not null as "scrubbed!"
               from log where page_id = $1 and position > $2 order by position limit $3"#,
            page.as_str(),
            position,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(LogRow::try_from).collect()
    }

    /// Up to `limit` rows of a conversation from a position on (inclusive), oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn timeline_from(&self, page: &PageId, person: &PersonId, position: i64, limit: i64) -> Result<Vec<LogRow>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select page_id, position, person_id, at, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload,
                      scrubbed_at is not null as "scrubbed!"
               from log where page_id = $1 and person_id = $2 and position >= $3 order by position limit $4"#,
            page.as_str(),
            person.as_str(),
            position,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(LogRow::try_from).collect()
    }

    /// The newest `limit` rows of a conversation before a position, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn timeline_before(&self, page: &PageId, person: &PersonId, position: i64, limit: i64) -> Result<Vec<LogRow>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select page_id, position, person_id, at, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload,
                      scrubbed_at is not null as "scrubbed!"
               from log where page_id = $1 and person_id = $2 and position < $3 order by position desc limit $4"#,
            page.as_str(),
            person.as_str(),
            position,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().rev().map(LogRow::try_from).collect()
    }

    /// The newest `limit` messages to a person after a position that are not of this agent, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answers_of_others(
        &self,
        page: &PageId,
        person: &PersonId,
        me: UserId,
        since: i64,
        limit: i64,
    ) -> Result<Vec<LogRow>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select page_id, position, person_id, at, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload,
                      scrubbed_at is not null as "scrubbed!"
               from log where page_id = $1 and person_id = $2 and position > $3 and kind = 'echo' and user_id is distinct from $4
               order by position desc limit $5"#,
            page.as_str(),
            person.as_str(),
            since,
            me.0,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().rev().map(LogRow::try_from).collect()
    }

    /// The rows at these positions of a Page, in the order in which they are asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_at(&self, page: &PageId, positions: &[i64]) -> Result<Vec<LogRow>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"select l.page_id, l.position, l.person_id, l.at, l.happened_at, l.kind, l.field, l.mid, l.app_id, l.user_id, l.audience, l.button_app,
                      l.epoch, l.payload, l.scrubbed_at is not null as "scrubbed!"
               from unnest($2::bigint[]) with ordinality as a (position, ordinal) join log l on l.page_id = $1 and l.position = a.position
               order by a.ordinal"#,
            page.as_str(),
            positions
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(LogRow::try_from).collect()
    }

    /// The newest position of a Page, 0 when nothing has happened there, `None` for an unknown Page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn head(&self, page: &PageId) -> Result<Option<i64>, StoreError> {
        Ok(sqlx::query_scalar!("select last_position from pages where page_id = $1", page.as_str()).fetch_optional(&self.pool).await?)
    }

    /// The newest position of every Page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heads(&self) -> Result<Vec<(PageId, i64)>, StoreError> {
        let rows = sqlx::query!("select page_id, last_position from pages").fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                let page = PageId::parse(&row.page_id).map_err(|e| StoreError::inconsistent("pages", "page_id", &row.page_id, e))?;
                Ok((page, row.last_position))
            })
            .collect()
    }
}
