//! The task that writes progress: one place, so that what is older is never written after what is newer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::progress::{self, Unwritten};
use crate::store::Store;
use crate::store::delivery::SubscriptionKey;

/// How many requests may wait.
const WAITING: usize = 1024;
/// How often a last write is tried before the lease is given back without it: then some events come again.
const LAST_TRIES: u32 = 3;

/// What the writer is asked.
#[derive(Debug)]
enum Request {
    Add(SubscriptionKey, Arc<Unwritten>),
    Finish(SubscriptionKey, oneshot::Sender<()>),
}

/// The way to the writer. It stops when the last of these is dropped.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    requests: mpsc::Sender<Request>,
}

impl Writer {
    /// Starts one.
    pub fn start(store: Store, pace: Duration) -> (Self, tokio::task::JoinHandle<()>) {
        let (requests, receiver) = mpsc::channel(WAITING);
        let task = tokio::spawn(write_all(store, pace, receiver));
        (Self { requests }, task)
    }

    /// Writes this subscription's progress from now on.
    pub async fn add(&self, key: SubscriptionKey, unwritten: Arc<Unwritten>) {
        // A writer that is gone has been told to stop, and so has everything else.
        let _ = self.requests.send(Request::Add(key, unwritten)).await;
    }

    /// Writes it for the last time, and returns once that is done.
    pub async fn finish(&self, key: SubscriptionKey) {
        let (done, is_done) = oneshot::channel();
        if self.requests.send(Request::Finish(key, done)).await.is_ok() {
            let _ = is_done.await;
        }
    }
}

async fn write_all(store: Store, pace: Duration, mut requests: mpsc::Receiver<Request>) {
    let mut all: HashMap<SubscriptionKey, Arc<Unwritten>> = HashMap::new();
    let mut tick = tokio::time::interval(pace);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                None => return,
                Some(Request::Add(key, unwritten)) => { all.insert(key, unwritten); }
                Some(Request::Finish(key, done)) => {
                    if let Some(last) = all.remove(&key) {
                        finish(&store, pace, &last).await;
                    }
                    let _ = done.send(());
                }
            },
            _ = tick.tick() => {
                let all: Vec<_> = all.values().cloned().collect();
                if let Err(error) = progress::flush(&store, &all).await {
                    tracing::warn!(%error, "cannot write cursors; kept for the next time");
                }
            }
        }
    }
}

async fn finish(store: &Store, pace: Duration, last: &Arc<Unwritten>) {
    for _ in 0..LAST_TRIES {
        match progress::flush(store, std::slice::from_ref(last)).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "cannot write a last cursor"),
        }
        tokio::time::sleep(pace).await;
    }
}
