//! An agent at a browser: finds things, does everything without a mouse, on pages that everybody can use.

mod access;
mod budget;
mod directions;
mod files;
mod keyboard;
mod layout;
mod list;
mod live;
mod meanwhile;
mod news;
mod person;
mod reflexes;
mod screenshots;
mod search;
mod writing;

use std::path::PathBuf;

use crate::harness::browser::{Browser, Scripts};
use crate::harness::chromedriver::Driver;
use crate::web_house::{PASSWORD, WebHouse};

/// A folder for what browsers leave behind.
fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The gallery's inbox, and a browser in which somebody is logged in.
struct Desk {
    browser: Browser,
    house: WebHouse,
    _driver: Driver,
}

impl Desk {
    async fn set(name: &str, mailbox: &str) -> Self {
        let house = WebHouse::build().await;
        crate::web_gallery::fill(&house).await;
        let scratch = scratch(name);
        let driver = Driver::start(&scratch);
        let browser = Browser::open(&driver, "agent", Scripts::On, "en-US").await;
        browser.go(&format!("{}/login", house.base)).await;
        browser.fill("#email", mailbox).await;
        browser.fill("#password", PASSWORD).await;
        browser.click("form button", "Sign in").await;
        browser.shows("html.scripted #list-title", |title| title.len() == 1).await;
        Self { browser, house, _driver: driver }
    }

    /// Opens a conversation and takes it by its key.
    async fn takes(&self, person: &str) {
        self.goes(&self.house.conversation(person)).await;
        self.browser.types("t").await;
        self.browser.shows("#holder", |holder| holder.iter().any(|it| it.contains("Assigned to you"))).await;
        // Only then the answer has come to its end.
        self.browser.focuses("#reply-text").await;
    }

    async fn goes(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.house.base)).await;
        self.browser.shows("html.scripted body, body.plain, body.settings", |found| found.len() == 1).await;
    }
}
