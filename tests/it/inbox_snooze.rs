//! Putting conversations aside: who may, how they leave the lists, and what brings them back.

use baton::access::UserId;
use baton::control::Command;
use baton::ledger::Act;
use baton::wire::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::page::person_id;
use crate::web_house::{Browser, WebHouse};

const MIA: &str = "9001";

async fn handed_over() -> (WebHouse, Browser) {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "Call me next week").await;
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let anna = house.browser("anna@example.org").await;
    (house, anna)
}

async fn rows(anna: &mut Browser, view: &str) -> usize {
    let list = anna.get(&format!("/inbox?view={view}")).await;
    assert_eq!(list.status, 200, "{}", list.body);
    list.count("a.row")
}

async fn snoozed_until(house: &WebHouse) -> Option<time::OffsetDateTime> {
    sqlx::query_scalar("select snoozed_until from conversations where person_id = $1")
        .bind(MIA)
        .fetch_one(&house.database.pool)
        .await
        .expect("a row")
}

#[tokio::test]
async fn what_is_put_aside_leaves_the_lists_until_the_person_writes() {
    let (house, mut anna) = handed_over().await;
    let address = house.conversation(MIA);
    let answer = anna.post(&format!("{address}/snooze"), &[("snooze", "tomorrow"), ("view", "view=needs")]).await;
    assert_eq!((answer.status, answer.location.as_deref()), (303, Some("/inbox?view=needs")));
    assert_eq!((rows(&mut anna, "needs").await, rows(&mut anna, "open").await, rows(&mut anna, "closed").await), (0, 0, 0));
    let page = anna.get(&address).await;
    assert!(page.text("#holder").contains("Snoozed until"), "{}", page.text("#holder"));
    assert!(
        page.text("#timeline").contains("Anna Berg snoozed it until") || page.text("#timeline").contains("You snoozed it until"),
        "{}",
        page.text("#timeline")
    );
    // What the platform tells besides, and what others write, brings nothing back.
    house.hears(&house.page.id, MIA, json!({"read": {"watermark": baton::clock::now().millis()}})).await;
    house.sends(&house.page.inbox, MIA, "m_2", json!({"text": "Gladly"})).await;
    assert_eq!(rows(&mut anna, "open").await, 0);
    house.says(MIA, "m_3", "One more thing").await;
    assert_eq!((rows(&mut anna, "needs").await, rows(&mut anna, "open").await), (1, 1));
    assert_eq!(snoozed_until(&house).await, None);
}

#[tokio::test]
async fn its_time_brings_it_back_and_the_log_says_so() {
    let (house, mut anna) = handed_over().await;
    let soon = baton::clock::now().plus_millis(300);
    let act = Act::Snooze { until: soon };
    house.ledger.act(house.page.id.clone(), person_id(MIA), None, act).await.expect("snoozed");
    assert_eq!(rows(&mut anna, "needs").await, 0);
    let stop = CancellationToken::new();
    let sweeper = tokio::spawn(house.ledger.clone().sweep_until(stop.clone()));
    let asked = std::time::Instant::now();
    while snoozed_until(&house).await.is_some() {
        assert!(asked.elapsed().as_secs() < 30, "the sweeper does not come");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    stop.cancel();
    sweeper.await.expect("the sweeper ends");
    assert_eq!(rows(&mut anna, "needs").await, 1);
    assert!(anna.get(&house.conversation(MIA)).await.text("#timeline").contains("The snooze is over."));
    // The alarm that is left is the lease's, a day away.
    let armed: time::OffsetDateTime =
        sqlx::query_scalar("select check_at from conversations").fetch_one(&house.database.pool).await.expect("an alarm");
    assert!(armed.unix_timestamp() > soon.seconds() + 3600, "{armed}");
}

#[tokio::test]
async fn agents_choose_the_time_in_their_own_zone() {
    let (house, mut anna) = handed_over().await;
    anna.cookies.insert("baton_zone".into(), "Asia/Tokyo".into());
    let snooze = format!("{}/snooze", house.conversation(MIA));
    let page = anna.get(&house.conversation(MIA)).await;
    assert!(
        page.texts(".snooze button.item span").ends_with(&["Tomorrow".into(), "Next week".into()]),
        "{:?}",
        page.texts(".snooze button.item span")
    );
    let day = page.attribute("#snooze-day", "value").expect("a day");
    assert_eq!(anna.post(&snooze, &[("snooze", "at"), ("day", &day), ("time", "07:30")]).await.status, 303);
    let until = snoozed_until(&house).await.expect("snoozed").to_offset(time::UtcOffset::from_hms(9, 0, 0).expect("Tokyo"));
    assert_eq!((until.date().to_string(), until.hour(), until.minute()), (day.clone(), 7, 30));
    // What is past, too far away, or no time at all changes nothing.
    for fields in [
        vec![("snooze", "at"), ("day", "2020-01-01")],
        vec![("snooze", "at"), ("day", "2999-01-01")],
        vec![("snooze", "at"), ("day", "soon")],
        vec![("snooze", "never")],
        vec![],
    ] {
        assert_eq!(anna.post(&snooze, &fields).await.status, 422, "{fields:?}");
    }
    assert_eq!(snoozed_until(&house).await.map(|until| until.unix_timestamp()), Some(until.unix_timestamp()));
    assert_eq!(anna.post(&snooze, &[("snooze", "end")]).await.status, 303);
    assert_eq!((snoozed_until(&house).await, rows(&mut anna, "needs").await), (None, 1));
    house.user("none@example.org", "None", "agent", &[]).await;
    assert_eq!(house.browser("none@example.org").await.post(&snooze, &[("snooze", "tomorrow")]).await.status, 404);
}

#[tokio::test]
async fn closing_and_handing_over_end_a_snooze() {
    let (house, mut anna) = handed_over().await;
    let user = Some(UserId(1));
    let far = || Act::Snooze { until: Timestamp::from_millis(4_000_000_000_000) };
    let act = |act| house.ledger.act(house.page.id.clone(), person_id(MIA), user, act);
    act(far()).await.expect("snoozed");
    act(Act::Close).await.expect("closed");
    assert_eq!((snoozed_until(&house).await, rows(&mut anna, "closed").await), (None, 1));
    act(Act::Reopen).await.expect("open");
    let (bot, inbox) = (house.page.bot.clone(), house.page.inbox.clone());
    house.says(MIA, "m_4", "hello").await;
    act(far()).await.expect("snoozed");
    assert_eq!(rows(&mut anna, "bot").await, 0);
    house.orders(MIA, Command::Pass { app: bot, target: Some(inbox), metadata: None }).await;
    assert_eq!((snoozed_until(&house).await, rows(&mut anna, "needs").await), (None, 1));
    // Nothing to end: nothing is written.
    let before: i64 = sqlx::query_scalar("select count(*) from log").fetch_one(&house.database.pool).await.expect("the log");
    act(Act::Wake).await.expect("nothing to do");
    let after: i64 = sqlx::query_scalar("select count(*) from log").fetch_one(&house.database.pool).await.expect("the log");
    assert_eq!(before, after);
}
