//! What goes wrong, as people hear of it: plain words and a way on. Causes go to the log, never to the page.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use super::assets::Assets;
use super::language::Lang;
use super::text::Texts;
use crate::ledger::LedgerError;
use crate::store::StoreError;

/// Why a page is not shown or a form does nothing.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// No login, or one that has ended.
    #[error("not logged in")]
    SignedOut,
    /// No such thing, or not for this agent: the same answer, so that nothing is told about what others may see.
    #[error("not found")]
    NotFound,
    /// A form that another site may have sent, or of an older login.
    #[error("a form without its token or from elsewhere")]
    Forged,
    /// A form that is larger than any of ours.
    #[error("a form that is too large")]
    TooLarge,
    /// A form that does not arrive.
    #[error("a form that took too long")]
    TooSlow,
    /// A form that no page of ours makes.
    #[error("a form that makes no sense: {0}")]
    Malformed(&'static str),
    /// Too many tries.
    #[error("too many tries, {0} seconds to wait")]
    TooMany(u64),
    /// The store or the ledger does not do it now.
    #[error("not available: {0}")]
    Unavailable(String),
    /// The database was lost while it did something: nobody knows whether it is done.
    #[error("the database did not say whether it is done")]
    Untold,
    /// A defect.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<StoreError> for WebError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Untold(_) => Self::Untold,
            error if error.is_transient() => Self::Unavailable(error.to_string()),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<askama::Error> for WebError {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<LedgerError> for WebError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::UnknownPage | LedgerError::UnknownPerson => Self::NotFound,
            LedgerError::Unavailable(why) => Self::Unavailable(why),
            LedgerError::Stopping => Self::Unavailable("stopping".into()),
            LedgerError::Untold => Self::Untold,
            other => Self::Internal(other.to_string()),
        }
    }
}

impl ResponseError for WebError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forged => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            // Not 503, which says that nothing was done.
            Self::Untold => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Unavailable(why) => tracing::warn!(%why, "a page could not be made"),
            Self::Internal(why) => tracing::error!(%why, "a page could not be made"),
            _ => {}
        }
        // The frame around every handler knows the reader's language and puts the page in.
        let mut response = HttpResponse::new(self.status_code());
        let seconds = match self {
            Self::TooMany(seconds) => Some(*seconds),
            Self::Unavailable(_) => Some(5),
            _ => None,
        };
        if let Some(seconds) = seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    lang: Lang,
    assets: &'static Assets,
    status: u16,
    title: &'a str,
    words: &'a str,
    way_on: &'a str,
    href: &'a str,
}

/// The page for a status.
pub fn page(status: StatusCode, lang: Lang) -> String {
    let t: &Texts = lang.texts();
    let (title, words, way_on, href) = match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => (t.error_missing, t.error_missing_words, t.error_to_inbox, "/inbox"),
        StatusCode::FORBIDDEN => (t.error_forged, t.error_forged_words, t.error_to_inbox, "/inbox"),
        StatusCode::PAYLOAD_TOO_LARGE => (t.error_large, t.error_large_words, t.error_to_inbox, "/inbox"),
        StatusCode::BAD_REQUEST | StatusCode::REQUEST_TIMEOUT => (t.error_malformed, t.error_malformed_words, t.error_to_inbox, "/inbox"),
        StatusCode::TOO_MANY_REQUESTS => (t.error_many, t.error_many_words, t.error_to_login, "/login"),
        StatusCode::UNAUTHORIZED => (t.error_signed_out, t.error_signed_out_words, t.error_to_login, "/login"),
        StatusCode::GATEWAY_TIMEOUT => (t.error_untold, t.error_untold_words, t.error_to_inbox, "/inbox"),
        StatusCode::SERVICE_UNAVAILABLE => (t.error_busy, t.error_busy_words, t.error_to_inbox, "/inbox"),
        _ => (t.error_defect, t.error_defect_words, t.error_to_inbox, "/inbox"),
    };
    let page = ErrorPage { lang, assets: Assets::get(), status: status.as_u16(), title, words, way_on, href };
    page.render().unwrap_or_else(|_| format!("<!doctype html><title>{}</title>", status.as_u16()))
}
