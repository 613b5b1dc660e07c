//! Who is logged in: a signed cookie whose id is a row that can be revoked.

use std::future::Future;
use std::pin::Pin;

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use subtle::ConstantTimeEq;

use super::error::WebError;
use super::language::Lang;
use super::when::Zone;
use super::{Settings, State};
use crate::access::{Role, Scope, UserId};
use crate::clock;
use crate::crypto::login::LoginTokens;
use crate::store::preferences::Preferences;

/// Makes and reads login cookies.
pub struct Logins {
    tokens: LoginTokens,
    secure: bool,
    seconds: i64,
}

impl Logins {
    pub fn new(settings: &Settings) -> Self {
        Self { tokens: LoginTokens::new(settings.key_bytes()), secure: settings.secure(), seconds: settings.login_seconds }
    }

    /// The cookie of a login, or `None` if it cannot be signed.
    pub fn cookie(&self, session_id: &str) -> Option<Cookie<'static>> {
        let until = clock::now().plus_millis(self.seconds.saturating_mul(1000));
        let token = self.tokens.issue(session_id, until)?;
        Some(self.build(token, Duration::seconds(self.seconds)))
    }

    /// The cookie that takes the login away.
    pub fn removal(&self) -> Cookie<'static> {
        self.build(String::new(), Duration::ZERO)
    }

    fn build(&self, value: String, age: Duration) -> Cookie<'static> {
        Cookie::build(self.name(), value).path("/").http_only(true).secure(self.secure).same_site(SameSite::Lax).max_age(age).finish()
    }

    /// Browsers accept the prefix only for secure cookies of exactly this host.
    const fn name(&self) -> &'static str {
        if self.secure { "__Host-baton" } else { "baton" }
    }

    /// The id in the cookie, if it is signed by us, for us, and not over.
    pub fn session_id(&self, request: &HttpRequest) -> Option<String> {
        let cookie = request.cookie(self.name())?;
        self.tokens.session_id(cookie.value())
    }
}

/// Somebody who is logged in at this moment: the authority to see what their scope allows.
pub struct Agent {
    /// Who.
    pub user: UserId,
    /// What colleagues call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The Pages they may see.
    pub scope: Scope,
    /// Their language.
    pub lang: Lang,
    /// Their time zone, as far as their browser told.
    pub zone: Zone,
    /// How they want their pages.
    pub preferences: Preferences,
    /// Every form carries it.
    pub csrf: String,
    /// The login.
    pub session_id: String,
}

impl Agent {
    /// Whether a form's token is this login's, in constant time.
    pub fn owns(&self, token: &str) -> bool {
        bool::from(token.as_bytes().ct_eq(self.csrf.as_bytes()))
    }

    /// Reads the login of a request.
    pub async fn of(web: &State, request: &HttpRequest) -> Result<Self, WebError> {
        let session_id = web.logins.session_id(request).ok_or(WebError::SignedOut)?;
        let found = web.store.session(&session_id).await?.ok_or(WebError::SignedOut)?;
        let lang = found.language.as_deref().and_then(Lang::parse).unwrap_or_else(|| Lang::of(request));
        Ok(Self {
            user: found.user,
            name: found.name,
            role: found.role,
            scope: found.scope,
            lang,
            zone: Zone::of(request),
            preferences: found.preferences,
            csrf: found.csrf_token,
            session_id,
        })
    }
}

impl FromRequest for Agent {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&state(&request)?, &request).await })
    }
}

/// The face's own data, which the server must have put beside the routes.
pub fn state(request: &HttpRequest) -> Result<State, WebError> {
    request.app_data::<State>().cloned().ok_or_else(|| WebError::Internal("the routes were mounted without their data".into()))
}

/// Whether the request was made by a page of ours: browsers say so with every form, and no page can lie about it.
pub fn same_site(request: &HttpRequest, settings: &Settings) -> bool {
    let text = |name| request.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN) else {
        // Not a browser: the token in the form is asked all the same.
        return true;
    };
    let host = text(header::HOST).unwrap_or_default();
    origin == settings.public_url.origin().ascii_serialization()
        || origin.split_once("://").is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && rest == host)
}
