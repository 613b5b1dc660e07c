//! Conversations as the ledger reads and writes them.

use time::OffsetDateTime;

use super::super::StoreError;
use super::super::log::{datetime, timestamp};
use super::lane::Lane;
use super::{ConversationKey, GroupTransaction, Seen};
use crate::access::UserId;
use crate::control::{Control, Owner};
use crate::wire::{AppId, PageId, PersonId, Timestamp};

/// A row of `conversations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRow {
    /// The Page.
    pub page: PageId,
    /// The person.
    pub person: PersonId,
    /// Who holds it.
    pub control: Control,
    /// Newest row of the log.
    pub last_position: i64,
    /// Newest row that shows as a message; 0: none.
    pub last_message_position: i64,
    /// The database's time of the newest row.
    pub last_at: Timestamp,
    /// Newest act that opens the messaging window, by the platform's clock.
    pub last_person_act: Option<Timestamp>,
    /// The person's newest message.
    pub last_inbound_position: i64,
    /// The newest message of the Page, by whomever.
    pub last_outbound_position: i64,
    /// When the sweeper looks next.
    pub check_at: Option<Timestamp>,
    /// When it was closed, if it is.
    pub closed_at: Option<Timestamp>,
    /// Until when it is put aside, if it is.
    pub snoozed_until: Option<Timestamp>,
    /// The agent who has it.
    pub assignee: Option<UserId>,
    /// The agent who asked for it.
    pub requested_by: Option<UserId>,
    /// What the app said that handed it to people.
    pub handover_note: Option<String>,
    /// Where it stands in the lists.
    pub lane: Lane,
    /// As the database has it; none: not yet.
    pub stored: Option<Stored>,
}

/// What the database has of a conversation, for a write that need not look for it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the table (`ctid`). It stays there while the Page's head is locked, since nobody else writes conversations.
    place: String,
    /// When its newest message came.
    last_message_at: OffsetDateTime,
    /// Which that was.
    last_message_position: i64,
    /// Its place among the open ones, if it is there.
    listed: Option<Listed>,
}

/// A place among the open conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    /// When its newest message came.
    pub at: OffsetDateTime,
    /// Its lane.
    pub lane: i16,
    /// The agent who has it.
    pub assignee: Option<i64>,
}

impl ConversationRow {
    /// A conversation that nothing has happened in.
    #[must_use]
    pub fn new(page: PageId, person: PersonId, now: Timestamp) -> Self {
        Self {
            page,
            person,
            control: Control::default(),
            last_position: 0,
            last_message_position: 0,
            last_at: now,
            last_person_act: None,
            last_inbound_position: 0,
            last_outbound_position: 0,
            check_at: None,
            closed_at: None,
            snoozed_until: None,
            assignee: None,
            requested_by: None,
            handover_note: None,
            lane: Lane::Quiet,
            stored: None,
        }
    }

    /// What `conversations.owner` holds: the local or external app, if it has a name.
    #[must_use]
    pub fn owner(&self) -> Option<&AppId> {
        match &self.control.owner {
            Owner::Idle => None,
            Owner::App { app, .. } => Some(app),
            Owner::External { app, .. } => app.as_ref(),
        }
    }

    /// Where it is in the table; none: nowhere yet.
    pub(super) fn place(&self) -> Option<&str> {
        self.stored.as_ref().map(|stored| stored.place.as_str())
    }

    /// What `conversations.owner_kind` holds.
    pub(super) const fn owner_kind(&self) -> &'static str {
        match &self.control.owner {
            Owner::Idle => "idle",
            Owner::App { .. } => "app",
            Owner::External { .. } => "external",
        }
    }

    /// When its newest message came; for one without any, when it began.
    pub(super) fn last_message_at(&self) -> OffsetDateTime {
        match &self.stored {
            Some(stored) if stored.last_message_position >= self.last_message_position => stored.last_message_at,
            _ => datetime(self.last_at),
        }
    }

    /// Its places among the open ones, before and after; none: it is not among them.
    pub(super) fn listing(&self) -> (Option<Listed>, Option<Listed>) {
        let before = self.stored.as_ref().and_then(|stored| stored.listed);
        let open = self.closed_at.is_none() && self.snoozed_until.is_none();
        let after = || Listed { at: self.last_message_at(), lane: self.lane.number(), assignee: self.assignee.map(|user| user.0) };
        (before, open.then(after))
    }
}

