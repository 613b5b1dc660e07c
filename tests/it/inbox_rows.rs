//! What a row of a list shows, how filters combine and Pages are told apart, and that badges count what their reader may see.

use baton::access::UserId;
use baton::ledger::{Act, SendError, SendOutcome};
use baton::wire::Timestamp;
use serde_json::json;

use crate::harness::page::person_id;
use crate::web_house::{Answer, Browser, WebHouse};

const HOUR: i64 = 3_600_000;

/// The people in a list, in its order.
async fn people(browser: &mut Browser, query: &str) -> Vec<String> {
    let list = browser.get(&format!("/inbox?{query}")).await;
    assert_eq!(list.status, 200, "{query}: {}", list.body);
    let rows = scraper::Selector::parse("a.row").expect("a selector");
    list.html().select(&rows).filter_map(|row| row.attr("data-row")).filter_map(|key| key.split('/').nth(1)).map(str::to_owned).collect()
}

/// The number beside a view, as a list shows it; nothing where nothing is in it.
async fn badge(browser: &mut Browser, query: &str, view: &str) -> String {
    let list = browser.get(&format!("/inbox?{query}")).await;
    assert_eq!(list.status, 200, "{query}: {}", list.body);
    list.text(&format!("a.view.{view} .badge"))
}

/// A part of somebody's row on the first Page.
fn part(house: &WebHouse, person: &str, selector: &str) -> String {
    format!("#row-{}-{person} {selector}", house.page.id)
}

async fn acts(house: &WebHouse, person: &str, user: i64, act: Act) {
    house.ledger.act(house.page.id.clone(), person_id(person), Some(UserId(user)), act).await.expect("done");
}

/// Somebody writes, and the bot hands over.
async fn asks(house: &WebHouse, person: &str) {
    house.says(person, &format!("m_{person}"), "help").await;
    house.hands_over(person, "x").await;
}

/// Somebody else's app, or nobody knows who, answers.
async fn answers_elsewhere(house: &WebHouse, person: &str, app: Option<i64>) {
    house.says(person, &format!("m_{person}"), "hi").await;
    let mut message = json!({"mid": format!("e_{person}"), "is_echo": true, "text": "we take it"});
    if let Some(app) = app {
        message["app_id"] = json!(app);
    }
    let echo = json!({"sender": {"id": house.page.id.as_str()}, "recipient": {"id": person}, "message": message});
    house.hears(&house.page.id, person, echo).await;
}

/// The newest message of a conversation is so old, in milliseconds.
async fn ages(house: &WebHouse, person: &str, millis: i64) {
    for change in [
        "update open_conversations set last_message_at = to_timestamp($1::bigint / 1000) where person_id = $2",
        "update conversations set last_message_at = to_timestamp($1::bigint / 1000) where person_id = $2",
    ] {
        let at = baton::clock::now().millis() - millis;
        sqlx::query(change).bind(at).bind(person).execute(&house.database.pool).await.expect("older");
    }
}

/// The labels of the chips above a list.
fn chips(list: &Answer) -> Vec<String> {
    list.texts("a.chip.filter > span:first-child")
}

