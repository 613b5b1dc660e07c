//! What agents write down about people: the fields, and what is in them.

use super::label::Label;
use super::{Store, StoreError};
use crate::access::UserId;
use crate::wire::{PageId, PersonId};

/// Longest text in a field, in characters.
pub const VALUE_CHARS: usize = 500;

/// Most fields at a time: a side that nobody can look over helps nobody.
pub const FIELDS: usize = 30;

/// A field's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldId(pub i64);

/// What is written into a field: text on one line, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValue(String);

impl FieldValue {
    /// Reads a text. `None`: too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value: String = text.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        (value.chars().count() <= VALUE_CHARS).then_some(Self(value))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its number.
    pub field: FieldId,
    /// Its name.
    pub name: String,
    /// No longer wanted.
    pub archived: bool,
}

/// A field with what is written in it about somebody.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its number.
    pub field: FieldId,
    /// Its name.
    pub name: String,
    /// What it says; empty: nothing.
    pub value: String,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldChange {
    /// It was made.
    Done,
    /// Another field has this name.
    NameTaken,
    /// There are as many as there may be.
    TooMany,
    /// There is no such field.
    Missing,
}

impl Store {
    /// All fields, those in the archive too, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fields(&self) -> Result<Vec<Field>, StoreError> {
        let rows =
            sqlx::query!(r#"select field_id, name, archived_at is not null as "archived!" from fields order by lower(name), field_id"#);
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| Field { field: FieldId(row.field_id), name: row.name, archived: row.archived }).collect())
    }

    /// Adds a field.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_field(&self, name: &Label) -> Result<FieldChange, StoreError> {
        let most = i64::try_from(FIELDS).unwrap_or(i64::MAX);
        let done = sqlx::query!(
            "insert into fields (name) select $1 where (select count(*) from fields where archived_at is null) < $2",
            name.as_str(),
            most
        );
        changed(done.execute(&self.pool).await, FieldChange::TooMany)
    }

    /// Gives a field another name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rename_field(&self, field: FieldId, name: &Label) -> Result<FieldChange, StoreError> {
        let done = sqlx::query!("update fields set name = $2 where field_id = $1", field.0, name.as_str());
        changed(done.execute(&self.pool).await, FieldChange::Missing)
    }

    /// Puts a field into the archive, or takes it out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn archive_field(&self, field: FieldId, archived: bool) -> Result<FieldChange, StoreError> {
        let done = sqlx::query!(
            "update fields set archived_at = case when $2 then coalesce(archived_at, now()) end where field_id = $1",
            field.0,
            archived
        );
        changed(done.execute(&self.pool).await, FieldChange::Missing)
    }

    /// The fields of a person with what is written in them, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn written_of(&self, page: &PageId, person: &PersonId) -> Result<Vec<Written>, StoreError> {
        let rows = sqlx::query!(
            r#"select f.field_id, f.name, coalesce(p.value, '') as "value!" from fields f
               left join person_fields p on p.field_id = f.field_id and p.page_id = $1 and p.person_id = $2
               where f.archived_at is null order by lower(f.name), f.field_id"#,
            page.as_str(),
            person.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| Written { field: FieldId(row.field_id), name: row.name, value: row.value }).collect())
    }

    /// Writes into fields of a person; what is empty is taken out. Fields that are not there are passed over.
    ///
    /// # Errors
    /// When the database fails; then nothing was written.
    pub async fn write_fields(
        &self,
        page: &PageId,
        person: &PersonId,
        by: UserId,
        values: &[(FieldId, FieldValue)],
    ) -> Result<(), StoreError> {
        let fields: Vec<i64> = values.iter().map(|(field, _)| field.0).collect();
        let values: Vec<&str> = values.iter().map(|(_, value)| value.0.as_str()).collect();
        sqlx::query!(
            "with said as (select distinct on (s.field_id) s.field_id, s.value from unnest($4::bigint[], $5::text[]) as s (field_id, value)
                           join fields f on f.field_id = s.field_id and f.archived_at is null),
                  emptied as (delete from person_fields p using said where p.page_id = $1 and p.person_id = $2 and p.field_id = said.field_id
                              and said.value = '')
             insert into person_fields as p (page_id, person_id, field_id, value, written_by)
             select $1, $2, field_id, value, $3 from said where value <> ''
             on conflict (page_id, person_id, field_id) do update set value = excluded.value, written_by = excluded.written_by, written_at = now()
             where p.value <> excluded.value",
            page.as_str(),
            person.as_str(),
            by.0,
            &fields,
            &values as _
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

fn changed(done: Result<sqlx::postgres::PgQueryResult, sqlx::Error>, none: FieldChange) -> Result<FieldChange, StoreError> {
    match done {
        Ok(done) if done.rows_affected() == 0 => Ok(none),
        Ok(_) => Ok(FieldChange::Done),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(FieldChange::NameTaken),
        Err(error) => Err(error.into()),
    }
}
