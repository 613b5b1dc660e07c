//! The ledger on a real database: order, duplicates, ownership, sends and their outcomes.

use baton::control::{Command, Owner, Refusal};
use baton::ledger::{Act, Begun, Ledger, LedgerError, NewSend, Order, OutboxLease, Received, SendError, SendId, SendOutcome, SendState};
use baton::wire::{AppId, Content, Incoming, MessageId, PersonId, Send, Timestamp, webhook};

use serde_json::json;

use crate::harness::page::{TestPage, app_id, person_id};
use crate::harness::{Database, database};

mod sends;

struct House {
    database: Database,
    ledger: Ledger,
    page: TestPage,
}

const PERSON: &str = "9001";

impl House {
    async fn build() -> Self {
        let database = database().await;
        let page = TestPage::insert(&database.pool).await;
        let (ledger, _) = Ledger::start(database.store.clone(), 1, app_id("555"));
        Self { database, ledger, page }
    }

    async fn says(&self, mid: &str, text: &str) -> Received {
        self.hears(&format!(r#""message":{{"mid":"{mid}","text":"{text}"}}"#)).await
    }

    /// The platform tells something about [`PERSON`].
    async fn hears(&self, event: &str) -> Received {
        let now = baton::clock::now().millis();
        self.ledger
            .receive(self.incoming(&format!(
                r#"{{"sender":{{"id":"{PERSON}"}},"recipient":{{"id":"{page}"}},"timestamp":{now},{event}}}"#,
                page = self.page.id
            )))
            .await
            .expect("stored")
            .remove(0)
    }

    fn incoming(&self, item: &str) -> Vec<Incoming> {
        let body = format!(r#"{{"object":"page","entry":[{{"id":"{}","time":1,"messaging":[{item}]}}]}}"#, self.page.id);
        let batch = webhook::parse(body.as_bytes(), Timestamp::from_millis(1)).expect("a webhook");
        batch.items.into_iter().map(|item| item.expect("an event")).collect()
    }

    fn send(&self, app: &AppId, text: &str) -> NewSend {
        let mut message = serde_json::Map::new();
        message.insert("text".into(), text.into());
        NewSend {
            page: self.page.id.clone(),
            app: app.clone(),
            user: None,
            send: Send {
                person: person(),
                content: Content::Message { message, metadata: Some("mine".into()) },
                messaging_type: None,
                tag: None,
                extra: serde_json::Map::new(),
                thread_control: None,
            },
            epoch: None,
            idempotency_key: None,
            seen: None,
            queued: None,
            memory: None,
        }
    }

    fn order(&self, command: Command) -> Order {
        Order { page: self.page.id.clone(), person: person(), command, user: None }
    }

    async fn owner(&self) -> Option<String> {
        sqlx::query_scalar("select owner from conversations where person_id = $1")
            .bind(PERSON)
            .fetch_one(&self.database.pool)
            .await
            .expect("a conversation")
    }

    async fn kinds(&self) -> Vec<String> {
        sqlx::query_scalar("select kind from log order by position").fetch_all(&self.database.pool).await.expect("the log")
    }

    async fn lease(&self) -> OutboxLease {
        sqlx::query("insert into outbox_leases (page_id, process_id, generation) values ($1, 1, 1)")
            .bind(self.page.id.as_str())
            .execute(&self.database.pool)
            .await
            .expect("a lease");
        OutboxLease { generation: 1 }
    }
}

fn person() -> PersonId {
    person_id(PERSON)
}

fn mid(text: &str) -> MessageId {
    MessageId::parse(text).expect("a message id")
}

#[tokio::test]
async fn a_first_message_gives_the_conversation_to_the_default_app() {
    let house = House::build().await;
    assert_eq!(house.says("m_1", "hello").await, Received::Stored { position: 2 });
    assert_eq!(house.owner().await.as_deref(), Some("111"));
    assert_eq!(house.kinds().await, ["control", "message"]);
}

#[tokio::test]
async fn the_same_event_twice_is_stored_once_even_in_one_group() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    assert_eq!(house.says("m_1", "hello").await, Received::Duplicate);
    let item = format!(r#"{{"sender":{{"id":"{PERSON}"}},"recipient":{{"id":"1"}},"timestamp":5,"message":{{"mid":"m_2","text":"x"}}}}"#);
    let both: Vec<Incoming> = [house.incoming(&item), house.incoming(&item)].concat();
    let received = house.ledger.receive(both).await.expect("stored");
    assert_eq!(received, [Received::Stored { position: 3 }, Received::Duplicate]);
}

#[tokio::test]
async fn positions_are_consecutive_under_a_hundred_parallel_webhooks() {
    let house = House::build().await;
    let posts = (0..100).map(|n| {
        let item =
            format!(r#"{{"sender":{{"id":"p{}"}},"recipient":{{"id":"1"}},"timestamp":5,"message":{{"mid":"m_{n}","text":"x"}}}}"#, n % 7);
        let (ledger, events) = (house.ledger.clone(), house.incoming(&item));
        tokio::spawn(async move { ledger.receive(events).await })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.expect("no panic").expect("stored");
    }
    let positions: Vec<i64> =
        sqlx::query_scalar("select position from log order by position").fetch_all(&house.database.pool).await.expect("the log");
    assert_eq!(positions, (1..=107).collect::<Vec<i64>>(), "100 messages and 7 first owners");
    let head: i64 = sqlx::query_scalar("select last_position from pages").fetch_one(&house.database.pool).await.expect("the head");
    assert_eq!(head, 107);
}

#[tokio::test]
async fn only_the_owner_may_send_and_a_refusal_changes_nothing() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let before = house.kinds().await;
    let refused = house.ledger.accept(house.send(&house.page.other, "me too")).await;
    assert!(matches!(refused, Err(LedgerError::Refused(Refusal::NotOwnerSend))), "{refused:?}");
    assert_eq!(house.kinds().await, before);
    let sends: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&house.database.pool).await.expect("the outbox");
    assert_eq!(sends, 0);
}

#[tokio::test]
async fn a_send_that_the_platform_takes_has_one_echo_whichever_word_comes_first() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let lease = house.lease().await;
    for (answer_first, mid_text) in [(true, "m_a"), (false, "m_b")] {
        let accepted = house.ledger.accept(house.send(&house.page.bot, mid_text)).await.expect("accepted");
        let begun = house.ledger.begin(house.page.id.clone(), accepted.send_id, lease).await.expect("begun");
        let Begun::Go(job) = begun else { panic!("{begun:?}") };
        let echo =
            format!(r#""message":{{"is_echo":true,"app_id":555,"metadata":"{}","mid":"{mid_text}","text":"{mid_text}"}}"#, job.token);
        let echo = format!(r#"{{"sender":{{"id":"{}"}},"recipient":{{"id":"{PERSON}"}},"timestamp":9,{echo}}}"#, house.page.id);
        let outcome = SendOutcome::Sent { mid: Some(mid(mid_text)), attachment_id: None };
        if !answer_first {
            house.ledger.receive(house.incoming(&echo)).await.expect("stored");
        }
        let state = house.ledger.finish(house.page.id.clone(), accepted.send_id, lease, outcome).await.expect("finished");
        assert_eq!(state, SendState::Sent { mid: Some(mid(mid_text)), attachment_id: None });
        if answer_first {
            assert_eq!(house.ledger.receive(house.incoming(&echo)).await.expect("stored"), [Received::Duplicate]);
        }
    }
    let echoes: Vec<(String, String)> = sqlx::query_as("select app_id, payload from log where kind = 'echo' order by position")
        .fetch_all(&house.database.pool)
        .await
        .expect("the log");
    assert_eq!(echoes.len(), 2);
    for (app, payload) in echoes {
        let item: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
        assert_eq!((app.as_str(), &item["message"]["app_id"], &item["message"]["metadata"]), ("111", &111.into(), &"mine".into()));
    }
}

#[tokio::test]
async fn a_take_supersedes_what_the_former_owner_has_queued() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let lease = house.lease().await;
    let queued = house.ledger.accept(house.send(&house.page.bot, "late")).await.expect("accepted");
    house.ledger.order(house.order(Command::Take { app: house.page.inbox.clone(), metadata: None })).await.expect("taken");
    let begun = house.ledger.begin(house.page.id.clone(), queued.send_id, lease).await.expect("asked");
    assert!(matches!(begun, Begun::No(SendState::Superseded)), "{begun:?}");
}

#[tokio::test]
async fn a_release_lets_what_its_app_has_queued_go_out() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let lease = house.lease().await;
    let queued = house.ledger.accept(house.send(&house.page.bot, "goodbye")).await.expect("accepted");
    house.ledger.order(house.order(Command::Release { app: house.page.bot.clone(), metadata: None })).await.expect("released");
    let begun = house.ledger.begin(house.page.id.clone(), queued.send_id, lease).await.expect("asked");
    assert!(matches!(begun, Begun::Go(_)), "{begun:?}");
}

#[tokio::test]
async fn what_an_older_lease_left_in_sending_becomes_unknown_and_its_echo_completes_it() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let old = house.lease().await;
    let accepted = house.ledger.accept(house.send(&house.page.bot, "hm")).await.expect("accepted");
    let Begun::Go(job) = house.ledger.begin(house.page.id.clone(), accepted.send_id, old).await.expect("begun") else {
        panic!("not begun")
    };
    sqlx::query("update outbox_leases set generation = 2").execute(&house.database.pool).await.expect("another process");
    let refused = house.ledger.abandon(house.page.id.clone(), old).await;
    assert!(matches!(refused, Err(LedgerError::LeaseLost)), "{refused:?}");
    assert_eq!(house.ledger.abandon(house.page.id.clone(), OutboxLease { generation: 2 }).await.expect("abandoned"), 1);
    let item = format!(
        r#"{{"sender":{{"id":"1"}},"recipient":{{"id":"{PERSON}"}},"timestamp":9,"message":{{"is_echo":true,"app_id":555,"metadata":"{}","mid":"m_x","text":"hm"}}}}"#,
        job.token
    );
    house.ledger.receive(house.incoming(&item)).await.expect("stored");
    let late = house.ledger.finish(house.page.id.clone(), accepted.send_id, old, SendOutcome::Unknown).await.expect("finished");
    assert_eq!(late, SendState::Sent { mid: Some(mid("m_x")), attachment_id: None });
}

#[tokio::test]
async fn a_repeated_idempotency_key_is_the_same_send_and_another_content_is_refused() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let keyed = |text| NewSend { idempotency_key: Some("k1".into()), ..house.send(&house.page.bot, text) };
    let first = house.ledger.accept(keyed("one")).await.expect("accepted");
    let again = house.ledger.accept(keyed("one")).await.expect("accepted");
    assert_eq!((again.send_id, again.repeated), (first.send_id, true));
    assert!(matches!(house.ledger.accept(keyed("two")).await, Err(LedgerError::KeyReused)));
}

