//! Webhooks of the platform: proved, read, and acknowledged once they are committed.

mod body;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use metrics::{Counter, Histogram, counter, histogram};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::clock;
use crate::crypto::signature::{BadSignature, verify_sha256};
use crate::crypto::token;
use crate::ledger::{Ledger, LedgerError, Received};
use crate::store::{Store, StoreError};
use crate::wire::webhook::{self, Batch, NotAWebhook};
use crate::wire::{Incoming, Object, PageId};
use body::{Body, Budget, Unread};

/// Where the platform delivers.
pub const PATH: &str = "/platform/webhook";

/// The answer that the platform's own sample gives.
const ACKNOWLEDGED: &str = "EVENT_RECEIVED";

/// How webhooks are taken.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the platform must say when it verifies the address.
    pub verify_token: SecretString,
    /// Secrets of Baton's platform app, the present one first; a second one while it is rotated.
    pub app_secrets: Vec<SecretString>,
    /// Longest body, in bytes. 16 MiB, since the platform may put 1000 events into one.
    pub body_limit: usize,
    /// Bytes of bodies that may be held at once; beyond, 503. 128 MiB.
    pub bodies_in_flight: usize,
    /// How long a body may take to come. 10 s.
    pub read_timeout: Duration,
    /// How long the commit may take: the platform wants its answer within 5 s. 4 s.
    pub commit_timeout: Duration,
}

impl Settings {
    /// The documented defaults.
    #[must_use]
    pub fn new(verify_token: SecretString, app_secrets: Vec<SecretString>) -> Self {
        Self {
            verify_token,
            app_secrets,
            body_limit: 16 << 20,
            bodies_in_flight: 128 << 20,
            read_timeout: Duration::from_secs(10),
            commit_timeout: Duration::from_secs(4),
        }
    }
}

/// The door for webhooks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    ledger: Ledger,
    store: Store,
    budget: Arc<Budget>,
    meters: Meters,
    // Pages seen to exist. Pages are added, hardly ever removed; a removed one is found out when the ledger does not know it.
    pages: RwLock<HashSet<(Object, PageId)>>,
}

/// What is measured of every webhook, looked up once.
#[derive(Debug)]
struct Meters {
    seconds: Histogram,
    stored: Counter,
    duplicate: Counter,
    quarantined: Counter,
}

impl Meters {
    fn new() -> Self {
        let items = |outcome: &'static str| counter!("baton_webhook_items_total", "outcome" => outcome);
        Self {
            seconds: histogram!("baton_webhook_seconds"),
            stored: items("stored"),
            duplicate: items("duplicate"),
            quarantined: items("quarantined"),
        }
    }

    fn count(&self, received: &[Received]) {
        for one in received {
            match one {
                Received::Stored { .. } => self.stored.increment(1),
                Received::Duplicate => self.duplicate.increment(1),
                Received::Quarantined => self.quarantined.increment(1),
            }
        }
    }
}

/// Why a webhook is not acknowledged.
#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the commit took too long")]
    TooSlow,
}

impl Intake {
    /// A door with these settings.
    #[must_use]
    pub fn new(settings: Settings, ledger: Ledger, store: Store) -> Self {
        let budget = Budget::new(settings.bodies_in_flight);
        Self { shared: Arc::new(Shared { settings, ledger, store, budget, meters: Meters::new(), pages: RwLock::default() }) }
    }
}

/// `GET` and `POST` of [`PATH`]. Needs an [`Intake`] among the app's data.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource(PATH).route(web::get().to(verify)).route(web::post().to(receive)));
}

/// The platform verifies the address: the challenge goes back as plain text if it knows the token.
async fn verify(request: HttpRequest, intake: web::Data<Intake>) -> HttpResponse {
    let given = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let expected = intake.shared.settings.verify_token.expose_secret();
    // Hashes are compared, so that neither the length nor the place of the first difference shows in the time.
    let knows =
        given("hub.verify_token").is_some_and(|token| !expected.is_empty() && token::hash(&token).ct_eq(&token::hash(expected)).into());
    match (given("hub.mode").as_deref(), given("hub.challenge"), knows) {
        (Some("subscribe"), Some(challenge), true) => {
            HttpResponse::Ok().content_type(ContentType::plaintext()).insert_header(("x-content-type-options", "nosniff")).body(challenge)
        }
        _ => {
            tracing::warn!("a verification of the webhook address was refused");
            rejected("verification", StatusCode::FORBIDDEN)
        }
    }
}

/// The platform delivers.
async fn receive(request: HttpRequest, payload: web::Payload, intake: web::Data<Intake>) -> HttpResponse {
    let began = Instant::now();
    let settings = &intake.shared.settings;
    let declared = request.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let read = body::read(payload, declared, settings.body_limit, &intake.shared.budget);
    let body = match tokio::time::timeout(settings.read_timeout, read).await {
        Ok(Ok(body)) => body,
        Ok(Err(unread)) => return not_read(&unread),
        Err(_) => return closing(rejected("slow", StatusCode::REQUEST_TIMEOUT)),
    };
    if let Err(bad) = signed(&request, settings, &body) {
        return forged(&bad);
    }
    let response = intake.shared.proved(&body).await;
    intake.shared.meters.seconds.record(began.elapsed());
    response
}

