//! A page in a browser, as an agent has it.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use thirtyfour::prelude::*;

use crate::chromedriver::Driver;

/// How long a page may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked at meanwhile. Nothing is timed by these looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A browser of its own with one page.
pub struct Page {
    driver: WebDriver,
    base: String,
}

impl Page {
    /// Opens a browser at a Baton, logged in by a cookie.
    pub async fn open(driver: &Driver, name: &str, address: &str, cookie: &str) -> Self {
        let opened = driver.open(driver.wanted(name)).await;
        let page = Self { driver: opened, base: format!("http://{address}") };
        // Cookies are taken only for the site on screen.
        page.go("/login").await;
        let (name, value) = cookie.split_once('=').expect("a name and a value");
        page.driver.add_cookie(Cookie::new(name, value)).await.expect("the browser takes the cookie");
        page
    }

    /// Goes to a path.
    pub async fn go(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// What a script answers.
    pub async fn runs<T: DeserializeOwned>(&self, script: &str) -> T {
        let answer = self.driver.execute(script, []).await.unwrap_or_else(|error| panic!("{error}: {script:.200}"));
        answer.convert().expect("the answer of a script")
    }

    /// What a script answers, once it answers something; a page on its way elsewhere answers nothing.
    pub async fn tells<T: DeserializeOwned>(&self, script: &str) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.driver.execute(script, []).await.and_then(|answer| answer.convert::<Option<T>>());
            if let Ok(Some(answer)) = answer {
                return answer;
            }
            assert!(Instant::now() < deadline, "waited in vain: {script:.200}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Moves the pointer over what a selector finds first.
    pub async fn points_at(&self, selector: &str) {
        self.again_until_it_works(selector, async |element| self.driver.action_chain().move_to_element_center(&element).perform().await)
            .await;
    }

    /// Clicks what a selector finds first.
    pub async fn clicks(&self, selector: &str) {
        self.again_until_it_works(selector, async |element| element.click().await).await;
    }

    /// An act that fails was none: the page changed under it.
    async fn again_until_it_works(&self, selector: &str, act: impl AsyncFn(WebElement) -> WebDriverResult<()>) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let outcome = match self.driver.find(By::Css(selector)).await {
                Ok(element) => act(element).await,
                Err(error) => Err(error),
            };
            let Err(error) = outcome else { return };
            assert!(Instant::now() < deadline, "`{selector}`: {error}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Types into whatever has the focus.
    pub async fn types(&self, keys: &str) {
        self.driver.action_chain().send_keys(keys).perform().await.expect("the browser takes keys");
    }

    /// Closes it.
    pub async fn quit(self) {
        self.driver.quit().await.expect("the browser closes");
    }
}
