//! Facebook Login, as much of it as connecting a Page needs. Nobody is asked anything yet: the dialog grants at once, and the user is fixed.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Query};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::error::GraphError;
use super::request::GraphCall;
use crate::platform::Platform;
use crate::random;

/// Seconds that a user token is said to live.
const USER_TOKEN_SECONDS: i64 = 5_183_944;
/// The one user of the sandbox.
const USER_ID: &str = "1207059000000001";

/// What the dialog is opened with.
#[derive(Deserialize)]
pub struct DialogQuery {
    client_id: String,
    redirect_uri: String,
    state: Option<String>,
}

/// `GET /dialog/oauth`: sends the browser back with a code.
pub async fn dialog(query: Query<DialogQuery>, platform: Data<Platform>) -> HttpResponse {
    let platform = platform.into_inner();
    let known = platform.look(|world, _| world.apps.contains_key(&query.client_id));
    let target = Url::parse(&query.redirect_uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let (true, Some(mut target)) = (known, target) else {
        return HttpResponse::BadRequest()
            .content_type("text/plain; charset=utf-8")
            .body("Unknown client_id, or redirect_uri is no web address.");
    };
    let code = random::code();
    platform.change(|world, _| world.codes.insert(code.clone(), (query.client_id.clone(), query.redirect_uri.clone())));
    target.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = &query.state {
        target.query_pairs_mut().append_pair("state", state);
    }
    HttpResponse::Found().insert_header((LOCATION, target.as_str())).finish()
}

/// `oauth/access_token`: a code, a short token, or an app's own secret for a token.
pub fn access_token(platform: &Arc<Platform>, call: &GraphCall) -> Result<Value, GraphError> {
    let params = &call.params;
    let client = params.text("client_id").ok_or_else(|| GraphError::missing("client_id"))?;
    let secret = params.text("client_secret").unwrap_or_default();
    let known = platform.look(|world, _| world.apps.get(&client).is_some_and(|app| !app.secret.is_empty() && app.secret == secret));
    if !known {
        return Err(GraphError { code: 1, message: "Error validating client secret.".to_owned(), ..GraphError::parameter("") });
    }
    match params.text("grant_type").as_deref() {
        Some("client_credentials") => return Ok(json!({"access_token": format!("{client}|{secret}"), "token_type": "bearer"})),
        Some("fb_exchange_token") => {
            let short = params.text("fb_exchange_token").unwrap_or_default();
            platform
                .look(|world, _| world.user_tokens.get(&short).filter(|app| **app == client).map(|_| ()))
                .ok_or_else(GraphError::bad_token)?;
        }
        _ => redeem(platform, call, &client)?,
    }
    let token = random::access_token();
    platform.change(|world, _| world.user_tokens.insert(token.clone(), client));
    Ok(json!({"access_token": token, "token_type": "bearer", "expires_in": USER_TOKEN_SECONDS}))
}

fn redeem(platform: &Arc<Platform>, call: &GraphCall, client: &str) -> Result<(), GraphError> {
    let code = call.params.text("code").ok_or_else(|| GraphError::missing("code"))?;
    let redirect = call.params.text("redirect_uri").unwrap_or_default();
    let issued = platform.change(|world, _| world.codes.remove(&code));
    if issued == Some((client.to_owned(), redirect)) {
        return Ok(());
    }
    Err(GraphError::parameter(
        "Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request",
    ))
}

/// `GET me/accounts` with a user token: every Page, with a token for the app.
pub fn accounts(platform: &Arc<Platform>, call: &GraphCall) -> Result<Value, GraphError> {
    let token = call.token.as_deref().ok_or_else(GraphError::no_token)?;
    let app_id = platform.look(|world, _| world.user_tokens.get(token).cloned()).ok_or_else(GraphError::bad_token)?;
    platform.change(|world, _| {
        let pages: Vec<String> =
            world.accounts.values().filter(|account| account.id == account.page_id).map(|account| account.id.clone()).collect();
        let mut data = Vec::new();
        for page in pages {
            let token = world.ensure_connection(&page, &app_id);
            let Some(account) = world.accounts.get(&page) else { continue };
            let linked = world.accounts_of_page(&page).find(|linked| linked.id != page).map(|linked| json!({"id": linked.id}));
            data.push(json!({
                "access_token": token, "category": "Shopping & retail", "name": account.name, "id": account.id,
                "tasks": ["ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE"],
                "instagram_business_account": linked,
            }));
        }
        Ok(json!({"data": data, "paging": {}}))
    })
}

/// `GET debug_token`, with an app token.
pub fn debug_token(platform: &Arc<Platform>, call: &GraphCall) -> Result<Value, GraphError> {
    let asking = call.token.as_deref().ok_or_else(GraphError::no_token)?;
    let input = call.params.text("input_token").ok_or_else(|| GraphError::missing("input_token"))?;
    platform.look(|world, now| {
        let app =
            asking.split_once('|').and_then(|(id, secret)| world.apps.get(id).filter(|app| !app.secret.is_empty() && app.secret == secret));
        if app.is_none() && world.grant(asking).is_none() {
            return Err(GraphError::bad_token());
        }
        let scopes = ["pages_show_list", "pages_manage_metadata", "pages_messaging", "instagram_basic", "instagram_manage_messages"];
        let (app_id, kind, page) = match (world.grant(&input), world.user_tokens.get(&input)) {
            (Some(grant), _) => (&grant.app_id, "PAGE", Some(&grant.page_id)),
            (None, Some(app_id)) => (app_id, "USER", None),
            (None, None) => {
                let error = json!({"code": 190, "message": "Invalid OAuth access token."});
                return Ok(json!({"data": {"error": error, "is_valid": false, "scopes": []}}));
            }
        };
        let name = world.apps.get(app_id).map(|app| app.name.clone());
        Ok(json!({"data": {
            "app_id": app_id, "type": kind, "application": name, "expires_at": 0, "data_access_expires_at": now / 1000 + USER_TOKEN_SECONDS,
            "is_valid": true, "scopes": scopes, "user_id": USER_ID, "profile_id": page,
        }}))
    })
}
