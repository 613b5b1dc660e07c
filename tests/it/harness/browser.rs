//! A browser, as the person before it uses it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, LoggingPrefsLogLevel, TypingData};

use super::chromedriver::Driver;

/// How long what a page shows may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a page is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Tells on screen whether scripts run.
const PROBE: &str = "data:text/html,<p>scripts are off</p><script>document.querySelector('p').textContent='scripts are on'</script>";

/// Whether pages may run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    /// As usual.
    On,
    /// Switched off by the browser's content settings.
    Off,
}

/// A browser with a profile of its own, so with cookies of its own.
pub struct Browser {
    driver: WebDriver,
    name: String,
    chromedriver: String,
    scratch: PathBuf,
    /// Whether its pages may run scripts.
    pub scripts: Scripts,
}

impl Browser {
    /// Opens a browser whose reader prefers a language, and makes sure that scripts run or do not.
    pub async fn open(driver: &Driver, name: &str, scripts: Scripts, language: &str) -> Self {
        let mut wanted = driver.wanted(name);
        let mut preferences = json!({"intl.accept_languages": language});
        if scripts == Scripts::Off {
            preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        wanted.add_experimental_option("prefs", preferences).expect("preferences");
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All).expect("a log");
        let opened = driver.open(wanted).await;
        let browser =
            Self { driver: opened, name: name.to_owned(), chromedriver: driver.url.clone(), scratch: driver.folder.clone(), scripts };
        browser.go(PROBE).await;
        let expected = if scripts == Scripts::On { "scripts are on" } else { "scripts are off" };
        browser.shows("p", |found| found == [expected]).await;
        browser
    }

    /// Goes to an address.
    pub async fn go(&self, url: &str) {
        self.driver.goto(url).await.unwrap_or_else(|error| panic!("{}: {url}: {error}", self.name));
    }

