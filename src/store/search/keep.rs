//! What the reader of the log keeps for the search.

use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;

use super::{Author, page_term, spans};
use crate::store::log::{LogRow, datetime};
use crate::store::{Store, StoreError};
use crate::wire::{PageId, PersonId};

/// A line that can be found from now on.
#[derive(Debug, Clone)]
pub struct Line {
    /// The row of the log.
    pub position: i64,
    /// The conversation.
    pub person: PersonId,
    /// When it was written.
    pub at: crate::wire::Timestamp,
    /// Who wrote it.
    pub author: Option<Author>,
    /// Its words, spaced.
    pub words: String,
    /// Beginnings of its words.
    pub terms: Vec<String>,
}

/// A text that was changed, or taken back.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The row of the log that changed it.
    pub position: i64,
    /// The conversation.
    pub person: PersonId,
    /// The message.
    pub mid: String,
    /// Its words now and their beginnings; `None`: taken back.
    pub now: Option<(String, Vec<String>)>,
}

/// Somebody who can be found.
#[derive(Debug, Clone)]
pub struct Known {
    /// Their Page.
    pub page: String,
    /// Who.
    pub person: String,
    /// The words of name and id, spaced.
    pub words: String,
    /// Their beginnings, and the end of the id.
    pub terms: Vec<String>,
}

/// A name that the platform told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Named {
    /// The Page.
    pub page: String,
    /// Who.
    pub person: String,
    /// The name, in parts.
    pub name: String,
    /// When it was told.
    pub told: OffsetDateTime,
}

/// The right to read on: nobody else does while it is held.
pub struct Claim {
    transaction: Transaction<'static, Postgres>,
    page: String,
    /// Read up to here.
    pub position: i64,
    /// Names told before this are known.
    pub people_until: Option<OffsetDateTime>,
    /// How much is in the logs of all Pages: it grows while others write.
    pub written: i64,
}

/// Text arrays hold no arrays of different lengths, so the terms of a line travel as lines of one text.
fn joined(terms: &[String], more: impl Iterator<Item = String>) -> String {
    terms.iter().cloned().chain(more).collect::<Vec<_>>().join("\n")
}

impl Store {
    /// Claims the reading of a Page's log, or of names (no Page). `None`: somebody else is at it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_search(&self, page: Option<&PageId>) -> Result<Option<Claim>, StoreError> {
        let page = page.map(PageId::as_str).unwrap_or_default();
        let mut transaction = self.pool.begin().await?;
        // What is lost with the machine is read again: the cursor is lost with it.
        sqlx::query!(r#"select set_config('synchronous_commit', 'off', true) as "set!""#).fetch_one(&mut *transaction).await?;
        sqlx::query!("insert into search_cursors (page_id) values ($1) on conflict do nothing", page).execute(&mut *transaction).await?;
        let row = sqlx::query!(
            r#"select position, nullif(people_until, '-infinity'::timestamptz) as people_until,
                      (select coalesce(sum(last_position), 0) from pages)::bigint as "written!"
               from search_cursors where page_id = $1 for update skip locked"#,
            page
        )
        .fetch_optional(&mut *transaction)
        .await?;
        Ok(row.map(|row| Claim {
            transaction,
            page: page.to_owned(),
            position: row.position,
            people_until: row.people_until,
            written: row.written,
        }))
    }

    /// Names told after one of them, earliest first; from a moment on, if there is none yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn names_told(&self, since: Option<OffsetDateTime>, after: Option<&Named>, limit: i64) -> Result<Vec<Named>, StoreError> {
        let told = after.map(|named| named.told).or(since);
        let rows = sqlx::query_as!(
            Named,
            r#"select page_id as page, person_id as person, concat_ws(' ', name, case when name is null then first_name end,
                      case when name is null then last_name end) as "name!", fetched_at as told
               from people
               where fetched_at >= coalesce($1, '-infinity'::timestamptz)
                 and ($2::text is null or (fetched_at, page_id, person_id) > ($1, $2, $3))
               order by fetched_at, page_id, person_id limit $4"#,
            told,
            after.map(|named| named.page.as_str()),
            after.map(|named| named.person.as_str()),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}