#[tokio::test]
async fn the_key_of_a_send_that_may_be_tried_again_is_free_and_any_other_stays_used() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let keyed = || NewSend { idempotency_key: Some("k1".into()), ..house.send(&house.page.bot, "one") };
    let refusal = |code| SendError { code, subcode: None, message: "no".into() };
    let first = house.ledger.accept(keyed()).await.expect("accepted");
    house.ledger.cancel(house.page.id.clone(), first.send_id, refusal(613)).await.expect("cancelled");
    let second = house.ledger.accept(keyed()).await.expect("accepted");
    assert!(second.send_id != first.send_id && !second.repeated, "613 says to try again: {second:?}");
    house.ledger.cancel(house.page.id.clone(), second.send_id, refusal(100)).await.expect("cancelled");
    let third = house.ledger.accept(keyed()).await.expect("accepted");
    assert_eq!((third.send_id, third.repeated), (second.send_id, true), "100 is the answer to this key");
}

#[tokio::test]
async fn a_person_never_seen_cannot_be_written_to() {
    let house = House::build().await;
    let refused = house.ledger.accept(house.send(&house.page.bot, "hi")).await;
    assert!(matches!(refused, Err(LedgerError::UnknownPerson)), "{refused:?}");
}

#[tokio::test]
async fn an_event_of_a_page_that_is_not_connected_is_kept_raw() {
    let house = House::build().await;
    let body = r#"{"object":"page","entry":[{"id":"404","time":1,"messaging":[{"sender":{"id":"5"},"recipient":{"id":"404"},"timestamp":5,"message":{"mid":"m","text":"x"}}]}]}"#;
    let batch = webhook::parse(body.as_bytes(), Timestamp::from_millis(1)).expect("a webhook");
    let events = batch.items.into_iter().map(|item| item.expect("an event")).collect();
    assert_eq!(house.ledger.receive(events).await.expect("kept"), [Received::Quarantined]);
    let kept: (String, String) =
        sqlx::query_as("select page_id, reason from quarantine").fetch_one(&house.database.pool).await.expect("a row");
    assert_eq!(kept.0, "404");
}

