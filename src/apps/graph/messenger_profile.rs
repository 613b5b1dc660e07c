//! The Page's Messenger profile (Get Started, greeting, menu, …). It belongs to the Page, so all its apps share it; Baton keeps a copy, because
//! the platform answers ten such calls in ten minutes, and passes every change on.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::GraphApi;
use super::caller::PageCaller;
use super::upstream::ask_for_page;
use crate::store::profiles::PageProfile;
use crate::wire::params::decoded;
use crate::wire::upstream::UpstreamMethod;
use crate::wire::{GraphError, Object, Params};

/// What there is, and whether its value is a list (protocol page, section 5.6).
const PROPERTIES: [(&str, Shape); 7] = [
    ("get_started", Shape::Object),
    ("greeting", Shape::List),
    ("persistent_menu", Shape::List),
    ("ice_breakers", Shape::List),
    ("whitelisted_domains", Shape::List),
    ("account_linking_url", Shape::Text),
    ("commands", Shape::List),
];
/// What can be read besides; the platform sets it (protocol page, section 5.6).
const READ_ONLY: &str = "subject_to_new_eu_privacy_rules";
/// What there once was. Clients still name it beside what there is: it reads as unset, and there is nothing left to remove.
const RETIRED: [&str; 3] = ["home_url", "payment_settings", "target_audience"];
/// How long the copy is good: the platform answers ten such calls in as long.
const GOOD_FOR: Duration = Duration::from_secs(600);
/// Largest profile taken at once, in bytes of JSON.
const LARGEST: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Object,
    List,
    Text,
}

/// `GET`: from the copy. What it does not know, or has known for long, is asked of the platform: an admin or an app beside Baton may have changed it.
pub(super) async fn get(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let names = names(params)?.unwrap_or_else(|| PROPERTIES.iter().map(|(name, _)| *name).collect());
    let PageProfile { mut known, old } = api.store.page_profile(caller.page(), GOOD_FOR).await.map_err(|error| api.unavailable(&error))?;
    let asked: Vec<&str> = names.iter().copied().filter(|name| !known.contains_key(*name) || old.contains(*name)).collect();
    if !asked.is_empty() {
        match learn(api, caller, &asked).await {
            Ok(learned) => known.extend(learned),
            // The copy is better than nothing.
            Err(error) if asked.iter().all(|name| known.contains_key(*name)) => {
                tracing::info!(page = %caller.page(), code = error.code, "the platform does not tell the Messenger profile; the copy stands");
            }
            Err(error) => return Err(error),
        }
    }
    let set: Map<String, Value> = names
        .into_iter()
        .filter_map(|name| known.get(name).filter(|value| !value.is_null()).map(|value| (name.to_owned(), value.clone())))
        .collect();
    Ok(if set.is_empty() { json!({ "data": [] }) } else { json!({ "data": [set] }) })
}

/// `POST`: on the platform first, then in the copy.
pub(super) async fn set(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let properties = properties(params)?;
    ask(api, caller, UpstreamMethod::Post, Vec::new(), properties.clone()).await?;
    keep(api, caller, &properties).await?;
    Ok(json!({ "result": "success" }))
}

/// `DELETE` of the named properties.
pub(super) async fn delete(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let Some(mut names) = names(params)? else { return Err(GraphError::parameter("The parameter fields is required")) };
    names.retain(|name| *name != READ_ONLY);
    if names.is_empty() {
        return Ok(json!({ "result": "success" }));
    }
    let mut body = Map::new();
    body.insert("fields".to_owned(), json!(names));
    ask(api, caller, UpstreamMethod::Delete, Vec::new(), body).await?;
    let gone = names.into_iter().map(|name| (name.to_owned(), Value::Null)).collect();
    keep(api, caller, &gone).await?;
    Ok(json!({ "result": "success" }))
}

/// Asks the platform for properties that the copy does not know, and keeps what it says, also that they are unset.
async fn learn(api: &GraphApi, caller: &PageCaller, names: &[&str]) -> Result<Map<String, Value>, GraphError> {
    let query = vec![("fields".to_owned(), names.join(","))];
    let answer = ask(api, caller, UpstreamMethod::Get, query, Map::new()).await?;
    let given = answer.pointer("/data/0").and_then(Value::as_object);
    let learned: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), given.and_then(|given| given.get(*name)).cloned().unwrap_or_default())).collect();
    keep(api, caller, &learned).await?;
    Ok(learned)
}

async fn ask(
    api: &GraphApi,
    caller: &PageCaller,
    method: UpstreamMethod,
    mut query: Vec<(String, String)>,
    body: Map<String, Value>,
) -> Result<Value, GraphError> {
    if caller.object() == Object::Instagram {
        query.push(("platform".to_owned(), "instagram".to_owned()));
    }
    ask_for_page(api, caller, method, "me/messenger_profile", query, body).await
}

