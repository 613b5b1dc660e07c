//! Batch requests: up to 50 calls in one, answered in one list.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::GraphError;
use super::params::Params;
use super::request::GraphCall;
use super::route;
use crate::platform::Platform;

/// Calls in a batch at most.
const LIMIT: usize = 50;

/// Runs the calls in order.
pub async fn run(platform: &Arc<Platform>, call: &GraphCall) -> Result<Value, GraphError> {
    let Some(Value::Array(items)) = call.params.json("batch") else { return Err(GraphError::missing("batch")) };
    if items.len() > LIMIT {
        return Err(GraphError::parameter("Too many requests in batch message. Maximum batch size is 50"));
    }
    let with_headers = !matches!(call.params.text("include_headers").as_deref(), Some("false"));
    let mut answers = Vec::with_capacity(items.len());
    for item in &items {
        let (code, body) = match one(call, item) {
            Ok(inner) => match route::answer(platform, &inner).await {
                Ok(body) => (200, body),
                Err(error) => (error.status.as_u16(), error.body()),
            },
            Err(error) => (error.status.as_u16(), error.body()),
        };
        let mut answer = json!({"code": code});
        if with_headers {
            answer["headers"] = json!([{"name": "Content-Type", "value": "application/json"}]);
        }
        answer["body"] = json!(body.to_string());
        answers.push(answer);
    }
    Ok(Value::Array(answers))
}

/// A call of the batch; the outer token serves those that bring none. A batch in a batch has no path of its own and is refused.
fn one(outer: &GraphCall, item: &Value) -> Result<GraphCall, GraphError> {
    let method = item.get("method").and_then(Value::as_str).unwrap_or("GET");
    let relative = item.get("relative_url").and_then(Value::as_str).unwrap_or_default();
    let (path, query) = relative.split_once('?').unwrap_or((relative, ""));
    let mut params = Params::from_urlencoded(query.as_bytes());
    match item.get("body") {
        Some(Value::String(body)) => params.add_urlencoded(body.as_bytes()),
        Some(Value::Object(body)) => params.add_object(body.clone()),
        _ => {}
    }
    let call = GraphCall::new(method, path, params, outer.token.clone());
    if call.segments.is_empty() { Err(GraphError::missing("relative_url")) } else { Ok(call) }
}
