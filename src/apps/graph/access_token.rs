//! `/oauth/access_token` with `client_credentials`: SDKs ask for an app's token by this before they subscribe it (protocol page, section 6).

use serde_json::{Value, json};

use super::GraphApi;
use super::caller::Caller;
use crate::wire::{GraphError, Params};

/// The app's token, `APPID|SECRET`, for whoever knows both. Page tokens are issued by an admin and by nobody else.
pub(super) async fn answer(api: &GraphApi, params: &Params) -> Result<Value, GraphError> {
    if params.required("grant_type")? != "client_credentials" {
        return Err(GraphError::parameter("Param grant_type must be one of {client_credentials}"));
    }
    let token = format!("{}|{}", params.required("client_id")?, params.required("client_secret")?);
    let caller = Caller::of_token(api, &token, None).await?;
    api.signs.tell(caller.app());
    Ok(json!({ "access_token": token, "token_type": "bearer" }))
}
