//! The inbox: who sees what, what forms do, and that nothing a stranger writes becomes markup.

use baton::control::Command;
use baton::ledger::SendOutcome;
use serde_json::json;

use crate::web_house::{Answer, Browser, WebHouse};

const MIA: &str = "9001";

/// Anna looks after the first Page; Mia has been handed over there.
async fn handed_over() -> (WebHouse, Browser) {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "I need help").await;
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let anna = house.browser("anna@example.org").await;
    (house, anna)
}

async fn sends(house: &WebHouse) -> Vec<(String, Option<i64>, serde_json::Value)> {
    let rows: Vec<(String, Option<i64>, String)> = sqlx::query_as("select state, user_id, send from outbox order by send_id")
        .fetch_all(&house.database.pool)
        .await
        .expect("the outbox");
    rows.into_iter().map(|(state, user, send)| (state, user, serde_json::from_str(&send).expect("JSON"))).collect()
}

#[tokio::test]
async fn every_way_to_a_conversation_knows_the_same_limits() {
    let house = WebHouse::build().await;
    let second = house.second_page().await;
    house.user("one@example.org", "One", "agent", &[&house.page.id]).await;
    house.user("two@example.org", "Two", "agent", &[&second]).await;
    house.user("none@example.org", "None", "agent", &[]).await;
    house.user("all@example.org", "All", "admin", &[]).await;
    house.says(MIA, "m_1", "hello one").await;
    house.hears(&second, "9002", json!({"message": {"mid": "m_2", "text": "hello two"}})).await;
    for (email, first_visible, second_visible) in [
        ("one@example.org", true, false),
        ("two@example.org", false, true),
        ("none@example.org", false, false),
        ("all@example.org", true, true),
    ] {
        let mut browser = house.browser(email).await;
        for (page, person, visible) in [(&house.page.id, MIA, first_visible), (&second, "9002", second_visible)] {
            let address = format!("/inbox/{page}/{person}");
            let what = format!("{email} and {address}");
            for list in
                ["/inbox?view=open".to_owned(), "/inbox?view=open&fragment=list".to_owned(), format!("/inbox?view=open&page={page}")]
            {
                let listed = browser.get(&list).await;
                assert_eq!(listed.body.contains(&address), visible, "{what} in {list}");
            }
            let status = if visible { 200 } else { 404 };
            assert_eq!(browser.get(&address).await.status, status, "{what}");
            for fragment in ["list", "thread"] {
                assert_eq!(browser.get(&format!("{address}?fragment={fragment}")).await.status, status, "{what} {fragment}");
            }
            for (form, fields) in [("send", ("text", "hi")), ("note", ("text", "hi")), ("control", ("action", "request"))] {
                let answer = browser.post(&format!("{address}/{form}"), &[fields]).await;
                assert_eq!(answer.status == 404, !visible, "{what} {form}: {}", answer.status);
            }
        }
    }
    let foreign: i64 = sqlx::query_scalar(
        "select count(*) from log where kind = 'note' and user_id in (select user_id from users where email = 'none@example.org')",
    )
    .fetch_one(&house.database.pool)
    .await
    .expect("the log");
    assert_eq!(foreign, 0);
}

#[tokio::test]
async fn views_hold_what_they_say_and_count_it() {
    let (house, mut anna) = handed_over().await;
    house.says("9002", "m_2", "with the bot").await;
    house.says("9003", "m_3", "closed soon").await;
    anna.post(&format!("{}/control", house.conversation("9003")), &[("action", "close")]).await;
    house.says("9004", "m_4", "mine").await;
    house.hands_over("9004", "x").await;
    anna.post(&format!("{}/control", house.conversation("9004")), &[("action", "assign")]).await;
    // A receipt is no message: the order stays.
    house.hears(&house.page.id, MIA, json!({"read": {"watermark": baton::clock::now().millis()}})).await;
    for (view, people) in
        [("needs", vec![MIA]), ("mine", vec!["9004"]), ("bot", vec!["9002"]), ("open", vec!["9004", "9002", MIA]), ("closed", vec!["9003"])]
    {
        let page = anna.get(&format!("/inbox?view={view}")).await;
        let rows: Vec<_> = page
            .html()
            .select(&scraper::Selector::parse("a.row").expect("a selector"))
            .filter_map(|row| row.attr("data-row").and_then(|key| key.split('/').nth(1)).map(str::to_owned))
            .collect();
        assert_eq!(rows, people, "{view}");
        assert_eq!(page.text(&format!(".view.{view} .badge")), people.len().to_string(), "{view}");
    }
}

