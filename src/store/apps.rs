//! Local apps as the face towards them sees them: tokens, callbacks, subscriptions.

use serde_json::{Map, Value};

use super::delivery::end_leases;
use super::log::timestamp;
use super::{Store, StoreError};
use crate::wire::{AppId, Object, PageId, Timestamp};

/// `subscriptions.disabled_reason` of an app that unsubscribed itself.
const UNSUBSCRIBED: &str = "the app unsubscribed itself";

/// An app as its own calls need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRow {
    /// Its id.
    pub app: AppId,
    /// Its name.
    pub name: String,
    /// Its secret, sealed for `apps.secret.<app_id>`.
    pub secret_sealed: Vec<u8>,
    /// Where its webhooks go.
    pub callback_url: Option<String>,
    /// Webhook fields of Pages that it wants at all; `None`: whatever its subscriptions on each say.
    pub page_fields: Option<Vec<String>>,
    /// The same for Instagram accounts.
    pub instagram_fields: Option<Vec<String>>,
}

impl AppRow {
    /// Webhook fields of an object that it wants at all.
    #[must_use]
    pub const fn fields(&self, object: Object) -> Option<&Vec<String>> {
        match object {
            Object::Page => self.page_fields.as_ref(),
            Object::Instagram => self.instagram_fields.as_ref(),
        }
    }
}

/// Whether an app may still act on a Page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Active,
    /// It is switched off, but may subscribe again by itself.
    Away,
    /// An admin has switched it off or taken it off the Page.
    Gone,
}

/// What a Page token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHolder {
    /// The Page.
    pub page: PageId,
    /// Messenger or Instagram.
    pub object: Object,
    /// The Page's name.
    pub page_name: String,
    /// For Instagram: the linked Page.
    pub linked_page: Option<PageId>,
    /// The app.
    pub app: AppRow,
    /// Whether it may still act.
    pub standing: Standing,
    /// When the token was issued.
    pub issued_at: Timestamp,
}

/// An app on a Page, as other apps may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppOnPage {
    /// Its id.
    pub app: AppId,
    /// Its name.
    pub name: String,
}

fn app_id(table: &'static str, id: &str) -> Result<AppId, StoreError> {
    AppId::parse(id).map_err(|e| StoreError::inconsistent(table, "app_id", id, e))
}

const fn standing(present: bool, disabled: bool, may_return: bool) -> Standing {
    match (present, disabled, may_return) {
        (true, false, _) => Standing::Active,
        (true, true, true) => Standing::Away,
        (false, _, _) | (true, true, false) => Standing::Gone,
    }
}

impl Store {
    /// Whose Page token has this hash. Revoked ones are nobody's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_holder(&self, hash: &[u8; 32]) -> Result<Option<TokenHolder>, StoreError> {
        let row = sqlx::query!(
            r#"select t.page_id, t.app_id, t.created_at, p.object, p.name as page_name, p.linked_page_id, a.name, a.secret_sealed,
                      a.callback_url, a.fields, a.instagram_fields, s.disabled_at as "disabled_at?", coalesce(s.may_return, false) as "may_return!",
                      (s.page_id is not null and s.removed_at is null) as "present!"
               from app_tokens t join pages p using (page_id) join apps a using (app_id)
               left join subscriptions s on s.page_id = t.page_id and s.app_id = t.app_id
               where t.token_hash = $1 and t.revoked_at is null"#,
            hash.as_slice()
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let bad = |column, why: String| StoreError::inconsistent("pages", column, &row.page_id, why);
        let page = |id: &str| PageId::parse(id).map_err(|e| bad("page_id", e.to_string()));
        Ok(Some(TokenHolder {
            page: page(&row.page_id)?,
            object: Object::parse(&row.object).ok_or_else(|| bad("object", row.object.clone()))?,
            linked_page: row.linked_page_id.as_deref().map(page).transpose()?,
            standing: standing(row.present, row.disabled_at.is_some(), row.may_return),
            issued_at: timestamp(row.created_at),
            app: AppRow {
                app: app_id("apps", &row.app_id)?,
                name: row.name,
                secret_sealed: row.secret_sealed,
                callback_url: row.callback_url,
                page_fields: row.fields,
                instagram_fields: row.instagram_fields,
            },
            page_name: row.page_name,
        }))
    }

