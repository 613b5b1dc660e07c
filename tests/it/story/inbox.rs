//! The agents' inbox, as its pages show it.

use std::time::Duration;

use super::demo::Demo;
use crate::harness::browser::{Browser, Scripts};

/// Without scripts the list fetches itself anew every 30 seconds.
const BY_ITSELF: Duration = Duration::from_secs(90);

/// How long anything else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with the inbox in it.
pub struct Inbox {
    pub browser: Browser,
}

impl Inbox {
    /// Logs in with the form.
    pub async fn log_in(browser: Browser, demo: &Demo, mailbox: &str) -> Self {
        browser.go(&demo.baton("/inbox")).await;
        assert_eq!(browser.path().await, "/login", "the inbox is for those who are logged in");
        let agent = demo.agent(mailbox);
        browser.fill("#email", &agent.email).await;
        browser.fill("#password", &agent.password).await;
        browser.click("form button", "Sign in").await;
        browser.shows("#list-title", |title| title.first().is_some_and(|it| it.starts_with("Needs a person"))).await;
        Self { browser }
    }

    /// Goes to one of the lists: `needs`, `mine`, `bot`, `open`, `closed`.
    pub async fn goes_to(&self, view: &str) {
        if matches!(view, "bot" | "closed") {
            self.browser.click("#more-views > summary", "").await;
        }
        self.browser.click(&format!("a.view.{view}"), "").await;
        let current = format!("a.view.{view}[aria-current=page]");
        self.browser.shows(&current, |found| found.len() == 1).await;
    }

    /// Waits until a customer stands first in the list, without doing anything.
    pub async fn sees_rise(&self, name: &str) {
        let first = |names: &[String]| names.first().is_some_and(|it| it == name);
        self.browser.shows_within(BY_ITSELF, "#rows .name", first, async || {}).await;
    }

    /// Waits until nobody is in the list that is shown.
    pub async fn sees_an_empty_list(&self) {
        self.sees("#list .nothing", |found| found.len() == 1).await;
    }

    /// Opens a customer's conversation from the list.
    pub async fn opens(&self, name: &str) {
        self.sees("#rows .name", |names| names.iter().any(|it| it == name)).await;
        self.browser.click("#rows a.row", name).await;
        self.browser.shows("#thread h1", |title| title == [name]).await;
    }

    /// Waits until the page shows something. With scripts it does so by itself, without them its reader asks for it.
    pub async fn sees(&self, selector: &str, expected: impl Fn(&[String]) -> bool) -> Vec<String> {
        let asks = async || {
            if self.browser.scripts == Scripts::Off {
                self.browser.click("#composer noscript a, body:not(.reading) #list noscript a", "").await;
            }
        };
        self.browser.shows_within(PATIENCE, selector, expected, asks).await
    }

    /// Waits until a text stands in the conversation.
    pub async fn reads(&self, text: &str) {
        self.sees("#timeline .message .text", |texts| texts.iter().any(|it| it.contains(text))).await;
    }

    /// Waits until a note stands in the conversation.
    pub async fn reads_note(&self, text: &str) {
        self.sees("#timeline .note", |notes| notes.iter().any(|it| it.contains(text))).await;
    }

    /// Waits until a handover stands in the conversation.
    pub async fn reads_handover(&self, words: &str) {
        self.sees("#timeline .control .what", |steps| steps.iter().any(|it| it.contains(words))).await;
    }

    /// Waits until the head says who holds the conversation.
    pub async fn sees_holder(&self, words: &str) {
        self.sees("#holder", |holder| holder.first().is_some_and(|it| it.contains(words))).await;
    }

    /// Presses one of the buttons at the head of the conversation.
    pub async fn presses(&self, label: &str) {
        self.browser.click("#moves button[data-key]", label).await;
    }

    /// Writes an answer without sending it.
    pub async fn drafts(&self, text: &str) {
        self.browser.fill("#reply-text", text).await;
    }

    /// Sends what is written.
    pub async fn sends(&self) {
        self.browser.click("#reply button.send", "").await;
    }

    /// Writes a note.
    pub async fn notes(&self, text: &str) {
        self.browser.click("label[for=mode-note]", "").await;
        self.browser.fill("#note-text", text).await;
        self.browser.click("button.save-note", "").await;
        self.reads_note(text).await;
        self.browser.click("label[for=mode-reply]", "").await;
    }

    /// Answers, and waits until the platform has taken it.
    pub async fn answers(&self, text: &str) {
        self.drafts(text).await;
        self.sends().await;
        let sent = |messages: &[String]| {
            messages.iter().any(|it| it.contains(text) && ["Sent", "Delivered", "Read"].iter().any(|state| it.contains(state)))
        };
        self.sees("#timeline .message", sent).await;
    }

    /// Nothing can be written now, for a reason.
    pub async fn may_not_answer(&self, reason: &str) {
        self.sees("#blocked", |found| found.first().is_some_and(|it| it.contains(reason))).await;
        assert_eq!(self.browser.texts("#reply").await.map(|forms| forms.len()), Some(0), "there is no form to answer with");
    }

    /// The inbox speaks the agent's language.
    pub async fn turns_german(&self) {
        self.browser.click(".account summary", "").await;
        self.browser.click(".account button[lang=de]", "Deutsch").await;
        self.browser.shows("html[lang=de] a.view", |views| views.len() == 11).await;
    }

    /// Leaves.
    pub async fn logs_out(&self) {
        self.browser.click(".account summary", "").await;
        self.browser.click("form[action='/logout'] button", "").await;
        self.browser.shows("#email", |found| found.len() == 1).await;
        assert_eq!(self.browser.path().await, "/login");
    }
}