#[tokio::test]
async fn words_with_a_nul_keep_nobody_from_the_lists() {
    let (house, mut anna) = handed_over().await;
    let metadata = baton::wire::Metadata::parse("be\0fore").ok();
    house.says("9002", "m_2", "nul\0 in a text").await;
    house.orders("9002", Command::Request { app: house.page.inbox.clone(), metadata: metadata.clone() }).await;
    house.orders("9002", Command::Pass { app: house.page.bot.clone(), target: Some(house.page.inbox.clone()), metadata }).await;
    house.accepts(&house.page.inbox, "9002", json!({"text": "nul\0 again"})).await;
    let list = anna.get("/inbox?view=needs").await;
    assert_eq!((list.status, list.count("a.row")), (200, 2), "{}", list.body);
    assert_eq!(anna.get(&house.conversation("9002")).await.status, 200);
}

#[tokio::test]
async fn the_queue_serves_first_who_came_first_and_pages_lose_nobody() {
    let (house, mut anna) = handed_over().await;
    for number in 0..119 {
        // Several share a moment, so that the order cannot rest on it alone.
        let control = json!({"owner": {"kind": "app", "app": "222", "until": 4_000_000_000_000_i64}, "epoch": 1, "changed_at": 1_700_000_000_000_i64 + (number / 3) * 1000});
        sqlx::query(
            "with person as (insert into conversations (page_id, person_id, control, owner, owner_kind, owner_since, epoch, last_position, last_at, last_message_at, lane)
                 values ($1, $2, $3, '222', 'app', $5 * 1000, 1, $4, to_timestamp($5), to_timestamp($5), 0) returning page_id, last_message_at, person_id, lane)
             insert into open_conversations select * from person",
        )
            .bind(house.page.id.as_str())
            .bind(format!("p{number:03}"))
            .bind(control.to_string())
            .bind(1000 + number)
            .bind(1_700_000_000.0 + f64::from(i32::try_from(number / 3).expect("small")))
            .execute(&house.database.pool)
            .await
            .expect("a conversation");
    }
    for (view, newest_first) in [("needs", false), ("open", true)] {
        let mut seen = Vec::new();
        let mut next = Some(format!("/inbox?view={view}"));
        while let Some(address) = next {
            let page = anna.get(&address).await;
            let rows = scraper::Selector::parse("a.row").expect("a selector");
            seen.extend(
                page.html()
                    .select(&rows)
                    .filter_map(|row| row.attr("data-row"))
                    .map(|key| key.split('/').nth(1).expect("a person").to_owned()),
            );
            next = page.attribute("a[rel=next]", "href");
        }
        let mut expected: Vec<String> = (0..119).map(|number| format!("p{number:03}")).collect();
        expected.push(MIA.to_owned());
        if newest_first {
            expected.reverse();
        }
        assert_eq!(seen, expected, "{view}");
    }
    assert_eq!(anna.get("/inbox").await.text(".view.needs .badge"), "99+");
}

#[tokio::test]
async fn an_answer_goes_out_once_in_the_agents_name() {
    let (house, mut anna) = handed_over().await;
    let page = anna.get(&house.conversation(MIA)).await;
    let key = page.attribute("#reply input[name=key]", "value").expect("a key");
    let seen = page.attribute("#reply input[name=seen]", "value").expect("a position");
    let fields = [("text", "We are on it.\r\nPromise."), ("key", key.as_str()), ("seen", seen.as_str()), ("view", "needs")];
    for _ in 0..2 {
        let sent = anna.post(&format!("{}/send", house.conversation(MIA)), &fields).await;
        assert_eq!((sent.status, sent.location), (303, Some(format!("{}?view=needs", house.conversation(MIA)))), "{}", sent.body);
    }
    let sends = sends(&house).await;
    assert_eq!(sends.len(), 1, "the same form twice is one message");
    assert_eq!(sends[0].2["content"]["message"]["message"]["text"], "We are on it.\nPromise.");
    assert_eq!((&sends[0].2["messaging_type"], &sends[0].2["tag"]), (&json!("RESPONSE"), &json!(null)));
    assert!(sends[0].1.is_some(), "by Anna");
    assert!(anna.get(&house.conversation(MIA)).await.text(".message.waits").contains("Queued"));
    // The same key for another text is not that message.
    let other = anna.post(&format!("{}/send", house.conversation(MIA)), &[("text", "Something else"), ("key", &key)]).await;
    assert_eq!(other.status, 409);
    assert_eq!(other.texts("#reply-text"), ["Something else"]);
}

