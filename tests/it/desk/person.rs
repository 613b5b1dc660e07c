//! What is known of a person, beside their conversation.

use serde_json::json;

use crate::web_house::WebHouse;

const MIA: &str = "7421893398374821";

#[tokio::test]
async fn the_side_says_who_it_is_what_came_before_and_what_was_noted() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let mut anna = house.browser("anna@example.org").await;
    house.named(MIA, "Mia Wong").await;
    sqlx::query("update people set more = '{\"locale\": \"de_DE\", \"timezone\": -3}'").execute(&house.database.pool).await.expect("told");
    house.says(MIA, "m_1", "first time").await;
    house.hands_over(MIA, r#"{"reason":"invoice","order_number":"4711"}"#).await;
    let address = house.conversation(MIA);
    anna.post(&format!("{address}/note"), &[("text", "pays late")]).await;
    anna.post(&format!("{address}/control"), &[("action", "close")]).await;
    house.says(MIA, "m_2", "second time").await;
    house.hands_over(MIA, "asked twice").await;
    let side = anna.get(&address).await;
    for fact in ["Mia Wong", MIA, "de_DE", "UTC-3", "Harbour Coffee"] {
        assert!(side.text("#context").contains(fact), "{fact} is missing in {}", side.text("#context"));
    }
    assert_eq!(side.texts(".past li").len(), 1, "one stretch was closed: {}", side.text("#context"));
    assert!(side.text(".past li").contains("closed by Anna Berg"));
    assert_eq!(side.text(".past-notes .text"), "pays late");
    let history = side.text(".control-history");
    for step in ["Anna Berg closed the conversation", "Reason", "invoice", "4711", "asked twice"] {
        assert!(history.contains(step), "{step} is missing in {history}");
    }
    // Each leads to its place.
    for (link, line) in [(".past a", "Harbour bot answers this conversation"), (".past-notes a", "pays late")] {
        let href = side.attribute(link, "href").expect("a link");
        let there = anna.get(href.split('#').next().expect("an address")).await;
        assert!(there.text(".lines .marked").contains(line), "{href}: {}", there.text(".lines .marked"));
    }
}

#[tokio::test]
async fn admins_keep_the_fields_and_agents_write_into_them() {
    let house = WebHouse::build().await;
    let second = house.second_page().await;
    for (mailbox, role, page) in [("rosa", "admin", None), ("anna", "agent", Some(&house.page.id)), ("two", "agent", Some(&second))] {
        house.user(&format!("{mailbox}@example.org"), mailbox, role, &page.into_iter().collect::<Vec<_>>()).await;
    }
    house.says(MIA, "m_1", "hello").await;
    let (mut rosa, mut anna) = (house.browser("rosa@example.org").await, house.browser("anna@example.org").await);
    assert_eq!(rosa.post("/settings/fields", &[("name", "  Shoe   size ")]).await.status, 303);
    let long = "x".repeat(41);
    for (name, said) in [("shoe SIZE", "another field"), ("", "one to 40"), (long.as_str(), "one to 40")] {
        let answer = rosa.post("/settings/fields", &[("name", name)]).await;
        assert!(answer.status == 422 && answer.text(".problem").contains(said), "{name}: {}", answer.text(".problem"));
    }
    assert_eq!(anna.post("/settings/fields", &[("name", "Mine")]).await.status, 404);
    assert_eq!(
        (anna.get("/settings/fields").await.count("main form"), anna.get("/settings/fields").await.text(".things li")),
        (0, "Shoe size".into())
    );
    let address = house.conversation(MIA);
    let field = anna.get(&address).await.attribute(".write-fields input[id]", "name").expect("a field");
    let save = format!("{address}/fields");
    assert_eq!(anna.post(&save, &[(&field, "  42 <b>"), ("field-999", "x"), ("field-nonsense", "x")]).await.status, 303);
    let shown = anna.get(&address).await;
    assert!(shown.text("#context .facts").contains("Shoe size42 <b>"), "{}", shown.text("#context"));
    let too_long = "x".repeat(501);
    assert_eq!(anna.post(&save, &[(&field, &too_long)]).await.status, 422);
    assert_eq!(house.browser("two@example.org").await.post(&save, &[(&field, "43")]).await.status, 404, "not their Page");
    assert_eq!(anna.submit(&save, &[(&field, "43")]).await.status, 403);
    assert!(anna.get(&address).await.text("#context .facts").contains("42"), "nothing of that was written");
    let change = rosa.get("/settings/fields").await.attribute(".things form", "action").expect("a form");
    assert_eq!(rosa.post(&change, &[("action", "archive")]).await.status, 303);
    assert_eq!(anna.get(&address).await.count(".write-fields"), 0);
    assert_eq!(rosa.post(&change, &[("action", "restore")]).await.status, 303);
    assert!(anna.get(&address).await.text("#context .facts").contains("42"), "it was kept");
    assert_eq!(anna.post(&save, &[(&field, "")]).await.status, 303);
    assert!(!anna.get(&address).await.text("#context .facts").contains("Shoe size"));
}

