//! What the search finds, newest first, and never for longer than it may take.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::bounded::is_out_of_time;
use super::{Author, SPANS, page_term, span};
use crate::access::UserId;
use crate::store::inbox::PersonName;
use crate::store::log::{datetime, timestamp};
use crate::store::{Store, StoreError};
use crate::wire::{AppId, PageId, PersonId, Timestamp};

/// So many spans before the one of a moment are looked through where one held a good part of what is wanted.
const FURTHER: i64 = 4;

/// Beyond this many Pages they are not looked up in the index, but seen to afterwards.
pub(super) const PAGES_ASKED: usize = 64;

/// What is looked for. All of it must hold.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// On one of these Pages: the reader's own.
    pub pages: Vec<PageId>,
    /// Terms of its words.
    pub terms: Vec<String>,
    /// What its words look like.
    pub patterns: Vec<String>,
    /// By one of these; of each list one.
    pub authors: Vec<Vec<Author>>,
    /// Held by one of these; of each list one.
    pub holders: Vec<Vec<Holder>>,
    /// Carries one of these tags; of each list one.
    pub tags: Vec<Vec<i64>>,
    /// Not earlier.
    pub from: Option<Timestamp>,
    /// Earlier.
    pub until: Option<Timestamp>,
}

/// Who holds a conversation, as one looks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// An app outside.
    Outside,
    /// An app.
    App(AppId),
    /// An agent, or whom it is assigned to.
    User(UserId),
}

/// The place after which the next lines come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// When.
    pub at: Timestamp,
    /// The Page; empty: everything at that moment has been seen.
    pub page: String,
    /// The position there.
    pub position: i64,
}

/// A line that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The Page.
    pub page: PageId,
    /// Its place in the log.
    pub position: i64,
    /// The conversation.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// Kind of the row.
    pub kind: String,
    /// What it says now.
    pub payload: String,
    /// That is a change of it.
    pub edited: bool,
    /// Who wrote it, if an app did.
    pub app: Option<AppId>,
    /// Who wrote it, if an agent did.
    pub user: Option<UserId>,
    /// What the person is called.
    pub name: PersonName,
}

/// What was found in time.
#[derive(Debug, Default)]
pub struct Found {
    /// The lines, newest first.
    pub hits: Vec<Hit>,
    /// Time was up: only what came since this moment was looked through.
    pub cut: Option<Timestamp>,
}

/// The conditions that no index of lines knows, as SQL takes them: flattened lists of choices with the number of the list.
struct Beside {
    holder_lists: Vec<i32>,
    holders: Vec<String>,
    tag_lists: Vec<i32>,
    tags: Vec<i64>,
}

impl Beside {
    fn of(wanted: &Wanted) -> Self {
        let number = |index: usize| i32::try_from(index).unwrap_or(i32::MAX);
        let holders = wanted.holders.iter().enumerate().flat_map(|(list, any)| any.iter().map(move |holder| (number(list), holder)));
        let (holder_lists, holders) = holders.map(|(list, holder)| (list, holder.key())).unzip();
        let tags = wanted.tags.iter().enumerate().flat_map(|(list, any)| any.iter().map(move |tag| (number(list), *tag)));
        let (tag_lists, tags) = tags.unzip();
        Self { holder_lists, holders, tag_lists, tags }
    }
}

impl Holder {
    /// As the query writes what holds a conversation.
    fn key(&self) -> String {
        match self {
            Self::Nobody => "idle".to_owned(),
            Self::Outside => "external".to_owned(),
            Self::App(app) => format!("app:{app}"),
            Self::User(user) => format!("user:{}", user.0),
        }
    }
}

/// A lexeme as `tsquery` reads it.
fn quoted(term: &str) -> String {
    format!("'{}'", term.replace('\\', "\\\\").replace('\'', "''"))
}

pub(super) fn any(terms: impl Iterator<Item = String>) -> Option<String> {
    let terms: Vec<String> = terms.map(|term| quoted(&term)).collect();
    (!terms.is_empty()).then(|| format!("({})", terms.join(" | ")))
}

