//! Subscriptions that are delivered to: who delivers, from where, and what about.

use std::collections::HashMap;
use std::time::Duration;

use super::log::{LogRow, timestamp};
use super::processes::LEASE_SECONDS;
use super::{Store, StoreError};
use crate::wire::{AppId, Object, PageId, PersonId, Timestamp};

/// A subscription, by name.
pub type SubscriptionKey = (PageId, AppId);

/// A subscription that this process delivers to.
#[derive(Debug, Clone, PartialEq)]
pub struct LeasedSubscription {
    /// The Page.
    pub page: PageId,
    /// The app.
    pub app: AppId,
    /// The number of the lease: what is written under an older one does nothing.
    pub generation: i64,
    /// Everything up to there is done.
    pub position: i64,
    /// The Page's newest position.
    pub head: i64,
    /// Messenger or Instagram.
    pub object: Object,
    /// An app inside the process rather than one behind a URL.
    pub in_process: bool,
    /// Where its events go.
    pub callback_url: Option<String>,
    /// Signs its events; sealed.
    pub secret_sealed: Vec<u8>,
    /// Webhook field to the position it was subscribed at.
    pub fields: HashMap<String, i64>,
    /// The fields of the app itself; `None`: whatever the subscription says.
    pub app_fields: Option<Vec<String>>,
    /// Most events one POST may carry.
    pub batch: usize,
    /// How long it has been down already.
    pub down_for: Option<Duration>,
    /// When it last called another process while it was down.
    pub woken_at: Option<Timestamp>,
    /// Neither disabled nor taken off the Page.
    pub active: bool,
}

/// How the work is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Processes alive.
    pub processes: i64,
    /// Subscriptions to deliver to.
    pub subscriptions: i64,
}

/// A conversation whose delivery to one app waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedConversation {
    /// The conversation; `None`: what concerns the Page itself.
    pub person: Option<PersonId>,
    /// Its first event that is not delivered.
    pub position: i64,
    /// How often that event has failed.
    pub attempts: u32,
    /// How long it still waits.
    pub wait: Duration,
}

