//! A lane is the queue of one conversation's webhooks to one app: never more than one POST in flight in it, while lanes run side by side.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};

use super::event;
use super::signature::{escaped, signatures};
use crate::journal::Attempt;
use crate::platform::{Platform, lock};
use crate::settings;
use crate::world::{Delivery, ThreadKey};

/// POSTs in flight at most, to all apps together.
const IN_FLIGHT: usize = 512;
/// How long a webhook that is to come second waits for one to come first.
const SWAP_PATIENCE: Duration = Duration::from_millis(400);

type LaneKey = (String, ThreadKey);

struct Queued {
    body: Value,
    delay: Duration,
    swap: bool,
}

/// All lanes.
pub struct Lanes {
    http: reqwest::Client,
    settings: settings::Delivery,
    runtime: Handle,
    permits: Arc<Semaphore>,
    arrived: Notify,
    queues: Mutex<HashMap<LaneKey, VecDeque<Queued>>>,
    /// Webhooks that have left their lane and are still to be taken.
    astray: AtomicUsize,
}

/// How an attempt ended.
enum Outcome {
    Taken,
    Failed {
        status: Option<u16>,
        error: Option<String>,
    },
    /// The app has no callback now: the webhook is dropped, as the platform has nowhere to keep it.
    NoCallback,
}

impl Lanes {
    /// No lanes yet; they will run on the present tokio runtime.
    pub fn new(settings: settings::Delivery) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_millis(settings.webhook_timeout_ms))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            settings,
            runtime: Handle::current(),
            permits: Arc::new(Semaphore::new(IN_FLIGHT)),
            arrived: Notify::new(),
            queues: Mutex::default(),
            astray: AtomicUsize::new(0),
        })
    }

    /// The client that webhooks are sent with, for handshakes.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Webhooks not yet taken.
    pub fn pending(&self) -> usize {
        let in_lanes: usize = lock(&self.queues).values().map(VecDeque::len).sum();
        in_lanes + self.astray.load(Ordering::SeqCst)
    }

    /// Puts a webhook at the end of its lane, unless a fault has something else in mind for it.
    pub fn enqueue(&self, platform: &Arc<Platform>, delivery: Delivery) {
        let Delivery { app_id, key, mut body } = delivery;
        let trouble = platform.faults.for_webhook(&app_id, event::name(&body));
        if trouble.lost {
            return;
        }
        event::retime(&mut body, trouble.form, trouble.shift_ms);
        let key = (app_id, key);
        match trouble.again_ms {
            Some(0) => self.append(platform, &key, Queued { body: body.clone(), delay: Duration::ZERO, swap: false }),
            Some(late) => self.stray(platform, &key, body.clone(), late),
            None => {}
        }
        match trouble.straggle_ms {
            Some(late) => self.stray(platform, &key, body, late),
            None => self.append(platform, &key, Queued { body, delay: Duration::from_millis(trouble.delay_ms), swap: trouble.swap }),
        }
    }

    fn append(&self, platform: &Arc<Platform>, key: &LaneKey, queued: Queued) {
        let mut queues = lock(&self.queues);
        let is_new = !queues.contains_key(key);
        queues.entry(key.clone()).or_default().push_back(queued);
        drop(queues);
        self.arrived.notify_waiters();
        if is_new {
            self.runtime.spawn(run(platform.clone(), key.clone()));
        }
    }

    /// Brings a webhook late, beside its lane.
    fn stray(&self, platform: &Arc<Platform>, key: &LaneKey, body: Value, late_ms: u64) {
        self.astray.fetch_add(1, Ordering::SeqCst);
        let (platform, key) = (platform.clone(), key.clone());
        self.runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(late_ms)).await;
            if !deliver(&platform, &key, &body).await {
                unsubscribe(&platform, &key);
            }
            platform.lanes().astray.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// The webhook at the head of the lane, or `None`, and the lane is gone.
    fn head(&self, key: &LaneKey) -> Option<(Value, Duration, bool)> {
        let mut queues = lock(&self.queues);
        let queue = queues.get_mut(key)?;
        let Some(first) = queue.front() else {
            queues.remove(key);
            return None;
        };
        let waits = first.swap && queue.len() == 1;
        if first.swap && queue.len() > 1 {
            queue.swap(0, 1);
            if let Some(second) = queue.get_mut(1) {
                second.swap = false;
            }
        }
        queue.front().map(|first| (first.body.clone(), first.delay, waits))
    }

    fn done(&self, key: &LaneKey) {
        if let Some(queue) = lock(&self.queues).get_mut(key) {
            queue.pop_front();
        }
    }

    fn give_up_waiting(&self, key: &LaneKey) {
        if let Some(first) = lock(&self.queues).get_mut(key).and_then(VecDeque::front_mut) {
            first.swap = false;
        }
    }

    fn abandon(&self, key: &LaneKey) {
        if let Some(queue) = lock(&self.queues).get_mut(key) {
            queue.clear();
        }
    }
}

