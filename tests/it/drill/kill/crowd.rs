//! A Page full of people, a bot and a desk, to which things are done, and what must hold afterwards whatever was done.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::traffic::{Traffic, senders_were_told_the_truth};
use crate::harness::eventually;
use crate::harness::running::{App, PAGE, Running, settling};

/// What both apps hear.
const FIELDS: &str = "messages,message_echoes,message_deliveries,messaging_handovers,standby";

/// Waits for a failed delivery, so short that the test need not wait for them; then one a second, for longer than any trouble lasts.
const RETRIES: &str = concat!(
    "200ms,300ms,500ms,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,",
    "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"
);

/// How many events an app may hear again after a death: what was on its way, or heard so short before that no cursor knew of it.
const AGAIN: usize = 64;

/// How Baton must be started for a crowd.
pub const SETTINGS: [(&str, &str); 2] = [("BATON_RETRY_SCHEDULE", RETRIES), ("BATON_SEND_RATE", "200")];

/// Traffic on a Page.
pub struct Crowd {
    /// What it runs on.
    pub running: Running,
    /// The default app.
    pub bot: App,
    desk: App,
    traffic: Traffic,
}

/// What held, by number.
pub struct Held {
    /// Events that were acknowledged.
    pub events: usize,
    /// Messages on the platform.
    pub sent: usize,
    /// Sends of which nobody knows.
    pub unknown: usize,
    /// Changes of owner.
    pub changes: usize,
    /// Webhooks that were not taken at once.
    pub refused: usize,
    /// How long the platform waited for being told to come again, in half of the cases.
    pub usual_refusal: Duration,
    /// The same in every case.
    pub slowest_refusal: Duration,
}

impl Crowd {
    /// People write, the bot answers, the desk takes and gives. Apps fail now and then, and take their time, so that whatever happens meets
    /// deliveries under way, and others that wait behind them.
    pub async fn gather(running: Running, seed: u64) -> Self {
        let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
        let desk = running.add_app("Desk", &["--may-take", "--fields", FIELDS]).await;
        let mut faults = StdRng::seed_from_u64(seed + 1);
        desk.receiver.answer(move |_| if faults.random_bool(0.03) { 500 } else { 200 });
        bot.receiver.think(Duration::from_millis(30));
        desk.receiver.think(Duration::from_millis(80));
        let traffic = Traffic::start(&running, &bot, &desk, seed).await;
        Self { running, bot, desk, traffic }
    }

    /// Waits until something new has come in, and something has gone out.
    pub async fn flows(&self) {
        // The database may be on its way back.
        let progress = async || {
            sqlx::query_as::<_, (i64, i64)>(
                "select last_position, (select count(*) from outbox where state = 'sent') from pages where page_id = $1",
            )
            .bind(PAGE)
            .fetch_one(&self.running.database.pool)
            .await
            .ok()
        };
        let before = eventually("the database answers", progress).await;
        eventually("traffic flows", async || {
            let now = progress().await?;
            (now.0 >= before.0 + 3 && now.1 >= before.1 + 2).then_some(())
        })
        .await;
    }

    /// Waits until everybody has finished, and holds the evidence against every promise. `deaths`: how often Baton or its database died.
    pub async fn settle(self, deaths: usize) -> Held {
        let Self { running, bot, desk, traffic } = self;
        let (said, outcomes) = traffic.stop().await;
        let evidence = settling::everything_is_done(&running, &[(&bot, FIELDS), (&desk, FIELDS)]).await;
        evidence.positions_are_consecutive();
        let events = evidence.acknowledged_events_are_stored_once();
        assert!(events >= said, "{said} messages were written, {events} events acknowledged");
        let sent = evidence.sends_are_honest();
        let changes = evidence.one_owner_at_a_time();
        for app in [&bot, &desk] {
            let (heard, repeated) = evidence.heard_in_order(app, FIELDS);
            // Apps fail for some, too, and are told all that came with those again.
            let again = heard / 2 + deaths * AGAIN;
            assert!(heard >= events && repeated <= again, "{heard} events heard, {repeated} of them again after {deaths} deaths");
        }
        senders_were_told_the_truth(&outcomes, &evidence);
        let (unknown, refused) = (evidence.sends_in("unknown"), evidence.refused_webhooks());
        let waits = evidence.waits_for_refusals();
        let (usual_refusal, slowest_refusal) =
            (waits.get(waits.len() / 2).copied().unwrap_or_default(), waits.last().copied().unwrap_or_default());
        Held { events, sent, unknown, changes, refused, usual_refusal, slowest_refusal }
    }
}

/// What the next eight seconds would do: a process that died holds no leases any more.
pub async fn let_leases_lapse(running: &Running, died: u32) {
    let lapsed = sqlx::query("update processes set heartbeat_at = heartbeat_at - interval '8 seconds' where name like $1")
        .bind(format!("%({died})"))
        .execute(&running.database.pool)
        .await
        .expect("processes are written");
    assert_eq!(lapsed.rows_affected(), 1, "the process that died is known");
}
