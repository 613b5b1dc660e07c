//! What an app hears: its subscription on a Page, and its callback with the handshake.

use std::fmt;

use serde_json::{Value, json};
use url::Url;

use super::GraphApi;
use super::caller::{AppCaller, PageCaller};
use super::path::DEFAULT_VERSION;
use super::route::success;
use crate::apps::http::{Answer, Outcome};
use crate::crypto::random;
use crate::wire::{GraphError, Object, Params};

/// Every webhook field of both objects that is about messages (protocol page, section 2.5), and Baton's own.
const FIELDS: [&str; 51] = [
    "messages",
    "message_echoes",
    "message_edits",
    "message_edit",
    "message_reactions",
    "message_reads",
    "messaging_seen",
    "message_deliveries",
    "messaging_postbacks",
    "messaging_referrals",
    "messaging_referral",
    "messaging_optins",
    "messaging_optouts",
    "messaging_handovers",
    "messaging_handover",
    "standby",
    "messaging_account_linking",
    "messaging_fblogin_account_linking",
    "messaging_policy_enforcement",
    "messaging_game_plays",
    "messaging_feedback",
    "response_feedback",
    "send_cart",
    "messaging_customer_information",
    "messaging_payments",
    "messaging_checkout_updates",
    "messaging_pre_checkouts",
    "messaging_in_thread_lead_form_submit",
    "messaging_integrity",
    "messaging_appointments",
    "messaging_direct_sends",
    "message_context",
    "message_mention",
    "inbox_labels",
    "message_template_status_update",
    "messenger_template_status_update",
    "calls",
    "call_permission_reply",
    "call_settings_update",
    "marketing_message_clicks",
    "marketing_message_deliveries",
    "marketing_message_delivery_failed",
    "marketing_message_echoes",
    "marketing_message_reads",
    "conversations",
    "feed",
    "comments",
    "live_comments",
    "mentions",
    "story_insights",
    "baton_control",
];
/// The fields of a Page that are about anything else (the platform's reference of `subscribed_apps`). Apps name them beside those for messages, and
/// hear of them what the platform tells Baton.
const OF_PAGES: [&str; 53] = [
    "affiliation",
    "attire",
    "awards",
    "bio",
    "birthday",
    "business_integrity",
    "category",
    "checkins",
    "company_overview",
    "culinary_team",
    "current_location",
    "description",
    "email",
    "founded",
    "general_info",
    "general_manager",
    "group_feed",
    "hometown",
    "hours",
    "in_thread_lead_form_submit",
    "leadgen",
    "leadgen_fat",
    "live_videos",
    "local_delivery",
    "location",
    "mcom_invoice_change",
    "members",
    "mention",
    "merchant_review",
    "mission",
    "name",
    "page_about_story",
    "page_change_proposal",
    "page_upcoming_change",
    "parking",
    "payment_options",
    "payment_request_update",
    "personal_info",
    "personal_interests",
    "phone",
    "picture",
    "price_range",
    "product_review",
    "products",
    "public_transit",
    "publisher_subscriptions",
    "ratings",
    "registration",
    "user_action",
    "video_text_question_responses",
    "videos",
    "website",
    "whatsapp_messages",
];
/// What an app gets that subscribes without saying to what, as old SDKs do (section 2.7).
const USUAL: [&str; 6] =
    ["messages", "messaging_postbacks", "messaging_optins", "messaging_referrals", "messaging_handovers", "messaging_policy_enforcement"];
/// What there is to subscribe to.
const BOTH: [Object; 2] = [Object::Page, Object::Instagram];
/// Longest callback address and verify token, in bytes.
const LONGEST: usize = 2048;

/// `GET /{page}/subscribed_apps`: the caller's own subscription; others are not its business.
pub(super) async fn subscribed(api: &GraphApi, caller: &PageCaller) -> Result<Value, GraphError> {
    let fields = api.store.subscribed_fields(caller.page(), caller.app()).await.map_err(|error| api.unavailable(&error))?;
    let Some(fields) = fields else { return Ok(json!({ "data": [] })) };
    let app = json!({ "name": caller.app_name(), "id": caller.app().as_str(), "subscribed_fields": fields });
    Ok(json!({ "data": [app] }))
}

