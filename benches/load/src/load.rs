//! The load, as a process of its own: one thread, everything written out before the clock starts, answers looked at no longer than needed.

mod closed;
mod open;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::helper::{self, Helper};
use crate::requests::{self, Requests, Spec};

/// What to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// `host:port/path` of the webhook.
    pub address: String,
    /// What is posted.
    pub requests: Spec,
    /// Connections that are kept alive.
    pub connections: usize,
    /// Longest time.
    pub seconds: f64,
    /// So many a second, whatever the answers do. None: the next when the last is answered.
    pub rate: Option<f64>,
    /// Begin anew when all were posted: only for a server that remembers nothing.
    pub again: bool,
    /// Where the times go at which each was sent, microseconds of the wall clock.
    pub times: Option<String>,
}

impl Plan {
    /// As fast as it goes.
    pub fn new(address: &str, requests: Spec, connections: usize, seconds: f64) -> Self {
        Self { address: address.to_owned(), requests, connections, seconds, rate: None, again: false, times: None }
    }
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Acknowledged with 200.
    pub acknowledged: usize,
    /// Anything else.
    pub refused: usize,
    /// From the first to the last.
    pub seconds: f64,
    /// Milliseconds until the answer.
    pub p50: f64,
    /// Milliseconds until the answer.
    pub p99: f64,
    /// Milliseconds until the answer.
    pub worst: f64,
    /// How late it was itself in sending, 99th percentile, milliseconds.
    pub late_p99: f64,
}

impl Outcome {
    /// Acknowledged a second.
    pub fn rate(&self) -> f64 {
        self.acknowledged as f64 / self.seconds
    }
}

/// The process of the load.
pub struct Load(Helper);

impl Load {
    /// Starts it.
    pub fn start() -> Self {
        Self(Helper::start("as-load"))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Writes out what will be posted.
    pub async fn prepare(&mut self, plan: &Plan) {
        self.0.ask(&serde_json::to_value(plan).expect("JSON")).await;
    }

    /// Posts what was prepared.
    pub async fn go(&mut self) -> Outcome {
        serde_json::from_value(self.0.ask(&json!("go")).await).expect("an outcome")
    }
}

/// That process.
pub fn main() {
    let mut prepared: Option<(Plan, Requests)> = None;
    helper::serve(|asked| {
        if asked == "go" {
            let (plan, requests) = prepared.take().expect("something prepared");
            let outcome = if plan.rate.is_some() { open::run(&plan, requests) } else { closed::run(&plan, requests) };
            return serde_json::to_value(outcome).expect("JSON");
        }
        let plan: Plan = serde_json::from_value(asked).expect("a plan");
        let requests = requests::make(&plan.address, &plan.requests);
        prepared = Some((plan, requests));
        Value::Bool(true)
    });
}

/// Sums up times in microseconds.
fn sum_up(mut times: Vec<u32>, refused: usize, seconds: f64, mut late: Vec<u32>) -> Outcome {
    times.sort_unstable();
    late.sort_unstable();
    Outcome {
        acknowledged: times.len(),
        refused,
        seconds,
        p50: percentile(&times, 0.5),
        p99: percentile(&times, 0.99),
        worst: percentile(&times, 1.0),
        late_p99: percentile(&late, 0.99),
    }
}

/// Of sorted microseconds, in milliseconds.
pub fn percentile(sorted: &[u32], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (part * last as f64).round() as usize;
    sorted.get(index).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
}

/// An answer that is being read.
struct Answer {
    buffer: Vec<u8>,
    filled: usize,
    /// Length of the last whole answer: the next is most likely as long.
    usual: usize,
}

impl Answer {
    fn new() -> Self {
        Self { buffer: vec![0; 16 * 1024], filled: 0, usual: 0 }
    }

    fn room(&mut self) -> &mut [u8] {
        if self.filled == self.buffer.len() {
            self.buffer.resize(2 * self.filled, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// Whether it is whole with so many bytes more, and then whether it is a 200.
    fn add(&mut self, bytes: usize) -> Option<bool> {
        self.filled += bytes;
        let so_far = &self.buffer[..self.filled];
        if self.filled != self.usual && Self::length(so_far)? > self.filled {
            return None;
        }
        let taken = so_far.starts_with(b"HTTP/1.1 200");
        self.usual = if taken { self.filled } else { 0 };
        self.filled = 0;
        Some(taken)
    }

    fn length(answer: &[u8]) -> Option<usize> {
        let head = requests::find(answer, b"\r\n\r\n")? + 4;
        let text = std::str::from_utf8(&answer[..head]).ok()?;
        let length = |line: &str| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        };
        Some(head + text.lines().find_map(length).unwrap_or(0))
    }
}
