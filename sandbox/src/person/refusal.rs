//! Errors of the sandbox's own JSON APIs: a status and plain words.

use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;
use thiserror::Error;

/// Why a call was refused.
#[derive(Debug, Error)]
pub enum Refused {
    /// The call makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// There is no such Page, app, person or message.
    #[error("there is no such {0}")]
    Unknown(&'static str),
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).json(json!({"error": self.to_string()}))
    }
}

/// Makes a JSON body that cannot be read an error in plain words.
pub fn plain_json_errors(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    Refused::Invalid(error.to_string()).into()
}
