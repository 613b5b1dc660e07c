//! What nearly every group writes, in one statement: rows of the log, conversations with their place in the lists, and the heads.
//!
//! The same statement is a whole group by itself where nothing else is to be written: see [`Glance`].

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::super::StoreError;
use super::super::log::{LogRow, datetime};
use super::super::pool::within;
use super::{COMMIT, ConversationRow, Glance, GroupId, GroupTransaction, Head, Link, Writes};
use crate::wire::{AppId, PersonId, Timestamp};

/// The columns of new log rows, one array each.
struct LogColumns<'a> {
    page: Vec<&'a str>,
    position: Vec<i64>,
    person: Vec<Option<&'a str>>,
    happened_at: Vec<i64>,
    kind: Vec<&'a str>,
    field: Vec<&'a str>,
    mid: Vec<Option<&'a str>>,
    app: Vec<Option<&'a str>>,
    user: Vec<Option<i64>>,
    audience: Vec<String>,
    button_app: Vec<Option<&'a str>>,
    epoch: Vec<i64>,
    payload: Vec<&'a str>,
}

impl<'a> LogColumns<'a> {
    fn of(rows: &'a [LogRow]) -> Result<Self, StoreError> {
        let text = |f: fn(&LogRow) -> &str| rows.iter().map(f).collect::<Vec<_>>();
        let maybe = |f: fn(&LogRow) -> Option<&str>| rows.iter().map(f).collect::<Vec<_>>();
        let number = |f: fn(&LogRow) -> i64| rows.iter().map(f).collect::<Vec<_>>();
        let audience =
            |row: &LogRow| serde_json::to_string(&row.audience).map_err(|e| StoreError::inconsistent("log", "audience", row.position, e));
        Ok(Self {
            page: text(|row| row.page.as_str()),
            position: number(|row| row.position),
            person: maybe(|row| row.person.as_ref().map(PersonId::as_str)),
            happened_at: number(|row| row.happened_at.millis()),
            kind: text(|row| &row.kind),
            field: text(|row| &row.field),
            mid: maybe(|row| row.mid.as_deref()),
            app: maybe(|row| row.app.as_ref().map(AppId::as_str)),
            user: rows.iter().map(|row| row.user.map(|user| user.0)).collect(),
            audience: rows.iter().map(audience).collect::<Result<_, _>>()?,
            button_app: maybe(|row| row.button_app.as_ref().map(AppId::as_str)),
            epoch: number(|row| i64::try_from(row.epoch.0).unwrap_or(i64::MAX)),
            payload: text(|row| &row.payload),
        })
    }
}

/// The columns of conversations, one array each.
struct ConversationColumns<'a> {
    place: Vec<Option<&'a str>>,
    page: Vec<&'a str>,
    person: Vec<&'a str>,
    control: Vec<String>,
    owner: Vec<Option<&'a str>>,
    owner_kind: Vec<&'a str>,
    owner_since: Vec<i64>,
    in_transfer: Vec<bool>,
    epoch: Vec<i64>,
    last_position: Vec<i64>,
    last_message_position: Vec<i64>,
    last_message_at: Vec<OffsetDateTime>,
    last_at: Vec<OffsetDateTime>,
    last_person_act: Vec<Option<i64>>,
    last_inbound_position: Vec<i64>,
    last_outbound_position: Vec<i64>,
    check_at: Vec<Option<OffsetDateTime>>,
    closed_at: Vec<Option<OffsetDateTime>>,
    snoozed_until: Vec<Option<OffsetDateTime>>,
    assignee: Vec<Option<i64>>,
    requested_by: Vec<Option<i64>>,
    handover_note: Vec<Option<&'a str>>,
    lane: Vec<i16>,
}

