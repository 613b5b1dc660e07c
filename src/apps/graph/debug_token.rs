//! `GET /debug_token?input_token=`: what a token that Baton issued is good for (protocol page, section 6).

use serde_json::{Value, json};

use super::GraphApi;
use super::call::Call;
use super::caller::Caller;
use crate::wire::GraphError;

/// What a Page token that Baton issues allows.
const SCOPES: [&str; 3] = ["pages_messaging", "pages_manage_metadata", "pages_read_engagement"];

/// Tells an app about a token of its own.
pub(super) async fn answer(api: &GraphApi, caller: &Caller, call: &Call) -> Result<Value, GraphError> {
    match Caller::of_token(api, call.params.required("input_token")?.trim(), None).await {
        Ok(found) if found.app() == caller.app() => Ok(valid(&found)),
        // A token of another app is nobody's business.
        Ok(_) => Err(GraphError::parameter("The App_id in the input_token did not match the Viewing App")),
        Err(error) if error.code == 190 => Ok(json!({
            "data": { "error": { "code": error.code, "message": error.message }, "is_valid": false, "scopes": [] }
        })),
        Err(error) => Err(error),
    }
}

fn valid(found: &Caller) -> Value {
    match found {
        Caller::Page(caller) => json!({ "data": {
            "app_id": caller.app().as_str(),
            "type": "PAGE",
            "application": caller.app_name(),
            "data_access_expires_at": 0,
            "expires_at": 0,
            "is_valid": true,
            "issued_at": caller.issued_at().seconds(),
            "profile_id": caller.page().as_str(),
            "scopes": SCOPES,
            "granular_scopes": SCOPES.map(|scope| json!({ "scope": scope, "target_ids": [caller.page().as_str()] })),
        } }),
        Caller::App(caller) => json!({ "data": {
            "app_id": caller.app().app.as_str(),
            "type": "APP",
            "application": caller.app().name,
            "expires_at": 0,
            "is_valid": true,
            "scopes": [],
        } }),
    }
}
