//! The walks: the keys of each view in its order, from a place on, each along one index.

use time::OffsetDateTime;

use super::super::group::Lane;
use super::super::log::{datetime, timestamp};
use super::super::{Store, StoreError};
use super::{Filter, Place, Row, Sort, Span, View};
use crate::access::UserId;
use crate::control::STANDARD_MS;
use crate::wire::{PageId, PersonId, Timestamp};

/// Most conversations that one request asks its filters about.
const MOST: usize = 3000;

/// How many are asked about at once: few at first, since most lists are full soon.
const STEPS: [i64; 3] = [200, 800, 2000];

/// A window that ends within this is about to end, in milliseconds.
pub const WINDOW_ENDS_MS: i64 = 6 * 3_600_000;

/// A lease that ends within this is about to end, in milliseconds.
pub const LEASE_ENDS_MS: i64 = 3_600_000;

/// The last moment that is asked about: far after every row.
const NEVER: Timestamp = Timestamp::from_millis(253_402_300_799_999);

/// A list that is asked for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Which.
    pub view: View,
    /// Its order.
    pub sort: Sort,
    /// On these Pages.
    pub pages: &'a [PageId],
    /// By whom.
    pub me: UserId,
    /// What is wanted of it.
    pub filter: &'a Filter,
    /// From here on.
    pub after: Option<&'a Place>,
    /// So many rows.
    pub limit: usize,
    /// Now.
    pub now: Timestamp,
}

/// A part of a list.
#[derive(Debug)]
pub struct Listing {
    /// Its rows.
    pub rows: Vec<Row>,
    /// Where it goes on, if it does.
    pub next: Option<Place>,
    /// It went past so many conversations that did not fit that it ended here: there may be more.
    pub ended_early: bool,
}

/// A conversation on a walk.
#[derive(Debug)]
pub(super) struct Key {
    pub page_id: String,
    pub person_id: String,
    /// What the walk is in the order of.
    pub at: OffsetDateTime,
    /// It is only on the way.
    pub skipped: bool,
}

/// From where a walk goes on, for SQL: every walk has a place, the first one before everything.
pub(super) struct Start<'a> {
    pub at: OffsetDateTime,
    pub page: &'a str,
    pub person: &'a str,
}

impl<'a> Start<'a> {
    fn ascending(after: Option<&'a Place>) -> Self {
        Self::new(after, Timestamp::from_millis(0))
    }

    fn descending(after: Option<&'a Place>) -> Self {
        Self::new(after, NEVER)
    }

    /// Going up, it begins no earlier than the span does. Of several bounds PostgreSQL begins at any one and reads on to the tightest, so there must be
    /// only one.
    fn no_earlier(self, span: Span) -> Self {
        let from = from(span);
        if from > self.at { Self { at: from, page: "", person: "" } } else { self }
    }

    /// The same going down, before the span's end.
    fn no_later(self, span: Span) -> Self {
        let until = until(span);
        if until < self.at { Self { at: until, page: "", person: "" } } else { self }
    }

    fn new(after: Option<&'a Place>, start: Timestamp) -> Self {
        match after {
            Some(place) => Self { at: datetime(place.at), page: place.page.as_str(), person: place.person.as_str() },
            None => Self { at: datetime(start), page: "", person: "" },
        }
    }
}

/// The lanes that make up a view.
const fn lanes(view: View) -> &'static [Lane] {
    match view {
        View::Needs => &[Lane::Waiting, Lane::Left],
        View::Unassigned => &[Lane::Waiting, Lane::Left, Lane::Nobody],
        View::Customer => &[Lane::Left, Lane::Answered],
        View::Bot => &[Lane::Quiet],
        View::Elsewhere => &[Lane::Elsewhere],
        View::Mine => &[Lane::Owed, Lane::Answered],
        View::Open | View::Ending | View::Failed | View::Snoozed | View::Closed => &Lane::ALL,
    }
}