/// `POST /{page}/subscribed_apps`: exactly these fields from now on.
pub(super) async fn subscribe(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let mut fields = field_names(params, "subscribed_fields")?;
    if fields.is_empty() {
        let present = api.store.subscribed_fields(caller.page(), caller.app()).await.map_err(|error| api.unavailable(&error))?;
        fields = present.filter(|present| !present.is_empty()).unwrap_or_else(|| USUAL.map(str::to_owned).to_vec());
    }
    api.store.subscribe(caller.page(), caller.app(), &fields).await.map_err(|error| api.unavailable(&error))?;
    tracing::info!(page = %caller.page(), app = %caller.app(), fields = fields.join(","), "an app subscribed itself");
    Ok(success())
}

/// `DELETE /{page}/subscribed_apps`.
pub(super) async fn unsubscribe(api: &GraphApi, caller: &PageCaller) -> Result<Value, GraphError> {
    api.store.unsubscribe(caller.page(), caller.app()).await.map_err(|error| api.unavailable(&error))?;
    tracing::info!(page = %caller.page(), app = %caller.app(), "an app unsubscribed itself");
    Ok(success())
}

/// `GET /{app}/subscriptions`: a subscription an object that the app is on or asked for. Baton has one callback an app for both.
pub(super) async fn list(api: &GraphApi, caller: &AppCaller) -> Result<Value, GraphError> {
    let app = caller.app();
    let Some(url) = &app.callback_url else { return Ok(json!({ "data": [] })) };
    let is_on = api.store.objects_of(&app.app).await.map_err(|error| api.unavailable(&error))?;
    let concerned =
        |object: &Object| is_on.contains(object) || app.fields(*object).is_some() || (is_on.is_empty() && *object == Object::Page);
    let subscription = |object: Object| {
        let fields: Vec<Value> =
            app_fields(caller, object).iter().map(|name| json!({ "name": name, "version": DEFAULT_VERSION })).collect();
        (!fields.is_empty()).then(|| json!({ "object": object.as_str(), "callback_url": url, "active": true, "fields": fields }))
    };
    let data: Vec<Value> = BOTH.into_iter().filter(concerned).filter_map(subscription).collect();
    Ok(json!({ "data": data }))
}

/// What an app wants at all of an object; what never said so wants everything.
fn app_fields(caller: &AppCaller, object: Object) -> Vec<String> {
    caller.app().fields(object).cloned().unwrap_or_else(|| FIELDS.map(str::to_owned).to_vec())
}

/// `POST /{app}/subscriptions`: sets the callback, once it has answered the handshake.
pub(super) async fn set_callback(api: &GraphApi, caller: &AppCaller, params: &Params) -> Result<Value, GraphError> {
    let app = caller.app();
    let object = object(params)?;
    let url = short(params, "callback_url")?;
    let verify_token = short(params, "verify_token")?;
    let fields = field_names(params, "fields")?;
    let callback = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let callback = callback.ok_or_else(|| GraphError::parameter("Param callback_url must be a valid http or https URL"))?;
    shake_hands(api, callback, &verify_token).await?;
    api.signs.tell(&app.app);
    let fields = (!fields.is_empty()).then_some((object, fields.as_slice()));
    api.store.set_callback(&app.app, &url, &verify_token, fields).await.map_err(|error| api.unavailable(&error))?;
    tracing::info!(app = %app.app, "an app set its callback");
    Ok(success())
}

