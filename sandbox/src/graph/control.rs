//! Thread control calls.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::GraphError;
use super::request::GraphCall;
use super::route::{Caller, find_thread, recipient};
use crate::platform::Platform;
use crate::world::OwnerView;

/// The longest metadata; the platform publishes no limit for control, WhatsApp's twin and message metadata suggest this one.
const METADATA: usize = 1_000;

fn metadata(call: &GraphCall) -> Result<Option<String>, GraphError> {
    match call.params.text("metadata") {
        Some(text) if text.chars().count() > METADATA => {
            Err(GraphError::parameter("Length of param metadata must be less than or equal to 1000"))
        }
        other => Ok(other),
    }
}

fn success() -> Value {
    json!({"success": true})
}

/// `POST pass_thread_control`
pub fn pass(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let key = recipient(platform, call, caller)?;
    let metadata = metadata(call)?;
    let target = call.params.text("target_app_id");
    platform.change(|world, now| world.pass(&key, &caller.grant.app_id, target.as_deref(), metadata.as_deref(), now))?;
    Ok(success())
}

/// `POST take_thread_control`
pub fn take(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let key = recipient(platform, call, caller)?;
    let metadata = metadata(call)?;
    platform.change(|world, now| world.take(&key, &caller.grant.app_id, metadata.as_deref(), now))?;
    Ok(success())
}

/// `POST request_thread_control`
pub fn request(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let key = recipient(platform, call, caller)?;
    let metadata = metadata(call)?;
    platform.change(|world, now| world.request(&key, &caller.grant.app_id, metadata.as_deref(), now));
    Ok(success())
}

/// `POST release_thread_control`
pub fn release(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let key = recipient(platform, call, caller)?;
    metadata(call)?;
    platform.change(|world, now| world.release(&key, &caller.grant.app_id, now))?;
    Ok(success())
}

/// `POST extend_thread_control`
pub fn extend(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let key = recipient(platform, call, caller)?;
    let duration = call.params.text("duration").ok_or_else(|| GraphError::missing("duration"))?;
    let seconds = duration.parse().map_err(|_| GraphError::parameter("param duration must be an integer"))?;
    platform.change(|world, now| world.extend(&key, &caller.grant.app_id, seconds, now))?;
    Ok(success())
}

/// `GET thread_owner?recipient=<psid>`
pub fn thread_owner(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let psid = call.params.text("recipient").ok_or_else(|| GraphError::missing("recipient"))?;
    let key = find_thread(platform, caller, &psid)?;
    Ok(match platform.look(|world, now| world.thread_owner(&key, &caller.grant.app_id, now)) {
        OwnerView::Idle => json!({"data": []}),
        OwnerView::Hidden(expiration) => json!({"data": [{"thread_owner": {"expiration": expiration}}]}),
        OwnerView::Shown(app_id, expiration) => json!({"data": [{"thread_owner": {"app_id": app_id, "expiration": expiration}}]}),
    })
}
