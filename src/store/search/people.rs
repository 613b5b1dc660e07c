//! Who the search finds by name or id, the last to write first.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::find::{PAGES_ASKED, any, is_out_of_time, keys};
use super::page_term;
use crate::store::inbox::PersonName;
use crate::store::log::timestamp;
use crate::store::{Store, StoreError};
use crate::wire::{PageId, PersonId, Timestamp};

/// So many people with the wanted words are put in order.
const LOOKED_AT: i64 = 250;

/// Somebody who was found.
#[derive(Debug, Clone)]
pub struct FoundPerson {
    /// The Page.
    pub page: PageId,
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: PersonName,
    /// When they last wrote or were written to.
    pub last_at: Timestamp,
}

/// Those who were found.
#[derive(Debug, Default)]
pub struct FoundPeople {
    /// They, the last to write first.
    pub people: Vec<FoundPerson>,
    /// There are more, who may have written later.
    pub more: bool,
}

impl Store {
    /// Of the people with these words in name or id the last to write, in at most `patience`; `None` when that was not enough. Where more than
    /// [`LOOKED_AT`] have them, some are not looked at.
    ///
    /// # Errors
    /// When the database fails. Being slow is none.
    pub async fn find_people(
        &self,
        pages: &[PageId],
        terms: &[Vec<String>],
        patterns: &[Vec<String>],
        limit: i64,
        patience: Duration,
    ) -> Result<Option<FoundPeople>, StoreError> {
        let asked = (pages.len() <= PAGES_ASKED).then(|| any(pages.iter().map(|page| page_term(page.as_str())))).flatten();
        let asked = terms.iter().filter_map(|choices| any(choices.iter().cloned())).chain(asked).collect::<Vec<_>>().join(" & ");
        let pages: Vec<&str> = pages.iter().map(PageId::as_str).collect();
        if pages.is_empty() || asked.is_empty() {
            return Ok(Some(FoundPeople::default()));
        }
        let (lists, patterns): (Vec<i32>, Vec<&str>) =
            (0_i32..).zip(patterns).flat_map(|(list, choices)| choices.iter().map(move |pattern| (list, pattern.as_str()))).unzip();
        let Some(mut transaction) = self.in_time(Instant::now() + patience).await? else { return Ok(None) };
        let rows = sqlx::query!(
            r#"select f.page_id, f.person_id, f.last_message_at, e.name as "name?", e.first_name, e.last_name, f."all" as "all!"
               from (select c.page_id, c.person_id, c.last_message_at, count(*) over () as "all"
                     from (select s.page_id, s.person_id from search_people s
                           where s.terms @@ $1::text::tsquery and s.page_id = any($2)
                             and not exists (select from unnest($3::int[]) as wanted (list) where not exists
                                 (select from unnest($3::int[], $4::text[]) as choice (list, pattern)
                                  where choice.list = wanted.list and s.words like choice.pattern))
                           limit $6) s
                     join conversations c on c.page_id = s.page_id and c.person_id = s.person_id
                     order by c.last_message_at desc, c.page_id, c.person_id limit $5) f
               left join people e on e.page_id = f.page_id and e.person_id = f.person_id
               order by f.last_message_at desc, f.page_id, f.person_id"#,
            asked,
            &pages as _,
            &lists,
            &patterns as _,
            limit,
            LOOKED_AT
        )
        .fetch_all(&mut *transaction)
        .await
        .map_err(StoreError::from);
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) if is_out_of_time(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let person = |row: (String, String, OffsetDateTime, PersonName)| {
            let (page, person) = keys("search_people", &row.0, &row.1)?;
            Ok(FoundPerson { page, person, name: row.3, last_at: timestamp(row.2) })
        };
        let more = rows.first().is_some_and(|row| row.all > limit);
        let rows = rows.into_iter().map(|row| {
            let name = PersonName { name: row.name, first: row.first_name, last: row.last_name };
            person((row.page_id, row.person_id, row.last_message_at, name))
        });
        let people = rows.collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Some(FoundPeople { people, more }))
    }
}
