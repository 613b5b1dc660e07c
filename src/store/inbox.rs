//! The agents' lists: which conversations are in a view, how many there are, and what a row shows.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::log::{datetime, timestamp};
use super::{Store, StoreError};
use crate::access::UserId;
use crate::control::Control;
use crate::wire::{AppId, Object, PageId, PersonId, Timestamp};

/// A list of conversations that agents look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The inbox holds it and nobody has it: longest waiting first.
    #[default]
    Needs,
    /// Assigned to the one who looks.
    Mine,
    /// Another local app holds it, or nobody.
    Bot,
    /// Everything that is not closed.
    Open,
    /// What agents are done with.
    Closed,
}

impl View {
    /// All views, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Needs, Self::Mine, Self::Bot, Self::Open, Self::Closed];

    /// The name in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Mine => "mine",
            Self::Bot => "bot",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// A place in a view: the row after which the next ones come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What the view sorts by.
    pub at: Timestamp,
    /// The Page.
    pub page: PageId,
    /// The person.
    pub person: PersonId,
}

/// How many conversations each view holds, counted up to [`COUNT_CAP`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`View::Needs`].
    pub needs: i64,
    /// [`View::Mine`].
    pub mine: i64,
    /// [`View::Bot`].
    pub bot: i64,
    /// [`View::Open`].
    pub open: i64,
    /// [`View::Closed`].
    pub closed: i64,
}

/// Counting stops here: nobody reads further, and a badge must never be slow.
pub const COUNT_CAP: i64 = 100;

/// What a row of a list shows.
#[derive(Debug, Clone)]
pub struct Row {
    /// The Page.
    pub page: PageId,
    /// The person.
    pub person: PersonId,
    /// What the view sorts by; the key of the next page.
    pub sorted_by: Timestamp,
    /// The Page's name.
    pub page_name: String,
    /// Messenger or Instagram.
    pub object: Object,
    /// What the Page knows of the person's name.
    pub name: PersonName,
    /// Who holds it.
    pub control: Control,
    /// When the newest message came.
    pub last_at: Timestamp,
    /// What opened the messaging window last.
    pub last_person_act: Option<Timestamp>,
    /// The person's newest message has no answer.
    pub unanswered: bool,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Who has it.
    pub assignee: Option<(UserId, String)>,
    /// The newest message.
    pub last: Option<LastMessage>,
    /// State of the newest message that is done with, if it went wrong: `failed` or `unknown`.
    pub trouble: Option<String>,
}

/// A person's name as far as the platform told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonName {
    /// The whole name.
    pub name: Option<String>,
    /// First name.
    pub first: Option<String>,
    /// Last name.
    pub last: Option<String>,
}

impl PersonName {
    /// The name to show, or `None` when nothing is known: names are never invented.
    #[must_use]
    pub fn display(&self) -> Option<String> {
        let given = |part: &Option<String>| part.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        given(&self.name).or_else(|| match (given(&self.first), given(&self.last)) {
            (Some(first), Some(last)) => Some(format!("{first} {last}")),
            (first, last) => first.or(last),
        })
    }
}

/// The newest message of a conversation.
#[derive(Debug, Clone)]
pub struct LastMessage {
    /// Kind of the log row.
    pub kind: String,
    /// The item as JSON.
    pub payload: String,
    /// Who sent it, if an app did.
    pub app: Option<AppId>,
    /// Who wrote it, if an agent did.
    pub user: Option<(UserId, String)>,
    /// Taken back or erased.
    pub scrubbed: bool,
}

struct Key {
    page_id: String,
    person_id: String,
    at: OffsetDateTime,
}

