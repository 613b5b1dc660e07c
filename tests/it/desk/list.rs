//! The list while things happen: nothing moves under whoever is about to press it.

use serde_json::json;

use super::Desk;
use crate::harness::browser::Browser;

const THEO: &str = "9917263540081726";
const STRANGER: &str = "9001";

/// The names in the list, in its order.
const NAMES: &str = "return [...document.querySelectorAll('#rows .name')].map((name) => name.textContent)";

async fn names(browser: &Browser) -> Vec<String> {
    browser.runs(NAMES).await
}

/// Theo, who is not the first, and a stranger write; the row of Theo tells of it where it is.
async fn two_write(desk: &Desk, number: u32) {
    let said = format!("news {number}");
    desk.house.says(&format!("{STRANGER}{number}"), &format!("m_new_{number}"), &said).await;
    desk.house.says(THEO, &format!("m_theo_{number}"), &said).await;
    let row = format!("#row-{}-{THEO} .preview", desk.house.page.id);
    desk.browser.shows(&row, |preview| preview == [said.as_str()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_moves_under_a_pointer_or_the_focus_until_the_pill_is_pressed() {
    let desk = Desk::set("still-list", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes("/inbox?view=open").await;
    let before = names(anna).await;
    assert!(before.len() > 3 && before[0] != "Theo Martins", "{before:?}");
    anna.points_at("#rows li:nth-child(3)").await;
    two_write(&desk, 1).await;
    anna.shows("#fresh button", |pill| pill == ["1 new — show"]).await;
    assert_eq!(names(anna).await, before, "nothing moves under the pointer");
    anna.click("#fresh button", "1 new").await;
    anna.shows("#fresh button", <[String]>::is_empty).await;
    let shown = names(anna).await;
    assert_eq!((shown[0].as_str(), shown.len()), ("Theo Martins", before.len() + 1), "{shown:?}");
    anna.focuses("#rows li:first-child a").await;
    // The pointer goes, the focus stays.
    anna.points_at(".brand").await;
    two_write(&desk, 2).await;
    anna.shows("#fresh button", |pill| pill == ["1 new — show"]).await;
    assert_eq!(names(anna).await, shown, "nothing moves under the focus");
    anna.runs::<()>("document.activeElement.blur()").await;
    anna.shows("#rows li", |rows| rows.len() == before.len() + 2).await;
    anna.shows("#fresh button", <[String]>::is_empty).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_goes_on_by_itself_while_nobody_is_about_to_press_a_row() {
    let desk = Desk::set("moving-list", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes("/inbox?view=open").await;
    anna.points_at(".brand").await;
    let before = names(anna).await;
    two_write(&desk, 1).await;
    anna.shows("#rows li", |rows| rows.len() == before.len() + 1).await;
    assert_eq!(names(anna).await[0], "Theo Martins");
    anna.shows("#fresh button", <[String]>::is_empty).await;
}

/// The server knows the list as it is now; the agent goes by what is on screen.
#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_closed_conversation_is_the_row_below_it_on_screen() {
    let desk = Desk::set("next-row", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes("/inbox?view=open").await;
    let rows: Vec<String> = anna.runs("return [...document.querySelectorAll('a.row')].map((row) => row.dataset.row)").await;
    let below = rows.iter().position(|key| key.ends_with(THEO)).expect("Theo has a row");
    desk.goes(&format!("/inbox/{}?view=open", rows[below - 1])).await;
    anna.points_at("#rows li:last-child").await;
    // Theo goes to the top, but not on this screen.
    desk.house.hears(&desk.house.page.id, THEO, json!({"message": {"mid": "m_next", "text": "anybody there?"}})).await;
    anna.shows("#fresh button", |pill| pill == ["Changed — show"]).await;
    anna.types("e").await;
    anna.shows("html.scripted #thread h1", |title| title == ["Theo Martins"]).await;
}

/// Rows out of sight are not laid out; the list is as long as if they were, and stands where it stood.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_stands_where_it_stood_when_a_row_is_opened() {
    const PLACE: &str = "return document.querySelector('#rows > li:nth-child(30)').getBoundingClientRect().top";
    let desk = Desk::set("place-in-list", "anna@harbour.example").await;
    let anna = &desk.browser;
    for number in 10..50 {
        desk.house.says(&format!("{STRANGER}{number}"), &format!("m_place_{number}"), "anybody there?").await;
    }
    desk.goes("/inbox?view=open").await;
    let skipped = "return document.querySelector('#rows > li:last-child .name').checkVisibility({ contentVisibilityAuto: true })";
    assert!(!anna.runs::<bool>(skipped).await, "the last row is far away, and laid out");
    anna.runs::<()>("document.querySelector('#rows > li:nth-child(30)').scrollIntoView({ block: 'center' })").await;
    let before: f64 = anna.runs(PLACE).await;
    anna.click("#rows > li:nth-child(30) a.row", "").await;
    anna.shows("html.scripted #thread h1", |title| title.len() == 1).await;
    let after: f64 = anna.runs(PLACE).await;
    assert!((before - after).abs() < 4.0, "the row was at {before} and is at {after}");
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}
