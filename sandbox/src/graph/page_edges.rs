//! What can be read of a Page and of people, and the Messenger profile.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::error::GraphError;
use super::request::GraphCall;
use super::route::Caller;
use crate::platform::Platform;
use crate::world::{Account, Grant, Object, Person};

/// Properties of the Messenger profile that can be set.
const PROFILE: [&str; 7] =
    ["get_started", "greeting", "persistent_menu", "ice_breakers", "whitelisted_domains", "account_linking_url", "commands"];

/// `GET /me` or `GET /{page}`.
pub fn node(platform: &Platform, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    platform.look(|world, _| {
        let account = world.accounts.get(&caller.account).ok_or_else(|| GraphError::unknown_object("GET", &caller.account))?;
        let linked = world.accounts_of_page(&account.page_id).find(|account| account.object == Object::Instagram);
        let mut all = json!({"name": account.name, "category": "Shopping & retail"});
        all["messaging_feature_status"] = json!({"hop_v2": false, "msgr_multi_app": true, "ig_multi_app": linked.is_some()});
        if let Some(linked) = linked.filter(|linked| linked.id != account.id) {
            all["instagram_business_account"] = json!({"id": linked.id});
        }
        let fields = call.params.list("fields").unwrap_or_else(|| vec!["name".to_owned()]);
        Ok(select(&all, &fields, &account.id))
    })
}

/// `GET /{psid}`: empty until the person has done something.
pub fn person(platform: &Platform, call: &GraphCall, grant: &Grant, psid: &str) -> Result<Value, GraphError> {
    platform.look(|world, _| {
        let key = world.find_thread(&grant.page_id, psid).ok_or_else(|| GraphError::unknown_object("GET", psid))?;
        let found = world.accounts.get(&key.account).and_then(|account| Some((account, account.person(psid)?)));
        let (account, person) = found.ok_or_else(|| GraphError::unknown_object("GET", psid))?;
        if world.threads.get(&key).is_none_or(|thread| thread.last_person_at.is_none()) {
            return Ok(json!({}));
        }
        let fields =
            call.params.list("fields").unwrap_or_else(|| vec!["first_name".to_owned(), "last_name".to_owned(), "profile_pic".to_owned()]);
        Ok(select(&profile(platform, account, person), &fields, psid))
    })
}

fn profile(platform: &Platform, account: &Account, person: &Person) -> Value {
    let picture = format!("{}/avatars/{}/{}.svg", platform.base_url(), account.id, person.psid);
    match account.object {
        Object::Page => {
            let (first, last) = person.names();
            json!({"first_name": first, "last_name": last, "name": person.name, "profile_pic": picture, "locale": person.locale, "timezone": 1})
        }
        Object::Instagram => {
            let username = person.name.to_lowercase().replace(' ', ".");
            json!({
                "name": person.name, "username": username, "profile_pic": picture, "follower_count": 42, "is_verified_user": false,
                "is_user_follow_business": true, "is_business_follow_user": false,
            })
        }
    }
}

fn select(all: &Value, fields: &[String], id: &str) -> Value {
    let mut chosen = Map::new();
    for field in fields {
        if let Some(value) = all.get(field) {
            chosen.insert(field.clone(), value.clone());
        }
    }
    chosen.insert("id".to_owned(), json!(id));
    Value::Object(chosen)
}

/// `GET secondary_receivers`: every app but the default one.
pub fn secondary_receivers(platform: &Platform, caller: &Caller) -> Result<Value, GraphError> {
    platform.look(|world, _| {
        let account = world.accounts.get(&caller.account).ok_or_else(|| GraphError::unknown_object("GET", &caller.account))?;
        let connected = account.connections.keys().map(String::as_str).chain([account.inbox()]);
        let others = connected.filter(|id| account.default_app.as_deref() != Some(id));
        let data: Vec<Value> = others.filter_map(|id| world.apps.get(id)).map(|app| json!({"id": app.id, "name": app.name})).collect();
        Ok(json!({"data": data}))
    })
}

/// `GET`, `POST` and `DELETE messenger_profile`.
pub fn messenger_profile(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let unknown = || GraphError::unknown_object(&call.method, &caller.account);
    match call.method.as_str() {
        "GET" => platform.look(|world, _| {
            let account = world.accounts.get(&caller.account).ok_or_else(unknown)?;
            let fields = call.params.list("fields").unwrap_or_default();
            let shown = account.profile.iter().filter(|(name, _)| fields.contains(name));
            let shown: Map<String, Value> = shown.map(|(name, value)| (name.clone(), value.clone())).collect();
            Ok(if shown.is_empty() { json!({"data": []}) } else { json!({"data": [shown]}) })
        }),
        "POST" => {
            let set: Vec<(&str, Value)> = PROFILE.into_iter().filter_map(|name| Some((name, call.params.json(name)?))).collect();
            if set.is_empty() {
                return Err(GraphError::parameter("Param must contain at least one property of the Messenger profile"));
            }
            platform.change(|world, _| {
                let account = world.accounts.get_mut(&caller.account).ok_or_else(unknown)?;
                account.profile.extend(set.into_iter().map(|(name, value)| (name.to_owned(), value)));
                Ok(json!({"result": "success"}))
            })
        }
        _ => {
            let fields = call.params.list("fields").filter(|fields| !fields.is_empty()).ok_or_else(|| GraphError::missing("fields"))?;
            platform.change(|world, _| {
                let account = world.accounts.get_mut(&caller.account).ok_or_else(unknown)?;
                account.profile.retain(|name, _| !fields.contains(name));
                Ok(json!({"result": "success"}))
            })
        }
    }
}
