//! `POST /{page}/message_attachments`, and files that come with a send (protocol page, section 3.5).

use serde_json::{Map, Value, json};

use super::error::GraphError;
use super::file::FileKind;
use super::ids::{AttachmentId, Object, PageId};
use super::message_limits::check_url;
use super::params::{Params, decoded, scalar};
use super::upstream::{UpstreamFile, UpstreamMethod, UpstreamRequest};

/// An attachment to be kept by the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// `image`, `video`, `audio` or `file`.
    pub kind: String,
    /// Where the platform fetches it; `None` if the file came along.
    pub url: Option<String>,
}

impl Upload {
    /// Reads the upload that `message.attachment` describes. `has_file`: the file came along as a part of a multipart body.
    ///
    /// # Errors
    /// 100 when the type is missing or wrong, or there is not exactly one of URL and file.
    pub fn parse(params: &Params, has_file: bool) -> Result<Self, GraphError> {
        let attachment = attachment(params)?;
        let kind = attachment.get("type").and_then(scalar).unwrap_or_default();
        if !matches!(kind.as_str(), "image" | "video" | "audio" | "file") {
            return Err(GraphError::parameter("Param message[attachment][type] must be one of {image, video, audio, file}"));
        }
        let payload = attachment.get("payload").and_then(Value::as_object);
        let url = payload.and_then(|payload| payload.get("url")).and_then(scalar).filter(|url| !url.is_empty());
        match (&url, has_file) {
            (Some(url), false) => check_url(url)?,
            (None, true) => {}
            (Some(_), true) => return Err(GraphError::parameter("Only one of a file and payload[url] may be given")),
            (None, false) => return Err(GraphError::parameter("The attachment's payload needs a url, or a file must come along")),
        }
        Ok(Self { kind, url })
    }

    /// A file that comes along.
    #[must_use]
    pub fn of_file(kind: FileKind) -> Self {
        Self { kind: kind.as_str().to_owned(), url: None }
    }

    /// The call to the platform. What is not reusable cannot be sent by its id afterwards, so every upload is.
    #[must_use]
    pub fn request(&self, page: PageId, object: Object, file: Option<UpstreamFile>) -> UpstreamRequest {
        let mut payload = Map::new();
        if let Some(url) = &self.url {
            payload.insert("url".to_owned(), url.as_str().into());
        }
        payload.insert("is_reusable".to_owned(), true.into());
        let mut body = Map::new();
        body.insert("message".to_owned(), json!({ "attachment": { "type": self.kind, "payload": payload } }));
        // With an Instagram account's token `me` is the Page that it is linked to, and only this says for whom the attachment is.
        let query = match object {
            Object::Page => Vec::new(),
            Object::Instagram => vec![("platform".to_owned(), "INSTAGRAM".to_owned())],
        };
        UpstreamRequest { page, method: UpstreamMethod::Post, path: "me/message_attachments".to_owned(), query, body, file }
    }
}

/// The id in the platform's answer to an upload.
#[must_use]
pub fn attachment_id(answer: &Value) -> Option<AttachmentId> {
    AttachmentId::parse(answer.get("attachment_id").and_then(scalar)?).ok()
}

/// Puts the id of an uploaded file into the message that it came with.
///
/// # Errors
/// 100 when the message has no attachment to put it into.
pub fn put_attachment_id(params: &mut Params, id: &AttachmentId) -> Result<(), GraphError> {
    let mut message = params.object("message")?.unwrap_or_default();
    let mut attachment = attachment(params)?;
    let mut payload = match attachment.shift_remove("payload") {
        Some(Value::Object(payload)) => payload,
        _ => Map::new(),
    };
    payload.insert("attachment_id".to_owned(), id.as_str().into());
    attachment.insert("payload".to_owned(), Value::Object(payload));
    message.insert("attachment".to_owned(), Value::Object(attachment));
    params.insert("message", Value::Object(message));
    Ok(())
}

fn attachment(params: &Params) -> Result<Map<String, Value>, GraphError> {
    let message = params.object("message")?.ok_or_else(|| GraphError::parameter("The parameter message is required"))?;
    match message.get("attachment").map(decoded) {
        Some(Ok(Value::Object(attachment))) => Ok(attachment),
        Some(_) => Err(GraphError::parameter("Param message[attachment] must be a JSON object")),
        None => Err(GraphError::parameter("The parameter message[attachment] is required")),
    }
}
