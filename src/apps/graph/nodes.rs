//! Nodes that can be read: the Page, the app, a person, a persona; one or several at once.

use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};

use super::GraphApi;
use super::call::{Call, unsupported};
use super::caller::{Caller, PageCaller};
use super::fields::Fields;
use super::personas;
use super::upstream::ask_for_page;
use crate::clock;
use crate::store::platform::Profile;
use crate::wire::upstream::UpstreamMethod;
use crate::wire::{GraphError, Object, Params, PersonId};

/// Most nodes of one call.
const MOST: usize = 50;
/// What a person's node shows unasked, by the kind of Page.
const MESSENGER_PROFILE: [&str; 4] = ["id", "first_name", "last_name", "profile_pic"];
const INSTAGRAM_PROFILE: [&str; 4] = ["id", "name", "username", "profile_pic"];
/// What the platform may be asked about a person (protocol page, section 5.2); everything else does not exist.
const PERSON_FIELDS: [&str; 13] = [
    "name",
    "first_name",
    "last_name",
    "profile_pic",
    "locale",
    "timezone",
    "gender",
    "username",
    "follower_count",
    "is_verified_user",
    "is_user_follow_business",
    "is_business_follow_user",
    "is_payment_enabled",
];

/// `GET /{node}`.
pub(super) async fn one(api: &GraphApi, caller: &Caller, node: &str, params: &Params) -> Result<Value, GraphError> {
    match caller {
        Caller::App(caller) if caller.is_app(node) => own(params, caller.app().app.as_str(), &caller.app().name),
        Caller::App(_) => Err(unsupported("get", node)),
        Caller::Page(caller) if caller.is_page(node) && params.get("account_linking_token").is_some() => linking(api, caller, params).await,
        Caller::Page(caller) if caller.is_page(node) => page(caller, params),
        Caller::Page(caller) if node == "app" || node == caller.app().as_str() => own(params, caller.app().as_str(), caller.app_name()),
        Caller::Page(caller) => person(api, caller, node, params).await,
    }
}

/// `GET /?ids=a,b`: an object of nodes. One that cannot be read fails the call, as on the platform.
pub(super) async fn several(api: &GraphApi, caller: &Caller, call: &Call) -> Result<Value, GraphError> {
    let ids = call.params.list("ids")?;
    if ids.is_empty() {
        return Err(unsupported("get", ""));
    }
    if ids.len() > MOST {
        return Err(GraphError::parameter(&format!("Param ids must not hold more than {MOST} ids")));
    }
    // Side by side: each may have to wait for the platform.
    let nodes = try_join_all(ids.iter().map(|id| one(api, caller, id, &call.params))).await?;
    Ok(Value::Object(ids.into_iter().zip(nodes).collect()))
}

fn own(params: &Params, id: &str, name: &str) -> Result<Value, GraphError> {
    let fields = Fields::read(params, &["name", "id"])?;
    let mut all = Map::new();
    all.insert("id".to_owned(), id.into());
    all.insert("name".to_owned(), name.into());
    Ok(fields.select(all))
}

fn page(caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let fields = Fields::read(params, &["name", "id"])?;
    let mut all = Map::new();
    all.insert("id".to_owned(), caller.page().as_str().into());
    all.insert("name".to_owned(), caller.page_name().into());
    // Several apps share every Page here; the older protocol with fixed roles is not in force.
    let status = json!({ "hop_v2": false, "msgr_multi_app": true, "ig_multi_app": true });
    all.insert("messaging_feature_status".to_owned(), status);
    Ok(fields.select(all))
}

/// Whose account is being linked: only the platform knows what its token stands for.
async fn linking(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let token = params.text("account_linking_token")?.unwrap_or_default();
    let query = vec![("fields".to_owned(), "recipient".to_owned()), ("account_linking_token".to_owned(), token)];
    ask_for_page(api, caller, UpstreamMethod::Get, "me", query, Map::new()).await
}

