//! Writing: replies and notes that cannot be confused, and drafts that nothing loses or brings back.

use serde_json::json;

use crate::web_house::{Answer, Browser, WebHouse};

const MIA: &str = "9001";

async fn handed_over() -> (WebHouse, Browser) {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "I need help").await;
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let anna = house.browser("anna@example.org").await;
    (house, anna)
}

async fn count(house: &WebHouse, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&house.database.pool).await.expect("a number")
}

/// Saves a draft as the page's script does.
async fn saves(browser: &mut Browser, house: &WebHouse, kind: &str, key: &str, edits: i64, text: &str) -> u16 {
    let fields = [("kind", kind), ("key", key), ("edits", &edits.to_string()), ("text", text)];
    browser.post(&format!("{}/draft", house.conversation(MIA)), &fields).await.status
}

fn written(page: &Answer) -> (String, String) {
    (page.text("#reply-text"), page.text("#note-text"))
}

fn field(page: &Answer, name: &str) -> String {
    page.attribute(&format!("#reply input[name={name}]"), "value").expect("a field")
}

#[tokio::test]
async fn a_draft_is_on_every_device_of_its_agent_and_on_nobody_elses() {
    let (house, mut anna) = handed_over().await;
    house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    assert_eq!(saves(&mut anna, &house, "reply", "key-of-laptop", 3, "Dear <Mia>").await, 303);
    assert_eq!(saves(&mut anna, &house, "note", "key-of-note", 1, "angry").await, 303);
    let mut phone = house.browser("anna@example.org").await;
    let page = phone.get(&house.conversation(MIA)).await;
    assert_eq!(written(&page), ("Dear <Mia>".to_owned(), "angry".to_owned()));
    assert_eq!((field(&page, "key"), field(&page, "edits")), ("key-of-laptop".to_owned(), "3".to_owned()));
    let mut ben = house.browser("ben@example.org").await;
    assert_eq!(written(&ben.get(&house.conversation(MIA)).await), (String::new(), String::new()));
    // An older save that arrives late changes nothing, and its device hears so; a newer one does, from whichever device.
    assert_eq!(saves(&mut anna, &house, "reply", "key-of-laptop", 2, "Dear").await, 409);
    let form = [("kind", "reply"), ("key", "key-of-laptop"), ("edits", "2"), ("text", "Dear Madam")];
    let back = phone.post(&format!("{}/draft", house.conversation(MIA)), &form).await;
    assert!(back.text("#problem").contains("another device"), "{}", back.text("#problem"));
    assert_eq!(back.text("#reply-text"), "Dear Madam");
    assert_eq!(written(&phone.get(&house.conversation(MIA)).await).0, "Dear <Mia>");
    saves(&mut phone, &house, "reply", "key-of-laptop", 4, "Dear Mia Wong").await;
    assert_eq!(written(&anna.get(&house.conversation(MIA)).await).0, "Dear Mia Wong");
}

#[tokio::test]
async fn what_was_sent_does_not_come_back_and_what_is_typed_next_is_not_lost() {
    let (house, mut anna) = handed_over().await;
    let address = house.conversation(MIA);
    saves(&mut anna, &house, "reply", "key-of-first", 5, "First answer").await;
    let send = [("text", "First answer"), ("key", "key-of-first"), ("edits", "6")];
    assert_eq!(anna.post(&format!("{address}/send"), &send).await.status, 303);
    assert_eq!(written(&anna.get(&address).await).0, "");
    // A save that had been on its way.
    saves(&mut anna, &house, "reply", "key-of-first", 6, "First answer").await;
    assert_eq!(written(&anna.get(&address).await).0, "", "it was sent");
    // Typed into the same form after it was sent: the next message, so under another key.
    saves(&mut anna, &house, "reply", "key-of-first", 7, "And one more thing").await;
    let page = anna.get(&address).await;
    assert_eq!(written(&page).0, "And one more thing");
    assert_ne!(field(&page, "key"), "key-of-first");
    // A device that still shows what was sent cannot send it again.
    assert_eq!(anna.post(&format!("{address}/send"), &send).await.status, 303);
    assert_eq!(count(&house, "select count(*) from outbox").await, 1);
    assert_eq!(written(&anna.get(&address).await).0, "And one more thing");
}