/// Checks the signature; the older header only tells how it was missed.
fn signed(request: &HttpRequest, settings: &Settings, body: &[u8]) -> Result<(), BadSignature> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let keys: Vec<&[u8]> = settings.app_secrets.iter().map(|secret| secret.expose_secret().as_bytes()).collect();
    verify_sha256(&keys, body, header("x-hub-signature-256").or_else(|| header("x-hub-signature")))
}

fn forged(bad: &BadSignature) -> HttpResponse {
    tracing::warn!(error = %bad, "a webhook was refused");
    match bad {
        BadSignature::Missing => rejected("unsigned", StatusCode::UNAUTHORIZED),
        BadSignature::Malformed => rejected("malformed_signature", StatusCode::UNAUTHORIZED),
        BadSignature::Sha1Only => rejected("sha1_signature", StatusCode::UNAUTHORIZED),
        BadSignature::Wrong => rejected("wrong_signature", StatusCode::FORBIDDEN),
    }
}

fn not_read(unread: &Unread) -> HttpResponse {
    closing(match unread {
        Unread::TooLong => rejected("too_long", StatusCode::PAYLOAD_TOO_LARGE),
        Unread::NoRoom => rejected("no_room", StatusCode::SERVICE_UNAVAILABLE),
        Unread::Broken => rejected("broken", StatusCode::BAD_REQUEST),
    })
}

fn rejected(reason: &'static str, status: StatusCode) -> HttpResponse {
    counter!("baton_webhooks_rejected_total", "reason" => reason).increment(1);
    HttpResponse::build(status).content_type(ContentType::plaintext()).body(status.canonical_reason().unwrap_or_default())
}

/// The rest of the body is not read, so the connection cannot be used again.
fn closing(mut response: HttpResponse) -> HttpResponse {
    response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    response
}

impl Shared {
    /// Takes a webhook whose signature is right.
    async fn proved(&self, body: &Body) -> HttpResponse {
        let kept = match webhook::parse(body, clock::now()) {
            Ok(batch) => tokio::time::timeout(self.settings.commit_timeout, self.keep(batch)).await,
            Err(NotAWebhook::OtherObject(name)) if !name.is_empty() => {
                tracing::warn!(object = %name.chars().take(64).collect::<String>(), "a webhook of another product");
                return rejected("other_object", StatusCode::NOT_FOUND);
            }
            Err(unreadable) => {
                tracing::warn!(error = %unreadable, "a webhook cannot be read; it is kept raw");
                let raw = storable(body);
                let reason = unreadable.to_string();
                let items = [(None, reason.as_str(), raw.as_str())];
                tokio::time::timeout(self.settings.commit_timeout, self.set_aside("unreadable", &items)).await
            }
        };
        match kept.unwrap_or(Err(NotNow::TooSlow)) {
            Ok(()) => HttpResponse::Ok().content_type(ContentType::plaintext()).body(ACKNOWLEDGED),
            Err(error) => {
                tracing::error!(%error, "a webhook cannot be stored now; the platform is told to come again");
                rejected("not_stored", StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }

    /// Commits a batch: events through the ledger first, which knows them again if they come again; then what has to be set aside.
    async fn keep(&self, batch: Batch) -> Result<(), NotNow> {
        let (events, bad): (Vec<_>, Vec<_>) = batch.items.into_iter().partition(Result::is_ok);
        let events: Vec<Incoming> = events.into_iter().flatten().collect();
        let (known, foreign) = self.sort_out(batch.object, events).await?;
        if !known.is_empty() {
            // Those of a Page that was removed meanwhile are set aside by the ledger.
            self.meters.count(&self.ledger.receive(known).await?);
        }
        let bad: Vec<_> = bad.into_iter().filter_map(Result::err).collect();
        let bad: Vec<_> = bad.iter().map(|item| (item.page.clone(), item.why, item.raw.as_str())).collect();
        self.set_aside("unreadable", &bad).await?;
        let foreign: Vec<_> = foreign.iter().map(|one| (Some(one.page.clone()), "unknown Page", one.raw.as_str())).collect();
        self.set_aside("unknown_page", &foreign).await
    }

    /// Splits events into those of Baton's Pages and those of others.
    async fn sort_out(&self, object: Object, events: Vec<Incoming>) -> Result<(Vec<Incoming>, Vec<Incoming>), StoreError> {
        let seen = |page: &PageId| self.pages.read().unwrap_or_else(PoisonError::into_inner).contains(&(object, page.clone()));
        let mut unseen: Vec<PageId> = events.iter().map(|event| &event.page).filter(|page| !seen(page)).cloned().collect();
        unseen.sort_unstable();
        unseen.dedup();
        if !unseen.is_empty() {
            let found = self.store.known_pages(object, &unseen).await?;
            self.pages.write().unwrap_or_else(PoisonError::into_inner).extend(found.into_iter().map(|page| (object, page)));
        }
        Ok(events.into_iter().partition(|event| seen(&event.page)))
    }

    async fn set_aside(&self, reason: &'static str, items: &[(Option<PageId>, &str, &str)]) -> Result<(), NotNow> {
        if items.is_empty() {
            return Ok(());
        }
        self.store.quarantine(items).await?;
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        counter!("baton_webhook_items_quarantined_total", "reason" => reason).increment(count);
        tracing::warn!(count, reason, "items of a webhook were set aside raw");
        Ok(())
    }
}

/// A body as text that PostgreSQL can store: it has no place for NUL.
fn storable(body: &[u8]) -> String {
    String::from_utf8_lossy(body).replace('\0', "\u{fffd}")
}
