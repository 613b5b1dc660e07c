//! The live stream: nothing is missed, nothing foreign is told, and it ends with the login.

use std::time::Duration;

use serde_json::{Value, json};

use crate::web_house::{Browser, WebHouse};

/// An open stream.
pub struct Stream {
    response: reqwest::Response,
    text: String,
}

/// An event of it.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: Value,
}

impl Stream {
    pub async fn open(browser: &Browser, last: Option<&str>) -> Self {
        Self::showing(browser, "", last).await
    }

    /// Of a page that shows something: the query of the address says what.
    async fn showing(browser: &Browser, query: &str, last: Option<&str>) -> Self {
        let mut request = browser.client.get(format!("{}/live{query}", browser.base)).header("cookie", browser.cookie_header());
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event, or nothing when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let event = Event {
                    name: field("event: ").unwrap_or_default(),
                    id: field("id: "),
                    data: serde_json::from_str(&field("data: ").unwrap_or_default()).unwrap_or_default(),
                };
                self.text = rest.to_owned();
                return Some(event);
            }
            let piece =
                tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await.expect("an event in time").ok().flatten()?;
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    /// The next event that is more than a sign of life.
    pub async fn news(&mut self) -> Option<Event> {
        loop {
            let event = self.next().await?;
            if event.name != "beat" {
                return Some(event);
            }
        }
    }
}

async fn house() -> WebHouse {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.says("9001", "m_1", "hello").await;
    house
}

#[tokio::test]
async fn changes_are_told_and_nothing_is_missed_after_a_break() {
    let house = house().await;
    let anna = house.browser("anna@example.org").await;
    let mut stream = Stream::open(&anna, None).await;
    let hello = stream.news().await.expect("a hello");
    assert_eq!((hello.name.as_str(), hello.id.as_deref(), &hello.data["conversations"]), ("hello", Some("100200300:2"), &json!([])));
    house.says("9001", "m_2", "are you there").await;
    let changed = stream.news().await.expect("a change");
    assert_eq!((changed.name.as_str(), changed.id.as_deref()), ("changed", Some("100200300:3")));
    assert_eq!(changed.data, json!({"everything": false, "conversations": [["100200300/9001", 3]]}));
    drop(stream);
    house.says("9001", "m_3", "while away").await;
    house.says("9002", "m_4", "somebody new").await;
    let mut again = Stream::open(&anna, changed.id.as_deref()).await;
    let hello = again.news().await.expect("a hello");
    assert_eq!(hello.data["conversations"], json!([["100200300/9001", 4], ["100200300/9002", 6]]));
    assert_eq!(hello.id.as_deref(), Some("100200300:6"));
    // A place that is not ours, or of a Page it did not know, means that all may have changed.
    for odd in ["nonsense", "", "100200300:999", "7:1"] {
        let mut lost = Stream::open(&anna, Some(odd)).await;
        assert_eq!(lost.news().await.expect("a hello").data["everything"], true, "{odd}");
    }
}

#[tokio::test]
async fn of_many_changes_a_page_hears_whether_its_own_is_among_them() {
    let house = house().await;
    let anna = house.browser("anna@example.org").await;
    let crowd = async |round: usize| {
        for number in 0..201 {
            house.says(&format!("p{number}"), &format!("m_{round}_{number}"), "x").await;
        }
    };
    let mut live = Stream::showing(&anna, "?open=100200300/9001", None).await;
    live.news().await.expect("a hello");
    crowd(1).await;
    // All that came since in one piece, as after a break.
    let hello = async |query: &str, last: &str| Stream::showing(&anna, query, Some(last)).await.news().await.expect("a hello").data;
    for nobody in ["", "?open=", "?open=9001", "?other=1"] {
        assert_eq!(hello(nobody, "100200300:2").await["everything"], true, "{nobody}");
    }
    assert_eq!(hello("?open=100200300/9001", "100200300:2").await, json!({"everything": false, "conversations": []}));
    assert_eq!(hello("?open=400500600/9001", "100200300:2").await, json!({"everything": false, "conversations": []}));
    house.says("9001", "m_own", "and I").await;
    let head: i64 = sqlx::query_scalar("select last_position from pages").fetch_one(&house.database.pool).await.expect("the head");
    let own = json!(["100200300/9001", head]);
    assert_eq!(hello("?open=100200300/9001", "100200300:2").await, json!({"everything": false, "conversations": [own]}));
    // And as it came.
    let heard = async {
        loop {
            let event = live.news().await.expect("a change");
            assert_eq!(event.data["everything"], false);
            if event.data["conversations"].as_array().expect("conversations").contains(&own) {
                break;
            }
        }
    };
    heard.await;
}

#[tokio::test]
async fn bursts_are_gathered() {
    let house = house().await;
    let anna = house.browser("anna@example.org").await;
    let mut stream = Stream::open(&anna, None).await;
    stream.news().await;
    for number in 0..40 {
        house.says(&format!("p{}", number % 4), &format!("m_b{number}"), "x").await;
    }
    let (mut events, mut last) = (0, 0);
    let head: i64 = sqlx::query_scalar("select last_position from pages").fetch_one(&house.database.pool).await.expect("the head");
    while last < head {
        let event = stream.news().await.expect("a change");
        events += 1;
        last = event.id.expect("an id").rsplit(':').next().expect("a position").parse().expect("a number");
    }
    assert!(events <= 20, "40 messages came as {events} events");
}

#[tokio::test]
async fn foreign_pages_are_not_told() {
    let house = house().await;
    let second = house.second_page().await;
    house.user("two@example.org", "Two", "agent", &[&second]).await;
    let two = house.browser("two@example.org").await;
    let mut stream = Stream::open(&two, Some("100200300:0,400500600:0")).await;
    let hello = stream.news().await.expect("a hello");
    assert_eq!((hello.id.as_deref(), &hello.data["conversations"]), (Some("400500600:0"), &json!([])));
    house.says("9001", "m_2", "secret").await;
    house.hears(&second, "9002", json!({"message": {"mid": "m_3", "text": "mine"}})).await;
    let changed = stream.news().await.expect("a change");
    assert_eq!(changed.data["conversations"], json!([["400500600/9002", 1]]));
}

#[tokio::test]
async fn a_stream_ends_with_its_login() {
    let house = house().await;
    let mut anna = house.browser("anna@example.org").await;
    let mut stream = Stream::open(&anna, None).await;
    stream.news().await;
    anna.post("/logout", &[]).await;
    assert_eq!(stream.news().await.map(|event| event.name).as_deref(), Some("over"));
    assert_eq!(stream.news().await, None);
}
