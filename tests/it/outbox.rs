//! The outbox against a platform with faults: order, pace, and honest outcomes.

use std::time::Duration;

use baton::ledger::{SendOutcome, SendState};
use baton::platform::outbox;
use baton::wire::MessageId;
use serde_json::json;

use crate::harness::eventually;
use crate::platform::{House, OWN_APP};
use crate::platform_fake::{FakePlatform, Reply};

fn sent(mid: &str) -> SendState {
    SendState::Sent { mid: Some(MessageId::parse(mid).expect("a message id")), attachment_id: None }
}

async fn echoes(house: &House) -> Vec<String> {
    sqlx::query_scalar("select mid from log where kind = 'echo' order by position").fetch_all(&house.database.pool).await.expect("the log")
}

#[tokio::test]
async fn each_conversation_goes_in_order_one_at_a_time() {
    let house = House::build().await;
    house.fake.set_delay(Duration::from_millis(20));
    let fast = outbox::pacing::Rate { per_second: 1000, burst: 100 };
    house.start_outbox(outbox::Settings { messages: fast, ..House::outbox_settings() }).await;
    let people = ["9001", "9002", "9003"];
    for (n, person) in people.iter().enumerate() {
        house.says(person, &format!("m_{n}")).await;
    }
    let mut last = Vec::new();
    for n in 0..10 {
        for person in people {
            last.push(house.sends(person, &format!("{n}")).await);
        }
    }
    for send in last {
        assert!(matches!(house.outcome(send).await, SendState::Sent { mid: Some(_), .. }));
    }
    let expected: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    for person in people {
        assert_eq!(house.fake.texts(person), expected);
    }
    assert_eq!(house.fake.most_under_way(), 1);
    assert_eq!(echoes(&house).await.len(), 30, "one local echo each");
}

