//! Who calls: a token becomes authority here and nowhere else. A handler that takes a [`PageCaller`] or an [`AppCaller`] cannot run without it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::GraphApi;
use crate::clock;
use crate::crypto::{signature, token};
use crate::store::apps::{AppRow, Standing, TokenHolder};
use crate::wire::{AppId, GraphError, Object, PageId, Params, Timestamp};

/// How long a token's holder is believed without asking the store: an app that was switched off is out after that.
const BELIEVED: Duration = Duration::from_secs(1);
/// Tokens remembered at once.
const REMEMBERED: usize = 4096;
/// How old an `appsecret_time` may be, and how far ahead, in seconds.
const PROOF_SECONDS: i64 = 300;

/// Whoever made the call.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// An app, for one Page.
    Page(PageCaller),
    /// An app itself.
    App(AppCaller),
}

/// An app that acts on a Page, by the Page token that Baton issued to it.
#[derive(Debug, Clone)]
pub(super) struct PageCaller {
    holder: Arc<Holder>,
}

/// An app that acts for itself, by `APPID|SECRET`.
#[derive(Debug, Clone)]
pub(super) struct AppCaller {
    app: Arc<AppRow>,
}

#[derive(Debug)]
struct Holder {
    token: TokenHolder,
    secret: SecretString,
}

/// A holder, and when the store named it.
type Seen = (Instant, Arc<Holder>);

/// Holders of tokens that called a moment ago, by the token's hash.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    seen: Mutex<HashMap<[u8; 32], Seen>>,
}

impl PageCaller {
    /// The Page.
    pub fn page(&self) -> &PageId {
        &self.holder.token.page
    }

    /// Its name.
    pub fn page_name(&self) -> &str {
        &self.holder.token.page_name
    }

    /// Messenger or Instagram.
    pub fn object(&self) -> Object {
        self.holder.token.object
    }

