//! Subscribing: the app's callback and topics, and the app on a Page.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::error::GraphError;
use super::request::GraphCall;
use super::route::Caller;
use crate::platform::Platform;
use crate::webhook::shake_hands;
use crate::world::{App, Object};

/// `GET`, `POST` and `DELETE /{app-id}/subscriptions`, with the app token `{app-id}|{app-secret}`.
pub async fn subscriptions(platform: &Arc<Platform>, call: &GraphCall) -> Result<Value, GraphError> {
    let app = app_of_token(platform, call)?;
    match call.method.as_str() {
        "GET" => Ok(list(&app)),
        "POST" => subscribe(platform, call, &app).await,
        "DELETE" => {
            let object = call.params.text("object").map(|name| object(&name)).transpose()?;
            platform.change(|world, _| {
                let Some(app) = world.apps.get_mut(&app.id) else { return };
                for (topic, fields) in &mut app.topics {
                    if object.is_none_or(|object| object == *topic) {
                        fields.clear();
                    }
                }
            });
            Ok(json!({"success": true}))
        }
        _ => Err(GraphError::unknown_object(&call.method, &app.id)),
    }
}

fn app_of_token(platform: &Platform, call: &GraphCall) -> Result<App, GraphError> {
    let token = call.token.as_deref().ok_or_else(GraphError::no_token)?;
    let (id, secret) = token.split_once('|').ok_or_else(GraphError::bad_token)?;
    let app = platform.look(|world, _| world.apps.get(id).filter(|app| !app.secret.is_empty() && app.secret == secret).cloned());
    let node = call.segments.first().map_or("", String::as_str);
    app.filter(|app| app.id == node || node == "app").ok_or_else(GraphError::bad_token)
}

fn list(app: &App) -> Value {
    let topics = app.topics.iter().filter(|(_, fields)| !fields.is_empty()).map(|(object, fields)| {
        let fields: Vec<Value> = fields.iter().map(|name| json!({"name": name, "version": "v25.0"})).collect();
        json!({"object": object.as_str(), "callback_url": app.callback_url, "active": app.callback_url.is_some(), "fields": fields})
    });
    json!({"data": topics.collect::<Vec<Value>>()})
}

fn object(name: &str) -> Result<Object, GraphError> {
    match name {
        "page" => Ok(Object::Page),
        "instagram" => Ok(Object::Instagram),
        _ => Err(GraphError::parameter("Param object must be one of {page, instagram}")),
    }
}

async fn subscribe(platform: &Arc<Platform>, call: &GraphCall, app: &App) -> Result<Value, GraphError> {
    let object = object(&call.params.text("object").ok_or_else(|| GraphError::missing("object"))?)?;
    let callback = call.params.text("callback_url").ok_or_else(|| GraphError::missing("callback_url"))?;
    let verify_token = call.params.text("verify_token").unwrap_or_default();
    let fields = checked_fields(object, call.params.list("fields").unwrap_or_default(), "fields")?;
    shake_hands(platform.lanes().http(), &callback, &verify_token)
        .await
        .map_err(|error| GraphError::new(2200, &format!("Callback verification failed with the following errors: {error}")))?;
    platform.change(|world, _| {
        if let Some(app) = world.apps.get_mut(&app.id) {
            app.callback_url = Some(callback);
            app.verify_token = verify_token;
            app.topics.insert(object, fields);
        }
    });
    Ok(json!({"success": true}))
}

fn checked_fields(object: Object, fields: Vec<String>, param: &str) -> Result<BTreeSet<String>, GraphError> {
    let known = object.fields();
    match fields.iter().position(|field| !known.contains(&field.as_str())) {
        Some(at) => Err(GraphError::parameter(&format!("Param {param}[{at}] must be one of {{{}}}", known.join(", ")))),
        None => Ok(fields.into_iter().collect()),
    }
}

/// `GET`, `POST` and `DELETE /{page}/subscribed_apps`.
pub fn subscribed_apps(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let app_id = &caller.grant.app_id;
    match call.method.as_str() {
        "GET" => Ok(platform.look(|world, _| {
            let account = world.accounts.get(&caller.account);
            let subscribed =
                account.into_iter().flat_map(|account| &account.connections).filter(|(_, connection)| !connection.fields.is_empty());
            let data = subscribed.filter_map(|(id, connection)| {
                let app = world.apps.get(id)?;
                Some(json!({"category": "Business", "name": app.name, "id": app.id, "subscribed_fields": connection.fields}))
            });
            json!({"data": data.collect::<Vec<Value>>()})
        })),
        "POST" => {
            let object = platform.look(|world, _| world.accounts.get(&caller.account).map_or(Object::Page, |account| account.object));
            let fields = call.params.list("subscribed_fields").filter(|fields| !fields.is_empty());
            let fields = fields.ok_or_else(|| GraphError::missing("subscribed_fields"))?;
            let fields = checked_fields(object, fields, "subscribed_fields")?;
            set_fields(platform, caller, app_id, fields);
            Ok(json!({"success": true}))
        }
        _ => {
            set_fields(platform, caller, app_id, BTreeSet::new());
            Ok(json!({"success": true}))
        }
    }
}

fn set_fields(platform: &Arc<Platform>, caller: &Caller, app_id: &str, fields: BTreeSet<String>) {
    platform.change(|world, _| {
        let connection = world.accounts.get_mut(&caller.account).and_then(|account| account.connections.get_mut(app_id));
        if let Some(connection) = connection {
            connection.fields = fields;
        }
    });
}
