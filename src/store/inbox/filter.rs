//! Filters: which of the conversations on a walk are wanted.

use time::OffsetDateTime;

use super::super::group::Lane;
use super::super::log::datetime;
use super::super::tags::TagId;
use super::super::teams::TeamId;
use super::super::{Store, StoreError};
use super::walk::Key;
use crate::access::UserId;
use crate::wire::{AppId, Timestamp};

/// Who holds a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The inbox.
    People,
    /// Nobody.
    Nobody,
    /// An app beside Baton.
    Elsewhere,
    /// This app.
    App(AppId),
}

impl Holder {
    /// The name in addresses: a word, or the id of an app.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::People => "people",
            Self::Nobody => "nobody",
            Self::Elsewhere => "elsewhere",
            Self::App(app) => app.as_str(),
        }
    }
}

/// Which team has a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamIs {
    /// None.
    Nobodys,
    /// One that the reader is in.
    Mine,
    /// This one.
    Team(TeamId),
}

/// From a moment on and before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// What is wanted. Each part narrows the list further.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Held by.
    pub holder: Option<Holder>,
    /// Assigned to this agent, or with `Some(None)` to nobody.
    pub assignee: Option<Option<UserId>>,
    /// Its team.
    pub team: Option<TeamIs>,
    /// Carries this tag.
    pub tag: Option<TagId>,
    /// Has messages that the reader has not seen.
    pub unread: bool,
    /// The person's newest message has no answer.
    pub unanswered: bool,
    /// When the person last opened the messaging window. `Some` with nothing in it: never mind when, but they did.
    pub person_acted: Option<Span>,
    /// The person has not opened the messaging window since then.
    pub silent_since: Option<Timestamp>,
    /// The language of the person's profile, such as `de`.
    pub language: Option<String>,
    /// When the newest message came.
    pub written: Span,
}

impl Filter {
    /// Whether everything fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Store {
    /// Those of these conversations that are wanted.
    ///
    /// Few carry a tag, and whoever lacks it is not read at all.
    pub(super) async fn pick(&self, mut keys: Vec<Key>, filter: &Filter, me: UserId) -> Result<Vec<Key>, StoreError> {
        if let Some(tag) = filter.tag {
            let tagged = self.tagged(&keys, tag).await?;
            keys = at(keys, &tagged);
        }
        let others = Filter { tag: None, ..filter.clone() };
        if !others.is_empty() && !keys.is_empty() {
            let fitting = self.fitting(&keys, &others, me).await?;
            keys = at(keys, &fitting);
        }
        Ok(keys)
    }

    /// Which of these conversations carry a tag: their places, from 1 on, in order.
    async fn tagged(&self, keys: &[Key], tag: TagId) -> Result<Vec<i64>, StoreError> {
        let (pages, people) = names(keys);
        let tagged = sqlx::query_scalar!(
            r#"select k.ordinal as "ordinal!"
               from unnest($1::text[], $2::text[]) with ordinality as k (page_id, person_id, ordinal)
               join conversation_tags t on t.tag_id = $3 and t.page_id = k.page_id and t.person_id = k.person_id
               order by k.ordinal"#,
            &pages as _,
            &people as _,
            tag.0
        );
        Ok(tagged.fetch_all(&self.pool).await?)
    }

    /// Which of these conversations fit all the filter says but its tag: their places, from 1 on, in order.
    ///
    /// What is not kept in `conversations` is asked about by the keys alone.
    async fn fitting(&self, keys: &[Key], filter: &Filter, me: UserId) -> Result<Vec<i64>, StoreError> {
        let (pages, people) = names(keys);
        let time = |at: Option<Timestamp>| at.map(datetime);
        let (from, until): (Option<OffsetDateTime>, Option<OffsetDateTime>) = (time(filter.written.from), time(filter.written.until));
        let acted = filter.person_acted.unwrap_or_default();
        let fitting = sqlx::query_scalar!(
            r#"select k.ordinal as "ordinal!"
               from unnest($1::text[], $2::text[]) with ordinality as k (page_id, person_id, ordinal)
               join conversations c on c.page_id = k.page_id and c.person_id = k.person_id
               where ($3::text is null or case $3
                       when 'people' then c.owner_kind = 'app' and c.owner in (select app_id from apps where kind = 'inbox')
                       when 'nobody' then c.owner_kind = 'idle'
                       when 'elsewhere' then c.owner_kind = 'external'
                       else c.owner = $3 end)
                 and ($4::bigint is null or c.assignee is not distinct from nullif($4, 0))
                 and (not $5 or c.last_inbound_position > (
                       select coalesce(max(m.position), case when c.lane = $14 then c.last_inbound_position else 0 end)
                       from read_marks m where m.user_id = $6 and m.page_id = c.page_id and m.person_id = c.person_id))
                 and (not $7 or c.last_inbound_position > c.last_outbound_position)
                 and ($8::bigint is null or c.last_person_act >= $8)
                 and ($9::bigint is null or c.last_person_act < $9)
                 and ($10::bigint is null or coalesce(c.last_person_act, 0) < $10)
                 and ($11::text is null or exists (
                       select from people e where e.page_id = k.page_id and e.person_id = k.person_id
                         and lower(split_part(replace(e.more ->> 'locale', '-', '_'), '_', 1)) = $11))
                 and ($12::timestamptz is null or c.last_message_at >= $12)
                 and ($13::timestamptz is null or c.last_message_at < $13)
                 and ($15::bigint is null or case
                       when $15 < 0 then (select g.team_id from conversation_teams g where g.page_id = k.page_id and g.person_id = k.person_id)
                            in (select m.team_id from team_members m where m.user_id = $6)
                       else coalesce((select g.team_id from conversation_teams g where g.page_id = k.page_id and g.person_id = k.person_id), 0) = $15 end)
               order by k.ordinal"#,
            &pages as _,
            &people as _,
            filter.holder.as_ref().map(Holder::as_str),
            filter.assignee.map(|user| user.map_or(0, |user| user.0)),
            filter.unread,
            me.0,
            filter.unanswered,
            acted.from.map(Timestamp::millis),
            acted.until.map(Timestamp::millis),
            filter.silent_since.map(Timestamp::millis),
            filter.language,
            from,
            until,
            Lane::Quiet.number(),
            filter.team.map(|team| match team {
                TeamIs::Nobodys => 0,
                TeamIs::Mine => -1,
                TeamIs::Team(team) => team.0,
            })
        );
        Ok(fitting.fetch_all(&self.pool).await?)
    }
}

/// The names of conversations, one array a column.
fn names(keys: &[Key]) -> (Vec<&str>, Vec<&str>) {
    keys.iter().map(|key| (key.page_id.as_str(), key.person_id.as_str())).unzip()
}

/// The keys at these places, which are counted from 1 and in order.
fn at(keys: Vec<Key>, places: &[i64]) -> Vec<Key> {
    let mut places = places.iter().copied().peekable();
    (1_i64..).zip(keys).filter_map(|(place, key)| places.next_if_eq(&place).map(|_| key)).collect()
}
