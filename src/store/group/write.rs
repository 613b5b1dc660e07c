//! What a group writes, all at once.

use super::super::StoreError;
use super::super::log::{LogRow, datetime};
use super::{ConversationRow, GroupTransaction, Head, NewSendRow, Seen, SendChange, TeamWrite};
use crate::wire::deliver::scrubbed;
use crate::wire::{AppId, MessageId, PageId, PersonId, Timestamp};

/// Everything a group of commands writes.
#[derive(Debug, Default)]
pub struct Writes {
    /// Heads afterwards, of Pages where anything changed that others may have looked at: see [`super::Glance`].
    pub heads: Vec<Head>,
    /// New rows of the log.
    pub log: Vec<LogRow>,
    /// Conversations afterwards.
    pub conversations: Vec<ConversationRow>,
    /// What has been seen now and was not marked before the rules were asked.
    pub seen: Vec<(PageId, Seen)>,
    /// Accepted sends.
    pub sends: Vec<NewSendRow>,
    /// Changed sends.
    pub send_changes: Vec<SendChange>,
    /// Former owners whose queued sends end.
    pub superseded: Vec<Superseding>,
    /// Buttons that were sent.
    pub buttons: Vec<ButtonWrite>,
    /// What in-process apps collected.
    pub memories: Vec<BotMemoryWrite>,
    /// Teams that got or lost conversations, one after another.
    pub teams: Vec<TeamWrite>,
    /// Messages that were taken back: their content goes.
    pub unsent: Vec<(PageId, PersonId, MessageId)>,
    /// What could not be stored as an event.
    pub quarantined: Vec<Quarantined>,
}

/// An app that lost a conversation to another: what it had queued there is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseding {
    /// The Page.
    pub page: PageId,
    /// The conversation.
    pub person: PersonId,
    /// The former owner.
    pub app: AppId,
}

/// A button that was sent.
#[derive(Debug, Clone)]
pub struct ButtonWrite {
    /// The Page.
    pub page: PageId,
    /// To whom.
    pub person: PersonId,
    /// Hash of its payload.
    pub payload_hash: Seen,
    /// By whom.
    pub app: AppId,
}

/// A new version of an in-process app's memory.
#[derive(Debug, Clone)]
pub struct BotMemoryWrite {
    /// The Page.
    pub page: PageId,
    /// The conversation.
    pub person: PersonId,
    /// The app.
    pub app: AppId,
    /// The new version.
    pub version: i64,
    /// The value.
    pub value: serde_json::Value,
}

/// Something kept raw.
#[derive(Debug, Clone)]
pub struct Quarantined {
    /// The Page it names, as text: it may be unknown.
    pub page: String,
    /// Why.
    pub reason: String,
    /// What.
    pub raw: String,
}

impl Writes {
    /// Whether there is nothing to write but rows of the log, conversations, heads, and what has been seen.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.sends.is_empty()
            && self.send_changes.is_empty()
            && self.superseded.is_empty()
            && self.buttons.is_empty()
            && self.memories.is_empty()
            && self.teams.is_empty()
            && self.unsent.is_empty()
            && self.quarantined.is_empty()
    }
}

impl GroupTransaction<'_> {
    /// Writes everything and tells other processes.
    ///
    /// # Errors
    /// When the database fails or refuses a value.
    pub async fn write(&mut self, writes: &Writes, now: Timestamp, process: i64) -> Result<(), StoreError> {
        if !writes.seen.is_empty() {
            self.remember(&writes.seen, now).await?;
        }
        // First, so that it concerns what was there: what this group accepts or changes after a take is not of the former owner.
        for one in &writes.superseded {
            self.supersede(one, now).await?;
        }
        if !writes.sends.is_empty() {
            self.insert_sends(&writes.sends).await?;
        }
        if !writes.send_changes.is_empty() {
            self.change_sends(&writes.send_changes, now).await?;
        }
        for button in &writes.buttons {
            self.remember_button(button, now).await?;
        }
        for memory in &writes.memories {
            self.write_memory(memory).await?;
        }
        for team in &writes.teams {
            self.write_team(team).await?;
        }
        for one in &writes.quarantined {
            self.quarantine(one).await?;
        }
        self.write_rows(writes, now, process).await?;
        // Last: the message may have come in the same group.
        for (page, person, mid) in &writes.unsent {
            self.scrub(page, person, mid, now).await?;
        }
        Ok(())
    }

    async fn remember(&mut self, seen: &[(PageId, Seen)], now: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into duplicates (page_id, hash, seen_at) select page_id, hash, $3 from unnest($1::text[], $2::bytea[]) as n (page_id, hash)
             on conflict do nothing",
            &seen.iter().map(|(page, _)| page.as_str()).collect::<Vec<_>>() as _,
            &seen.iter().map(|(_, hash)| hash.as_slice()).collect::<Vec<_>>() as _,
            datetime(now)
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// What waits ends here. What is under way goes on, but does not come back to wait.
    async fn supersede(&mut self, one: &Superseding, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "update outbox set withdrawn = true, done_at = case state when 'accepted' then $4::timestamptz end,
                    state = case state when 'accepted' then 'superseded' else state end
             where page_id = $1 and person_id = $2 and app_id = $3 and state in ('accepted', 'sending')",
            one.page.as_str(),
            one.person.as_str(),
            one.app.as_str(),
            datetime(now)
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn remember_button(&mut self, button: &ButtonWrite, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into buttons (page_id, person_id, payload_hash, app_id, seen_at) values ($1, $2, $3, $4, $5)
             on conflict (page_id, person_id, payload_hash) do update set app_id = excluded.app_id, seen_at = excluded.seen_at",
            button.page.as_str(),
            button.person.as_str(),
            button.payload_hash.as_slice(),
            button.app.as_str(),
            datetime(now)
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn write_memory(&mut self, memory: &BotMemoryWrite) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into bot_memory (page_id, person_id, app_id, version, value) values ($1, $2, $3, $4, $5)
             on conflict (page_id, person_id, app_id) do update set version = excluded.version, value = excluded.value",
            memory.page.as_str(),
            memory.person.as_str(),
            memory.app.as_str(),
            memory.version,
            memory.value
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// What the person took back is forgotten wherever it was kept; that it was there, from whom and when, is not: apps may have it before them.
    async fn scrub(&mut self, page: &PageId, person: &PersonId, mid: &MessageId, now: Timestamp) -> Result<(), StoreError> {
        let kept = sqlx::query!(
            "select position, payload from log
             where page_id = $1 and person_id = $2 and mid = $3 and kind in ('message', 'edit', 'echo') and scrubbed_at is null",
            page.as_str(),
            person.as_str(),
            mid.as_str()
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        for row in kept {
            sqlx::query!(
                "update log set scrubbed_at = $3, payload = $4 where page_id = $1 and position = $2",
                page.as_str(),
                row.position,
                datetime(now),
                scrubbed(&row.payload)
            )
            .execute(&mut *self.transaction)
            .await?;
        }
        Ok(())
    }

    async fn quarantine(&mut self, one: &Quarantined) -> Result<(), StoreError> {
        sqlx::query!("insert into quarantine (page_id, reason, raw) values ($1, $2, $3)", one.page, one.reason, one.raw)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}
