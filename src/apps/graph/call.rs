//! A call, read: method, path, parameters, files, and Baton's own headers.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method as HttpMethod, header};
use actix_web::web::Payload;

use super::GraphApi;
use super::path::{Path, Place};
use crate::control::Epoch;
use crate::wire::upstream::UpstreamFile;
use crate::wire::{GraphError, Params};

/// A repetition with the same key is the same send.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The epoch that the sender believes in.
pub(super) const EPOCH: &str = "x-baton-epoch";
/// Longest key taken, in bytes.
const LONGEST_KEY: usize = 255;

/// What is done at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Reads.
    Get,
    /// Writes.
    Post,
    /// Removes.
    Delete,
}

/// One call, alone or as part of a batch.
#[derive(Debug)]
pub(super) struct Call {
    /// What is done.
    pub method: Method,
    /// Where.
    pub place: Place,
    /// Its version, for what a batch item inherits.
    pub version: String,
    /// Every parameter, from query, body and bearer token.
    pub params: Params,
    /// The files of a multipart body, with their field names.
    pub files: Vec<(String, UpstreamFile)>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// `X-Baton-Epoch`.
    pub epoch: Option<Epoch>,
    /// Keeps the body's part of the memory budget until the call is answered.
    pub body: Option<super::body::Held>,
}

impl Call {
    /// Reads a request.
    ///
    /// # Errors
    /// 100 for whatever cannot be read; 413, 408 and 503 as [`super::body`] says.
    pub async fn read(api: &GraphApi, request: &HttpRequest, payload: Payload, path: Result<Path, GraphError>) -> Result<Self, GraphError> {
        // The body is read even when the path is wrong, so that the client gets to read the answer.
        let body = api.budget.read(request, payload).await;
        let (path, body) = (path?, body?);
        let mut params = Params::from_form(request.query_string().as_bytes())?;
        params.merge(body.decoded.params);
        if params.get("access_token").is_none()
            && let Some(token) = bearer(request.headers())
        {
            params.insert("access_token", token.into());
        }
        Ok(Self {
            method: Method::of(request.method(), &params)?,
            place: path.place,
            version: path.version,
            params,
            files: body.decoded.files,
            idempotency_key: idempotency_key(request.headers())?,
            epoch: epoch(request.headers())?,
            body: body.held,
        })
    }
}

impl Method {
    /// The method meant: `method=delete` in a POST counts. HEAD is a GET whose body the server leaves out.
    fn of(method: &HttpMethod, params: &Params) -> Result<Self, GraphError> {
        let name = match *method {
            HttpMethod::GET | HttpMethod::HEAD => return Ok(Self::Get),
            HttpMethod::POST => params.method(),
            HttpMethod::DELETE => return Ok(Self::Delete),
            _ => return Err(unsupported(&method.as_str().to_ascii_lowercase(), "")),
        };
        Ok(name.as_deref().and_then(Self::parse).unwrap_or(Self::Post))
    }

    /// A method by its name, in either case.
    pub fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_uppercase().as_str() {
            "GET" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// In lower case, as the platform's messages have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Delete => "delete",
        }
    }
}

/// 100/33: nothing there, or nothing the caller may see. The platform does not tell them apart either.
pub(super) fn unsupported(method: &str, object: &str) -> GraphError {
    let what = if object.is_empty() { "The object".to_owned() } else { format!("Object with ID '{object}'") };
    let message = format!(
        "Unsupported {method} request. {what} does not exist, cannot be loaded due to missing permissions, or does not support this operation"
    );
    GraphError { kind: "GraphMethodException", ..GraphError::new(100, Some(33), 400, &message) }
}

/// `Authorization: Bearer …`; `OAuth …` is what old clients wrote.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, token) = value.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth");
    known.then(|| token.trim().to_owned()).filter(|token| !token.is_empty())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, GraphError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim).filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY);
    let key = key.ok_or_else(|| GraphError::parameter("The header Idempotency-Key must be 1 to 255 printable ASCII characters"))?;
    Ok(Some(key.to_owned()))
}

fn epoch(headers: &HeaderMap) -> Result<Option<Epoch>, GraphError> {
    let Some(value) = headers.get(EPOCH) else { return Ok(None) };
    let epoch = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let epoch = epoch.ok_or_else(|| GraphError::parameter("The header X-Baton-Epoch must be a whole number"))?;
    Ok(Some(Epoch(epoch)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn a_posted_method_counts() {
        let of = |method: HttpMethod, query: &str| Method::of(&method, &Params::from_form(query.as_bytes()).unwrap());
        assert_eq!(of(HttpMethod::POST, "method=delete"), Ok(Method::Delete));
        assert_eq!(of(HttpMethod::POST, "method=GET"), Ok(Method::Get));
        assert_eq!(of(HttpMethod::POST, "method=put"), Ok(Method::Post));
        assert_eq!(of(HttpMethod::GET, "method=delete"), Ok(Method::Get));
        assert_eq!(of(HttpMethod::HEAD, ""), Ok(Method::Get));
        assert_eq!(of(HttpMethod::PUT, "").unwrap_err().code, 100);
    }

    #[test]
    fn reads_tokens_in_the_header() {
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("OAuth a|b", Some("a|b")),
            ("Basic abc", None),
            ("Bearer", None),
            ("Bearer ", None),
        ] {
            assert_eq!(bearer(&headers("authorization", value)).as_deref(), token, "{value}");
        }
    }

    #[test]
    fn reads_batons_own_headers() {
        assert_eq!(epoch(&headers(EPOCH, " 7 ")), Ok(Some(Epoch(7))));
        assert_eq!(epoch(&headers("x", "7")), Ok(None));
        for wrong in ["", "-1", "7.5", "18446744073709551616", "seven"] {
            assert_eq!(epoch(&headers(EPOCH, wrong)).unwrap_err().code, 100, "{wrong}");
        }
        assert_eq!(idempotency_key(&headers(IDEMPOTENCY_KEY, "evt_1/2")), Ok(Some("evt_1/2".to_owned())));
        assert_eq!(idempotency_key(&headers(IDEMPOTENCY_KEY, " ")).unwrap_err().code, 100);
        let long: &'static str = Box::leak("k".repeat(256).into_boxed_str());
        assert_eq!(idempotency_key(&headers(IDEMPOTENCY_KEY, long)).unwrap_err().code, 100);
    }
}
