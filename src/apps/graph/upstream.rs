//! What the API itself asks of the platform.

use std::time::Duration;

use serde_json::{Map, Value};

use super::GraphApi;
use super::caller::PageCaller;
use crate::wire::GraphError;
use crate::wire::upstream::{UpstreamError, UpstreamMethod, UpstreamRequest};

/// Asks the platform with the caller's Page, as long as an app waits for an answer.
///
/// # Errors
/// Those of [`ask_platform`].
pub(super) async fn ask_for_page(
    api: &GraphApi,
    caller: &PageCaller,
    method: UpstreamMethod,
    path: &str,
    query: Vec<(String, String)>,
    body: Map<String, Value>,
) -> Result<Value, GraphError> {
    let request = UpstreamRequest { page: caller.page().clone(), method, path: path.to_owned(), query, body, file: None };
    ask_platform(api, request, api.settings.upstream_patience).await
}

/// Asks the platform. Its refusal goes back as it is.
///
/// # Errors
/// The platform's own error; 2 when it does not answer.
pub(super) async fn ask_platform(api: &GraphApi, request: UpstreamRequest, patience: Duration) -> Result<Value, GraphError> {
    api.upstream.ask(request, patience).await.map_err(|error| match error {
        UpstreamError::Refused(error) => error,
        UpstreamError::Unavailable => GraphError::temporary("The platform does not answer. Please retry."),
    })
}