impl Store {
    /// Gives every new subscription its cursor: where its first field was subscribed, the head if it has none yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enter_cursors(&self) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "insert into cursors (page_id, app_id, position)
             select s.page_id, s.app_id, coalesce((select min(value::bigint) from jsonb_each_text(s.fields)), p.last_position)
             from subscriptions s join apps a using (app_id) join pages p using (page_id)
             where a.kind <> 'inbox' and s.removed_at is null
               and not exists (select from cursors c where c.page_id = s.page_id and c.app_id = s.app_id)
             on conflict do nothing"
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// How many share how much.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery_shares(&self) -> Result<Shares, StoreError> {
        let row = sqlx::query!(
            r#"select (select count(*) from processes where heartbeat_at > statement_timestamp() - $1::float8 * interval '1 second') as "processes!",
                      (select count(*) from subscriptions s join apps a using (app_id)
                       where s.removed_at is null and s.disabled_at is null
                         and (a.kind = 'bot' or a.kind = 'webhook' and a.callback_url is not null)) as "subscriptions!""#,
            f64::from(LEASE_SECONDS)
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Shares { processes: row.processes, subscriptions: row.subscriptions })
    }

    /// Leases up to `limit` subscriptions that nobody alive delivers to. How many there were is the answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_deliveries(&self, process: i64, limit: i64) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update cursors c set process_id = $1, generation = c.generation + 1
             from (select c.page_id, c.app_id from cursors c join subscriptions s using (page_id, app_id) join apps a using (app_id)
                   where (c.process_id is null
                          or not exists (select from processes p
                                         where p.process_id = c.process_id and p.heartbeat_at > statement_timestamp() - $3::float8 * interval '1 second'))
                     and s.removed_at is null and s.disabled_at is null
                     and (a.kind = 'bot' or a.kind = 'webhook' and a.callback_url is not null)
                   limit $2 for update of c skip locked) free
             where c.page_id = free.page_id and c.app_id = free.app_id",
            process,
            limit,
            f64::from(LEASE_SECONDS)
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// What this process has leased, as it is now.
    ///
    /// # Errors
    /// When the database fails or a row cannot be read back.
    pub async fn leased_deliveries(&self, process: i64) -> Result<Vec<LeasedSubscription>, StoreError> {
        let rows = sqlx::query!(
            r#"select c.page_id, c.app_id, c.generation, c.position, c.woken_at, p.last_position, p.object, s.fields,
                      s.removed_at is null and s.disabled_at is null as "active!",
                      extract(epoch from clock_timestamp() - s.down_since)::float8 as down_for,
                      a.kind, a.callback_url, a.secret_sealed, a.batch,
                      case when p.object = 'instagram' then a.instagram_fields else a.fields end as app_fields
               from cursors c join subscriptions s using (page_id, app_id) join apps a using (app_id) join pages p using (page_id)
               where c.process_id = $1"#,
            process
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let place = format!("{}:{}", row.page_id, row.app_id);
                let bad = |column, why: String| StoreError::inconsistent("subscriptions", column, &place, why);
                Ok(LeasedSubscription {
                    page: PageId::parse(&row.page_id).map_err(|e| bad("page_id", e.to_string()))?,
                    app: AppId::parse(&row.app_id).map_err(|e| bad("app_id", e.to_string()))?,
                    generation: row.generation,
                    position: row.position,
                    head: row.last_position,
                    object: Object::parse(&row.object).ok_or_else(|| bad("object", row.object.clone()))?,
                    in_process: row.kind == "bot",
                    callback_url: row.callback_url,
                    secret_sealed: row.secret_sealed,
                    fields: serde_json::from_value(row.fields).map_err(|e| bad("fields", e.to_string()))?,
                    app_fields: row.app_fields,
                    batch: usize::try_from(row.batch).unwrap_or(1),
                    down_for: row.down_for.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
                    woken_at: row.woken_at.map(timestamp),
                    active: row.active,
                })
            })
            .collect()
    }

    /// Gives leases back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_delivery(&self, subscription: &SubscriptionKey, generation: i64) -> Result<(), StoreError> {
        sqlx::query!(
            "update cursors set process_id = null where page_id = $1 and app_id = $2 and generation = $3",
            subscription.0.as_str(),
            subscription.1.as_str(),
            generation
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The conversations of a subscription that wait.
    ///
    /// # Errors
    /// When the database fails or a row cannot be read back.
    pub async fn parked_conversations(&self, subscription: &SubscriptionKey) -> Result<Vec<ParkedConversation>, StoreError> {
        let rows = sqlx::query!(
            r#"select person_id, position, attempts, extract(epoch from next_attempt_at - clock_timestamp())::float8 as "wait!"
               from parked where page_id = $1 and app_id = $2"#,
            subscription.0.as_str(),
            subscription.1.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let person = (!row.person_id.is_empty()).then(|| PersonId::parse(&row.person_id)).transpose();
                Ok(ParkedConversation {
                    person: person.map_err(|e| StoreError::inconsistent("parked", "person_id", &row.person_id, e))?,
                    position: row.position,
                    attempts: u32::try_from(row.attempts).unwrap_or_default(),
                    wait: Duration::try_from_secs_f64(row.wait).unwrap_or_default(),
                })
            })
            .collect()
    }

    /// Tells whoever delivers to an app that seems to be down that it has called this process.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wake_deliveries(&self, app: &AppId, process: i64) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update cursors c set woken_at = clock_timestamp() from subscriptions s
             where c.app_id = $1 and c.process_id <> $2 and s.page_id = c.page_id and s.app_id = c.app_id and s.down_since is not null",
            app.as_str(),
            process
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Up to `limit` rows about a Page itself, which belong to no conversation, from a position on, oldest first. They are rare, so
    /// they are read one by one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page_timeline_from(&self, page: &PageId, position: i64, limit: i64) -> Result<Vec<LogRow>, StoreError> {
        let positions = sqlx::query_scalar!(
            "select position from log where page_id = $1 and position >= $2 and person_id is null order by position limit $3",
            page.as_str(),
            position,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let mut rows = Vec::with_capacity(positions.len());
        for position in positions {
            rows.extend(self.log_after(page, position - 1, 1).await?);
        }
        Ok(rows)
    }
}

/// Ends the leases of an app's deliveries, on a Page or everywhere, under the lock of the heads: who delivers now does not know of what the app has just
/// asked for, and would pass over it. Nothing that it does from now on is written, and whoever has the next lease knows.
pub(super) async fn end_leases(connection: &mut sqlx::PgConnection, app: &AppId, page: Option<&PageId>) -> Result<(), StoreError> {
    sqlx::query!(
        "update cursors set generation = generation + 1, process_id = null where app_id = $1 and ($2::text is null or page_id = $2)",
        app.as_str(),
        page.map(PageId::as_str)
    )
    .execute(connection)
    .await?;
    Ok(())
}
