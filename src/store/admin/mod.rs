//! What the command line and the demo write and read: Pages, apps on them, people who log in, the state of the schema.
//!
//! Whatever changes a Page's rules locks the Page's head first, as the ledger does, and raises `rules_version`: every process reads the rules
//! anew before it decides about that Page again.

mod apps;
mod pages;
mod schema;
mod users;

pub use apps::{AppChange, AppKind, AppListing, NewApp};
pub use pages::{NewPage, PageChange, PageListing};
pub use schema::Schema;
pub use users::{NewUser, UserChange, UserListing};

use super::{Store, StoreError};
use crate::wire::{AppId, PageId};

/// Why a change of an admin was not made.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No such Page.
    #[error("there is no Page {0} here")]
    UnknownPage(PageId),
    /// The Page is there already.
    #[error("the Page {0} is here already")]
    PageExists(PageId),
    /// No such app on this Page.
    #[error("there is no app {app} on the Page {page}")]
    UnknownApp {
        /// The Page.
        page: PageId,
        /// The app.
        app: AppId,
    },
    /// Another app has this id.
    #[error("there is an app {0} already")]
    AppExists(AppId),
    /// A Page has one inbox.
    #[error("the Page {0} has an inbox already")]
    InboxExists(PageId),
    /// No such person.
    #[error("nobody has the address {0} here")]
    UnknownUser(String),
    /// Somebody has this address.
    #[error("somebody has the address {0} already")]
    UserExists(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for AdminError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Locks a Page's head and says that its rules change. The newest position there is the answer.
async fn touch_head(connection: &mut sqlx::PgConnection, page: &PageId) -> Result<i64, AdminError> {
    sqlx::query_scalar!("select last_position from pages where page_id = $1 for update", page.as_str())
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| AdminError::UnknownPage(page.clone()))?;
    Ok(sqlx::query_scalar!("update pages set rules_version = rules_version + 1 where page_id = $1 returning last_position", page.as_str())
        .fetch_one(connection)
        .await?)
}
