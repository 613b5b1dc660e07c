//! Faults on and off, and the journal.

use actix_web::web::{Data, Json, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::platform::Platform;

/// One fault or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum FaultList {
    /// `[{kind …}, …]`
    Many(Vec<Fault>),
    /// `{kind …}`
    One(Box<Fault>),
}

/// `POST /sandbox/faults`: switches faults on, beside those that are.
pub async fn add_faults(body: Json<FaultList>, platform: Data<Platform>) -> Json<Value> {
    platform.faults.add(match body.into_inner() {
        FaultList::Many(faults) => faults,
        FaultList::One(fault) => vec![*fault],
    });
    list(&platform)
}

/// `GET /sandbox/faults`
pub async fn list_faults(platform: Data<Platform>) -> Json<Value> {
    list(&platform)
}

/// `DELETE /sandbox/faults`: switches all of them off.
pub async fn clear_faults(platform: Data<Platform>) -> Json<Value> {
    platform.faults.clear();
    list(&platform)
}

fn list(platform: &Platform) -> Json<Value> {
    let faults = platform.faults.list().into_iter().map(|(fault, fired)| {
        let mut shown = json!(fault);
        shown["fired"] = json!(fired);
        shown
    });
    Json(json!({"faults": faults.collect::<Vec<Value>>()}))
}

/// Where a reader of the journal stopped.
#[derive(Deserialize)]
pub struct After {
    #[serde(default)]
    sends_after: u64,
    #[serde(default)]
    calls_after: u64,
    #[serde(default)]
    webhooks_after: u64,
}

/// `GET /sandbox/log?sends_after=&calls_after=&webhooks_after=` → accepted sends, Graph calls, webhook attempts, and how many webhooks are still
/// to be taken.
pub async fn log(query: Query<After>, platform: Data<Platform>) -> Json<Value> {
    Json(json!({
        "sends": platform.journal.sends_after(query.sends_after),
        "calls": platform.journal.calls_after(query.calls_after),
        "webhooks": platform.journal.attempts_after(query.webhooks_after),
        "pending": platform.pending_webhooks(),
    }))
}

/// `DELETE /sandbox/log`: forgets what was noted; the numbers go on.
pub async fn clear_log(platform: Data<Platform>) -> Json<Value> {
    platform.journal.clear();
    Json(json!({"ok": true}))
}
