//! What fingers do by themselves: keys that open, answer, note, request and leave, and a focus that is found again where it was.

use thirtyfour::Key;

use super::Desk;
use crate::harness::browser::Browser;

const MIA: &str = "7421893398374821";
const AMAL: &str = "5540098127734410";

/// The names in the list, in its order.
const NAMES: &str = "return [...document.querySelectorAll('#rows .name')].map((name) => name.textContent)";

/// Whether nothing has the focus.
const NOWHERE: &str = "return document.activeElement === document.body";

/// Goes down to a row of the list.
async fn steps_to(browser: &Browser, name: &str) -> String {
    let names: Vec<String> = browser.runs(NAMES).await;
    let place = names.iter().position(|it| it == name).unwrap_or_else(|| panic!("{name} is not in {names:?}"));
    for _ in 0..=place {
        browser.types("j").await;
    }
    let row = format!("#rows li:nth-child({}) a.row", place + 1);
    browser.focuses(&row).await;
    row
}

/// Nothing lies above the page.
async fn closed(browser: &Browser) {
    browser.shows("dialog[open], details.menu[open]", <[String]>::is_empty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_answer_note_request_and_leave() {
    let desk = Desk::set("reflexes", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes(&format!("{}?view=needs", desk.house.conversation(MIA))).await;
    anna.types("n").await;
    anna.focuses("#note-text").await;
    anna.types("nqgu?").await;
    assert_eq!(anna.value("#note-text").await.as_deref(), Some("nqgu?"), "in a field they are letters");
    // Out of the field, then to the list.
    anna.types(Key::Escape).await;
    assert!(anna.runs::<bool>(NOWHERE).await);
    anna.types("r").await;
    anna.focuses("#reply-text").await;
    anna.types(Key::Escape).await;
    assert!(anna.runs::<bool>(NOWHERE).await);
    anna.types(Key::Escape).await;
    anna.focuses("#rows a.row[aria-current]").await;
    anna.types("gu").await;
    anna.shows("html.scripted a.view.unassigned[aria-current=page]", |found| found.len() == 1).await;
    steps_to(anna, "Mia Wong").await;
    anna.types(Key::Enter).await;
    anna.shows("html.scripted #thread h1", |title| title == ["Mia Wong"]).await;
    // The bot has this one.
    desk.goes(&format!("{}?view=open", desk.house.conversation(AMAL))).await;
    anna.types("q").await;
    anna.shows("#timeline .control .what", |steps| steps.iter().any(|it| it.contains("Anna Berg asked for the conversation"))).await;
    // Command and k, even in a field.
    anna.fill("#search", "\u{e03d}k").await;
    anna.focuses("#command-text").await;
    assert_eq!(anna.value("#command-text").await.as_deref(), Some(""));
    anna.types(Key::Escape).await;
    closed(anna).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn focus_returns_where_it_was() {
    let desk = Desk::set("focus", "anna@harbour.example").await;
    let anna = &desk.browser;
    // A menu, from somewhere in it.
    desk.goes("/inbox?view=open").await;
    anna.tabs_to(".account summary", "").await;
    anna.types(Key::Enter).await;
    anna.shows(".account[open] .sheet", |found| found.len() == 1).await;
    anna.tabs_to("form[action='/logout'] button", "Sign out").await;
    anna.types(Key::Escape).await;
    closed(anna).await;
    anna.focuses(".account summary").await;
    // The help out of that menu: one Escape closes it.
    anna.types(Key::Enter).await;
    anna.shows(".account[open] .sheet", |found| found.len() == 1).await;
    anna.tabs_to("button[data-opens=keys]", "Keyboard shortcuts").await;
    anna.types(Key::Enter).await;
    anna.shows("#keys[open] h2", |title| title == ["Keyboard shortcuts"]).await;
    anna.types(Key::Escape).await;
    closed(anna).await;
    anna.focuses(".account summary").await;
    // The help, the command bar, and the one out of the other, from a row.
    desk.goes("/inbox?view=open").await;
    let row = steps_to(anna, "Mia Wong").await;
    anna.types("?").await;
    anna.shows("#keys[open] h2", |title| title == ["Keyboard shortcuts"]).await;
    anna.types(Key::Escape).await;
    closed(anna).await;
    anna.focuses(&row).await;
    anna.types_with_control('k').await;
    anna.focuses("#command-text").await;
    anna.types(Key::Escape).await;
    closed(anna).await;
    anna.focuses(&row).await;
    anna.types("?").await;
    anna.shows("#keys[open] h2", |title| title == ["Keyboard shortcuts"]).await;
    anna.types_with_control('k').await;
    anna.focuses("#command-text").await;
    anna.types(Key::Escape).await;
    closed(anna).await;
    anna.focuses(&row).await;
    // Amidst a sentence.
    desk.goes(&desk.house.conversation(MIA)).await;
    anna.types("r").await;
    anna.focuses("#reply-text").await;
    anna.types("Half a sen").await;
    anna.types_with_control('k').await;
    anna.focuses("#command-text").await;
    anna.types(Key::Escape).await;
    closed(anna).await;
    anna.focuses("#reply-text").await;
    anna.types("tence").await;
    assert_eq!(anna.value("#reply-text").await.as_deref(), Some("Half a sentence"));
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_never_becomes_another_under_the_finger() {
    let desk = Desk::set("buttons", "anna@harbour.example").await;
    let anna = &desk.browser;
    let address = desk.house.conversation(AMAL);
    desk.goes(&format!("{address}?view=open")).await;
    let mut ben = desk.house.browser("ben@harbour.example").await;
    let control = format!("{address}/control");
    let focused = "return document.activeElement.closest('form')?.id ?? null";
    // The bot has it. What stays keeps the focus while the buttons around it change.
    anna.runs::<bool>("document.querySelector('#move-close button').focus(); return true").await;
    assert_eq!(ben.post(&control, &[("action", "take")]).await.status, 303);
    anna.shows("#move-release", |found| found.len() == 1).await;
    assert_eq!(anna.runs::<Option<String>>(focused).await.as_deref(), Some("move-close"));
    // What goes leaves the focus to no other.
    anna.runs::<bool>("document.querySelector('#move-release button').focus(); return true").await;
    assert_eq!(ben.post(&control, &[("action", "release")]).await.status, 303);
    anna.shows("#move-request", |found| found.len() == 1).await;
    assert!(anna.runs::<bool>(NOWHERE).await);
}
