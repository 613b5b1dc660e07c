//! Colleagues at the same conversation: who is there, through which process ever, and who answers first.

use std::time::Duration;

use serde_json::json;

use crate::inbox_live::Stream;
use crate::web_house::{Browser, WebHouse};

const MIA: &str = "9001";

async fn house() -> (WebHouse, Browser, Browser) {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "I need help").await;
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let (anna, mut ben) = (house.browser("anna@example.org").await, house.browser("ben@example.org").await);
    ben.base = house.another_process();
    (house, anna, ben)
}

/// Tells what somebody does until a colleague's page shows it: processes begin to listen a moment after they start.
async fn tells(ben: &mut Browser, house: &WebHouse, doing: &str, anna: &mut Browser, words: &str) {
    for _ in 0..200 {
        assert_eq!(ben.post(&format!("{}/presence", house.conversation(MIA)), &[("doing", doing)]).await.status, 204);
        if anna.get(&house.conversation(MIA)).await.text("#presence") == words {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{words:?} never showed");
}

#[tokio::test]
async fn who_is_there_is_told_across_processes_and_only_to_colleagues() {
    let (house, mut anna, mut ben) = house().await;
    let second = house.second_page().await;
    house.user("two@example.org", "Two", "agent", &[&second]).await;
    let mut two = house.browser("two@example.org").await;
    let (mut annas, mut twos) = (Stream::open(&anna, None).await, Stream::open(&two, None).await);
    annas.news().await;
    twos.news().await;
    tells(&mut ben, &house, "viewing", &mut anna, "Ben Okafor is viewing").await;
    tells(&mut ben, &house, "typing", &mut anna, "Ben Okafor is typing").await;
    tells(&mut ben, &house, "gone", &mut anna, "").await;
    for words in ["Ben Okafor is viewing", "Ben Okafor is typing", ""] {
        let event = annas.news().await.expect("an event");
        assert_eq!((event.name.as_str(), event.id.as_deref()), ("presence", None));
        assert_eq!(event.data, json!({"conversation": format!("{}/{MIA}", house.page.id), "words": words}));
    }
    // Somebody of another Page is told nothing of it, and can tell nothing.
    assert_eq!(two.post(&format!("{}/presence", house.conversation(MIA)), &[("doing", "typing")]).await.status, 404);
    house.hears(&second, "9002", json!({"message": {"mid": "m_3", "text": "mine"}})).await;
    assert_eq!(twos.news().await.expect("an event").name, "changed");
    assert_eq!(ben.post(&format!("{}/presence", house.conversation(MIA)), &[("doing", "juggling")]).await.status, 400);
}

#[tokio::test]
async fn of_two_agents_at_once_the_second_is_asked_and_the_first_takes() {
    let (house, mut anna, mut ben) = house().await;
    let address = house.conversation(MIA);
    let before = anna.get(&address).await;
    let seen = before.attribute("#reply input[name=seen]", "value").expect("a position");
    // Both take it at once: it is the first one's, whole, and the other is told so.
    let take = [("action", "assign")];
    let control = format!("{address}/control");
    let (one, other) = tokio::join!(anna.post(&control, &take), ben.post(&control, &take));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409], "{} | {}", one.body, other.body);
    let told = if one.status == 409 { &one } else { &other };
    assert_eq!(told.text("#problem"), "A colleague has just taken this conversation.");
    let (assignee, steps): (Option<String>, i64) = sqlx::query_as(
        "select (select name from users where user_id = assignee), (select count(*) from log where kind = 'assign') from conversations",
    )
    .fetch_one(&house.database.pool)
    .await
    .expect("the conversation");
    let assignee = assignee.expect("one of them has it");
    assert_eq!(steps, 1, "one take is in the log");
    let theirs = if assignee == "Anna Berg" { anna.get(&address).await } else { ben.get(&address).await };
    assert!(theirs.text("#holder").contains("Assigned to you"), "{}", theirs.text("#holder"));
    // Both answer at once: both send, the ledger takes one; the other is asked.
    let fields = |text: &'static str, key: &'static str| [("text", text), ("key", key), ("seen", seen.as_str()), ("queued", "0")];
    let (first, second) = (fields("Anna's answer", "key-of-anna"), fields("Ben's answer", "key-of-ben-"));
    let send = format!("{address}/send");
    let (one, other) = tokio::join!(anna.post(&send, &first), ben.post(&send, &second));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409], "{} | {}", one.body, other.body);
    let asked = if one.status == 409 { one } else { other };
    assert!(
        asked.text("#guard").contains("is sending an answer right now") && asked.text("#guard").contains("answer"),
        "{}",
        asked.text("#guard")
    );
    let again = asked.attribute("#reply input[name=seen]", "value").expect("a position");
    let key = asked.attribute("#reply input[name=key]", "value").expect("a key");
    let browser = if key == "key-of-anna" { &mut anna } else { &mut ben };
    let queued = asked.attribute("#reply input[name=queued]", "value").unwrap_or_default();
    let anyway = [("text", "Anyway"), ("key", key.as_str()), ("seen", again.as_str()), ("queued", queued.as_str())];
    assert_eq!(browser.post(&send, &anyway).await.status, 303);
    let count: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&house.database.pool).await.expect("the outbox");
    assert_eq!(count, 2);
}