#[tokio::test]
async fn what_a_colleague_has_written_down_meanwhile_stays() {
    let house = WebHouse::build().await;
    for (mailbox, role) in [("rosa", "admin"), ("anna", "agent"), ("ben", "agent")] {
        house.user(&format!("{mailbox}@example.org"), mailbox, role, &[&house.page.id]).await;
    }
    house.says(MIA, "m_1", "hello").await;
    let mut rosa = house.browser("rosa@example.org").await;
    for name in ["Number", "Size"] {
        assert_eq!(rosa.post("/settings/fields", &[("name", name)]).await.status, 303);
    }
    let (mut anna, mut ben) = (house.browser("anna@example.org").await, house.browser("ben@example.org").await);
    let address = house.conversation(MIA);
    let save = format!("{address}/fields");
    // Both have the same page; the form says what it had.
    let page = ben.get(&address).await;
    let names = |selector: &str| page.attributes(selector, "name");
    let (fields, had) = (names(".write-fields input[id]"), names(".write-fields input[name^=was]"));
    let form = |number: &'static str, size: &'static str| {
        [(fields[0].as_str(), number), (had[0].as_str(), ""), (fields[1].as_str(), size), (had[1].as_str(), "")]
    };
    assert_eq!(anna.post(&save, &form("K-17", "")).await.status, 303);
    assert_eq!(ben.post(&save, &form("", "42")).await.status, 303);
    let facts = anna.get(&address).await.text("#context");
    assert!(facts.contains("K-17") && facts.contains("42"), "{facts}");
    // Into the same field: the second is told.
    let told = ben.post(&save, &form("K-99", "43")).await;
    assert_eq!(told.status, 409);
    assert!(told.text("#problem").contains("it says “K-17” now") && told.text("#problem").contains("“K-99”"), "{}", told.text("#problem"));
    let facts = anna.get(&address).await.text("#context");
    assert!(facts.contains("K-17") && !facts.contains("K-99"), "{facts}");
    // What they wrote is still in the field, in plain sight, and saved by the form that says so.
    let form =
        |name: &str| (name.to_owned(), told.attribute(&format!(".write-fields[open] input[name={name}]"), "value").expect("a field"));
    let again = [form(&fields[0]), form(&had[0]), form(&fields[1]), form(&had[1])];
    assert_eq!(again.each_ref().map(|(_, value)| value.as_str()), ["K-99", "K-17", "43", "42"]);
    let why = ["It says “K-17” now. Save again to replace that.", "It says “42” now. Save again to replace that."];
    assert_eq!(told.texts(".why-field"), why);
    assert_eq!(ben.post(&save, &again.each_ref().map(|(name, value)| (name.as_str(), value.as_str()))).await.status, 303);
    let facts = anna.get(&address).await.text("#context");
    assert!(facts.contains("K-99") && !facts.contains("K-17"), "{facts}");
    // What is too long comes back whole as well, and what its author did not touch is not theirs, however old the form is.
    let long = "9".repeat(501);
    let form = [(fields[0].as_str(), long.as_str()), (had[0].as_str(), "K-17"), (fields[1].as_str(), "42"), (had[1].as_str(), "42")];
    let told = ben.post(&save, &form).await;
    let value = |name: &str| told.attribute(&format!(".write-fields[open] input[name={name}]"), "value").expect("a field");
    let back = [&fields[0], &had[0], &fields[1], &had[1]].map(|name| value(name));
    assert_eq!((told.status, back.each_ref().map(String::as_str)), (422, [long.as_str(), "K-17", "43", "43"]));
    assert_eq!(told.texts(".why-field"), ["Nothing was saved: a field has at most 500 characters."]);
}

