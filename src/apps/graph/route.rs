//! Which handler answers which call. What has no row here does not exist, and says so in the envelope.

use serde_json::{Value, json};

use super::call::{Call, Method, unsupported};
use super::caller::{AppCaller, Caller, PageCaller};
use super::path::{Edge, Place};
use super::{
    GraphApi, access_token, attachments, batch, control, debug_token, messages, messenger_profile, nodes, people, personas, subscriptions,
};
use crate::wire::GraphError;

/// Answers a call that came over HTTP: a batch, or a call like those in batches. Some libraries post their batches to an edge.
pub(super) async fn answer(api: &GraphApi, call: Call) -> Result<Value, GraphError> {
    if call.method == Method::Post && call.params.get("batch").is_some() {
        return batch::answer(api, call).await;
    }
    single(api, call).await
}

/// Answers one call.
pub(super) async fn single(api: &GraphApi, call: Call) -> Result<Value, GraphError> {
    if call.place == Place::AccessToken && call.method != Method::Delete {
        return access_token::answer(api, &call.params).await;
    }
    let caller = Caller::of(api, &call.params).await?;
    api.signs.tell(caller.app());
    match &call.place {
        Place::Root if call.method == Method::Get => nodes::several(api, &caller, &call).await,
        Place::Root => Err(unsupported(call.method.as_str(), "")),
        Place::Node(node) if node == "debug_token" && call.method == Method::Get => debug_token::answer(api, &caller, &call).await,
        Place::Node(node) if call.method == Method::Get => nodes::one(api, &caller, node, &call.params).await,
        Place::Node(node) => match &caller {
            Caller::Page(caller) if call.method == Method::Delete => personas::delete(api, caller, node).await,
            _ => Err(unsupported(call.method.as_str(), node)),
        },
        Place::Edge(node, Edge::Subscriptions) => app_edge(api, app(&caller, node, call.method)?, &call).await,
        Place::Edge(node, edge) => {
            let (node, edge) = (node.clone(), *edge);
            page_edge(api, page(&caller, &node, call.method)?, edge, call).await
        }
        Place::AccessToken => Err(unsupported(call.method.as_str(), "oauth/access_token")),
        Place::Nowhere(path) => Err(unsupported(call.method.as_str(), path)),
    }
}

/// The caller as one that may act on the Page a path names.
fn page<'a>(caller: &'a Caller, node: &str, method: Method) -> Result<&'a PageCaller, GraphError> {
    match caller {
        Caller::Page(caller) if caller.is_page(node) => Ok(caller),
        Caller::Page(_) => Err(unsupported(method.as_str(), node)),
        Caller::App(_) => Err(GraphError::token("A page access token is required for this call.")),
    }
}

/// The caller as the app a path names.
fn app<'a>(caller: &'a Caller, node: &str, method: Method) -> Result<&'a AppCaller, GraphError> {
    match caller {
        Caller::App(caller) if caller.is_app(node) => Ok(caller),
        Caller::App(_) => Err(unsupported(method.as_str(), node)),
        Caller::Page(_) => Err(GraphError::new(15, None, 400, "This method must be called with an app access_token.")),
    }
}

async fn page_edge(api: &GraphApi, caller: &PageCaller, edge: Edge, call: Call) -> Result<Value, GraphError> {
    match edge {
        Edge::MessageAttachments | Edge::MessengerProfile => caller.refuse_other_platform(&call.params)?,
        Edge::Personas | Edge::CustomUserSettings | Edge::UnlinkAccounts => {
            caller.messenger_only()?;
            caller.refuse_other_platform(&call.params)?;
        }
        _ => {}
    }
    match (call.method, edge) {
        (Method::Post, Edge::Messages) => messages::send(api, caller, call).await,
        (Method::Post, Edge::Pass | Edge::Take | Edge::Request | Edge::Decline | Edge::Release | Edge::Extend) => {
            control::order(api, caller, edge, &call.params).await
        }
        (Method::Get, Edge::ThreadOwner) => control::thread_owner(api, caller, &call.params).await,
        (Method::Get, Edge::SecondaryReceivers) => control::secondary_receivers(api, caller, &call.params).await,
        (Method::Post, Edge::MessageAttachments) => attachments::upload(api, caller, call).await,
        (Method::Get, Edge::MessengerProfile) => messenger_profile::get(api, caller, &call.params).await,
        (Method::Post, Edge::MessengerProfile) => messenger_profile::set(api, caller, &call.params).await,
        (Method::Delete, Edge::MessengerProfile) => messenger_profile::delete(api, caller, &call.params).await,
        (Method::Get, Edge::Personas) => personas::list(api, caller, &call.params).await,
        (Method::Post, Edge::Personas) => personas::create(api, caller, &call.params).await,
        (Method::Get, Edge::CustomUserSettings) => people::settings(api, caller, &call.params).await,
        (Method::Post, Edge::CustomUserSettings) => people::set(api, caller, &call.params).await,
        (Method::Delete, Edge::CustomUserSettings) => people::unset(api, caller, &call.params).await,
        (Method::Post, Edge::UnlinkAccounts) => people::unlink(api, caller, &call.params).await,
        (Method::Get, Edge::SubscribedApps) => subscriptions::subscribed(api, caller).await,
        (Method::Post, Edge::SubscribedApps) => subscriptions::subscribe(api, caller, &call.params).await,
        (Method::Delete, Edge::SubscribedApps) => subscriptions::unsubscribe(api, caller).await,
        (method, edge) => Err(unsupported(method.as_str(), &format!("{}/{edge}", caller.page()))),
    }
}

async fn app_edge(api: &GraphApi, caller: &AppCaller, call: &Call) -> Result<Value, GraphError> {
    match call.method {
        Method::Get => subscriptions::list(api, caller).await,
        Method::Post => subscriptions::set_callback(api, caller, &call.params).await,
        Method::Delete => subscriptions::remove(api, caller, &call.params).await,
    }
}

/// What most writes answer.
pub(super) fn success() -> Value {
    json!({ "success": true })
}
