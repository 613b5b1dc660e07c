//! The log explains everything: read from its first row, with the rules' own word for each step, it gives the state that is stored.

use std::collections::BTreeMap;

use baton::control::{Change, Command, Control, ControlEvent, Decision, Owner, PageRules, PlatformHandover, TransferOutcome, decide};
use baton::wire::{AppId, PageId, Timestamp};
use serde_json::Value;

use crate::harness::running::{PAGE, PLATFORM_APP, Running};

/// A row of the log that may have to do with control.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    position: i64,
    #[sqlx(rename = "person_id")]
    person: String,
    #[sqlx(rename = "at_ms")]
    at: i64,
    happened_at: i64,
    kind: String,
    #[sqlx(rename = "app_id")]
    app: Option<String>,
    epoch: i64,
    payload: Value,
}

impl Row {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }

    fn event(&self) -> Option<ControlEvent> {
        (self.kind == "control").then(|| serde_json::from_value(self.payload.clone()).expect("a control event"))
    }
}

/// Replays every conversation. How many rows of control there were.
pub async fn log_gives_the_stored_state(running: &Running) -> usize {
    let pool = &running.database.pool;
    let page = PageId::parse(PAGE).expect("an id");
    let rules = running.database.store.rules(&page).await.expect("the rules").expect("the Page").rules;
    // Both as of one moment: the clock goes on granting and ending things meanwhile.
    let mut moment = pool.begin_with("begin isolation level repeatable read read only").await.expect("a transaction");
    let rows: Vec<Row> = sqlx::query_as(
        "select position, person_id, (extract(epoch from at) * 1000)::bigint as at_ms, happened_at, kind, app_id, epoch, payload::jsonb
         from log where page_id = $1 and person_id is not null order by position",
    )
    .bind(PAGE)
    .fetch_all(&mut *moment)
    .await
    .expect("the log");
    let stored: Vec<(String, Value)> = sqlx::query_as("select person_id, control::jsonb from conversations where page_id = $1")
        .bind(PAGE)
        .fetch_all(&mut *moment)
        .await
        .expect("the conversations");
    drop(moment);
    let mut by_person: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        by_person.entry(&row.person).or_default().push(row);
    }
    for (person, control) in stored {
        let rows = by_person.remove(person.as_str()).unwrap_or_default();
        epochs_grow_by_one(&rows);
        let control: Control = serde_json::from_value(control).expect("a state");
        assert_eq!(replay(&rules, &rows), control, "the state of {person}");
    }
    rows.iter().filter(|row| row.kind == "control").count()
}

/// One owner at a time, and each new one has the next epoch.
fn epochs_grow_by_one(rows: &[&Row]) {
    let mut before = Control::default();
    for row in rows {
        if let Some(event) = row.event() {
            let changed = !before.owner.is_same_holder(&event.after.owner);
            assert_eq!(event.after.epoch.0, before.epoch.0 + u64::from(changed), "{row:?} after {before:?}");
            before = event.after;
        }
        assert_eq!(u64::try_from(row.epoch).expect("not negative"), before.epoch.0, "{row:?} after {before:?}");
    }
}

/// Decides each command again that the rows tell of.
fn replay(rules: &PageRules, rows: &[&Row]) -> Control {
    let mut control = Control::default();
    let mut next = 0;
    while next < rows.len() {
        let (taken, decided) = step(rules, &control, &rows[next..]);
        control = decided;
        next += taken;
    }
    control
}

/// The next command: how many rows it wrote, and the state afterwards.
fn step(rules: &PageRules, control: &Control, rows: &[&Row]) -> (usize, Control) {
    let events: Vec<ControlEvent> = rows.iter().map_while(|row| row.event()).collect();
    let now = rows[0].now();
    // Whatever the platform told came after the events that it brought about, in the same transaction.
    if let Some(told) = rows.get(events.len()).filter(|told| told.at == rows[0].at) {
        for command in told_by_platform(told) {
            if let Ok(decision) = decide(control, rules, &command, now)
                && decision.events == events
            {
                return (events.len() + 1, decision.control);
            }
        }
    }
    for count in (1..=events.len()).rev() {
        let wrote = |decision: &Decision| decision.events == events[..count];
        let commands = events[..count].iter().flat_map(|event| commands(control, event, now)).chain([Command::Tick]);
        if let Some(decision) = commands.filter_map(|command| decide(control, rules, &command, now).ok()).find(wrote) {
            return (count, decision.control);
        }
    }
    assert!(events.is_empty(), "no command explains position {} from {control:?}: {:?}", rows[0].position, &rows[..events.len()]);
    (1, control.clone())
}