#[tokio::test]
async fn one_draft_sent_from_two_devices_is_one_message() {
    let (house, anna) = handed_over().await;
    let address = house.conversation(MIA);
    let (mut laptop, mut phone) = (anna, house.browser("anna@example.org").await);
    saves(&mut laptop, &house, "reply", "key-of-both", 5, "Here it is").await;
    for device in [&mut laptop, &mut phone] {
        let fields = [("text", "Here it is"), ("key", "key-of-both"), ("edits", "5")];
        assert_eq!(device.post(&format!("{address}/send"), &fields).await.status, 303);
    }
    assert_eq!(count(&house, "select count(*) from outbox").await, 1);
    let other = phone.post(&format!("{address}/send"), &[("text", "Here it is, again"), ("key", "key-of-both"), ("edits", "6")]).await;
    assert_eq!((other.status, other.text("#reply-text").as_str()), (409, "Here it is, again"));
    assert_ne!(field(&other, "key"), "key-of-both", "so that sending once more is possible");
}

#[tokio::test]
async fn a_note_never_leaves_by_the_address_of_replies_nor_a_reply_by_that_of_notes() {
    let (house, mut anna) = handed_over().await;
    let address = house.conversation(MIA);
    let page = anna.get(&address).await;
    let action = |form: &str| page.attribute(form, "action").expect("a form");
    assert_eq!((action("#reply"), action("#note")), (format!("{address}/send"), format!("{address}/note")));
    assert_eq!((page.count("#reply textarea"), page.count("#note textarea")), (1, 1));
    let note = [("text", "do not tell"), ("key", "key-of-note"), ("edits", "2"), ("kind", "reply"), ("seen", "0")];
    for _ in 0..2 {
        assert_eq!(anna.post(&format!("{address}/note"), &note).await.status, 303);
    }
    assert_eq!(count(&house, "select count(*) from outbox").await, 0, "no field makes a note a message");
    assert_eq!(count(&house, "select count(*) from log where kind = 'note'").await, 1, "the same form twice is one note");
    // Gone back to, and written on: another note.
    let other = [("text", "do not tell her"), ("key", "key-of-note"), ("edits", "3")];
    assert_eq!(anna.post(&format!("{address}/note"), &other).await.status, 303);
    assert_eq!(count(&house, "select count(*) from log where kind = 'note'").await, 2, "nothing that was written is lost");
    assert_eq!(saves(&mut anna, &house, "reply", "key-of-other", 1, "a reply").await, 303);
    assert_eq!(written(&anna.get(&address).await), ("a reply".to_owned(), String::new()));
}

#[tokio::test]
async fn nonsense_about_drafts_changes_nothing() {
    let (house, mut anna) = handed_over().await;
    let address = format!("{}/draft", house.conversation(MIA));
    let long = "x".repeat(10_001);
    for (fields, status) in [
        (vec![("kind", "reply"), ("text", "no key")], 400),
        (vec![("kind", "telegram"), ("key", "key-of-some"), ("text", "x")], 400),
        (vec![("kind", "note"), ("key", "key-of-some"), ("text", long.as_str())], 413),
    ] {
        assert_eq!(anna.post(&address, &fields).await.status, status, "{fields:?}");
    }
    assert_eq!(anna.submit(&address, &[("kind", "reply"), ("key", "key-of-some"), ("text", "x")]).await.status, 403);
    assert_eq!(count(&house, "select count(*) from drafts").await, 0);
    house.user("two@example.org", "Two", "agent", &[]).await;
    let mut two = house.browser("two@example.org").await;
    assert_eq!(saves(&mut two, &house, "reply", "key-of-two", 1, "x").await, 404, "not their Page");
    // Long ago sent texts are forgotten with the next one that is sent.
    house.says("9002", "m_2", "hello").await;
    house.hands_over("9002", "x").await;
    for (person, key) in [(MIA, "key-of-first"), ("9002", "key-of-second")] {
        let sent = anna.post(&format!("{}/send", house.conversation(person)), &[("text", "hi"), ("key", key)]).await;
        assert_eq!(sent.status, 303);
        sqlx::query("update drafts set saved_at = now() - interval '3 days'").execute(&house.database.pool).await.expect("aged");
    }
    assert_eq!(count(&house, "select count(*) from drafts").await, 1);
    assert_eq!(json!(count(&house, "select count(*) from outbox").await), json!(2));
}
