//! An inbox full of everything, to look at: `BATON_GALLERY=1 BATON_TEST_PORT=8099 cargo test --test it web_gallery`.
//! Without the variable it only checks that all of it is shown.

use baton::access::UserId;
use baton::control::Command;
use baton::ledger::{Act, SendError, SendOutcome};
use serde_json::json;

use crate::web_house::{PASSWORD, WebHouse};

/// Conversations in every state.
pub async fn fill(house: &WebHouse) {
    let (bot, inbox, other) = (house.page.bot.clone(), house.page.inbox.clone(), house.page.other.clone());
    let anna = house.user("anna@harbour.example", "Anna Berg", "agent", &[&house.page.id]).await;
    house.user("ben@harbour.example", "Ben Okafor", "agent", &[&house.page.id]).await;
    house.user("admin@harbour.example", "Rosa Lind", "admin", &[]).await;
    house.second_page().await;
    let team = sqlx::query(
        "with team as (insert into teams (name) values ('Billing') returning team_id) insert into team_members select team_id, $1 from team",
    );
    team.bind(anna).execute(&house.database.pool).await.expect("a team");
    let views = "insert into saved_views (owner, name, visibility, team_id, list)
        select $1, 'Unanswered in German', 'me', null, 'view=open&unanswered=1&language=de' union all
        select $1, 'Invoices to answer', 'team', team_id, 'view=open&team=' || team_id || '&unanswered=1' from teams union all
        select user_id, 'Windows that end today', 'all', null, 'view=needs&window=ending' from users where role = 'admin'";
    sqlx::query(views).bind(anna).execute(&house.database.pool).await.expect("saved views");

    // A whole story: menu, questions, handover with facts, an answer, a note, states.
    let mia = "7421893398374821";
    house.named(mia, "Mia Wong").await;
    house.says(mia, "m_0", "Do you still have the harbour blend?").await;
    know(house, anna, mia).await;
    house.says(mia, "m_1", "Hi! My order still has not arrived").await;
    let menu = json!({"text": "Hello Mia, I am the automated assistant of Harbour Coffee. What can I do for you?",
        "quick_replies": [{"content_type": "text", "title": "Track my order", "payload": "t"}, {"content_type": "text", "title": "Opening hours", "payload": "h"}, {"content_type": "text", "title": "Talk to a person", "payload": "p"}]});
    house.sends(&bot, mia, "m_2", menu).await;
    house.hears(&house.page.id, mia, json!({"message": {"mid": "m_3", "text": "Talk to a person", "quick_reply": {"payload": "p"}}})).await;
    house.sends(&bot, mia, "m_4", json!({"text": "Of course. What is your order number?"})).await;
    house.says(mia, "m_5", "HC-20931, and here is what the parcel page says: https://parcels.example.org/track/HC-20931").await;
    house
        .sends(&bot, mia, "m_6", json!({"text": "Thank you. Somebody from our team will answer here, usually within a few minutes."}))
        .await;
    house
        .hands_over(mia, r#"{"reason":"The customer asked for a person","name":"Mia Wong","order_number":"HC-20931","topic":"delivery"}"#)
        .await;
    house.says(mia, "m_7", "Thanks. It is a birthday present for Saturday, so I am getting a bit nervous").await;

    for (owner, title, shortcut, category, body) in [
        (None, "Greeting", "hi", "Greetings", "Hi {customer_first_name|there}, {agent_first_name} of {page_name} here. How can I help?"),
        (None, "Where is my order?", "order", "Delivery", "I have looked up your order {order_number}: it should arrive by {day}."),
        (None, "Refund", "refund", "Complaints", "I am sorry about that! We have refunded you; it takes two to three days."),
        (Some(anna), "My sign-off", "bye", "", "Have a lovely day! {agent_first_name}"),
    ] {
        sqlx::query("insert into saved_replies (owner, title, shortcut, category, body) values ($1, $2, $3, $4, $5)")
            .bind(owner)
            .bind(title)
            .bind(shortcut)
            .bind(category)
            .bind(body)
            .execute(&house.database.pool)
            .await
            .expect("a saved reply");
    }

    let jonas = "8820114477120934";
    house.named(jonas, "Jonas Keller").await;
    house.says(jonas, "m_j1", "Moin, habt ihr die Hafenmischung auch als ganze Bohne?").await;
    house.hands_over(jonas, "second misunderstanding").await;
    house.orders(jonas, Command::Take { app: inbox.clone(), metadata: None }).await;
    let assign = sqlx::query("update conversations set assignee = $1 where person_id = $2").bind(anna).bind(jonas);
    assign.execute(&house.database.pool).await.expect("assigned");
    let team = sqlx::query("insert into conversation_teams select $1, $2, team_id from teams").bind(house.page.id.as_str()).bind(jonas);
    team.execute(&house.database.pool).await.expect("a team");
    house.sends_as(anna, jonas, "m_j2", json!({"text": "Moin Jonas! Ja, in 250 g und 1 kg. Soll ich dir die beiden verlinken?"})).await;
    let now = baton::clock::now().millis();
    house.hears(&house.page.id, jonas, json!({"delivery": {"mids": ["m_j2"], "watermark": now}})).await;
    house.hears(&house.page.id, jonas, json!({"read": {"watermark": now}})).await;
    house
        .hears(
            &house.page.id,
            jonas,
            json!({"reaction": {"reaction": "love", "emoji": "\u{2764}\u{fe0f}", "action": "react", "mid": "m_j2"}}),
        )
        .await;
    house.says(jonas, "m_j3", "Gern! Und gibt es gerade Versandkosten?").await;
    house
        .hears(
            &house.page.id,
            jonas,
            json!({"message_edit": {"mid": "m_j3", "text": "Gern! Und wie hoch sind gerade die Versandkosten?", "num_edit": 1}}),
        )
        .await;
    let failing = house.accepts_as(Some(anna), &inbox, jonas, json!({"text": "4,90 € bis 40 €, darüber kostenlos."})).await;
    let error = SendError { code: 10, subcode: Some(2_018_108), message: "This Person Cannot Receive Messages".into() };
    house.comes_to(failing, SendOutcome::Failed(error)).await;
    let unknown = house.accepts_as(Some(anna), &inbox, jonas, json!({"text": "Ich versuche es noch einmal: 4,90 €."})).await;
    house.comes_to(unknown, SendOutcome::Unknown).await;
    house.accepts_as(Some(anna), &inbox, jonas, json!({"text": "Und hier die Links."})).await;

    let amal = "5540098127734410";
    house.named(amal, "Amal Haddad").await;
    house.says(amal, "m_a1", "Are you open on Sunday?").await;
    house.sends(&bot, amal, "m_a2", json!({"attachment": {"type": "template", "payload": {"template_type": "button", "text": "We are open on Sunday from 9 to 17. Anything else?", "buttons": [{"type": "postback", "title": "Directions", "payload": "d"}, {"type": "web_url", "title": "Menu", "url": "https://harbour.example/menu"}]}}})).await;
    house.hears(&house.page.id, amal, json!({"postback": {"mid": "m_a3", "title": "Directions", "payload": "d"}})).await;
    house.sends(&bot, amal, "m_a4", json!({"text": "Quay 4, right beside the old crane."})).await;

    let nameless = "6018273645500917";
    house
        .hears(
            &house.page.id,
            nameless,
            json!({"message": {"mid": "m_n1", "attachments": [{"type": "image", "payload": {"url": "https://cdn.example.org/cup.jpg"}}]}}),
        )
        .await;
    house.says(nameless, "m_n2", "this arrived broken").await;
    house.hands_over(nameless, r#"{"reason":"complaint"}"#).await;

    let theo = "9917263540081726";
    house.named(theo, "Theo Martins").await;
    house.says(theo, "m_t1", "Where is my parcel?").await;
    house.orders(theo, Command::Pass { app: bot.clone(), target: Some(other.clone()), metadata: None }).await;
    house.sends(&other, theo, "m_t2", json!({"text": "Parcel 00-81 is in Rotterdam, arriving tomorrow."})).await;
    house.hears(&house.page.id, theo, json!({"some_new_thing": {"x": 1}})).await;

    let old = "3300112299884455";
    house.named(old, "Petra Novak").await;
    house.says(old, "m_p1", "Could you send me the invoice again please?").await;
    house.hands_over(old, r#"{"reason":"invoice"}"#).await;
    for (column, value) in [("last_person_act", now - 23 * 3_600_000 - 20 * 60_000), ("last_person_act", now - 20 * 3_600_000)] {
        let person = if value < now - 22 * 3_600_000 { nameless } else { old };
        let change = format!("update conversations set {column} = $1 where person_id = $2");
        sqlx::query(sqlx::AssertSqlSafe(change)).bind(value).bind(person).execute(&house.database.pool).await.expect("changed");
    }
}

/// What is known of somebody besides their messages.
async fn know(house: &WebHouse, anna: i64, mia: &str) {
    let pool = &house.database.pool;
    sqlx::query("insert into fields (name) values ('Customer number'), ('Favourite roast')").execute(pool).await.expect("fields");
    let write = "insert into person_fields (page_id, person_id, field_id, value, written_by) select $1, $2, field_id, 'K-1182', $3 from fields where name like 'Cust%'";
    sqlx::query(write).bind(house.page.id.as_str()).bind(mia).bind(anna).execute(pool).await.expect("written");
    sqlx::query("update people set more = '{\"locale\": \"en_GB\", \"timezone\": 1}' where person_id = $1")
        .bind(mia)
        .execute(pool)
        .await
        .expect("told");
    let (page, person) = (house.page.id.clone(), crate::harness::page::person_id(mia));
    for act in [Act::Note { text: "Regular. Prefers to be called, not written to.".into(), form: None }, Act::Close, Act::Reopen] {
        house.ledger.act(page.clone(), person.clone(), Some(UserId(anna)), act).await.expect("done");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_shown() {
    let house = WebHouse::build().await;
    fill(&house).await;
    let mut anna = house.browser("anna@harbour.example").await;
    let list = anna.get("/inbox?view=open").await;
    assert_eq!(list.count("a.row"), 6, "{}", list.body);
    let mut all = String::new();
    for href in list.html().select(&scraper::Selector::parse("a.row").expect("a selector")).filter_map(|row| row.attr("href")) {
        let page = anna.get(href).await;
        assert_eq!(page.status, 200, "{href}: {}", page.body);
        all.push_str(&page.text("#thread, #context"));
    }
    for shown in [
        "Order numberHC-20931",
        "Read",
        "We do not know whether this arrived",
        "This Person Cannot Receive Messages",
        "Queued",
        "Directions",
        "some_new_thing",
    ] {
        assert!(all.contains(shown), "{shown} is missing in: {all}");
    }
    if std::env::var_os("BATON_GALLERY").is_some() {
        let mut out = std::io::stdout().lock();
        std::io::Write::write_all(&mut out, format!("{}/login anna@harbour.example {PASSWORD}\n", house.base).as_bytes()).expect("said");
        drop(out);
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    }
}
