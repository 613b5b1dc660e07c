//! What happened, for tests: accepted sends, Graph calls and webhook attempts. The newest of each are kept.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::Serialize;
use serde_json::Value;

use crate::platform::lock;

/// Entries kept of accepted sends.
const SENDS: usize = 200_000;
/// Entries kept of calls and of attempts.
const DETAILS: usize = 20_000;

/// A send that the platform accepted.
#[derive(Serialize, Clone, Debug)]
pub struct Send {
    /// The message id that the caller got, or should have got.
    pub mid: String,
    /// The account.
    pub page_id: String,
    /// The person.
    pub psid: String,
    /// The sender.
    pub app_id: String,
    /// The text, if any.
    pub text: Option<String>,
    /// The sender's metadata.
    pub metadata: Option<String>,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// A call to the Graph side.
#[derive(Serialize, Clone, Debug)]
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path, version included.
    pub path: String,
    /// Parameters from query and body, without the token.
    pub params: Value,
    /// The app that called, if its token was good.
    pub app_id: Option<String>,
    /// HTTP status; 0 if the answer was dropped on purpose.
    pub status: u16,
    /// The answer's body.
    pub answer: Value,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// One attempt to deliver a webhook.
#[derive(Serialize, Clone, Debug)]
pub struct Attempt {
    /// The receiver.
    pub app_id: String,
    /// The account.
    pub page_id: String,
    /// The person.
    pub psid: String,
    /// Counts from 1 for each event.
    pub attempt: u32,
    /// The status answered; absent if none came.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The body sent.
    pub body: Value,
    /// When the attempt began, in milliseconds since the Unix epoch.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A numbered entry.
#[derive(Serialize, Clone, Debug)]
pub struct Entry<T> {
    /// Counts from 1, without gaps, for each list.
    pub n: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: T,
}

struct Ring<T> {
    next: u64,
    entries: VecDeque<Entry<T>>,
    capacity: usize,
}

impl<T: Clone> Ring<T> {
    fn new(capacity: usize) -> Self {
        Self { next: 1, entries: VecDeque::new(), capacity }
    }

    fn push(&mut self, what: T) {
        self.entries.push_back(Entry { n: self.next, what });
        self.next += 1;
        if self.entries.len() > self.capacity {
            self.entries.pop_front();
        }
    }

    fn after(&self, n: u64) -> Vec<Entry<T>> {
        let first = self.entries.partition_point(|entry| entry.n <= n);
        self.entries.range(first..).cloned().collect()
    }
}

/// The three lists.
pub struct Journal {
    sends: Mutex<Ring<Send>>,
    calls: Mutex<Ring<Call>>,
    attempts: Mutex<Ring<Attempt>>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { sends: Mutex::new(Ring::new(SENDS)), calls: Mutex::new(Ring::new(DETAILS)), attempts: Mutex::new(Ring::new(DETAILS)) }
    }
}

impl Journal {
    /// Notes an accepted send.
    pub fn send(&self, send: Send) {
        lock(&self.sends).push(send);
    }

    /// Notes a Graph call and its answer.
    pub fn call(&self, call: Call) {
        lock(&self.calls).push(call);
    }

    /// Notes a webhook attempt.
    pub fn attempt(&self, attempt: Attempt) {
        lock(&self.attempts).push(attempt);
    }

    /// Accepted sends after number `n`.
    pub fn sends_after(&self, n: u64) -> Vec<Entry<Send>> {
        lock(&self.sends).after(n)
    }

    /// Graph calls after number `n`.
    pub fn calls_after(&self, n: u64) -> Vec<Entry<Call>> {
        lock(&self.calls).after(n)
    }

    /// Webhook attempts after number `n`.
    pub fn attempts_after(&self, n: u64) -> Vec<Entry<Attempt>> {
        lock(&self.attempts).after(n)
    }

    /// Forgets everything; the numbers go on.
    pub fn clear(&self) {
        lock(&self.sends).entries.clear();
        lock(&self.calls).entries.clear();
        lock(&self.attempts).entries.clear();
    }
}
