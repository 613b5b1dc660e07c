//! The answer on the wire: JSON with the platform's headers, errors in its envelope with a trace id.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::crypto::random;
use crate::wire::GraphError;

/// Content type of every answer.
pub(super) const JSON: &str = "application/json; charset=UTF-8";

/// An answer before it is put on the wire.
#[derive(Debug)]
pub(super) struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The JSON.
    pub body: Value,
    /// What the client sees of it in `WWW-Authenticate`.
    refused: Option<String>,
    trace: String,
}

impl Reply {
    /// The answer to one call.
    pub fn of(result: Result<Value, GraphError>) -> Self {
        let trace = trace_id();
        match result {
            Ok(body) => Self { status: 200, body, refused: None, trace },
            Err(error) => {
                let refused = (error.code == 190).then(|| challenge(&error.message));
                Self { status: error.status, body: error.envelope(&trace), refused, trace }
            }
        }
    }

    /// Its trace id, also in the envelope of an error.
    pub fn trace(&self) -> &str {
        &self.trace
    }

    /// Puts it on the wire.
    pub fn respond(self, version: &str) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        response
            .insert_header((header::CONTENT_TYPE, JSON))
            .insert_header((header::CACHE_CONTROL, "private, no-store"))
            .insert_header(("facebook-api-version", version))
            .insert_header(("x-fb-trace-id", self.trace.as_str()))
            .insert_header(("x-fb-request-id", self.trace));
        if let Some(refused) = self.refused {
            response.insert_header((header::WWW_AUTHENTICATE, refused));
        }
        response.body(self.body.to_string())
    }
}

/// `WWW-Authenticate` of an error 190; the message is Baton's own and plain ASCII, so that it fits a header.
fn challenge(message: &str) -> String {
    let plain: String = message.chars().filter(|part| (' '..='~').contains(part) && !matches!(part, '"' | '\\')).collect();
    format!("OAuth \"Facebook Platform\" \"invalid_token\" \"{plain}\"")
}

/// 23 characters that begin with `A`, as the platform's.
fn trace_id() -> String {
    format!("A{}", URL_SAFE_NO_PAD.encode(random::bytes::<16>()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_travels_in_the_envelope() {
        let reply = Reply::of(Err(GraphError::new(10, Some(2_018_300), 400, "No.")));
        assert_eq!(reply.status, 400);
        let expected = json!({"error": {"message": "(#10) No.", "type": "OAuthException", "code": 10, "error_subcode": 2_018_300, "fbtrace_id": reply.trace()}});
        assert_eq!(reply.body, expected);
        assert_eq!(reply.trace().len(), 23);
        let response = reply.respond("v19.0");
        let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header("facebook-api-version"), "v19.0");
        assert_eq!(header("content-type"), "application/json; charset=UTF-8");
        assert_eq!(header("x-fb-trace-id").len(), 23);
    }

    #[test]
    fn a_bad_token_is_challenged_with_a_clean_header() {
        let response = Reply::of(Err(GraphError::token("Bad \"token\"\r\nX: y ü"))).respond("v2.6");
        let header = response.headers().get("www-authenticate").unwrap().to_str().unwrap();
        assert_eq!(header, "OAuth \"Facebook Platform\" \"invalid_token\" \"Bad tokenX: y \"");
    }
}