    /// Refuses a call that says it is about the other product: it would change what nobody asked about.
    ///
    /// # Errors
    /// 100 when `platform` is not that of the token.
    pub fn refuse_other_platform(&self, params: &Params) -> Result<(), GraphError> {
        let own = self.object().platform();
        match params.text("platform")? {
            Some(asked) if !asked.trim().is_empty() && !asked.trim().eq_ignore_ascii_case(own) => {
                Err(GraphError::parameter(&format!("Param platform must be {own} with this access token")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what there is on Messenger alone: at the platform the account's calls go by its Page, which would be asked instead.
    ///
    /// # Errors
    /// 100 on Instagram.
    pub fn messenger_only(&self) -> Result<(), GraphError> {
        match self.object() {
            Object::Page => Ok(()),
            Object::Instagram => Err(GraphError::parameter("This call is available on Messenger only")),
        }
    }

    /// The app.
    pub fn app(&self) -> &AppId {
        &self.holder.token.app.app
    }

    /// Its name.
    pub fn app_name(&self) -> &str {
        &self.holder.token.app.name
    }

    /// When the token was issued.
    pub fn issued_at(&self) -> Timestamp {
        self.holder.token.issued_at
    }

    /// Whether a node of a path is the Page: `me`, its id, or for Instagram the linked Page's id.
    pub fn is_page(&self, node: &str) -> bool {
        let token = &self.holder.token;
        node == "me" || node == token.page.as_str() || token.linked_page.as_ref().is_some_and(|linked| linked.as_str() == node)
    }
}

impl AppCaller {
    /// The app.
    pub fn app(&self) -> &AppRow {
        &self.app
    }

    /// Whether a node of a path is the app: `me`, `app`, or its id.
    pub fn is_app(&self, node: &str) -> bool {
        matches!(node, "me" | "app") || node == self.app.app.as_str()
    }
}

impl Caller {
    /// Finds out who calls, and that the proof fits where there is one.
    ///
    /// # Errors
    /// 190 without a valid token, 100 for a proof that does not fit, 2 when the store is not available.
    pub async fn of(api: &GraphApi, params: &Params) -> Result<Self, GraphError> {
        let token = params.text("access_token")?.filter(|token| !token.trim().is_empty());
        let token = token.ok_or_else(|| GraphError::token("An access token is required to request this resource."))?;
        Self::of_token(api, token.trim(), Some(params)).await
    }

    /// Whose token this is. `proven` holds the `appsecret_proof`, if one was given.
    pub async fn of_token(api: &GraphApi, token: &str, proven: Option<&Params>) -> Result<Self, GraphError> {
        let (caller, secret) = if let Some((app, secret)) = token.split_once('|') {
            let (caller, kept) = app_caller(api, app, secret).await?;
            (Self::App(caller), kept)
        } else {
            let holder = page_holder(api, token).await?;
            let secret = holder.secret.clone();
            (Self::Page(PageCaller { holder }), secret)
        };
        if let Some(params) = proven {
            check_proof(params, token, secret.expose_secret())?;
        }
        Ok(caller)
    }

    /// The app behind it.
    pub fn app(&self) -> &AppId {
        match self {
            Self::Page(caller) => caller.app(),
            Self::App(caller) => &caller.app.app,
        }
    }
}

fn invalid() -> GraphError {
    GraphError::token("Invalid OAuth access token.")
}

async fn page_holder(api: &GraphApi, given: &str) -> Result<Arc<Holder>, GraphError> {
    let hash = token::hash(given);
    if let Some(holder) = api.tokens.recall(&hash) {
        return Ok(holder);
    }
    let token = api.store.token_holder(&hash).await.map_err(|error| api.unavailable(&error))?.ok_or_else(invalid)?;
    if token.standing == Standing::Gone {
        return Err(GraphError::token("Error validating access token: The app is not connected to this Page any more."));
    }
    let secret = open(api, &token.app)?;
    let holder = Arc::new(Holder { token, secret });
    api.tokens.remember(hash, Arc::clone(&holder));
    Ok(holder)
}

async fn app_caller(api: &GraphApi, app: &str, given: &str) -> Result<(AppCaller, SecretString), GraphError> {
    let app = AppId::parse(app).map_err(|_| invalid())?;
    let app = api.store.app(&app).await.map_err(|error| api.unavailable(&error))?.ok_or_else(invalid)?;
    let secret = open(api, &app)?;
    let right = bool::from(secret.expose_secret().as_bytes().ct_eq(given.as_bytes()));
    // An empty secret opens nothing.
    if !right || given.is_empty() {
        return Err(GraphError::token("Error validating application. Invalid application ID or secret."));
    }
    Ok((AppCaller { app: Arc::new(app) }, secret))
}

fn open(api: &GraphApi, app: &AppRow) -> Result<SecretString, GraphError> {
    let opened = api.sealer.open(&format!("apps.secret.{}", app.app), &app.secret_sealed).map_err(|error| api.unavailable(&error))?;
    String::from_utf8(opened).map(SecretString::from).map_err(|error| api.unavailable(&error))
}

/// `appsecret_proof` is optional, but where it is given it must fit: over the token, or over `token|time` with a fresh `appsecret_time`.
fn check_proof(params: &Params, token: &str, secret: &str) -> Result<(), GraphError> {
    let Some(proof) = params.text("appsecret_proof")? else { return Ok(()) };
    let time = params.text("appsecret_time")?.filter(|time| !time.is_empty());
    let fits = match time {
        None => signature::verify_proof(secret, token, &proof),
        Some(time) => is_fresh(&time, clock::now()) && signature::verify_proof(secret, &format!("{token}|{time}"), &proof),
    };
    if fits {
        return Ok(());
    }
    let message = "Invalid appsecret_proof provided in the API argument";
    Err(GraphError { kind: "GraphMethodException", ..GraphError::parameter(message) })
}

fn is_fresh(time: &str, now: Timestamp) -> bool {
    time.parse::<i64>().is_ok_and(|time| now.seconds().saturating_sub(time).saturating_abs() <= PROOF_SECONDS)
}

impl Tokens {
    fn recall(&self, hash: &[u8; 32]) -> Option<Arc<Holder>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(hash).filter(|(at, _)| at.elapsed() < BELIEVED).map(|(_, holder)| Arc::clone(holder))
    }

    fn remember(&self, hash: [u8; 32], holder: Arc<Holder>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        }
        if seen.len() < REMEMBERED {
            seen.insert(hash, (Instant::now(), holder));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// printf 'EAAGtoken' | openssl dgst -sha256 -hmac '0123456789abcdef'
    const PROOF: &str = "58ff4403fa2ba09bd078d18068bbe5277079901c78eb3476e4b437f211025eaa";

    fn check(query: &str) -> Result<(), GraphError> {
        check_proof(&Params::from_form(query.as_bytes()).unwrap(), "EAAGtoken", "0123456789abcdef")
    }

    #[test]
    fn a_proof_is_optional_but_must_fit() {
        assert_eq!(check("a=b"), Ok(()));
        assert_eq!(check(&format!("appsecret_proof={PROOF}")), Ok(()));
        for query in [
            "appsecret_proof=",
            "appsecret_proof=00",
            &format!("appsecret_proof={PROOF}0"),
            &format!("appsecret_proof={PROOF}&appsecret_time=1"),
        ] {
            let error = check(query).unwrap_err();
            assert_eq!((error.code, error.kind, error.status), (100, "GraphMethodException", 400), "{query}");
        }
    }

    #[test]
    fn a_proof_with_a_time_is_good_for_five_minutes() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        for (time, fresh) in [
            ("1700000000", true),
            ("1699999700", true),
            ("1700000300", true),
            ("1699999699", false),
            ("1700000301", false),
            ("-9223372036854775808", false),
            ("soon", false),
            ("", false),
        ] {
            assert_eq!(is_fresh(time, now), fresh, "{time}");
        }
    }
}
