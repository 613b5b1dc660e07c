//! What is new elsewhere, in a browser: a line for a while with the way there, a number in the title and on the icon.

use super::Desk;

const MIA: &str = "7421893398374821";
const STRANGER: &str = "9990000000000001";

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_needs_a_person_is_told_of_while_another_is_answered() {
    let desk = Desk::set("news", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes(&desk.house.conversation(MIA)).await;
    anna.shows("html.scripted #thread h1", |title| title == ["Mia Wong"]).await;
    let number = "return document.title.match(/^\\((\\d+)/)?.[1] ?? '0';";
    let before: u32 = anna.runs::<String>(number).await.parse().expect("a number");
    let drawn = "return new URL(document.querySelector('link[rel=icon]').href).searchParams.get('count') ?? '0';";
    assert_eq!(anna.runs::<String>(drawn).await, before.to_string());
    desk.house.named(STRANGER, "Olga Novak").await;
    desk.house.says(STRANGER, "m_olga", "Please, a human").await;
    desk.house.hands_over(STRANGER, r#"{"reason":"asked"}"#).await;
    anna.shows("#toasts .toast p b", |told| told == ["Olga Novak needs a person"]).await;
    anna.shows("#views .needs .badge", |badge| badge == [(before + 1).to_string()]).await;
    assert_eq!((anna.runs::<String>(number).await, anna.runs::<String>(drawn).await), ((before + 1).to_string(), (before + 1).to_string()));
    anna.click("#toasts .toast a", "Open").await;
    anna.shows("html.scripted #thread h1", |title| title == ["Olga Novak"]).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}