/// Works a lane off until it is empty.
async fn run(platform: Arc<Platform>, key: LaneKey) {
    while let Some((body, delay, waits)) = platform.lanes().head(&key) {
        if waits {
            await_second(&platform, &key).await;
            continue;
        }
        tokio::time::sleep(delay).await;
        if deliver(&platform, &key, &body).await {
            platform.lanes().done(&key);
        } else {
            unsubscribe(&platform, &key);
        }
    }
}

/// Waits for a webhook that may overtake the head of the lane.
async fn await_second(platform: &Platform, key: &LaneKey) {
    let deadline = tokio::time::Instant::now() + SWAP_PATIENCE;
    loop {
        let arrived = platform.lanes().arrived.notified();
        let second = lock(&platform.lanes().queues).get(key).is_none_or(|queue| queue.len() > 1);
        if second {
            return;
        }
        if tokio::time::timeout_at(deadline, arrived).await.is_err() {
            return platform.lanes().give_up_waiting(key);
        }
    }
}

/// Repeats a webhook until it is taken; `false` after failing for too long.
async fn deliver(platform: &Platform, key: &LaneKey, body: &Value) -> bool {
    let lanes = platform.lanes();
    let begun = Instant::now();
    let bytes = escaped(body);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let at = platform.clock.now_ms();
        let started = Instant::now();
        let outcome = attempt(platform, &key.0, bytes.clone()).await;
        let (status, error) = match outcome {
            Outcome::NoCallback => return true,
            Outcome::Taken => (Some(200), None),
            Outcome::Failed { status, error } => (status, error),
        };
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (page_id, psid) = (key.1.account.clone(), key.1.psid.clone());
        let taken = status == Some(200);
        platform.journal.attempt(Attempt {
            app_id: key.0.clone(),
            page_id,
            psid,
            attempt: attempts,
            status,
            error,
            body: body.clone(),
            at,
            took_ms,
        });
        if taken {
            return true;
        }
        if begun.elapsed() >= Duration::from_millis(lanes.settings.give_up_after_ms) {
            return false;
        }
        tokio::time::sleep(lanes.settings.backoff(attempts)).await;
    }
}

async fn attempt(platform: &Platform, app_id: &str, body: String) -> Outcome {
    let target = platform.look(|world, _| {
        let app = world.apps.get(app_id)?;
        Some((app.callback_url.clone()?, app.secret.clone()))
    });
    let Some((url, secret)) = target else { return Outcome::NoCallback };
    let Ok(_permit) = platform.lanes().permits.acquire().await else { return Outcome::NoCallback };
    let (sha1, sha256) = signatures(&secret, body.as_bytes());
    let sent = platform
        .lanes()
        .http
        .post(url)
        .header("Content-Type", "application/json")
        .header("User-Agent", "facebookexternalua")
        .header("X-Hub-Signature", sha1)
        .header("X-Hub-Signature-256", sha256)
        .body(body)
        .send()
        .await;
    match sent {
        Ok(answer) if answer.status() == 200 => Outcome::Taken,
        Ok(answer) => Outcome::Failed { status: Some(answer.status().as_u16()), error: None },
        Err(error) => Outcome::Failed { status: None, error: Some(reason(&error)) },
    }
}

fn reason(error: &reqwest::Error) -> String {
    match (error.is_timeout(), error.is_connect()) {
        (true, _) => "timed out".to_owned(),
        (_, true) => "could not connect".to_owned(),
        _ => "connection broke".to_owned(),
    }
}

/// "Webhooks Disabled": after an hour of failing, the platform unsubscribes the app from the Page.
fn unsubscribe(platform: &Arc<Platform>, key: &LaneKey) {
    tracing::warn!(app_id = %key.0, page_id = %key.1.account, "webhooks failed for too long: the app is unsubscribed from the Page");
    platform.lanes().abandon(key);
    platform.change(|world, _| {
        let connection = world.accounts.get_mut(&key.1.account).and_then(|account| account.connections.get_mut(&key.0));
        if let Some(connection) = connection {
            connection.fields.clear();
        }
    });
}
