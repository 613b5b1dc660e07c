//! What is set for one person: a menu of their own, and that their account is no longer linked.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::GraphError;
use super::request::GraphCall;
use super::route::{Caller, find_thread};
use crate::platform::Platform;

/// `GET`, `POST` and `DELETE custom_user_settings`.
pub fn menu(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let psid = person(platform, call, caller)?;
    let unknown = || GraphError::unknown_object(&call.method, &caller.account);
    match call.method.as_str() {
        "GET" => platform.look(|world, _| {
            let account = world.accounts.get(&caller.account).ok_or_else(unknown)?;
            let mut menus = json!({});
            if let Some(own) = account.menus.get(&psid) {
                menus["user_level_persistent_menu"] = own.clone();
            }
            if let Some(all) = account.profile.get("persistent_menu") {
                menus["page_level_persistent_menu"] = all.clone();
            }
            Ok(json!({ "data": [menus] }))
        }),
        "POST" => {
            let menu = call.params.json("persistent_menu").filter(Value::is_array).ok_or_else(|| GraphError::missing("persistent_menu"))?;
            platform.change(|world, _| {
                world.accounts.get_mut(&caller.account).ok_or_else(unknown)?.menus.insert(psid, menu);
                Ok(json!({"result": "success"}))
            })
        }
        _ if call.params.list("params").is_some_and(|params| params == ["persistent_menu"]) => platform.change(|world, _| {
            world.accounts.get_mut(&caller.account).ok_or_else(unknown)?.menus.remove(&psid);
            Ok(json!({"result": "success"}))
        }),
        _ => Err(GraphError::missing("params")),
    }
}

/// `POST unlink_accounts`.
pub fn unlink(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    person(platform, call, caller)?;
    Ok(json!({"result": "unlink account success"}))
}

fn person(platform: &Platform, call: &GraphCall, caller: &Caller) -> Result<String, GraphError> {
    let psid = call.params.text("psid").ok_or_else(|| GraphError::missing("psid"))?;
    find_thread(platform, caller, &psid)?;
    Ok(psid)
}
