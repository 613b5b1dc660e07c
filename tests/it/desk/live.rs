//! The live stream in a browser whose clock runs ahead: what is old is said to be old, and is as it was once the stream is heard again.

use baton::ledger::{SendError, SendId, SendOutcome};
use serde_json::json;
use thirtyfour::Key;

use super::Desk;
use crate::harness::eventually;

const MIA: &str = "7421893398374821";

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_is_told_of_and_what_is_old_is_grey_until_it_speaks_again() {
    let desk = Desk::set("live", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes(&desk.house.conversation(MIA)).await;
    anna.shows("html.scripted #thread h1", |title| title == ["Mia Wong"]).await;
    assert_eq!(anna.texts("#live:not([hidden])").await, Some(Vec::new()), "nothing is wrong");
    // A sign of life comes every five seconds: between two of them 100 of these pass.
    anna.runs::<()>(
        "const real = performance.now.bind(performance), began = real(); performance.now = () => began + 20 * (real() - began)",
    )
    .await;
    let told = anna.shows("#live:not([hidden])", |told| told.len() == 1).await;
    assert!(told[0].starts_with("Connection lost. What you see may be old."), "{told:?}");
    assert_eq!(anna.texts("#live a[href='']").await, Some(vec!["Reload the page".to_owned()]));
    let grey = "const done = arguments[0], filter = (id) => getComputedStyle(document.getElementById(id)).filter;
        const look = () => (document.documentElement.classList.contains('old') ? done(filter('rows') + ' ' + filter('timeline')) : requestAnimationFrame(look));
        look();";
    assert_eq!(anna.runs_to_its_end::<String>(grey).await, "grayscale(1) grayscale(1)");
    anna.shows("html:not(.old) #live[hidden]", |bars| bars.len() == 1).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

/// A browser has six connections to a server, and each page holds one for its stream as long as it is looked at.
#[tokio::test(flavor = "multi_thread")]
async fn many_tabs_are_open_at_once_and_the_one_in_front_is_live() {
    let desk = Desk::set("tabs", "anna@harbour.example").await;
    let anna = &desk.browser;
    for number in 0..8 {
        if number > 0 {
            anna.opens_a_tab().await;
        }
        desk.goes(&desk.house.conversation(MIA)).await;
        anna.shows("html.scripted #thread h1", |title| title == ["Mia Wong"]).await;
    }
    desk.house.says(MIA, "m_tabs", "Which of them?").await;
    anna.shows("#timeline .message.in .text", |texts| texts.iter().any(|text| text == "Which of them?")).await;
    assert_eq!(anna.texts("#live:not([hidden])").await, Some(Vec::new()), "nothing is wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_person_writes_is_said_aloud_and_nothing_else() {
    let desk = Desk::set("aloud", "anna@harbour.example").await;
    let (anna, house) = (&desk.browser, &desk.house);
    desk.goes(&house.conversation(MIA)).await;
    anna.shows("html.scripted #thread h1", |title| title == ["Mia Wong"]).await;
    let said = "return [...document.querySelectorAll('#heard[role=log][aria-live=polite] p')].map((line) => line.textContent);";
    assert_eq!(anna.runs::<Vec<String>>(said).await, Vec::<String>::new(), "what was there is not news");
    let mut expected = Vec::new();
    for (number, text) in ["Is it there yet?", "Hello?"].into_iter().enumerate() {
        house.says(MIA, &format!("m_aloud{number}"), text).await;
        expected.push(format!("Mia Wong: {text}"));
        eventually("it is said", || async { (anna.runs::<Vec<String>>(said).await == expected).then_some(()) }).await;
        house.sends(&house.page.inbox, MIA, &format!("m_own{number}"), json!({"text": format!("own {number}")})).await;
        anna.shows("#timeline .message.out .text", |texts| texts.contains(&format!("own {number}"))).await;
    }
    assert_eq!(anna.runs::<Vec<String>>(said).await, expected);
    assert_eq!(anna.texts("#timeline[aria-live]").await, Some(Vec::new()), "the timeline itself is silent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_what_one_does_is_said_aloud() {
    let desk = Desk::set("acts-aloud", "anna@harbour.example").await;
    let (anna, house) = (&desk.browser, &desk.house);
    let tag = sqlx::query("insert into tags (name, colour) values ('Delivery', 'teal')");
    tag.execute(&house.database.pool).await.expect("a tag");
    let field = house.browser("admin@harbour.example").await.post("/settings/fields", &[("name", "Zebra")]).await;
    assert_eq!(field.status, 303);
    let said = async |what: &str| {
        let lines = "return [...document.querySelectorAll('#heard[role=log][aria-live=polite] p')].map((line) => line.textContent);";
        let found = || async { anna.runs::<Vec<String>>(lines).await.into_iter().find(|line| line.contains(what)) };
        eventually(&format!("“{what}” is said"), found).await
    };
    desk.takes(MIA).await;
    said("Assigned to you").await;
    anna.types("I look after it").await;
    anna.types_with_control('\u{e007}').await;
    let waits = anna.shows("#timeline .message.waits .text", |texts| texts.iter().any(|it| it == "I look after it")).await;
    let ids = "return [...document.querySelectorAll('#timeline .message.waits')].map(({ id }) => id.slice(1));";
    assert_eq!(waits.len(), anna.runs::<Vec<String>>(ids).await.len());
    let send: i64 = anna.runs::<Vec<String>>(ids).await.pop().and_then(|id| id.parse().ok()).expect("a number");
    let error = SendError { code: 10, subcode: Some(2_018_108), message: "This Person Cannot Receive Messages".into() };
    house.comes_to(SendId(send), SendOutcome::Failed(error)).await;
    house.says(MIA, "m_acts", "hello?").await;
    let failed = said("Not sent").await;
    assert!(failed.contains("The customer cannot be reached"), "{failed}");
    // That it is tried again is no other failure.
    anna.click("#timeline button.again", "").await;
    anna.shows("#timeline .message.waits .detail", |details| details.iter().any(|it| it.contains("Another attempt was made"))).await;
    anna.types(Key::Escape).await;
    anna.types("n").await;
    anna.focuses("#note-text").await;
    let loaded = anna.loaded_at().await;
    anna.types("call her").await;
    anna.types_with_control('\u{e007}').await;
    said("Note saved").await;
    anna.types(Key::Escape).await;
    anna.types("l").await;
    anna.focuses("#tag-add").await;
    anna.types("Del").await;
    anna.tabs_to("#tagging .add button", "Add").await;
    anna.types(Key::Enter).await;
    said("Tags: Delivery").await;
    anna.focuses("#tagging").await;
    anna.tabs_to("#tagging button", "Remove Delivery").await;
    anna.types(Key::Enter).await;
    said("Tags: No tags yet.").await;
    anna.focuses("#tagging").await;
    anna.click("#write-fields summary", "").await;
    let name = "return [...document.querySelectorAll('.write-fields label')].find((it) => it.textContent == 'Zebra').htmlFor";
    let zebra = format!("#{}", anna.runs::<String>(name).await);
    anna.fill(&zebra, "K-7").await;
    anna.types(Key::Enter).await;
    said("Zebra: K-7").await;
    anna.focuses("#fields").await;
    anna.click("#write-fields summary", "").await;
    anna.fill(&zebra, "\u{e003}\u{e003}\u{e003}").await;
    anna.types(Key::Enter).await;
    said("Zebra: empty").await;
    anna.click("#move-snooze > summary", "").await;
    anna.click("#move-snooze button.item", "Tomorrow").await;
    said("Snoozed until").await;
    let failures = "return [...document.querySelectorAll('#heard p')].filter((line) => line.textContent.startsWith('Not sent')).length";
    assert_eq!(anna.runs::<usize>(failures).await, 1);
    assert!((anna.loaded_at().await - loaded).abs() < f64::EPSILON, "all of it on one page");
}
