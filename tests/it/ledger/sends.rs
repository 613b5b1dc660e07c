//! Sends that come back to wait, and echoes that do not say whose they are.

use super::*;

const LATER: SendOutcome = SendOutcome::Later { not_before: Timestamp::from_millis(0) };

fn sent(text: &str) -> SendOutcome {
    SendOutcome::Sent { mid: Some(mid(text)), attachment_id: None }
}

impl House {
    async fn accepts(&self, text: &str) -> SendId {
        self.ledger.accept(self.send(&self.page.bot, text)).await.expect("accepted").send_id
    }

    async fn begins(&self, send: SendId, lease: OutboxLease) -> Begun {
        self.ledger.begin(self.page.id.clone(), send, lease).await.expect("asked")
    }

    async fn finishes(&self, send: SendId, lease: OutboxLease, outcome: SendOutcome) -> SendState {
        self.ledger.finish(self.page.id.clone(), send, lease, outcome).await.expect("finished")
    }

    async fn echoes(&self) -> Vec<Option<String>> {
        sqlx::query_scalar("select mid from log where kind = 'echo' order by position")
            .fetch_all(&self.database.pool)
            .await
            .expect("the log")
    }
}

#[tokio::test]
async fn what_was_under_way_during_a_take_does_not_come_back_to_be_sent_by_the_former_owner() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let lease = house.lease().await;
    let (throttled, taken) = (house.accepts("throttled").await, house.accepts("taken").await);
    for send in [throttled, taken] {
        let begun = house.begins(send, lease).await;
        assert!(matches!(begun, Begun::Go(_)), "{begun:?}");
    }
    house.ledger.order(house.order(Command::Take { app: house.page.inbox.clone(), metadata: None })).await.expect("taken");
    house.finishes(throttled, lease, LATER).await;
    let begun = house.begins(throttled, lease).await;
    assert!(matches!(begun, Begun::No(SendState::Superseded)), "{begun:?}");
    assert!(matches!(house.finishes(taken, lease, sent("m_taken")).await, SendState::Sent { .. }), "what the platform has is sent");
    let open: i64 = sqlx::query_scalar("select count(*) from outbox where done_at is null").fetch_one(&house.database.pool).await.unwrap();
    assert_eq!(open, 0, "both are over");
}

#[tokio::test]
async fn what_was_under_way_when_its_app_let_go_comes_back_to_be_sent() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let lease = house.lease().await;
    let goodbye = house.accepts("goodbye").await;
    house.begins(goodbye, lease).await;
    house.ledger.order(house.order(Command::Release { app: house.page.bot.clone(), metadata: None })).await.expect("released");
    assert_eq!(house.finishes(goodbye, lease, LATER).await, SendState::Accepted);
    let begun = house.begins(goodbye, lease).await;
    assert!(matches!(begun, Begun::Go(_)), "{begun:?}");
}

#[tokio::test]
async fn a_former_holder_of_the_outbox_does_not_reopen_what_another_has_begun() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let old = house.lease().await;
    let send = house.accepts("once").await;
    house.begins(send, old).await;
    assert_eq!(house.finishes(send, old, LATER).await, SendState::Accepted);
    sqlx::query("update outbox_leases set generation = 2").execute(&house.database.pool).await.expect("another process");
    let new = OutboxLease { generation: 2 };
    let begun = house.begins(send, new).await;
    assert!(matches!(begun, Begun::Go(_)), "{begun:?}");
    // The answer to its first telling was lost.
    for outcome in [LATER, SendOutcome::Unknown] {
        assert_eq!(house.finishes(send, old, outcome).await, SendState::Sending);
    }
    assert!(matches!(house.finishes(send, new, sent("m_once")).await, SendState::Sent { .. }));
    assert_eq!(house.echoes().await, [Some("m_once".to_owned())]);
}

#[tokio::test]
async fn what_is_accepted_after_a_take_and_a_return_in_one_group_goes_out() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let lease = house.lease().await;
    let (bot, inbox) = (&house.page.bot, &house.page.inbox);
    let taken = house.order(Command::Take { app: inbox.clone(), metadata: None });
    let returned = house.order(Command::Pass { app: inbox.clone(), target: Some(bot.clone()), metadata: None });
    // On one thread all three wait before the writer looks.
    let (taken, returned, accepted) =
        tokio::join!(house.ledger.order(taken), house.ledger.order(returned), house.ledger.accept(house.send(bot, "back again")));
    taken.expect("taken");
    returned.expect("passed back");
    let begun = house.begins(accepted.expect("accepted").send_id, lease).await;
    assert!(matches!(begun, Begun::Go(_)), "{begun:?}");
}

#[tokio::test]
async fn an_echo_of_one_of_two_like_sends_moves_nobody_and_is_in_the_log_once() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let lease = house.lease().await;
    let (first, second) = (house.accepts("Hi").await, house.accepts("Hi").await);
    for send in [first, second] {
        house.begins(send, lease).await;
    }
    assert_eq!(house.finishes(first, lease, SendOutcome::Unknown).await, SendState::Unknown);
    let item = format!(
        r#"{{"sender":{{"id":"{}"}},"recipient":{{"id":"{PERSON}"}},"timestamp":{},"message":{{"is_echo":true,"mid":"m_e","text":"Hi"}}}}"#,
        house.page.id,
        baton::clock::now().millis()
    );
    let stored = house.ledger.receive(house.incoming(&item)).await.expect("stored");
    assert!(matches!(stored[..], [Received::Stored { .. }]), "{stored:?}");
    assert_eq!(house.owner().await.as_deref(), Some(house.page.bot.as_str()), "it may well be the bot's own");
    assert!(matches!(house.finishes(second, lease, sent("m_e")).await, SendState::Sent { .. }));
    assert_eq!(house.echoes().await, [Some("m_e".to_owned())]);
}

#[tokio::test]
async fn an_echo_without_a_name_is_kept() {
    let house = House::build().await;
    house.says("m_1", "hello").await;
    let lease = house.lease().await;
    let send = house.accepts("hm").await;
    let Begun::Go(job) = house.begins(send, lease).await else { panic!("not begun") };
    let item = format!(
        r#"{{"sender":{{"id":"{}"}},"recipient":{{"id":"{PERSON}"}},"timestamp":9,"message":{{"is_echo":true,"app_id":555,"metadata":"{}","text":"hm"}}}}"#,
        house.page.id, job.token
    );
    let stored = house.ledger.receive(house.incoming(&item)).await.expect("stored");
    assert!(matches!(stored[..], [Received::Stored { .. }]), "{stored:?}");
    assert_eq!(house.owner().await.as_deref(), Some(house.page.bot.as_str()));
    assert_eq!(house.echoes().await, [None]);
}
