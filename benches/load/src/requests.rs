//! Webhooks as the platform sends them, signed and written out before the clock starts.

use std::time::{SystemTime, UNIX_EPOCH};

use ::baton::crypto::signature;
use serde::{Deserialize, Serialize};

use crate::baton::{PAGE, SECRET};

/// Which webhooks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// Marks the messages of this run: nothing else has the same ids.
    pub run: String,
    /// How many requests.
    pub count: usize,
    /// Messages in each.
    pub each: usize,
    /// So many people write in turn, evenly spread; 1: one hot conversation.
    pub people: usize,
    /// The first of them.
    pub first: usize,
    /// Instead of webhooks: pages, in turn.
    pub pages: Option<Pages>,
}

/// Pages as the agent with this cookie sees them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pages {
    /// The cookie.
    pub cookie: String,
    /// The paths, with their queries.
    pub paths: Vec<String>,
}

impl Spec {
    /// One message a webhook, from these many people.
    pub fn new(run: &str, count: usize, people: usize) -> Self {
        Self { run: run.to_owned(), count, each: 1, people, first: 0, pages: None }
    }
}

/// Requests in a row of bytes.
pub struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Requests {
    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// One of them.
    pub fn get(&self, index: usize) -> &[u8] {
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[begin..self.ends[index]]
    }
}

/// The id of a person: 16 digits, as the platform's are.
pub fn person(index: usize) -> String {
    (2_000_000_000_000_000_u64 + index as u64).to_string()
}

/// The id of a message: as long as the platform's, and with the number where [`number`] finds it.
pub fn mid(run: &str, index: usize) -> String {
    format!("m_{run}-{index:08}-{:A<64}", "nbX4pQ7sT2vYcK9eRfWm")
}

/// The number of the first message in a text that is of a run.
pub fn number(body: &[u8], run: &[u8]) -> Option<usize> {
    let at = find(body, run)? + run.len() + 1;
    std::str::from_utf8(body.get(at..at + 8)?).ok()?.parse().ok()
}

/// Where a text begins in another.
pub fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Writes them all.
pub fn make(address: &str, spec: &Spec) -> Requests {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
    let mut requests = Requests { bytes: Vec::with_capacity(spec.count * (600 + 400 * spec.each)), ends: Vec::with_capacity(spec.count) };
    for index in 0..spec.count {
        match &spec.pages {
            Some(Pages { cookie, paths }) => {
                requests.bytes.extend_from_slice(look(address, &paths[index % paths.len()], cookie).as_bytes())
            }
            None => requests.bytes.extend_from_slice(webhook(address, spec, index, now).as_bytes()),
        }
        requests.ends.push(requests.bytes.len());
    }
    requests
}

/// Whose turn it is.
pub fn whose(spec: &Spec, index: usize) -> String {
    // Coprime with every number of people that is used: each has their turn before the first comes again.
    const STRIDE: usize = 48_271;
    person(spec.first + index.wrapping_mul(STRIDE) % spec.people)
}

fn look(address: &str, path: &str, cookie: &str) -> String {
    let host = address.split_once('/').map_or(address, |(host, _)| host);
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nCookie: {cookie}\r\n\r\n")
}

fn webhook(address: &str, spec: &Spec, index: usize, at: u128) -> String {
    let (host, path) = address.split_once('/').expect("an address with a path");
    let messages = index * spec.each..(index + 1) * spec.each;
    let entries: Vec<String> = messages.map(|number| entry(&whose(spec, number), &mid(&spec.run, number), TEXT, at)).collect();
    let body = format!(r#"{{"object":"page","entry":[{}]}}"#, entries.join(","));
    let (sha256, sha1) = signatures(&body);
    format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nAccept-Encoding: deflate, gzip\r\nUser-Agent: facebookexternalua\r\n\
         Content-Type: application/json\r\nX-Hub-Signature: sha1={sha1}\r\nX-Hub-Signature-256: sha256={sha256}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What everybody writes.
const TEXT: &str = "Do you still have the blue one in size 42, and could I fetch it today?";

/// What the headers say of a body, SHA-256 and SHA-1.
fn signatures(body: &str) -> (String, String) {
    (signature::sha256_hex(SECRET.as_bytes(), body.as_bytes()), signature::sha1_hex(SECRET.as_bytes(), body.as_bytes()))
}

/// A webhook in which somebody writes something of their own: its body, and the `X-Hub-Signature-256` without `sha256=`.
pub fn one(person: &str, mid: &str, text: &str) -> (String, String) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
    let body = format!(r#"{{"object":"page","entry":[{}]}}"#, entry(person, mid, text, now));
    let signature = signatures(&body).0;
    (body, signature)
}

fn entry(person: &str, mid: &str, text: &str, at: u128) -> String {
    format!(
        r#"{{"id":"{PAGE}","time":{at},"messaging":[{{"sender":{{"id":"{person}"}},"recipient":{{"id":"{PAGE}"}},"timestamp":{at},"message":{{"mid":"{mid}","text":"{text}"}}}}]}}"#
    )
}
