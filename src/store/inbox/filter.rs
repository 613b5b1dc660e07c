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
    /// Which of these conversations fit, by their place in the slice.
    ///
    /// What is not kept in `conversations` is asked about by the keys alone: whoever lacks the tag is not read at all.
    pub(super) async fn fitting(&self, keys: &[Key], filter: &Filter, me: UserId) -> Result<Vec<bool>, StoreError> {
        let pages: Vec<&str> = keys.iter().map(|key| key.page_id.as_str()).collect();
        let people: Vec<&str> = keys.iter().map(|key| key.person_id.as_str()).collect();
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
                 and ($5::bigint is null or exists (select from conversation_tags t where t.page_id = k.page_id and t.person_id = k.person_id and t.tag_id = $5))
                 and (not $6 or c.last_inbound_position > (
                       select coalesce(max(m.position), case when c.lane = $15 then c.last_inbound_position else 0 end)
                       from read_marks m where m.user_id = $7 and m.page_id = c.page_id and m.person_id = c.person_id))
                 and (not $8 or c.last_inbound_position > c.last_outbound_position)
                 and ($9::bigint is null or c.last_person_act >= $9)
                 and ($10::bigint is null or c.last_person_act < $10)
                 and ($11::bigint is null or coalesce(c.last_person_act, 0) < $11)
                 and ($12::text is null or exists (
                       select from people e where e.page_id = k.page_id and e.person_id = k.person_id
                         and lower(split_part(replace(e.more ->> 'locale', '-', '_'), '_', 1)) = $12))
                 and ($13::timestamptz is null or c.last_message_at >= $13)
                 and ($14::timestamptz is null or c.last_message_at < $14)
                 and ($16::bigint is null or case
                       when $16 < 0 then (select g.team_id from conversation_teams g where g.page_id = k.page_id and g.person_id = k.person_id)
                            in (select m.team_id from team_members m where m.user_id = $7)
                       else coalesce((select g.team_id from conversation_teams g where g.page_id = k.page_id and g.person_id = k.person_id), 0) = $16 end)
               order by k.ordinal"#,
            &pages as _,
            &people as _,
            filter.holder.as_ref().map(Holder::as_str),
            filter.assignee.map(|user| user.map_or(0, |user| user.0)),
            filter.tag.map(|tag| tag.0),
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
        )
        .fetch_all(&self.pool)
        .await?;
        let mut fits = vec![false; keys.len()];
        for ordinal in fitting {
            let index = usize::try_from(ordinal - 1).unwrap_or(usize::MAX);
            if let Some(fit) = fits.get_mut(index) {
                *fit = true;
            }
        }
        Ok(fits)
    }
}