/// A row of `conversations`, unread.
#[derive(Debug)]
pub(super) struct RawConversation {
    pub place: String,
    pub page_id: String,
    pub person_id: String,
    pub control: String,
    pub last_position: i64,
    pub last_message_position: i64,
    pub last_message_at: OffsetDateTime,
    pub last_at: OffsetDateTime,
    pub last_person_act: Option<i64>,
    pub last_inbound_position: i64,
    pub last_outbound_position: i64,
    pub check_at: Option<OffsetDateTime>,
    pub closed_at: Option<OffsetDateTime>,
    pub snoozed_until: Option<OffsetDateTime>,
    pub assignee: Option<i64>,
    pub requested_by: Option<i64>,
    pub handover_note: Option<String>,
    pub lane: i16,
}

impl TryFrom<RawConversation> for ConversationRow {
    type Error = StoreError;

    fn try_from(row: RawConversation) -> Result<Self, StoreError> {
        let place = format!("{}:{}", row.page_id, row.person_id);
        let bad = |column, why: String| StoreError::inconsistent("conversations", column, &place, why);
        Ok(Self {
            page: PageId::parse(&row.page_id).map_err(|e| bad("page_id", e.to_string()))?,
            person: PersonId::parse(&row.person_id).map_err(|e| bad("person_id", e.to_string()))?,
            control: serde_json::from_str(&row.control).map_err(|e| bad("control", e.to_string()))?,
            last_position: row.last_position,
            last_message_position: row.last_message_position,
            last_at: timestamp(row.last_at),
            last_person_act: row.last_person_act.map(Timestamp::from_millis),
            last_inbound_position: row.last_inbound_position,
            last_outbound_position: row.last_outbound_position,
            check_at: row.check_at.map(timestamp),
            closed_at: row.closed_at.map(timestamp),
            snoozed_until: row.snoozed_until.map(timestamp),
            assignee: row.assignee.map(UserId),
            requested_by: row.requested_by.map(UserId),
            handover_note: row.handover_note,
            lane: Lane::from_number(row.lane),
            stored: Some(Stored {
                place: row.place,
                last_message_at: row.last_message_at,
                last_message_position: row.last_message_position,
                listed: (row.closed_at.is_none() && row.snoozed_until.is_none()).then_some(Listed {
                    at: row.last_message_at,
                    lane: row.lane,
                    assignee: row.assignee,
                }),
            }),
        })
    }
}

impl GroupTransaction<'_> {
    /// Those of the conversations that exist.
    ///
    /// # Errors
    /// When the database fails or a row cannot be read back.
    pub async fn conversations(&mut self, keys: &[ConversationKey]) -> Result<Vec<ConversationRow>, StoreError> {
        let pages: Vec<&str> = keys.iter().map(|(page, _)| page.as_str()).collect();
        let people: Vec<&str> = keys.iter().map(|(_, person)| person.as_str()).collect();
        let rows = sqlx::query_as!(
            RawConversation,
            r#"select c.ctid::text as "place!", c.page_id, c.person_id, c.control, c.last_message_at, c.last_position, c.last_message_position, c.last_at, c.last_person_act, c.last_inbound_position,
                    c.last_outbound_position, c.check_at, c.closed_at, c.snoozed_until, c.assignee, c.requested_by, c.handover_note, c.lane
             from unnest($1::text[], $2::text[]) as a (page_id, person_id)
             join conversations c on c.page_id = a.page_id and c.person_id = a.person_id"#,
            &pages as _,
            &people as _
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter().map(ConversationRow::try_from).collect()
    }

    /// The app that last sent a button with this payload, for each that is known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn button_apps(&mut self, asked: &[(ConversationKey, Seen)]) -> Result<Vec<((ConversationKey, Seen), AppId)>, StoreError> {
        let pages: Vec<&str> = asked.iter().map(|((page, _), _)| page.as_str()).collect();
        let people: Vec<&str> = asked.iter().map(|((_, person), _)| person.as_str()).collect();
        let hashes: Vec<&[u8]> = asked.iter().map(|(_, hash)| hash.as_slice()).collect();
        let rows = sqlx::query!(
            r#"select a.ordinal as "ordinal!", b.app_id
               from unnest($1::text[], $2::text[], $3::bytea[]) with ordinality as a (page_id, person_id, payload_hash, ordinal)
               join buttons b on b.page_id = a.page_id and b.person_id = a.person_id and b.payload_hash = a.payload_hash"#,
            &pages as _,
            &people as _,
            &hashes as _
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let app = AppId::parse(&row.app_id).map_err(|e| StoreError::inconsistent("buttons", "app_id", &row.app_id, e))?;
            if let Some(key) = usize::try_from(row.ordinal - 1).ok().and_then(|index| asked.get(index)) {
                found.push((key.clone(), app));
            }
        }
        Ok(found)
    }
}
