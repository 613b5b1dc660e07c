//! Several calls in one: each answered as if it had come alone. Calls about the same person run in order, others side by side.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde_json::Value;

use super::GraphApi;
use super::call::{Call, Method};
use super::caller::Caller;
use super::path::Path;
use super::reply::{JSON, Reply};
use super::route;
use crate::control::Epoch;
use crate::wire::batch::{BatchAnswer, BatchCall, BatchItem, render_batch};
use crate::wire::params::MAX_VALUES;
use crate::wire::upstream::UpstreamFile;
use crate::wire::{GraphError, Params};

/// What the items of a batch have from the outer call.
struct Outer {
    token: Option<Value>,
    files: Vec<(String, UpstreamFile)>,
    idempotency_key: Option<String>,
    epoch: Option<Epoch>,
}

/// One item on its way: its place in the batch, and the call or why there is none.
struct Step {
    index: usize,
    item: Option<BatchItem>,
    call: Result<Call, GraphError>,
}

/// Answers a batch. A wrong outer token fails it as a whole; a wrong item fails alone.
pub(super) async fn answer(api: &GraphApi, call: Call) -> Result<Value, GraphError> {
    let Some(batch) = BatchCall::parse(&call.params)? else {
        return Err(GraphError::parameter("The parameter batch is required"));
    };
    let token = call.params.get("access_token").cloned();
    // Items may all bring their own tokens; then the outer call needs none.
    let brings_its_own = |item: &Result<BatchItem, GraphError>| {
        item.as_ref().is_ok_and(|item| item.params().is_ok_and(|params| params.get("access_token").is_some()))
    };
    if token.is_some() || batch.items.is_empty() || !batch.items.iter().all(brings_its_own) {
        Caller::of(api, &call.params).await?;
    }
    let mut outer = Outer { token, files: call.files, idempotency_key: call.idempotency_key, epoch: call.epoch };
    let count = batch.items.len();
    let mut left = MAX_VALUES;
    let steps = batch.items.into_iter().enumerate().map(|(index, item)| let_in(step(index, item, &mut outer), &mut left));
    let lanes = lanes(steps.collect());
    let done = join_all(lanes.into_iter().map(|lane| run(api, lane))).await;
    let mut answers: Vec<Option<BatchAnswer>> = vec![None; count];
    for (index, answer) in done.into_iter().flatten() {
        if let Some(place) = answers.get_mut(index) {
            *place = answer;
        }
    }
    Ok(render_batch(&answers, batch.include_headers))
}

/// Refuses an item when the batch holds more values than one request may: they are all read before the first is answered.
fn let_in(step: Step, left: &mut usize) -> Step {
    let Ok(call) = &step.call else { return step };
    match left.checked_sub(call.params.values()) {
        Some(rest) => {
            *left = rest;
            step
        }
        None => Step { call: Err(GraphError::parameter("The batch holds more values than one request may")), ..step },
    }
}

/// Turns an item into a call that inherits token, files and headers.
fn step(index: usize, item: Result<BatchItem, GraphError>, outer: &mut Outer) -> Step {
    let item = match item {
        Ok(item) => item,
        Err(error) => return Step { index, item: None, call: Err(error) },
    };
    let call = inner(index, &item, outer);
    Step { index, item: Some(item), call }
}

fn inner(index: usize, item: &BatchItem, outer: &mut Outer) -> Result<Call, GraphError> {
    let Path { version, place } = Path::read(&item.path)?;
    let mut params = item.params()?;
    if params.get("access_token").is_none()
        && let Some(token) = &outer.token
    {
        params.insert("access_token", token.clone());
    }
    let method = params.method().unwrap_or_else(|| item.method.clone());
    let method = Method::parse(&method).ok_or_else(|| super::call::unsupported("put", &item.path))?;
    // A file belongs to the first item that names it: copies of large files would cost more memory than was granted.
    let (files, left) = std::mem::take(&mut outer.files).into_iter().partition(|(name, _)| item.attached_files.contains(name));
    outer.files = left;
    // One key cannot stand for several sends.
    let idempotency_key = outer.idempotency_key.as_ref().map(|key| format!("{key}/{index}"));
    Ok(Call { method, place, version, params, files, idempotency_key, epoch: outer.epoch, body: None })
}

/// Sorts the items into lanes that run side by side: one a person; everything in one lane if an item depends on another.
fn lanes(steps: Vec<Step>) -> Vec<Vec<Step>> {
    let one_lane = steps.iter().any(|step| step.item.as_ref().is_some_and(|item| !item.depends_on.is_empty()));
    let mut lanes: Vec<Vec<Step>> = Vec::new();
    let mut of_person: HashMap<Option<String>, usize> = HashMap::new();
    for step in steps {
        let key = if one_lane { None } else { step.call.as_ref().ok().and_then(|call| person(&call.params)) };
        let lane = *of_person.entry(key).or_insert_with(|| {
            lanes.push(Vec::new());
            lanes.len() - 1
        });
        if let Some(lane) = lanes.get_mut(lane) {
            lane.push(step);
        }
    }
    lanes
}

