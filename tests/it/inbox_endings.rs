//! What comes after a message: another attempt where it failed, and the end of the conversation where that was asked for.

use baton::control::Command;
use baton::ledger::{Begun, OutboxLease, SendError, SendId, SendOutcome};
use serde_json::json;

use crate::web_house::{Answer, Browser, WebHouse};

const MIA: &str = "9001";

/// Anna has Mia's conversation.
async fn hers() -> (WebHouse, Browser) {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "I need help").await;
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let mut anna = house.browser("anna@example.org").await;
    assert_eq!(anna.post(&format!("{}/control", house.conversation(MIA)), &[("action", "assign")]).await.status, 303);
    (house, anna)
}

/// Answers with the form on the page.
async fn answers(browser: &mut Browser, house: &WebHouse, text: &str, then: &str) -> Answer {
    let page = browser.get(&house.conversation(MIA)).await;
    let field = |name: &str| page.attribute(&format!("#reply input[name={name}]"), "value").expect("a field");
    let (key, seen) = (field("key"), field("seen"));
    browser.post(&format!("{}/send", house.conversation(MIA)), &[("text", text), ("key", &key), ("seen", &seen), ("then", then)]).await
}

fn sent(mid: &str) -> SendOutcome {
    SendOutcome::Sent { mid: baton::wire::MessageId::parse(mid).ok(), attachment_id: None }
}

fn refused() -> SendOutcome {
    SendOutcome::Failed(SendError { code: 10, subcode: Some(2_018_108), message: "This Person Cannot Receive Messages".into() })
}

async fn states(house: &WebHouse) -> Vec<String> {
    sqlx::query_scalar("select state from outbox order by send_id").fetch_all(&house.database.pool).await.expect("the outbox")
}

/// Whether it is closed, who holds it, and who is assigned.
async fn stands(house: &WebHouse) -> (bool, Option<String>, Option<i64>) {
    sqlx::query_as("select closed_at is not null, owner, assignee from conversations where person_id = $1")
        .bind(MIA)
        .fetch_one(&house.database.pool)
        .await
        .expect("the conversation")
}

#[tokio::test]
async fn another_attempt_is_a_new_message_and_the_old_one_stays_failed() {
    let (house, mut anna) = hers().await;
    let address = house.conversation(MIA);
    assert_eq!(answers(&mut anna, &house, "Hello Mia", "").await.status, 303);
    house.comes_to(SendId(1), refused()).await;
    let page = anna.get(&address).await;
    assert!(page.text(".message.waits").contains("Not sent The customer cannot be reached"), "{}", page.text(".message.waits"));
    let id = page.attribute("button.again[form=again]", "value").expect("a way to try again");
    let seen = page.attribute("#again input[name=seen]", "value").expect("a position");
    for _ in 0..2 {
        assert_eq!(anna.post(&format!("{address}/again"), &[("send", &id), ("seen", &seen)]).await.status, 303);
    }
    assert_eq!(states(&house).await, ["failed", "accepted"], "pressed twice is tried once");
    let page = anna.get(&address).await;
    assert_eq!(page.count("button.again"), 0, "the new attempt is under way");
    assert!(page.text(".message.waits").contains("Another attempt was made"), "{}", page.text(".message.waits"));
    house.comes_to(SendId(2), refused()).await;
    assert_eq!(anna.get(&address).await.attribute("button.again", "value").as_deref(), Some("2"), "it can be tried once more");
    house.orders(MIA, Command::Release { app: house.page.inbox.clone(), metadata: None }).await;
    assert_eq!(anna.get(&address).await.count("button.again"), 0, "not by somebody who may not write");
    assert_eq!(anna.post(&format!("{address}/again"), &[("send", "2")]).await.status, 409);
    for (fields, status) in [(vec![("send", "x")], 400), (vec![], 400), (vec![("send", "77")], 404)] {
        assert_eq!(anna.post(&format!("{address}/again"), &fields).await.status, status, "{fields:?}");
    }
    assert_eq!(states(&house).await.len(), 2);
}

