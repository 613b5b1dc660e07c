//! How far deliveries are, written often and cheaply.

use std::collections::HashSet;
use std::time::Duration;

use super::delivery::{ParkedConversation, SubscriptionKey};
use super::pool::within;
use super::{Store, StoreError};
use crate::wire::{AppId, PageId, PersonId};

/// How long a flush may take. One that takes longer is done again, which changes nothing where it was done.
const FLUSH: Duration = Duration::from_secs(10);

/// What has changed about one subscription since it was last written. It is written together or not at all, so that a crash never
/// leaves a cursor beyond an event that nothing else remembers.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The subscription.
    pub subscription: SubscriptionKey,
    /// The lease it was made under.
    pub generation: i64,
    /// Everything up to there is done or parked.
    pub position: i64,
    /// Conversations that wait, or wait differently.
    pub parked: Vec<(ParkedConversation, Option<String>)>,
    /// Conversations that wait no longer; `None`: what concerns the Page itself.
    pub resumed: Vec<Option<PersonId>>,
    /// Events set aside.
    pub dead: Vec<DeadLetter>,
}

/// An event that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its place.
    pub position: i64,
    /// Its conversation.
    pub person: Option<PersonId>,
    /// How often it was tried; 0: the log no longer had it.
    pub attempts: u32,
    /// Why.
    pub why: String,
}

impl Store {
    /// Writes the progress of many subscriptions in one transaction. A cursor that moves does not wait for the disk: after a crash of the
    /// database it is behind, and some events come again. What is parked, waits no longer or is set aside does wait, since it is written
    /// only once: the cursor moves on over it while this process lives. The subscriptions whose lease still holds are the answer; of the others nothing was written.
    ///
    /// # Errors
    /// When the database fails: then nothing was written.
    pub async fn flush_deliveries(&self, progress: &[Progress]) -> Result<HashSet<SubscriptionKey>, StoreError> {
        within(FLUSH, Box::pin(self.flush(progress))).await
    }

    async fn flush(&self, progress: &[Progress]) -> Result<HashSet<SubscriptionKey>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        if progress.iter().all(|one| one.parked.is_empty() && one.resumed.is_empty() && one.dead.is_empty()) {
            sqlx::query!("set local synchronous_commit = off").execute(&mut *transaction).await?;
        }
        let held = move_cursors(&mut transaction, progress).await?;
        let held_progress: Vec<&Progress> = progress.iter().filter(|one| held.contains(&one.subscription)).collect();
        write_parked(&mut transaction, &held_progress).await?;
        delete_parked(&mut transaction, &held_progress).await?;
        write_dead_letters(&mut transaction, &held_progress).await?;
        transaction.commit().await?;
        Ok(held)
    }
}

async fn move_cursors(connection: &mut sqlx::PgConnection, progress: &[Progress]) -> Result<HashSet<SubscriptionKey>, StoreError> {
    let pages: Vec<&str> = progress.iter().map(|one| one.subscription.0.as_str()).collect();
    let apps: Vec<&str> = progress.iter().map(|one| one.subscription.1.as_str()).collect();
    let generations: Vec<i64> = progress.iter().map(|one| one.generation).collect();
    let positions: Vec<i64> = progress.iter().map(|one| one.position).collect();
    let rows = sqlx::query!(
        "update cursors c set position = greatest(c.position, g.position)
         from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as g (page_id, app_id, generation, position)
         where c.page_id = g.page_id and c.app_id = g.app_id and c.generation = g.generation
         returning c.page_id, c.app_id",
        &pages as _,
        &apps as _,
        &generations,
        &positions
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let page = PageId::parse(&row.page_id).map_err(|e| StoreError::inconsistent("cursors", "page_id", &row.page_id, e))?;
            let app = AppId::parse(&row.app_id).map_err(|e| StoreError::inconsistent("cursors", "app_id", &row.app_id, e))?;
            Ok((page, app))
        })
        .collect()
}

async fn write_parked(connection: &mut sqlx::PgConnection, progress: &[&Progress]) -> Result<(), StoreError> {
    let rows: Vec<_> = progress.iter().flat_map(|one| one.parked.iter().map(|parked| (&one.subscription, parked))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into parked (page_id, app_id, person_id, position, attempts, next_attempt_at, last_error)
         select page_id, app_id, person_id, position, attempts, clock_timestamp() + wait_ms * interval '1 millisecond', last_error
         from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::integer[], $6::bigint[], $7::text[])
              as g (page_id, app_id, person_id, position, attempts, wait_ms, last_error)
         on conflict (page_id, app_id, person_id) do update
         set position = excluded.position, attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at, last_error = excluded.last_error",
        &rows.iter().map(|(key, _)| key.0.as_str()).collect::<Vec<_>>() as _,
        &rows.iter().map(|(key, _)| key.1.as_str()).collect::<Vec<_>>() as _,
        &rows.iter().map(|(_, (one, _))| person(one.person.as_ref())).collect::<Vec<_>>() as _,
        &rows.iter().map(|(_, (one, _))| one.position).collect::<Vec<_>>(),
        &rows.iter().map(|(_, (one, _))| i32::try_from(one.attempts).unwrap_or(i32::MAX)).collect::<Vec<_>>(),
        &rows.iter().map(|(_, (one, _))| i64::try_from(one.wait.as_millis()).unwrap_or(i64::MAX)).collect::<Vec<_>>(),
        &rows.iter().map(|(_, (_, why))| why.as_deref()).collect::<Vec<_>>() as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete_parked(connection: &mut sqlx::PgConnection, progress: &[&Progress]) -> Result<(), StoreError> {
    let rows: Vec<_> = progress.iter().flat_map(|one| one.resumed.iter().map(|resumed| (&one.subscription, resumed))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "delete from parked p using unnest($1::text[], $2::text[], $3::text[]) as g (page_id, app_id, person_id)
         where p.page_id = g.page_id and p.app_id = g.app_id and p.person_id = g.person_id",
        &rows.iter().map(|(key, _)| key.0.as_str()).collect::<Vec<_>>() as _,
        &rows.iter().map(|(key, _)| key.1.as_str()).collect::<Vec<_>>() as _,
        &rows.iter().map(|(_, resumed)| person(resumed.as_ref())).collect::<Vec<_>>() as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_dead_letters(connection: &mut sqlx::PgConnection, progress: &[&Progress]) -> Result<(), StoreError> {
    let rows: Vec<_> = progress.iter().flat_map(|one| one.dead.iter().map(|letter| (&one.subscription, letter))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into dead_letters (page_id, app_id, position, person_id, attempts, last_error)
         select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::integer[], $6::text[]) on conflict do nothing",
        &rows.iter().map(|(key, _)| key.0.as_str()).collect::<Vec<_>>() as _,
        &rows.iter().map(|(key, _)| key.1.as_str()).collect::<Vec<_>>() as _,
        &rows.iter().map(|(_, letter)| letter.position).collect::<Vec<_>>(),
        &rows.iter().map(|(_, letter)| letter.person.as_ref().map(PersonId::as_str)).collect::<Vec<_>>() as _,
        &rows.iter().map(|(_, letter)| i32::try_from(letter.attempts).unwrap_or(i32::MAX)).collect::<Vec<_>>(),
        &rows.iter().map(|(_, letter)| letter.why.as_str()).collect::<Vec<_>>() as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How the table names a conversation: empty for what concerns the Page itself.
fn person(person: Option<&PersonId>) -> &str {
    person.map_or("", PersonId::as_str)
}