#[tokio::test]
async fn what_others_answered_meanwhile_is_shown_before_sending() {
    let (house, mut anna) = handed_over().await;
    let ben = house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    let page = anna.get(&house.conversation(MIA)).await;
    let seen = page.attribute("#reply input[name=seen]", "value").expect("a position");
    house.sends_as(ben, MIA, "m_b", json!({"text": "Ben was faster"})).await;
    let send = format!("{}/send", house.conversation(MIA));
    let asked = anna.post(&send, &[("text", "Anna's answer"), ("seen", &seen), ("key", "key-of-anna")]).await;
    assert_eq!(asked.status, 409);
    assert!(
        asked.text("#guard").contains("Ben Okafor answered")
            && asked.text("#guard").contains("s ago. Send anyway?")
            && asked.text("#guard").contains("Ben was faster"),
        "{}",
        asked.body
    );
    assert_eq!((asked.texts("#reply-text"), asked.text("button.send")), (vec!["Anna's answer".to_owned()], "Send anyway".to_owned()));
    assert_eq!(sends(&house).await.len(), 1, "only Ben's");
    let again = asked.attribute("#reply input[name=seen]", "value").expect("a position");
    assert_eq!(asked.attribute("#reply input[name=key]", "value").as_deref(), Some("key-of-anna"));
    assert_eq!(anna.post(&send, &[("text", "Anna's answer"), ("seen", &again), ("key", "key-of-anna")]).await.status, 303);
    // One's own message that came in since is no reason to ask.
    let anna_id = sends(&house).await[1].1.expect("by Anna");
    house
        .comes_to(baton::ledger::SendId(2), SendOutcome::Sent { mid: baton::wire::MessageId::parse("m_a").ok(), attachment_id: None })
        .await;
    assert_eq!(anna.post(&send, &[("text", "And one more thing"), ("seen", &again), ("key", "key-2-of-anna")]).await.status, 303);
    assert_eq!(sends(&house).await[2].1, Some(anna_id));
}

#[tokio::test]
async fn an_answer_is_shown_whatever_else_came_since_and_what_was_seen_stays_seen() {
    let (house, mut anna) = handed_over().await;
    let ben = house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    let field = |page: &Answer, name: &str| page.attribute(&format!("#reply input[name={name}]"), "value").expect("a field");
    let page = anna.get(&house.conversation(MIA)).await;
    let (seen, send) = (field(&page, "seen"), format!("{}/send", house.conversation(MIA)));
    for number in 0..25 {
        house.says(MIA, &format!("m_more_{number}"), "Hello?").await;
    }
    house.sends_as(ben, MIA, "m_b", json!({"text": "Ben was faster"})).await;
    let asked = anna.post(&send, &[("text", "Anna's answer"), ("seen", &seen), ("key", "key-of-anna")]).await;
    assert_eq!(asked.status, 409);
    assert!(
        asked.text("#guard").contains("Ben Okafor answered") && asked.text("#guard").contains("Ben was faster"),
        "{}",
        asked.text("#guard")
    );
    // Another of Ben's is on its way: it has no position that could be seen.
    let page = anna.get(&house.conversation(MIA)).await;
    let (seen, queued) = (field(&page, "seen"), field(&page, "queued"));
    house.says(MIA, "m_last", "I am waiting").await;
    let seen_now = (seen.parse::<i64>().expect("a position") + 1).to_string();
    house.accepts_as(Some(ben), &house.page.inbox, MIA, json!({"text": "One moment"})).await;
    let asked = anna.post(&send, &[("text", "Anna's answer"), ("seen", &seen_now), ("queued", &queued), ("key", "key-of-anna")]).await;
    assert_eq!(asked.status, 409, "{}", asked.body);
    assert_eq!(field(&asked, "seen"), seen_now);
}