#[tokio::test]
async fn a_row_says_who_what_when_and_in_whose_hands() {
    let house = WebHouse::build().await;
    let anna_id = house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let ben_id = house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    for person in ["waits", "left", "mine", "bens", "failed", "unclear", "snoozed"] {
        asks(&house, person).await;
    }
    for (person, user) in [("mine", anna_id), ("bens", ben_id), ("failed", ben_id), ("unclear", ben_id)] {
        acts(&house, person, user, Act::Assign { to: Some(UserId(user)), said: None }).await;
    }
    house.named("mine", "Mia Wong").await;
    house.sends_as(anna_id, "mine", "m_a1", json!({"text": "hello"})).await;
    house.sends_as(ben_id, "bens", "m_b1", json!({"text": "good day"})).await;
    house.sends(&house.page.inbox, "left", "m_i1", json!({"text": "hello"})).await;
    let error = SendError { code: 10, subcode: None, message: "no".into() };
    for (person, outcome) in [("failed", SendOutcome::Failed(error)), ("unclear", SendOutcome::Unknown)] {
        let send = house.accepts_as(Some(ben_id), &house.page.inbox, person, json!({"text": "hello"})).await;
        house.comes_to(send, outcome).await;
    }
    // In the year 2096, on 2 October at 7:06:40 UTC.
    acts(&house, "snoozed", anna_id, Act::Snooze { until: Timestamp::from_millis(4_000_000_000_000) }).await;
    house.says("bots", "m_bots", "menu").await;
    house.sends(&house.page.bot, "bots", "m_bot", json!({"text": "Here it is"})).await;
    answers_elsewhere(&house, "metas", Some(263_902_037_430_900)).await;
    answers_elsewhere(&house, "strangers", Some(4242)).await;
    answers_elsewhere(&house, "unknowns", None).await;
    ages(&house, "waits", 2 * HOUR + 30_000).await;
    ages(&house, "mine", 3 * HOUR + 30_000).await;
    sqlx::query("update conversations set owner_since = $1 where person_id = 'waits'")
        .bind(baton::clock::now().millis() - 5 * HOUR - 30_000)
        .execute(&house.database.pool)
        .await
        .expect("held for long");
    let mut anna = house.browser("anna@example.org").await;
    let mut ben = house.browser("ben@example.org").await;

    let open = anna.get("/inbox?view=open").await;
    assert_eq!(open.count("a.row"), 10, "{}", open.text("#rows"));
    let meta = "Meta\u{2019}s Page inbox";
    let from_meta = format!("{meta}: we take it");
    for (person, preview, marks) in [
        ("waits", "help", vec!["People"]),
        ("left", "Inbox: hello", vec!["People"]),
        ("mine", "You: hello", vec!["People"]),
        ("bens", "Ben Okafor: good day", vec!["People"]),
        ("failed", "help", vec!["Not sent", "People"]),
        ("unclear", "help", vec!["Unclear if sent", "People"]),
        ("bots", "Harbour bot: Here it is", vec!["Harbour bot"]),
        ("metas", from_meta.as_str(), vec![meta]),
        ("strangers", "App 4242: we take it", vec!["App 4242"]),
        ("unknowns", "Somebody: we take it", vec!["Another app"]),
    ] {
        assert_eq!(open.text(&part(&house, person, ".preview")), preview, "{person}");
        assert_eq!(open.texts(&part(&house, person, ".marks .chip")), marks, "{person}");
    }
    assert_eq!(open.text(&part(&house, "mine", ".preview bdi")), "You:");
    for (person, class) in [("mine", "people"), ("bots", "bot"), ("metas", "external"), ("unknowns", "external")] {
        assert_eq!(open.count(&part(&house, person, &format!(".chip.{class}"))), 1, "{person}");
    }
    assert_eq!(open.texts(".chip.trouble"), ["Unclear if sent", "Not sent"], "newest first");
    assert_eq!(
        (open.text(&part(&house, "mine", ".name")), open.text(&part(&house, "mine", "a > .avatar"))),
        ("Mia Wong".to_owned(), "MW".to_owned())
    );
    assert_eq!(
        (open.text(&part(&house, "waits", ".name")), open.text(&part(&house, "waits", ".age .count"))),
        ("PSID …aits".to_owned(), "1".to_owned())
    );
    // Who has it.
    for (person, letters, words) in [("mine", "AB", "Assigned to Anna Berg"), ("bens", "BO", "Assigned to Ben Okafor")] {
        let assignee = part(&house, person, ".end .avatar.tiny");
        assert_eq!((open.text(&assignee), open.attribute(&assignee, "title")), (letters.to_owned(), Some(words.to_owned())), "{person}");
    }
    assert_eq!(open.count(&part(&house, "waits", ".end")), 0, "nobody has it, and it carries no tag");
    assert_eq!(open.count(&part(&house, "waits", ".dot[role=img]")), 1);
    assert_eq!(open.count(&part(&house, "mine", ".dot[role=img]")), 0, "answered");
    let theirs = ben.get("/inbox?view=open").await;
    assert_eq!(theirs.text(&part(&house, "mine", ".preview")), "Anna Berg: hello");
    assert_eq!(theirs.text(&part(&house, "bens", ".preview")), "You: good day");

    // How old it is; in the queue, how long somebody has waited.
    let age = async |browser: &mut Browser, query: &str, person: &str| {
        browser.get(&format!("/inbox?{query}")).await.text(&part(&house, person, ".age time"))
    };
    assert_eq!(open.text(&part(&house, "bots", ".age time")), "now");
    assert_eq!(
        (age(&mut anna, "view=open", "mine").await, age(&mut anna, "view=mine", "mine").await),
        ("3 h".to_owned(), "3 h".to_owned())
    );
    assert_eq!(age(&mut anna, "view=open", "waits").await, "2 h");
    assert_eq!(age(&mut anna, "view=needs", "waits").await, "5 h");
    assert_eq!(age(&mut anna, "view=needs&sort=newest", "waits").await, "2 h");

    // Where everything is with people, no row says so.
    assert_eq!(anna.get("/inbox?view=mine").await.count(".marks .chip"), 0);
    assert_eq!(anna.get("/inbox?view=needs").await.count(".marks .chip"), 0);
    let snoozed = anna.get("/inbox?view=snoozed").await;
    assert_eq!(snoozed.count("a.row"), 1);
    assert_eq!(snoozed.texts(&part(&house, "snoozed", ".marks .chip")), ["Snoozed until 2 Oct 07:06", "People"]);

    // The Page, to whom sees several of them at once.
    let second = house.second_page().await;
    house.hears(&second, "abroad", json!({"message": {"mid": "m_abroad", "text": "hello"}})).await;
    house.user("rosa@example.org", "Rosa Lind", "admin", &[]).await;
    let mut rosa = house.browser("rosa@example.org").await;
    let all = rosa.get("/inbox?view=open").await;
    assert_eq!((all.count("a.row"), all.count(".chip.page")), (11, 11));
    assert_eq!(all.text(&part(&house, "waits", ".chip.page")), "Harbour Coffee");
    assert_eq!(all.text(&format!("#row-{second}-abroad .chip.page")), "Night Market");
    let one = rosa.get(&format!("/inbox?view=open&page={second}")).await;
    assert_eq!((one.count("a.row"), one.count(".chip.page")), (1, 0), "only one is shown");
    assert_eq!(anna.get("/inbox?view=open").await.count(".chip.page"), 0, "Anna sees only one");
}

