//! Apps and their subscriptions.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{AdminError, Store, StoreError, touch_head};
use crate::store::apps::touch_heads_of;
use crate::store::delivery::end_leases;
use crate::wire::{AppId, PageId};

/// What stands behind an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// A program that takes webhooks.
    Webhook,
    /// The built-in bot.
    Bot,
    /// The inbox for people.
    Inbox,
}

impl AppKind {
    /// `apps.kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Bot => "bot",
            Self::Inbox => "inbox",
        }
    }
}

/// An app to be, on one Page.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// The Page.
    pub page: PageId,
    /// Its id.
    pub app: AppId,
    /// What people call it.
    pub name: String,
    /// What stands behind it.
    pub kind: AppKind,
    /// Its secret, sealed for `apps.secret.<app_id>`.
    pub secret_sealed: Vec<u8>,
    /// What it must hear in the handshake of its callback.
    pub verify_token: String,
    /// SHA-256 of its Page token.
    pub token_hash: [u8; 32],
    /// Where its webhooks go.
    pub callback_url: Option<String>,
    /// The webhook fields it hears on this Page.
    pub fields: Vec<String>,
    /// Whether it may take control.
    pub may_take: bool,
    /// Whether people write through it.
    pub human: bool,
    /// Most events one POST may carry.
    pub batch: i32,
    /// Whether it answers first.
    pub default: bool,
}

/// What changes about an app on a Page. `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct AppChange {
    /// What people call it.
    pub name: Option<String>,
    /// Where its webhooks go.
    pub callback_url: Option<String>,
    /// The webhook fields it hears on this Page; new ones count from the Page's head.
    pub fields: Option<Vec<String>>,
    /// Whether it may take control there.
    pub may_take: Option<bool>,
    /// Whether people write through it.
    pub human: Option<bool>,
    /// Most events one POST may carry.
    pub batch: Option<i32>,
}

/// An app on a Page as admins see it.
#[derive(Debug, Clone, Serialize)]
pub struct AppListing {
    /// The Page.
    pub page_id: String,
    /// Its id.
    pub app_id: String,
    /// What people call it.
    pub name: String,
    /// `webhook`, `bot` or `inbox`.
    pub kind: String,
    /// Where its webhooks go.
    pub callback_url: Option<String>,
    /// The webhook fields it hears there.
    pub fields: Vec<String>,
    /// Whether it answers first there.
    pub default: bool,
    /// Whether it may take control there.
    pub may_take: bool,
    /// Whether people write through it.
    pub human: bool,
    /// Most events one POST may carry.
    pub batch: i32,
    /// Whether deliveries fail at present.
    pub down: bool,
    /// Why it is switched off; absent: it is on.
    pub disabled: Option<String>,
    /// How many rows of the log it has not heard; absent where nothing is delivered.
    pub behind: Option<i64>,
}

impl Store {
    /// Adds an app to a Page. It hears what happens from now on.
    ///
    /// # Errors
    /// [`AdminError::UnknownPage`], [`AdminError::AppExists`], [`AdminError::InboxExists`]; the database.
    pub async fn add_app(&self, new: &NewApp) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        let head = touch_head(&mut transaction, &new.page).await?;
        insert_app(&mut transaction, new).await?;
        insert_subscription(&mut transaction, new, head).await?;
        sqlx::query!(
            "insert into app_tokens (token_hash, page_id, app_id) values ($1, $2, $3)",
            new.token_hash.as_slice(),
            new.page.as_str(),
            new.app.as_str()
        )
        .execute(&mut *transaction)
        .await?;
        if new.default {
            sqlx::query!("update pages set default_app = $2 where page_id = $1", new.page.as_str(), new.app.as_str())
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The apps on all Pages or on this one, but for those taken off.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn app_listings(&self, only: Option<&PageId>) -> Result<Vec<AppListing>, StoreError> {
        let rows = sqlx::query!(
            r#"select s.page_id, s.app_id, a.name, a.kind, a.callback_url, s.fields, p.default_app is not distinct from s.app_id as "default!",
                      s.may_take, a.human, a.batch, s.down_since is not null as "down!", s.disabled_at, s.disabled_reason,
                      p.last_position - c.position as "behind?"
               from subscriptions s join apps a using (app_id) join pages p using (page_id) left join cursors c using (page_id, app_id)
               where s.removed_at is null and ($1::text is null or s.page_id = $1) order by s.page_id, s.created_at, s.app_id"#,
            only.map(PageId::as_str)
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| AppListing {
                page_id: row.page_id,
                app_id: row.app_id,
                name: row.name,
                kind: row.kind,
                callback_url: row.callback_url,
                fields: row.fields.as_object().into_iter().flat_map(Map::keys).cloned().collect(),
                default: row.default,
                may_take: row.may_take,
                human: row.human,
                batch: row.batch,
                down: row.down,
                disabled: row.disabled_at.map(|_| row.disabled_reason.unwrap_or_else(|| "by an admin".into())),
                behind: row.behind,
            })
            .collect())
    }