#[tokio::test]
async fn the_messaging_window_decides_how_and_whether_to_answer() {
    let (house, mut anna) = handed_over().await;
    let hours = |hours: i64| baton::clock::now().millis() - hours * 3_600_000;
    let (address, send) = (house.conversation(MIA), format!("{}/send", house.conversation(MIA)));
    for (act, line, status, tag) in [
        (hours(23), "Standard reply: 59 m left", 303, json!(null)),
        (hours(25), "Human-agent reply until", 303, json!("HUMAN_AGENT")),
        (hours(8 * 24), "Closed: the customer must write first.", 409, json!(null)),
    ] {
        sqlx::query("update conversations set last_person_act = $1").bind(act).execute(&house.database.pool).await.expect("changed");
        let page = anna.get(&address).await;
        assert!(page.text(".window-line").contains(line), "{}", page.text(".window-line"));
        let before = sends(&house).await.len();
        let answer = anna.post(&send, &[("text", "Here I am")]).await;
        assert_eq!(answer.status, status, "{line}: {}", answer.body);
        let after = sends(&house).await;
        if status == 303 {
            assert_eq!(after.last().expect("a send").2["tag"], tag, "{line}");
        } else {
            assert_eq!(after.len(), before, "nothing was accepted");
            assert_eq!(answer.texts("#reply-text"), ["Here I am"], "the text is still there");
            assert!(page.count("#reply") == 0 && !page.text("#blocked").is_empty(), "the composer says why: {}", page.body);
        }
    }
}

#[tokio::test]
async fn texts_that_cannot_be_sent_come_back() {
    let (house, mut anna) = handed_over().await;
    let send = format!("{}/send", house.conversation(MIA));
    let (long, fits) = ("ä".repeat(2000), "ä".repeat(1999));
    for (text, status) in [(" \n ", 422), (long.as_str(), 422), (fits.as_str(), 303)] {
        let answer = anna.post(&send, &[("text", text)]).await;
        assert_eq!(answer.status, status, "{}", text.len());
        if !text.trim().is_empty() && status == 422 {
            assert_eq!(answer.texts("#reply-text"), [text]);
            assert!(answer.text("#problem").contains("2000"), "{}", answer.text("#problem"));
        }
    }
    let huge = "x".repeat(70 * 1024);
    assert_eq!(anna.post(&send, &[("text", &huge)]).await.status, 413);
}