impl<'a> ConversationColumns<'a> {
    fn of(rows: &'a [ConversationRow]) -> Result<Self, StoreError> {
        let text = |f: fn(&ConversationRow) -> &str| rows.iter().map(f).collect::<Vec<_>>();
        let maybe = |f: fn(&ConversationRow) -> Option<&str>| rows.iter().map(f).collect::<Vec<_>>();
        let number = |f: fn(&ConversationRow) -> i64| rows.iter().map(f).collect::<Vec<_>>();
        let time = |f: fn(&ConversationRow) -> Option<Timestamp>| rows.iter().map(|row| f(row).map(datetime)).collect::<Vec<_>>();
        let control = |row: &ConversationRow| {
            serde_json::to_string(&row.control).map_err(|e| StoreError::inconsistent("conversations", "control", &row.person, e))
        };
        Ok(Self {
            place: maybe(ConversationRow::place),
            page: text(|row| row.page.as_str()),
            person: text(|row| row.person.as_str()),
            control: rows.iter().map(control).collect::<Result<_, _>>()?,
            owner: maybe(|row| row.owner().map(AppId::as_str)),
            owner_kind: text(ConversationRow::owner_kind),
            owner_since: number(|row| row.control.changed_at.millis()),
            in_transfer: rows.iter().map(|row| row.control.transfer.is_some()).collect(),
            epoch: number(|row| i64::try_from(row.control.epoch.0).unwrap_or(i64::MAX)),
            last_position: number(|row| row.last_position),
            last_message_position: number(|row| row.last_message_position),
            last_message_at: rows.iter().map(ConversationRow::last_message_at).collect(),
            last_at: rows.iter().map(|row| datetime(row.last_at)).collect(),
            last_person_act: rows.iter().map(|row| row.last_person_act.map(Timestamp::millis)).collect(),
            last_inbound_position: number(|row| row.last_inbound_position),
            last_outbound_position: number(|row| row.last_outbound_position),
            check_at: time(|row| row.check_at),
            closed_at: time(|row| row.closed_at),
            snoozed_until: time(|row| row.snoozed_until),
            assignee: rows.iter().map(|row| row.assignee.map(|user| user.0)).collect(),
            requested_by: rows.iter().map(|row| row.requested_by.map(|user| user.0)).collect(),
            handover_note: maybe(|row| row.handover_note.as_deref()),
            lane: rows.iter().map(|row| row.lane.number()).collect(),
        })
    }
}

/// How places in the lists change, one array a column.
#[derive(Default)]
struct ListingColumns<'a> {
    page: Vec<&'a str>,
    person: Vec<&'a str>,
    before: Vec<Option<OffsetDateTime>>,
    before_lane: Vec<Option<i16>>,
    after: Vec<Option<OffsetDateTime>>,
    lane: Vec<Option<i16>>,
    assignee: Vec<Option<i64>>,
}

impl<'a> ListingColumns<'a> {
    fn of(rows: &'a [ConversationRow]) -> Self {
        let mut all = Self::default();
        for row in rows {
            let (before, after) = row.listing();
            if before != after {
                all.page.push(row.page.as_str());
                all.person.push(row.person.as_str());
                all.before.push(before.map(|listed| listed.at));
                all.before_lane.push(before.map(|listed| listed.lane));
                all.after.push(after.map(|listed| listed.at));
                all.lane.push(after.map(|listed| listed.lane));
                all.assignee.push(after.and_then(|listed| listed.assignee));
            }
        }
        all
    }
}

/// Heads as they are to be, one array a column.
struct HeadColumns<'a> {
    page: Vec<&'a str>,
    last_position: Vec<i64>,
    last_send: Vec<i64>,
}

impl<'a> HeadColumns<'a> {
    fn of(heads: &'a [Head]) -> Self {
        Self {
            page: heads.iter().map(|head| head.page.as_str()).collect(),
            last_position: heads.iter().map(|head| head.last_position).collect(),
            last_send: heads.iter().map(|head| head.last_send).collect(),
        }
    }
}

/// What must hold for a group that was decided without locks.
#[derive(Default)]
struct Conditions<'a> {
    page: Vec<&'a str>,
    version: Vec<&'a str>,
    former: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> Conditions<'a> {
    fn of(glance: &'a Glance, former: &'a GroupId, name: &'a GroupId) -> Self {
        Self {
            page: glance.versions.iter().map(|(page, _)| page.as_str()).collect(),
            version: glance.versions.iter().map(|(_, version)| version.as_str()).collect(),
            former: Some(&former.name),
            name: Some(&name.name),
        }
    }
}

