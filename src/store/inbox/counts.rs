//! How many conversations each view holds.

use super::super::log::datetime;
use super::super::{Store, StoreError};
use super::View;
use super::walk::{LEASE_ENDS_MS, WINDOW_ENDS_MS};
use crate::access::UserId;
use crate::control::STANDARD_MS;
use crate::wire::{PageId, Timestamp};

/// How many conversations each view holds, counted up to [`COUNT_CAP`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    needs: i64,
    mine: i64,
    unassigned: i64,
    customer: i64,
    bot: i64,
    elsewhere: i64,
    open: i64,
    ending: i64,
    failed: i64,
    snoozed: i64,
    closed: i64,
}

impl Counts {
    /// How many a view holds.
    #[must_use]
    pub const fn of(&self, view: View) -> i64 {
        match view {
            View::Needs => self.needs,
            View::Mine => self.mine,
            View::Unassigned => self.unassigned,
            View::Customer => self.customer,
            View::Bot => self.bot,
            View::Elsewhere => self.elsewhere,
            View::Open => self.open,
            View::Ending => self.ending,
            View::Failed => self.failed,
            View::Snoozed => self.snoozed,
            View::Closed => self.closed,
        }
    }
}

/// Counting stops here: nobody reads further, and a badge must never be slow.
pub const COUNT_CAP: i64 = 100;

/// Sends that went wrong, looked at for the badge: some of them have been made good since.
const FAILED_LOOK: i64 = 300;

impl Store {
    /// How many conversations each view holds on these Pages, counted up to [`COUNT_CAP`] each.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counts(&self, pages: &[PageId], me: UserId, now: Timestamp) -> Result<Counts, StoreError> {
        let pages: Vec<&str> = pages.iter().map(PageId::as_str).collect();
        Ok(sqlx::query_as!(
            Counts,
            r#"select
                 (select count(*) from (select from unnest($1::text[]) as scope (id) cross join unnest(array[0, 1]::smallint[]) as wanted (lane)
                     cross join lateral (select from open_conversations where page_id = scope.id and lane = wanted.lane order by last_message_at limit $3) o
                     limit $3) n) as "needs!",
                 (select count(*) from (select from open_conversations where assignee = $2 and page_id = any($1) order by last_message_at limit $3) n) as "mine!",
                 (select count(*) from (select from unnest($1::text[]) as scope (id) cross join unnest(array[0, 1, 4]::smallint[]) as wanted (lane)
                     cross join lateral (select from open_conversations where page_id = scope.id and lane = wanted.lane order by last_message_at limit $3) o
                     limit $3) n) as "unassigned!",
                 (select count(*) from (select from unnest($1::text[]) as scope (id) cross join unnest(array[1, 3]::smallint[]) as wanted (lane)
                     cross join lateral (select from open_conversations where page_id = scope.id and lane = wanted.lane order by last_message_at limit $3) o
                     limit $3) n) as "customer!",
                 (select count(*) from (select from unnest($1::text[]) as scope (id) cross join unnest(array[5]::smallint[]) as wanted (lane)
                     cross join lateral (select from open_conversations where page_id = scope.id and lane = wanted.lane order by last_message_at limit $3) o
                     limit $3) n) as "bot!",
                 (select count(*) from (select from unnest($1::text[]) as scope (id) cross join unnest(array[6]::smallint[]) as wanted (lane)
                     cross join lateral (select from open_conversations where page_id = scope.id and lane = wanted.lane order by last_message_at limit $3) o
                     limit $3) n) as "elsewhere!",
                 (select count(*) from (select from unnest($1::text[]) as scope (id) cross join unnest(array[0, 1, 2, 3, 4, 5, 6]::smallint[]) as wanted (lane)
                     cross join lateral (select from open_conversations where page_id = scope.id and lane = wanted.lane order by last_message_at limit $3) o
                     limit $3) n) as "open!",
                 (select count(*) from (
                     (select from unnest($1::text[]) as scope (id) cross join unnest(array[0, 2, 4]::smallint[]) as wanted (lane)
                      cross join lateral (select from open_conversations where page_id = scope.id and lane = wanted.lane
                          and last_message_at > $4 and last_message_at < $5 order by last_message_at limit $3) o limit $3)
                     union all
                     (select from unnest($1::text[]) as scope (id)
                      cross join lateral (select from conversations where page_id = scope.id and assignee is not null and closed_at is null
                          and check_at >= $6 and check_at < $7 and lane = 3 and snoozed_until is null
                          and substring(control from '"until":(\d{1,18})')::bigint <= $8 order by check_at limit $3) c limit $3)
                  ) n) as "ending!",
                 (select count(distinct (f.page_id, f.person_id)) from (
                     select o.* from unnest($1::text[]) as scope (id)
                     cross join lateral (select page_id, person_id, send_id, send from outbox where page_id = scope.id and state in ('failed', 'unknown')
                         order by done_at desc limit $9) o
                  ) f
                  where (select closed_at is null from conversations c where c.page_id = f.page_id and c.person_id = f.person_id)
                    and f.send_id = (
                      select n.send_id from outbox n where n.page_id = f.page_id and n.person_id = f.person_id
                        and n.state not in ('accepted', 'sending') and n.send not like '%"content":{"action":%' order by n.send_id desc limit 1)) as "failed!",
                 (select count(*) from (select from unnest($1::text[]) as scope (id)
                     cross join lateral (select from conversations where page_id = scope.id and snoozed_until is not null order by snoozed_until limit $3) c
                     limit $3) n) as "snoozed!",
                 (select count(*) from (select from unnest($1::text[]) as scope (id)
                     cross join lateral (select from conversations where page_id = scope.id and closed_at is not null order by closed_at desc limit $3) c
                     limit $3) n) as "closed!""#,
            &pages as _,
            me.0,
            COUNT_CAP,
            datetime(now.plus_millis(-STANDARD_MS)),
            datetime(now.plus_millis(WINDOW_ENDS_MS - STANDARD_MS)),
            datetime(now),
            datetime(now.plus_millis(LEASE_ENDS_MS)),
            now.plus_millis(LEASE_ENDS_MS).millis(),
            FAILED_LOOK
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
