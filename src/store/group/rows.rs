//! What nearly every group writes, in one statement: rows of the log, conversations with their place in the lists, and the heads.

use time::OffsetDateTime;

use super::super::StoreError;
use super::super::log::{LogRow, datetime};
use super::{ConversationRow, GroupTransaction, Head, Writes};
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
    assignee: Vec<Option<i64>>,
    requested_by: Vec<Option<i64>>,
    handover_note: Vec<Option<&'a str>>,
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
            assignee: rows.iter().map(|row| row.assignee.map(|user| user.0)).collect(),
            requested_by: rows.iter().map(|row| row.requested_by.map(|user| user.0)).collect(),
            handover_note: maybe(|row| row.handover_note.as_deref()),
        })
    }
}

/// How places in the lists change, one array a column.
#[derive(Default)]
struct ListingColumns<'a> {
    page: Vec<&'a str>,
    person: Vec<&'a str>,
    before: Vec<Option<OffsetDateTime>>,
    after: Vec<Option<OffsetDateTime>>,
}

impl<'a> ListingColumns<'a> {
    fn of(rows: &'a [ConversationRow]) -> Self {
        let mut all = Self::default();
        for row in rows {
            let (before, after) = row.listing();
            if before != after {
                all.page.push(row.page.as_str());
                all.person.push(row.person.as_str());
                all.before.push(before);
                all.after.push(after);
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

/// Whether so many conversations were changed as had been read: each was where it was read, since its Page was locked.
fn all_changed(rows: &[ConversationRow], changed: i64) -> Result<(), StoreError> {
    let known = rows.iter().filter(|row| row.stored.is_some()).count();
    if usize::try_from(changed).ok() == Some(known) {
        return Ok(());
    }
    let why = format!("{known} were read under their Page's lock, {changed} were still there");
    Err(StoreError::inconsistent("conversations", "ctid", "a group", why))
}

impl GroupTransaction<'_> {
    /// Writes rows, conversations, lists and heads, and wakes other processes with the commit. One statement, because each costs a way to the
    /// database and back. A conversation that is not where it was read, though its Page was locked, undoes the group.
    pub(super) async fn write_rows(&mut self, writes: &Writes, now: Timestamp, process: i64) -> Result<(), StoreError> {
        if writes.log.is_empty() && writes.conversations.is_empty() && writes.heads.is_empty() {
            return Ok(());
        }
        let (log, rows) = (LogColumns::of(&writes.log)?, ConversationColumns::of(&writes.conversations)?);
        let (lists, heads) = (ListingColumns::of(&writes.conversations), HeadColumns::of(&writes.heads));
        // The answer of pg_notify is nothing; the wake-up goes out with the commit.
        let changed = sqlx::query_scalar!(
            r#"with logged as (
                   insert into log (page_id, position, person_id, at, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload)
                   select page_id, position, person_id, $1, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload
                   from unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
                       $11::text[], $12::text[], $13::bigint[], $14::text[])
                       as n (page_id, position, person_id, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload)
               ), conversation as materialized (
                   select * from unnest($15::text[]::tid[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::bigint[], $22::boolean[],
                       $23::bigint[], $24::bigint[], $25::bigint[], $26::timestamptz[], $27::timestamptz[], $28::bigint[], $29::bigint[], $30::bigint[],
                       $31::timestamptz[], $32::timestamptz[], $33::bigint[], $34::bigint[], $35::text[])
                       as n (place, page_id, person_id, control, owner, owner_kind, owner_since, in_transfer, epoch, last_position, last_message_position,
                       last_message_at, last_at, last_person_act, last_inbound_position, last_outbound_position, check_at, closed_at, assignee,
                       requested_by, handover_note)
               ), changed as (
                   update conversations c set control = n.control, owner = n.owner, owner_kind = n.owner_kind, owner_since = n.owner_since,
                       in_transfer = n.in_transfer, epoch = n.epoch, last_position = n.last_position, last_message_position = n.last_message_position,
                       last_message_at = n.last_message_at, last_at = n.last_at, last_person_act = n.last_person_act,
                       last_inbound_position = n.last_inbound_position, last_outbound_position = n.last_outbound_position, check_at = n.check_at,
                       closed_at = n.closed_at, assignee = n.assignee, requested_by = n.requested_by, handover_note = n.handover_note
                   from conversation n where c.ctid = n.place and c.page_id = n.page_id and c.person_id = n.person_id returning 1
               ), added as (
                   insert into conversations (page_id, person_id, control, owner, owner_kind, owner_since, in_transfer, epoch, last_position,
                       last_message_position, last_message_at, last_at, last_person_act, last_inbound_position, last_outbound_position, check_at,
                       closed_at, assignee, requested_by, handover_note)
                   select page_id, person_id, control, owner, owner_kind, owner_since, in_transfer, epoch, last_position,
                       last_message_position, last_message_at, last_at, last_person_act, last_inbound_position, last_outbound_position, check_at,
                       closed_at, assignee, requested_by, handover_note
                   from conversation where place is null
               ), listing as materialized (
                   select * from unnest($36::text[], $37::text[], $38::timestamptz[], $39::timestamptz[]) as n (page_id, person_id, before, after)
               ), relisted as (
                   update open_conversations o set last_message_at = n.after from listing n
                   where n.after is not null and o.page_id = n.page_id and o.last_message_at = n.before and o.person_id = n.person_id
               ), unlisted as (
                   delete from open_conversations o using listing n
                   where n.after is null and o.page_id = n.page_id and o.last_message_at = n.before and o.person_id = n.person_id
               ), listed as (
                   insert into open_conversations (page_id, last_message_at, person_id)
                   select page_id, after, person_id from listing where before is null and after is not null
               ), moved as (
                   update pages p set last_position = n.last_position, last_send = n.last_send
                   from unnest($40::text[], $41::bigint[], $42::bigint[]) as n (page_id, last_position, last_send)
                   where p.page_id = n.page_id returning p.page_id, p.last_position)
               select (select count(*) from changed) + 0 * (select count(pg_notify('baton', $43::text || ':' || last_position || ':' || page_id)) from moved)
                   as "changed!""#,
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
            process.to_string()
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        all_changed(&writes.conversations, changed)
    }
}
