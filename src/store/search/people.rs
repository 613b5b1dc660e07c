//! Who the search finds by name or id, the last to write first.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::bounded::{Bounded, is_out_of_time};
use super::find::{PAGES_ASKED, any, keys};
use super::page_term;
use crate::store::inbox::PersonName;
use crate::store::log::timestamp;
use crate::store::{Store, StoreError};
use crate::wire::{PageId, PersonId, Timestamp};

/// So many people with the wanted words are put in order.
const LOOKED_AT: i64 = 250;

/// Where more than so many are expected to have the words, the index would take long to tell who, and [`LOOKED_AT`] of them are anybody: they are looked for
/// among the last to write first.
const COMMON: i64 = 1_000;

/// So many rows at the ends of the logs tell who wrote last: of each Page its part.
const RECENT: i64 = 2_000;

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

/// Who is looked for.
struct Sought<'a> {
    pages: Vec<&'a str>,
    /// What the index is asked.
    asked: String,
    /// What their words look like: of each list one pattern.
    lists: Vec<i32>,
    patterns: Vec<&'a str>,
    /// So many are shown.
    limit: i64,
}

/// Somebody with the wanted words.
struct Columns {
    page_id: String,
    person_id: String,
    last_message_at: OffsetDateTime,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

impl Store {
    /// Of the people with these words in name or id the last to write or to be written to, in at most `patience`; `None` when that was not enough. Where more
    /// than [`LOOKED_AT`] have them, those of the ends of the logs are found for certain (if more than [`COMMON`] are expected), of the others some.
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
        if pages.is_empty() || asked.is_empty() {
            return Ok(Some(FoundPeople::default()));
        }
        let (lists, patterns) =
            (0_i32..).zip(patterns).flat_map(|(list, choices)| choices.iter().map(move |pattern| (list, pattern.as_str()))).unzip();
        let sought = Sought { pages: pages.iter().map(PageId::as_str).collect(), asked, lists, patterns, limit };
        match people(self.search(patience).await?, &sought).await {
            Err(error) if is_out_of_time(&error) => Ok(None),
            found => found,
        }
    }
}

async fn people(mut bounded: Bounded, sought: &Sought<'_>) -> Result<Option<FoundPeople>, StoreError> {
    let Some(connection) = bounded.in_time().await? else { return Ok(None) };
    let mut found = Vec::new();
    if expected(connection, sought).await? > COMMON {
        let Some(connection) = bounded.in_time().await? else { return Ok(None) };
        found = recent(connection, sought).await?;
    }
    let shown = usize::try_from(sought.limit).unwrap_or(usize::MAX);
    let mut more = found.len() > shown;
    if !more {
        match others(&mut bounded, sought).await? {
            Some(others) => add(&mut found, others),
            None if found.is_empty() => return Ok(None),
            // Better some than none.
            None => more = true,
        }
    }
    more |= found.len() > shown;
    found.truncate(shown);
    let people = found.into_iter().map(FoundPerson::try_from).collect::<Result<_, _>>()?;
    Ok(Some(FoundPeople { people, more }))
}

/// Whom the index finds, in the time that is left; `None` when that was not enough.
async fn others(bounded: &mut Bounded, sought: &Sought<'_>) -> Result<Option<Vec<Columns>>, StoreError> {
    let Some(connection) = bounded.in_time().await? else { return Ok(None) };
    match indexed(connection, sought).await {
        Err(error) if is_out_of_time(&error) => Ok(None),
        others => others.map(Some),
    }
}

/// Puts them in order, the last to write first, each once.
fn add(found: &mut Vec<Columns>, others: Vec<Columns>) {
    let known: HashSet<(String, String)> = found.iter().map(Columns::key).collect();
    found.extend(others.into_iter().filter(|row| !known.contains(&row.key())));
    found.sort_by(|one, other| (other.last_message_at, one.key()).cmp(&(one.last_message_at, other.key())));
}

impl Columns {
    fn key(&self) -> (String, String) {
        (self.page_id.clone(), self.person_id.clone())
    }
}

impl TryFrom<Columns> for FoundPerson {
    type Error = StoreError;

    fn try_from(row: Columns) -> Result<Self, StoreError> {
        let (page, person) = keys("search_people", &row.page_id, &row.person_id)?;
        let name = PersonName { name: row.name, first: row.first_name, last: row.last_name };
        Ok(Self { page, person, name, last_at: timestamp(row.last_message_at) })
    }
}

/// How many have the words, as the planner thinks: counting them is what takes long.
async fn expected(connection: &mut PgConnection, sought: &Sought<'_>) -> Result<i64, StoreError> {
    let plan: Option<Value> =
        sqlx::query_scalar!("explain (format json) select from search_people where terms @@ $1::text::tsquery", sought.asked)
            .fetch_one(connection)
            .await?;
    Ok(plan.as_ref().and_then(|plan| plan.pointer("/0/Plan/Plan Rows")).and_then(Value::as_i64).unwrap_or_default())
}

/// Those with the words among the last to write or to be written to; one more than are shown, if there are. What comes before the end of the log that was
/// looked at is not known, on no Page: who wrote earlier than that on another is not among them.
async fn recent(connection: &mut PgConnection, sought: &Sought<'_>) -> Result<Vec<Columns>, StoreError> {
    let pages = i64::try_from(sought.pages.len()).unwrap_or(RECENT);
    let rows = sqlx::query_as!(
        Columns,
        r#"with tail as materialized (
               select l.page_id, l.person_id, l.at, l.kind, l.position from pages p
               cross join lateral (select page_id, person_id, at, kind, position from log
                   where page_id = p.page_id and position > p.last_position - $2 order by position desc limit $2) l
               where p.page_id = any($1))
           select n.page_id as "page_id!", n.person_id as "person_id!", c.last_message_at as "last_message_at!", e.name as "name?", e.first_name, e.last_name
           from (select page_id, person_id, max(at) as at from tail
                 where kind in ('message', 'postback', 'echo') and at >= coalesce(
                     (select max(known.since) from (select min(at) as since from tail group by page_id having min(position) > 1) known), '-infinity')
                 group by page_id, person_id order by max(at) desc, page_id, person_id offset 0) n
           join lateral (select words, terms from search_people where page_id = n.page_id and person_id = n.person_id limit 1) s
               on s.terms @@ $3::text::tsquery and not exists (select from unnest($4::int[]) as wanted (list) where not exists
                   (select from unnest($4::int[], $5::text[]) as choice (list, pattern) where choice.list = wanted.list and s.words like choice.pattern))
           join lateral (select last_message_at from conversations where page_id = n.page_id and person_id = n.person_id limit 1) c on true
           left join lateral (select name, first_name, last_name from people where page_id = n.page_id and person_id = n.person_id limit 1) e on true
           order by n.at desc, n.page_id, n.person_id limit $6"#,
        &sought.pages as _,
        (RECENT / pages).max(1),
        sought.asked,
        &sought.lists,
        &sought.patterns as _,
        sought.limit + 1
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Those whom the index finds; one more than are shown, if there are. Where more than [`LOOKED_AT`] have the words, some are not looked at.
async fn indexed(connection: &mut PgConnection, sought: &Sought<'_>) -> Result<Vec<Columns>, StoreError> {
    let rows = sqlx::query_as!(
        Columns,
        r#"select f.page_id, f.person_id, f.last_message_at, e.name as "name?", e.first_name, e.last_name
           from (select c.page_id, c.person_id, c.last_message_at
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
        sought.asked,
        &sought.pages as _,
        &sought.lists,
        &sought.patterns as _,
        sought.limit + 1,
        LOOKED_AT
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
