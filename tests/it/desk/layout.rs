//! What fits where: panes, phones, fingers, keyboards on screen, and the theme that somebody chose.

use thirtyfour::Key;

use super::Desk;

const MIA: &str = "7421893398374821";
const JONAS: &str = "8820114477120934";

/// The panes that are to be seen, from left to right, and where they begin and end.
const PANES: &str = "return ['list', 'thread', 'context'].map((id) => document.getElementById(id)).filter((pane) => pane?.checkVisibility())
    .map((pane) => [pane.id, pane.getBoundingClientRect().left, pane.getBoundingClientRect().right]).sort((one, other) => one[1] - other[1])";

/// Their names; none lies over another.
async fn panes(desk: &Desk) -> Vec<String> {
    let seen: Vec<(String, f64, f64)> = desk.browser.runs(PANES).await;
    for pair in seen.windows(2) {
        assert!(pair[0].2 <= pair[1].1 + 1.0, "one lies over the other: {seen:?}");
    }
    seen.into_iter().map(|(name, _, _)| name).collect()
}

async fn opens(desk: &Desk, person: &str, name: &str) {
    desk.goes(&format!("{}?view=open", desk.house.conversation(person))).await;
    desk.browser.shows("html.scripted #thread h1", |title| title == [name]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_panes_two_or_one_and_back_works() {
    let desk = Desk::set("panes", "anna@harbour.example").await;
    let anna = &desk.browser;
    anna.resizes(1280, 800).await;
    opens(&desk, MIA, "Mia Wong").await;
    assert_eq!(panes(&desk).await, ["list", "thread", "context"]);
    // The side is a drawer: its button opens it, and closing it brings the focus back there.
    anna.resizes(900, 800).await;
    assert_eq!(panes(&desk).await, ["list", "thread"]);
    anna.click("#context-link", "").await;
    anna.focuses("#context:target").await;
    assert!(anna.runs::<bool>("return document.getElementById('context').checkVisibility()").await);
    anna.types(Key::Tab).await;
    anna.focuses(".close-context").await;
    anna.types(Key::Enter).await;
    anna.focuses("#context-link").await;
    assert_eq!(panes(&desk).await, ["list", "thread"]);
    anna.types(Key::Enter).await;
    anna.focuses("#context:target").await;
    anna.click(".close-context", "").await;
    anna.focuses("#context-link").await;
    assert_eq!(panes(&desk).await, ["list", "thread"]);
    assert!(anna.runs::<bool>("return scrollY === 0").await, "the page has moved");
    // One at a time; both ways back lead to the list as it was.
    let list = "/inbox?view=open&unanswered=1";
    anna.resizes(390, 844).await;
    desk.goes(list).await;
    for by_link in [true, false] {
        assert_eq!(panes(&desk).await, ["list"]);
        anna.click("#rows a.row", "Mia Wong").await;
        anna.shows("html.scripted body.reading #thread h1", |title| title == ["Mia Wong"]).await;
        assert_eq!(panes(&desk).await, ["thread"]);
        if by_link {
            anna.click("a.back", "").await;
        } else {
            anna.runs::<()>("history.back()").await;
        }
        anna.shows("html.scripted body:not(.reading) #list-title", |title| title.len() == 1).await;
        assert_eq!(anna.runs::<String>("return location.pathname + location.search").await, list);
    }
    assert_eq!(panes(&desk).await, ["list"]);
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

/// What hangs over the side of a small screen.
const OVER: &str = "return document.documentElement.scrollWidth <= 360 ? [] : [...document.querySelectorAll('body *')]
    .filter((it) => it.getBoundingClientRect().right > 361).map((it) => it.outerHTML.slice(0, 120))
    .concat([`the page is ${document.documentElement.scrollWidth} px wide`])";

/// What is said has more room than what is around it.
const ROOM: &str = "const high = (part) => document.querySelector(part)?.offsetHeight ?? 0;
    const around = ['.top', '.head', '.composer'].map(high);
    return !document.getElementById('timeline') || high('#timeline') >= Math.max(...around) ? '' : `${high('#timeline')}, around it ${around}`";

/// Whether there are emoji, which are opened.
const EMOJI: &str = "const button = document.querySelector('[data-open-emoji]'); button?.click(); return Boolean(button)";

/// What a finger misses, with everything open that can be: all that is pressed or written into, but for links in running text.
const TOO_SMALL: &str = "if (document.getElementById('context')) location.hash = 'context';
    document.getElementById('keys')?.showModal();
    for (const it of document.querySelectorAll('details')) it.open = true;
    return [...document.querySelectorAll('a[href], button, summary, select, textarea, input:not([type=hidden])')].flatMap((it) => {
        const touched = it.matches('[type=radio], [type=checkbox]') ? it.labels[0] ?? it : it;
        const { width, height } = touched.getBoundingClientRect();
        const inline = it.matches('p a, li a, dd a') && getComputedStyle(it).display === 'inline';
        if (!touched.checkVisibility({ visibilityProperty: true }) || inline || it.matches('.skip') || Math.min(width, height) > 43.5) return [];
        const name = [it.localName, it.id && `#${it.id}`, ...[...it.classList].map((one) => `.${one}`)].join('');
        return [`${name} “${it.textContent.trim().slice(0, 30)}” ${Math.round(width)} x ${Math.round(height)}`];
    })";

async fn fits(mailbox: &str, pages: &[&str]) {
    let desk = Desk::set(&format!("fits-{mailbox}"), mailbox).await;
    let browser = &desk.browser;
    let tag = sqlx::query("insert into tags (name, colour) values ('Delivery', 'teal'), ('Complaint', 'red')");
    tag.execute(&desk.house.database.pool).await.expect("tags");
    crate::harness::eventually("the search has read the log", || async {
        let known = sqlx::query_scalar("select count(*) from search_people where words like '%wong%'");
        (known.fetch_one(&desk.house.database.pool).await.ok() == Some(1_i64)).then_some(())
    })
    .await;
    browser.resizes(360, 740).await;
    let people = [desk.house.conversation(MIA), desk.house.conversation(JONAS)];
    for page in people.iter().map(String::as_str).chain(pages.iter().copied()) {
        desk.goes(page).await;
        assert_eq!(browser.runs::<Vec<String>>(OVER).await, Vec::<String>::new(), "{page}");
        assert_eq!(browser.runs::<String>(ROOM).await, "", "{page}");
        if browser.runs::<bool>(EMOJI).await {
            browser.shows("#emoji:not([hidden]) button:first-child", |found| found.len() == 1).await;
            assert_eq!(browser.runs::<Vec<String>>(OVER).await, Vec::<String>::new(), "emoji, {page}");
        }
        assert_eq!(browser.runs::<Vec<String>>(TOO_SMALL).await, Vec::<String>::new(), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hangs_over_at_360_px_and_fingers_find_everything() {
    let pages = [
        "/inbox",
        "/inbox?view=open&unanswered=1&language=de",
        "/inbox/search?q=order",
        "/settings/me",
        "/settings/views",
        "/settings/replies",
        "/settings/tags",
        "/settings/teams",
    ];
    fits("anna@harbour.example", &pages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_on_a_phone_finds_everything_too() {
    fits("admin@harbour.example", &["/inbox?view=open", "/settings/replies", "/settings/tags", "/settings/teams", "/settings/fields"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_composer_stays_above_a_keyboard_on_screen() {
    let desk = Desk::set("on-screen-keyboard", "anna@harbour.example").await;
    let anna = &desk.browser;
    anna.resizes(360, 740).await;
    opens(&desk, MIA, "Mia Wong").await;
    let tells = "return document.querySelector('meta[name=viewport]').content.includes('interactive-widget=resizes-content')";
    assert!(anna.runs::<bool>(tells).await, "the page is not told of the keyboard");
    anna.click("#reply-text", "").await;
    anna.focuses("#reply-text").await;
    // What is left of the screen once the keyboard is there.
    anna.resizes(360, 380).await;
    let places = "const { top, bottom } = document.getElementById('composer').getBoundingClientRect();
        return [top, bottom, document.getElementById('timeline').clientHeight, document.querySelector('#thread h1').getBoundingClientRect().top]";
    let (top, bottom, timeline, name): (f64, f64, f64, f64) = anna.runs(places).await;
    assert!(name >= 0.0 && timeline > 60.0 && top > name && bottom <= 380.5, "{name} {timeline} {top} {bottom}");
    anna.focuses("#reply-text").await;
}

/// The paper, and the dot of a teal tag.
const PAINTED: &str = "return [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.tag-teal'), '::before').backgroundColor]";
const LIGHT: [&str; 2] = ["rgb(245, 244, 240)", "rgb(13, 125, 108)"];
const DARK: [&str; 2] = ["rgb(19, 20, 18)", "rgb(95, 208, 187)"];

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_theme_holds_whatever_the_system_says() {
    let desk = Desk::set("themes", "anna@harbour.example").await;
    let anna = &desk.browser;
    let tag = sqlx::query("insert into tags (name, colour) values ('Delivery', 'teal')");
    tag.execute(&desk.house.database.pool).await.expect("a tag");
    for (chosen, on_light, on_dark) in [("system", LIGHT, DARK), ("light", LIGHT, LIGHT), ("dark", DARK, DARK)] {
        desk.goes("/settings/me").await;
        let choose = format!("document.getElementById('theme').value = '{chosen}'; document.querySelector('.me button').click()");
        anna.runs::<()>(&choose).await;
        anna.shows(&format!("html[data-theme={chosen}] .kept"), |found| found.len() == 1).await;
        desk.goes("/settings/tags").await;
        for (system, expected) in [("light", on_light), ("dark", on_dark)] {
            anna.prefers(&[("prefers-color-scheme", system)]).await;
            assert_eq!(anna.runs::<Vec<String>>(PAINTED).await, expected, "{chosen} on {system}");
        }
    }
    let lasts = "return getComputedStyle(document.querySelector('#list button')).transitionDuration";
    desk.goes("/inbox").await;
    for (motion, moves) in [("no-preference", true), ("reduce", false)] {
        anna.prefers(&[("prefers-reduced-motion", motion)]).await;
        let lasting: String = anna.runs(lasts).await;
        assert_eq!(lasting.split(", ").any(|one| one != "0s"), moves, "{motion}: {lasting}");
    }
}
