//! What the log, the outbox, the platform and the apps say afterwards, compared with each other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use super::{App, Delivery, PAGE, Running};

/// A row of the log.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    position: i64,
    #[sqlx(rename = "person_id")]
    person: Option<String>,
    kind: String,
    field: String,
    mid: Option<String>,
    audience: Value,
    epoch: i64,
    payload: Value,
}

/// A row of the outbox.
#[derive(Debug, sqlx::FromRow)]
struct Sent {
    #[sqlx(rename = "send_id")]
    id: i64,
    #[sqlx(rename = "person_id")]
    person: String,
    #[sqlx(rename = "app_id")]
    app: String,
    state: String,
    epoch: i64,
    token: String,
    mid: Option<String>,
}

/// Everything there is, read at one moment.
pub struct Evidence {
    log: Vec<Row>,
    head: i64,
    outbox: Vec<Sent>,
    owners: Vec<(String, Option<String>, i64)>,
    sends: Vec<Value>,
    attempts: Vec<Value>,
}

/// An event as an app must have heard it: its position and its channel.
type Due = (i64, &'static str);

impl Evidence {
    /// Reads it.
    pub async fn of(running: &Running) -> Self {
        let pool = &running.database.pool;
        let log = sqlx::query_as(
            "select position, person_id, kind, field, mid, audience::jsonb, epoch, payload::jsonb from log where page_id = $1 order by position",
        )
        .bind(PAGE)
        .fetch_all(pool)
        .await
        .expect("the log");
        let head =
            sqlx::query_scalar("select last_position from pages where page_id = $1").bind(PAGE).fetch_one(pool).await.expect("the head");
        let outbox = sqlx::query_as("select * from outbox where page_id = $1 order by send_id")
            .bind(PAGE)
            .fetch_all(pool)
            .await
            .expect("the outbox");
        let owners = sqlx::query_as("select person_id, owner, epoch from conversations where page_id = $1")
            .bind(PAGE)
            .fetch_all(pool)
            .await
            .expect("the conversations");
        let journal = running.sandbox.journal().await;
        let list = |name: &str| journal[name].as_array().expect("a list").clone();
        Self { log, head, outbox, owners, sends: list("sends"), attempts: list("webhooks") }
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.log.len()
    }

    /// Positions are consecutive from 1 to the head.
    pub fn positions_are_consecutive(&self) {
        let positions: Vec<i64> = self.log.iter().map(|row| row.position).collect();
        assert_eq!(positions, (1..=self.head).collect::<Vec<_>>());
    }

    /// Every event for which the platform got its 200 is in the log exactly once. How many.
    pub fn acknowledged_events_are_stored_once(&self) -> usize {
        let mut stored: HashMap<(&str, &str), u32> = HashMap::new();
        for row in &self.log {
            match (row.kind.as_str(), &row.mid) {
                ("delivery", _) => *stored.entry(("delivery", text(&row.payload["delivery"]["mids"][0]))).or_default() += 1,
                (kind, Some(mid)) => *stored.entry((kind, mid)).or_default() += 1,
                _ => {}
            }
        }
        let acknowledged: HashSet<(&str, &str)> =
            self.attempts.iter().filter(|attempt| attempt["status"] == 200).map(|attempt| identity(item(&attempt["body"]))).collect();
        for event in &acknowledged {
            assert_eq!(stored.get(event), Some(&1), "{event:?} was acknowledged");
        }
        acknowledged.len()
    }

    /// Shown as sent is on the platform, under this id, once; shown as anything else is not there. In each conversation first accepted is
    /// first sent. How many were sent.
    pub fn sends_are_honest(&self) -> usize {
        let mut there: HashMap<&str, Vec<&Value>> = HashMap::new();
        for send in &self.sends {
            there.entry(text(&send["metadata"])).or_default().push(send);
        }
        for sent in &self.outbox {
            let found: Vec<&str> = there.remove(sent.token.as_str()).unwrap_or_default().iter().map(|send| text(&send["mid"])).collect();
            match sent.state.as_str() {
                "sent" => assert_eq!(found, [sent.mid.as_deref().unwrap_or_default()], "{sent:?}"),
                "unknown" | "failed" | "superseded" => assert!(found.is_empty(), "{sent:?} is on the platform: {found:?}"),
                _ => panic!("{sent:?} is not finished"),
            }
        }
        assert!(there.is_empty(), "on the platform, but not in the outbox: {there:?}");
        let order: HashMap<&str, i64> = self.outbox.iter().map(|sent| (sent.token.as_str(), sent.id)).collect();
        let mut last: HashMap<&str, i64> = HashMap::new();
        for send in &self.sends {
            let (person, id) = (text(&send["psid"]), order[text(&send["metadata"])]);
            let before = last.insert(person, id).unwrap_or_default();
            assert!(before < id, "send {id} to {person} overtook send {before}");
        }
        self.sends.len()
    }

    /// How many sends are in this state.
    pub fn sends_in(&self, state: &str) -> usize {
        self.outbox.iter().filter(|sent| sent.state == state).count()
    }

    /// The id on the platform of every message that Baton has sent.
    pub fn sent_mids(&self) -> HashSet<&str> {
        self.sends.iter().map(|send| text(&send["mid"])).collect()
    }

    /// How many attempts at webhooks found nobody, or no 200.
    pub fn refused_webhooks(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt["status"] != 200).count()
    }

    /// How long the platform waited for each answer other than 200, the shortest first.
    pub fn waits_for_refusals(&self) -> Vec<Duration> {
        let refusals = self.attempts.iter().filter(|attempt| attempt["status"].as_u64().is_some_and(|status| status != 200));
        let mut waits: Vec<Duration> = refusals.filter_map(|attempt| attempt["took_ms"].as_u64()).map(Duration::from_millis).collect();
        waits.sort_unstable();
        waits
    }

    /// By the log each conversation has one owner at a time: every change begins with the owner that the one before it left, one epoch
    /// later; whoever sent owned the conversation in the epoch of the send; and what the log ends with is the present state. How many
    /// changes of owner there were.
    pub fn one_owner_at_a_time(&self) -> usize {
        let mut holders: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
        let mut epochs: HashMap<&str, i64> = HashMap::new();
        for row in &self.log {
            let Some(person) = row.person.as_deref() else { continue };
            let latest = epochs.entry(person).or_default();
            assert!(row.epoch >= *latest, "the epoch falls: {row:?}");
            *latest = row.epoch;
            if row.kind == "control" {
                follow(holders.entry(person).or_insert_with(|| vec![None]), row);
            }
        }
        for sent in &self.outbox {
            let holder = usize::try_from(sent.epoch).ok().and_then(|epoch| holders[sent.person.as_str()].get(epoch).copied());
            assert_eq!(holder, Some(Some(sent.app.as_str())), "{sent:?} was accepted from somebody else");
        }
        for (person, owner, epoch) in &self.owners {
            let of_log = holders.get(person.as_str()).map_or((None, 0), |all| (all.last().copied().flatten(), all.len() - 1));
            assert_eq!((owner.as_deref(), usize::try_from(*epoch).ok()), (of_log.0, Some(of_log.1)), "the state of {person}");
        }
        holders.values().map(|all| all.len() - 1).sum()
    }

    /// What an app has not heard yet of what it must hear: app, person and position.
    pub fn missing(&self, app: &App, fields: &str) -> Vec<String> {
        let heard: HashSet<String> = app.receiver.deliveries().into_iter().map(|delivery| delivery.id).collect();
        let due = self.due(app, fields);
        let all = due.iter().flat_map(|(person, due)| due.iter().map(move |(position, _)| (person, *position)));
        all.filter(|(_, position)| !heard.contains(&id(*position)))
            .map(|(person, position)| format!("{}: {person} {position}", app.id))
            .collect()
    }

    /// An app has heard each conversation in the order of the log, on the right channel, without a gap; what came again came unchanged;
    /// everything was signed. How many events, and how many came again.
    pub fn heard_in_order(&self, app: &App, fields: &str) -> (usize, usize) {
        let deliveries = app.receiver.deliveries();
        let mut first: HashMap<&str, &Delivery> = HashMap::new();
        let mut heard: BTreeMap<String, Vec<Due>> = BTreeMap::new();
        let mut again = 0;
        for delivery in &deliveries {
            assert!(delivery.is_signed_with(&app.secret), "{delivery:?}");
            if let Some(before) = first.get(delivery.id.as_str()) {
                assert_eq!(before.body, delivery.body, "came again, but changed");
                again += 1;
                continue;
            }
            first.insert(&delivery.id, delivery);
            let position = delivery.id.rsplit('_').next().and_then(|position| position.parse().ok()).expect("a position");
            assert_eq!(delivery.id, id(position));
            heard.entry(delivery.psid().expect("a person").to_owned()).or_default().push((position, delivery.channel()));
        }
        let due = self.due(app, fields);
        for (person, due) in &due {
            assert_eq!(heard.get(person), Some(due), "what {} heard of {person}", app.id);
        }
        assert_eq!(heard.len(), due.len(), "nothing else was heard");
        (first.len(), again)
    }

    /// What an app that hears these fields must hear, by person.
    fn due(&self, app: &App, fields: &str) -> BTreeMap<String, Vec<Due>> {
        let fields: HashSet<&str> = fields.split(',').collect();
        let mut due: BTreeMap<String, Vec<Due>> = BTreeMap::new();
        // The platform's own handovers are between Baton's platform app and its neighbours; apps are told of Baton's.
        let between_neighbours = |row: &Row| row.kind.ends_with("_thread_control");
        for row in self.log.iter().filter(|row| fields.contains(row.field.as_str()) && !between_neighbours(row)) {
            let (Some(person), Some(channel)) = (&row.person, channel(&row.audience, &app.id)) else { continue };
            due.entry(person.clone()).or_default().push((row.position, channel));
        }
        due
    }
}

