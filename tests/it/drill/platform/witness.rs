//! What the platform says it did and was answered, held against what Baton has kept.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::running::{PAGE, Running};

/// How long something may take to be seen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The platform's own record. It keeps the newest only, so it is read every now and then.
#[derive(Default)]
pub struct Witness {
    /// Messages that the platform took.
    pub sends: Vec<Value>,
    /// Calls of the Graph API.
    pub calls: Vec<Value>,
    /// Attempts at webhooks.
    pub attempts: Vec<Value>,
    /// How often each kind of fault struck.
    pub struck: BTreeMap<String, u64>,
}

/// What an event is known by: its kind, and the platform's id of the message it is or is about; the whole event where it has none.
type Identity = (&'static str, String);

impl Witness {
    /// Reads on.
    pub async fn look(&mut self, running: &Running) {
        let after = |list: &[Value]| list.last().map_or(0, |entry| entry["n"].as_u64().expect("a number"));
        let (sends, calls, attempts) = (after(&self.sends), after(&self.calls), after(&self.attempts));
        let path = format!("/sandbox/log?sends_after={sends}&calls_after={calls}&webhooks_after={attempts}");
        let told = running.sandbox.get(&path).await;
        for (list, name) in [(&mut self.sends, "sends"), (&mut self.calls, "calls"), (&mut self.attempts, "webhooks")] {
            list.extend(told[name].as_array().expect("a list").iter().cloned());
            let read = list.last().map_or(Some(0), |newest| newest["n"].as_u64());
            assert_eq!(read, u64::try_from(list.len()).ok(), "the journal of {name} was read in time");
        }
    }

    /// Reads on until it has seen what it looks for.
    pub async fn sees(&mut self, running: &Running, what: &str, is_there: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_there(self) {
            assert!(Instant::now() < deadline, "never happened: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.look(running).await;
        }
    }

    /// Notes how often faults have struck.
    pub fn note(&mut self, faults: &[Value]) {
        for fault in faults {
            *self.struck.entry(text(&fault["kind"]).to_owned()).or_default() += fault["fired"].as_u64().expect("a number");
        }
    }

    /// Calls of this edge so far.
    pub fn calls_of(&self, edge: &str) -> usize {
        self.calls.iter().filter(|call| text(&call["path"]).ends_with(edge)).count()
    }

    /// How many messages with exactly this text the platform took, and the id of the first.
    pub fn taken(&self, words: &str) -> (usize, Option<&str>) {
        let mut found = self.sends.iter().filter(|send| send["text"] == words).map(|send| text(&send["mid"]));
        let first = found.next();
        (usize::from(first.is_some()) + found.count(), first)
    }

    /// Every event for which the platform got its 200 is in the log exactly once, and nothing else is. How many.
    pub async fn acknowledged_events_are_stored_once(&self, running: &Running) -> usize {
        let mut stored: HashMap<Identity, u32> = HashMap::new();
        let tried: HashSet<Identity> = self.attempts.iter().map(|attempt| identity(item(&attempt["body"]))).collect();
        let sent: HashSet<&str> = self.sends.iter().map(|send| text(&send["mid"])).collect();
        for (kind, mid, payload) in events(running).await {
            let known = match (kind.as_str(), mid) {
                ("message", Some(mid)) => ("message", mid),
                ("echo", Some(mid)) => ("echo", mid),
                _ => identity(&payload),
            };
            let happened = tried.contains(&known) || (known.0 == "echo" && sent.contains(known.1.as_str()));
            assert!(happened, "in the log, but not on the platform: {known:?}");
            *stored.entry(known).or_default() += 1;
        }
        for (event, count) in &stored {
            assert_eq!(*count, 1, "{event:?} is in the log");
        }
        let acknowledged = self.acknowledged();
        for event in &acknowledged {
            assert!(stored.contains_key(event), "{event:?} was acknowledged");
        }
        acknowledged.len()
    }

    /// What Baton shows of each send is true: sent was sent once, under this id; failed and superseded were not sent; unknown at most
    /// once, and only as long as its echo stays away. In a conversation first accepted is first sent. How many are unknown.
    pub async fn sends_are_honest(&self, running: &Running) -> usize {
        let acknowledged = self.acknowledged();
        let mut there: HashMap<&str, Vec<&str>> = HashMap::new();
        for send in &self.sends {
            there.entry(text(&send["metadata"])).or_default().push(text(&send["mid"]));
        }
        let outbox: Vec<(i64, String, String, Option<String>)> =
            sqlx::query_as("select send_id, state, token, mid from outbox where page_id = $1 order by send_id")
                .bind(PAGE)
                .fetch_all(&running.database.pool)
                .await
                .expect("the outbox");
        let mut unknown = 0;
        for (id, state, token, mid) in &outbox {
            let found = there.remove(token.as_str()).unwrap_or_default();
            match state.as_str() {
                "sent" => assert_eq!(found, [mid.as_deref().unwrap_or_default()], "send {id}"),
                "failed" | "superseded" => assert!(found.is_empty(), "send {id} is {state}, yet on the platform: {found:?}"),
                "unknown" => {
                    unknown += 1;
                    assert!(found.len() <= 1, "send {id} is on the platform more than once: {found:?}");
                    let told = found.iter().any(|mid| acknowledged.contains(&("echo", (*mid).to_owned())));
                    assert!(!told, "send {id} is shown as unknown although its echo has come");
                }
                _ => panic!("send {id} is still {state}"),
            }
        }
        assert!(there.is_empty(), "on the platform, but not in the outbox: {there:?}");
        self.in_order(&outbox.iter().map(|(id, _, token, _)| (token.as_str(), *id)).collect());
        unknown
    }

    fn in_order(&self, accepted: &HashMap<&str, i64>) {
        let mut last: HashMap<&str, i64> = HashMap::new();
        for send in &self.sends {
            let (person, id) = (text(&send["psid"]), accepted[text(&send["metadata"])]);
            let before = last.insert(person, id).unwrap_or_default();
            assert!(before < id, "send {id} to {person} overtook send {before}");
        }
    }

    fn acknowledged(&self) -> HashSet<Identity> {
        self.attempts.iter().filter(|attempt| attempt["status"] == 200).map(|attempt| identity(item(&attempt["body"]))).collect()
    }
}

/// The events of the platform in the log: kind, id of the message and the item.
async fn events(running: &Running) -> Vec<(String, Option<String>, Value)> {
    sqlx::query_as(
        "select kind, mid, payload::jsonb from log where page_id = $1 and kind not in ('control', 'send_failed', 'send_unknown')",
    )
    .bind(PAGE)
    .fetch_all(&running.database.pool)
    .await
    .expect("the log")
}

/// The only item of a webhook of the sandbox.
fn item(body: &Value) -> &Value {
    let entry = &body["entry"][0];
    if entry["standby"].is_array() { &entry["standby"][0] } else { &entry["messaging"][0] }
}

fn identity(item: &Value) -> Identity {
    if let Some(mid) = item["delivery"]["mids"][0].as_str() {
        return ("delivery", mid.to_owned());
    }
    match item["message"]["mid"].as_str() {
        Some(mid) if item["message"]["is_echo"] == true => ("echo", mid.to_owned()),
        Some(mid) => ("message", mid.to_owned()),
        None => ("event", in_order_of_keys(item)),
    }
}

/// The same object as the same text, in whichever order its keys came.
fn in_order_of_keys(value: &Value) -> String {
    let Some(object) = value.as_object() else { return value.to_string() };
    let keys: BTreeMap<&String, String> = object.iter().map(|(key, value)| (key, in_order_of_keys(value))).collect();
    format!("{keys:?}")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