#[tokio::test]
async fn a_countdown_is_there_only_when_it_matters() {
    let house = WebHouse::build().await;
    let anna_id = house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let windows = [
        ("calm", 6 * HOUR + 45_000, "", 0),
        ("soon", 6 * HOUR - 10_000, "5 h 59 m", 0),
        ("hour", HOUR + 45_000, "1 h", 0),
        ("minutes", HOUR - 10_000, "59 m", 1),
        ("moment", 50_000, "less than a minute", 1),
        ("over", -1_000, "", 0),
    ];
    for (person, ..) in windows {
        asks(&house, person).await;
    }
    for person in ["mine", "loose", "done"] {
        asks(&house, person).await;
    }
    acts(&house, "mine", anna_id, Act::Assign { to: Some(UserId(anna_id)), said: None }).await;
    acts(&house, "done", anna_id, Act::Close).await;
    let mut anna = house.browser("anna@example.org").await;
    assert_eq!(anna.get("/inbox?view=open").await.count(".chip.window"), 0, "everything is new");
    let now = baton::clock::now().millis();
    let ends = "update conversations set last_person_act = $1 where person_id = $2";
    for (person, left, ..) in windows {
        sqlx::query(ends).bind(now + left - 24 * HOUR).bind(person).execute(&house.database.pool).await.expect("a window");
    }
    sqlx::query(ends).bind(now - 23 * HOUR).bind("done").execute(&house.database.pool).await.expect("a window");
    // Leases that end within the hour: one of an agent, and one of nobody.
    let lease = "update conversations set control = regexp_replace(control, '\"until\":\\d+', '\"until\":' || $1::bigint)
                 where person_id in ('mine', 'loose')";
    sqlx::query(lease).bind(now + HOUR / 2 - 10_000).execute(&house.database.pool).await.expect("leases");
    let list = anna.get("/inbox?view=open").await;
    assert_eq!(list.count("a.row"), 8, "{}", list.text("#rows"));
    for (person, _, label, urgent) in windows {
        let chip = part(&house, person, ".chip.window");
        assert_eq!((list.text(&chip).as_str(), list.count(&format!("{chip}.urgent"))), (label, urgent), "{person}");
        let why = list.attribute(&chip, "title");
        assert_eq!(why.as_deref(), (!label.is_empty()).then_some("Standard replies end then"), "{person}");
    }
    let lease = part(&house, "mine", ".chip.window.urgent");
    assert_eq!((list.text(&lease), list.attribute(&lease, "title")), ("29 m".to_owned(), Some("Until then your team holds it".to_owned())));
    assert_eq!(list.count(&part(&house, "loose", ".chip.window")), 0, "nobody would lose it");
    // Where the window ends before the lease, it is what counts.
    sqlx::query(ends).bind(now + 10 * 60_000 - 10_000 - 24 * HOUR).bind("mine").execute(&house.database.pool).await.expect("a window");
    let list = anna.get("/inbox?view=mine").await;
    let both = part(&house, "mine", ".chip.window");
    assert_eq!((list.texts(&both), list.attribute(&both, "title")), (vec!["9 m".to_owned()], Some("Standard replies end then".to_owned())));
    let closed = anna.get("/inbox?view=closed").await;
    assert_eq!((closed.count("a.row"), closed.count(".chip.window")), (1, 0), "what is closed needs no answer");
}