impl Store {
    /// A part of a list.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, asked: &Asked<'_>) -> Result<Listing, StoreError> {
        let mut filter = asked.filter.clone();
        // Among an agent's own, those who wait are few enough to be picked out on the way.
        filter.unanswered |= asked.view == View::Mine && asked.sort != Sort::Newest;
        let whole = filter.is_empty() && !matches!(asked.view, View::Failed | View::Ending);
        let mut found: Vec<Key> = Vec::with_capacity(asked.limit + 1);
        let (mut after, mut seen, mut ended_early) = (asked.after.cloned(), 0, false);
        let mut steps = STEPS.into_iter();
        while found.len() <= asked.limit {
            let step = if whole { i64::try_from(asked.limit + 1).unwrap_or(i64::MAX) } else { steps.next().unwrap_or_default() };
            let keys = self.keys(asked, after.as_ref(), step).await?;
            let last = keys.len() < usize::try_from(step).unwrap_or_default();
            seen += keys.len();
            after = keys.last().map(place).transpose()?;
            found.extend(
                if filter.is_empty() { keys } else { self.pick(keys, &filter, asked.me).await? }.into_iter().filter(|key| !key.skipped),
            );
            ended_early = !last && seen >= MOST && found.len() <= asked.limit;
            if last || ended_early || whole {
                break;
            }
        }
        let more = found.len() > asked.limit;
        found.truncate(asked.limit);
        let next = if more { found.last().map(place).transpose()? } else { after.filter(|_| ended_early) };
        Ok(Listing { rows: self.rows(found, asked.me).await?, next, ended_early })
    }

    async fn keys(&self, asked: &Asked<'_>, after: Option<&Place>, limit: i64) -> Result<Vec<Key>, StoreError> {
        let pages: Vec<&str> = asked.pages.iter().map(PageId::as_str).collect();
        let waiting: Vec<i16> = lanes(asked.view).iter().filter(|lane| lane.waits()).map(|lane| lane.number()).collect();
        let all: Vec<i16> = lanes(asked.view).iter().map(|lane| lane.number()).collect();
        let written = asked.filter.written;
        let within = Span { from: written.from.max(Some(asked.now.plus_millis(-STANDARD_MS))), until: written.until };
        match (asked.view, asked.sort) {
            (View::Needs, Sort::Waiting) => self.handed_over(&pages, &Start::ascending(after), limit).await,
            (View::Mine, Sort::Newest) => self.newest_of(asked.me, &pages, &Start::descending(after), limit).await,
            (View::Mine, Sort::Waiting) => {
                self.oldest_of(asked.me, &pages, &Start::ascending(after).no_earlier(written), written, limit).await
            }
            (View::Mine, Sort::Ending) => {
                self.oldest_of(asked.me, &pages, &Start::ascending(after).no_earlier(within), within, limit).await
            }
            (View::Ending, _) => self.ending(&pages, &Start::ascending(after), asked.now, limit).await,
            (View::Failed, _) => self.failed(&pages, &Start::descending(after), limit).await,
            (View::Snoozed, _) => self.snoozed(&pages, &Start::ascending(after), limit).await,
            (View::Closed, _) => self.closed(&pages, &Start::descending(after), limit).await,
            (_, Sort::Newest) => self.newest(&pages, &all, &Start::descending(after).no_later(written), written, limit).await,
            (_, Sort::Waiting) => self.oldest(&pages, &waiting, &Start::ascending(after).no_earlier(written), written, limit).await,
            (_, Sort::Ending) => self.oldest(&pages, &waiting, &Start::ascending(after).no_earlier(within), within, limit).await,
        }
    }

    async fn newest(&self, pages: &[&str], lanes: &[i16], after: &Start<'_>, written: Span, limit: i64) -> Result<Vec<Key>, StoreError> {
        Ok(sqlx::query_as!(
            Key,
            r#"select o.page_id as "page_id!", o.person_id as "person_id!", o.last_message_at as "at!", false as "skipped!"
               from unnest($1::text[]) as scope (id) cross join unnest($2::smallint[]) as wanted (lane)
               cross join lateral (
                   select page_id, person_id, last_message_at from open_conversations
                   where page_id = scope.id and lane = wanted.lane and last_message_at <= $3 and (last_message_at, page_id, person_id) < ($3, $4, $5)
                     and last_message_at >= $6 and last_message_at < $7
                   order by last_message_at desc, person_id desc limit $8
               ) o
               order by o.last_message_at desc, o.page_id desc, o.person_id desc limit $8"#,
            pages as _,
            lanes,
            after.at,
            after.page,
            after.person,
            from(written),
            until(written),
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    async fn oldest(&self, pages: &[&str], lanes: &[i16], after: &Start<'_>, written: Span, limit: i64) -> Result<Vec<Key>, StoreError> {
        Ok(sqlx::query_as!(
            Key,
            r#"select o.page_id as "page_id!", o.person_id as "person_id!", o.last_message_at as "at!", false as "skipped!"
               from unnest($1::text[]) as scope (id) cross join unnest($2::smallint[]) as wanted (lane)
               cross join lateral (
                   select page_id, person_id, last_message_at from open_conversations
                   where page_id = scope.id and lane = wanted.lane and last_message_at >= $3 and (last_message_at, page_id, person_id) > ($3, $4, $5)
                     and last_message_at >= $6 and last_message_at < $7
                   order by last_message_at, person_id limit $8
               ) o
               order by o.last_message_at, o.page_id, o.person_id limit $8"#,
            pages as _,
            lanes,
            after.at,
            after.page,
            after.person,
            from(written),
            until(written),
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    async fn newest_of(&self, me: UserId, pages: &[&str], after: &Start<'_>, limit: i64) -> Result<Vec<Key>, StoreError> {
        Ok(sqlx::query_as!(
            Key,
            r#"select page_id, person_id, last_message_at as at, false as "skipped!" from open_conversations
               where assignee = $1 and page_id = any($2) and last_message_at <= $3 and (last_message_at, page_id, person_id) < ($3, $4, $5)
               order by last_message_at desc, page_id desc, person_id desc limit $6"#,
            me.0,
            pages as _,
            after.at,
            after.page,
            after.person,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    async fn oldest_of(&self, me: UserId, pages: &[&str], after: &Start<'_>, written: Span, limit: i64) -> Result<Vec<Key>, StoreError> {
        Ok(sqlx::query_as!(
            Key,
            r#"select page_id, person_id, last_message_at as at, false as "skipped!" from open_conversations
               where assignee = $1 and page_id = any($2) and last_message_at >= $3 and (last_message_at, page_id, person_id) > ($3, $4, $5)
                 and last_message_at >= $6
               order by last_message_at, page_id, person_id limit $7"#,
            me.0,
            pages as _,
            after.at,
            after.page,
            after.person,
            from(written),
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

fn from(span: Span) -> OffsetDateTime {
    datetime(span.from.unwrap_or_default())
}

fn until(span: Span) -> OffsetDateTime {
    datetime(span.until.unwrap_or(NEVER))
}

/// The place of a key.
fn place(key: &Key) -> Result<Place, StoreError> {
    let bad = |column, why: String| StoreError::inconsistent("conversations", column, &key.person_id, why);
    Ok(Place {
        at: timestamp(key.at),
        page: PageId::parse(&key.page_id).map_err(|e| bad("page_id", e.to_string()))?,
        person: PersonId::parse(&key.person_id).map_err(|e| bad("person_id", e.to_string()))?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_walk_begins_at_the_tightest_bound() {
        let place = Place { at: at(50), page: PageId::parse("7").unwrap(), person: PersonId::parse("9").unwrap() };
        let span = |from: i64, until: i64| Span { from: Some(at(from)), until: Some(at(until)) };
        let told = |start: Start<'_>| (timestamp(start.at), start.page.to_owned(), start.person.to_owned());
        // Whoever wrote at the bound itself comes after it going up, and not at all going down: no Page and no person come before all others.
        let bound = |seconds: i64| (at(seconds), String::new(), String::new());
        let there = (at(50), "7".to_owned(), "9".to_owned());
        assert_eq!(told(Start::ascending(None).no_earlier(span(40, 60))), bound(40));
        assert_eq!(told(Start::ascending(Some(&place)).no_earlier(span(40, 60))), there);
        assert_eq!(told(Start::ascending(Some(&place)).no_earlier(span(50, 60))), there);
        assert_eq!(told(Start::ascending(Some(&place)).no_earlier(span(55, 60))), bound(55));
        assert_eq!(told(Start::ascending(None).no_earlier(Span::default())), bound(0));
        assert_eq!(told(Start::descending(None).no_later(span(40, 60))), bound(60));
        assert_eq!(told(Start::descending(Some(&place)).no_later(span(40, 60))), there);
        assert_eq!(told(Start::descending(Some(&place)).no_later(span(40, 45))), bound(45));
    }
}
