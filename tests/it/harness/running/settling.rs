//! Waiting until nothing is left to be done, as long as something is being done; and telling what is left if nothing is.

use std::time::Duration;

use tokio::time::Instant;

use super::{App, Evidence, PAGE, Running};

/// How long nothing may get done; and how long all of it may take, besides [`EACH`].
const PATIENCE: Duration = Duration::from_secs(60);

/// How much longer it may take for each event of the log: slow apps have a backlog when traffic ends.
const EACH: Duration = Duration::from_millis(10);

/// Most events that are named.
const NAMED: usize = 20;

/// Waits until the platform has nothing more to bring, every send has an outcome, and every app has heard what it must hear.
///
/// # Panics
/// When nothing gets done for a minute, or not everything in time: with what is left, and what deliveries know of it.
pub async fn everything_is_done(running: &Running, apps: &[(&App, &str)]) -> Evidence {
    let (mut least, mut since, mut calm, began) = (usize::MAX, Instant::now(), false, Instant::now());
    loop {
        let pending = usize::try_from(running.sandbox.pending().await).expect("a number");
        let evidence = Evidence::of(running).await;
        let missing: Vec<String> = apps.iter().flat_map(|(app, fields)| evidence.missing(app, fields)).collect();
        let open = evidence.sends_in("accepted") + evidence.sends_in("sending") + pending;
        let left = missing.len() + open;
        // What ended while this was read may have brought something more.
        if left == 0 && calm {
            return evidence;
        }
        calm = left == 0;
        if left < least {
            (least, since) = (left, Instant::now());
        }
        let longest = PATIENCE + EACH * u32::try_from(evidence.events()).unwrap_or(u32::MAX);
        if since.elapsed() > PATIENCE || began.elapsed() > longest {
            let named = &missing[..missing.len().min(NAMED)];
            panic!(
                "not done: {open} open at the platform or in the outbox, {} not heard: {named:?}\n{}",
                missing.len(),
                told(running).await
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What deliveries know.
async fn told(running: &Running) -> String {
    let lines: Vec<String> = sqlx::query_scalar(
        "select 'process ' || to_jsonb(p) from processes p
         union all select 'cursor ' || to_jsonb(c) from cursors c where page_id = $1
         union all select 'subscription ' || to_jsonb(s) from subscriptions s where page_id = $1
         union all (select 'parked ' || to_jsonb(p) from parked p where page_id = $1 order by position limit 20)
         union all (select 'dead ' || to_jsonb(d) from dead_letters d where page_id = $1 limit 20)
         union all select 'head ' || last_position from pages where page_id = $1",
    )
    .bind(PAGE)
    .fetch_all(&running.database.pool)
    .await
    .unwrap_or_else(|error| vec![format!("the database does not tell: {error}")]);
    lines.join("\n")
}
