//! What surrounds every page: security headers, cache policy, and pages instead of bare errors.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;

use super::error;
use super::language::Lang;

/// Nothing from anywhere but here, no inline script or style. What customers attach is at the platform, and opened there by a click: a page that
/// showed it would tell the platform who reads what and when.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The middleware.
pub async fn framed(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    let lang = Lang::of(request.request());
    let fragment = request.query_string().contains("fragment=") || request.path() == "/live";
    let page = request.method() == Method::GET && !fragment;
    let back: String = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let mut response = next.call(request).await?.map_into_boxed_body();
    if response.status() == StatusCode::UNAUTHORIZED && page {
        response = to_login(response, &back);
    } else if response.status().is_client_error() || response.status().is_server_error() {
        response = with_page(response, lang);
    }
    protect(response.headers_mut());
    Ok(response)
}

/// Lets an answer be compressed unless another site made the browser ask for it: the size of what is compressed tells whether something that site
/// put into the address stands on the page as well.
pub async fn plain_for_strangers(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    if matches!(site, Some(b"cross-site" | b"same-site")) {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Sends a browser to the login, which brings it back afterwards.
fn to_login(response: ServiceResponse<BoxBody>, back: &str) -> ServiceResponse<BoxBody> {
    let next: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
    let answer = actix_web::HttpResponse::SeeOther().insert_header((header::LOCATION, format!("/login?next={next}"))).finish();
    response.into_response(answer)
}

/// Puts the words for a status into a response that has none.
fn with_page(response: ServiceResponse<BoxBody>, lang: Lang) -> ServiceResponse<BoxBody> {
    if response.headers().contains_key(header::CONTENT_TYPE) && response.response().error().is_none() {
        return response;
    }
    let status = response.status();
    let mut response = response.map_body(|_, _| BoxBody::new(error::page(status, lang)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn protect(headers: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Forms need an origin to be checked by; links to elsewhere carry no referrer of their own.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
