//! People at the inbox, without a browser: a login, and the live stream.

use std::time::Duration;

use serde_json::Value;

use super::Baton;

/// Somebody who is logged in at one process.
pub struct Agent {
    /// The cookie, as `name=value`.
    pub cookie: String,
    csrf: String,
    base: String,
    http: reqwest::Client,
}

impl Agent {
    /// Logs in with the form.
    pub async fn log_in(baton: &Baton, email: &str, password: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("an HTTP client");
        let form: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("email", email), ("password", password), ("next", "")])
            .finish();
        let request = http.post(format!("{}/login", baton.base)).header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.expect("Baton answers");
        assert_eq!(answer.status(), 303, "logged in");
        let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok()).expect("a cookie");
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let mut agent = Self { cookie, csrf: String::new(), base: baton.base.clone(), http };
        let page = agent.page("/inbox").await;
        let token = page.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split('"').next()).expect("a form");
        agent.csrf = token.to_owned();
        agent
    }

    /// The same login at another process.
    pub fn at(&self, baton: &Baton) -> Self {
        self.through(&baton.base)
    }

    /// The same login at the process with this address.
    pub fn through(&self, base: &str) -> Self {
        Self { cookie: self.cookie.clone(), csrf: self.csrf.clone(), base: base.to_owned(), http: self.http.clone() }
    }

    /// Sends a form of one of the inbox's pages: the status of the answer, or an error when nothing answered.
    pub async fn post(&self, path: &str, fields: &[(&str, String)]) -> reqwest::Result<u16> {
        let form: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &self.csrf)
            .extend_pairs(fields.iter().map(|(name, value)| (*name, value.as_str())))
            .finish();
        let request = self.http.post(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        let answer = request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await?;
        let status = answer.status().as_u16();
        answer.bytes().await?;
        Ok(status)
    }

    /// A page of the inbox.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.base)).header("cookie", &self.cookie).send().await.expect("Baton answers");
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("a page")
    }

    /// The live stream, from now on or from where another broke off.
    pub async fn live(&self, last_event: Option<&str>) -> Live {
        let mut request = self.http.get(format!("{}/live", self.base)).header("cookie", &self.cookie);
        if let Some(id) = last_event {
            request = request.header("last-event-id", id);
        }
        let answer = request.send().await.expect("Baton answers");
        assert_eq!(answer.status(), 200, "the live stream");
        Live { answer, unread: String::new(), last_id: String::new() }
    }
}

/// An open live stream.
pub struct Live {
    answer: reqwest::Response,
    unread: String,
    /// The id of the newest event.
    pub last_id: String,
}

/// How long a stream may be silent: it beats every few seconds.
const SILENCE: Duration = Duration::from_secs(20);

impl Live {
    /// The next event: its name and data.
    pub async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let event: String = self.unread.drain(..end + 2).collect();
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned);
                if let Some(id) = field("id") {
                    self.last_id = id;
                }
                let data = field("data").and_then(|data| serde_json::from_str(&data).ok()).unwrap_or_default();
                return (field("event").unwrap_or_default(), data);
            }
            let piece = tokio::time::timeout(SILENCE, self.answer.chunk()).await.expect("the stream speaks").expect("the stream lives");
            self.unread.push_str(&String::from_utf8_lossy(&piece.expect("the stream goes on")));
        }
    }

    /// Waits until it ends. An error when it breaks off instead.
    pub async fn ended(mut self) -> reqwest::Result<()> {
        while self.answer.chunk().await?.is_some() {}
        Ok(())
    }

    /// Waits until it tells of this conversation, at this position or later.
    pub async fn tells_of(&mut self, conversation: &str, position: i64) {
        let told = async {
            loop {
                let (_, data) = self.next().await;
                let of_it = |told: &Value| told[0] == conversation && told[1].as_i64() >= Some(position);
                if data["everything"] == true || data["conversations"].as_array().is_some_and(|all| all.iter().any(of_it)) {
                    return;
                }
            }
        };
        tokio::time::timeout(SILENCE, told).await.unwrap_or_else(|_| panic!("the stream never tells of {conversation}"));
    }
}