/// `DELETE /{app}/subscriptions`: the named fields, or all; of one object, or of both.
pub(super) async fn remove(api: &GraphApi, caller: &AppCaller, params: &Params) -> Result<Value, GraphError> {
    let removed = field_names(params, "fields")?;
    let objects = match params.get("object") {
        Some(_) => vec![object(params)?],
        None => BOTH.to_vec(),
    };
    let kept = |object: Object| -> Vec<String> {
        app_fields(caller, object).into_iter().filter(|field| !removed.is_empty() && !removed.contains(field)).collect()
    };
    let left: Vec<(Object, Vec<String>)> = objects.into_iter().map(|object| (object, kept(object))).collect();
    api.store.set_app_fields(&caller.app().app, &left).await.map_err(|error| api.unavailable(&error))?;
    Ok(success())
}

/// The verification GET (section 2.1): the callback must answer 200 with the challenge and nothing else.
async fn shake_hands(api: &GraphApi, mut callback: Url, verify_token: &str) -> Result<(), GraphError> {
    let challenge = random_challenge();
    callback
        .query_pairs_mut()
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.challenge", &challenge)
        .append_pair("hub.verify_token", verify_token);
    match api.outbound.get(&callback).await {
        Outcome::Answered(Answer { status: 200, body, .. }) if body.trim_ascii() == challenge.as_bytes() => Ok(()),
        Outcome::Answered(Answer { status: 200, .. }) => Err(unverified("the body of the answer is not the challenge")),
        Outcome::Answered(Answer { status, .. }) => Err(unverified(format!("HTTP Status Code = {status}"))),
        Outcome::Refused => Err(unverified("nothing answers at this address")),
        Outcome::TimedOut => Err(unverified("the answer took too long")),
        Outcome::Broken => Err(unverified("the answer is not HTTP")),
        Outcome::Blocked => Err(unverified("this address may not be called")),
    }
}

/// A whole number, as the platform sends: some receivers parse it.
fn random_challenge() -> String {
    u32::from_le_bytes(random::bytes::<4>()).to_string()
}

fn unverified(why: impl fmt::Display) -> GraphError {
    GraphError::new(2200, None, 400, &format!("Callback verification failed with the following errors: {why}"))
}

fn object(params: &Params) -> Result<Object, GraphError> {
    let object = params.text("object")?.unwrap_or_default();
    Object::parse(object.trim()).ok_or_else(|| GraphError::parameter("Param object must be one of {page, instagram}"))
}

/// Text that must be there and can be kept.
fn short(params: &Params, name: &str) -> Result<String, GraphError> {
    let text = params.required(name)?;
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(GraphError::parameter(&format!("Param {name} is too long or holds control characters")));
    }
    Ok(text)
}

/// A list of webhook fields, each known, none twice.
fn field_names(params: &Params, name: &str) -> Result<Vec<String>, GraphError> {
    let mut names = params.list(name)?;
    let is_known = |name: &str| FIELDS.contains(&name) || OF_PAGES.contains(&name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        let shown: String = unknown.chars().take(64).collect();
        return Err(GraphError::parameter(&format!("Param {name} must be one of {{{}}} - got \"{shown}\"", FIELDS.join(", "))));
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn fields_are_known_and_come_in_every_spelling() {
        let read = |query: &str| field_names(&Params::from_form(query.as_bytes()).unwrap(), "subscribed_fields");
        let expected = Ok(vec!["messages".to_owned(), "messaging_postbacks".to_owned()]);
        for query in ["messages,%20messaging_postbacks,", "[\"messaging_postbacks\",\"messages\",\"messages\"]"] {
            assert_eq!(read(&format!("subscribed_fields={query}")), expected, "{query}");
        }
        assert_eq!(read("").unwrap(), Vec::<String>::new());
        // What a published Ruby client subscribes to.
        assert_eq!(read("subscribed_fields=feed,mention,name").unwrap(), ["feed", "mention", "name"]);
        assert_eq!(read("subscribed_fields=messages,live_comments").unwrap(), ["live_comments", "messages"]);
        assert_eq!(read("subscribed_fields=massages").unwrap_err().code, 100);
    }

    #[test]
    fn usual_fields_are_known() {
        assert!(USUAL.iter().all(|field| FIELDS.contains(field)));
    }
}