    /// The sealed secrets of all apps, to be opened in `apps.secret.<app_id>`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sealed_app_secrets(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let rows = sqlx::query!("select app_id, secret_sealed from apps order by app_id").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (row.app_id, row.secret_sealed)).collect())
    }

    /// Changes an app on a Page.
    ///
    /// # Errors
    /// [`AdminError::UnknownApp`]; the database.
    pub async fn change_app(&self, page: &PageId, app: &AppId, change: &AppChange) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        touch_heads_of(&mut transaction, app).await?;
        let known = subscribed(&mut transaction, page, app).await?;
        let head =
            sqlx::query_scalar!("select last_position from pages where page_id = $1", page.as_str()).fetch_one(&mut *transaction).await?;
        sqlx::query!(
            "update apps set name = coalesce($2, name), callback_url = coalesce($3, callback_url), human = coalesce($4, human),
                 batch = coalesce($5, batch)
             where app_id = $1",
            app.as_str(),
            change.name,
            change.callback_url,
            change.human,
            change.batch
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "update subscriptions set may_take = coalesce($3, may_take), fields = coalesce($4, fields) where page_id = $1 and app_id = $2",
            page.as_str(),
            app.as_str(),
            change.may_take,
            change.fields.as_ref().map(|fields| positions(fields, &known, head))
        )
        .execute(&mut *transaction)
        .await?;
        if change.fields.is_some() {
            end_leases(&mut transaction, app, Some(page)).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Switches an app on a Page off, with the reason that admins see, or on again. While it is off it counts as absent.
    ///
    /// # Errors
    /// [`AdminError::UnknownPage`], [`AdminError::UnknownApp`]; the database.
    pub async fn switch_app(&self, page: &PageId, app: &AppId, off: Option<&str>) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        touch_head(&mut transaction, page).await?;
        subscribed(&mut transaction, page, app).await?;
        sqlx::query!(
            "update subscriptions set disabled_at = case when $3::text is null then null else clock_timestamp() end, disabled_reason = $3,
                 may_return = false, down_since = null
             where page_id = $1 and app_id = $2",
            page.as_str(),
            app.as_str(),
            off
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Takes an app off a Page: its tokens end, what it held is let go.
    ///
    /// # Errors
    /// [`AdminError::UnknownPage`], [`AdminError::UnknownApp`]; the database.
    pub async fn remove_app(&self, page: &PageId, app: &AppId) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        touch_head(&mut transaction, page).await?;
        subscribed(&mut transaction, page, app).await?;
        sqlx::query!(
            "with off as (update subscriptions set removed_at = clock_timestamp() where page_id = $1 and app_id = $2),
                  revoked as (update app_tokens set revoked_at = clock_timestamp() where page_id = $1 and app_id = $2 and revoked_at is null)
             update pages set default_app = nullif(default_app, $2), fallback_app = nullif(fallback_app, $2) where page_id = $1",
            page.as_str(),
            app.as_str()
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Gives an app another secret and verify token. Callers with the old ones are refused from then on.
    ///
    /// # Errors
    /// [`AdminError::UnknownApp`] for an app that is not on the Page; the database.
    pub async fn renew_app(&self, page: &PageId, app: &AppId, secret_sealed: &[u8], verify_token: &str) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        touch_heads_of(&mut transaction, app).await?;
        subscribed(&mut transaction, page, app).await?;
        sqlx::query!("update apps set secret_sealed = $2, verify_token = $3 where app_id = $1", app.as_str(), secret_sealed, verify_token)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Gives an app a further token for a Page; with `alone` the ones before end.
    ///
    /// # Errors
    /// [`AdminError::UnknownApp`]; the database.
    pub async fn add_app_token(&self, page: &PageId, app: &AppId, token_hash: &[u8; 32], alone: bool) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        subscribed(&mut transaction, page, app).await?;
        if alone {
            sqlx::query!(
                "update app_tokens set revoked_at = clock_timestamp()
                 where page_id = $1 and app_id = $2 and revoked_at is null and token_hash <> $3",
                page.as_str(),
                app.as_str(),
                token_hash.as_slice()
            )
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query!(
            "insert into app_tokens (token_hash, page_id, app_id) values ($1, $2, $3) on conflict (token_hash) do nothing",
            token_hash.as_slice(),
            page.as_str(),
            app.as_str()
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }
}

async fn insert_app(connection: &mut sqlx::PgConnection, new: &NewApp) -> Result<(), AdminError> {
    let added = sqlx::query!(
        "insert into apps (app_id, name, kind, secret_sealed, verify_token, callback_url, human, batch)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (app_id) do nothing",
        new.app.as_str(),
        new.name,
        new.kind.as_str(),
        new.secret_sealed,
        new.verify_token,
        new.callback_url,
        new.human,
        new.batch
    )
    .execute(connection)
    .await?;
    if added.rows_affected() == 1 { Ok(()) } else { Err(AdminError::AppExists(new.app.clone())) }
}

/// The subscription, and a cursor at the head. People read the store, so the inbox has no cursor.
async fn insert_subscription(connection: &mut sqlx::PgConnection, new: &NewApp, head: i64) -> Result<(), AdminError> {
    if new.kind == AppKind::Inbox {
        let there = sqlx::query_scalar!(
            r#"select exists (select 1 from subscriptions s join apps a using (app_id)
                              where s.page_id = $1 and s.removed_at is null and a.kind = 'inbox') as "there!""#,
            new.page.as_str()
        )
        .fetch_one(&mut *connection)
        .await?;
        if there {
            return Err(AdminError::InboxExists(new.page.clone()));
        }
    } else {
        sqlx::query!("insert into cursors (page_id, app_id, position) values ($1, $2, $3)", new.page.as_str(), new.app.as_str(), head)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query!(
        "insert into subscriptions (page_id, app_id, fields, may_take) values ($1, $2, $3, $4)",
        new.page.as_str(),
        new.app.as_str(),
        positions(&new.fields, &Value::Null, head),
        new.may_take
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Each field with the position at which it was subscribed: the known one, or the head.
fn positions(fields: &[String], known: &Value, head: i64) -> Value {
    let at = |field: &String| known.get(field).cloned().unwrap_or_else(|| head.into());
    Value::Object(fields.iter().map(|field| (field.clone(), at(field))).collect())
}

/// The fields of an app that is on the Page.
async fn subscribed(connection: &mut sqlx::PgConnection, page: &PageId, app: &AppId) -> Result<Value, AdminError> {
    sqlx::query_scalar!(
        "select fields from subscriptions where page_id = $1 and app_id = $2 and removed_at is null for update",
        page.as_str(),
        app.as_str()
    )
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| AdminError::UnknownApp { page: page.clone(), app: app.clone() })
}
