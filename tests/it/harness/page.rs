//! A Page with apps, put into the database directly.

use baton::wire::{AppId, PageId, PersonId};

/// A connected Page.
pub struct TestPage {
    /// Its id.
    pub id: PageId,
    /// Answers first.
    pub bot: AppId,
    /// The agents' inbox.
    pub inbox: AppId,
    /// Another app.
    pub other: AppId,
}

impl TestPage {
    /// A Messenger Page whose default app is a bot, with an inbox that may take and a third app that may not.
    pub async fn insert(pool: &sqlx::PgPool) -> Self {
        let page = Self { id: page_id("100200300"), bot: app_id("111"), inbox: app_id("222"), other: app_id("333") };
        sqlx::query("insert into pages (page_id, object, name, default_app) values ($1, 'page', 'Harbour Coffee', $2)")
            .bind(page.id.as_str())
            .bind(page.bot.as_str())
            .execute(pool)
            .await
            .expect("a Page");
        for (app, kind, may_take) in [(&page.bot, "webhook", true), (&page.inbox, "inbox", true), (&page.other, "webhook", false)] {
            page.insert_app(pool, app, kind, may_take).await;
        }
        page
    }

    /// Another app on the Page.
    pub async fn insert_app(&self, pool: &sqlx::PgPool, app: &AppId, kind: &str, may_take: bool) {
        sqlx::query("insert into apps (app_id, name, kind, secret_sealed, verify_token) values ($1, $1, $2, '', 'v')")
            .bind(app.as_str())
            .bind(kind)
            .execute(pool)
            .await
            .expect("an app");
        sqlx::query("insert into subscriptions (page_id, app_id, may_take) values ($1, $2, $3)")
            .bind(self.id.as_str())
            .bind(app.as_str())
            .bind(may_take)
            .execute(pool)
            .await
            .expect("a subscription");
    }
}

/// A Page id.
pub fn page_id(text: &str) -> PageId {
    PageId::parse(text).expect("a Page id")
}

/// An app id.
pub fn app_id(text: &str) -> AppId {
    AppId::parse(text).expect("an app id")
}

/// A person id.
pub fn person_id(text: &str) -> PersonId {
    PersonId::parse(text).expect("a person id")
}