#[tokio::test]
async fn closing_lets_go_and_the_next_message_opens_again_for_the_default_app() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    house.ledger.order(house.order(Command::Take { app: house.page.inbox.clone(), metadata: None })).await.expect("taken");
    house.ledger.act(house.page.id.clone(), person(), None, Act::Close).await.expect("closed");
    assert_eq!(house.owner().await, None);
    house.says("m_2", "one more thing").await;
    assert_eq!(house.owner().await.as_deref(), Some("111"));
    let closed: bool =
        sqlx::query_scalar("select closed_at is not null from conversations").fetch_one(&house.database.pool).await.expect("a row");
    assert!(!closed);
}

#[tokio::test]
async fn what_the_inbox_held_until_its_lease_ended_can_be_closed_and_not_assigned() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    house.ledger.order(house.order(Command::Take { app: house.page.inbox.clone(), metadata: None })).await.expect("taken");
    // Long ago: no sweeper has come by.
    let ended = sqlx::query(r#"update conversations set control = regexp_replace(control, '"until":\d+', '"until":1')"#)
        .execute(&house.database.pool)
        .await
        .expect("a row");
    assert_eq!(ended.rows_affected(), 1);
    let assigned = house.ledger.act(house.page.id.clone(), person(), None, Act::Assign { to: None, said: None }).await;
    assert!(matches!(assigned, Err(LedgerError::Refused(Refusal::NotOwner))), "{assigned:?}");
    house.ledger.act(house.page.id.clone(), person(), None, Act::Close).await.expect("closed");
}

