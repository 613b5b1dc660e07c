//! How an app is reached, and what its answers mean.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::event::{Event, Failure, Verdict};
use super::render::{self, Letter};
use crate::apps::http::{Answer, Outbound, Outcome};
use crate::ledger::InProcessDelivery;

/// How much of an answer is kept to explain a failure, in characters.
const EXCERPT: usize = 200;

/// An app inside this process: the sending end of what it reads its events from.
#[derive(Debug, Clone)]
pub struct InProcessApp {
    sender: mpsc::Sender<InProcessDelivery>,
}

impl InProcessApp {
    /// A way to an app inside this process: the end that deliveries put events into, and the end that the app reads. Up to `waiting`
    /// conversations may be under way at once.
    #[must_use]
    pub fn channel(waiting: usize) -> (Self, mpsc::Receiver<InProcessDelivery>) {
        let (sender, receiver) = mpsc::channel(waiting);
        (Self { sender }, receiver)
    }
}

/// How an app is reached.
#[derive(Debug, Clone)]
pub enum Transport {
    /// By POST to its callback.
    Http {
        /// The client.
        outbound: Outbound,
        /// The callback.
        url: Url,
    },
    /// By a call inside this process, which takes `timeout` at most.
    InProcess {
        /// The app.
        app: InProcessApp,
        /// How long it has.
        timeout: Duration,
    },
}

impl Transport {
    /// How long a try takes at most.
    pub(super) const fn timeout(&self) -> Duration {
        match self {
            Self::Http { outbound, .. } => outbound.timeout(),
            Self::InProcess { timeout, .. } => *timeout,
        }
    }

    /// Hands events over and says what came of it.
    pub(super) async fn deliver(&self, letter: &Letter, events: &[Event]) -> Verdict {
        match self {
            Self::Http { outbound, url } => {
                let body = render::body(letter, events);
                let headers = render::headers(letter, events, &body);
                judge(outbound.post(url, headers, body).await)
            }
            Self::InProcess { app, timeout } => match tokio::time::timeout(*timeout, call(app, letter, events)).await {
                Ok(Ok(())) => Verdict::Taken,
                Ok(Err(failure)) => Verdict::Failed(failure),
                Err(_) => failed("no answer within the time-out"),
            },
        }
    }
}

async fn call(app: &InProcessApp, letter: &Letter, events: &[Event]) -> Result<(), Failure> {
    let broken = |why: String| Failure { unreachable: false, retry_after: None, why };
    for event in events {
        let Some(person) = event.conversation() else { continue };
        let (answer, answered) = oneshot::channel();
        let delivery = InProcessDelivery {
            app: letter.app.clone(),
            page: letter.page.clone(),
            person,
            event_id: event.row.event_id(),
            epoch: event.row.epoch,
            channel: event.heard.channel,
            item: render::item(letter, event),
            answer,
        };
        app.sender.send(delivery).await.map_err(|_| Failure { unreachable: true, ..broken("the app has stopped".to_owned()) })?;
        answered.await.map_err(|_| broken("the app dropped the event".to_owned()))?.map_err(broken)?;
    }
    Ok(())
}

/// What an outcome means for the events that were posted.
fn judge(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Answered(answer) if (200..300).contains(&answer.status) => Verdict::Taken,
        Outcome::Answered(answer) if answer.status == 410 => Verdict::Gone,
        Outcome::Answered(answer) => {
            let why = explain(&answer);
            Verdict::Failed(Failure { unreachable: false, retry_after: answer.retry_after, why })
        }
        Outcome::Refused => Verdict::Failed(Failure { unreachable: true, retry_after: None, why: "nothing answers there".to_owned() }),
        Outcome::Blocked => {
            Verdict::Failed(Failure { unreachable: true, retry_after: None, why: "the address may not be called".to_owned() })
        }
        Outcome::TimedOut => failed("no answer within the time-out"),
        Outcome::Broken => failed("the connection broke"),
    }
}

fn failed(why: &str) -> Verdict {
    Verdict::Failed(Failure { unreachable: false, retry_after: None, why: why.to_owned() })
}

fn explain(answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let excerpt: String = body.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT).collect();
    match excerpt.trim() {
        "" => format!("HTTP {}", answer.status),
        excerpt => format!("HTTP {}: {excerpt}", answer.status),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test may fail")]

    use super::*;

    fn answered(status: u16, body: &str) -> Outcome {
        Outcome::Answered(Answer { status, retry_after: None, body: body.as_bytes().to_vec() })
    }

    #[test]
    fn only_2xx_takes_an_event_and_only_410_ends_it() {
        for status in [200, 201, 204, 299] {
            assert_eq!(judge(answered(status, "")), Verdict::Taken, "{status}");
        }
        assert_eq!(judge(answered(410, "")), Verdict::Gone);
        for status in [100, 301, 302, 307, 400, 401, 404, 429, 500, 503] {
            assert!(matches!(judge(answered(status, "")), Verdict::Failed(failure) if !failure.unreachable), "{status}");
        }
        for (outcome, unreachable) in
            [(Outcome::Refused, true), (Outcome::Blocked, true), (Outcome::TimedOut, false), (Outcome::Broken, false)]
        {
            assert!(matches!(judge(outcome.clone()), Verdict::Failed(failure) if failure.unreachable == unreachable), "{outcome:?}");
        }
    }

    #[test]
    fn a_failure_quotes_a_little_of_the_answer() {
        let why = |body: &str| match judge(answered(500, body)) {
            Verdict::Failed(failure) => failure.why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(""), "HTTP 500");
        assert_eq!(why("no\u{0}\r\nluck"), "HTTP 500: no   luck");
        assert_eq!(why(&"ä".repeat(5000)).chars().count(), "HTTP 500: ".len() + EXCERPT);
    }
}
