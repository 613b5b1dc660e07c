//! What the platform tells may be old when it comes. Evidence from before the last change of owner moves nobody; the same evidence, fresh,
//! does.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::traffic::OUTSIDE;
use super::{FIELDS, rounds, seed, show};
use crate::harness::eventually;
use crate::harness::running::{App, PAGE, PLATFORM_APP, Person, Running};

/// Evidence that an app beside Baton holds the conversation: the item but for its timestamp, and its channel.
fn evidence(dice: &mut StdRng, person: &Person, number: usize) -> (&'static str, Value) {
    let mid = format!("m_evidence_{number}_{}", person.psid);
    let (theirs, ours) = (json!({"id": person.psid}), json!({"id": PAGE}));
    let echo = json!({"sender": ours, "recipient": theirs, "message": {"is_echo": true, "app_id": OUTSIDE, "mid": mid, "text": "Page inbox here"}});
    let handover = |event: &str| {
        let mut item = json!({"sender": theirs, "recipient": ours});
        item[event] = json!({"previous_owner_app_id": PLATFORM_APP, "new_owner_app_id": OUTSIDE, "metadata": mid});
        item
    };
    match dice.random_range(0..5) {
        0 => ("standby", json!({"sender": theirs, "recipient": ours, "message": {"mid": mid, "text": "to the inbox"}})),
        1 => ("standby", echo),
        2 => ("messaging", echo),
        3 => ("messaging", handover("take_thread_control")),
        _ => ("messaging", handover("pass_thread_control")),
    }
}

/// The same moment, as the platform may write it. In seconds it is a little earlier.
fn written(dice: &mut StdRng, at_ms: i64) -> Value {
    match dice.random_range(0..4) {
        0 => json!(at_ms / 1000),
        1 => json!((at_ms / 1000).to_string()),
        2 => json!(at_ms.to_string()),
        _ => json!(at_ms),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("milliseconds")
}

struct Scene {
    running: Running,
    dice: StdRng,
    injected: usize,
}

impl Scene {
    /// The platform delivers an item, and Baton has taken it.
    async fn tell(&mut self, person: &Person, channel: &str, mut item: Value, at_ms: i64) {
        item["timestamp"] = written(&mut self.dice, at_ms);
        self.injected += 1;
        self.running
            .sandbox
            .post("/sandbox/events", &json!({"page_id": PAGE, "psid": person.psid, "channel": channel, "item": item}))
            .await;
        self.settled().await;
    }

    async fn settled(&self) {
        eventually("Baton has taken everything", async || (self.running.sandbox.pending().await == 0).then_some(())).await;
    }

    /// Nobody holds a conversation without a name: whoever had to be asked for has been, so that no late answer moves anything.
    async fn is_named(&self) {
        eventually("the platform is asked who holds what", async || {
            let unnamed: i64 =
                sqlx::query_scalar(r#"select count(*) from conversations where control like '%"kind":"external","app":null%'"#)
                    .fetch_one(&self.running.database.pool)
                    .await
                    .expect("the conversations");
            (unnamed == 0).then_some(())
        })
        .await;
    }

    /// Who holds the conversation, and the epoch.
    async fn state(&self, person: &Person) -> (Option<String>, i64) {
        sqlx::query_as("select owner, epoch from conversations where page_id = $1 and person_id = $2")
            .bind(PAGE)
            .bind(&person.psid)
            .fetch_one(&self.running.database.pool)
            .await
            .expect("the conversation")
    }

    /// The person writes through the platform.
    async fn writes(&mut self, person: &Person, at_ms: i64) {
        let mid = format!("m_said_{}_{}", self.injected, person.psid);
        let item = json!({"sender": {"id": person.psid}, "recipient": {"id": PAGE}, "message": {"mid": mid, "text": "hello"}});
        self.tell(person, "messaging", item, at_ms).await;
    }

    /// One of Baton's apps gets the conversation just now: the bot, or the desk by a take. When that began.
    async fn moves(&mut self, person: &Person, bot: &App, desk: &App) -> i64 {
        let (taker, other) = if self.dice.random_bool(0.5) { (bot, desk) } else { (desk, bot) };
        // Whoever has it already gets no new epoch from a take.
        if self.state(person).await.0.as_deref() == Some(&taker.id) {
            other.take(person).await.ok();
        }
        let before = now_ms();
        taker.take(person).await.ok();
        before
    }
}

#[tokio::test]
async fn stale_evidence_moves_no_owner_and_fresh_evidence_does() {
    let (rounds, seed) = (rounds(12, 300), seed());
    let running = Running::start(1).await;
    let bot = running.add_app("Bot", &["--default", "--fields", FIELDS]).await;
    let desk = running.add_app("Desk", &["--may-take", "--fields", FIELDS]).await;
    let people = super::greeted(&running, &bot, 3).await;
    let mut scene = Scene { running, dice: StdRng::seed_from_u64(seed), injected: 0 };
    let (mut stale, mut fresh) = (0, 0);
    for round in 0..rounds {
        let person = &people[round % people.len()];
        let moved_at = scene.moves(person, &bot, &desk).await;
        let held = scene.state(person).await;
        for _ in 0..2 {
            let (channel, item) = evidence(&mut scene.dice, person, scene.injected);
            let age = if scene.dice.random_bool(0.5) { scene.dice.random_range(1..50) } else { scene.dice.random_range(50..7_200_000) };
            scene.tell(person, channel, item.clone(), moved_at - age).await;
            assert_eq!(scene.state(person).await, held, "{age} ms before the owner changed: {channel} {item}");
            stale += 1;
        }
        let (channel, item) = evidence(&mut scene.dice, person, scene.injected);
        // A little early, so that it is no older when it is told in seconds.
        let fresh_at = now_ms() + 1_001;
        scene.tell(person, channel, item.clone(), fresh_at).await;
        // Who holds it may be asked of the platform, which knows of nobody outside, and may say so before this looks: the epoch stays.
        assert!(scene.state(person).await.1 > held.1, "just now: {channel} {item}");
        scene.is_named().await;
        fresh += 1;

        // The other way round: control goes to the app outside for certain, and only a message from after that brings it back.
        scene.moves(person, &bot, &desk).await;
        let before = now_ms();
        let away = json!({
            "sender": {"id": person.psid}, "recipient": {"id": PAGE},
            "take_thread_control": {"previous_owner_app_id": PLATFORM_APP, "new_owner_app_id": OUTSIDE, "metadata": round.to_string()},
        });
        scene.tell(person, "messaging", away, before + 1_001).await;
        let held = scene.state(person).await;
        assert_eq!(held.0.as_deref(), Some(OUTSIDE));
        let age = scene.dice.random_range(1..7_200_000);
        scene.writes(person, before - age).await;
        assert_eq!(scene.state(person).await, held, "a message from {age} ms before");
        stale += 1;
        let fresh_at = now_ms() + 1_001;
        scene.writes(person, fresh_at).await;
        assert_eq!(scene.state(person).await.0.as_deref(), Some(bot.id.as_str()), "a message from just now");
        fresh += 1;
    }
    show(
        "What the platform tells is older than the last change of owner",
        rounds,
        "it moves nobody; the same, fresh, does",
        &format!("{stale} stale events moved nobody, {fresh} fresh ones did"),
    );
}
