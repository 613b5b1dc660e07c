//! What a row of a list shows.

use time::OffsetDateTime;

use super::super::log::timestamp;
use super::super::tags::Colour;
use super::super::{Store, StoreError};
use super::walk::Key;
use crate::access::UserId;
use crate::control::Control;
use crate::wire::{AppId, Object, PageId, PersonId, Timestamp};

/// Rows of the log that are looked at to count a conversation's unread messages.
const UNREAD_LOOK: i64 = 20;

/// Counting unread messages stops here.
pub const UNREAD_CAP: i64 = 9;

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
    /// Since when it is held so.
    pub owner_since: Timestamp,
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
    /// The team that has it, by name.
    pub team: Option<String>,
    /// The newest message.
    pub last: Option<LastMessage>,
    /// Until when it is put aside.
    pub snoozed_until: Option<Timestamp>,
    /// How many messages of the person the reader has not seen, counted up to [`UNREAD_CAP`].
    pub unread: i64,
    /// Its tags, by name.
    pub tags: Vec<RowTag>,
    /// State of the newest message that is done with, if it went wrong: `failed` or `unknown`.
    pub trouble: Option<String>,
}

/// A tag of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowTag {
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
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

impl Store {
    /// What the rows show, in the order of the keys.
    pub(super) async fn rows(&self, keys: Vec<Key>, me: UserId) -> Result<Vec<Row>, StoreError> {
        let pages: Vec<&str> = keys.iter().map(|key| key.page_id.as_str()).collect();
        let people: Vec<&str> = keys.iter().map(|key| key.person_id.as_str()).collect();
        let times: Vec<OffsetDateTime> = keys.iter().map(|key| key.at).collect();
        let rows = sqlx::query_as!(
            RowColumns,
            r#"select c.page_id, c.person_id, k.at as "sorted_by!", p.name as page_name, p.object, e.name as "name?", e.first_name, e.last_name,
                      c.control, c.owner_since, c.last_message_at as last_at, c.last_person_act, c.last_inbound_position > c.last_outbound_position as "unanswered!",
                      c.closed_at, u.user_id as "assignee?", u.name as "assignee_name?", g.name as "team?",
                      l.kind as "kind?", l.payload as "payload?", l.app_id as "app_id?", l.scrubbed_at is not null as "scrubbed!",
                      w.user_id as "writer?", w.name as "writer_name?", o.state as "state?", c.snoozed_until,
                      case when c.last_inbound_position > coalesce(m.position, case when c.lane = 5 then c.last_inbound_position else 0 end) then (
                          select count(*) filter (where n.kind in ('message', 'postback')) from (
                              select kind from log where page_id = c.page_id and person_id = c.person_id and position > coalesce(m.position, 0)
                              order by position desc limit $5) n) else 0 end as "unread!",
                      array(select t.name from conversation_tags x join tags t using (tag_id)
                            where x.page_id = c.page_id and x.person_id = c.person_id order by lower(t.name), tag_id) as "tag_names!",
                      array(select t.colour from conversation_tags x join tags t using (tag_id)
                            where x.page_id = c.page_id and x.person_id = c.person_id order by lower(t.name), tag_id) as "tag_colours!"
               from unnest($1::text[], $2::text[], $3::timestamptz[]) with ordinality as k (page_id, person_id, at, ordinal)
               join conversations c on c.page_id = k.page_id and c.person_id = k.person_id
               join pages p on p.page_id = c.page_id
               left join people e on e.page_id = c.page_id and e.person_id = c.person_id
               left join users u on u.user_id = c.assignee
               left join conversation_teams i on i.page_id = c.page_id and i.person_id = c.person_id
               left join teams g on g.team_id = i.team_id
               left join read_marks m on m.user_id = $4 and m.page_id = c.page_id and m.person_id = c.person_id
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
            &times,
            me.0,
            UNREAD_LOOK
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::try_from).collect()
    }
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
    owner_since: i64,
    last_at: OffsetDateTime,
    last_person_act: Option<i64>,
    unanswered: bool,
    closed_at: Option<OffsetDateTime>,
    assignee: Option<i64>,
    assignee_name: Option<String>,
    team: Option<String>,
    kind: Option<String>,
    payload: Option<String>,
    app_id: Option<String>,
    scrubbed: bool,
    writer: Option<i64>,
    writer_name: Option<String>,
    state: Option<String>,
    snoozed_until: Option<OffsetDateTime>,
    unread: i64,
    tag_names: Vec<String>,
    tag_colours: Vec<String>,
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
        let tag = |(name, colour): (String, String)| {
            let colour = Colour::parse(&colour).ok_or_else(|| StoreError::inconsistent("tags", "colour", &name, &colour))?;
            Ok(RowTag { name, colour })
        };
        Ok(Self {
            tags: row.tag_names.into_iter().zip(row.tag_colours).map(tag).collect::<Result<_, StoreError>>()?,
            unread: row.unread,
            snoozed_until: row.snoozed_until.map(timestamp),
            page: PageId::parse(&row.page_id).map_err(|e| bad("page_id", e.to_string()))?,
            person: PersonId::parse(&row.person_id).map_err(|e| bad("person_id", e.to_string()))?,
            sorted_by: timestamp(row.sorted_by),
            page_name: row.page_name,
            object: Object::parse(&row.object).ok_or_else(|| bad("object", row.object.clone()))?,
            name: PersonName { name: row.name, first: row.first_name, last: row.last_name },
            control: serde_json::from_str(&row.control).map_err(|e| bad("control", e.to_string()))?,
            owner_since: Timestamp::from_millis(row.owner_since),
            last_at: timestamp(row.last_at),
            last_person_act: row.last_person_act.map(Timestamp::from_millis),
            unanswered: row.unanswered,
            closed_at: row.closed_at.map(timestamp),
            assignee: row.assignee.zip(row.assignee_name).map(|(id, name)| (UserId(id), name)),
            team: row.team,
            last,
            trouble: row.state.filter(|state| state == "failed" || state == "unknown"),
        })
    }
}
