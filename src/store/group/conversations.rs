//! Conversations as the ledger reads and writes them.

use super::super::StoreError;
use super::super::log::{datetime, timestamp};
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
    /// The agent who has it.
    pub assignee: Option<UserId>,
    /// The agent who asked for it.
    pub requested_by: Option<UserId>,
    /// What the app said that handed it to people.
    pub handover_note: Option<String>,
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
            assignee: None,
            requested_by: None,
            handover_note: None,
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
}

impl GroupTransaction {
    /// Those of the conversations that exist.
    ///
    /// # Errors
    /// When the database fails or a row cannot be read back.
    pub async fn conversations(&mut self, keys: &[ConversationKey]) -> Result<Vec<ConversationRow>, StoreError> {
        let pages: Vec<&str> = keys.iter().map(|(page, _)| page.as_str()).collect();
        let people: Vec<&str> = keys.iter().map(|(_, person)| person.as_str()).collect();
        let rows = sqlx::query!(
            "select c.page_id, c.person_id, c.control, c.last_position, c.last_message_position, c.last_at, c.last_person_act, c.last_inbound_position,
                    c.last_outbound_position, c.check_at, c.closed_at, c.assignee, c.requested_by, c.handover_note
             from unnest($1::text[], $2::text[]) as a (page_id, person_id)
             join conversations c on c.page_id = a.page_id and c.person_id = a.person_id",
            &pages as _,
            &people as _
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.into_iter()
            .map(|row| {
                let place = format!("{}:{}", row.page_id, row.person_id);
                let bad = |column, why: String| StoreError::inconsistent("conversations", column, &place, why);
                Ok(ConversationRow {
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
                    assignee: row.assignee.map(UserId),
                    requested_by: row.requested_by.map(UserId),
                    handover_note: row.handover_note,
                })
            })
            .collect()
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

    /// Inserts or replaces conversations.
    pub(super) async fn write_conversations(&mut self, rows: &[ConversationRow]) -> Result<(), StoreError> {
        let control: Vec<String> = rows
            .iter()
            .map(|row| {
                serde_json::to_string(&row.control).map_err(|e| StoreError::inconsistent("conversations", "control", &row.person, e))
            })
            .collect::<Result<_, _>>()?;
        let text = |f: fn(&ConversationRow) -> &str| rows.iter().map(f).collect::<Vec<&str>>();
        let number = |f: fn(&ConversationRow) -> i64| rows.iter().map(f).collect::<Vec<i64>>();
        let time = |f: fn(&ConversationRow) -> Option<Timestamp>| rows.iter().map(|row| f(row).map(datetime)).collect::<Vec<_>>();
        sqlx::query!(
            "insert into conversations (page_id, person_id, control, owner, epoch, last_position, last_message_position, last_at, last_person_act,
                 last_inbound_position, last_outbound_position, check_at, closed_at, assignee, requested_by, handover_note, last_message_at)
             select n.*, n.last_at from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[],
                 $9::bigint[], $10::bigint[], $11::bigint[], $12::timestamptz[], $13::timestamptz[], $14::bigint[], $15::bigint[], $16::text[])
                 as n (page_id, person_id, control, owner, epoch, last_position, last_message_position, last_at, last_person_act,
                 last_inbound_position, last_outbound_position, check_at, closed_at, assignee, requested_by, handover_note)
             on conflict (page_id, person_id) do update set control = excluded.control, owner = excluded.owner, epoch = excluded.epoch,
                 last_position = excluded.last_position, last_message_position = excluded.last_message_position, last_at = excluded.last_at,
                 last_person_act = excluded.last_person_act, last_inbound_position = excluded.last_inbound_position,
                 last_outbound_position = excluded.last_outbound_position, check_at = excluded.check_at, closed_at = excluded.closed_at,
                 assignee = excluded.assignee, requested_by = excluded.requested_by, handover_note = excluded.handover_note,
                 last_message_at = case when excluded.last_message_position > conversations.last_message_position then excluded.last_at
                     else conversations.last_message_at end",
            &text(|row| row.page.as_str()) as _,
            &text(|row| row.person.as_str()) as _,
            &control as _,
            &rows.iter().map(|row| row.owner().map(AppId::as_str)).collect::<Vec<_>>() as _,
            &number(|row| i64::try_from(row.control.epoch.0).unwrap_or(i64::MAX)),
            &number(|row| row.last_position),
            &number(|row| row.last_message_position),
            &rows.iter().map(|row| datetime(row.last_at)).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.last_person_act.map(Timestamp::millis)).collect::<Vec<_>>() as _,
            &number(|row| row.last_inbound_position),
            &number(|row| row.last_outbound_position),
            &time(|row| row.check_at) as _,
            &time(|row| row.closed_at) as _,
            &rows.iter().map(|row| row.assignee.map(|user| user.0)).collect::<Vec<_>>() as _,
            &rows.iter().map(|row| row.requested_by.map(|user| user.0)).collect::<Vec<_>>() as _,
            &rows.iter().map(|row| row.handover_note.as_deref()).collect::<Vec<_>>() as _
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}