#[tokio::test]
async fn whoever_is_done_goes_on_with_what_follows_in_the_list() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let mut anna = house.browser("anna@example.org").await;
    for person in ["9005", "9004", "9003", "9002", MIA] {
        house.says(person, &format!("m_{person}"), "I need help").await;
        house.hands_over(person, r#"{"reason":"asked"}"#).await;
        house.orders(person, Command::Take { app: house.page.inbox.clone(), metadata: None }).await;
    }
    let list = "view=open&sort=newest";
    let there = |person: &str| Some(format!("{}?{list}", house.conversation(person)));
    let close = [("action", "close"), ("view", list)];
    assert_eq!(anna.post(&format!("{}/control", house.conversation("9003")), &close).await.location, there("9004"), "what follows");
    assert_eq!(
        anna.post(&format!("{}/control", house.conversation("9005")), &close).await.location,
        there(MIA),
        "after the last the first"
    );
    // What is sent is closed later, when it has been sent.
    let send = async |browser: &mut Browser, person: &str| {
        let fields = [("text", "Goodbye"), ("then", "close"), ("view", list)];
        browser.post(&format!("{}/send", house.conversation(person)), &fields).await.location
    };
    assert_eq!(send(&mut anna, "9002").await, there("9004"));
    assert_eq!(send(&mut anna, MIA).await, there("9002"));
    let stay = [("language", "en"), ("theme", "system"), ("after_close", "stay"), ("reads", "opening")];
    assert_eq!(anna.post("/settings/me", &stay).await.status, 303);
    assert_eq!(send(&mut anna, "9002").await, there("9002"), "who wants to stay stays");
    assert_eq!(anna.post(&format!("{}/control", house.conversation(MIA)), &close).await.location, there(MIA));
}

#[tokio::test]
async fn another_attempt_asks_back_like_any_message_and_is_only_for_the_inboxs_own() {
    let (house, mut anna) = hers().await;
    let ben = house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    let address = house.conversation(MIA);
    answers(&mut anna, &house, "Hello Mia", "").await;
    house.comes_to(SendId(1), SendOutcome::Unknown).await;
    let page = anna.get(&address).await;
    assert!(page.text("button.again").contains("even if it arrives twice"));
    let seen = page.attribute("#again input[name=seen]", "value").expect("a position");
    house.sends_as(ben, MIA, "m_b", json!({"text": "I have answered"})).await;
    let asked = anna.post(&format!("{address}/again"), &[("send", "1"), ("seen", &seen)]).await;
    assert!(asked.status == 409 && asked.text("#problem").contains("somebody has answered meanwhile"), "{}", asked.text("#problem"));
    // What the bot could not send is the bot's.
    house.orders(MIA, Command::Release { app: house.page.inbox.clone(), metadata: None }).await;
    let bots = house.accepts(&house.page.bot, MIA, json!({"text": "beep"})).await;
    house.comes_to(bots, refused()).await;
    house.orders(MIA, Command::Take { app: house.page.inbox.clone(), metadata: None }).await;
    let before = states(&house).await.len();
    anna.post(&format!("{address}/again"), &[("send", &bots.0.to_string())]).await;
    assert_eq!(states(&house).await.len(), before);
}

#[tokio::test]
async fn a_conversation_ends_once_the_last_message_is_sent() {
    for (then, closed, words) in [("close", true, "Anna Berg closed the conversation"), ("release", false, "Anna Berg released")] {
        let (house, mut anna) = hers().await;
        let answer = answers(&mut anna, &house, "Goodbye", then).await;
        assert_eq!((answer.status, answer.location.as_deref()), (303, Some("/inbox?view=needs")), "{then}");
        assert_eq!(stands(&house).await.1.as_deref(), Some(house.page.inbox.as_str()), "not before it is sent");
        assert!(anna.get(&house.conversation(MIA)).await.text(".message.waits").contains("Once it is sent, the conversation is"));
        house.comes_to(SendId(1), sent("m_end")).await;
        let (is_closed, owner, assignee) = stands(&house).await;
        assert_eq!((is_closed, owner, assignee), (closed, None, None), "{then}");
        let page = anna.get(&house.conversation(MIA)).await;
        assert!(page.text(".control").contains(words), "{}", page.text(".control"));
    }
}

#[tokio::test]
async fn whoever_answers_for_a_colleague_may_end_it() {
    for (then, closed) in [("close", true), ("release", false)] {
        let (house, _) = hers().await;
        house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
        let mut ben = house.browser("ben@example.org").await;
        assert_eq!(answers(&mut ben, &house, "For Anna: goodbye", then).await.status, 303);
        house.comes_to(SendId(1), sent("m_end")).await;
        assert_eq!(stands(&house).await, (closed, None, None), "{then}: Anna had it before he wrote");
    }
}

