//! The error envelope, and the platform's refusals in it.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use crate::random;
use crate::world::{Object, Refusal};

/// An error as the Graph API reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphError {
    /// HTTP status.
    pub status: StatusCode,
    /// `error.code`.
    pub code: i64,
    /// `error.error_subcode`.
    pub subcode: Option<i64>,
    /// `error.type`.
    pub kind: &'static str,
    /// `error.message`, with its `(#code) ` in front where the platform has it.
    pub message: String,
    /// `error.is_transient`.
    pub transient: bool,
}

impl GraphError {
    /// An error with a code; the message gets `(#code) ` in front. The status is the one that is common for the code: 403 for bare
    /// permission errors, else 400.
    pub fn new(code: i64, message: &str) -> Self {
        let status = if matches!(code, 10 | 200..=299) { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
        Self { status, code, subcode: None, kind: "OAuthException", message: format!("(#{code}) {message}"), transient: false }
    }

    /// The same with a subcode; such errors have status 400.
    pub fn sub(code: i64, subcode: i64, message: &str) -> Self {
        Self { subcode: Some(subcode), status: StatusCode::BAD_REQUEST, ..Self::new(code, message) }
    }

    /// Code 100: a parameter is wrong.
    pub fn parameter(message: &str) -> Self {
        Self::new(100, message)
    }

    /// Code 100: a parameter is missing.
    pub fn missing(name: &str) -> Self {
        Self::parameter(&format!("The parameter {name} is required"))
    }

    /// Code 190: the token is none of ours.
    pub fn bad_token() -> Self {
        Self { message: "Invalid OAuth access token - Cannot parse access token".to_owned(), ..Self::new(190, "") }
    }

    /// Code 190, subcode 463: the token has expired.
    pub fn expired_token() -> Self {
        let message = "Error validating access token: Session has expired.".to_owned();
        Self { message, ..Self::sub(190, 463, "") }
    }

    /// Code 104: there is no token.
    pub fn no_token() -> Self {
        Self { message: "An access token is required to request this resource.".to_owned(), ..Self::new(104, "") }
    }

    /// Code 100, subcode 33: there is no such object or edge.
    pub fn unknown_object(method: &str, id: &str) -> Self {
        let message = format!(
            "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this \
             operation",
            method.to_lowercase()
        );
        Self { kind: "GraphMethodException", message, ..Self::sub(100, 33, "") }
    }

    /// Code 2: something broke, try again.
    pub fn unexpected() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            transient: true,
            message: "An unexpected error has occurred. Please retry your request later.".to_owned(),
            ..Self::new(2, "")
        }
    }

    /// A throttle code with the sentence that goes with it.
    pub fn throttled(code: i64) -> Self {
        let message = match code {
            4 => "Application request limit reached".to_owned(),
            17 => "User request limit reached".to_owned(),
            32 => "Page request limit reached".to_owned(),
            80_001 => business_limit("Page"),
            80_002 => business_limit("Instagram"),
            80_006 => business_limit("messenger"),
            _ => "Calls to this api have exceeded the rate limit.".to_owned(),
        };
        Self { transient: true, ..Self::new(code, &message) }
    }

    /// The envelope.
    pub fn body(&self) -> Value {
        let mut error = json!({"message": self.message, "type": self.kind, "code": self.code});
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = json!(subcode);
        }
        if self.transient {
            error["is_transient"] = json!(true);
        }
        error["fbtrace_id"] = json!(random::trace_id());
        json!({"error": error})
    }
}

fn business_limit(what: &str) -> String {
    format!(
        "There have been too many {what} api calls to this Page account. Wait a bit and try again. For more info, please refer to \
         https://developers.facebook.com/docs/graph-api/overview/rate-limiting."
    )
}

impl From<Refusal> for GraphError {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::NoSuchPerson => Self::sub(100, 2_018_001, &text),
            Refusal::NotOwner(Object::Page) => Self::sub(10, 2_018_300, &text),
            Refusal::NotOwner(Object::Instagram) => Self::sub(100, 2_534_037, "The action is invalid since it's not the thread owner."),
            Refusal::ControlByOther(Object::Page) => Self::parameter(&text),
            Refusal::ControlByOther(Object::Instagram) => Self::sub(100, 2_534_037, &text),
            Refusal::WindowClosed(Object::Page) => Self::sub(
                10,
                2_018_278,
                "This message is sent outside of allowed window. Learn more about the new policy here: \
                 https://developers.facebook.com/docs/messenger-platform/policy-overview",
            ),
            Refusal::WindowClosed(Object::Instagram) => Self::sub(10, 2_534_022, &text),
            Refusal::UnknownTarget => Self::sub(100, 2_018_164, &text),
            Refusal::MayNotTake => Self { status: StatusCode::BAD_REQUEST, ..Self::new(27, &text) },
            Refusal::BadDuration => Self::parameter(&text),
        }
    }
}
