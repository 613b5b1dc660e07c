//! Receiving apps, as a process of its own: HTTP/1.1 that reads bodies, notes when each message came, and answers 200.

mod http;

use serde_json::{Value, json};

use crate::helper::Helper;

/// The process of the receiving apps.
pub struct Receivers(Helper);

/// What an app has received since it was told what to look for.
#[derive(Debug, Clone, Copy)]
pub struct Received {
    /// Different messages.
    pub distinct: usize,
    /// Messages, those that came again among them.
    pub events: usize,
    /// Requests.
    pub posts: usize,
    /// When the first came, microseconds of the wall clock.
    pub first: u64,
    /// When the last came that had not come before.
    pub last: u64,
}

impl Received {
    /// Different messages a second, from the first to the last.
    pub fn rate(&self) -> f64 {
        self.distinct as f64 / self.seconds()
    }

    fn seconds(&self) -> f64 {
        (self.last.saturating_sub(self.first) as f64 / 1e6).max(1e-3)
    }

    /// In words.
    pub fn tell(&self) -> String {
        let Self { distinct, events, posts, .. } = self;
        format!("received {distinct} at {:.0} a second in {posts} requests, {} of them again", self.rate(), events - distinct)
    }
}

impl Receivers {
    /// Starts it.
    pub fn start() -> Self {
        Self(Helper::start("as-receivers"))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Another app, which takes so long to answer. Its port.
    pub async fn add(&mut self, think_ms: u64) -> u16 {
        let port = self.0.ask(&json!({"add": think_ms})).await;
        port.as_u64().and_then(|port| port.try_into().ok()).expect("a port")
    }

    /// Forget everything, and look for so many messages of this run.
    pub async fn watch(&mut self, run: &str, count: usize) {
        self.0.ask(&json!({"watch": run, "count": count})).await;
    }

    /// Hang up and refuse, or take calls again, on the app with this port.
    pub async fn open(&mut self, port: u16, open: bool) {
        self.0.ask(&json!({"open": open, "port": port})).await;
    }

    /// What this app has received.
    pub async fn received(&mut self, port: u16) -> Received {
        let told = self.0.ask(&json!({"received": port})).await;
        let number = |name: &str| told[name].as_u64().expect("a number");
        let size = |name: &str| usize::try_from(number(name)).expect("a size");
        Received { distinct: size("distinct"), events: size("events"), posts: size("posts"), first: number("first"), last: number("last") }
    }

    /// Milliseconds between sending and receiving, sorted; `times` is what the load has written, for requests with so many events each.
    pub async fn latencies(&mut self, port: u16, times: &str, each: usize) -> Vec<u32> {
        let told = self.0.ask(&json!({"latencies": port, "times": times, "each": each})).await;
        serde_json::from_value(told).expect("times")
    }

    /// Waits until an app has received so many different messages; fails when none has come for a minute.
    pub async fn complete(&mut self, port: u16, count: usize) -> Received {
        let (mut before, mut since) = (0, std::time::Instant::now());
        loop {
            let received = self.received(port).await;
            if received.distinct >= count {
                return received;
            }
            if received.distinct > before {
                (before, since) = (received.distinct, std::time::Instant::now());
            }
            assert!(since.elapsed().as_secs() < 60, "only {} of {count} messages have come", received.distinct);
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

/// That process.
pub fn main() {
    let (questions, asked) = tokio::sync::mpsc::unbounded_channel();
    // The event loop must not wait for lines.
    std::thread::spawn(move || {
        crate::helper::serve(|question: Value| {
            let (answer, answered) = tokio::sync::oneshot::channel();
            questions.send((question, answer)).expect("the apps run");
            answered.blocking_recv().expect("an answer")
        });
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, http::run(asked));
}
