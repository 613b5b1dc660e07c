//! Writing in a browser: saved replies by a slash, drafts that nothing loses, the key that sends, and colleagues who see that somebody writes.

use std::time::Duration;

use serde_json::json;
use thirtyfour::Key;

use super::{Desk, scratch};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::chromedriver::Driver;
use crate::harness::eventually;
use crate::web_house::PASSWORD;

const MIA: &str = "7421893398374821";

/// How fast somebody types who does not stop.
const PACE: Duration = Duration::from_millis(300);

/// As many keys of that pace as a draft may take at most: far more than it should.
const KEYS: u32 = 60;

const BACKSPACE: &str = "\u{e003}";
const LEFT: &str = "\u{e012}";

/// No draft is saved because time has passed.
const NO_TIMER: &str =
    "const real = setTimeout; window.setTimeout = (what, pause, ...rest) => (pause === 2000 ? 0 : real(what, pause, ...rest));";

/// No draft reaches the server.
const NO_SERVER: &str = "const real = fetch;
    window.fetch = (url, options) => (String(url).endsWith('/draft') ? Promise.reject(new TypeError('no network')) : real(url, options));";

/// What is selected in the reply.
const SELECTED: &str =
    "const area = document.getElementById('reply-text'); return area.value.slice(area.selectionStart, area.selectionEnd);";

/// Waits until the reply in progress reads so.
async fn reads(browser: &Browser, text: &str) {
    let look = || async { (browser.value("#reply-text").await.as_deref() == Some(text)).then_some(()) };
    eventually(&format!("the reply in progress reads {text:?}"), look).await;
}

/// Somebody's words have been taken, and the form is free again.
async fn sent(browser: &Browser, text: &str) {
    browser.shows("#timeline .message.people .text", |texts| texts.iter().any(|it| it == text)).await;
    reads(browser, "").await;
    browser.shows("#reply:not([aria-busy])", |forms| forms.len() == 1).await;
}

/// The draft that the server has.
async fn kept(desk: &Desk, kind: &str) -> Option<String> {
    let text = sqlx::query_scalar("select text from drafts where kind = $1 and text <> ''").bind(kind);
    text.fetch_optional(&desk.house.database.pool).await.expect("the drafts")
}

/// Waits until the server has a reply in progress.
async fn stored(desk: &Desk, text: &str) {
    let look = || async { (kept(desk, "reply").await.as_deref() == Some(text)).then_some(()) };
    eventually(&format!("the server has the draft {text:?}"), look).await;
}

