//! What apps set for one person at the platform: the person's own menu, and that an account is no longer linked. Baton keeps nothing of it, and asks
//! only about people whom the Page knows. Protocol page, sections 5.6 and 5.8.

use serde_json::{Map, Value};

use super::GraphApi;
use super::caller::PageCaller;
use super::upstream::ask_for_page;
use crate::wire::params::decoded;
use crate::wire::upstream::UpstreamMethod;
use crate::wire::{GraphError, Params, PersonId};

/// The one setting there is.
const MENU: &str = "persistent_menu";
/// Largest menu, in bytes of JSON.
const LARGEST: usize = 64 * 1024;
const SETTINGS: &str = "me/custom_user_settings";

/// `GET …/custom_user_settings`.
pub(super) async fn settings(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let query = vec![("psid".to_owned(), person(api, caller, params).await?)];
    ask_for_page(api, caller, UpstreamMethod::Get, SETTINGS, query, Map::new()).await
}

/// `POST …/custom_user_settings`.
pub(super) async fn set(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let psid = person(api, caller, params).await?;
    let menu = params.get(MENU).and_then(|menu| decoded(menu).ok()).filter(Value::is_array);
    let menu = menu.filter(|menu| menu.to_string().len() <= LARGEST);
    let menu = menu.ok_or_else(|| GraphError::parameter(&format!("Param {MENU} must be an array, and no longer than a menu can be")))?;
    let body = [("psid".to_owned(), psid.into()), (MENU.to_owned(), menu)].into_iter().collect();
    ask_for_page(api, caller, UpstreamMethod::Post, SETTINGS, Vec::new(), body).await
}

/// `DELETE …/custom_user_settings`.
pub(super) async fn unset(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let psid = person(api, caller, params).await?;
    if params.list("params")? != [MENU] {
        return Err(GraphError::parameter(&format!("Param params must be [\"{MENU}\"]")));
    }
    let query = vec![("psid".to_owned(), psid), ("params".to_owned(), format!("[\"{MENU}\"]"))];
    ask_for_page(api, caller, UpstreamMethod::Delete, SETTINGS, query, Map::new()).await
}

/// `POST …/unlink_accounts`.
pub(super) async fn unlink(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<Value, GraphError> {
    let body = [("psid".to_owned(), person(api, caller, params).await?.into())].into_iter().collect();
    ask_for_page(api, caller, UpstreamMethod::Post, "me/unlink_accounts", Vec::new(), body).await
}

/// The person in `psid`, if the Page knows them.
async fn person(api: &GraphApi, caller: &PageCaller, params: &Params) -> Result<String, GraphError> {
    let person = PersonId::parse(params.required("psid")?).map_err(|_| GraphError::unknown_person())?;
    let known = api.store.control_of(caller.page(), &person).await.map_err(|error| api.unavailable(&error))?;
    known.map(|_| person.to_string()).ok_or_else(GraphError::unknown_person)
}
