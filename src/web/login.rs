//! Coming and going.

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::State;
use super::assets::Assets;
use super::error::WebError;
use super::language::Lang;
use super::posted::{Fields, Posted};
use super::session::{Agent, same_site};
use super::text::Texts;
use crate::crypto::random;
use crate::store::accounts::Credentials;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    lang: Lang,
    t: &'static Texts,
    assets: &'static Assets,
    next: &'a str,
    email: &'a str,
    problem: Option<&'a str>,
}

/// Where to go after the login.
#[derive(Deserialize)]
pub struct Whence {
    #[serde(default)]
    next: String,
}

/// GET /login
pub async fn page(web: State, request: HttpRequest, whence: Query<Whence>) -> Result<HttpResponse, WebError> {
    if Agent::of(&web, &request).await.is_ok() {
        return Ok(see(inside(&whence.next)));
    }
    answer(StatusCode::OK, Lang::of(&request), &whence.next, "", None)
}

/// POST /login. The same words and the same work whether the account is unknown, disabled, or the password wrong.
pub async fn submit(web: State, request: HttpRequest, fields: Fields) -> Result<HttpResponse, WebError> {
    if !same_site(&request, &web.settings) {
        return Err(WebError::Forged);
    }
    let (email, next, lang) = (fields.get("email").trim(), fields.get("next"), Lang::of(&request));
    if let Err(seconds) = web.throttle.count(&request, email) {
        metrics::counter!("baton_logins_total", "outcome" => "throttled").increment(1);
        return Err(WebError::TooMany(seconds));
    }
    let found = web.store.credentials(email).await?;
    let fits = web.passwords.fits(fields.get("password").to_owned(), found.as_ref().map(|it| it.password_hash.clone())).await;
    let refused = || {
        metrics::counter!("baton_logins_total", "outcome" => "refused").increment(1);
        answer(StatusCode::UNPROCESSABLE_ENTITY, lang, next, email, Some(lang.texts().login_wrong))
    };
    let Some(Credentials { user, password_hash }) = found.filter(|_| fits) else { return refused() };
    // A browser that logs in again leaves the old login, so that it cannot be used by whoever knows it.
    if let Some(old) = web.logins.session_id(&request) {
        web.store.revoke_session(&old).await?;
    }
    let session_id = random::hex::<16>();
    // The check takes a while: the password may be another one by now.
    if !web.store.open_session(&session_id, user, &password_hash, &random::hex::<32>(), web.settings.login_seconds).await? {
        return refused();
    }
    let cookie = web.logins.cookie(&session_id).ok_or_else(|| WebError::Internal("the login cookie could not be signed".into()))?;
    metrics::counter!("baton_logins_total", "outcome" => "ok").increment(1);
    tracing::info!(user.id = user.0, "logged in");
    Ok(with_cookie(see(inside(next)), &cookie))
}

/// POST /logout: revokes the login, whoever else holds a copy of its cookie.
pub async fn leave(web: State, posted: Posted) -> Result<HttpResponse, WebError> {
    web.store.revoke_session(&posted.agent.session_id).await?;
    tracing::info!(user.id = posted.agent.user.0, "logged out");
    Ok(with_cookie(see("/login"), &web.logins.removal()))
}

/// GET /logout: leaving needs the form's button.
pub async fn elsewhere() -> HttpResponse {
    see("/inbox")
}

/// A redirect after a form, or past a page that is not needed.
pub fn see(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}

/// Adds a cookie to a response.
pub fn with_cookie(mut response: HttpResponse, cookie: &Cookie<'static>) -> HttpResponse {
    // A cookie of our own making is always a header.
    let _ = response.add_cookie(cookie);
    response
}

/// An address of the inbox or of settings, or the inbox: never somebody else's.
pub fn inside(next: &str) -> &str {
    let below = |root: &str| next.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if (below("/inbox") || below("/settings")) && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        next
    } else {
        "/inbox"
    }
}

fn answer(status: StatusCode, lang: Lang, next: &str, email: &str, problem: Option<&str>) -> Result<HttpResponse, WebError> {
    let page = LoginPage { lang, t: lang.texts(), assets: Assets::get(), next: inside(next), email, problem };
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.render()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_leads_back_into_the_inbox() {
        for ours in ["/inbox", "/inbox/1/2?view=mine", "/inbox?view=mine", "/settings/tags"] {
            assert_eq!(inside(ours), ours);
        }
        for stranger in [
            "",
            "//evil.example",
            "https://evil.example/inbox",
            "/inboxes",
            "/settings.evil.example",
            "/inbox/\\evil",
            "/inbox\r\nSet-Cookie: a=b",
            "/login",
            "javascript:alert(1)",
        ] {
            assert_eq!(inside(stranger), "/inbox", "{stranger}");
        }
    }
}