#[tokio::test]
async fn unread_combines_with_other_filters_and_reading_answers_nothing() {
    let house = WebHouse::build().await;
    let anna_id = house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    for person in ["seen", "tagged", "plain", "hers"] {
        asks(&house, person).await;
    }
    acts(&house, "hers", anna_id, Act::Assign { to: Some(UserId(anna_id)), said: None }).await;
    let tag: i64 = sqlx::query_scalar("insert into tags (name, colour) values ('Late', 'red') returning tag_id")
        .fetch_one(&house.database.pool)
        .await
        .expect("a tag");
    let carry = "insert into conversation_tags (page_id, person_id, tag_id)
                 select page_id, person_id, $1::bigint from conversations where person_id in ('seen', 'tagged')";
    sqlx::query(carry).bind(tag).execute(&house.database.pool).await.expect("tagged");
    let mut anna = house.browser("anna@example.org").await;
    let mut ben = house.browser("ben@example.org").await;
    let tagged = format!("view=open&tag={tag}");
    assert_eq!(people(&mut anna, &format!("{tagged}&unread=1")).await, ["tagged", "seen"]);
    assert_eq!(people(&mut anna, "view=open&assignee=me&unread=1").await, ["hers"]);
    assert_eq!(people(&mut anna, "view=open&assignee=nobody&unread=1").await, ["plain", "tagged", "seen"]);
    for person in ["seen", "hers"] {
        assert_eq!(anna.get(&house.conversation(person)).await.status, 200);
    }
    assert_eq!(people(&mut anna, &format!("{tagged}&unread=1")).await, ["tagged"]);
    assert_eq!(people(&mut anna, "view=open&assignee=me&unread=1").await, Vec::<String>::new());
    assert_eq!(people(&mut anna, "view=open&assignee=nobody&unread=1").await, ["plain", "tagged"]);
    assert_eq!(people(&mut anna, &format!("view=needs&tag={tag}&unread=1")).await, ["tagged"]);
    let list = anna.get(&format!("/inbox?{tagged}&unread=1")).await;
    assert_eq!(chips(&list), ["Tag: Late", "Unread"]);
    assert_eq!(list.attribute("a.chip.filter", "href").as_deref(), Some("/inbox?view=open&unread=1"));
    assert_eq!(list.count("input[name=unread][checked]"), 1);
    // What was read waits all the same.
    assert_eq!(people(&mut anna, "view=open&unanswered=1").await, ["hers", "plain", "tagged", "seen"]);
    assert_eq!(people(&mut anna, &format!("{tagged}&unanswered=1")).await, ["tagged", "seen"]);
    assert_eq!(people(&mut anna, "view=open&assignee=me&unanswered=1").await, ["hers"]);
    assert_eq!(people(&mut anna, "view=open&unanswered=1&unread=1").await, ["plain", "tagged"]);
    let list = anna.get("/inbox?view=open").await;
    let row = part(&house, "seen", "a.row");
    assert_eq!(
        (list.count(&format!("{row}.unanswered")), list.count(&format!("{row}.unread")), list.count(&format!("{row} .count"))),
        (1, 0, 0)
    );
    assert_eq!(people(&mut ben, &format!("{tagged}&unread=1")).await, ["tagged", "seen"], "Ben has read nothing");
    house.sends_as(anna_id, "hers", "m_a", json!({"text": "hello"})).await;
    assert_eq!(people(&mut anna, "view=open&unanswered=1").await, ["plain", "tagged", "seen"], "an answer does");
}

