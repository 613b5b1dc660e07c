//! What a Page knows of the people who write to it.

use serde_json::{Map, Value};

use super::log::timestamp;
use super::platform::Profile;
use super::{Store, StoreError};
use crate::control::Control;
use crate::wire::{PageId, PersonId, Timestamp};

impl Store {
    /// A person's profile and when it was fetched, if it ever was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn person(&self, page: &PageId, person: &PersonId) -> Result<Option<(Profile, Timestamp)>, StoreError> {
        let row = sqlx::query!(
            "select name, first_name, last_name, profile_pic, more, fetched_at from people where page_id = $1 and person_id = $2",
            page.as_str(),
            person.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| {
            let more = if let Value::Object(more) = row.more { more } else { Map::new() };
            let profile =
                Profile { name: row.name, first_name: row.first_name, last_name: row.last_name, profile_pic: row.profile_pic, more };
            (profile, timestamp(row.fetched_at))
        }))
    }

    /// The control of a person's conversation as it was last written, or `None` when the Page has never seen the person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn control_of(&self, page: &PageId, person: &PersonId) -> Result<Option<Control>, StoreError> {
        let text =
            sqlx::query_scalar!("select control from conversations where page_id = $1 and person_id = $2", page.as_str(), person.as_str())
                .fetch_optional(&self.pool)
                .await?;
        text.map(|text| serde_json::from_str(&text).map_err(|e| StoreError::inconsistent("conversations", "control", person, e)))
            .transpose()
    }
}
