//! What a page noted about itself, and what that says of the messages that were sent meanwhile.

use std::collections::HashMap;

use serde::Deserialize;

use crate::chromium::Page;

/// A message.
#[derive(Debug, Clone)]
pub struct Sent {
    /// When its POST began, milliseconds of the wall clock.
    pub at: f64,
    /// Who wrote it.
    pub person: String,
    /// What makes it known among others of the same person; empty: they write only once.
    pub text: String,
}

/// What `watch.js` noted. Times are milliseconds.
#[derive(Debug, Deserialize)]
pub struct Noted {
    /// Each first row of the list: when it was shown first, `page/person`, its words.
    rows: Vec<(f64, String, String)>,
    /// When each marker was shown in the conversation.
    texts: HashMap<String, f64>,
    /// From each key to the frame that shows it.
    pub keys: Vec<f64>,
    /// Tasks of more than 50 ms.
    pub tasks: Vec<f64>,
}

impl Noted {
    /// Reads it.
    pub async fn of(page: &Page) -> Self {
        page.runs("return noted").await
    }
}

/// Seconds from each POST until the conversation showed it.
pub fn thread_lags(noted: &Noted, markers: &[Sent]) -> Vec<f64> {
    let shown = |sent: &Sent| noted.texts.get(&sent.text).unwrap_or_else(|| panic!("{} is never shown", sent.text));
    markers.iter().map(|sent| (shown(sent) - sent.at).max(0.0) / 1000.0).collect()
}

/// Seconds from each POST until the list showed it at its top, or another that was sent later. (With thousands of others a second no row
/// stays in the list for long: most are over before it is fetched.)
pub fn list_lags(noted: &Noted, mut sent: Vec<Sent>) -> Vec<f64> {
    sent.sort_unstable_by(|one, other| one.at.total_cmp(&other.at));
    let mut states: Vec<(f64, f64)> = Vec::new();
    for (at, key, words) in &noted.rows {
        let person = key.rsplit('/').next().unwrap_or_default();
        let newest =
            sent.iter().find(|sent| sent.at <= *at && sent.person == person && (sent.text.is_empty() || words.contains(&sent.text)));
        // What was there before anything was sent is as old as can be.
        let newest = newest.map_or(0.0, |sent| sent.at).max(states.last().map_or(0.0, |(_, newest)| *newest));
        states.push((*at, newest));
    }
    let lag = |sent: &Sent| {
        let (shown, _) = states.get(states.partition_point(|(_, newest)| *newest < sent.at)).expect("the last message is at the top");
        (shown - sent.at).max(0.0) / 1000.0
    };
    sent.iter().map(lag).collect()
}