/// Whom a call is about; calls about nobody share a lane.
fn person(params: &Params) -> Option<String> {
    params.bare_recipient().ok().map(|person| person.as_str().to_owned())
}

/// Runs a lane: one call after the other.
async fn run(api: &GraphApi, lane: Vec<Step>) -> Vec<(usize, Option<BatchAnswer>)> {
    let mut answers = Vec::with_capacity(lane.len());
    let mut succeeded: HashMap<String, bool> = HashMap::new();
    for Step { index, item, call } in lane {
        let dependencies = item.iter().flat_map(|item| &item.depends_on);
        let met = dependencies.into_iter().all(|name| succeeded.get(name) == Some(&true));
        let (result, version) = match call {
            _ if !met => (Err(GraphError::parameter("A batch item that this one depends on has failed or does not exist")), String::new()),
            Ok(call) => {
                let version = call.version.clone();
                (Box::pin(route::single(api, call)).await, version)
            }
            Err(error) => (Err(error), String::new()),
        };
        let good = result.is_ok();
        let (name, omitted) = item.map_or((None, false), |item| (item.name, item.omit_response_on_success));
        if let Some(name) = name {
            succeeded.insert(name, good);
        }
        answers.push((index, if good && omitted { None } else { Some(rendered(result, &version)) }));
    }
    answers
}

/// Failed items carry their own status and envelope.
fn rendered(result: Result<Value, GraphError>, version: &str) -> BatchAnswer {
    let reply = Reply::of(result);
    let mut headers = vec![("Content-Type".to_owned(), JSON.to_owned()), ("x-fb-trace-id".to_owned(), reply.trace().to_owned())];
    if !version.is_empty() {
        headers.push(("facebook-api-version".to_owned(), version.to_owned()));
    }
    BatchAnswer { code: reply.status, headers, body: reply.body }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn steps(batch: Value) -> Vec<Step> {
        let mut params = Params::default();
        params.insert("batch", batch);
        let mut outer = Outer { token: Some(json!("outer")), files: Vec::new(), idempotency_key: Some("k".to_owned()), epoch: None };
        let items = BatchCall::parse(&params).unwrap().unwrap().items;
        items.into_iter().enumerate().map(|(index, item)| step(index, item, &mut outer)).collect()
    }

    fn indices(lanes: &[Vec<Step>]) -> Vec<Vec<usize>> {
        lanes.iter().map(|lane| lane.iter().map(|step| step.index).collect()).collect()
    }

    fn send(person: &str) -> Value {
        json!({"method": "post", "relative_url": "/v6.0/me/messages?x=1", "body": format!("recipient={{\"id\":\"{person}\"}}")})
    }

    #[test]
    fn items_inherit_and_may_override() {
        let steps = steps(json!([
            send("1"),
            {"method": "GET", "relative_url": "v6.0/1?access_token=own"},
            {"relative_url": ""},
        ]));
        let call = steps[0].call.as_ref().unwrap();
        assert_eq!((call.method, call.version.as_str()), (Method::Post, "v6.0"));
        assert_eq!(call.params.get("access_token"), Some(&json!("outer")));
        assert_eq!(call.idempotency_key.as_deref(), Some("k/0"));
        assert_eq!(steps[1].call.as_ref().unwrap().params.get("access_token"), Some(&json!("own")));
        assert_eq!(steps[2].call.as_ref().unwrap_err().code, 100);
    }

    #[test]
    fn a_batch_holds_no_more_values_than_one_request_may() {
        let wordy = json!({"method": "POST", "relative_url": "me/messages", "body": json!({"a": vec![0; 40]}).to_string()});
        let mut left = 100;
        let taken = steps(json!([wordy, wordy, wordy, send("1")])).into_iter().map(|step| let_in(step, &mut left).call.is_ok());
        assert_eq!(taken.collect::<Vec<_>>(), [true, true, false, true], "what does not fit fails alone");
    }

    #[test]
    fn a_person_has_one_lane() {
        let lanes_of = |batch| indices(&lanes(steps(batch)));
        assert_eq!(lanes_of(json!([send("1"), send("2"), send("1")])), [vec![0, 2], vec![1]]);
        let dependent = json!({"method": "POST", "relative_url": "me/messages", "depends_on": "a", "body": "recipient={id:2}"});
        assert_eq!(lanes_of(json!([send("1"), dependent, send("3")])), [vec![0, 1, 2]]);
    }
}