impl Wanted {
    /// What the index is asked, within a span of time.
    fn tsquery(&self, within: Option<String>) -> String {
        // Something must be asked.
        let nothing_else = self.terms.is_empty() && self.authors.is_empty();
        let pages = (nothing_else || self.pages.len() <= PAGES_ASKED)
            .then(|| any(self.pages.iter().map(|page| page_term(page.as_str()))))
            .flatten();
        let authors = self.authors.iter().filter_map(|list| any(list.iter().map(Author::term)));
        let words = self.terms.iter().map(|term| quoted(term));
        words.chain(authors).chain(pages).chain(within).collect::<Vec<_>>().join(" & ")
    }

    /// Some list of choices is empty: nothing can be found.
    fn is_impossible(&self) -> bool {
        self.pages.is_empty()
            || self.authors.iter().any(Vec::is_empty)
            || self.holders.iter().any(Vec::is_empty)
            || self.tags.iter().any(Vec::is_empty)
    }
}

/// The time up to a moment, as the index knows it: its span and so many before it, and where that begins.
fn up_to(moment: Timestamp, power: u32, reach: i64) -> (String, Timestamp) {
    let number = moment.millis() >> power;
    let all = any((0..=reach).map(|before| span(power, number - before)));
    (all.unwrap_or_default(), Timestamp::from_millis((number - reach) << power))
}

impl Store {
    /// The newest lines after a place, at most `limit`, in at most `patience`.
    ///
    /// Looks through the newest minutes first and through longer spans while there is not enough: what is said often is found near, what is
    /// said rarely is little anywhere. So what a search reads does not grow with the log.
    ///
    /// # Errors
    /// When the database fails. Being slow is none.
    pub async fn find_lines(&self, wanted: &Wanted, after: Option<&Place>, limit: i64, patience: Duration) -> Result<Found, StoreError> {
        let mut found = Found::default();
        if wanted.is_impossible() {
            return Ok(found);
        }
        let now = timestamp(self.now().await?);
        let moment = [after.map(|place| place.at), wanted.until, Some(now)].into_iter().flatten().min().unwrap_or(now);
        let beside = Beside::of(wanted);
        let wanted_lines = usize::try_from(limit).unwrap_or(usize::MAX);
        let spans = SPANS.into_iter().flat_map(|power| [Some((power, 1)), Some((power, FURTHER))]).chain([None]);
        let mut searched = moment;
        let mut bounded = self.search(patience).await?;
        for span in spans {
            // The next longer span holds sixteen times as much: where a few times as much will do, no more is read.
            if span.is_some_and(|(_, reach)| reach == FURTHER) && found.hits.len().saturating_mul(3) < wanted_lines {
                continue;
            }
            let (within, since) = span.map(|(power, reach)| up_to(moment, power, reach)).unzip();
            let Some(connection) = bounded.in_time().await? else { break };
            match lines(connection, wanted, &beside, after, within, limit).await {
                Ok(hits) => found.hits = hits,
                Err(error) if is_out_of_time(&error) => {
                    found.cut = Some(searched);
                    return Ok(found);
                }
                Err(error) => return Err(error),
            }
            let enough = found.hits.len() >= wanted_lines;
            let Some(since) = since else { return Ok(found) };
            if enough || wanted.from.is_some_and(|from| from >= since) {
                return Ok(found);
            }
            searched = since;
        }
        found.cut = Some(searched);
        Ok(found)
    }
}

