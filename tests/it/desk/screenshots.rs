//! Pictures of every page, for people to look at: `script/screenshots`.

use std::path::PathBuf;

use super::Desk;

/// A conversation of the admin's own, with messages in every state.
const STATES: &str = "/inbox/100200300/8820114477120934";

/// The pages, by the name of the picture.
const PAGES: [(&str, &str); 10] = [
    ("teams", "/settings/teams"),
    ("list", "/inbox?view=open"),
    ("conversation", "/inbox/100200300/7421893398374821?view=needs"),
    ("states", STATES),
    ("search", "/inbox/search?q=parcel"),
    ("preferences", "/settings/me"),
    ("replies", "/settings/replies"),
    ("tags", "/settings/tags"),
    ("views", "/settings/views"),
    ("fields", "/settings/fields"),
];

/// Pictures without the variable: only that one can be taken.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_every_page() {
    let wanted = std::env::var_os("BATON_SCREENSHOTS").map(PathBuf::from);
    let folder = wanted.clone().unwrap_or_else(|| super::scratch("pictures"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let desk = Desk::set("screenshots", "admin@harbour.example").await;
    let mut admin = desk.house.browser("admin@harbour.example").await;
    let files: [(&str, &[u8]); 2] = [("opening hours, October.pdf", b"%PDF-1.4\n"), ("terrace.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")];
    assert_eq!(admin.post_files(&format!("{STATES}/attach"), &[("text", "")], &files).await.count("#files li"), 2);
    let reply = [
        ("whose", "own"),
        ("title", "Opening hours"),
        ("shortcut", "hours"),
        ("category", "Visits"),
        ("body", "We are open from 9 to 17."),
    ];
    assert_eq!(admin.post_files("/settings/replies", &reply, &files).await.status, 303);
    let mut taken = 0;
    for (language, theme, device, width, height) in choices(wanted.is_some()) {
        desk.goes("/settings/me").await;
        let choose = format!(
            "document.getElementById('language').value = '{language}'; document.getElementById('theme').value = '{theme}'; document.querySelector('.me button').click()"
        );
        desk.browser.runs::<()>(&choose).await;
        desk.browser.shows(&format!("html[lang={language}][data-theme={theme}] .kept"), |found| found.len() == 1).await;
        desk.browser.resizes(width, height).await;
        for (name, path) in PAGES {
            desk.goes(path).await;
            desk.browser.pictures(&folder.join(format!("{name}-{device}-{theme}-{language}.png"))).await;
            taken += 1;
        }
    }
    assert!(taken >= if wanted.is_some() { 50 } else { 10 }, "{taken} pictures");
}

fn choices(all: bool) -> Vec<(&'static str, &'static str, &'static str, u32, u32)> {
    let mut choices = Vec::new();
    for language in ["en", "de"] {
        for theme in ["light", "dark"] {
            choices.push((language, theme, "desk", 1280, 800));
            choices.push((language, theme, "phone", 390, 844));
        }
    }
    choices.truncate(if all { choices.len() } else { 1 });
    choices
}
