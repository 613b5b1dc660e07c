//! Two processes behind a balancer, under traffic.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::kill::traffic::{Outcome, Traffic, senders_were_told_the_truth};
use crate::harness::eventually;
use crate::harness::running::{App, Balancer, PAGE, Running, settling};

/// What both apps hear.
pub const FIELDS: &str = "messages,message_echoes,message_deliveries,messaging_handovers,standby";

/// Waits for a failed delivery, so short that the test need not wait for them.
const RETRIES: &str = "200ms,300ms,500ms,1s,1s,1s,1s,1s,1s";

/// Two processes, a bot that answers first, a desk that may take, and everybody else. Apps and the platform know the balancer only.
pub struct Pair {
    /// The programs.
    pub running: Running,
    /// What stands before them.
    pub balancer: Balancer,
    bot: App,
    desk: App,
    traffic: Option<Traffic>,
}

/// What came of it all.
#[derive(Debug)]
pub struct Held {
    /// Events that the platform brought.
    pub events: usize,
    /// Changes of owner.
    pub changes: usize,
    /// Messages of the bot.
    pub sends: usize,
    /// Deliveries that came again.
    pub again: usize,
    /// What the bot's calls came to.
    pub outcomes: BTreeMap<String, Outcome>,
}

/// Where the Page is: its newest position and its newest send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Head {
    /// `pages.last_position`.
    pub last_position: i64,
    /// `pages.last_send`.
    pub last_send: i64,
}

impl Pair {
    /// Everybody begins. The balancer gives a process up that takes longer than its `patience`, if it has one.
    pub async fn start(seed: u64, patience: Option<Duration>, settings: &[(&str, &str)]) -> Self {
        let mut all = vec![("BATON_RETRY_SCHEDULE", RETRIES), ("BATON_SEND_RATE", "200")];
        all.extend_from_slice(settings);
        let running = Running::with(2, &all).await;
        let balancer = Balancer::start(running.batons.iter().map(|baton| baton.base.clone()).collect(), patience);
        running.sandbox.deliver_to(&balancer.url).await;
        let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await.through(&balancer.base);
        let desk = running.add_app("Desk", &["--may-take", "--fields", FIELDS]).await.through(&balancer.base);
        let mut faults = StdRng::seed_from_u64(seed + 1);
        desk.receiver.answer(move |_| if faults.random_bool(0.03) { 500 } else { 200 });
        // Apps take their time, so that there are always deliveries under way, and others that wait behind them.
        bot.receiver.think(Duration::from_millis(30));
        desk.receiver.think(Duration::from_millis(80));
        let traffic = Some(Traffic::start(&running, &bot, &desk, seed).await);
        Self { running, balancer, bot, desk, traffic }
    }

    /// Waits until something new has come in, and something has gone out.
    pub async fn traffic_flows(&self) {
        let sent = async || -> i64 {
            sqlx::query_scalar("select count(*) from outbox where state = 'sent'")
                .fetch_one(&self.running.database.pool)
                .await
                .expect("the outbox")
        };
        let (head, sends) = (self.head().await, sent().await);
        eventually("traffic flows", async || {
            (self.head().await.last_position >= head.last_position + 3 && sent().await >= sends + 2).then_some(())
        })
        .await;
    }

    /// Where the Page is.
    pub async fn head(&self) -> Head {
        sqlx::query_as("select last_position, last_send from pages where page_id = $1")
            .bind(PAGE)
            .fetch_one(&self.running.database.pool)
            .await
            .expect("the head")
    }

    /// The processes that deliver to the apps, one a subscription.
    pub async fn deliverers(&self) -> Vec<usize> {
        let names: Vec<String> = sqlx::query_scalar("select p.name from cursors c join processes p using (process_id)")
            .fetch_all(&self.running.database.pool)
            .await
            .expect("the cursors");
        names.iter().map(|name| self.number(name)).collect()
    }

    /// The process that sends for the Page.
    pub async fn sender(&self) -> Option<usize> {
        let name: Option<String> =
            sqlx::query_scalar("select p.name from outbox_leases l join processes p using (process_id) where l.page_id = $1")
                .bind(PAGE)
                .fetch_optional(&self.running.database.pool)
                .await
                .expect("the lease");
        name.map(|name| self.number(&name))
    }

    /// The number of a process by its name, which is its address and its id.
    fn number(&self, name: &str) -> usize {
        let address = name.split(' ').next().unwrap_or("?");
        self.running.batons.iter().position(|baton| baton.base.ends_with(address)).expect("one of the two")
    }

    /// Everybody stops; then whatever was promised must have held.
    pub async fn ends_well(&mut self) -> Held {
        let (said, outcomes) = self.traffic.take().expect("it runs").stop().await;
        let evidence = settling::everything_is_done(&self.running, &[(&self.bot, FIELDS), (&self.desk, FIELDS)]).await;
        evidence.positions_are_consecutive();
        let events = evidence.acknowledged_events_are_stored_once();
        assert!(events >= said && said > 0, "{said} messages were written, {events} events acknowledged");
        let (sends, changes) = (evidence.sends_are_honest(), evidence.one_owner_at_a_time());
        let mut again = 0;
        for app in [&self.bot, &self.desk] {
            again += evidence.heard_in_order(app, FIELDS).1;
        }
        senders_were_told_the_truth(&outcomes, &evidence);
        Held { events, changes, sends, again, outcomes }
    }
}
