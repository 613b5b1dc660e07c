//! `POST messages`: the Send API.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::error::GraphError;
use super::message;
use super::request::GraphCall;
use super::route::{Caller, recipient};
use crate::clock::DAY_MS;
use crate::journal;
use crate::platform::Platform;
use crate::world::{Object, Outbound, ThreadKey};

/// Tags that the platform has refused since 2026-04-27.
const DEAD_TAGS: [&str; 3] = ["ACCOUNT_UPDATE", "CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE"];

/// Sends a message or a sender action.
pub fn messages(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let message = call.params.object("message")?;
    let action = call.params.text("sender_action").map(|action| action.to_lowercase());
    match (message, action) {
        (Some(_), Some(_)) => Err(GraphError::sub(100, 2_018_014, "Cannot send both message and state at the same time")),
        (None, None) => {
            recipient(platform, call, caller)?;
            Err(GraphError::missing("message"))
        }
        (None, Some(action)) => act(platform, call, caller, &action),
        (Some(message), None) => send(platform, call, caller, &message),
    }
}

fn act(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller, action: &str) -> Result<Value, GraphError> {
    if !["typing_on", "typing_off", "mark_seen", "react", "unreact"].contains(&action) {
        return Err(GraphError::parameter("Param sender_action must be one of {typing_on, typing_off, mark_seen, react, unreact}"));
    }
    let key = recipient(platform, call, caller)?;
    platform.change(|world, now| world.act(&key, &caller.grant.app_id, action, now))?;
    Ok(json!({"recipient_id": key.psid}))
}

fn send(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller, message: &Map<String, Value>) -> Result<Value, GraphError> {
    let key = recipient(platform, call, caller)?;
    let object = platform.look(|world, _| world.accounts.get(&key.account).map_or(Object::Page, |account| account.object));
    let window_ms = window(call, object)?;
    let control = Control::read(call)?;
    let (content, attachment_id) = message::read(platform, call, caller, object, message)?;
    let (text, metadata) = (content.text.clone(), content.metadata.clone());
    let app_id = caller.grant.app_id.clone();
    let mid = platform.change(|world, now| {
        let mid = world.send(&key, Outbound { app_id: app_id.clone(), content, window_ms }, now)?;
        // Inside the same change, so that a test that sees the echo also finds the send on record.
        let (page_id, psid) = (key.account.clone(), key.psid.clone());
        platform.journal.send(journal::Send { mid: mid.clone(), page_id, psid, app_id: app_id.clone(), text, metadata, at: now });
        if let Some(control) = &control {
            control.carry_out(world, &key, &app_id, now);
        }
        Ok::<_, GraphError>(mid)
    })?;
    let mut answer = json!({"recipient_id": key.psid, "message_id": mid});
    if let Some(id) = attachment_id {
        answer["attachment_id"] = json!(id);
    }
    Ok(answer)
}

/// How long ago the person may have been heard, for this messaging type and tag.
fn window(call: &GraphCall, object: Object) -> Result<i64, GraphError> {
    let tag = call.params.text("tag").filter(|tag| !tag.is_empty());
    let kind = call.params.text("messaging_type").unwrap_or_else(|| if tag.is_some() { "MESSAGE_TAG" } else { "RESPONSE" }.to_owned());
    match (kind.as_str(), tag.as_deref()) {
        ("RESPONSE" | "UPDATE" | "UTILITY", None) => Ok(DAY_MS),
        ("MESSAGE_TAG", Some("HUMAN_AGENT")) => Ok(7 * DAY_MS),
        ("MESSAGE_TAG", Some("CUSTOMER_FEEDBACK")) if object == Object::Page => Ok(7 * DAY_MS),
        ("MESSAGE_TAG", None) => Err(GraphError::missing("tag")),
        (_, Some(tag)) if DEAD_TAGS.contains(&tag) => Err(GraphError::parameter(&format!("The message tag {tag} is no longer supported"))),
        (_, Some(_)) => {
            Err(GraphError::parameter("Param tag must be one of {HUMAN_AGENT, CUSTOMER_FEEDBACK}, with messaging_type MESSAGE_TAG"))
        }
        _ => Err(GraphError::parameter("Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG, UTILITY}")),
    }
}

/// `thread_control` beside a message: carried out after it was sent.
enum Control {
    Pass(Option<String>),
    Release,
}

impl Control {
    fn read(call: &GraphCall) -> Result<Option<Self>, GraphError> {
        let Some(control) = call.params.object("thread_control")? else { return Ok(None) };
        match control.get("control_type").and_then(Value::as_str) {
            None | Some("release") => Ok(Some(Self::Release)),
            Some("pass") => Ok(Some(Self::Pass(control.get("app_id").and_then(super::params::scalar)))),
            Some(_) => Err(GraphError::parameter("Param thread_control[control_type] must be one of {pass, release}")),
        }
    }

    /// The message is out, so a refusal of the control part cannot be reported any more; it changes nothing.
    fn carry_out(&self, world: &mut crate::world::World, key: &ThreadKey, app_id: &str, now: i64) {
        let outcome = match self {
            Self::Pass(target) => world.pass(key, app_id, target.as_deref(), None, now),
            Self::Release => world.release(key, app_id, now),
        };
        if let Err(refusal) = outcome {
            tracing::info!(%refusal, "inline thread control refused");
        }
    }
}