#[tokio::test]
async fn a_page_filter_leaves_other_pages_out_and_is_a_chip() {
    let house = WebHouse::build().await;
    let second = house.second_page().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id, &second]).await;
    house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    house.says("home", "m_home", "hello").await;
    house.hears(&second, "abroad", json!({"message": {"mid": "m_abroad", "text": "hello"}})).await;
    let (first, second) = (house.page.id.to_string(), second.to_string());
    let mut anna = house.browser("anna@example.org").await;
    assert_eq!(people(&mut anna, "view=open").await, ["abroad", "home"]);
    for (page, person, name) in [(&first, "home", "Harbour Coffee"), (&second, "abroad", "Night Market")] {
        let query = format!("view=open&page={page}");
        assert_eq!(people(&mut anna, &query).await, [person]);
        let list = anna.get(&format!("/inbox?{query}")).await;
        assert_eq!(chips(&list), [format!("Page: {name}")]);
        assert_eq!(list.attribute("a.chip.filter", "href").as_deref(), Some("/inbox?view=open"));
        assert_eq!(list.attribute("a.chip.filter", "title").as_deref(), Some("Remove filter"));
        assert_eq!(list.attribute("#page-filter option[selected]", "value").as_deref(), Some(page.as_str()));
        assert_eq!(list.count("a.chip.clear"), 0, "one is taken away by itself");
        assert!(
            list.attribute("a.row", "href").is_some_and(|row| row.contains(&format!("page={page}"))),
            "the list stays beside a conversation"
        );
        assert!(
            list.attribute("a.view.mine", "href").is_some_and(|view| view.contains(&format!("page={page}"))),
            "other views are of it too"
        );
    }
    assert_eq!(people(&mut anna, "view=open&page=999").await, Vec::<String>::new(), "none of hers");

    let list = anna.get(&format!("/inbox?view=open&sort=newest&page={second}&unanswered=1")).await;
    assert_eq!(chips(&list), ["Page: Night Market", "Unanswered"]);
    assert_eq!(list.attribute("a.chip.filter", "href").as_deref(), Some("/inbox?view=open&sort=newest&unanswered=1"));
    assert_eq!(list.texts("a.chip.clear"), ["Clear all"]);
    let bare = list.attribute("a.chip.clear", "href").expect("a way back");
    assert_eq!(bare, "/inbox?view=open&sort=newest");
    assert_eq!(people(&mut anna, bare.strip_prefix("/inbox?").expect("a list")).await, ["abroad", "home"]);
    assert_eq!(chips(&anna.get(&bare).await).len(), 0);

    // Channels are there to choose from once there are two.
    assert_eq!(anna.get("/inbox?view=open").await.count("#filter-channel"), 0);
    sqlx::query("update pages set object = 'instagram' where page_id = $1")
        .bind(second.as_str())
        .execute(&house.database.pool)
        .await
        .expect("an Instagram account");
    assert_eq!(anna.get("/inbox?view=open").await.texts("#filter-channel option"), ["Any", "Messenger", "Instagram"]);
    for (channel, person, name) in [("messenger", "home", "PSID …home"), ("instagram", "abroad", "IGSID …road")] {
        assert_eq!(people(&mut anna, &format!("view=open&channel={channel}")).await, [person]);
        assert_eq!(anna.get(&format!("/inbox?view=open&channel={channel}")).await.texts("a.row .name"), [name]);
    }
    assert_eq!(chips(&anna.get("/inbox?view=open&channel=instagram").await), ["Channel: Instagram"]);
    assert_eq!(people(&mut anna, &format!("view=open&channel=instagram&page={second}&unanswered=1")).await, ["abroad"]);
    assert_eq!(people(&mut anna, &format!("view=open&channel=instagram&page={first}")).await, Vec::<String>::new());

    // Who sees one Page has none to choose, and finds nothing on others.
    let mut ben = house.browser("ben@example.org").await;
    let list = ben.get(&format!("/inbox?view=open&page={first}")).await;
    assert_eq!((list.count("a.row"), chips(&list).len(), list.count("#page-filter")), (1, 0, 0));
    assert_eq!(people(&mut ben, &format!("view=open&page={second}")).await, Vec::<String>::new());
}

