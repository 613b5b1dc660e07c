//! What others do, and what answers come, while an agent's hands are somewhere: nothing they write is lost, reverted, or goes where it must not.

use std::time::Duration;

use super::Desk;
use crate::web_house::WebHouse;

const MIA: &str = "7421893398374821";
const STRANGER: &str = "9990000000000001";

/// The page hears that something has changed, again and again.
const NEVER_STILL: &str = "const inbox = [...document.scripts].find(({ src }) => src.endsWith('/inbox.js')).src;
    import(inbox.replace('inbox.js', 'news.js')).then(({ news }) => setInterval(news, 50)); return null";

/// The answer to a reply comes when it is let through, and not before.
const HELD: &str = "const real = fetch; const held = new Promise((go) => { window.letThrough = go; });
    window.fetch = async (url, options) => { const answer = await real(url, options); if (String(url).endsWith('/send')) await held; return answer; };";

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_a_colleague_has_changed_is_neither_overwritten_nor_reverted() {
    let desk = Desk::set("fields-meanwhile", "anna@harbour.example").await;
    let (anna, house) = (&desk.browser, &desk.house);
    let (mut rosa, mut ben) = (house.browser("admin@harbour.example").await, house.browser("ben@harbour.example").await);
    for name in ["Zebra number", "Zebra size"] {
        assert_eq!(rosa.post("/settings/fields", &[("name", name)]).await.status, 303);
    }
    let address = house.conversation(MIA);
    let names = ben.get(&address).await.attributes(".write-fields input[id]", "name");
    let [number, size] = &names[names.len() - 2..] else { panic!("{names:?}") };
    let save = format!("{address}/fields");
    let written = |value: &'static str| move |facts: &[String]| facts.iter().any(|it| it == value);
    let open = "document.getElementById('write-fields').open = true";
    desk.goes(&address).await;
    anna.runs::<()>(open).await;
    // Anna is at it while Ben writes, and her page hears of something.
    anna.fill(&format!("#{number}"), "K-1").await;
    assert_eq!(ben.post(&save, &[(number, "K-2")]).await.status, 303);
    house.says(MIA, "m_fields_1", "one more thing").await;
    anna.shows("#context .facts dd", written("K-2")).await;
    assert_eq!(anna.value(&format!("#{number}")).await.as_deref(), Some("K-1"), "what she types stays");
    anna.click(".write-fields button", "Save").await;
    anna.shows("#problem p", |told| told.iter().any(|it| it.contains("it says “K-2” now") && it.contains("“K-1”"))).await;
    // Ben changes it once more. What she saves into another field does not take it back.
    anna.runs::<()>(open).await;
    assert_eq!(ben.post(&save, &[(number, "K-3")]).await.status, 303);
    house.says(MIA, "m_fields_2", "and another").await;
    anna.shows("#context .facts dd", written("K-3")).await;
    anna.fill(&format!("#{size}"), "42").await;
    anna.click(".write-fields button", "Save").await;
    anna.shows("#context .facts dd", written("42")).await;
    let facts = ben.get(&address).await.texts("#context .facts dd");
    assert!(facts.iter().any(|it| it == "K-3") && !facts.iter().any(|it| it == "K-1" || it == "K-2"), "{facts:?}");
    // She was told of K-3, and what she wrote is still there, whatever else comes. Now she means it.
    house.says(MIA, "m_fields_3", "and that is all").await;
    anna.shows("#timeline .message.in .text", |texts| texts.iter().any(|it| it == "and that is all")).await;
    assert_eq!(anna.value(&format!("#{number}")).await.as_deref(), Some("K-1"));
    anna.click(".write-fields button", "Save").await;
    anna.shows("#context .facts dd", written("K-1")).await;
    anna.shows("#problem", <[String]>::is_empty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_colleague_writes_down_is_on_every_open_page_at_once() {
    let desk = Desk::set("tags-meanwhile", "anna@harbour.example").await;
    let (anna, house) = (&desk.browser, &desk.house);
    let (mut rosa, mut ben) = (house.browser("admin@harbour.example").await, house.browser("ben@harbour.example").await);
    assert_eq!(rosa.post("/settings/tags", &[("name", "Zebra"), ("colour", "teal")]).await.status, 303);
    assert_eq!(rosa.post("/settings/fields", &[("name", "Zebra number")]).await.status, 303);
    let address = house.conversation(MIA);
    desk.goes(&address).await;
    let page = ben.get(&address).await;
    let tag = page.attribute("#tagging option[id]", "value").expect("a tag to put on");
    let field = page.attributes(".write-fields input[id]", "name").pop().expect("a field");
    // Pages look at everything once a minute; this comes before.
    let soon = Duration::from_secs(30);
    assert_eq!(ben.post(&format!("{address}/tags"), &[("add", &tag)]).await.status, 303);
    anna.shows_within(soon, "#tagging .tag", |tags| !tags.is_empty(), async || {}).await;
    assert_eq!(ben.post(&format!("{address}/fields"), &[(field.as_str(), "K-7")]).await.status, 303);
    anna.shows_within(soon, "#context .facts dd", |facts| facts.iter().any(|it| it == "K-7"), async || {}).await;
    assert_eq!(anna.texts("#heard p").await, Some(Vec::new()), "what colleagues write down is not said aloud");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_on_while_fields_are_saved_keeps_what_they_are_at() {
    let desk = Desk::set("fields-on", "anna@harbour.example").await;
    let anna = &desk.browser;
    let mut rosa = desk.house.browser("admin@harbour.example").await;
    for name in ["Zebra number", "Zebra size"] {
        assert_eq!(rosa.post("/settings/fields", &[("name", name)]).await.status, 303);
    }
    desk.goes(&desk.house.conversation(MIA)).await;
    anna.runs::<()>(&HELD.replace("/send", "/fields")).await;
    anna.runs::<()>("document.getElementById('write-fields').open = true").await;
    let ids = "return [...document.querySelectorAll('.write-fields input[id]')].map(({ id }) => id)";
    let ids: Vec<String> = anna.runs(ids).await;
    let [number, size] = &ids[ids.len() - 2..] else { panic!("{ids:?}") };
    anna.fill(&format!("#{number}"), "K-1").await;
    anna.types(thirtyfour::Key::Enter).await;
    anna.shows("#fields-form[aria-busy=true]", |forms| forms.len() == 1).await;
    anna.types(thirtyfour::Key::Tab).await;
    anna.focuses(&format!("#{size}")).await;
    anna.types("4").await;
    anna.runs::<()>("letThrough()").await;
    anna.shows("#context .facts dd", |facts| facts.iter().any(|it| it == "K-1")).await;
    anna.shows("#fields-form:not([aria-busy])", |forms| forms.len() == 1).await;
    anna.types("2").await;
    assert_eq!(anna.value(&format!("#{size}")).await.as_deref(), Some("42"), "letters are no shortcuts");
    anna.types(thirtyfour::Key::Enter).await;
    anna.shows("#context .facts dd", |facts| facts.iter().any(|it| it == "42")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_begun_while_a_reply_goes_out_stays_a_note() {
    let desk = Desk::set("note-meanwhile", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.takes(MIA).await;
    anna.runs::<()>(HELD).await;
    anna.types("On its way!").await;
    anna.types_with_control('\u{e007}').await;
    anna.shows("#reply[aria-busy=true]", |forms| forms.len() == 1).await;
    anna.click(".modes label[for=mode-note]", "").await;
    anna.focuses("#note-text").await;
    anna.types("she was ").await;
    anna.runs::<()>("letThrough()").await;
    anna.shows("#timeline .message.people .text", |texts| texts.iter().any(|it| it == "On its way!")).await;
    anna.shows("#reply:not([aria-busy])", |forms| forms.len() == 1).await;
    anna.types("angry").await;
    assert_eq!(anna.value("#note-text").await.as_deref(), Some("she was angry"));
    assert_eq!(anna.value("#reply-text").await.as_deref(), Some(""), "nothing of it is in the reply");
    anna.focuses("#note-text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_somebody_is_at_stays_when_the_conversation_goes() {
    let desk = Desk::set("text-meanwhile", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.takes(MIA).await;
    anna.types("Let me ").await;
    let mut ben = desk.house.browser("ben@harbour.example").await;
    assert_eq!(ben.post(&format!("{}/control", desk.house.conversation(MIA)), &[("action", "release")]).await.status, 303);
    anna.shows("#blocked p", |why| why.len() == 1).await;
    // These would be shortcuts anywhere else.
    anna.types("test").await;
    anna.focuses("#reply-text").await;
    assert_eq!(anna.value("#reply-text").await.as_deref(), Some("Let me test"));
}

#[tokio::test]
async fn the_button_says_what_shall_happen_after_sending() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "hello").await;
    let mut anna = house.browser("anna@example.org").await;
    let address = house.conversation(MIA);
    assert_eq!(anna.post(&format!("{address}/control"), &[("action", "take")]).await.status, 303);
    assert_eq!(anna.get(&address).await.text("button.send"), "Send");
    let too_long = "x".repeat(2001);
    let refused = anna.post(&format!("{address}/send"), &[("text", too_long.as_str()), ("then", "close")]).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.attribute("button.send", "value").as_deref(), Some("close"));
    assert_eq!(refused.text("button.send"), "Send and close");
}

#[tokio::test(flavor = "multi_thread")]
async fn news_come_while_others_never_stop_writing() {
    let desk = Desk::set("news-meanwhile", "anna@harbour.example").await;
    let (anna, house) = (&desk.browser, &desk.house);
    desk.goes(&house.conversation(MIA)).await;
    anna.runs::<()>(NEVER_STILL).await;
    house.named(STRANGER, "Olga Novak").await;
    house.says(STRANGER, "m_olga", "Please, a human").await;
    house.hands_over(STRANGER, r#"{"reason":"asked"}"#).await;
    anna.shows("#toasts .toast p b", |told| told == ["Olga Novak needs a person"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_focus_is_where_the_answer_is_and_a_key_opens_the_side_where_it_is_a_drawer() {
    let desk = Desk::set("focus-meanwhile", "anna@harbour.example").await;
    let anna = &desk.browser;
    let mut rosa = desk.house.browser("admin@harbour.example").await;
    assert_eq!(rosa.post("/settings/tags", &[("name", "Zebra"), ("colour", "teal")]).await.status, 303);
    desk.takes(MIA).await;
    anna.types(thirtyfour::Key::Escape).await;
    anna.types("b").await;
    anna.focuses("#holder").await;
    anna.resizes(900, 800).await;
    assert!(!anna.runs::<bool>("return document.getElementById('context').checkVisibility()").await);
    anna.types("l").await;
    anna.focuses("#tag-add").await;
    assert!(anna.runs::<bool>("return document.getElementById('context').checkVisibility()").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_to_a_colleague_is_not_left_for_whoever_gets_it_next() {
    let desk = Desk::set("pass-meanwhile", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.takes(MIA).await;
    anna.click("#move-pass > summary", "").await;
    anna.fill("#pass-note", "she wants the blue cup").await;
    // Whoever has it now is not in the sheet any more, and the button that was pressed is gone.
    anna.click("#move-pass button.item", "Ben Okafor").await;
    anna.shows("#holder", |holder| holder.iter().any(|it| it.contains("Assigned to Ben Okafor"))).await;
    anna.shows("#move-pass:not([open])", |sheets| sheets.len() == 1).await;
    assert_eq!(anna.value("#pass-note").await.as_deref(), Some(""));
}
