//! Calls to the platform's Graph API on behalf of a Page, as one face of Baton asks another for them: plain data and the way between.
//!
//! The face towards apps needs the platform now and then (a person's profile, an attachment to upload, the Page's Messenger profile), but
//! never knows the face towards the platform. It holds an [`Upstream`]; the platform's client serves the other end.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use super::error::GraphError;
use super::ids::PageId;

/// How many calls may wait for the client before callers wait to be let in.
const WAITING: usize = 256;

/// A call to the platform with the Page's own token.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamRequest {
    /// Whose token.
    pub page: PageId,
    /// How.
    pub method: UpstreamMethod,
    /// Below the version, without leading slash: `me/message_attachments`, `<psid>`. `me` is the Page.
    pub path: String,
    /// Goes into the query; never a token.
    pub query: Vec<(String, String)>,
    /// Goes as the JSON body, or as JSON-encoded fields beside the file.
    pub body: Map<String, Value>,
    /// A file to upload as multipart field `filedata`.
    pub file: Option<UpstreamFile>,
}

/// A call on its way to the client that makes it.
#[derive(Debug)]
pub struct UpstreamCall {
    /// What is asked.
    pub request: UpstreamRequest,
    /// Where the answer goes. Dropped without one: [`UpstreamError::Unavailable`].
    pub answer: oneshot::Sender<Result<Value, UpstreamError>>,
}

/// The HTTP methods of the Graph API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamMethod {
    /// Reads.
    Get,
    /// Writes.
    Post,
    /// Removes.
    Delete,
}

/// A file on its way to the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamFile {
    /// Its name as the app gave it.
    pub name: String,
    /// Its media type as the app gave it.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why the platform gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It answered with an error, passed on as it is.
    #[error("{}", .0.message)]
    Refused(GraphError),
    /// It did not answer in time, or not understandably, or the Page has no usable token.
    #[error("the platform does not answer")]
    Unavailable,
}

/// The asking end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Upstream {
    calls: mpsc::Sender<UpstreamCall>,
}

impl Upstream {
    /// The asking end and the end that the platform's client serves.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<UpstreamCall>) {
        let (calls, served) = mpsc::channel(WAITING);
        (Self { calls }, served)
    }

    /// Asks the platform and waits for its answer, at most `patience`.
    ///
    /// # Errors
    /// The platform's own error, or [`UpstreamError::Unavailable`] when it gave none in time. Nothing is known then about a write.
    pub async fn ask(&self, request: UpstreamRequest, patience: Duration) -> Result<Value, UpstreamError> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.calls.send(UpstreamCall { request, answer }).await.map_err(|_| UpstreamError::Unavailable)?;
            answered.await.map_err(|_| UpstreamError::Unavailable)?
        };
        tokio::time::timeout(patience, asked).await.map_err(|_| UpstreamError::Unavailable)?
    }
}
