//! What the face towards the platform keeps: Pages' tokens and how the platform takes them, people's profiles, what could not be read.

use std::time::Duration;

use super::log::datetime;
use super::{Store, StoreError};
use crate::control::Control;
use crate::wire::{Object, PageId, PersonId, Timestamp};

/// How a Page is called on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAccess {
    /// Messenger or Instagram.
    pub object: Object,
    /// Its token, sealed for `pages.token.<page_id>`; of an Instagram account, the linked Page's. None yet: nothing can be called.
    pub token_sealed: Option<Vec<u8>>,
}

/// What the platform tells about a person.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    /// Full name.
    pub name: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Address of the picture; expires.
    pub profile_pic: Option<String>,
    /// The other fields it gave.
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// A conversation about which the platform must be asked who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// The Page.
    pub page: PageId,
    /// The conversation.
    pub person: PersonId,
    /// Its state of control.
    pub control: Control,
}

impl Store {
    /// How a Page is called, or `None` for an unknown Page.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page_access(&self, page: &PageId) -> Result<Option<PageAccess>, StoreError> {
        let row =
            sqlx::query!("select object, token_sealed from pages where page_id = $1", page.as_str()).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let object = Object::parse(&row.object).ok_or_else(|| StoreError::inconsistent("pages", "object", page, &row.object))?;
        Ok(Some(PageAccess { object, token_sealed: row.token_sealed }))
    }

    /// Those of the given Pages that Baton serves under this object.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_pages(&self, object: Object, pages: &[PageId]) -> Result<Vec<PageId>, StoreError> {
        let asked: Vec<&str> = pages.iter().map(PageId::as_str).collect();
        let known =
            sqlx::query_scalar!("select page_id from pages where page_id = any($1::text[]) and object = $2", &asked as _, object.as_str())
                .fetch_all(&self.pool)
                .await?;
        known.into_iter().map(|page| PageId::parse(&page).map_err(|e| StoreError::inconsistent("pages", "page_id", &page, e))).collect()
    }

    /// Keeps raw what could not be read: (Page if known, reason, text that PostgreSQL can store). All or nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quarantine(&self, items: &[(Option<PageId>, &str, &str)]) -> Result<(), StoreError> {
        let pages: Vec<Option<&str>> = items.iter().map(|(page, _, _)| page.as_ref().map(PageId::as_str)).collect();
        let reasons: Vec<&str> = items.iter().map(|(_, reason, _)| *reason).collect();
        let raws: Vec<&str> = items.iter().map(|(_, _, raw)| *raw).collect();
        sqlx::query!(
            "insert into quarantine (page_id, reason, raw) select * from unnest($1::text[], $2::text[], $3::text[])",
            &pages as _,
            &reasons as _,
            &raws as _
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Remembers that the platform refuses a Page's token, and since when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_refused(&self, page: &PageId, code: i64, subcode: Option<i64>, message: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into page_connections as c (page_id, refused_at, error_code, error_subcode, error_message)
             values ($1, clock_timestamp(), $2, $3, $4)
             on conflict (page_id) do update set refused_at = coalesce(c.refused_at, excluded.refused_at), error_code = excluded.error_code,
                 error_subcode = excluded.error_subcode, error_message = excluded.error_message",
            page.as_str(),
            code,
            subcode,
            message
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Remembers that the platform takes a Page's token again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_taken(&self, page: &PageId) -> Result<(), StoreError> {
        forget_refusal(&mut *self.pool.acquire().await?, page).await
    }

    /// Remembers that Baton's platform app was subscribed to a Page's webhooks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page_subscribed(&self, page: &PageId) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into page_connections (page_id, subscribed_at) values ($1, clock_timestamp())
             on conflict (page_id) do update set subscribed_at = excluded.subscribed_at",
            page.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Pages with a token that the platform has not refused, whose webhooks were never subscribed to with it, or not for so long.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pages_to_subscribe(&self, again: Duration) -> Result<Vec<PageId>, StoreError> {
        let pages = sqlx::query_scalar!(
            "select p.page_id from pages p left join page_connections c using (page_id)
             where p.token_sealed is not null and c.refused_at is null
                 and (c.subscribed_at is null or c.subscribed_at < statement_timestamp() - make_interval(secs => $1))
             order by p.page_id",
            again.as_secs_f64()
        )
        .fetch_all(&self.pool)
        .await?;
        pages.into_iter().map(|page| PageId::parse(&page).map_err(|e| StoreError::inconsistent("pages", "page_id", &page, e))).collect()
    }

    /// Those of the given people whose profile was not asked for since then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn people_to_ask(&self, page: &PageId, people: &[PersonId], since: Timestamp) -> Result<Vec<PersonId>, StoreError> {
        let asked: Vec<&str> = people.iter().map(PersonId::as_str).collect();
        let missing = sqlx::query_scalar!(
            r#"select id as "id!" from unnest($2::text[]) as asked (id)
               where not exists (select 1 from people where page_id = $1 and person_id = asked.id and fetched_at >= $3)"#,
            page.as_str(),
            &asked as _,
            datetime(since)
        )
        .fetch_all(&self.pool)
        .await?;
        missing.into_iter().map(|id| PersonId::parse(&id).map_err(|e| StoreError::inconsistent("people", "person_id", &id, e))).collect()
    }

    /// Keeps what the platform told about a person. What it does not tell any longer stays as it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_profile(&self, page: &PageId, person: &PersonId, profile: &Profile) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into people as p (page_id, person_id, name, first_name, last_name, profile_pic, more) values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (page_id, person_id) do update set name = coalesce(excluded.name, p.name),
                 first_name = coalesce(excluded.first_name, p.first_name), last_name = coalesce(excluded.last_name, p.last_name),
                 profile_pic = coalesce(excluded.profile_pic, p.profile_pic), more = p.more || excluded.more, fetched_at = clock_timestamp()",
            page.as_str(),
            person.as_str(),
            profile.name,
            profile.first_name,
            profile.last_name,
            profile.profile_pic,
            serde_json::Value::Object(profile.more.clone())
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Up to `limit` conversations in which a transfer waits for the platform's word, and as many which an external app without a name holds, those after
    /// `from`: of these there may be more than can be asked about at once, and most keep no name however often it is asked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unsettled(&self, limit: i64, from: Option<&(PageId, PersonId)>) -> Result<Vec<Unsettled>, StoreError> {
        let rows = sqlx::query!(
            r#"select page_id as "page_id!", person_id as "person_id!", control as "control!" from (
                   (select page_id, person_id, control from conversations where in_transfer limit $1)
                   union all
                   (select page_id, person_id, control from conversations
                    where owner_kind = 'external' and owner is null and not in_transfer and (page_id, person_id) > ($2, $3)
                    order by page_id, person_id limit $1)
               ) as unsettled"#,
            limit,
            from.map_or("", |(page, _)| page.as_str()),
            from.map_or("", |(_, person)| person.as_str())
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let place = format!("{}:{}", row.page_id, row.person_id);
                let bad = |column, why: String| StoreError::inconsistent("conversations", column, &place, why);
                Ok(Unsettled {
                    page: PageId::parse(&row.page_id).map_err(|e| bad("page_id", e.to_string()))?,
                    person: PersonId::parse(&row.person_id).map_err(|e| bad("person_id", e.to_string()))?,
                    control: serde_json::from_str(&row.control).map_err(|e| bad("control", e.to_string()))?,
                })
            })
            .collect()
    }
}

/// Nothing is known against a Page's token any more.
/// A Page has another token: nothing is known of it.
pub(super) async fn forget_connection(connection: &mut sqlx::PgConnection, page: &PageId) -> Result<(), StoreError> {
    sqlx::query!("delete from page_connections where page_id = $1", page.as_str()).execute(connection).await?;
    Ok(())
}

async fn forget_refusal(connection: &mut sqlx::PgConnection, page: &PageId) -> Result<(), StoreError> {
    sqlx::query!(
        "update page_connections set refused_at = null, error_code = null, error_subcode = null, error_message = null
         where page_id = $1 and refused_at is not null",
        page.as_str()
    )
    .execute(connection)
    .await?;
    Ok(())
}
