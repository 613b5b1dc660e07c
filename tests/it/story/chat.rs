//! The customer's chat, as its page shows it.

use std::time::Duration;

use super::demo::{Demo, Person};
use crate::harness::browser::{Browser, Scripts};

/// Messages of the Page.
const THEIRS: &str = ".thread .row:not(.own)";

/// Without scripts the page fetches itself anew every 8 seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with a customer's chat in it.
pub struct Chat<'a> {
    browser: &'a Browser,
}

impl<'a> Chat<'a> {
    /// Opens the chat.
    pub async fn open(browser: &'a Browser, demo: &Demo, person: &Person) -> Self {
        browser.go(&demo.chat(person)).await;
        Self { browser }
    }

    /// Writes something and sees it in the chat.
    pub async fn writes(&self, text: &str) {
        if self.browser.scripts == Scripts::Off {
            // Or the page would be fetched anew under the customer's hands.
            self.browser.click("a.still", "Pause refreshing").await;
        }
        self.browser.fill(".composer .field", text).await;
        self.browser.click(".composer .send", "").await;
        self.browser.shows(".thread .row.own", |own| own.iter().any(|row| row.contains(text))).await;
    }

    /// Taps one of the offered answers.
    pub async fn taps(&self, title: &str) {
        self.offered(title).await;
        self.browser.click("#quick button", title).await;
        self.browser.shows(".thread .row.own", |own| own.iter().any(|row| row.contains(title))).await;
    }

    /// Waits until an answer is offered.
    pub async fn offered(&self, title: &str) {
        self.sees("#quick button", |offered| offered.iter().any(|it| it == title)).await;
    }

    /// Waits until the Page has said something so many times.
    pub async fn reads(&self, text: &str, times: usize) {
        self.sees(THEIRS, |rows| rows.iter().filter(|row| row.contains(text)).count() == times).await;
    }

    /// Waits until the Page has said something, without doing anything.
    pub async fn is_told(&self, text: &str) {
        let said = |rows: &[String]| rows.iter().any(|row| row.contains(text));
        self.browser.shows_within(PATIENCE, THEIRS, said, async || {}).await;
    }

    /// With scripts the chat is live; without them its customer looks again, rather than wait.
    async fn sees(&self, selector: &str, expected: impl Fn(&[String]) -> bool) {
        let looks_again = async || {
            if self.browser.scripts == Scripts::Off {
                self.browser.reload().await;
            }
        };
        self.browser.shows_within(PATIENCE, selector, expected, looks_again).await;
    }
}
