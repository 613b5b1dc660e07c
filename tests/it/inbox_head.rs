//! The head of a conversation, its composer, its timeline and its side: who holds it and until when, why nothing can be written, and what
//! became of control.

use baton::control::Command;
use baton::ledger::{Act, SendOutcome};
use baton::wire::{MessageId, Metadata};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::page::person_id;
use crate::web_house::{Answer, Browser, WebHouse};

const MIA: &str = "9001";

/// What the platform calls its own inboxes.
const PAGE_INBOX: i64 = 263_902_037_430_900;
const INSTAGRAM_INBOX: i64 = 1_217_981_644_879_628;

/// Anna looks after the first Page. What ends there ends in two days, so that its time is told with its day, at whatever hour this runs.
async fn house() -> (WebHouse, Browser) {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    rules(&house, "update pages set lease_ms = 172800000, implied_ms = 172800000, request_deadline_ms = 600000").await;
    let anna = house.browser("anna@example.org").await;
    (house, anna)
}

async fn changed(house: &WebHouse, change: &'static str) {
    sqlx::query(change).execute(&house.database.pool).await.expect("changed");
}

/// Changes what control on the Page goes by.
async fn rules(house: &WebHouse, change: &'static str) {
    changed(house, change).await;
    changed(house, "update pages set rules_version = rules_version + 1").await;
}

/// A time in the control of a conversation, as people read it.
async fn time_of(house: &WebHouse, person: &str, place: &str, form: &str) -> String {
    let millis: i64 = sqlx::query_scalar("select (control::jsonb #>> $1::text[])::bigint from conversations where person_id = $2")
        .bind(place)
        .bind(person)
        .fetch_one(&house.database.pool)
        .await
        .expect("a time");
    let at = jiff::Timestamp::from_millisecond(millis).expect("a time").to_zoned(jiff::tz::TimeZone::UTC);
    at.strftime(form).to_string()
}

async fn lease_of(house: &WebHouse, person: &str) -> String {
    time_of(house, person, "{owner,until}", "%a %H:%M").await
}

async fn deadline_of(house: &WebHouse, person: &str) -> String {
    time_of(house, person, "{requests,0,deadline}", "%H:%M:%S").await
}

/// Somebody beside Baton answers; which app, the platform may not say.
async fn answers_outside(house: &WebHouse, person: &str, app: Option<i64>) {
    let mut message = json!({"mid": format!("m_out_{person}"), "is_echo": true, "text": "we take it"});
    if let Some(app) = app {
        message["app_id"] = json!(app);
    }
    let event = json!({
        "sender": {"id": house.page.id.as_str()}, "recipient": {"id": person}, "timestamp": a_moment_later(), "message": message,
    });
    house.hears(&house.page.id, person, event).await;
}

/// The platform says that its own inbox holds a conversation.
async fn goes_outside(house: &WebHouse, person: &str) {
    let handover = json!({"previous_owner_app_id": "555", "new_owner_app_id": PAGE_INBOX.to_string()});
    house.hears(&house.page.id, person, json!({"timestamp": a_moment_later(), "pass_thread_control": handover})).await;
}

/// Evidence of the platform that is older than the last change would move nothing.
fn a_moment_later() -> i64 {
    baton::clock::now().millis() + 1000
}

/// The colour and the words of the head.
async fn head(browser: &mut Browser, house: &WebHouse, person: &str) -> (String, String) {
    let page = browser.get(&house.conversation(person)).await;
    assert_eq!(page.status, 200, "{}", page.body);
    (page.attribute("#holder", "class").expect("a head"), page.text("#holder"))
}

fn words(class: &str, words: &str) -> (String, String) {
    (format!("holder {class}"), words.to_owned())
}

