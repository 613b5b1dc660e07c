//! People who log in.

use serde::Serialize;

use super::{AdminError, Store, StoreError};
use crate::access::Role;
use crate::wire::PageId;

/// A person to be.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Logs in with it.
    pub email: String,
    /// What colleagues call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// argon2id, PHC string.
    pub password_hash: String,
    /// The Pages an agent sees.
    pub pages: Vec<PageId>,
}

/// What changes about a person. `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// What colleagues call them.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// The Pages an agent sees, instead of those before.
    pub pages: Option<Vec<PageId>>,
}

/// A person as admins see them.
#[derive(Debug, Clone, Serialize)]
pub struct UserListing {
    /// Their number.
    pub user_id: i64,
    /// Logs in with it.
    pub email: String,
    /// What colleagues call them.
    pub name: String,
    /// `admin` or `agent`.
    pub role: String,
    /// The Pages an agent sees; empty for admins, who see all.
    pub pages: Vec<String>,
    /// Whether they may not log in.
    pub disabled: bool,
}

impl Store {
    /// Adds a person.
    ///
    /// # Errors
    /// [`AdminError::UserExists`], [`AdminError::UnknownPage`]; the database.
    pub async fn add_user(&self, new: &NewUser) -> Result<i64, AdminError> {
        let mut transaction = self.pool.begin().await?;
        let user = sqlx::query_scalar!(
            "insert into users (email, name, password_hash, role) values ($1, $2, $3, $4) on conflict (lower(email)) do nothing returning user_id",
            new.email,
            new.name,
            new.password_hash,
            role(new.role)
        )
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or_else(|| AdminError::UserExists(new.email.clone()))?;
        assign(&mut transaction, user, &new.pages).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Changes a person.
    ///
    /// # Errors
    /// [`AdminError::UnknownUser`], [`AdminError::UnknownPage`]; the database. Then nothing is changed.
    pub async fn change_user(&self, email: &str, change: &UserChange) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        let user = sqlx::query_scalar!(
            "update users set name = coalesce($2, name), role = coalesce($3, role) where lower(email) = lower($1) returning user_id",
            email,
            change.name,
            change.role.map(role)
        )
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or_else(|| AdminError::UnknownUser(email.into()))?;
        if let Some(pages) = &change.pages {
            sqlx::query!("delete from user_pages where user_id = $1", user).execute(&mut *transaction).await?;
            assign(&mut transaction, user, pages).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Everybody who logs in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_listings(&self) -> Result<Vec<UserListing>, StoreError> {
        Ok(sqlx::query_as!(
            UserListing,
            r#"select user_id, email, name, role, disabled_at is not null as "disabled!",
                      array(select page_id from user_pages p where p.user_id = u.user_id order by page_id) as "pages!"
               from users u order by lower(email)"#
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Sets a person's password and ends their logins.
    ///
    /// # Errors
    /// [`AdminError::UnknownUser`]; the database.
    pub async fn set_password(&self, email: &str, password_hash: &str) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        let user = sqlx::query_scalar!(
            "update users set password_hash = $2 where lower(email) = lower($1) returning user_id",
            email,
            password_hash
        )
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or_else(|| AdminError::UnknownUser(email.into()))?;
        end_logins(&mut transaction, user).await?;
        Ok(transaction.commit().await?)
    }

    /// Lets a person log in no longer, which ends their logins, or again.
    ///
    /// # Errors
    /// [`AdminError::UnknownUser`]; the database.
    pub async fn switch_user(&self, email: &str, off: bool) -> Result<(), AdminError> {
        let mut transaction = self.pool.begin().await?;
        let user = sqlx::query_scalar!(
            "update users set disabled_at = case when $2 then clock_timestamp() end where lower(email) = lower($1) returning user_id",
            email,
            off
        )
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or_else(|| AdminError::UnknownUser(email.into()))?;
        if off {
            end_logins(&mut transaction, user).await?;
        }
        Ok(transaction.commit().await?)
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Agent => "agent",
    }
}

async fn assign(connection: &mut sqlx::PgConnection, user: i64, pages: &[PageId]) -> Result<(), AdminError> {
    for page in pages {
        // A Page that is named twice is changed to what it is.
        let assigned = sqlx::query!(
            "insert into user_pages (user_id, page_id) select $1, page_id from pages where page_id = $2
             on conflict (user_id, page_id) do update set page_id = excluded.page_id",
            user,
            page.as_str()
        )
        .execute(&mut *connection)
        .await?;
        if assigned.rows_affected() == 0 {
            return Err(AdminError::UnknownPage(page.clone()));
        }
    }
    Ok(())
}

async fn end_logins(connection: &mut sqlx::PgConnection, user: i64) -> Result<(), AdminError> {
    sqlx::query!("update sessions set revoked_at = clock_timestamp() where user_id = $1 and revoked_at is null", user)
        .execute(connection)
        .await?;
    Ok(())
}