/// Searches in the open list, which then has this one reply, and puts it in.
async fn puts_in(browser: &Browser, typed: &str, title: &str) {
    browser.focuses("#replies-find").await;
    browser.types(typed).await;
    browser.shows("#replies-list b", |titles| titles == [title]).await;
    browser.types(Key::Enter).await;
    browser.focuses("#reply-text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_replies_come_by_a_slash_where_the_cursor_is() {
    let desk = Desk::set("saved-replies", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.takes(MIA).await;
    // Whoever takes it wants to answer.
    anna.focuses("#reply-text").await;
    anna.types("/").await;
    anna.focuses("#replies-find").await;
    anna.shows("#replies-list b", |titles| titles.len() == 4).await;
    // By a word of the title, of the text, of the category.
    for (typed, title) in [("whe", "Where is my order?"), ("lov", "My sign-off"), ("compl", "Refund")] {
        anna.types(typed).await;
        anna.shows("#replies-list b", |titles| titles == [title]).await;
        anna.types(BACKSPACE.repeat(typed.len())).await;
        anna.shows("#replies-list b", |titles| titles.len() == 4).await;
    }
    // Once more takes the slash away.
    anna.types(BACKSPACE).await;
    anna.focuses("#reply-text").await;
    reads(anna, "").await;
    // What was not chosen is text.
    anna.types("/either").await;
    anna.shows("#replies-list b", <[String]>::is_empty).await;
    anna.types(Key::Escape).await;
    anna.focuses("#reply-text").await;
    reads(anna, "/either").await;
    anna.types(BACKSPACE.repeat("/either".len())).await;
    reads(anna, "").await;
    // In the middle of a text, and a second one behind the first.
    anna.types("Before  after").await;
    anna.types(LEFT.repeat(" after".len())).await;
    anna.types("/").await;
    puts_in(anna, "lov", "My sign-off").await;
    reads(anna, "Before Have a lovely day! Anna after").await;
    anna.types(" /").await;
    puts_in(anna, "compl", "Refund").await;
    let so_far = "Before Have a lovely day! Anna I am sorry about that! We have refunded you; it takes two to three days.";
    reads(anna, &format!("{so_far} after")).await;
    // What is to be filled in is selected, one after the other, and asked about before it goes out.
    anna.types(" /").await;
    puts_in(anna, "whe", "Where is my order?").await;
    reads(anna, &format!("{so_far} I have looked up your order {{order_number}}: it should arrive by {{day}}. after")).await;
    assert_eq!(anna.runs::<String>(SELECTED).await, "{order_number}");
    anna.types("HC-20931").await;
    anna.types_with_control('\u{e007}').await;
    anna.shows("#live:not([hidden]) > span:first-child", |said| said.iter().any(|it| it.contains("still to be filled in"))).await;
    reads(anna, &format!("{so_far} I have looked up your order HC-20931: it should arrive by {{day}}. after")).await;
    assert_eq!(anna.runs::<String>(SELECTED).await, "{day}");
    anna.types("Friday").await;
    anna.types_with_control('\u{e007}').await;
    sent(anna, &format!("{so_far} I have looked up your order HC-20931: it should arrive by Friday. after")).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_kept_while_one_types_on_leaving_the_field_and_after_a_crash() {
    let desk = Desk::set("drafts", "anna@harbour.example").await;
    let anna = &desk.browser;
    let address = desk.house.conversation(MIA);
    desk.goes(&address).await;
    anna.types("r").await;
    anna.focuses("#reply-text").await;
    anna.types("Kept while typing").await;
    stored(&desk, "Kept while typing").await;
    anna.focuses("#reply-text").await;
    let phone = desk.house.browser("anna@harbour.example").await.get(&address).await;
    assert_eq!(phone.text("#reply-text"), "Kept while typing", "on every device");
    // At once, so without any time that has to pass.
    anna.runs::<()>(NO_TIMER).await;
    anna.types(", kept on leaving").await;
    anna.types(Key::Escape).await;
    stored(&desk, "Kept while typing, kept on leaving").await;
    // What never reached the server is still in this browser.
    anna.runs::<()>(NO_SERVER).await;
    anna.types("r").await;
    anna.focuses("#reply-text").await;
    anna.types(", kept after a crash").await;
    reads(anna, "Kept while typing, kept on leaving, kept after a crash").await;
    desk.goes("/settings/me").await;
    assert_eq!(kept(&desk, "reply").await.as_deref(), Some("Kept while typing, kept on leaving"));
    desk.goes(&address).await;
    reads(anna, "Kept while typing, kept on leaving, kept after a crash").await;
    stored(&desk, "Kept while typing, kept on leaving, kept after a crash").await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_stored_before_one_has_stopped_typing() {
    let desk = Desk::set("drafts-typing", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes(&desk.house.conversation(MIA)).await;
    anna.types("n").await;
    anna.focuses("#note-text").await;
    let mut typed = 0;
    while kept(&desk, "note").await.is_none() {
        assert!(typed < KEYS, "nothing is stored while one types on");
        anna.types("x").await;
        typed += 1;
        tokio::time::sleep(PACE).await;
    }
    anna.focuses("#note-text").await;
    assert_eq!(kept(&desk, "reply").await, None, "a note is no reply");
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn enter_sends_for_whom_wants_it_and_command_enter_for_all() {
    let desk = Desk::set("enter", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.takes(MIA).await;
    // Enter makes a line, Command and Enter send.
    anna.fill("#reply-text", "First line\u{e007}second line\u{e03d}\u{e007}").await;
    sent(anna, "First line second line").await;
    let wants = "insert into preferences (user_id, enter_sends) select user_id, true from users where email = 'anna@harbour.example'
        on conflict (user_id) do update set enter_sends = true";
    sqlx::query(wants).execute(&desk.house.database.pool).await.expect("a preference");
    desk.goes(&desk.house.conversation(MIA)).await;
    anna.shows("#reply[data-enter]", |forms| forms.len() == 1).await;
    // Shift and Enter make a line, Enter sends.
    anna.fill("#reply-text", "Third line\u{e008}\u{e007}\u{e000}fourth line").await;
    reads(anna, "Third line\nfourth line").await;
    anna.types(Key::Enter).await;
    sent(anna, "Third line fourth line").await;
    anna.fill("#reply-text", "Fifth line").await;
    anna.types_with_control('\u{e007}').await;
    sent(anna, "Fifth line").await;
    anna.fill("#reply-text", "Sixth line\u{e03d}\u{e007}").await;
    sent(anna, "Sixth line").await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_that_one_does_answers_the_question_before_sending() {
    let desk = Desk::set("unasked", "anna@harbour.example").await;
    let anna = &desk.browser;
    let ben: i64 = sqlx::query_scalar("select user_id from users where email = 'ben@harbour.example'")
        .fetch_one(&desk.house.database.pool)
        .await
        .expect("Ben");
    desk.takes(MIA).await;
    // While a text is being written, and with one that was there when the page came.
    for (number, text) in ["It is on its way", "It left yesterday"].into_iter().enumerate() {
        anna.focuses("#reply-text").await;
        anna.types(text).await;
        if number == 1 {
            stored(&desk, text).await;
            anna.reload().await;
            reads(anna, text).await;
        }
        let answer = format!("Ben's answer {number}");
        desk.house.sends_as(ben, MIA, &format!("m_ben_{number}"), json!({ "text": answer })).await;
        anna.shows("#timeline .message.people .text", |texts| texts.contains(&answer)).await;
        // A form of another kind is answered with a fresh page.
        anna.click("#move-unread button", "").await;
        anna.shows("#move-unread:not([aria-busy])", |forms| forms.len() == 1).await;
        anna.click("#reply button.send", "Send").await;
        anna.shows("#guard blockquote", |answers| answers.iter().any(|shown| shown.contains(&answer))).await;
        // Neither does what happens meanwhile, which puts a fresh page beneath the question.
        desk.house.says(MIA, &format!("m_meanwhile_{number}"), &format!("Still there {number}?")).await;
        anna.shows("#timeline .message.in .text", |texts| texts.contains(&format!("Still there {number}?"))).await;
        assert_eq!(anna.texts("#reply button.send").await.as_deref(), Some(["Send anyway".to_owned()].as_slice()));
        reads(anna, text).await;
        anna.click("#reply button.send", "Send anyway").await;
        sent(anna, text).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_types_is_seen_by_a_colleague() {
    let desk = Desk::set("presence", "anna@harbour.example").await;
    let anna = &desk.browser;
    let driver = Driver::start(&scratch("presence-colleague"));
    let ben = Browser::open(&driver, "ben", Scripts::On, "en-US").await;
    ben.go(&format!("{}/login", desk.house.base)).await;
    ben.fill("#email", "ben@harbour.example").await;
    ben.fill("#password", PASSWORD).await;
    ben.click("form button", "Sign in").await;
    ben.shows("html.scripted #list-title", |title| title.len() == 1).await;
    let address = desk.house.conversation(MIA);
    ben.go(&format!("{}{address}", desk.house.base)).await;
    ben.shows("html.scripted #presence", |words| words == [""]).await;
    desk.goes(&address).await;
    anna.shows("#presence", |words| words == ["Ben Okafor is viewing"]).await;
    ben.shows("#presence", |words| words == ["Anna Berg is viewing"]).await;
    anna.types("r").await;
    anna.focuses("#reply-text").await;
    let types = async || anna.types("x").await;
    ben.shows_within(Duration::from_secs(60), "#presence", |words| words == ["Anna Berg is typing"], types).await;
    // Who stops is still there, until they go.
    ben.shows("#presence", |words| words == ["Anna Berg is viewing"]).await;
    anna.types(Key::Escape).await;
    desk.goes("/inbox?view=open").await;
    ben.shows("#presence", |words| words == [""]).await;
    for browser in [anna, &ben] {
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
    ben.quit().await;
}
