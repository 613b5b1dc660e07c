//! Reading a call off the wire: path, token and parameters in each of the five encodings.

use actix_multipart::Multipart;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;
use serde_json::Value;

use super::error::GraphError;
use super::params::Params;
use crate::world::Upload;

/// The largest body: 25 MB of attachment and what goes with it.
const BODY_LIMIT: usize = 26 * 1024 * 1024;
/// The version of calls that name none.
const DEFAULT_VERSION: &str = "v25.0";

/// A call to the Graph API, alone or in a batch.
#[derive(Clone, Debug)]
pub struct GraphCall {
    /// GET, POST or DELETE.
    pub method: String,
    /// Version, as in `v25.0`.
    pub version: String,
    /// The path behind the version.
    pub segments: Vec<String>,
    /// Query and body.
    pub params: Params,
    /// The access token, wherever it came from.
    pub token: Option<String>,
}

impl GraphCall {
    /// A call from a path (version included or not) and its parameters; takes the token and `method` out of them.
    pub fn new(method: &str, path: &str, mut params: Params, bearer: Option<String>) -> Self {
        let mut segments: Vec<String> = path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
        let versioned = segments.first().is_some_and(|first| is_version(first));
        let version = if versioned { segments.remove(0) } else { DEFAULT_VERSION.to_owned() };
        let named = params.remove("access_token").as_ref().and_then(super::params::scalar).filter(|token| !token.is_empty());
        let overridden = params.remove("method").as_ref().and_then(super::params::scalar);
        let method = overridden.unwrap_or_else(|| method.to_owned()).to_uppercase();
        Self { method, version, segments, params, token: named.or(bearer) }
    }

    /// The name of its last part: the edge, or empty for a bare node.
    pub fn edge(&self) -> &str {
        self.segments.get(1).map_or("", String::as_str)
    }
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()) && rest.parse::<f32>().is_ok())
}

/// Reads a call.
///
/// # Errors
/// The body is too large, breaks off, or is not what its content type says.
pub async fn read(request: &HttpRequest, payload: Payload) -> Result<GraphCall, GraphError> {
    let params = read_params(request, payload).await?;
    let bearer = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    Ok(GraphCall::new(request.method().as_str(), request.path(), params, bearer.map(str::to_owned)))
}

/// Reads the parameters of a request, in whichever encoding they come.
///
/// # Errors
/// The body is too large, breaks off, or is not what its content type says.
pub async fn read_params(request: &HttpRequest, payload: Payload) -> Result<Params, GraphError> {
    let mut params = Params::from_urlencoded(request.query_string().as_bytes());
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    if content_type.starts_with("multipart/") {
        read_multipart(request, payload, &mut params).await?;
    } else {
        let body = read_body(payload).await?;
        add_body(&mut params, &content_type, &body)?;
    }
    Ok(params)
}

fn add_body(params: &mut Params, content_type: &str, body: &Bytes) -> Result<(), GraphError> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_json = content_type.starts_with("application/json") || (content_type.is_empty() && first == Some(&b'{'));
    if first.is_none() {
        return Ok(());
    }
    if !is_json {
        params.add_urlencoded(body);
        return Ok(());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => params.add_object(object),
        Ok(Value::Array(_)) => {}
        _ => return Err(GraphError::parameter("Invalid JSON in the request body")),
    }
    Ok(())
}

async fn read_body(mut payload: Payload) -> Result<Bytes, GraphError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| GraphError::parameter("The request body broke off"))?;
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

async fn read_multipart(request: &HttpRequest, payload: Payload, params: &mut Params) -> Result<(), GraphError> {
    let broken = |_| GraphError::parameter("Invalid multipart body");
    let mut parts = Multipart::new(request.headers(), payload);
    let mut total = 0;
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(broken)?;
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.content_disposition().and_then(|disposition| disposition.get_filename()).map(str::to_owned);
        let mime = part.content_type().map(ToString::to_string);
        let mut content = BytesMut::new();
        while let Some(chunk) = part.next().await {
            let chunk = chunk.map_err(broken)?;
            total += chunk.len();
            if total > BODY_LIMIT {
                return Err(too_large());
            }
            content.extend_from_slice(&chunk);
        }
        if name == "filedata" || file_name.is_some() {
            let mime = mime.unwrap_or_else(|| "application/octet-stream".to_owned());
            params.file = Some(Upload { mime, name: file_name.unwrap_or_else(|| "file".to_owned()), bytes: content.freeze() });
        } else {
            params.set(&name, Value::String(String::from_utf8_lossy(&content).into_owned()));
        }
    }
    Ok(())
}

fn too_large() -> GraphError {
    GraphError { status: StatusCode::PAYLOAD_TOO_LARGE, ..GraphError::sub(100, 2_018_109, "Attachment size exceeds allowable limit") }
}
