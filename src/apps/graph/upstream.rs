//! What the API itself asks of the platform.

use std::time::Duration;

use serde_json::Value;

use super::GraphApi;
use crate::wire::GraphError;
use crate::wire::upstream::{UpstreamError, UpstreamRequest};

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