#[tokio::test]
async fn the_platform_gets_batons_token_and_the_app_its_own_metadata_back() {
    let house = House::build().await;
    house.start_outbox(House::outbox_settings()).await;
    house.says("9001", "m_1").await;
    let send = house.sends("9001", "hello").await;
    assert_eq!(house.outcome(send).await, sent("m_up_1"));
    let body = house.fake.calls("/messages")[0].body.clone();
    let token: String = sqlx::query_scalar("select token from outbox").fetch_one(&house.database.pool).await.expect("a token");
    assert_eq!(body.pointer("/message/metadata"), Some(&json!(token)));
    assert_eq!(body.pointer("/recipient/id"), Some(&json!("9001")));
    let payload: String =
        sqlx::query_scalar("select payload from log where kind = 'echo'").fetch_one(&house.database.pool).await.expect("an echo");
    let echo: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
    assert_eq!(echo.pointer("/message/metadata"), Some(&json!("the app's own")));
    // The platform's own echo of it adds nothing.
    house.hears_echo("9001", &format!(r#"{{"mid":"m_up_1","is_echo":true,"app_id":{OWN_APP},"metadata":"{token}","text":"hello"}}"#)).await;
    assert_eq!(echoes(&house).await, ["m_up_1"]);
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_an_unknown_that_its_echo_settles() {
    let house = House::build().await;
    house.fake.reply([Reply::Drop]);
    house.start_outbox(outbox::Settings { hold_unknown: Duration::from_secs(60), ..House::outbox_settings() }).await;
    house.says("9001", "m_1").await;
    house.says("9002", "m_2").await;
    let (first, second) = (house.sends("9001", "first").await, house.sends("9001", "second").await);
    assert_eq!(house.outcome(first).await, SendState::Unknown);
    let other = house.sends("9002", "other").await;
    assert!(matches!(house.outcome(other).await, SendState::Sent { .. }), "other conversations go on");
    assert_eq!(house.state(second).await, SendState::Accepted, "its own waits for the echo");
    let token: String = sqlx::query_scalar("select token from outbox where send_id = $1")
        .bind(first.0)
        .fetch_one(&house.database.pool)
        .await
        .expect("a token");
    house.hears_echo("9001", &format!(r#"{{"mid":"m_lost","is_echo":true,"app_id":{OWN_APP},"metadata":"{token}","text":"first"}}"#)).await;
    assert_eq!(house.outcome(first).await, sent("m_lost"));
    assert!(matches!(house.outcome(second).await, SendState::Sent { .. }));
    assert_eq!(house.fake.texts("9001"), ["first", "second"], "nothing is sent twice");
}

#[tokio::test]
async fn an_unknown_without_echo_stops_holding_up_its_conversation() {
    let house = House::build().await;
    house.fake.reply([Reply::With(500, json!({})), Reply::With(502, json!("bad gateway"))]);
    house.start_outbox(outbox::Settings { hold_unknown: Duration::from_millis(100), ..House::outbox_settings() }).await;
    house.says("9001", "m_1").await;
    let sends = [house.sends("9001", "1").await, house.sends("9001", "2").await, house.sends("9001", "3").await];
    assert!(matches!(house.outcome(sends[2]).await, SendState::Sent { .. }));
    assert_eq!(house.state(sends[0]).await, SendState::Unknown);
    assert_eq!(house.state(sends[1]).await, SendState::Unknown);
    assert_eq!(house.fake.texts("9001"), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let house = House::on(FakePlatform::absent(address.port())).await;
    house.start_outbox(House::outbox_settings()).await;
    house.says("9001", "m_1").await;
    let sends = [house.sends("9001", "1").await, house.sends("9001", "2").await];
    let tried = || async {
        let not_before: Option<time::OffsetDateTime> =
            sqlx::query_scalar("select not_before from outbox where send_id = 1").fetch_one(&house.database.pool).await.expect("a send");
        not_before
    };
    eventually("a first attempt", tried).await;
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    socket.bind(address).expect("the same port");
    house.fake.serve(socket.listen(16).expect("listening"));
    for send in sends {
        assert!(matches!(house.outcome(send).await, SendState::Sent { .. }));
    }
    assert_eq!(house.fake.texts("9001"), ["1", "2"], "in order, once each");
}

#[tokio::test]
async fn a_throttled_page_rests_and_keeps_its_order() {
    let house = House::build().await;
    let throttled = |code: i64| Reply::With(400, json!({"error":{"code":code,"message":"too many calls"}}));
    house.fake.reply([throttled(613), throttled(80006), Reply::With(429, json!({}))]);
    house.start_outbox(House::outbox_settings()).await;
    house.says("9001", "m_1").await;
    let sends = [house.sends("9001", "1").await, house.sends("9001", "2").await];
    for send in sends {
        assert!(matches!(house.outcome(send).await, SendState::Sent { .. }));
    }
    assert_eq!(house.fake.texts("9001"), ["1", "1", "1", "1", "2"]);
}

#[tokio::test]
async fn a_refusal_fails_with_the_platforms_words() {
    let house = House::build().await;
    let window = json!({"error":{"code":10,"error_subcode":2_018_278,"message":"(#10) This message is sent outside of allowed window."}});
    // A refusal is one whatever the status.
    house.fake.reply([Reply::With(400, window.clone()), Reply::With(200, window)]);
    house.start_outbox(House::outbox_settings()).await;
    house.says("9001", "m_1").await;
    let sends = [house.sends("9001", "1").await, house.sends("9001", "2").await, house.sends("9001", "3").await];
    for send in &sends[..2] {
        let SendState::Failed(error) = house.outcome(*send).await else { panic!("it was refused") };
        assert_eq!((error.code, error.subcode), (10, Some(2_018_278)));
        assert_eq!(error.message, "(#10) This message is sent outside of allowed window.");
    }
    assert!(matches!(house.outcome(sends[2]).await, SendState::Sent { .. }));
    assert_eq!(echoes(&house).await.len(), 1);
}

#[tokio::test]
async fn a_thread_held_outside_silences_the_bot() {
    let house = House::build().await;
    house.fake.set_thread_owner(json!({"data":[{"thread_owner":{"app_id":crate::platform::PAGE_INBOX}}]}));
    house.fake.reply([Reply::With(400, json!({"error":{"code":10,"error_subcode":2_018_300,"message":"(#10) another app"}}))]);
    house.start_transfers();
    house.start_outbox(House::outbox_settings()).await;
    house.says("9001", "m_1").await;
    let (first, second) = (house.sends("9001", "1").await, house.sends("9001", "2").await);
    let SendState::Failed(error) = house.outcome(first).await else { panic!("it was refused") };
    assert_eq!((error.code, error.subcode), (10, Some(2_018_300)));
    assert_eq!(house.outcome(second).await, SendState::Superseded, "what was queued behind it is not tried");
    house.owner_becomes("9001", "the name of the owner", crate::platform::is_external).await;
    assert_eq!(house.fake.texts("9001"), ["1"]);
}

#[tokio::test]
async fn a_dead_token_is_noted_and_a_new_one_counts_at_once() {
    let house = House::build().await;
    house.fake.reply([Reply::With(400, json!({"error":{"code":190,"error_subcode":463,"message":"Session has expired"}}))]);
    house.start_outbox(House::outbox_settings()).await;
    house.says("9001", "m_1").await;
    let first = house.sends("9001", "1").await;
    assert!(matches!(house.outcome(first).await, SendState::Failed(error) if (error.code, error.subcode) == (190, Some(463))));
    let refused = || async {
        sqlx::query_scalar::<_, bool>("select refused_at is not null from page_connections")
            .fetch_one(&house.database.pool)
            .await
            .expect("noted")
    };
    assert!(refused().await);
    // The client still believes the old token; its refusal makes it look.
    house.fake.reply([Reply::With(400, json!({"error":{"code":190,"error_subcode":463}}))]);
    house.set_token("EAAG-new").await;
    let second = house.sends("9001", "2").await;
    assert!(matches!(house.outcome(second).await, SendState::Sent { .. }));
    let tokens: Vec<_> = house.fake.calls("/messages").iter().map(|call| call.query["access_token"].clone()).collect();
    assert_eq!(tokens, ["EAAG-page-token", "EAAG-page-token", "EAAG-new"]);
    eventually("the Page is well again", || async { (!refused().await).then_some(()) }).await;
}

#[tokio::test]
async fn a_second_dead_token_is_noted_like_the_first() {
    let house = House::build().await;
    house.start_outbox(House::outbox_settings()).await;
    house.says("9001", "m_1").await;
    for (number, token) in ["EAAG-dead", "EAAG-dead-too", "EAAG-dead-as-well"].into_iter().enumerate() {
        house.renews_token(token).await;
        // Both the one that is believed and the one that is read then are refused.
        let dead = || Reply::With(400, json!({"error":{"code":190,"error_subcode":463}}));
        house.fake.reply([dead(), dead()]);
        let send = house.sends("9001", &number.to_string()).await;
        assert!(matches!(house.outcome(send).await, SendState::Failed(error) if error.code == 190), "{token}");
        let noted = "select count(*) from page_connections where refused_at is not null";
        eventually(&format!("{token} is noted"), || async {
            let noted: i64 = sqlx::query_scalar(noted).fetch_one(&house.database.pool).await.expect("a number");
            (noted == 1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_a_dead_process_was_sending_is_unknown_and_what_it_had_not_begun_is_sent() {
    let house = House::build().await;
    house.says("9001", "m_1").await;
    let (first, second) = (house.sends("9001", "1").await, house.sends("9001", "2").await);
    // A process that began the first, and died.
    let dead = house.database.store.register_process("dead").await.expect("registered");
    let generation = house.database.store.lease_outbox(&house.page.id, dead).await.expect("the store").expect("the lease");
    let lease = baton::ledger::OutboxLease { generation };
    house.ledger.begin(house.page.id.clone(), first, lease).await.expect("begun");
    sqlx::query("update processes set heartbeat_at = clock_timestamp() - interval '9 seconds' where process_id = $1")
        .bind(dead)
        .execute(&house.database.pool)
        .await
        .expect("dead");
    house.start_outbox(outbox::Settings { hold_unknown: Duration::from_millis(100), ..House::outbox_settings() }).await;
    assert!(matches!(house.outcome(second).await, SendState::Sent { .. }));
    assert_eq!(house.state(first).await, SendState::Unknown);
    assert_eq!(house.fake.texts("9001"), ["2"]);
    // Should it come back to life, its answer still counts.
    let outcome = SendOutcome::Sent { mid: Some(MessageId::parse("m_late").expect("an id")), attachment_id: None };
    assert_eq!(house.ledger.finish(house.page.id.clone(), first, lease, outcome).await.expect("finished"), sent("m_late"));
}

#[tokio::test]
async fn a_living_process_keeps_its_lease() {
    let house = House::build().await;
    let store = &house.database.store;
    let (alive, other) = (store.register_process("a").await.expect("a"), store.register_process("b").await.expect("b"));
    let first = store.lease_outbox(&house.page.id, alive).await.expect("the store").expect("free");
    assert_eq!(store.lease_outbox(&house.page.id, other).await.expect("the store"), None);
    let again = store.lease_outbox(&house.page.id, alive).await.expect("the store").expect("its own");
    assert!(again > first, "each lease has a higher number");
    store.release_outbox(&house.page.id, alive, first).await.expect("the store");
    assert_eq!(store.lease_outbox(&house.page.id, other).await.expect("the store"), None, "an old number releases nothing");
    store.release_outbox(&house.page.id, alive, again).await.expect("the store");
    assert!(store.lease_outbox(&house.page.id, other).await.expect("the store").is_some_and(|number| number > again));
    assert_eq!(store.lease_outbox(&house.page.id, 424_242).await.expect("the store"), None, "nobody who is not alive");
}

#[tokio::test]
async fn two_processes_send_everything_once() {
    let house = House::build().await;
    for n in 0..5 {
        house.says(&format!("900{n}"), &format!("m_{n}")).await;
    }
    let fast = outbox::pacing::Rate { per_second: 1000, burst: 100 };
    let settings = outbox::Settings { messages: fast, ..House::outbox_settings() };
    let (first, second) = (house.start_outbox(settings.clone()).await, house.start_outbox(settings).await);
    assert_ne!(first.0.id(), second.0.id());
    let mut sends = Vec::new();
    for n in 0..8 {
        for person in 0..5 {
            sends.push(house.sends(&format!("900{person}"), &format!("{n}")).await);
        }
    }
    for send in sends {
        assert!(matches!(house.outcome(send).await, SendState::Sent { .. }));
    }
    let expected: Vec<String> = (0..8).map(|n| n.to_string()).collect();
    for person in 0..5 {
        assert_eq!(house.fake.texts(&format!("900{person}")), expected);
    }
    house.stop.cancel();
    first.1.await.expect("stopped");
    second.1.await.expect("stopped");
}
