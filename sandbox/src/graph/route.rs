//! Which node and edge a call means, and who calls.

use std::sync::Arc;

use serde_json::Value;

use super::error::GraphError;
use super::request::GraphCall;
use super::{app_edges, attachments, batch, control, oauth, page_edges, personas, send, user_settings};
use crate::platform::Platform;
use crate::webhook::hmac_sha256_hex;
use crate::world::{Grant, ThreadKey};

/// A caller with a Page access token, and the Page or Instagram account that the path names.
pub struct Caller {
    /// The app and the Page of the token.
    pub grant: Grant,
    /// The account of the node; the token's Page for `me`.
    pub account: String,
}

/// Answers one call, which may be part of a batch.
pub async fn answer(platform: &Arc<Platform>, call: &GraphCall) -> Result<Value, GraphError> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("POST", []) => Box::pin(batch::run(platform, call)).await,
        (_, ["oauth", "access_token"]) => oauth::access_token(platform, call),
        ("GET", ["debug_token"]) => oauth::debug_token(platform, call),
        (_, [_, "subscriptions"]) => app_edges::subscriptions(platform, call).await,
        ("GET", ["me", "accounts"]) => oauth::accounts(platform, call),
        (_, [node]) => node_call(platform, call, node),
        (_, [node, edge]) => edge_call(platform, call, node, edge),
        _ => Err(GraphError::unknown_object(&call.method, &call.segments.join("/"))),
    }
}

/// The app behind a call's token, for the journal.
pub fn caller_app(platform: &Platform, call: &GraphCall) -> Option<String> {
    let token = call.token.as_deref()?;
    platform.look(|world, _| world.grant(token).map(|grant| grant.app_id.clone()))
}

fn node_call(platform: &Arc<Platform>, call: &GraphCall, node: &str) -> Result<Value, GraphError> {
    let grant = grant(platform, call)?;
    if let Some(answer) = personas::node(platform, call, &grant, node) {
        return Ok(answer);
    }
    if call.method != "GET" {
        return Err(GraphError::unknown_object(&call.method, node));
    }
    match caller_for(platform, grant.clone(), node) {
        Some(caller) => page_edges::node(platform, call, &caller),
        None => page_edges::person(platform, call, &grant, node),
    }
}

fn edge_call(platform: &Arc<Platform>, call: &GraphCall, node: &str, edge: &str) -> Result<Value, GraphError> {
    let grant = grant(platform, call)?;
    let caller = caller_for(platform, grant, node).ok_or_else(|| GraphError::unknown_object(&call.method, node))?;
    match (call.method.as_str(), edge) {
        ("POST", "messages") => send::messages(platform, call, &caller),
        ("POST", "message_attachments") => attachments::save(platform, call, &caller),
        ("POST", "pass_thread_control") => control::pass(platform, call, &caller),
        ("POST", "take_thread_control") => control::take(platform, call, &caller),
        ("POST", "request_thread_control") => control::request(platform, call, &caller),
        ("POST", "release_thread_control") => control::release(platform, call, &caller),
        ("POST", "extend_thread_control") => control::extend(platform, call, &caller),
        ("GET", "thread_owner") => control::thread_owner(platform, call, &caller),
        ("GET", "secondary_receivers") => page_edges::secondary_receivers(platform, &caller),
        ("GET" | "POST" | "DELETE", "messenger_profile") => page_edges::messenger_profile(platform, call, &caller),
        ("GET" | "POST", "personas") => personas::edge(platform, call, &caller),
        ("GET" | "POST" | "DELETE", "custom_user_settings") => user_settings::menu(platform, call, &caller),
        ("POST", "unlink_accounts") => user_settings::unlink(platform, call, &caller),
        ("GET" | "POST" | "DELETE", "subscribed_apps") => app_edges::subscribed_apps(platform, call, &caller),
        _ => Err(GraphError::parameter(&format!("Unknown path components: /{edge}"))),
    }
}

/// Checks the token and, if there is one, its proof.
fn grant(platform: &Platform, call: &GraphCall) -> Result<Grant, GraphError> {
    let token = call.token.as_deref().ok_or_else(GraphError::no_token)?;
    let (grant, secret) = platform
        .look(|world, _| {
            let grant = world.grant(token)?.clone();
            let secret = world.apps.get(&grant.app_id)?.secret.clone();
            Some((grant, secret))
        })
        .ok_or_else(GraphError::bad_token)?;
    let Some(proof) = call.params.text("appsecret_proof") else { return Ok(grant) };
    let signed = call.params.text("appsecret_time").map_or_else(|| token.to_owned(), |time| format!("{token}|{time}"));
    if proof != hmac_sha256_hex(&secret, signed.as_bytes()) {
        let message = "Invalid appsecret_proof provided in the API argument".to_owned();
        return Err(GraphError { kind: "GraphMethodException", message, ..GraphError::parameter("") });
    }
    Ok(grant)
}

/// The account that a node names, if the token acts for it.
fn caller_for(platform: &Platform, grant: Grant, node: &str) -> Option<Caller> {
    let account = platform.look(|world, _| {
        let mut own = world.accounts_of_page(&grant.page_id);
        if node == "me" || node == grant.page_id {
            return world.account(&grant.page_id).map(|account| account.id.clone());
        }
        own.find(|account| account.id == node).map(|account| account.id.clone())
    })?;
    Some(Caller { grant, account })
}

/// The conversation that `recipient` names: an object with an `id`.
pub fn recipient(platform: &Platform, call: &GraphCall, caller: &Caller) -> Result<ThreadKey, GraphError> {
    let recipient = call.params.object("recipient")?.ok_or_else(|| GraphError::missing("recipient"))?;
    let id = recipient.get("id").and_then(super::params::scalar);
    let id = id.ok_or_else(|| GraphError::parameter("param recipient must be non-empty: only recipient.id is known here"))?;
    find_thread(platform, caller, &id)
}

/// The caller's conversation with a person.
pub fn find_thread(platform: &Platform, caller: &Caller, psid: &str) -> Result<ThreadKey, GraphError> {
    platform
        .look(|world, _| world.find_thread(&caller.account, psid).or_else(|| world.find_thread(&caller.grant.page_id, psid)))
        .ok_or_else(|| crate::world::Refusal::NoSuchPerson.into())
}