#[tokio::test]
async fn an_unsend_leaves_nothing_of_the_text_behind() {
    let house = House::build().await;
    house.says("m_1", "my card number is 4111").await;
    house.hears(r#""message":{"mid":"m_1","is_deleted":true}"#).await;
    // Both in one group.
    tokio::join!(house.says("m_2", "and 4111 again"), house.hears(r#""message":{"mid":"m_2","is_deleted":true}"#));
    let kept: Vec<String> = sqlx::query_scalar("select payload from log where kind = 'message' order by position")
        .fetch_all(&house.database.pool)
        .await
        .expect("the log");
    for (payload, mid) in kept.iter().zip(["m_1", "m_2"]) {
        let item: serde_json::Value = serde_json::from_str(payload).expect("JSON");
        assert_eq!((&item["sender"]["id"], &item["message"]), (&json!(PERSON), &json!({"mid": mid, "is_deleted": true})));
        assert!(item["timestamp"].is_i64(), "{item}");
    }
    let left: i64 =
        sqlx::query_scalar("select count(*) from log where payload like '%4111%'").fetch_one(&house.database.pool).await.expect("the log");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_tap_on_an_old_button_ends_no_ownership_of_others() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let mut offer = house.send(&house.page.bot, "");
    let buttons = json!([{"type": "postback", "title": "Yes", "payload": "YES"}]);
    let template = json!({"template_type": "button", "text": "Sure?", "buttons": buttons});
    let message = [("attachment".to_owned(), json!({"type": "template", "payload": template}))].into_iter().collect();
    offer.send.content = Content::Message { message, metadata: None };
    house.ledger.accept(offer).await.expect("accepted");
    let taken = r#""take_thread_control":{"previous_owner_app_id":"555","new_owner_app_id":"263902037430900"}"#;
    house.hears(taken).await;
    assert_eq!(house.owner().await.as_deref(), Some("263902037430900"));
    // The platform gives it to the app that sent the button, whoever holds the conversation.
    house.hears(r#""postback":{"mid":"m_2","title":"Yes","payload":"YES"}"#).await;
    assert_eq!(house.owner().await.as_deref(), Some("263902037430900"));
    let of: Option<String> =
        sqlx::query_scalar("select button_app from log where kind = 'postback'").fetch_one(&house.database.pool).await.expect("the log");
    assert_eq!(of.as_deref(), Some(house.page.bot.as_str()));
    // What it gives to whoever holds it says that nobody outside does; and an app that is no longer on the Page gets no tap.
    sqlx::query("update subscriptions set removed_at = now() where app_id = $1")
        .bind(house.page.bot.as_str())
        .execute(&house.database.pool)
        .await
        .expect("removed");
    sqlx::query("update pages set rules_version = rules_version + 1").execute(&house.database.pool).await.expect("told");
    house.hears(r#""postback":{"mid":"m_3","title":"Yes","payload":"YES"}"#).await;
    let of: Option<String> = sqlx::query_scalar("select button_app from log where kind = 'postback' and mid = 'm_3'")
        .fetch_one(&house.database.pool)
        .await
        .expect("the log");
    assert_eq!(of, None);
    assert_eq!(house.owner().await, None);
}

#[tokio::test]
async fn a_foreign_echo_silences_the_bot_until_the_agents_take_over() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let item = format!(
        r#"{{"sender":{{"id":"1"}},"recipient":{{"id":"{PERSON}"}},"timestamp":{},"message":{{"is_echo":true,"app_id":263902037430900,"mid":"m_f","text":"by hand"}}}}"#,
        baton::clock::now().millis() + 1000
    );
    house.ledger.receive(house.incoming(&item)).await.expect("stored");
    let refused = house.ledger.accept(house.send(&house.page.bot, "still here")).await;
    assert!(matches!(refused, Err(LedgerError::Refused(Refusal::NotOwnerSend))), "{refused:?}");
    let taken = house.ledger.order(house.order(Command::Take { app: house.page.inbox.clone(), metadata: None })).await.expect("taken");
    assert!(matches!(taken.control.owner, Owner::App { app, .. } if app == house.page.inbox));
}

#[tokio::test]
async fn a_failed_send_keeps_the_words_of_the_platform() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let lease = house.lease().await;
    let accepted = house.ledger.accept(house.send(&house.page.bot, "x")).await.expect("accepted");
    house.ledger.begin(house.page.id.clone(), accepted.send_id, lease).await.expect("begun");
    let error = SendError { code: 551, subcode: Some(1_545_041), message: "(#551) This person isn't available right now.".into() };
    let state =
        house.ledger.finish(house.page.id.clone(), accepted.send_id, lease, SendOutcome::Failed(error.clone())).await.expect("finished");
    assert_eq!(state, SendState::Failed(error));
    let again = house
        .ledger
        .cancel(house.page.id.clone(), SendId(accepted.send_id.0), SendError { code: 613, subcode: None, message: String::new() })
        .await
        .expect("asked");
    assert!(matches!(again, SendState::Failed(SendError { code: 551, .. })), "{again:?}");
}
