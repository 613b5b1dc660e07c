//! Pages and their rules.

use serde::Serialize;

use super::{AdminError, Store, StoreError, touch_head};
use crate::control::AtDeadline;
use crate::store::platform::forget_connection;
use crate::wire::{AppId, Object, PageId};

/// A Page to be.
#[derive(Debug, Clone)]
pub struct NewPage {
    /// Its id on the platform.
    pub page: PageId,
    /// Messenger or Instagram.
    pub object: Object,
    /// What its owners call it.
    pub name: String,
    /// For Instagram: the linked Page.
    pub linked_page: Option<PageId>,
    /// Its token on the platform, sealed for `pages.token.<page_id>`.
    pub token_sealed: Option<Vec<u8>>,
}

/// What changes about a Page. `None` leaves it; for what may be absent, `Some(None)` takes it away.
#[derive(Debug, Clone, Default)]
pub struct PageChange {
    /// What its owners call it.
    pub name: Option<String>,
    /// Its token on the platform, sealed for `pages.token.<page_id>`.
    pub token_sealed: Option<Vec<u8>>,
    /// For Instagram: the linked Page.
    pub linked_page: Option<PageId>,
    /// Who answers first.
    pub default_app: Option<Option<AppId>>,
    /// Who answers while the default app is away.
    pub fallback_app: Option<Option<AppId>>,
    /// Platform apps beside Baton to which passes are allowed.
    pub external_apps: Option<Vec<AppId>>,
    /// Platform apps whose echoes never count as taking control.
    pub automation_apps: Option<Vec<AppId>>,
    /// How long control lasts after the person's last message, milliseconds.
    pub lease_ms: Option<i64>,
    /// How long an owner has to answer a request, milliseconds.
    pub request_deadline_ms: Option<i64>,
    /// What becomes of a request then.
    pub at_deadline: Option<AtDeadline>,
    /// How long implied control of an external app lasts, milliseconds.
    pub implied_ms: Option<i64>,
}

/// A Page as admins see it.
#[derive(Debug, Clone, Serialize)]
pub struct PageListing {
    /// Its id on the platform.
    pub page_id: String,
    /// `page` or `instagram`.
    pub object: String,
    /// What its owners call it.
    pub name: String,
    /// For Instagram: the linked Page.
    pub linked_page_id: Option<String>,
    /// Whether its token is here.
    pub has_token: bool,
    /// Whether the platform has been told to send what happens on it, with this token.
    pub subscribed: bool,
    /// Who answers first.
    pub default_app: Option<String>,
    /// Who answers while the default app is away.
    pub fallback_app: Option<String>,
    /// Platform apps beside Baton to which passes are allowed.
    pub external_apps: Vec<String>,
    /// Platform apps whose echoes never count as taking control.
    pub automation_apps: Vec<String>,
    /// How long control lasts after the person's last message, milliseconds.
    pub lease_ms: i64,
    /// How long an owner has to answer a request, milliseconds.
    pub request_deadline_ms: i64,
    /// What becomes of a request then: `grant` or `lapse`.
    pub at_deadline: String,
    /// How long implied control of an external app lasts, milliseconds.
    pub implied_ms: i64,
    /// Newest place in its log.
    pub last_position: i64,
}

impl Store {
    /// Adds a Page.
    ///
    /// # Errors
    /// [`AdminError::PageExists`]; the database.
    pub async fn add_page(&self, new: &NewPage) -> Result<(), AdminError> {
        let added = sqlx::query!(
            "insert into pages (page_id, object, name, linked_page_id, token_sealed) values ($1, $2, $3, $4, $5) on conflict (page_id) do nothing",
            new.page.as_str(),
            new.object.as_str(),
            new.name,
            new.linked_page.as_ref().map(PageId::as_str),
            new.token_sealed.as_deref()
        )
        .execute(&self.pool)
        .await?;
        if added.rows_affected() == 1 { Ok(()) } else { Err(AdminError::PageExists(new.page.clone())) }
    }

    /// All Pages, or the one with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page_listings(&self, only: Option<&PageId>) -> Result<Vec<PageListing>, StoreError> {
        Ok(sqlx::query_as!(
            PageListing,
            r#"select page_id, object, name, linked_page_id, token_sealed is not null as "has_token!",
                      exists (select from page_connections c where c.page_id = pages.page_id and c.subscribed_at is not null) as "subscribed!", default_app,
                      fallback_app, external_apps, automation_apps, lease_ms, request_deadline_ms, at_deadline, implied_ms, last_position
               from pages where $1::text is null or page_id = $1 order by page_id"#,
            only.map(PageId::as_str)
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// A Page's sealed token, to be opened in `pages.token.<page_id>`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sealed_page_tokens(&self) -> Result<Vec<(String, Option<Vec<u8>>)>, StoreError> {
        let rows = sqlx::query!("select page_id, token_sealed from pages order by page_id").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (row.page_id, row.token_sealed)).collect())
    }

    /// Changes a Page and its rules.
    ///
    /// # Errors
    /// [`AdminError::UnknownPage`]; [`AdminError::UnknownApp`] for a default or fallback app that is not on the Page; the database.
    pub async fn change_page(&self, page: &PageId, change: &PageChange) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        touch_head(&mut transaction, page).await?;
        for app in [&change.default_app, &change.fallback_app].into_iter().flatten().flatten() {
            on_page(&mut transaction, page, app).await?;
        }
        let ids = |apps: &Option<Vec<AppId>>| apps.as_ref().map(|apps| apps.iter().map(ToString::to_string).collect::<Vec<_>>());
        let (external, automation) = (ids(&change.external_apps), ids(&change.automation_apps));
        sqlx::query!(
            "update pages set name = coalesce($2, name), token_sealed = coalesce($3, token_sealed), linked_page_id = coalesce($4, linked_page_id),
                 default_app = case when $5 then $6 else default_app end, fallback_app = case when $7 then $8 else fallback_app end,
                 external_apps = coalesce($9, external_apps), automation_apps = coalesce($10, automation_apps), lease_ms = coalesce($11, lease_ms),
                 request_deadline_ms = coalesce($12, request_deadline_ms), at_deadline = coalesce($13, at_deadline),
                 implied_ms = coalesce($14, implied_ms)
             where page_id = $1",
            page.as_str(),
            change.name,
            change.token_sealed.as_deref(),
            change.linked_page.as_ref().map(PageId::as_str),
            change.default_app.is_some(),
            change.default_app.as_ref().and_then(Option::as_ref).map(AppId::as_str),
            change.fallback_app.is_some(),
            change.fallback_app.as_ref().and_then(Option::as_ref).map(AppId::as_str),
            external.as_deref(),
            automation.as_deref(),
            change.lease_ms,
            change.request_deadline_ms,
            change.at_deadline.map(|policy| match policy {
                AtDeadline::Grant => "grant",
                AtDeadline::Lapse => "lapse",
            }),
            change.implied_ms
        )
        .execute(&mut *transaction)
        .await?;
        if change.token_sealed.is_some() {
            forget_connection(&mut transaction, page).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Refuses an app that is not on the Page.
async fn on_page(connection: &mut sqlx::PgConnection, page: &PageId, app: &AppId) -> Result<(), AdminError> {
    sqlx::query_scalar!(
        r#"select 1 as "there!" from subscriptions where page_id = $1 and app_id = $2 and removed_at is null"#,
        page.as_str(),
        app.as_str()
    )
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| AdminError::UnknownApp { page: page.clone(), app: app.clone() })?;
    Ok(())
}