    /// An app by its id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn app(&self, app: &AppId) -> Result<Option<AppRow>, StoreError> {
        let row = sqlx::query!(
            "select app_id, name, secret_sealed, callback_url, fields, instagram_fields from apps
             where app_id = $1 and exists (select from subscriptions s where s.app_id = apps.app_id and s.removed_at is null)",
            app.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(AppRow {
                app: app_id("apps", &row.app_id)?,
                name: row.name,
                secret_sealed: row.secret_sealed,
                callback_url: row.callback_url,
                page_fields: row.fields,
                instagram_fields: row.instagram_fields,
            })
        })
        .transpose()
    }

    /// The apps on a Page, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn apps_on(&self, page: &PageId) -> Result<Vec<AppOnPage>, StoreError> {
        let rows = sqlx::query!(
            "select a.app_id, a.name from subscriptions s join apps a using (app_id)
             where s.page_id = $1 and s.removed_at is null and s.disabled_at is null order by a.app_id",
            page.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok(AppOnPage { app: app_id("apps", &row.app_id)?, name: row.name })).collect()
    }

    /// The kinds of Page the app is on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn objects_of(&self, app: &AppId) -> Result<Vec<Object>, StoreError> {
        let names = sqlx::query_scalar!(
            "select distinct p.object from subscriptions s join pages p using (page_id) where s.app_id = $1 and s.removed_at is null order by 1 desc",
            app.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(names.iter().filter_map(|name| Object::parse(name)).collect())
    }

    /// The webhook fields that an app is subscribed to on a Page, sorted; `None` when it is not subscribed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subscribed_fields(&self, page: &PageId, app: &AppId) -> Result<Option<Vec<String>>, StoreError> {
        let fields = sqlx::query_scalar!(
            "select fields from subscriptions where page_id = $1 and app_id = $2 and removed_at is null and disabled_at is null",
            page.as_str(),
            app.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(fields.map(|fields| {
            let mut names: Vec<String> = fields.as_object().into_iter().flat_map(Map::keys).cloned().collect();
            names.sort_unstable();
            names
        }))
    }

    /// Subscribes an app on a Page to exactly these webhook fields. What it was subscribed to before keeps its position, what is new counts
    /// from the Page's head. An app that had gone away by itself is back with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subscribe(&self, page: &PageId, app: &AppId, fields: &[String]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let head = touch_head(&mut transaction, page).await?;
        let known = sqlx::query_scalar!("select fields from subscriptions where page_id = $1 and app_id = $2", page.as_str(), app.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
        let positions: Map<String, Value> = fields
            .iter()
            .map(|field| (field.clone(), known.as_ref().and_then(|known| known.get(field)).cloned().unwrap_or_else(|| head.into())))
            .collect();
        sqlx::query!(
            "update subscriptions set fields = $3, disabled_at = null, disabled_reason = null, may_return = false,
                    down_since = case when disabled_at is null then down_since end
             where page_id = $1 and app_id = $2 and removed_at is null and (disabled_at is null or may_return)",
            page.as_str(),
            app.as_str(),
            Value::Object(positions)
        )
        .execute(&mut *transaction)
        .await?;
        if fields.iter().any(|field| known.as_ref().is_none_or(|known| known.get(field).is_none())) {
            end_leases(&mut transaction, app, Some(page)).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Ends an app's subscription on a Page: it hears nothing any more and counts as switched off, so that somebody else answers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unsubscribe(&self, page: &PageId, app: &AppId) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        touch_head(&mut transaction, page).await?;
        sqlx::query!(
            "update subscriptions set fields = '{}', disabled_at = clock_timestamp(), disabled_reason = $3, may_return = true
             where page_id = $1 and app_id = $2 and removed_at is null and disabled_at is null",
            page.as_str(),
            app.as_str(),
            UNSUBSCRIBED
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Sets where an app's webhooks go, and which fields of an object it wants at all, if it says so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_callback(
        &self,
        app: &AppId,
        url: &str,
        verify_token: &str,
        fields: Option<(Object, &[String])>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        touch_heads_of(&mut transaction, app).await?;
        sqlx::query!("update apps set callback_url = $2, verify_token = $3 where app_id = $1", app.as_str(), url, verify_token)
            .execute(&mut *transaction)
            .await?;
        if let Some((object, fields)) = fields {
            want(&mut transaction, app, object, fields).await?;
        }
        end_leases(&mut transaction, app, None).await?;
        Ok(transaction.commit().await?)
    }

    /// Sets which webhook fields an app wants at all of each object; none: it hears nothing of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_app_fields(&self, app: &AppId, fields: &[(Object, Vec<String>)]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        touch_heads_of(&mut transaction, app).await?;
        for (object, fields) in fields {
            want(&mut transaction, app, *object, fields).await?;
        }
        end_leases(&mut transaction, app, None).await?;
        Ok(transaction.commit().await?)
    }
}

/// Writes down which fields of an object an app wants.
async fn want(connection: &mut sqlx::PgConnection, app: &AppId, object: Object, fields: &[String]) -> Result<(), StoreError> {
    match object {
        Object::Page => sqlx::query!("update apps set fields = $2 where app_id = $1", app.as_str(), fields).execute(connection).await?,
        Object::Instagram => {
            sqlx::query!("update apps set instagram_fields = $2 where app_id = $1", app.as_str(), fields).execute(connection).await?
        }
    };
    Ok(())
}

/// Locks the Page's head and says that its rules or apps change. Its newest position is the answer.
async fn touch_head(connection: &mut sqlx::PgConnection, page: &PageId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!("update pages set rules_version = rules_version + 1 where page_id = $1 returning last_position", page.as_str())
        .fetch_one(connection)
        .await?)
}

/// The same for every Page that an app is on, in key order as the ledger locks them.
pub(super) async fn touch_heads_of(connection: &mut sqlx::PgConnection, app: &AppId) -> Result<(), StoreError> {
    sqlx::query!(
        "with locked as (
             select page_id from pages where page_id in (select page_id from subscriptions where app_id = $1 and removed_at is null)
             order by page_id for update
         )
         update pages p set rules_version = p.rules_version + 1 from locked where p.page_id = locked.page_id",
        app.as_str()
    )
    .execute(connection)
    .await?;
    Ok(())
}