/// The events that a group which is written at once marks as seen, one array a column.
#[derive(Default)]
struct SeenColumns<'a> {
    page: Vec<&'a str>,
    hash: Vec<&'a [u8]>,
}

impl<'a> SeenColumns<'a> {
    fn of(writes: &'a Writes) -> Self {
        Self {
            page: writes.seen.iter().map(|(page, _)| page.as_str()).collect(),
            hash: writes.seen.iter().map(|(_, hash)| hash.as_slice()).collect(),
        }
    }
}

impl GroupTransaction<'_> {
    /// Writes rows, conversations, lists and heads, and wakes other processes with the commit.
    pub(super) async fn write_rows(&mut self, writes: &Writes, now: Timestamp, process: i64) -> Result<(), StoreError> {
        if writes.log.is_empty() && writes.conversations.is_empty() && writes.heads.is_empty() {
            return Ok(());
        }
        write(&mut self.transaction, writes, &SeenColumns::default(), &Conditions::default(), now, process).await?;
        Ok(())
    }
}

impl Link {
    /// Writes a group that was decided by a glance, and commits it with the same statement. False: what the glance saw has changed since, or is
    /// being changed; then nothing is written.
    ///
    /// `former` is the newest group of this process that was committed. If the database knows of another, nothing is written either, with an error.
    ///
    /// # Errors
    /// When the database fails, or an event was seen before. If it does not answer in time, [`Store::is_committed`] tells what became of it.
    pub async fn write_at_once(
        &mut self,
        writes: &Writes,
        now: Timestamp,
        glance: &Glance,
        former: &GroupId,
        name: &GroupId,
    ) -> Result<bool, StoreError> {
        let (conditions, seen) = (Conditions::of(glance, former, name), SeenColumns::of(writes));
        let written = write(&mut self.connection, writes, &seen, &conditions, now, name.process);
        within(COMMIT, written).await
    }
}

/// One statement, because each costs a way to the database and back. Everything in it waits for the locks of the heads. A conversation that is not
/// where it was read, though its Page has not changed since, undoes it all by a division by zero.
async fn write(
    connection: &mut PgConnection,
    writes: &Writes,
    seen: &SeenColumns<'_>,
    conditions: &Conditions<'_>,
    now: Timestamp,
    process: i64,
) -> Result<bool, StoreError> {
    let (log, rows) = (LogColumns::of(&writes.log)?, ConversationColumns::of(&writes.conversations)?);
    let (lists, heads) = (ListingColumns::of(&writes.conversations), HeadColumns::of(&writes.heads));
    // The answer of pg_notify is nothing; the wake-up goes out with the commit.
    let written = sqlx::query_file_scalar!(
        "src/store/group/rows.sql",
        datetime(now),
        &log.page as _,
        &log.position,
        &log.person as _,
        &log.happened_at,
        &log.kind as _,
        &log.field as _,
        &log.mid as _,
        &log.app as _,
        &log.user as _,
        &log.audience as _,
        &log.button_app as _,
        &log.epoch,
        &log.payload as _,
        &rows.place as _,
        &rows.page as _,
        &rows.person as _,
        &rows.control as _,
        &rows.owner as _,
        &rows.owner_kind as _,
        &rows.owner_since,
        &rows.in_transfer,
        &rows.epoch,
        &rows.last_position,
        &rows.last_message_position,
        &rows.last_message_at,
        &rows.last_at,
        &rows.last_person_act as _,
        &rows.last_inbound_position,
        &rows.last_outbound_position,
        &rows.check_at as _,
        &rows.closed_at as _,
        &rows.assignee as _,
        &rows.requested_by as _,
        &rows.handover_note as _,
        &lists.page as _,
        &lists.person as _,
        &lists.before as _,
        &lists.after as _,
        &heads.page as _,
        &heads.last_position,
        &heads.last_send,
        process.to_string(),
        &conditions.page as _,
        &conditions.version as _,
        conditions.name as _,
        process,
        conditions.former as _,
        &seen.page as _,
        &seen.hash as _,
        &rows.snoozed_until as _,
        &rows.lane,
        &lists.before_lane as _,
        &lists.lane as _,
        &lists.assignee as _
    )
    .fetch_one(connection)
    .await?;
    Ok(written == 1)
}