#[tokio::test]
async fn the_head_names_whoever_holds_it() {
    let (house, mut anna) = house().await;
    house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    let mut ben = house.browser("ben@example.org").await;

    // A bot, then people, then the one of them who has it.
    house.says(MIA, "m_1", "I need help").await;
    let until = lease_of(&house, MIA).await;
    assert_eq!(head(&mut anna, &house, MIA).await, words("bot", &format!("Harbour bot holds this conversation until {until}")));
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let people = format!("People hold this conversation until {}", lease_of(&house, MIA).await);
    assert_eq!(head(&mut anna, &house, MIA).await, words("people", &format!("{people} · Nobody is assigned")));
    assert_eq!(anna.post(&format!("{}/control", house.conversation(MIA)), &[("action", "assign")]).await.status, 303);
    assert_eq!(head(&mut anna, &house, MIA).await, words("people", &format!("{people} · Assigned to you")));
    assert_eq!(head(&mut ben, &house, MIA).await, words("people", &format!("{people} · Assigned to Anna Berg")));

    // Another app asks for it: until when that is decided, and what happens then.
    house.orders(MIA, Command::Request { app: house.page.other.clone(), metadata: None }).await;
    let deadline = deadline_of(&house, MIA).await;
    let asks = format!("Parcel tracker asks for it. Decided by {deadline} at the latest.");
    let page = anna.get(&house.conversation(MIA)).await;
    assert_eq!(page.text("#holder .pending"), format!("{asks} Then it is granted by itself."));
    let left = page.attribute("#holder .countdown", "data-countdown").and_then(|left| left.parse::<i64>().ok()).expect("a countdown");
    assert!((1..=600_000).contains(&left), "{left}");
    assert_eq!(page.attribute("#holder .countdown", "data-words").as_deref(), Some("{seconds} s left."));
    rules(&house, "update pages set at_deadline = 'lapse'").await;
    let page = anna.get(&house.conversation(MIA)).await;
    assert_eq!(page.text("#holder .pending"), format!("{asks} Then the request ends by itself."));

    // Another app on the Page has it, and the inbox asks.
    house.says("9002", "m_2", "Where is my parcel?").await;
    let (bot, other) = (house.page.bot.clone(), house.page.other.clone());
    house.orders("9002", Command::Pass { app: bot.clone(), target: Some(other), metadata: None }).await;
    let until = lease_of(&house, "9002").await;
    assert_eq!(head(&mut anna, &house, "9002").await, words("app", &format!("Parcel tracker holds this conversation until {until}")));
    assert_eq!(anna.post(&format!("{}/control", house.conversation("9002")), &[("action", "request")]).await.status, 303);
    let deadline = deadline_of(&house, "9002").await;
    let page = anna.get(&house.conversation("9002")).await;
    assert_eq!(
        page.text("#holder .pending"),
        format!("Your team has asked for it. Decided by {deadline} at the latest. Then the request ends by itself.")
    );
    let why = format!("Already requested. It is decided by {deadline} at the latest.");
    assert!(page.texts("#moves .why").contains(&why), "{}", page.text("#moves"));

    // Somebody beside Baton wrote last.
    for (person, app, name) in
        [("9003", PAGE_INBOX, "Meta’s Page inbox"), ("9004", INSTAGRAM_INBOX, "Instagram’s inbox"), ("9005", 4242, "App 4242")]
    {
        house.says(person, &format!("m_{person}"), "hello").await;
        answers_outside(&house, person, Some(app)).await;
        let until = time_of(&house, person, "{owner,evidence,until}", "%a %H:%M").await;
        let expected = format!("{name} seems to hold this conversation: it wrote last until {until}");
        assert_eq!(head(&mut anna, &house, person).await, words("external", &expected));
    }
    house.says("9006", "m_6", "hello").await;
    answers_outside(&house, "9006", None).await;
    assert_eq!(head(&mut anna, &house, "9006").await, words("external", "An app outside Baton holds this conversation."));

    // The platform says so itself; then it is asked to give it back.
    goes_outside(&house, "9003").await;
    let outside = "Meta’s Page inbox holds this conversation, outside Baton.";
    assert_eq!(head(&mut anna, &house, "9003").await, words("external", outside));
    assert_eq!(anna.post(&format!("{}/control", house.conversation("9003")), &[("action", "take")]).await.status, 303);
    assert_eq!(head(&mut anna, &house, "9003").await, words("moving", "Control is changing hands. Waiting for the platform."));

    // Nobody; nor where a lease is over before anybody has written so.
    house.says("9007", "m_7", "hello").await;
    changed(&house, r#"update conversations set control = regexp_replace(control, '"until":\d+', '"until":1') where person_id = '9007'"#)
        .await;
    assert_eq!(head(&mut anna, &house, "9007").await, words("idle", "Nobody holds this conversation."));
    house.says("9008", "m_8", "hello").await;
    house.orders("9008", Command::Release { app: bot, metadata: None }).await;
    assert_eq!(head(&mut anna, &house, "9008").await, words("idle", "Nobody holds this conversation."));
    house.ledger.act(house.page.id.clone(), person_id("9008"), None, Act::Close).await.expect("closed");
    assert_eq!(head(&mut anna, &house, "9008").await, words("idle", "Closed. Nobody holds this conversation."));
}

/// The page of a conversation in which no reply can be written: why, and what can be done about it. A note can always be written.
async fn blocked(anna: &mut Browser, house: &WebHouse, person: &str, reason: &str, remedy: Option<&str>) -> Answer {
    let page = anna.get(&house.conversation(person)).await;
    assert_eq!(page.texts("#blocked p"), [reason], "{}", page.text("#composer"));
    assert_eq!(page.texts("#blocked button"), remedy.into_iter().collect::<Vec<_>>(), "{reason}");
    assert_eq!((page.count("#reply"), page.count("#note")), (0, 1), "{reason}");
    page
}

/// Presses what can be done about it.
async fn presses(anna: &mut Browser, page: &Answer) {
    let address = page.attribute("#blocked form", "action").expect("a form");
    let action = page.attribute("#blocked input[name=action]", "value").expect("an action");
    assert_eq!(anna.post(&address, &[("action", action.as_str())]).await.status, 303, "{action}");
}

async fn can_write(anna: &mut Browser, house: &WebHouse, person: &str) {
    let page = anna.get(&house.conversation(person)).await;
    assert_eq!((page.count("#reply"), page.count("#blocked")), (1, 0), "{}", page.text("#composer"));
}

#[tokio::test]
async fn the_composer_says_why_nothing_can_be_written() {
    let (house, mut anna) = house().await;
    for person in [MIA, "9002", "9003", "9004", "9005"] {
        house.says(person, &format!("m_{person}"), "I need help").await;
    }

    // It is closed: reopened and taken by what stands beside the reason.
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    can_write(&mut anna, &house, MIA).await;
    assert_eq!(anna.post(&format!("{}/control", house.conversation(MIA)), &[("action", "close")]).await.status, 303);
    let page = blocked(&mut anna, &house, MIA, "This conversation is closed.", Some("Reopen")).await;
    presses(&mut anna, &page).await;
    let page = blocked(&mut anna, &house, MIA, "Nobody holds this conversation. Take it to answer.", Some("Take over")).await;
    presses(&mut anna, &page).await;
    can_write(&mut anna, &house, MIA).await;

    // A bot holds it, and the inbox may take or only ask.
    let bots = "Harbour bot is talking to this customer. To answer, the conversation must be yours.";
    blocked(&mut anna, &house, "9002", bots, Some("Take over")).await;
    rules(&house, "update subscriptions set may_take = false where app_id = '222'").await;
    let page = blocked(&mut anna, &house, "9002", bots, Some("Request")).await;
    presses(&mut anna, &page).await;
    blocked(&mut anna, &house, "9002", bots, None).await;
    rules(&house, "update subscriptions set may_take = true where app_id = '222'").await;

    // Another app outside wrote last: it can be taken at once.
    let outside = "An app outside Baton is talking to this customer.";
    answers_outside(&house, "9003", Some(4242)).await;
    let page = blocked(&mut anna, &house, "9003", outside, Some("Take over")).await;
    presses(&mut anna, &page).await;
    can_write(&mut anna, &house, "9003").await;

    // The platform says that another app holds it: then it is the platform that has to answer first.
    goes_outside(&house, "9004").await;
    let page = blocked(&mut anna, &house, "9004", outside, Some("Take over")).await;
    presses(&mut anna, &page).await;
    let moving = "Control is changing hands. Answering is possible once the platform has replied.";
    let page = blocked(&mut anna, &house, "9004", moving, None).await;
    let wait = "Control is changing hands right now. Wait for the platform’s answer.";
    assert!(page.text("#moves .why").contains(wait), "{}", page.text("#moves"));
    assert_eq!(anna.post(&format!("{}/send", house.conversation("9004")), &[("text", "too early")]).await.status, 409);

    // The window is closed, or was never open.
    house.hands_over("9005", "x").await;
    can_write(&mut anna, &house, "9005").await;
    let late = "The time in which the platform lets you answer is over. It opens again when the customer writes.";
    for (change, line) in [
        (
            "update conversations set last_person_act = last_person_act - 8 * 86400000::bigint where person_id = '9005'",
            "Closed: the customer must write first.",
        ),
        (
            "update conversations set last_person_act = null where person_id = '9005'",
            "The customer has not written yet, so nothing can be sent.",
        ),
    ] {
        changed(&house, change).await;
        let page = blocked(&mut anna, &house, "9005", late, None).await;
        assert_eq!(page.texts("#composer .window-line"), [line]);
    }

    // The inbox is not on the Page.
    rules(&house, "update subscriptions set removed_at = now() where app_id = '222'").await;
    let missing = "The inbox is not connected to this Page. An admin can add it.";
    let page = blocked(&mut anna, &house, "9002", missing, None).await;
    assert_eq!(page.texts("#moves .why"), [missing]);
    assert_eq!(anna.post(&format!("{}/send", house.conversation("9002")), &[("text", "hello?")]).await.status, 409);
}

#[tokio::test]
async fn what_the_bot_said_meanwhile_is_shown_before_sending() {
    let (house, mut anna) = house().await;
    let (bot, inbox) = (house.page.bot.clone(), house.page.inbox.clone());
    house.says(MIA, "m_1", "I need help").await;
    // The bot hands over while its last message is still on its way; Anna has the page open when it goes out.
    let last = house.accepts(&bot, MIA, json!({"text": "One moment, a person takes over"})).await;
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let page = anna.get(&house.conversation(MIA)).await;
    let field = |page: &Answer, name: &str| page.attribute(&format!("#reply input[name={name}]"), "value").expect("a field");
    let (seen, queued) = (field(&page, "seen"), field(&page, "queued"));
    house.comes_to(last, SendOutcome::Sent { mid: MessageId::parse("m_b").ok(), attachment_id: None }).await;
    let send = format!("{}/send", house.conversation(MIA));
    let mine = [("text", "Anna's answer"), ("key", "key-of-anna"), ("queued", queued.as_str())];
    let asked = anna.post(&send, &[mine[0], mine[1], mine[2], ("seen", &seen)]).await;
    assert_eq!(asked.status, 409, "{}", asked.body);
    let title = asked.text("#guard p b");
    assert!(title.starts_with("Harbour bot answered ") && title.ends_with(" s ago. Send anyway?"), "{title}");
    assert_eq!(asked.texts("#guard blockquote"), ["Harbour bot One moment, a person takes over"]);
    assert!(asked.text("#guard .hint").contains("Your text has not been sent. It is still below."));
    assert_eq!((asked.texts("#reply-text"), asked.text("button.send")), (vec!["Anna's answer".to_owned()], "Send anyway".to_owned()));
    let by_people = async || -> i64 {
        let count = sqlx::query_scalar("select count(*) from outbox where user_id is not null");
        count.fetch_one(&house.database.pool).await.expect("the outbox")
    };
    assert_eq!(by_people().await, 0, "nothing went out");
    let again = field(&asked, "seen");
    assert_eq!(anna.post(&send, &[mine[0], mine[1], mine[2], ("seen", &again)]).await.status, 303);
    assert_eq!(by_people().await, 1);

    // It gets the conversation back, answers, and hands over again, while the page is open.
    let page = anna.get(&house.conversation(MIA)).await;
    let (seen, queued) = (field(&page, "seen"), field(&page, "queued"));
    house.orders(MIA, Command::Pass { app: inbox, target: Some(bot.clone()), metadata: None }).await;
    house.accepts(&bot, MIA, json!({"text": "Are you still there?"})).await;
    house.hands_over(MIA, r#"{"reason":"asked again"}"#).await;
    let fields = [("text", "One more thing"), ("key", "key-2-of-anna"), ("seen", seen.as_str()), ("queued", queued.as_str())];
    let asked = anna.post(&send, &fields).await;
    assert_eq!(asked.status, 409, "{}", asked.body);
    assert_eq!(asked.text("#guard p b"), "Harbour bot is sending an answer right now. Send yours too?");
    assert_eq!(asked.texts("#guard blockquote"), ["Harbour bot Are you still there?"]);
    assert_eq!(by_people().await, 1);
    let (seen, queued) = (field(&asked, "seen"), field(&asked, "queued"));
    let fields = [("text", "One more thing"), ("key", "key-2-of-anna"), ("seen", seen.as_str()), ("queued", queued.as_str())];
    assert_eq!(anna.post(&send, &fields).await.status, 303);
    assert_eq!(by_people().await, 2);
}

async fn log_rows(house: &WebHouse) -> i64 {
    sqlx::query_scalar("select count(*) from log").fetch_one(&house.database.pool).await.expect("the log")
}

/// A time is past, and the sweeper comes by.
async fn time_is_up(house: &WebHouse, change: &'static str) {
    let before = log_rows(house).await;
    changed(house, change).await;
    changed(house, "update conversations set check_at = '2020-01-01'").await;
    let stop = CancellationToken::new();
    let sweeper = tokio::spawn(house.ledger.clone().sweep_until(stop.clone()));
    let asked = std::time::Instant::now();
    while log_rows(house).await == before {
        assert!(asked.elapsed().as_secs() < 30, "the sweeper does not come");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    stop.cancel();
    sweeper.await.expect("the sweeper ends");
}

#[tokio::test]
async fn the_timeline_tells_in_words_what_became_of_control() {
    const DEADLINE: &str = r#"update conversations set control = regexp_replace(control, '"deadline":\d+', '"deadline":1')"#;
    const LEASE: &str = r#"update conversations set control = regexp_replace(control, '"until":\d+', '"until":1')"#;
    let (house, mut anna) = house().await;
    let (bot, other) = (house.page.bot.clone(), house.page.other.clone());
    let control = format!("{}/control", house.conversation(MIA));

    house.says(MIA, "m_1", "I need help").await;
    house.orders(MIA, Command::Request { app: other.clone(), metadata: Metadata::parse("May I have it?").ok() }).await;
    house.orders(MIA, Command::Decline { app: bot, requester: other.clone() }).await;
    house.hands_over(MIA, r#"{"reason":"The customer asked for a person","topic":"delivery"}"#).await;
    let passed = anna.post(&control, &[("target", "333"), ("note", "She asks about her parcel")]).await;
    assert_eq!(passed.status, 303, "{}", passed.body);
    assert_eq!(anna.post(&control, &[("action", "request")]).await.status, 303);
    rules(&house, "update pages set at_deadline = 'lapse'").await;
    time_is_up(&house, DEADLINE).await;
    for action in ["take", "release", "take"] {
        assert_eq!(anna.post(&control, &[("action", action)]).await.status, 303, "{action}");
    }
    time_is_up(&house, LEASE).await;
    house.says(MIA, "m_2", "Still there?").await;
    rules(&house, "update pages set at_deadline = 'grant'").await;
    house.orders(MIA, Command::Request { app: other, metadata: None }).await;
    time_is_up(&house, DEADLINE).await;

    let page = anna.get(&house.conversation(MIA)).await;
    let told = [
        "Harbour bot answers this conversation",
        "Parcel tracker asked for the conversation",
        "Harbour bot declined the request of Parcel tracker",
        "Harbour bot passed the conversation to Inbox",
        "Anna Berg passed the conversation to Parcel tracker",
        "Anna Berg asked for the conversation",
        "The request of Inbox ended without an answer",
        "Anna Berg took over from Parcel tracker",
        "Anna Berg released the conversation",
        "Anna Berg took the conversation",
        "The hold of Inbox ended: nothing happened for too long",
        "Harbour bot answers this conversation",
        "Parcel tracker asked for the conversation",
        "Parcel tracker got the conversation it had asked for",
    ];
    assert_eq!(page.texts(".lines .control .what > span"), told);
    assert_eq!(page.count(".lines .control .what time[datetime]"), told.len(), "each says when");
    // What was said with it stands there: words as words, facts as facts.
    assert_eq!(page.texts(".lines .control .metadata"), ["May I have it?", "She asks about her parcel"]);
    assert_eq!(page.texts(".lines .control .facts > div"), ["ReasonThe customer asked for a person", "Topicdelivery"]);
    // The side tells the same, the newest first.
    let side = page.texts("#control-history .history li > div");
    assert_eq!(side.len(), told.len(), "{side:?}");
    for (step, words) in side.iter().zip(told.iter().rev()) {
        assert!(step.starts_with(words), "{step} is not {words}");
    }
}

#[tokio::test]
async fn the_side_says_since_when_the_person_is_known() {
    let (house, mut anna) = house().await;
    house.says(MIA, "m_1", "hello").await;
    changed(&house, "update conversations set created_at = '2026-05-04 12:03:20+00'").await;
    // Whatever they write later changes nothing about it.
    house.says(MIA, "m_2", "hello again").await;
    for (zone, since) in [(None, "Monday, 4 May 2026, 12:03 UTC"), (Some("Europe/Berlin"), "Monday, 4 May 2026, 14:03 CEST")] {
        if let Some(zone) = zone {
            anna.cookies.insert("baton_zone".into(), zone.into());
        }
        let page = anna.get(&house.conversation(MIA)).await;
        let facts = page.texts("#context .facts > div");
        assert!(facts.contains(&format!("First seen{since}")), "{facts:?}");
        assert_eq!(page.texts("#timeline .start"), [format!("The conversation started {since}.")]);
    }
}