    /// Opens another tab in front of those there are.
    pub async fn opens_a_tab(&self) {
        let tab = self.driver.new_tab().await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self.driver.switch_to_window(tab).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Fetches the page on screen anew.
    pub async fn reload(&self) {
        self.driver.refresh().await.unwrap_or_else(|error| panic!("{} cannot reload: {error}", self.name));
    }

    /// Where it is.
    pub async fn path(&self) -> String {
        self.driver.current_url().await.expect("an address").path().to_owned()
    }

    /// The texts on screen of everything that a selector finds; none while the page is changing under the look.
    pub async fn texts(&self, selector: &str) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for element in self.driver.find_all(By::Css(selector)).await.ok()? {
            let seen = element.text().await.ok()?;
            // WebDriver sees nothing of what is scrolled away upwards, where a list that grows upwards has most of its lines.
            let text = if seen.is_empty() { element.prop("textContent").await.ok()?.unwrap_or_default() } else { seen };
            texts.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        Some(texts)
    }

    /// What is written in a field.
    pub async fn value(&self, selector: &str) -> Option<String> {
        self.driver.find(By::Css(selector)).await.ok()?.value().await.ok()?
    }

    /// Waits until what a selector finds reads as expected.
    pub async fn shows(&self, selector: &str, expected: impl Fn(&[String]) -> bool) -> Vec<String> {
        self.shows_within(PATIENCE, selector, expected, async || {}).await
    }

    /// The same, with other patience; between two looks, `meanwhile` is done.
    pub async fn shows_within(
        &self,
        patience: Duration,
        selector: &str,
        expected: impl Fn(&[String]) -> bool,
        meanwhile: impl AsyncFn(),
    ) -> Vec<String> {
        let deadline = Instant::now() + patience;
        loop {
            let found = self.texts(selector).await;
            if let Some(found) = found.as_ref().filter(|found| expected(found)) {
                return found.clone();
            }
            assert!(Instant::now() < deadline, "{} waited in vain: `{selector}` reads {found:?}", self.name);
            meanwhile().await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Clicks what a selector finds first and the words belong to, once it can be clicked.
    pub async fn click(&self, selector: &str, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let outcome = self.try_click(selector, words).await;
            let Err(error) = outcome else { return };
            assert!(Instant::now() < deadline, "{} cannot click `{selector}` {words:?}: {error}", self.name);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// A click that fails was none: the page changed under it, or something lay above.
    async fn try_click(&self, selector: &str, words: &str) -> WebDriverResult<()> {
        for element in self.driver.find_all(By::Css(selector)).await? {
            if element.text().await?.contains(words) {
                return element.click().await;
            }
        }
        Err(WebDriverError::NotFound(selector.to_owned(), "not on the page".to_owned()))
    }

    /// Moves the pointer over what a selector finds first.
    pub async fn points_at(&self, selector: &str) {
        let element = self.driver.find(By::Css(selector)).await.unwrap_or_else(|error| panic!("{}: `{selector}`: {error}", self.name));
        let moved = self.driver.action_chain().move_to_element_center(&element).perform().await;
        moved.unwrap_or_else(|error| panic!("{} cannot point at `{selector}`: {error}", self.name));
    }

    /// Types into an empty field.
    pub async fn fill(&self, selector: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.try_fill(selector, text).await {
                Ok(()) => return,
                Err(error) => assert!(Instant::now() < deadline, "{} cannot write into `{selector}`: {error}", self.name),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn try_fill(&self, selector: &str, text: &str) -> WebDriverResult<()> {
        let field = self.driver.find(By::Css(selector)).await?;
        field.clear().await?;
        field.send_keys(text).await
    }

    /// When the page that is on screen was loaded: the same number, the same page.
    pub async fn loaded_at(&self) -> f64 {
        let answer = self.driver.execute("return performance.timeOrigin", []).await.expect("the page tells");
        answer.convert().expect("a number")
    }

    /// What the browser's console holds against the pages since the last time: scripts that failed, what the content security policy
    /// stopped, what could not be loaded.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.expect("the browser's log");
        log.into_iter().filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING")).map(|entry| entry.message).collect()
    }

    /// Keeps a picture and the source of the page on screen.
    pub async fn keep(&self) {
        let place = self.scratch.join(&self.name);
        let _ = self.driver.screenshot(&place.with_extension("png")).await;
        let _ = std::fs::write(place.with_extension("html"), self.driver.source().await.unwrap_or_default());
        let _ = std::fs::write(place.with_extension("console"), format!("{:#?}", self.driver.browser_log().await));
    }

    /// Closes it.
    pub async fn quit(self) {
        self.driver.quit().await.unwrap_or_else(|error| panic!("{} does not close: {error}", self.name));
    }
}

/// The keyboard.
impl Browser {
    /// Types into whatever has the focus.
    pub async fn types(&self, keys: impl Into<TypingData>) {
        let keys = keys.into();
        self.driver.action_chain().send_keys(keys).perform().await.unwrap_or_else(|error| panic!("{} cannot type: {error}", self.name));
    }

    /// Presses a key while Control is held.
    pub async fn types_with_control(&self, key: char) {
        use thirtyfour::Key;
        let chain = self.driver.action_chain().key_down(Key::Control).key_down(key).key_up(key).key_up(Key::Control);
        chain.perform().await.unwrap_or_else(|error| panic!("{} cannot press Control and {key}: {error}", self.name));
    }

    /// Goes on with the tabulator until something that a selector finds, and the words belong to, has the focus.
    pub async fn tabs_to(&self, selector: &str, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.has_focus(selector, words).await.unwrap_or(false) {
                return;
            }
            assert!(Instant::now() < deadline, "{} cannot reach `{selector}` {words:?} with the tabulator", self.name);
            self.types("\u{e004}").await;
        }
    }

    async fn has_focus(&self, selector: &str, words: &str) -> WebDriverResult<bool> {
        let focused = self.driver.active_element().await?.element_id();
        for element in self.driver.find_all(By::Css(selector)).await? {
            if element.element_id() == focused {
                return Ok(element.text().await?.contains(words));
            }
        }
        Ok(false)
    }

    /// Waits until something has the focus.
    pub async fn focuses(&self, selector: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.has_focus(selector, "").await.unwrap_or(false) {
            assert!(Instant::now() < deadline, "{}: `{selector}` never gets the focus", self.name);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What a script of the test answers.
    pub async fn runs<T: serde::de::DeserializeOwned>(&self, script: &str) -> T {
        let answer = self.driver.execute(script, []).await.unwrap_or_else(|error| panic!("{}: {error}: {script:.200}", self.name));
        answer.convert().expect("the answer of a script")
    }

    /// What a script answers that calls its last argument when it is done.
    pub async fn runs_to_its_end<T: serde::de::DeserializeOwned>(&self, script: &str) -> T {
        let answer = self.driver.execute_async(script, []).await.unwrap_or_else(|error| panic!("{}: {error}: {script:.200}", self.name));
        answer.convert().expect("the answer of a script")
    }

    /// Becomes so wide and high.
    pub async fn resizes(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.commands("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Forgets everything that it has loaded.
    pub async fn forgets(&self) {
        self.commands("Network.clearBrowserCache", json!({})).await;
    }

    /// Has a system that prefers something: `prefers-color-scheme` and the like.
    pub async fn prefers(&self, features: &[(&str, &str)]) {
        let features: Vec<_> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.commands("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// What only Chromium's own protocol can do.
    async fn commands(&self, command: &str, params: serde_json::Value) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{}/session/{}/goog/cdp/execute", self.chromedriver, self.driver.session_id());
        let answer =
            client.post(url).body(json!({"cmd": command, "params": params}).to_string()).send().await.expect("chromedriver answers");
        assert!(answer.status().is_success(), "{command}: {:?}", answer.text().await);
    }

    /// A picture of what is on screen.
    pub async fn pictures(&self, file: &Path) {
        self.driver.screenshot(file).await.unwrap_or_else(|error| panic!("{}: {}: {error}", self.name, file.display()));
    }
}