impl Store {
    /// The rows of a view on these Pages after a place, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, view: View, pages: &[PageId], me: UserId, after: Option<&Place>, limit: i64) -> Result<Vec<Row>, StoreError> {
        let pages: Vec<&str> = pages.iter().map(PageId::as_str).collect();
        let keys = match view {
            View::Needs => self.waiting(&pages, after, limit).await?,
            View::Mine => self.assigned(&pages, me, after, limit).await?,
            View::Bot | View::Open => self.open(&pages, view == View::Bot, after, limit).await?,
            View::Closed => self.closed(&pages, after, limit).await?,
        };
        self.rows(keys).await
    }

    async fn waiting(&self, pages: &[&str], after: Option<&Place>, limit: i64) -> Result<Vec<Key>, StoreError> {
        let (at, page, person) = split(after);
        let keys = sqlx::query!(
            r#"select c.page_id as "page_id!", c.person_id as "person_id!", c.owner_since as "at!"
               from unnest($1::text[]) as scope (id)
               cross join lateral (
                   select page_id, person_id, owner_since from conversations
                   where page_id = scope.id and closed_at is null and snoozed_until is null and assignee is null and owner_kind = 'app'
                     and owner in (select app_id from apps where kind = 'inbox')
                     and ($2::bigint is null or (owner_since >= $2 and (owner_since, page_id, person_id) > ($2, $3, $4)))
                   order by owner_since, person_id limit $5
               ) c
               order by c.owner_since, c.page_id, c.person_id limit $5"#,
            pages as _,
            at.map(Timestamp::millis),
            page,
            person,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(keys
            .into_iter()
            .map(|key| Key { page_id: key.page_id, person_id: key.person_id, at: datetime(Timestamp::from_millis(key.at)) })
            .collect())
    }

    async fn assigned(&self, pages: &[&str], me: UserId, after: Option<&Place>, limit: i64) -> Result<Vec<Key>, StoreError> {
        let (at, page, person) = split(after);
        Ok(sqlx::query_as!(
            Key,
            "select page_id, person_id, last_message_at as at from conversations
             where assignee = $6 and page_id = any($1) and closed_at is null and snoozed_until is null
               and ($2::timestamptz is null or (last_message_at, page_id, person_id) < ($2, $3, $4))
             order by last_message_at desc, page_id desc, person_id desc limit $5",
            pages as _,
            at.map(datetime),
            page,
            person,
            limit,
            me.0
        )
        .fetch_all(&self.pool)
        .await?)
    }

    async fn open(&self, pages: &[&str], bot: bool, after: Option<&Place>, limit: i64) -> Result<Vec<Key>, StoreError> {
        let (at, page, person) = split(after);
        Ok(sqlx::query_as!(
            Key,
            r#"select c.page_id as "page_id!", c.person_id as "person_id!", c.last_message_at as "at!"
               from unnest($1::text[]) as scope (id)
               cross join lateral (
                   select o.page_id, o.person_id, o.last_message_at
                   from open_conversations o join conversations h on h.page_id = o.page_id and h.person_id = o.person_id
                   where o.page_id = scope.id
                     and (not $6 or h.owner_kind = 'idle'
                          or (h.owner_kind = 'app' and h.owner not in (select app_id from apps where kind = 'inbox')))
                     and ($2::timestamptz is null or (o.last_message_at <= $2 and (o.last_message_at, o.page_id, o.person_id) < ($2, $3, $4)))
                   order by o.last_message_at desc, o.person_id desc limit $5
               ) c
               order by c.last_message_at desc, c.page_id desc, c.person_id desc limit $5"#,
            pages as _,
            at.map(datetime),
            page,
            person,
            limit,
            bot
        )
        .fetch_all(&self.pool)
        .await?)
    }

    async fn closed(&self, pages: &[&str], after: Option<&Place>, limit: i64) -> Result<Vec<Key>, StoreError> {
        let (at, page, person) = split(after);
        Ok(sqlx::query_as!(
            Key,
            r#"select c.page_id as "page_id!", c.person_id as "person_id!", c.closed_at as "at!"
               from unnest($1::text[]) as scope (id)
               cross join lateral (
                   select page_id, person_id, closed_at from conversations
                   where page_id = scope.id and closed_at is not null
                     and ($2::timestamptz is null or (closed_at <= $2 and (closed_at, page_id, person_id) < ($2, $3, $4)))
                   order by closed_at desc, person_id desc limit $5
               ) c
               order by c.closed_at desc, c.page_id desc, c.person_id desc limit $5"#,
            pages as _,
            at.map(datetime),
            page,
            person,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// What the rows show, in the order of the keys.
    async fn rows(&self, keys: Vec<Key>) -> Result<Vec<Row>, StoreError> {
        let pages: Vec<&str> = keys.iter().map(|key| key.page_id.as_str()).collect();
        let people: Vec<&str> = keys.iter().map(|key| key.person_id.as_str()).collect();
        let times: Vec<OffsetDateTime> = keys.iter().map(|key| key.at).collect();
        let rows = sqlx::query_as!(
            RowColumns,
            r#"select c.page_id, c.person_id, k.at as "sorted_by!", p.name as page_name, p.object, e.name as "name?", e.first_name, e.last_name,
                      c.control, c.last_message_at as last_at, c.last_person_act, c.last_inbound_position > c.last_outbound_position as "unanswered!",
                      c.closed_at, u.user_id as "assignee?", u.name as "assignee_name?",
                      l.kind as "kind?", l.payload as "payload?", l.app_id as "app_id?", l.scrubbed_at is not null as "scrubbed!",
                      w.user_id as "writer?", w.name as "writer_name?", o.state as "state?"
               from unnest($1::text[], $2::text[], $3::timestamptz[]) with ordinality as k (page_id, person_id, at, ordinal)
               join conversations c on c.page_id = k.page_id and c.person_id = k.person_id
               join pages p on p.page_id = c.page_id
               left join people e on e.page_id = c.page_id and e.person_id = c.person_id
               left join users u on u.user_id = c.assignee
               left join log l on l.page_id = c.page_id and l.position = c.last_message_position
               left join users w on w.user_id = l.user_id
               left join lateral (
                   select state from outbox o
                   where o.page_id = c.page_id and o.person_id = c.person_id and state not in ('accepted', 'sending') and send not like '%"content":{"action":%'
                   order by send_id desc limit 1
               ) o on true
               order by k.ordinal"#,
            &pages as _,
            &people as _,
            &times
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::try_from).collect()
    }

    /// How many conversations each view holds on these Pages, counted up to [`COUNT_CAP`] each.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counts(&self, pages: &[PageId], me: UserId) -> Result<Counts, StoreError> {
        let pages: Vec<&str> = pages.iter().map(PageId::as_str).collect();
        Ok(sqlx::query_as!(
            Counts,
            r#"with inboxes as (select app_id from apps where kind = 'inbox')
               select
                 (select count(*) from (select from conversations where page_id = any($1) and closed_at is null and snoozed_until is null and assignee is null
                     and owner_kind = 'app' and owner in (select app_id from inboxes) limit $3) n) as "needs!",
                 (select count(*) from (select from conversations where assignee = $2 and page_id = any($1) and closed_at is null and snoozed_until is null limit $3) n) as "mine!",
                 (select count(*) from (select from conversations where page_id = any($1) and closed_at is null and snoozed_until is null
                     and (owner_kind = 'idle' or (owner_kind = 'app' and owner not in (select app_id from inboxes))) limit $3) n) as "bot!",
                 (select count(*) from (select from open_conversations where page_id = any($1) limit $3) n) as "open!",
                 (select count(*) from (select from conversations where page_id = any($1) and closed_at is not null limit $3) n) as "closed!""#,
            &pages as _,
            me.0,
            COUNT_CAP
        )
        .fetch_one(&self.pool)
        .await?)
    }
}

fn split(after: Option<&Place>) -> (Option<Timestamp>, Option<&str>, Option<&str>) {
    (after.map(|place| place.at), after.map(|place| place.page.as_str()), after.map(|place| place.person.as_str()))
}

struct RowColumns {
    page_id: String,
    person_id: String,
    sorted_by: OffsetDateTime,
    page_name: String,
    object: String,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    control: String,
    last_at: OffsetDateTime,
    last_person_act: Option<i64>,
    unanswered: bool,
    closed_at: Option<OffsetDateTime>,
    assignee: Option<i64>,
    assignee_name: Option<String>,
    kind: Option<String>,
    payload: Option<String>,
    app_id: Option<String>,
    scrubbed: bool,
    writer: Option<i64>,
    writer_name: Option<String>,
    state: Option<String>,
}

impl TryFrom<RowColumns> for Row {
    type Error = StoreError;

    fn try_from(row: RowColumns) -> Result<Self, StoreError> {
        let place = format!("{}:{}", row.page_id, row.person_id);
        let bad = |column, why: String| StoreError::inconsistent("conversations", column, &place, why);
        let last = match (row.kind, row.payload) {
            (Some(kind), Some(payload)) => Some(LastMessage {
                kind,
                payload,
                app: row.app_id.and_then(|id| AppId::parse(id).ok()),
                user: row.writer.zip(row.writer_name).map(|(id, name)| (UserId(id), name)),
                scrubbed: row.scrubbed,
            }),
            _ => None,
        };
        Ok(Self {
            page: PageId::parse(&row.page_id).map_err(|e| bad("page_id", e.to_string()))?,
            person: PersonId::parse(&row.person_id).map_err(|e| bad("person_id", e.to_string()))?,
            sorted_by: timestamp(row.sorted_by),
            page_name: row.page_name,
            object: Object::parse(&row.object).ok_or_else(|| bad("object", row.object.clone()))?,
            name: PersonName { name: row.name, first: row.first_name, last: row.last_name },
            control: serde_json::from_str(&row.control).map_err(|e| bad("control", e.to_string()))?,
            last_at: timestamp(row.last_at),
            last_person_act: row.last_person_act.map(Timestamp::from_millis),
            unanswered: row.unanswered,
            closed_at: row.closed_at.map(timestamp),
            assignee: row.assignee.zip(row.assignee_name).map(|(id, name)| (UserId(id), name)),
            last,
            trouble: row.state.filter(|state| state == "failed" || state == "unknown"),
        })
    }
}
