//! The whole path of an agent without a mouse, with scripts and without.

use thirtyfour::Key;

use super::{Desk, scratch};
use crate::harness::browser::{Browser, Scripts};
use crate::harness::chromedriver::Driver;
use crate::web_house::{PASSWORD, WebHouse};

const MIA: &str = "7421893398374821";

async fn filled() -> WebHouse {
    let house = WebHouse::build().await;
    crate::web_gallery::fill(&house).await;
    crate::harness::eventually("the search has read the log", || async {
        let known = sqlx::query_scalar("select count(*) from search_people where words like '%wong%'");
        (known.fetch_one(&house.database.pool).await.ok() == Some(1_i64)).then_some(())
    })
    .await;
    house
}

async fn logs_in(browser: &Browser, house: &WebHouse) {
    browser.go(&format!("{}/inbox", house.base)).await;
    browser.focuses("#email").await;
    browser.types("anna@harbour.example").await;
    browser.types(Key::Tab).await;
    browser.types(PASSWORD).await;
    browser.types(Key::Enter).await;
    // A key is heard once the scripts are there.
    let list = if browser.scripts == Scripts::On { "html.scripted #list-title" } else { "#list-title" };
    browser.shows(list, |title| title.len() == 1).await;
}

/// Somebody's words have been taken: by the ledger, since no platform is there.
async fn sees_reply(browser: &Browser, text: &str) {
    browser.shows("#timeline .message.people .text", |texts| texts.iter().any(|it| it == text)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_path_goes_by_keyboard_alone() {
    let house = filled().await;
    let driver = Driver::start(&scratch("keyboard"));
    let anna = Browser::open(&driver, "anna", Scripts::On, "en-US").await;
    logs_in(&anna, &house).await;
    anna.types("/").await;
    anna.focuses("#search").await;
    anna.types("wong").await;
    anna.types(Key::Enter).await;
    anna.shows(".people-hits mark", |marks| marks == ["Wong"]).await;
    anna.tabs_to(".people-hits a", "Mia").await;
    anna.types(Key::Enter).await;
    anna.shows("html.scripted #thread h1", |title| title == ["Mia Wong"]).await;
    anna.types("t").await;
    anna.shows("#holder", |holder| holder.iter().any(|it| it.contains("Assigned to you"))).await;
    anna.types(Key::Escape).await;
    anna.types("r").await;
    anna.focuses("#reply-text").await;
    // What is typed is text, whatever it could mean elsewhere.
    anna.types("jkeb? It is on its way").await;
    anna.types_with_control('\u{e007}').await;
    sees_reply(&anna, "jkeb? It is on its way").await;
    anna.types(Key::Escape).await;
    anna.types("b").await;
    anna.shows("#holder", |holder| holder.iter().any(|it| it.contains("Harbour bot") || it.contains("Nobody holds"))).await;
    anna.types_with_control('k').await;
    anna.focuses("#command-text").await;
    anna.types("sign out").await;
    anna.shows("#commands [aria-selected=true] .what", |found| found == ["Sign out"]).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
    anna.types(Key::Enter).await;
    anna.shows("#email", |found| found.len() == 1).await;
    anna.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_path_goes_by_keyboard_without_scripts() {
    let house = filled().await;
    let driver = Driver::start(&scratch("keyboard-plain"));
    let anna = Browser::open(&driver, "anna", Scripts::Off, "en-US").await;
    logs_in(&anna, &house).await;
    anna.tabs_to("#search", "").await;
    anna.types("wong").await;
    anna.types(Key::Enter).await;
    anna.shows(".people-hits mark", |marks| marks == ["Wong"]).await;
    anna.tabs_to(".people-hits a", "Mia").await;
    anna.types(Key::Enter).await;
    anna.shows("#thread h1", |title| title == ["Mia Wong"]).await;
    anna.tabs_to("#moves button", "Take").await;
    anna.types(Key::Enter).await;
    anna.shows("#holder", |holder| holder.iter().any(|it| it.contains("Assigned to you"))).await;
    anna.tabs_to("#reply-text", "").await;
    anna.types("It is on its way").await;
    anna.tabs_to("#reply button.send", "").await;
    anna.types(Key::Enter).await;
    sees_reply(&anna, "It is on its way").await;
    anna.tabs_to("#moves button", "Give back").await;
    anna.types(Key::Enter).await;
    anna.shows("#holder", |holder| holder.iter().any(|it| it.contains("Harbour bot") || it.contains("Nobody holds"))).await;
    anna.tabs_to(".account summary", "").await;
    anna.types(Key::Enter).await;
    anna.tabs_to("form[action='/logout'] button", "Sign out").await;
    anna.types(Key::Enter).await;
    anna.shows("#email", |found| found.len() == 1).await;
    anna.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_move_through_the_list_go_by_what_is_typed_and_can_be_switched_off() {
    let desk = Desk::set("keys", "anna@harbour.example").await;
    let anna = &desk.browser;
    anna.types("j").await;
    anna.focuses("#rows li:nth-child(1) a").await;
    anna.types("j").await;
    anna.focuses("#rows li:nth-child(2) a").await;
    anna.types("k").await;
    anna.focuses("#rows li:nth-child(1) a").await;
    anna.types("go").await;
    anna.shows("html.scripted a.view.open[aria-current=page]", |found| found.len() == 1).await;
    anna.types("gm").await;
    anna.shows("html.scripted a.view.mine[aria-current=page]", |found| found.len() == 1).await;
    desk.goes(&format!("/inbox/{}/{MIA}?view=needs", desk.house.page.id)).await;
    // On AZERTY the key that writes `a` is where others have `q`: only what is written counts.
    let opens = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'p', code: 'KeyQ', bubbles: true})); return document.querySelector('details.pass').open";
    assert!(anna.runs::<bool>(opens).await);
    anna.types(Key::Escape).await;
    anna.types("?").await;
    anna.shows("#keys h2", |title| title == ["Keyboard shortcuts"]).await;
    anna.tabs_to("#keys-on", "").await;
    anna.types(" ").await;
    crate::harness::eventually("it is kept", || async {
        let off = sqlx::query_scalar("select count(*) from preferences where not single_keys");
        (off.fetch_one(&desk.house.database.pool).await.ok() == Some(1_i64)).then_some(())
    })
    .await;
    anna.reload().await;
    anna.shows("html.scripted #thread h1", |title| title.len() == 1).await;
    anna.types("?").await;
    anna.types_with_control('k').await;
    anna.focuses("#command-text").await;
    assert!(!anna.runs::<bool>("return document.getElementById('keys').open").await, "single keys do nothing");
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_tagged_put_aside_and_marked_unread_by_keys() {
    let desk = Desk::set("acting-keys", "anna@harbour.example").await;
    let anna = &desk.browser;
    let tag = sqlx::query("insert into tags (name, colour) values ('Delivery', 'teal')");
    tag.execute(&desk.house.database.pool).await.expect("a tag");
    desk.goes(&format!("/inbox/{}/{MIA}?view=needs", desk.house.page.id)).await;
    anna.types("l").await;
    anna.focuses("#tag-add").await;
    anna.types("Del").await;
    anna.tabs_to("#tagging .add button", "Add").await;
    anna.types(Key::Enter).await;
    anna.shows("#tagging .tag", |tags| tags == ["Delivery"]).await;
    anna.types("s").await;
    anna.focuses(".snooze .sheet button.item").await;
    anna.tabs_to(".snooze .sheet button.item", "Tomorrow").await;
    anna.types(Key::Enter).await;
    anna.shows("#holder .snoozed", |until| until.len() == 1 && until[0].starts_with("Snoozed until")).await;
    anna.shows("#rows .name", |names| !names.iter().any(|name| name == "Mia Wong")).await;
    // The same key brings it back.
    anna.types("s").await;
    anna.shows("#holder .snoozed", <[String]>::is_empty).await;
    anna.shows("#rows .name", |names| names.iter().any(|name| name == "Mia Wong")).await;
    anna.shows("#rows .row[aria-current]:not(.unread)", |rows| rows.len() == 1).await;
    anna.types("u").await;
    anna.shows("#rows .row[aria-current].unread .count", |counts| counts.len() == 1).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn enter_in_a_day_of_ones_own_choice_means_that_day() {
    let desk = Desk::set("snooze-day", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes(&format!("/inbox/{}/{MIA}?view=needs", desk.house.page.id)).await;
    anna.types("s").await;
    anna.focuses(".snooze .sheet button.item").await;
    let in_100_days = "const field = document.getElementById('snooze-day');
        field.value = new Date(Date.now() + 100 * 864e5).toISOString().slice(0, 10); field.focus(); return field.value;";
    let day: String = anna.runs(in_100_days).await;
    anna.types(Key::Enter).await;
    anna.shows("#holder .snoozed", |until| until.len() == 1 && until[0].starts_with("Snoozed until")).await;
    let until = sqlx::query_scalar::<_, String>("select to_char(snoozed_until, 'YYYY-MM-DD') from conversations where person_id = $1");
    assert_eq!(until.bind(MIA).fetch_one(&desk.house.database.pool).await.expect("put aside"), day);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_given_to_a_team_by_keys() {
    let desk = Desk::set("team-keys", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes(&format!("/inbox/{}/{MIA}?view=needs", desk.house.page.id)).await;
    anna.types("a").await;
    anna.focuses(".pass [name=to]").await;
    anna.tabs_to(".pass [name=team]", "To the team Billing").await;
    anna.types(Key::Enter).await;
    anna.shows("#holder .team-name", |team| team == ["Team Billing"]).await;
    anna.shows("#rows .row[aria-current] .team", |badge| badge == ["B"]).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_bar_reaches_everything_on_the_page() {
    let desk = Desk::set("commands", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes(&format!("/inbox/{}/{MIA}?view=needs", desk.house.page.id)).await;
    anna.types_with_control('k').await;
    anna.focuses("#command-text").await;
    let all = anna.shows("#commands .what", |all| all.len() > 20).await;
    for wanted in [
        "Take",
        "Give back",
        "Close",
        "Deutsch",
        "Dark",
        "Sign out",
        "Settings",
        "To Ben Okafor",
        "To the team Billing",
        "Your reply",
        "Mia Wong",
        "Petra Novak",
        "Unanswered in German",
        "Invoices to answer",
        "Save this view",
    ] {
        assert!(all.iter().any(|it| it == wanted), "{wanted} is missing in {all:?}");
    }
    for view in ["Needs a person", "Mine", "All open", "Closed"] {
        assert!(all.iter().any(|it| it.starts_with(view)), "{view} is missing in {all:?}");
    }
    anna.types("dark").await;
    anna.shows("#commands [role=option]", |found| found.len() == 2).await;
    let described = "const t = document.getElementById('command-text'); return t.getAttribute('aria-activedescendant') === document.querySelector('#commands [aria-selected=true]').id";
    assert!(anna.runs::<bool>(described).await, "who cannot see hears which one is chosen");
    anna.types(Key::Enter).await;
    anna.shows("html.scripted[data-theme=dark] #thread h1", |title| title == ["Mia Wong"]).await;
    anna.types_with_control('k').await;
    anna.focuses("#command-text").await;
    anna.types("birthday").await;
    anna.shows("#commands .what", |found| found == ["Search for “birthday”"]).await;
    anna.types(Key::Enter).await;
    anna.shows("ol.hits mark", |marks| marks == ["birthday"]).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

/// A pointer reaches every view, those behind “More views” too: nothing of the sheet is off the screen, cut off, or under something else.
#[tokio::test(flavor = "multi_thread")]
async fn a_pointer_reaches_every_view_at_every_width() {
    let desk = Desk::set("views", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes("/inbox?view=open").await;
    for (width, height) in [(360, 740), (390, 844), (800, 900), (1280, 800), (1440, 900)] {
        anna.resizes(width, height).await;
        let hidden = "document.getElementById('more-views').open = true;
            return [...document.querySelectorAll('#more-views a.view')].filter((link) => {
            const { left, top, width, height } = link.getBoundingClientRect();
            const hit = document.elementFromPoint(left + width / 2, top + height / 2);
            return left < 0 || left + width > innerWidth || !link.contains(hit);
        }).map((link) => link.textContent.trim())";
        assert_eq!(anna.runs::<Vec<String>>(hidden).await, Vec::<String>::new(), "{width} px wide");
    }
}
