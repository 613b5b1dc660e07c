//! Saved replies: whose they are, what is filled in, and that they can be used without script.

use serde_json::Value;

use crate::web_house::{Browser, WebHouse};

const MIA: &str = "9001";

async fn house() -> (WebHouse, Browser, Browser) {
    let house = WebHouse::build().await;
    house.user("rosa@example.org", "Rosa Lind", "admin", &[]).await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "I need help").await;
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let (rosa, anna) = (house.browser("rosa@example.org").await, house.browser("anna@example.org").await);
    (house, rosa, anna)
}

fn form<'a>(whose: &'a str, title: &'a str, shortcut: &'a str, body: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("whose", whose), ("title", title), ("shortcut", shortcut), ("category", "Greetings"), ("body", body)]
}

#[tokio::test]
async fn everybodys_are_kept_by_admins_and_ones_own_by_oneself() {
    let (house, mut rosa, mut anna) = house().await;
    house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    let mut ben = house.browser("ben@example.org").await;
    assert_eq!(rosa.post("/settings/replies", &form("shared", "Hello", "/Hi", "Hello there")).await.status, 303);
    assert_eq!(anna.post("/settings/replies", &form("own", "Mine", "", "A <b>secret</b>")).await.status, 303);
    assert_eq!(anna.post("/settings/replies", &form("shared", "Not mine", "", "x")).await.status, 404);
    let page = anna.get("/settings/replies").await;
    assert_eq!((page.texts(".things b"), page.text(".things kbd")), (vec!["Mine".to_owned(), "Hello".to_owned()], "/hi".to_owned()));
    assert_eq!((page.count(".things form"), page.count("textarea b")), (1, 0), "others are only read");
    assert_eq!(ben.get("/settings/replies").await.texts(".things b"), ["Hello"]);
    let own = page.attribute(".things form", "action").expect("a form");
    let shared = rosa.get("/settings/replies").await.attribute(".things form", "action").expect("a form");
    for (mut browser, address, whose) in [
        (house.browser("ben@example.org").await, &own, "own"),
        (house.browser("ben@example.org").await, &shared, "own"),
        (house.browser("anna@example.org").await, &shared, "shared"),
        (house.browser("rosa@example.org").await, &own, "shared"),
    ] {
        for action in ["delete", "save"] {
            let fields = [form(whose, "Taken", "", "over"), vec![("action", action)]].concat();
            assert_eq!(browser.post(address, &fields).await.status, 404, "{address} {whose} {action}");
        }
    }
    for bad in
        [form("own", "", "", "x"), form("own", "x", "", " "), form("own", "x", "no spaces/", "x"), form("own", "x", "", &"x".repeat(2001))]
    {
        let back = anna.post("/settings/replies", &bad).await;
        assert!(back.status == 422 && back.count(".problem") == 1, "{bad:?}");
    }
    let save = [form("own", "Mine, too", "", "y"), vec![("action", "save")]].concat();
    assert_eq!(anna.post(&own, &save).await.status, 303);
    assert_eq!(anna.get("/settings/replies").await.texts(".things b"), ["Mine, too", "Hello"]);
    assert_eq!(anna.post(&own, &[("action", "delete"), ("whose", "own")]).await.status, 303);
    assert_eq!(anna.get("/settings/replies").await.texts(".things b"), ["Hello"]);
}

#[tokio::test]
async fn a_reply_is_filled_in_for_its_conversation_and_put_in_without_script() {
    let (house, mut rosa, mut anna) = house().await;
    let body = "Hi {customer_first_name|there}, {agent_first_name} of {page_name} here about {order_number}.";
    rosa.post("/settings/replies", &form("shared", "Hello", "hi", body)).await;
    let address = house.conversation(MIA);
    let ready = |body: &str| serde_json::from_str::<Value>(body).expect("JSON")[0]["text"].as_str().expect("a text").to_owned();
    let page_name: String = sqlx::query_scalar("select name from pages").fetch_one(&house.database.pool).await.expect("a name");
    let nameless = format!("Hi there, Anna of {page_name} here about {{order_number}}.");
    assert_eq!(ready(&anna.get(&format!("{address}/replies")).await.body), nameless);
    house.named(MIA, "Mia Wong").await;
    let named = nameless.replace("there,", "Mia,");
    assert_eq!(ready(&anna.get(&format!("{address}/replies")).await.body), named);
    // Asked for by a button, chosen from a list, put behind what is written already, as often as one likes.
    let written = [("text", "Dear customer"), ("key", "key-of-draft"), ("edits", "2"), ("seen", "3")];
    let asked = anna.post(&format!("{address}/insert"), &written).await;
    assert_eq!(
        (asked.status, asked.text("#reply-text").as_str(), asked.texts("#saved option")),
        (200, "Dear customer", vec!["Hello".to_owned()])
    );
    let id = asked.attribute("#saved option", "value").expect("a number");
    let put = anna.post(&format!("{address}/insert"), &[&written[..], &[("saved", &id)]].concat()).await;
    assert_eq!(put.text("#reply-text"), format!("Dear customer {named}"));
    assert_eq!(put.attribute("#reply input[name=key]", "value").as_deref(), Some("key-of-draft"));
    assert_eq!(anna.post(&format!("{address}/insert"), &[("saved", "99999")]).await.status, 404);
    house.user("two@example.org", "Two", "agent", &[]).await;
    let mut two = house.browser("two@example.org").await;
    assert_eq!(two.get(&format!("{address}/replies")).await.status, 404, "not their Page");
}