#[tokio::test]
async fn control_moves_by_forms_and_the_head_says_what_may_be_done() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let mut anna = house.browser("anna@example.org").await;
    house.says(MIA, "m_1", "hello").await;
    let address = house.conversation(MIA);
    let control = format!("{address}/control");
    let held = anna.get(&address).await;
    assert!(held.text("#holder").contains("Harbour bot holds this conversation"), "{}", held.text("#holder"));
    assert!(held.text("#blocked").contains("Harbour bot is talking to this customer") && held.count("#blocked button") == 1);
    assert_eq!(anna.post(&format!("{address}/send"), &[("text", "too early")]).await.status, 409, "the bot holds it");

    assert_eq!(anna.post(&control, &[("action", "take")]).await.status, 303);
    let mine = anna.get(&address).await;
    assert!(mine.text("#holder").contains("Assigned to you"), "{}", mine.text("#holder"));
    assert!(mine.text(".lines").contains("Anna Berg took over from Harbour bot"), "{}", mine.text(".lines"));
    assert_eq!(mine.count("#reply"), 1);

    // What the next one should know reaches a colleague too.
    let ben = house.user("ben.o@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    assert_eq!(anna.post(&control, &[("to", ben.to_string().as_str()), ("note", "she wants the blue cup")]).await.status, 303);
    let given = anna.get(&address).await;
    assert!(given.text("#holder").contains("Assigned to Ben Okafor"), "{}", given.text("#holder"));
    assert!(given.text(".lines").contains("assigned it to Ben Okafor"), "{}", given.text(".lines"));
    assert!(given.text(".lines").contains("she wants the blue cup"), "{}", given.text(".lines"));

    let passed = anna.post(&control, &[("target", "333"), ("note", r#"{"topic":"parcel"}"#)]).await;
    assert_eq!(passed.status, 303);
    let away = anna.get(&address).await;
    assert!(away.text("#holder").contains("Parcel tracker holds") && away.text(".control .facts").contains("Topic"), "{}", away.body);

    sqlx::query("update subscriptions set may_take = false where app_id = '222'").execute(&house.database.pool).await.expect("changed");
    sqlx::query("update pages set rules_version = rules_version + 1").execute(&house.database.pool).await.expect("changed");
    let barred = anna.get(&address).await;
    assert_eq!(barred.count("#moves button[aria-disabled=true][data-key=t]"), 1, "the take says why it cannot, also to its key");
    assert!(barred.text("#moves .why").contains("may not take"), "{}", barred.text("#moves"));
    assert_eq!(anna.post(&control, &[("action", "take")]).await.status, 409, "and the server says the same");
    assert_eq!(anna.post(&control, &[("action", "request")]).await.status, 303);
    let asked = anna.get(&address).await;
    assert!(asked.text("#holder").contains("Your team has asked for it"), "{}", asked.text("#holder"));
    house.orders(MIA, Command::Pass { app: house.page.other.clone(), target: Some(house.page.inbox.clone()), metadata: None }).await;

    assert_eq!(anna.post(&control, &[("action", "release")]).await.status, 303);
    assert!(anna.get(&address).await.text("#holder").contains("Nobody holds this conversation"));
    let closed = anna.post(&control, &[("action", "close"), ("view", "open")]).await;
    assert_eq!((closed.status, closed.location.as_deref()), (303, Some("/inbox?view=open")));
    assert!(anna.get("/inbox?view=closed").await.body.contains(&address));
    assert_eq!(anna.post(&control, &[("action", "reopen")]).await.status, 303);
    assert!(!anna.get("/inbox?view=closed").await.body.contains(&address));
    for nonsense in [vec![("action", "explode")], vec![], vec![("to", "x")], vec![("to", "99999")]] {
        assert_eq!(anna.post(&control, &nonsense).await.status, 400, "{nonsense:?}");
    }
}

#[tokio::test]
async fn notes_stay_inside() {
    let (house, mut anna) = handed_over().await;
    let before = sends(&house).await.len();
    assert_eq!(anna.post(&format!("{}/note", house.conversation(MIA)), &[("text", "Be gentle")]).await.status, 303);
    assert!(anna.get(&house.conversation(MIA)).await.text(".note").contains("Be gentle"));
    let audience: String =
        sqlx::query_scalar("select audience from log where kind = 'note'").fetch_one(&house.database.pool).await.expect("a note");
    assert_eq!((audience.as_str(), sends(&house).await.len()), ("\"internal\"", before));
}

#[tokio::test]
async fn a_long_conversation_comes_in_pages() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let mut anna = house.browser("anna@example.org").await;
    for number in 0..120 {
        house.says(MIA, &format!("m_{number}"), &format!("message number {number}.")).await;
    }
    let mut seen = Vec::new();
    let mut next = Some(house.conversation(MIA));
    while let Some(address) = next {
        let page = anna.get(&address).await;
        let texts = page.texts(".message .bubble");
        assert!(texts.len() <= 50, "{}", texts.len());
        seen.splice(0..0, texts);
        next = page.attribute(".older a[href*=before]", "href");
    }
    assert_eq!(seen, (0..120).map(|number| format!("message number {number}.")).collect::<Vec<_>>());
}

#[tokio::test]
async fn later_events_change_the_messages_they_are_about() {
    let (house, mut anna) = handed_over().await;
    let anna_id: i64 = sqlx::query_scalar("select user_id from users").fetch_one(&house.database.pool).await.expect("Anna");
    house.sends_as(anna_id, MIA, "m_a", json!({"text": "first"})).await;
    let hear = async |event: serde_json::Value| house.hears(&house.page.id, MIA, event).await;
    let mut anna_sees = async |selector: &str| anna.get(&house.conversation(MIA)).await.text(selector);
    assert_eq!(anna_sees(".message.people .state").await, "Sent");
    hear(json!({"delivery": {"mids": ["m_a"], "watermark": 1}})).await;
    assert_eq!(anna_sees(".message.people .state").await, "Delivered");
    hear(json!({"read": {"watermark": baton::clock::now().millis()}})).await;
    assert_eq!(anna_sees(".message.people .state").await, "Read");
    hear(json!({"reaction": {"reaction": "love", "emoji": "\u{2764}", "action": "react", "mid": "m_a"}})).await;
    assert_eq!(anna_sees(".message.people .reactions").await, "\u{2764}");
    hear(json!({"reaction": {"action": "unreact", "mid": "m_a"}})).await;
    assert_eq!(anna_sees(".message.people .reactions").await, "");
    hear(json!({"message_edit": {"mid": "m_1", "text": "I need help quickly", "num_edit": "1"}})).await;
    assert!(anna_sees(".message.customer").await.contains("I need help quickly"));
    assert!(anna_sees(".message.customer .meta").await.contains("edited"));
    hear(json!({"message": {"mid": "m_1", "is_deleted": true}})).await;
    assert_eq!(anna_sees(".message.customer .bubble").await, "This message was taken back.");
}

#[tokio::test]
async fn nothing_a_stranger_writes_becomes_markup() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "<xss>Anna", "agent", &[&house.page.id]).await;
    let corpus = [
        "<script>xss()</script>",
        "\"><img src=x onerror=xss()>",
        "'><svg/onload=xss()>",
        "</textarea></title><xss>",
        "javascript:xss()",
        "https://a.example/\" onmouseover=\"xss()",
        "{{ 7 * 7 }}{% raw %}",
        "<a href=\"javascript:xss()\">x</a>\u{202e}\u{0}<xss",
    ];
    for (number, text) in corpus.iter().enumerate() {
        let person = format!("90{number}");
        house.named(&person, &text.replace('\0', "")).await;
        house.says(&person, &format!("m_{number}"), text).await;
        let odd = json!({"attachments": [{"type": text, "payload": {"url": text, "title": text}}], "mid": format!("a_{number}"), "reply_to": {"mid": text}});
        house.hears(&house.page.id, &person, json!({"message": odd})).await;
        house.hears(&house.page.id, &person, json!({"postback": {"mid": format!("p_{number}"), "title": text, "payload": text}})).await;
        house
            .hears(
                &house.page.id,
                &person,
                json!({"reaction": {"reaction": text, "emoji": text, "action": "react", "mid": format!("m_{number}")}}),
            )
            .await;
        let unknown = serde_json::Map::from_iter([(text.replace('\0', ""), json!(text))]);
        house.hears(&house.page.id, &person, serde_json::Value::Object(unknown)).await;
        let card = json!({"attachment": {"type": "template", "payload": {"template_type": text, "elements": [{"title": text, "subtitle": text, "buttons": [{"type": "postback", "title": text, "payload": "x"}]}]}}, "quick_replies": [{"title": text}]});
        house.accepts(&house.page.bot, &person, card).await;
        house.hands_over(&person, &json!({"reason": text, (*text): text}).to_string()).await;
        house.hands_back_and_over(&person, &text.replace('\0', "")).await;
    }
    sqlx::query("update pages set name = $1").bind(corpus[1]).execute(&house.database.pool).await.expect("changed");
    sqlx::query("update apps set name = $1").bind(corpus[0]).execute(&house.database.pool).await.expect("changed");
    sqlx::query("update outbox set state = 'failed', error_code = 1, error_message = $1")
        .bind(corpus[0])
        .execute(&house.database.pool)
        .await
        .expect("changed");
    let mut anna = house.browser("anna@example.org").await;
    let mut pages = vec![
        "/inbox?view=open".to_owned(),
        "/inbox?view=needs&page=%22%3E%3Cxss%3E&after=%22%3E".to_owned(),
        "/login?next=%22%3E%3Cxss%3E".to_owned(),
    ];
    pages.extend((0..corpus.len()).map(|number| house.conversation(&format!("90{number}"))));
    for page in pages {
        let answer = anna.get(&page).await;
        assert!([200, 303].contains(&answer.status), "{page}: {}", answer.body);
        for bad in [
            "xss",
            "script:not([src])",
            "[onerror]",
            "[onload]",
            "[onmouseover]",
            "a[href^=javascript]",
            "a[href^=data]",
            "img[src=x]",
            "[style]",
            "iframe",
        ] {
            assert_eq!(answer.count(bad), 0, "{bad} on {page}: {}", answer.body);
        }
    }
    for number in 0..corpus.len() {
        for text in corpus {
            let sent = anna.post(&format!("{}/note", house.conversation(&format!("90{number}"))), &[("text", text), ("view", text)]).await;
            assert_eq!(sent.status, 303);
        }
        assert_eq!(anna.get(&house.conversation(&format!("90{number}"))).await.count("xss"), 0);
    }
}