#[tokio::test]
async fn a_reply_leads_to_what_it_answers_and_media_stay_where_they_are() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "is it blue?").await;
    house.hears(&house.page.id, MIA, json!({"message": {"mid": "m_2", "text": "I mean this", "reply_to": {"mid": "m_1"}}})).await;
    let picture =
        json!({"message": {"mid": "m_3", "attachments": [{"type": "image", "payload": {"url": "https://cdn.example.org/cup.jpg"}}]}});
    house.hears(&house.page.id, MIA, picture).await;
    let page = house.browser("anna@example.org").await.get(&house.conversation(MIA)).await;
    let href = page.attribute(".bubble blockquote a", "href").expect("a link to the message");
    assert_eq!(page.text(&format!("{href} .text")), "is it blue?");
    assert_eq!(page.count("#thread img"), 0, "nothing is loaded from elsewhere");
    assert_eq!(page.attribute("a.file", "href").as_deref(), Some("https://cdn.example.org/cup.jpg"));
    assert_eq!(page.attribute("a.file", "rel").as_deref(), Some("noopener noreferrer nofollow"));
    // The platform says until when it gives a picture, 2017 here.
    let picture = json!({"message": {"mid": "m_4", "attachments": [{"type": "image", "payload":
        {"url": "https://scontent.xx.fbcdn.net/v/t1.0-1/p100x100/1_n.jpg?oh=714b8042c1c1a510af58da515660d951&oe=588E990D"}}]}});
    house.hears(&house.page.id, MIA, picture).await;
    let page = house.browser("anna@example.org").await.get(&house.conversation(MIA)).await;
    assert_eq!((page.texts("span.file"), page.count("a.file")), (vec!["Picture: the platform's link to it has expired".to_owned()], 1));
}

#[tokio::test]
async fn after_closing_comes_the_next_one_or_it_stays_as_one_likes() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let mut anna = house.browser("anna@example.org").await;
    for (person, mid) in [(MIA, "m_1"), ("9002", "m_2"), ("9003", "m_3")] {
        house.says(person, mid, "hello").await;
        house.hands_over(person, "{}").await;
    }
    let close = |person: &str| format!("{}/control", house.conversation(person));
    let answer = anna.post(&close(MIA), &[("action", "close"), ("view", "needs")]).await;
    assert!(answer.location.as_deref().is_some_and(|it| it.starts_with(&house.conversation("9002"))), "{:?}", answer.location);
    let stay = [("language", "en"), ("theme", "dark"), ("after_close", "stay"), ("reads", "opening"), ("enter_sends", "on")];
    assert_eq!(anna.post("/settings/me", &stay).await.status, 303);
    let page = anna.get(&house.conversation("9002")).await;
    assert_eq!(page.attribute("html", "data-theme").as_deref(), Some("dark"));
    assert!(page.attribute("#reply", "data-enter").is_some() && page.attribute("body", "data-keys-off").is_some());
    assert!(page.text("#reply-hint .by-key").starts_with("Enter sends"));
    let answer = anna.post(&close("9002"), &[("action", "close"), ("view", "needs")]).await;
    assert!(answer.location.as_deref().is_some_and(|it| it.starts_with(&house.conversation("9002"))), "{:?}", answer.location);
    for bad in [
        vec![("language", "fr"), ("theme", "dark"), ("after_close", "stay"), ("reads", "opening")],
        vec![("language", "en"), ("theme", "pink"), ("after_close", "stay"), ("reads", "opening")],
    ] {
        assert_eq!(anna.post("/settings/me", &bad).await.status, 400, "{bad:?}");
    }
    assert_eq!(
        anna.post("/settings/me", &[("language", "en"), ("theme", "light"), ("after_close", "next"), ("reads", "opening")]).await.status,
        303
    );
    let answer = anna.post(&close("9003"), &[("action", "close"), ("view", "needs")]).await;
    assert!(answer.location.as_deref().is_some_and(|it| it.starts_with("/inbox?")), "nobody is left: {:?}", answer.location);
}