impl Claim {
    /// Adds lines.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add(&mut self, lines: &[Line]) -> Result<(), StoreError> {
        let positions: Vec<i64> = lines.iter().map(|line| line.position).collect();
        let people: Vec<&str> = lines.iter().map(|line| line.person.as_str()).collect();
        let times: Vec<OffsetDateTime> = lines.iter().map(|line| datetime(line.at)).collect();
        let words: Vec<&str> = lines.iter().map(|line| line.words.as_str()).collect();
        let beside =
            |line: &Line| spans(line.at).chain([page_term(&self.page)]).chain(line.author.as_ref().map(Author::term)).collect::<Vec<_>>();
        let terms: Vec<String> = lines.iter().map(|line| joined(&line.terms, beside(line).into_iter())).collect();
        sqlx::query!(
            "insert into search_lines (page_id, position, person_id, at, words, terms)
             select $1, n.position, n.person_id, n.at, n.words, array_to_tsvector(string_to_array(n.terms, chr(10)))
             from unnest($2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::text[]) as n (position, person_id, at, words, terms)
             on conflict do nothing",
            self.page,
            &positions,
            &people as _,
            &times,
            &words as _,
            &terms
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Changes a line, or takes it out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change(&mut self, changed: &Changed) -> Result<(), StoreError> {
        let (person, mid) = (changed.person.as_str(), changed.mid.as_str());
        let Some((words, terms)) = &changed.now else {
            sqlx::query!(
                "delete from search_lines where page_id = $1 and position in
                     (select position from log where page_id = $1 and person_id = $2 and mid = $3 and kind in ('message', 'echo'))",
                self.page,
                person,
                mid
            )
            .execute(&mut *self.transaction)
            .await?;
            return Ok(());
        };
        // What its words do not tell stays: Page, author, time. Such terms hold a colon, words never do.
        sqlx::query!(
            "update search_lines set words = $4, edit_position = $5,
                    terms = array_to_tsvector(string_to_array($6, chr(10)) || array(select t from unnest(tsvector_to_array(terms)) t where t like '%:%'))
             where page_id = $1 and position in
                 (select position from log where page_id = $1 and person_id = $2 and mid = $3 and kind in ('message', 'echo') and scrubbed_at is null)",
            self.page,
            person,
            mid,
            words,
            changed.position,
            joined(terms, std::iter::empty())
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Keeps people; a name that is known already stays unless `renamed`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn meet(&mut self, people: &[Known], renamed: bool) -> Result<(), StoreError> {
        let pages: Vec<&str> = people.iter().map(|known| known.page.as_str()).collect();
        let ids: Vec<&str> = people.iter().map(|known| known.person.as_str()).collect();
        let words: Vec<&str> = people.iter().map(|known| known.words.as_str()).collect();
        let terms: Vec<String> = people.iter().map(|known| joined(&known.terms, std::iter::once(page_term(&known.page)))).collect();
        // Who is known already is left out beforehand: a conflict locks the row, and that is written.
        sqlx::query!(
            "insert into search_people as s (page_id, person_id, words, terms)
             select distinct on (n.page_id, n.person_id) n.page_id, n.person_id, n.words, array_to_tsvector(string_to_array(n.terms, chr(10)))
             from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as n (page_id, person_id, words, terms)
             where $5 or not exists (select from search_people k where k.page_id = n.page_id and k.person_id = n.person_id)
             on conflict (page_id, person_id) do update set words = excluded.words, terms = excluded.terms where $5 and s.words <> excluded.words",
            &pages as _,
            &ids as _,
            &words as _,
            &terms,
            renamed
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Remembers how far it was read, and lets others read on.
    ///
    /// # Errors
    /// When the database fails; then nothing was read.
    pub async fn done(mut self, position: i64, people_until: Option<OffsetDateTime>) -> Result<(), StoreError> {
        sqlx::query!(
            "update search_cursors set position = $2, people_until = coalesce($3, people_until) where page_id = $1",
            self.page,
            position,
            people_until
        )
        .execute(&mut *self.transaction)
        .await?;
        self.transaction.commit().await?;
        Ok(())
    }
}

/// The author of a row, as the index knows it.
#[must_use]
pub fn author(row: &LogRow) -> Option<Author> {
    match (row.kind.as_str(), row.user, &row.app) {
        ("message" | "postback", ..) => Some(Author::Customer),
        (_, Some(user), _) => Some(Author::User(user)),
        (_, None, Some(app)) => Some(Author::App(app.clone())),
        (_, None, None) => None,
    }
}
