//! What an inbox says when there is nothing to show, and when the platform refuses or puts off what is sent.

use baton::ledger::SendOutcome;
use baton::store::admin::PageChange;
use baton::wire::Timestamp;
use serde_json::json;

use crate::harness::eventually;
use crate::web_house::{Browser, WebHouse};

const MIA: &str = "7421893398374821";

/// Mia waits for Anna, who has taken her.
async fn house() -> (WebHouse, Browser, i64) {
    let house = WebHouse::build().await;
    let anna = house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "hello").await;
    house.hands_over(MIA, "x").await;
    let mut browser = house.browser("anna@example.org").await;
    let take = browser.post(&format!("{}/control", house.conversation(MIA)), &[("action", "assign"), ("to", &anna.to_string())]).await;
    assert_eq!(take.status, 303);
    (house, browser, anna)
}

#[tokio::test]
async fn a_refused_token_is_told_before_anything_is_written_until_the_page_has_another() {
    let (house, mut anna, _) = house().await;
    let page = anna.get(&house.conversation(MIA)).await;
    assert_eq!((page.count("#blocked"), page.count("#reply-text")), (0, 1));
    house.database.store.token_refused(&house.page.id, 190, Some(463), "Session has expired").await.expect("noted");
    let page = anna.get(&house.conversation(MIA)).await;
    assert_eq!(
        page.text("#blocked p"),
        "The platform no longer accepts this Page's access, so nothing can be sent. An admin has to connect the Page again."
    );
    assert_eq!(page.count("#reply-text"), 0);
    assert_eq!(page.count("#note-text"), 1, "notes go nowhere, so they can be written");
    let renewed = PageChange { token_sealed: Some(vec![1]), ..PageChange::default() };
    house.database.store.change_page(&house.page.id, &renewed).await.expect("changed");
    assert_eq!(anna.get(&house.conversation(MIA)).await.count("#blocked"), 0);
}

#[tokio::test]
async fn what_the_platform_puts_off_says_when_it_is_tried_again_and_so_does_the_page() {
    let (house, mut anna, user) = house().await;
    house.says("900", "m_2", "somebody else").await;
    house.hands_over("900", "x").await;
    let send = house.accepts_as(Some(user), &house.page.inbox, MIA, json!({"text": "On my way."})).await;
    let page = anna.get(&house.conversation(MIA)).await;
    assert_eq!((page.text("#timeline .state.accepted"), page.count("#slow")), ("Queued".to_owned(), 0));
    let at = Timestamp::from_millis(baton::clock::now().millis() + 3_600_000);
    house.comes_to(send, SendOutcome::Later { not_before: at }).await;
    let page = anna.get(&house.conversation(MIA)).await;
    assert_eq!(page.text("#timeline .state.accepted"), "Trying again");
    assert!(page.text("#timeline .detail").starts_with("It could not be sent yet. Next attempt at "), "{}", page.text("#timeline .detail"));
    for person in [MIA, "900"] {
        let page = anna.get(&house.conversation(person)).await;
        assert!(
            page.text("#slow").starts_with("What this Page sends is waiting for the platform. A message of yours goes out after "),
            "{person}"
        );
    }
    assert_eq!(anna.get(&house.conversation(MIA)).await.count("#reply-text"), 1, "it may be written, and waits its turn");
    let passed = sqlx::query("update outbox set not_before = now() - interval '1 second'");
    passed.execute(&house.database.pool).await.expect("time passes");
    let page = anna.get(&house.conversation(MIA)).await;
    assert_eq!((page.text("#timeline .state.accepted"), page.count("#slow")), ("Queued".to_owned(), 0));
}

#[tokio::test]
async fn an_empty_list_says_what_comes_next() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.user("none@example.org", "Noor", "agent", &[]).await;
    let mut anna = house.browser("anna@example.org").await;
    let nothing = async |browser: &mut Browser, query: &str| {
        let list = browser.get(&format!("/inbox?{query}")).await;
        (list.text("#nothing b"), list.text("#nothing .hint"))
    };
    let said = nothing(&mut anna, "view=needs").await;
    assert_eq!(
        (said.0.as_str(), said.1.as_str()),
        ("Nobody is waiting.", "Conversations appear here by themselves when the bot hands over.")
    );
    house.says(MIA, "m_1", "hello").await;
    house.says("900", "m_2", "hello").await;
    // Counts are a second old at most.
    eventually("the bot's conversations are counted", || async {
        let mut anna = anna.clone();
        let said = nothing(&mut anna, "view=needs").await;
        (said.1 == "All caught up. Conversations that run without people now: 2.").then_some(())
    })
    .await;
    let list = anna.get("/inbox?view=open&unanswered=1&language=fr").await;
    assert_eq!(list.text("#nothing b"), "Nothing fits these filters.");
    assert_eq!(list.attribute("#nothing a", "href").as_deref(), Some("/inbox?view=open"));
    let mut noor = house.browser("none@example.org").await;
    let said = nothing(&mut noor, "view=needs").await;
    assert_eq!((said.0.as_str(), said.1.as_str()), ("You see no Page yet.", "Ask an admin to give you one."));
}

#[tokio::test]
async fn an_admin_without_any_page_hears_how_to_connect_one() {
    let house = WebHouse::build().await;
    house.user("rosa@example.org", "Rosa Lind", "admin", &[]).await;
    let mut rosa = house.browser("rosa@example.org").await;
    for gone in ["delete from subscriptions", "delete from outbox_leases", "delete from pages"] {
        sqlx::query(gone).execute(&house.database.pool).await.expect("nothing is connected");
    }
    let list = rosa.get("/inbox").await;
    assert_eq!(list.text("#nothing b"), "You see no Page yet.");
    assert_eq!(list.text("#nothing .hint"), "Connect one: baton page add. The README says how.");
}

#[tokio::test]
async fn what_is_put_aside_is_in_sight_as_a_view_of_its_own() {
    let (house, mut anna, _) = house().await;
    let in_sight = "#views > ul > li > a.view.snoozed";
    assert_eq!(anna.get("/inbox").await.count(in_sight), 0, "nothing is");
    let answer = anna.post(&format!("{}/snooze", house.conversation(MIA)), &[("snooze", "tomorrow")]).await;
    assert_eq!(answer.status, 303);
    eventually("it is counted", || async {
        let mut anna = house.browser("anna@example.org").await;
        (anna.get("/inbox").await.count(in_sight) == 1).then_some(())
    })
    .await;
}
