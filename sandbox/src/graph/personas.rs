//! Personas of a Page.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::GraphError;
use super::request::GraphCall;
use super::route::Caller;
use crate::platform::Platform;
use crate::random;
use crate::world::{Grant, Object, Persona};

/// Longest name, in characters.
const NAME: usize = 50;
/// So many of them in one answer, unless less are wanted.
const LISTED: usize = 25;

/// `GET` and `POST personas`.
pub fn edge(platform: &Arc<Platform>, call: &GraphCall, caller: &Caller) -> Result<Value, GraphError> {
    let unknown = || GraphError::unknown_object(&call.method, &caller.account);
    if platform.look(|world, _| world.accounts.get(&caller.account).is_none_or(|account| account.object == Object::Instagram)) {
        return Err(unknown());
    }
    if call.method == "GET" {
        let limit = call.params.text("limit").and_then(|limit| limit.parse().ok()).unwrap_or(LISTED).min(LISTED);
        let after = call.params.text("after").unwrap_or_default();
        return platform.look(|world, _| {
            let account = world.accounts.get(&caller.account).ok_or_else(unknown)?;
            let mut rest = account.personas.iter().filter(|(id, _)| **id > after);
            let listed: Vec<_> = rest.by_ref().take(limit).collect();
            let (Some((first, _)), Some((last, _))) = (listed.first(), listed.last()) else { return Ok(json!({"data": []})) };
            let data: Vec<Value> = listed.iter().map(|(id, persona)| shown(id, persona)).collect();
            let mut paging = json!({"cursors": {"before": first, "after": last}});
            if rest.next().is_some() {
                let token = call.token.as_deref().unwrap_or_default();
                paging["next"] = json!(format!("{}/me/personas?limit={limit}&after={last}&access_token={token}", platform.base_url()));
            }
            Ok(json!({"data": data, "paging": paging}))
        });
    }
    let given = |name: &str| call.params.text(name).filter(|text| !text.is_empty()).ok_or_else(|| GraphError::missing(name));
    let (name, picture) = (given("name")?, given("profile_picture_url")?);
    if name.chars().count() > NAME {
        return Err(GraphError::parameter(&format!("Length of param name must be less than or equal to {NAME}")));
    }
    let id = random::object_id();
    platform.change(|world, _| {
        let account = world.accounts.get_mut(&caller.account).ok_or_else(unknown)?;
        account.personas.insert(id.clone(), Persona { name, picture });
        Ok(json!({ "id": id }))
    })
}

/// `GET` and `DELETE` of a persona. `None`: there is none with this id on the Page.
pub fn node(platform: &Arc<Platform>, call: &GraphCall, grant: &Grant, id: &str) -> Option<Value> {
    match call.method.as_str() {
        "GET" => platform.look(|world, _| Some(shown(id, world.accounts.get(&grant.page_id)?.personas.get(id)?))),
        "DELETE" => platform.change(|world, _| {
            world.accounts.get_mut(&grant.page_id)?.personas.remove(id)?;
            Some(json!({"success": true}))
        }),
        _ => None,
    }
}

fn shown(id: &str, persona: &Persona) -> Value {
    json!({"id": id, "name": persona.name, "profile_picture_url": persona.picture})
}
