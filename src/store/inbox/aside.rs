//! The walks of lists that are no lanes: handed over, about to end, failed, put aside, closed.

use super::super::group::Lane;
use super::super::log::{datetime, timestamp};
use super::super::{Store, StoreError};
use super::walk::{Key, LEASE_ENDS_MS, Start, WINDOW_ENDS_MS};
use crate::control::STANDARD_MS;
use crate::wire::Timestamp;

impl Store {
    pub(super) async fn handed_over(&self, pages: &[&str], after: &Start<'_>, limit: i64) -> Result<Vec<Key>, StoreError> {
        let keys = sqlx::query!(
            r#"select c.page_id as "page_id!", c.person_id as "person_id!", c.owner_since as "at!"
               from unnest($1::text[]) as scope (id)
               cross join (select app_id from apps where kind = 'inbox') as inbox
               cross join lateral (
                   select page_id, person_id, owner_since from conversations
                   where page_id = scope.id and owner = inbox.app_id and owner_kind = 'app' and closed_at is null and snoozed_until is null
                     and assignee is null and owner_since >= $2 and (owner_since, page_id, person_id) > ($2, $3, $4)
                   order by owner_since, person_id limit $5
               ) c
               order by c.owner_since, c.page_id, c.person_id limit $5"#,
            pages as _,
            timestamp(after.at).millis(),
            after.page,
            after.person,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let key = |at: i64| datetime(Timestamp::from_millis(at));
        Ok(keys.into_iter().map(|row| Key { page_id: row.page_id, person_id: row.person_id, at: key(row.at), skipped: false }).collect())
    }

    /// Windows of those who wait, by their end; and leases of agents who have answered, by their alarm, which never rings late.
    pub(super) async fn ending(&self, pages: &[&str], after: &Start<'_>, now: Timestamp, limit: i64) -> Result<Vec<Key>, StoreError> {
        let waiting: Vec<i16> = Lane::ALL.into_iter().filter(|lane| lane.waits()).map(Lane::number).collect();
        Ok(sqlx::query_as!(
            Key,
            r#"select e.page_id as "page_id!", e.person_id as "person_id!", e.at as "at!", e.skipped as "skipped!"
               from (
                   (select o.page_id, o.person_id, o.last_message_at + $9::bigint * interval '1 millisecond' as at, false as skipped
                    from unnest($1::text[]) as scope (id) cross join unnest($2::smallint[]) as wanted (lane)
                    cross join lateral (
                        select page_id, person_id, last_message_at from open_conversations
                        where page_id = scope.id and lane = wanted.lane and last_message_at >= $12
                          and (last_message_at, page_id, person_id) > ($12, $4, $5)
                          and last_message_at > $6
                          and last_message_at < $7
                        order by last_message_at, person_id limit $8
                    ) o)
                   union all
                   (select c.page_id, c.person_id, c.check_at, c.lane <> $13 or c.snoozed_until is not null
                        or coalesce(substring(c.control from '"until":(\d{1,18})')::bigint > $11, true)
                    from unnest($1::text[]) as scope (id)
                    cross join lateral (
                        select page_id, person_id, check_at, lane, snoozed_until, control from conversations
                        where page_id = scope.id and assignee is not null and closed_at is null and check_at is not null
                          and check_at >= $3 and (check_at, page_id, person_id) > ($3, $4, $5) and check_at < $10
                        order by check_at, person_id limit $8
                    ) c)
               ) e
               order by e.at, e.page_id, e.person_id limit $8"#,
            pages as _,
            &waiting,
            after.at,
            after.page,
            after.person,
            datetime(now.plus_millis(-STANDARD_MS)),
            datetime(now.plus_millis(WINDOW_ENDS_MS - STANDARD_MS)),
            limit,
            STANDARD_MS,
            datetime(now.plus_millis(LEASE_ENDS_MS)),
            now.plus_millis(LEASE_ENDS_MS).millis(),
            // No earlier than $6, or everything before it is read on the way.
            datetime(timestamp(after.at).max(now).plus_millis(-STANDARD_MS)),
            Lane::Answered.number()
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Sends that went wrong, newest first. Those after which another went its way, or that were a sign of typing, are only on the way.
    pub(super) async fn failed(&self, pages: &[&str], after: &Start<'_>, limit: i64) -> Result<Vec<Key>, StoreError> {
        Ok(sqlx::query_as!(
            Key,
            r#"select o.page_id as "page_id!", o.person_id as "person_id!", o.done_at as "at!",
                      c.closed_at is not null or o.send like '%"content":{"action":%' or exists (
                          select from outbox n where n.page_id = o.page_id and n.person_id = o.person_id and n.send_id > o.send_id
                            and n.state not in ('accepted', 'sending') and n.send not like '%"content":{"action":%') as "skipped!"
               from unnest($1::text[]) as scope (id)
               cross join lateral (
                   select page_id, person_id, done_at, send_id, send from outbox
                   where page_id = scope.id and state in ('failed', 'unknown') and done_at <= $2 and (done_at, page_id, person_id) < ($2, $3, $4)
                   order by done_at desc, person_id desc limit $5
               ) o
               join conversations c on c.page_id = o.page_id and c.person_id = o.person_id
               order by o.done_at desc, o.page_id desc, o.person_id desc limit $5"#,
            pages as _,
            after.at,
            after.page,
            after.person,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub(super) async fn snoozed(&self, pages: &[&str], after: &Start<'_>, limit: i64) -> Result<Vec<Key>, StoreError> {
        Ok(sqlx::query_as!(
            Key,
            r#"select c.page_id as "page_id!", c.person_id as "person_id!", c.snoozed_until as "at!", false as "skipped!"
               from unnest($1::text[]) as scope (id)
               cross join lateral (
                   select page_id, person_id, snoozed_until from conversations
                   where page_id = scope.id and snoozed_until is not null and snoozed_until >= $2
                     and (snoozed_until, page_id, person_id) > ($2, $3, $4)
                   order by snoozed_until, person_id limit $5
               ) c
               order by c.snoozed_until, c.page_id, c.person_id limit $5"#,
            pages as _,
            after.at,
            after.page,
            after.person,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub(super) async fn closed(&self, pages: &[&str], after: &Start<'_>, limit: i64) -> Result<Vec<Key>, StoreError> {
        Ok(sqlx::query_as!(
            Key,
            r#"select c.page_id as "page_id!", c.person_id as "person_id!", c.closed_at as "at!", false as "skipped!"
               from unnest($1::text[]) as scope (id)
               cross join lateral (
                   select page_id, person_id, closed_at from conversations
                   where page_id = scope.id and closed_at is not null and closed_at <= $2 and (closed_at, page_id, person_id) < ($2, $3, $4)
                   order by closed_at desc, person_id desc limit $5
               ) c
               order by c.closed_at desc, c.page_id desc, c.person_id desc limit $5"#,
            pages as _,
            after.at,
            after.page,
            after.person,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
