//! Agents and admins, and the logins they hold.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::preferences::{Preferences, Reads, Theme};
use super::{Store, StoreError};
use crate::access::{Role, Scope, UserId};
use crate::wire::{Object, PageId};

/// What a login is checked against.
#[derive(Clone)]
pub struct Credentials {
    /// Who.
    pub user: UserId,
    /// argon2id, PHC string.
    pub password_hash: String,
}

/// The person behind a login that holds at this moment.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// Who.
    pub user: UserId,
    /// What colleagues call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The Pages they may see.
    pub scope: Scope,
    /// The language they chose, `en` or `de`.
    pub language: Option<String>,
    /// How they want their pages.
    pub preferences: Preferences,
    /// Every form of this login carries it.
    pub csrf_token: String,
}

/// A Page as lists name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageHead {
    /// Its id.
    pub page: PageId,
    /// What its owners call it.
    pub name: String,
    /// Messenger or Instagram.
    pub object: Object,
}

impl Store {
    /// The account with this address, however it is capitalised. Disabled accounts are not found.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credentials(&self, email: &str) -> Result<Option<Credentials>, StoreError> {
        let row = sqlx::query!("select user_id, password_hash from users where lower(email) = lower($1) and disabled_at is null", email)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| Credentials { user: UserId(row.user_id), password_hash: row.password_hash }))
    }

    /// Opens a login that lasts so many seconds, for who has given the password with this hash. Logins of the same person that have ended are
    /// forgotten on the way. False: they have another password by now, or may not log in any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_session(
        &self,
        session_id: &str,
        user: UserId,
        password_hash: &str,
        csrf_token: &str,
        seconds: i64,
    ) -> Result<bool, StoreError> {
        let opened = sqlx::query!(
            "with ended as (delete from sessions where user_id = $2 and expires_at < now() - interval '30 days')
             insert into sessions (session_id, user_id, csrf_token, expires_at)
             select $1, user_id, $3, now() + make_interval(secs => $4) from users
             where user_id = $2 and password_hash = $5 and disabled_at is null for share",
            session_id,
            user.0,
            csrf_token,
            f64::from(i32::try_from(seconds).unwrap_or(i32::MAX)),
            password_hash
        )
        .execute(&self.pool)
        .await?;
        Ok(opened.rows_affected() > 0)
    }

    /// Who is logged in under this id, or `None` if the login is unknown, over, revoked, or its account disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, session_id: &str) -> Result<Option<LoggedIn>, StoreError> {
        let row = sqlx::query!(
            r#"select u.user_id, u.name, u.role, u.language, s.csrf_token, f.theme, coalesce(f.single_keys, true) as "single_keys!",
                      coalesce(f.enter_sends, false) as "enter_sends!", coalesce(f.next_after_close, true) as "next_after_close!",
                      coalesce(f.read_by_answering, false) as "read_by_answering!",
                      array(select p.page_id from user_pages p where p.user_id = u.user_id) as "pages!"
               from sessions s join users u using (user_id) left join preferences f using (user_id)
               where s.session_id = $1 and s.revoked_at is null and s.expires_at > now() and u.disabled_at is null"#,
            session_id
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let admin = row.role == "admin";
        let scope = if admin {
            Scope::All
        } else {
            Scope::Pages(row.pages.iter().map(|id| page_id("user_pages", id)).collect::<Result<BTreeSet<_>, _>>()?)
        };
        Ok(Some(LoggedIn {
            user: UserId(row.user_id),
            name: row.name,
            role: if admin { Role::Admin } else { Role::Agent },
            scope,
            language: row.language,
            preferences: Preferences {
                theme: row.theme.as_deref().and_then(Theme::parse).unwrap_or_default(),
                single_keys: row.single_keys,
                enter_sends: row.enter_sends,
                next_after_close: row.next_after_close,
                reads: if row.read_by_answering { Reads::ByAnswering } else { Reads::ByOpening },
            },
            csrf_token: row.csrf_token,
        }))
    }

    /// Ends a login.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_session(&self, session_id: &str) -> Result<(), StoreError> {
        sqlx::query!("update sessions set revoked_at = now() where session_id = $1 and revoked_at is null", session_id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Keeps the language a person chose.
    ///
    /// # Errors
    /// When the database fails, or the language is not one of Baton's.
    pub async fn set_language(&self, user: UserId, language: &str) -> Result<(), StoreError> {
        sqlx::query!("update users set language = $2 where user_id = $1", user.0, language).execute(&self.pool).await?;
        Ok(())
    }

    /// The Pages somebody may see, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn visible_pages(&self, scope: &Scope) -> Result<Vec<PageHead>, StoreError> {
        let only: Option<Vec<&str>> = match scope {
            Scope::All => None,
            Scope::Pages(pages) => Some(pages.iter().map(PageId::as_str).collect()),
        };
        let rows = sqlx::query!(
            "select page_id, name, object from pages where $1::text[] is null or page_id = any($1) order by lower(name), page_id",
            only as _
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let object =
                    Object::parse(&row.object).ok_or_else(|| StoreError::inconsistent("pages", "object", &row.page_id, &row.object))?;
                Ok(PageHead { page: page_id("pages", &row.page_id)?, name: row.name, object })
            })
            .collect()
    }

    /// The people who may answer on a Page, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn colleagues(&self, page: &PageId) -> Result<Vec<(UserId, String)>, StoreError> {
        let rows = sqlx::query!(
            "select u.user_id, u.name from users u
             where u.disabled_at is null and (u.role = 'admin' or exists (select from user_pages p where p.user_id = u.user_id and p.page_id = $1))
             order by lower(u.name), u.user_id",
            page.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.name)).collect())
    }

    /// Everybody who has or had an account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_users(&self) -> Result<Vec<(UserId, String)>, StoreError> {
        let rows = sqlx::query!("select user_id, name from users order by lower(name), user_id").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.name)).collect())
    }

    /// Everybody who may log in, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn active_users(&self) -> Result<Vec<(UserId, String)>, StoreError> {
        let rows = sqlx::query!("select user_id, name from users where disabled_at is null order by lower(name), user_id");
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.name)).collect())
    }

    /// The people who may answer on any of these Pages, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn colleagues_on(&self, pages: &[PageId]) -> Result<Vec<(UserId, String)>, StoreError> {
        let pages: Vec<&str> = pages.iter().map(PageId::as_str).collect();
        let rows = sqlx::query!(
            "select u.user_id, u.name from users u
             where u.disabled_at is null and (u.role = 'admin' or exists (select from user_pages p where p.user_id = u.user_id and p.page_id = any($1)))
             order by lower(u.name), u.user_id",
            &pages as _
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.name)).collect())
    }

    /// The database's time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn now(&self) -> Result<OffsetDateTime, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&self.pool).await?)
    }
}

fn page_id(table: &'static str, id: &str) -> Result<PageId, StoreError> {
    PageId::parse(id).map_err(|error| StoreError::inconsistent(table, "page_id", id, error))
}