/// The index finds lines and puts them in order; what they say is read of those alone that are shown.
async fn lines(
    connection: &mut PgConnection,
    wanted: &Wanted,
    beside: &Beside,
    after: Option<&Place>,
    within: Option<String>,
    limit: i64,
) -> Result<Vec<Hit>, StoreError> {
    let pages: Vec<&str> = wanted.pages.iter().map(PageId::as_str).collect();
    let rows = sqlx::query_as!(
        Columns,
        r#"select s.page_id, s.position, s.person_id, s.at, l.kind, coalesce(e.payload, l.payload) as "payload!", e.position is not null as "edited!",
                  l.app_id, l.user_id, p.name as "name?", p.first_name, p.last_name
           from (
               select page_id, position, person_id, at, edit_position from search_lines s
               where s.terms @@ $1::text::tsquery and s.page_id = any($2) and s.words like all($3)
                 and ($4::timestamptz is null or (s.at, s.page_id, s.position) < ($4, $5, $6))
                 and ($7::timestamptz is null or s.at >= $7) and ($8::timestamptz is null or s.at < $8)
                 and (cardinality($9::int[]) = 0 or exists (
                     select from conversations c where c.page_id = s.page_id and c.person_id = s.person_id
                       and not exists (select from unnest($9::int[]) as wanted (list) where not exists (
                           select from unnest($9::int[], $10::text[]) as choice (list, holder) where choice.list = wanted.list and choice.holder in
                               (c.owner_kind, 'app:' || c.owner, 'user:' || c.assignee)))))
                 and not exists (select from unnest($11::int[]) as wanted (list) where not exists (
                     select from unnest($11::int[], $12::bigint[]) as choice (list, tag_id)
                     join conversation_tags t on t.tag_id = choice.tag_id and t.page_id = s.page_id and t.person_id = s.person_id
                     where choice.list = wanted.list))
               order by s.at desc, s.page_id desc, s.position desc offset 0
           ) s
           join lateral (select kind, payload, app_id, user_id from log
               where page_id = s.page_id and position = s.position and scrubbed_at is null limit 1) l on true
           left join lateral (select position, payload from log
               where page_id = s.page_id and position = s.edit_position and scrubbed_at is null limit 1) e on true
           left join lateral (select name, first_name, last_name from people where page_id = s.page_id and person_id = s.person_id limit 1) p on true
           order by s.at desc, s.page_id desc, s.position desc limit $13"#,
        wanted.tsquery(within),
        &pages as _,
        &wanted.patterns,
        after.map(|place| datetime(place.at)),
        after.map(|place| place.page.as_str()),
        after.map(|place| place.position),
        wanted.from.map(datetime),
        wanted.until.map(datetime),
        &beside.holder_lists,
        &beside.holders,
        &beside.tag_lists,
        &beside.tags,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Hit::try_from).collect()
}

struct Columns {
    page_id: String,
    position: i64,
    person_id: String,
    at: OffsetDateTime,
    kind: String,
    payload: String,
    edited: bool,
    app_id: Option<String>,
    user_id: Option<i64>,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

impl TryFrom<Columns> for Hit {
    type Error = StoreError;

    fn try_from(row: Columns) -> Result<Self, StoreError> {
        let (page, person) = keys("search_lines", &row.page_id, &row.person_id)?;
        Ok(Self {
            page,
            position: row.position,
            person,
            at: timestamp(row.at),
            kind: row.kind,
            payload: row.payload,
            edited: row.edited,
            app: row.app_id.and_then(|id| AppId::parse(id).ok()),
            user: row.user_id.map(UserId),
            name: PersonName { name: row.name, first: row.first_name, last: row.last_name },
        })
    }
}

pub(super) fn keys(table: &'static str, page: &str, person: &str) -> Result<(PageId, PersonId), StoreError> {
    let parsed = PageId::parse(page).map_err(|e| StoreError::inconsistent(table, "page_id", page, e))?;
    Ok((parsed, PersonId::parse(person).map_err(|e| StoreError::inconsistent(table, "person_id", person, e))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_looked_for_breaks_out_of_its_quotation() {
        assert_eq!(quoted("a'b\\"), "'a''b\\\\'");
        let wanted =
            Wanted { terms: vec!["par".into()], authors: vec![vec![Author::Customer, Author::User(UserId(7))]], ..Wanted::default() };
        assert_eq!(wanted.tsquery(Some("('16:1')".into())), "'par' & ('c:' | 'u:7') & ('16:1')");
    }

    #[test]
    fn a_span_holds_the_moment_and_at_least_its_own_length_before() {
        for (power, reach) in SPANS.into_iter().flat_map(|power| [(power, 1), (power, FURTHER)]) {
            for millis in [1_780_401_800_000, 1_780_401_800_000 | 0xffff_ffff, (1_780_401_800_000 >> 32) << 32] {
                let (terms, since) = up_to(Timestamp::from_millis(millis), power, reach);
                assert!(millis - since.millis() >= reach << power, "{power} {millis}");
                for moment in [millis, since.millis()] {
                    assert!(terms.contains(&format!("'{}'", span(power, moment >> power))), "{terms} holds {moment}");
                }
            }
        }
    }
}