#[tokio::test]
async fn badges_count_only_pages_of_the_reader() {
    let house = WebHouse::build().await;
    let second = house.second_page().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let cleo_id = house.user("cleo@example.org", "Cleo Sand", "agent", &[&second]).await;
    house.user("rosa@example.org", "Rosa Lind", "admin", &[]).await;
    for person in ["one", "two"] {
        asks(&house, person).await;
    }
    house.says("bots", "m_bots", "menu").await;
    // On the second Page nobody answers by default: whoever writes waits for anybody.
    house.hears(&second, "abroad", json!({"message": {"mid": "m_abroad", "text": "hello"}})).await;
    for (email, open, unassigned) in [("anna@example.org", 3, 2), ("cleo@example.org", 1, 1), ("rosa@example.org", 4, 3)] {
        let mut browser = house.browser(email).await;
        for (view, count) in [("open", open), ("unassigned", unassigned)] {
            let query = format!("view={view}");
            assert_eq!(badge(&mut browser, &query, view).await, count.to_string(), "{email} {view}");
            assert_eq!(people(&mut browser, &query).await.len(), count, "{email} {view}");
        }
    }
    // Of the Page that is chosen, if it is one of theirs.
    let mut rosa = house.browser("rosa@example.org").await;
    let mut cleo = house.browser("cleo@example.org").await;
    for (page, count) in [(&house.page.id, "3"), (&second, "1")] {
        assert_eq!(badge(&mut rosa, &format!("view=open&page={page}"), "open").await, count, "{page}");
    }
    assert_eq!(badge(&mut cleo, &format!("view=open&page={}", house.page.id), "open").await, "");
    // A Page more, and no Page at all.
    sqlx::query("insert into user_pages (user_id, page_id) values ($1, $2)")
        .bind(cleo_id)
        .bind(house.page.id.as_str())
        .execute(&house.database.pool)
        .await
        .expect("a Page more");
    assert_eq!(badge(&mut cleo, "view=open", "open").await, "4");
    sqlx::query("delete from user_pages where user_id = $1").bind(cleo_id).execute(&house.database.pool).await.expect("no Page");
    let list = cleo.get("/inbox?view=open").await;
    assert_eq!((list.count("a.row"), list.count(".badge")), (0, 0));
}

#[tokio::test]
async fn unassigned_can_be_sorted_by_longest_waiting() {
    let house = WebHouse::build().await;
    let anna_id = house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    for person in ["first", "second", "third", "hers", "left"] {
        asks(&house, person).await;
    }
    acts(&house, "hers", anna_id, Act::Assign { to: Some(UserId(anna_id)), said: None }).await;
    house.sends(&house.page.inbox, "left", "m_i", json!({"text": "hello"})).await;
    for (person, hours) in [("first", 1), ("second", 3), ("third", 2), ("hers", 9)] {
        ages(&house, person, hours * HOUR + 30_000).await;
    }
    let mut anna = house.browser("anna@example.org").await;
    assert_eq!(people(&mut anna, "view=unassigned").await, ["left", "first", "third", "second"]);
    assert_eq!(people(&mut anna, "view=unassigned&sort=waiting").await, ["second", "third", "first"], "whoever was answered does not wait");
    assert_eq!(people(&mut anna, "view=unassigned&sort=waiting&unread=1").await, ["second", "third", "first"]);
    let list = anna.get("/inbox?view=unassigned&sort=waiting").await;
    assert_eq!(list.texts("a.row .age time"), ["3 h", "2 h", "1 h"]);
    assert_eq!(list.text("#sorting summary .sort"), "longest waiting first");
    assert_eq!(list.texts("#sorting a.item"), ["newest first", "longest waiting first", "ending soonest first"]);
    assert_eq!(list.texts("#sorting a.item[aria-current=true]"), ["longest waiting first"]);
    assert!(list.attribute("a.row", "href").is_some_and(|row| row.contains("view=unassigned&sort=waiting")), "{}", list.text("#rows"));
    let usual = anna.get("/inbox?view=unassigned").await;
    assert_eq!(usual.text("#sorting summary .sort"), "newest first");
    let sorts = scraper::Selector::parse("#sorting a.item").expect("a selector");
    let addresses: Vec<String> = usual.html().select(&sorts).filter_map(|sort| sort.attr("href")).map(str::to_owned).collect();
    assert_eq!(addresses[1], "/inbox?view=unassigned&sort=waiting");
}