async fn keep(api: &GraphApi, caller: &PageCaller, properties: &Map<String, Value>) -> Result<(), GraphError> {
    api.store.save_page_profile(caller.page(), caller.app(), properties).await.map_err(|error| api.unavailable(&error))
}

/// The names in `fields`, in either case, but for those that are retired; `None` when it names nothing.
fn names(params: &Params) -> Result<Option<Vec<&'static str>>, GraphError> {
    let asked = params.list("fields")?;
    let mut names = Vec::with_capacity(asked.len());
    for name in asked.iter().map(|name| name.to_ascii_lowercase()) {
        let known = PROPERTIES.iter().map(|(known, _)| *known).chain([READ_ONLY]).find(|known| *known == name);
        match known {
            Some(known) => names.push(known),
            None if RETIRED.contains(&name.as_str()) => {}
            None => return Err(GraphError::parameter(&format!("Param fields must be one of {{{}}}, not {name}", all_names()))),
        }
    }
    Ok((!asked.is_empty()).then_some(names))
}

fn all_names() -> String {
    PROPERTIES.map(|(name, _)| name).join(", ")
}

/// The properties to set, each in its shape.
fn properties(params: &Params) -> Result<Map<String, Value>, GraphError> {
    let mut properties = Map::new();
    for (name, shape) in PROPERTIES {
        let Some(value) = params.get(name) else { continue };
        let wrong = |what: &str| GraphError::parameter(&format!("Param {name} must be {what}"));
        let value = match shape {
            Shape::Object => Value::Object(params.object(name)?.ok_or_else(|| wrong("an object"))?),
            Shape::Text => Value::String(params.text(name)?.ok_or_else(|| wrong("a string"))?),
            Shape::List => decoded(value).ok().filter(Value::is_array).ok_or_else(|| wrong("an array"))?,
        };
        properties.insert(name.to_owned(), value);
    }
    if properties.is_empty() {
        return Err(GraphError::parameter(&format!("Requires one of the params: {}", all_names().replace(", ", ","))));
    }
    let text = Value::Object(properties.clone()).to_string();
    // PostgreSQL keeps no NUL in JSON, and no menu needs one.
    if text.len() > LARGEST || text.contains("\\u0000") {
        return Err(GraphError::parameter("The Messenger profile is too large or holds characters that cannot be shown"));
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(body: &str) -> Result<Map<String, Value>, GraphError> {
        properties(&Params::from_body(None, body.as_bytes()).unwrap())
    }

    #[test]
    fn takes_what_there_is_in_its_shape() {
        assert_eq!(
            Value::Object(read(r#"{"get_started":{"payload":"START"},"x":1}"#).unwrap()),
            json!({"get_started": {"payload": "START"}})
        );
        let form = "greeting=[{\"locale\":\"default\",\"text\":\"Hi\"}]&get_started={\"payload\":\"S\"}";
        let expected = json!({"get_started": {"payload": "S"}, "greeting": [{"locale": "default", "text": "Hi"}]});
        assert_eq!(Value::Object(read(form).unwrap()), expected);
        let pseudo = "greeting=[{'locale':'default','text':'Hi'}]&get_started={'payload':'S'}";
        assert_eq!(Value::Object(read(pseudo).unwrap()), expected);
        for wrong in [
            "",
            "{}",
            r#"{"get_started":[]}"#,
            r#"{"greeting":{"a":1}}"#,
            r#"{"greeting":"x"}"#,
            r#"{"account_linking_url":{}}"#,
            r#"{"persistent_menu":7}"#,
        ] {
            assert_eq!(read(wrong).unwrap_err().code, 100, "{wrong}");
        }
    }

    #[test]
    fn names_are_checked() {
        let read = |query: &str| names(&Params::from_form(query.as_bytes()).unwrap());
        assert_eq!(read("fields=greeting,%20get_started"), Ok(Some(vec!["greeting", "get_started"])));
        assert_eq!(read("fields=[\"commands\"]"), Ok(Some(vec!["commands"])));
        // As the platform's own PHP and Ruby SDKs name them.
        assert_eq!(read("fields=[\"GET_STARTED\",\"PERSISTENT_MENU\"]"), Ok(Some(vec!["get_started", "persistent_menu"])));
        assert_eq!(read("fields=greeting,home_url,subject_to_new_eu_privacy_rules"), Ok(Some(vec!["greeting", READ_ONLY])));
        assert_eq!(read("fields=home_url"), Ok(Some(vec![])));
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("fields=greetings").unwrap_err().code, 100);
    }
}