#[tokio::test]
async fn a_conversation_is_put_aside_once_the_message_is_sent() {
    let (house, mut anna) = hers().await;
    let page = anna.get(&house.conversation(MIA)).await;
    let then = page.attribute("button[name=then][value^=snooze]", "value").expect("a way to send and snooze");
    let until = then.rsplit('.').next().expect("a time").parse::<i64>().expect("a time");
    assert_eq!(answers(&mut anna, &house, "I will ask", &then).await.status, 303);
    let snoozed = async || -> Option<i64> {
        sqlx::query_scalar("select (extract(epoch from snoozed_until) * 1000)::bigint from conversations")
            .fetch_one(&house.database.pool)
            .await
            .expect("the conversation")
    };
    assert_eq!(snoozed().await, None, "not before it is sent");
    house.comes_to(SendId(1), sent("m_end")).await;
    assert_eq!(snoozed().await, Some(until));
    assert_eq!(answers(&mut anna, &house, "x", "snooze.1").await.status, 400, "not into the past");
}

#[tokio::test]
async fn what_was_not_done_after_a_message_is_said() {
    // It failed.
    let (house, mut anna) = hers().await;
    answers(&mut anna, &house, "Goodbye", "close").await;
    house.comes_to(SendId(1), refused()).await;
    let inbox = house.page.inbox.as_str().to_owned();
    assert_eq!((stands(&house).await.0, stands(&house).await.1), (false, Some(inbox.clone())));
    assert!(anna.get(&house.conversation(MIA)).await.text(".message.waits").contains("was therefore not closed"));

    // Nobody knows whether it was sent; then it turns out that it was.
    let (house, mut anna) = hers().await;
    answers(&mut anna, &house, "Goodbye", "close").await;
    house.comes_to(SendId(1), SendOutcome::Unknown).await;
    assert!(!stands(&house).await.0);
    house.ledger.finish(house.page.id.clone(), SendId(1), OutboxLease { generation: 1 }, sent("m_late")).await.expect("known at last");
    assert!(stands(&house).await.0);

    // The customer wrote what Anna had not seen.
    for then in ["close", "release"] {
        let (house, mut anna) = hers().await;
        answers(&mut anna, &house, "Goodbye", then).await;
        house.says(MIA, "m_2", "Wait!").await;
        house.comes_to(SendId(1), sent("m_end")).await;
        assert_eq!((stands(&house).await.0, stands(&house).await.1), (false, Some(inbox.clone())), "{then}");
        let page = anna.get(&house.conversation(MIA)).await;
        assert!(page.text(".control").contains("the customer had written meanwhile"), "{}", page.text(".control"));
    }

    // Ben has it by now.
    let (house, mut anna) = hers().await;
    let ben = house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    answers(&mut anna, &house, "Goodbye", "close").await;
    let mut bens = house.browser("ben@example.org").await;
    assert_eq!(
        bens.post(&format!("{}/control", house.conversation(MIA)), &[("action", "assign"), ("to", &ben.to_string())]).await.status,
        303
    );
    house.comes_to(SendId(1), sent("m_end")).await;
    assert_eq!(stands(&house).await, (false, Some(inbox), Some(ben)));
    assert!(bens.get(&house.conversation(MIA)).await.text(".control").contains("somebody else had taken it meanwhile"));
}

#[tokio::test]
async fn the_tag_is_chosen_when_it_is_a_messages_turn_and_never_for_bots() {
    let (house, mut anna) = hers().await;
    answers(&mut anna, &house, "Just in time", "").await;
    house.orders(MIA, Command::Release { app: house.page.inbox.clone(), metadata: None }).await;
    let bots = house.accepts(&house.page.bot, MIA, json!({"text": "beep"})).await;
    let late = baton::clock::now().millis() - 25 * 3_600_000;
    sqlx::query("update conversations set last_person_act = $1").bind(late).execute(&house.database.pool).await.expect("changed");
    for (send, tag, kind) in [(SendId(1), Some("HUMAN_AGENT"), Some("MESSAGE_TAG")), (bots, None, None)] {
        let begun = house.ledger.begin(house.page.id.clone(), send, OutboxLease { generation: 1 }).await.expect("begun");
        let Begun::Go(job) = begun else { panic!("{begun:?}") };
        assert_eq!((job.send.tag.as_deref(), job.send.messaging_type.as_deref()), (tag, kind));
    }
}

#[tokio::test]
async fn no_app_can_end_a_conversation_as_the_inbox_does() {
    let (house, mut anna) = hers().await;
    assert_eq!(answers(&mut anna, &house, "x", "explode").await.status, 400);
    let params =
        json!({"recipient": {"id": MIA}, "message": {"text": "x"}, "thread_control": {"control_type": "done", "how": "close", "seen": 99}});
    let params = baton::wire::Params::from_json(params.to_string().as_bytes()).expect("parameters");
    let refused = baton::wire::parse_send(&params, baton::wire::Object::Page);
    assert!(refused.is_err(), "{refused:?}");
}