/// A person that the Page has seen, or a persona of its own. From the copy while it is fresh, else from the platform.
async fn person(api: &GraphApi, caller: &PageCaller, node: &str, params: &Params) -> Result<Value, GraphError> {
    let person = PersonId::parse(node).map_err(|_| unsupported("get", node))?;
    let known = api.store.control_of(caller.page(), &person).await.map_err(|error| api.unavailable(&error))?;
    if known.is_none() {
        let is_persona = api.store.is_persona(caller.page(), node).await.map_err(|error| api.unavailable(&error))?;
        return if is_persona { personas::one(api, caller, node, params).await } else { Err(GraphError::unknown_person()) };
    }
    let usual = match caller.object() {
        Object::Page => MESSENGER_PROFILE,
        Object::Instagram => INSTAGRAM_PROFILE,
    };
    let fields = Fields::read(params, &usual)?;
    let kept = api.store.person(caller.page(), &person).await.map_err(|error| api.unavailable(&error))?;
    let oldest = clock::now().plus_millis(-i64::try_from(api.settings.profile_age.as_millis()).unwrap_or(i64::MAX));
    let (mut all, fresh) = match kept {
        Some((profile, at)) => (members(profile), at >= oldest),
        None => (Map::new(), false),
    };
    let missing: Vec<&str> = fields.iter().filter(|name| PERSON_FIELDS.contains(name) && (!fresh || !all.contains_key(*name))).collect();
    if !missing.is_empty() {
        match fetch(api, caller, &person, &missing).await {
            Ok(fetched) => all.extend(fetched),
            // An old profile is better than none.
            Err(error) if all.is_empty() => return Err(error),
            Err(error) => tracing::info!(code = error.code, page = %caller.page(), "the platform gave no profile; an older one is shown"),
        }
    }
    all.insert("id".to_owned(), person.as_str().into());
    Ok(fields.select(all))
}

/// Asks the platform for these fields, and keeps what it says, also that it says nothing.
async fn fetch(api: &GraphApi, caller: &PageCaller, person: &PersonId, names: &[&str]) -> Result<Map<String, Value>, GraphError> {
    let query = vec![("fields".to_owned(), names.join(","))];
    let answer = ask_for_page(api, caller, UpstreamMethod::Get, person.as_str(), query, Map::new()).await?;
    let fetched: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), answer.get(*name).cloned().unwrap_or_default())).collect();
    if let Err(error) = api.store.put_profile(caller.page(), person, &profile(&fetched)).await {
        tracing::warn!(%error, page = %caller.page(), "a profile was fetched but not kept");
    }
    Ok(fetched)
}

/// The members of a profile; those that the platform was asked for in vain are null.
fn members(profile: Profile) -> Map<String, Value> {
    let mut all = profile.more;
    let named = [
        ("name", profile.name),
        ("first_name", profile.first_name),
        ("last_name", profile.last_name),
        ("profile_pic", profile.profile_pic),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            all.insert(name.to_owned(), value.into());
        }
    }
    all
}

fn profile(members: &Map<String, Value>) -> Profile {
    let mut more = members.clone();
    let mut take = |name: &str| match more.get(name) {
        Some(Value::String(_)) => match more.shift_remove(name) {
            Some(Value::String(text)) => Some(text.replace('\0', "")),
            _ => None,
        },
        _ => None,
    };
    let (name, first_name, last_name, profile_pic) = (take("name"), take("first_name"), take("last_name"), take("profile_pic"));
    Profile { name, first_name, last_name, profile_pic, more }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_profile_keeps_what_was_asked_in_vain() {
        let fetched = json!({"first_name": "Ada", "last_name": null, "locale": "en_GB"}).as_object().unwrap().clone();
        let profile = profile(&fetched);
        assert_eq!((profile.first_name.as_deref(), profile.last_name.as_deref()), (Some("Ada"), None));
        assert_eq!(Value::Object(profile.more.clone()), json!({"last_name": null, "locale": "en_GB"}));
        assert_eq!(Value::Object(members(profile)), json!({"last_name": null, "locale": "en_GB", "first_name": "Ada"}));
    }
}
