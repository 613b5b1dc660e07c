//! The walks: the keys of each view in its order, from a place on, each along one index.

use std::collections::HashMap;

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
const STEPS: [Step; 2] = [Step { most: 200, each: 100 }, Step { most: 800, each: 400 }];
const LAST_STEP: Step = Step { most: 2000, each: 1000 };

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

/// How far one step of a walk goes.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// At most so many keys.
    most: i64,
    /// Where lanes are walked beside each other: so many are looked at in each lane of each Page.
    each: i64,
}

impl Step {
    /// A step that is the whole walk.
    fn whole(most: usize) -> Self {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Self { most, each: most }
    }

    /// One that takes no more than this.
    fn within(self, most: usize) -> Self {
        let most = self.most.min(i64::try_from(most).unwrap_or(i64::MAX));
        Self { most, each: self.each.min(most) }
    }

    /// How many are looked at in each of so many lanes. With a single one nothing is looked at in vain.
    const fn in_each(self, lanes: usize) -> i64 {
        if lanes == 1 { self.most } else { self.each }
    }
}

/// What one step of a walk came past.
struct Stretch {
    keys: Vec<Key>,
    /// Nothing comes after it.
    over: bool,
}

impl Stretch {
    fn new(keys: Vec<Key>, step: Step) -> Self {
        let over = keys.len() < usize::try_from(step.most).unwrap_or_default();
        Self { keys, over }
    }

    /// A step through the lanes of Pages. It ends with the first that is the last looked at in its lane: what follows it there is not known.
    fn beside(rows: Vec<Beside>, step: Step, each: i64) -> Self {
        let mut seen: HashMap<(String, i16), i64> = HashMap::new();
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let number = seen.entry((row.page_id.clone(), row.lane)).or_default();
            *number += 1;
            keys.push(Key { page_id: row.page_id, person_id: row.person_id, at: row.at, skipped: false });
            if *number == each {
                return Self { keys, over: false };
            }
        }
        Self::new(keys, step)
    }
}

/// A conversation on a walk through several lanes.
struct Beside {
    page_id: String,
    person_id: String,
    at: OffsetDateTime,
    lane: i16,
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
            let step = if whole { Step::whole(asked.limit + 1) } else { steps.next().unwrap_or(LAST_STEP).within(MOST - seen) };
            let Stretch { keys, over: last } = self.keys(asked, after.as_ref(), step).await?;
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

    async fn keys(&self, asked: &Asked<'_>, after: Option<&Place>, step: Step) -> Result<Stretch, StoreError> {
        let pages: Vec<&str> = asked.pages.iter().map(PageId::as_str).collect();
        let waiting: Vec<i16> = lanes(asked.view).iter().filter(|lane| lane.waits()).map(|lane| lane.number()).collect();
        let all: Vec<i16> = lanes(asked.view).iter().map(|lane| lane.number()).collect();
        let written = asked.filter.written;
        let within = Span { from: written.from.max(Some(asked.now.plus_millis(-STANDARD_MS))), until: written.until };
        let limit = step.most;
        let keys = match (asked.view, asked.sort) {
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
            (_, Sort::Newest) => return self.newest(&pages, &all, &Start::descending(after).no_later(written), written, step).await,
            (_, Sort::Waiting) => return self.oldest(&pages, &waiting, &Start::ascending(after).no_earlier(written), written, step).await,
            (_, Sort::Ending) => return self.oldest(&pages, &waiting, &Start::ascending(after).no_earlier(within), within, step).await,
        }?;
        Ok(Stretch::new(keys, step))
    }

    async fn newest(&self, pages: &[&str], lanes: &[i16], after: &Start<'_>, written: Span, step: Step) -> Result<Stretch, StoreError> {
        let each = step.in_each(pages.len() * lanes.len());
        let rows = sqlx::query_as!(
            Beside,
            r#"select o.page_id as "page_id!", o.person_id as "person_id!", o.last_message_at as "at!", wanted.lane as "lane!"
               from unnest($1::text[]) as scope (id) cross join unnest($2::smallint[]) as wanted (lane)
               cross join lateral (
                   select page_id, person_id, last_message_at from open_conversations
                   where page_id = scope.id and lane = wanted.lane and last_message_at <= $3 and (last_message_at, page_id, person_id) < ($3, $4, $5)
                     and last_message_at >= $6 and last_message_at < $7
                   order by last_message_at desc, person_id desc limit $9
               ) o
               order by o.last_message_at desc, o.page_id desc, o.person_id desc limit $8"#,
            pages as _,
            lanes,
            after.at,
            after.page,
            after.person,
            from(written),
            until(written),
            step.most,
            each
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Stretch::beside(rows, step, each))
    }

    async fn oldest(&self, pages: &[&str], lanes: &[i16], after: &Start<'_>, written: Span, step: Step) -> Result<Stretch, StoreError> {
        let each = step.in_each(pages.len() * lanes.len());
        let rows = sqlx::query_as!(
            Beside,
            r#"select o.page_id as "page_id!", o.person_id as "person_id!", o.last_message_at as "at!", wanted.lane as "lane!"
               from unnest($1::text[]) as scope (id) cross join unnest($2::smallint[]) as wanted (lane)
               cross join lateral (
                   select page_id, person_id, last_message_at from open_conversations
                   where page_id = scope.id and lane = wanted.lane and last_message_at >= $3 and (last_message_at, page_id, person_id) > ($3, $4, $5)
                     and last_message_at >= $6 and last_message_at < $7
                   order by last_message_at, person_id limit $9
               ) o
               order by o.last_message_at, o.page_id, o.person_id limit $8"#,
            pages as _,
            lanes,
            after.at,
            after.page,
            after.person,
            from(written),
            until(written),
            step.most,
            each
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Stretch::beside(rows, step, each))
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