/// The channel on which an app hears a row with this audience.
fn channel(audience: &Value, app: &str) -> Option<&'static str> {
    if let Some(owner) = audience["owner"].as_str() {
        return Some(if owner == app { "messaging" } else { "standby" });
    }
    if let Some(told) = audience["told"].as_array() {
        return told.iter().any(|one| one == app).then_some("messaging");
    }
    match text(audience) {
        "everyone" => Some("messaging"),
        "external" => Some("standby"),
        _ => None,
    }
}

/// Applies a change of control to the owners so far, one an epoch.
fn follow<'a>(holders: &mut Vec<Option<&'a str>>, row: &'a Row) {
    let after = &row.payload["after"];
    let owner = after["owner"]["app"].as_str();
    let epoch = usize::try_from(after["epoch"].as_i64().expect("an epoch")).expect("not negative");
    let before = holders.last().copied().flatten();
    if epoch == holders.len() - 1 {
        assert_eq!(owner, before, "the owner changed within an epoch: {row:?}");
    } else {
        assert_eq!(epoch, holders.len(), "an epoch is missing: {row:?}");
        assert_eq!(row.payload["previous_owner"].as_str(), before, "taken from somebody who did not own it: {row:?}");
        holders.push(owner);
    }
}

/// The only item of a webhook of the sandbox.
fn item(body: &Value) -> &Value {
    let entry = &body["entry"][0];
    if entry["standby"].is_array() { &entry["standby"][0] } else { &entry["messaging"][0] }
}

/// What an event is known by: its kind, and the message it is or is about.
fn identity(item: &Value) -> (&'static str, &str) {
    if let Some(mid) = item["delivery"]["mids"][0].as_str() {
        return ("delivery", mid);
    }
    let kind = if item["message"]["is_echo"] == true { "echo" } else { "message" };
    (kind, item["message"]["mid"].as_str().unwrap_or_else(|| panic!("an event of another kind: {item}")))
}

fn id(position: i64) -> String {
    format!("evt_{PAGE}_{position}")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
