//! Personas: names and pictures under which a Page writes. They belong to the Page, so all its apps share them. The platform keeps them; Baton knows
//! which ids they are, so that a call about a bare id reaches nothing else that the Page has at the platform. One that was made beside Baton is
//! known once it has been listed. Protocol page, section 5.5.

use serde_json::{Map, Value, json};

use super::GraphApi;
use super::call::unsupported;
use super::caller::PageCaller;
use super::fields::Fields;
use super::route::success;
use super::upstream::ask_for_page;
use crate::store::StoreError;
use crate::wire::upstream::UpstreamMethod;
use crate::wire::{GraphError, Params};

/// Longest name, in characters.
const NAME_CHARS: usize = 50;
/// Longest address of a picture, in bytes.
const URL_BYTES: usize = 2048;
/// What a persona shows.
const FIELDS: [&str; 3] = ["id", "name", "profile_picture_url"];
/// Most parts that are read for a whole list.
const PARTS: usize = 20;
/// How a list is gone through.
const PAGING: [&str; 3] = ["limit", "after", "before"];

/// `POST …/personas`.
pub(super) async fn create(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let name = params.required("name")?;
    if name.chars().count() > NAME_CHARS {
        return Err(GraphError::too_long("name", NAME_CHARS));
    }
    let picture = params.required("profile_picture_url")?;
    let is_web = url::Url::parse(&picture).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_web || picture.len() > URL_BYTES {
        return Err(GraphError::parameter("Param profile_picture_url must be a web address"));
    }
    let body = [("name".to_owned(), name.into()), ("profile_picture_url".to_owned(), picture.into())].into_iter().collect();
    let answer = ask_for_page(api, caller, UpstreamMethod::Post, "me/personas", Vec::new(), body).await?;
    let id = id_of(&answer).ok_or_else(|| GraphError::temporary("The platform did not say which persona it made."))?;
    // It is made, whatever becomes of the note of it: once it is listed it is known.
    learned(api.store.keep_personas(caller.page(), &[&id]).await);
    Ok(json!({ "id": id }))
}

/// `GET …/personas`: all, or with `limit`, `after` or `before` that part, in the order of the platform.
pub(super) async fn list(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let mut asked = Vec::new();
    for name in PAGING {
        asked.extend(params.text(name)?.map(|value| (name.to_owned(), value)));
    }
    let whole = asked.is_empty();
    let mut all = Vec::new();
    for _ in 0..PARTS {
        let Part { personas, cursors, after } = part(api, caller, asked).await?;
        all.extend(personas);
        match after {
            Some(after) if whole => asked = vec![("after".to_owned(), after)],
            _ if whole => break,
            _ if cursors.is_null() => break,
            _ => return Ok(json!({ "data": all, "paging": { "cursors": cursors } })),
        }
    }
    Ok(json!({ "data": all }))
}

/// A part of the list.
struct Part {
    personas: Vec<Value>,
    cursors: Value,
    /// Where the next part begins, if there is one.
    after: Option<String>,
}

async fn part(api: &GraphApi, caller: &PageCaller, asked: Vec<(String, String)>) -> Result<Part, GraphError> {
    let fields = [("fields".to_owned(), FIELDS.join(","))];
    let query = fields.into_iter().chain(asked).collect();
    let mut answer = ask_for_page(api, caller, UpstreamMethod::Get, "me/personas", query, Map::new()).await?;
    let personas = match answer.get_mut("data").map(Value::take) {
        Some(Value::Array(personas)) => personas,
        _ => Vec::new(),
    };
    let ids: Vec<String> = personas.iter().filter_map(id_of).collect();
    learned(api.store.keep_personas(caller.page(), &ids.iter().map(String::as_str).collect::<Vec<_>>()).await);
    // The platform's own addresses of other parts hold the Page's token, so they are not handed on; that there is a next one tells of more.
    let after = answer.pointer("/paging/cursors/after").and_then(Value::as_str).map(str::to_owned);
    let after = after.filter(|_| answer.pointer("/paging/next").is_some());
    Ok(Part { personas, cursors: answer.pointer("/paging/cursors").cloned().unwrap_or_default(), after })
}

/// `GET /{persona}`, of one that is known.
pub(super) async fn one(api: &GraphApi, caller: &PageCaller, id: &str, params: &Params) -> Result<Value, GraphError> {
    let fields = Fields::read(params, &FIELDS)?;
    let asked: Vec<&str> = FIELDS.into_iter().filter(|name| *name == "id" || fields.iter().any(|field| field == *name)).collect();
    let query = vec![("fields".to_owned(), asked.join(","))];
    match ask_for_page(api, caller, UpstreamMethod::Get, id, query, Map::new()).await? {
        Value::Object(mut all) => {
            all.insert("id".to_owned(), id.into());
            Ok(fields.select(all))
        }
        _ => Err(GraphError::temporary("The platform did not say what this persona is.")),
    }
}

/// `DELETE /{persona}`.
pub(super) async fn delete(api: &GraphApi, caller: &PageCaller, id: &str) -> Result<Value, GraphError> {
    if !api.store.is_persona(caller.page(), id).await.map_err(|error| api.unavailable(&error))? {
        return Err(unsupported("delete", id));
    }
    ask_for_page(api, caller, UpstreamMethod::Delete, id, Vec::new(), Map::new()).await?;
    learned(api.store.forget_persona(caller.page(), id).await);
    Ok(success())
}

fn id_of(persona: &Value) -> Option<String> {
    match persona.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// The platform has done it: what Baton knows of it comes second.
fn learned(kept: Result<(), StoreError>) {
    if let Err(error) = kept {
        tracing::warn!(%error, "which personas there are is not kept");
    }
}