/// What a row of the platform may have asked of the rules. The log does not keep on which channel it came.
fn told_by_platform(row: &Row) -> Vec<Command> {
    let at = Timestamp::from_millis(row.happened_at);
    let app = |value: &Value| value.as_str().and_then(|id| AppId::parse(id).ok());
    let standby = row.payload["message"]["text"] == "on standby";
    match row.kind.as_str() {
        "message" if standby => vec![Command::PlatformStandby { at }],
        "message" => vec![Command::PersonActs { message: true, at }],
        "echo" => match row.app.as_deref().and_then(|id| AppId::parse(id).ok()) {
            Some(app) if row.payload["message"]["text"] == "outside" => vec![Command::ForeignEcho { app: Some(app), at }],
            _ => Vec::new(),
        },
        "pass_thread_control" | "take_thread_control" => {
            let body = &row.payload[row.kind.as_str()];
            let metadata = body["metadata"].as_str().and_then(|text| baton::wire::Metadata::parse(text).ok());
            let event = if body["new_owner_app_id"] == PLATFORM_APP {
                PlatformHandover::ToUs { previous: app(&body["previous_owner_app_id"]), metadata }
            } else {
                PlatformHandover::ToExternal { app: app(&body["new_owner_app_id"]), metadata }
            };
            vec![Command::PlatformHandover { event, at }]
        }
        _ => Vec::new(),
    }
}

/// The commands that an event may come from.
fn commands(before: &Control, event: &ControlEvent, now: Timestamp) -> Vec<Command> {
    let metadata = event.metadata.clone();
    let mut commands = Vec::new();
    if let Some(transfer) = &before.transfer {
        let begun_at = transfer.begun_at;
        let outcomes = [TransferOutcome::Done, TransferOutcome::Refused { why: event.refusal.clone() }];
        commands.extend(outcomes.map(|outcome| Command::TransferDone { begun_at, outcome }));
    }
    for (app, holds) in [(None, false), (None, true), (event.new_owner.clone(), true)] {
        // The platform was asked a moment before, and a change counts from then.
        for at in [now, event.after.changed_at] {
            commands.push(Command::ExternalOwner { app: app.clone(), holds, at });
        }
    }
    let Some(app) = event.by.clone() else { return commands };
    if event.change == Change::Passed {
        // Granted at once, where it is not an app that passed what nobody held to itself.
        commands.push(Command::Request { app: app.clone(), metadata: metadata.clone() });
    }
    commands.push(match event.change {
        Change::Assigned => Command::Send { app, action: false, epoch: None },
        Change::Passed => Command::Pass { app, target: event.new_owner.clone(), metadata },
        Change::Taken => Command::Take { app, metadata },
        Change::Requested => Command::Request { app, metadata },
        Change::Declined => Command::Decline { app, requester: event.requester.clone().expect("whose request") },
        Change::Released => Command::Release { app, metadata },
        Change::Extended => Command::Extend { app, duration_ms: lease_end(&event.after).since(now) },
        Change::TransferBegun => match event.after.transfer.as_ref().map(|transfer| &transfer.call) {
            Some(baton::control::TransferCall::Take) => Command::Take { app, metadata },
            _ => Command::Request { app, metadata },
        },
        _ => Command::Tick,
    });
    commands
}

fn lease_end(control: &Control) -> Timestamp {
    match &control.owner {
        Owner::App { until, .. } => *until,
        _ => control.changed_at,
    }
}

/// The log of a conversation, a line a row, for a history that nothing explains.
pub async fn log_of(running: &Running, person: &str) -> String {
    let lines: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', position, (extract(epoch from at) * 1000)::bigint, happened_at, kind, app_id, 'epoch', epoch, left(payload, 300))
         from log where page_id = $1 and person_id = $2 order by position",
    )
    .bind(PAGE)
    .bind(person)
    .fetch_all(&running.database.pool)
    .await
    .expect("the log");
    lines.join("\n")
}
