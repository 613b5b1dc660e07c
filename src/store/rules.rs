//! The rules of a Page, put together from the Page, its subscriptions and its apps.

use std::collections::BTreeMap;

use super::log::timestamp;
use super::{Store, StoreError};
use crate::control::{AppRules, AtDeadline, Health, PageRules};
use crate::wire::{AppId, Object, PageId};

/// The rules as of one version of the Page's head.
#[derive(Debug, Clone)]
pub struct VersionedRules {
    /// `pages.rules_version` they were read at.
    pub version: i64,
    /// The rules.
    pub rules: PageRules,
}

impl Store {
    /// The rules of a Page as they are now, or `None` for an unknown Page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules(&self, page: &PageId) -> Result<Option<VersionedRules>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        load(&mut connection, page).await
    }
}

/// Reads the rules inside somebody's transaction.
pub(super) async fn load(connection: &mut sqlx::PgConnection, page: &PageId) -> Result<Option<VersionedRules>, StoreError> {
    let Some(row) = sqlx::query!(
        "select object, default_app, fallback_app, external_apps, automation_apps, lease_ms, request_deadline_ms, at_deadline, implied_ms, rules_version
         from pages where page_id = $1",
        page.as_str()
    )
    .fetch_optional(&mut *connection)
    .await?
    else {
        return Ok(None);
    };
    let bad = |column, why: String| StoreError::inconsistent("pages", column, page, why);
    let app = |column, id: String| AppId::parse(id).map_err(|e| bad(column, e.to_string()));
    let object = Object::parse(&row.object).ok_or_else(|| bad("object", row.object.clone()))?;
    let (apps, inbox_app) = load_apps(connection, page).await?;
    Ok(Some(VersionedRules {
        version: row.rules_version,
        rules: PageRules {
            object,
            default_app: row.default_app.map(|id| app("default_app", id)).transpose()?,
            fallback_app: row.fallback_app.map(|id| app("fallback_app", id)).transpose()?,
            inbox_app,
            apps,
            external_apps: row.external_apps.into_iter().map(|id| app("external_apps", id)).collect::<Result<_, _>>()?,
            automation_apps: row.automation_apps.into_iter().map(|id| app("automation_apps", id)).collect::<Result<_, _>>()?,
            lease_ms: row.lease_ms,
            request_deadline_ms: row.request_deadline_ms,
            at_deadline: if row.at_deadline == "lapse" { AtDeadline::Lapse } else { AtDeadline::Grant },
            implied_ms: row.implied_ms,
        },
    }))
}

/// The apps on a Page, and which of them is the inbox.
async fn load_apps(connection: &mut sqlx::PgConnection, page: &PageId) -> Result<(BTreeMap<AppId, AppRules>, Option<AppId>), StoreError> {
    let rows = sqlx::query!(
        "select s.app_id, s.may_take, s.down_since, s.disabled_at, a.human, a.kind
         from subscriptions s join apps a using (app_id) where s.page_id = $1 and s.removed_at is null",
        page.as_str()
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut apps = BTreeMap::new();
    let mut inbox = None;
    for row in rows {
        let app = AppId::parse(&row.app_id).map_err(|e| StoreError::inconsistent("subscriptions", "app_id", &row.app_id, e))?;
        let health = match (row.disabled_at, row.down_since) {
            (Some(_), _) => Health::Disabled,
            (None, Some(since)) => Health::Down { since: timestamp(since) },
            (None, None) => Health::Up,
        };
        if row.kind == "inbox" {
            inbox = Some(app.clone());
        }
        apps.insert(app, AppRules { may_take: row.may_take, human: row.human || row.kind == "inbox", health });
    }
    Ok((apps, inbox))
}
