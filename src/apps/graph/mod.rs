//! The Graph-compatible API: the Messenger Platform as apps know it, served by Baton.
//!
//! Every address that belongs to nobody else is a call here, at `/` and below any version. A call is read ([`path`], [`body`], [`encoding`]), its token
//! becomes a caller ([`caller`]), an edge answers it, and whatever goes wrong goes back in the platform's own envelope ([`reply`]).

mod access_token;
mod attachments;
mod batch;
mod body;
mod call;
mod caller;
mod control;
mod debug_token;
mod encoding;
mod fields;
mod messages;
mod messenger_profile;
mod nodes;
mod outcomes;
pub mod path;
mod people;
mod personas;
mod reply;
mod route;
mod subscriptions;
mod upstream;

use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use self::body::Budget;
use self::call::Call;
use self::caller::Tokens;
use self::reply::Reply;
use crate::apps::SignsOfLife;
use crate::apps::http::Outbound;
use crate::crypto::seal::Sealer;
use crate::ledger::Ledger;
use crate::store::Store;
use crate::wire::upstream::Upstream;
use crate::wire::{GraphError, Params};

pub use self::body::Limits;
pub use self::encoding::{Decoded, decode};
pub use self::outcomes::{OutcomeWatch, Outcomes};

/// How the API behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest bodies taken.
    pub limits: Limits,
    /// How many sends a second the outbox of one Page makes: what the length of its queue is measured against. 30 by default,
    /// as the outbox.
    pub sends_per_second: u32,
    /// A Page whose queue is longer than this takes no more sends (613). 5 s by default.
    pub longest_queue: Duration,
    /// How long a call waits for the outcome of its send. 20 s by default.
    pub outcome_patience: Duration,
    /// How long a control call waits for the platform, where it needs it. 10 s by default.
    pub transfer_patience: Duration,
    /// How long the platform may take for a question. 10 s by default.
    pub upstream_patience: Duration,
    /// How long the platform may take for an upload: it fetches videos for up to 75 s. 90 s by default.
    pub upload_patience: Duration,
    /// How long a profile fetched from the platform is good. An hour by default: addresses of pictures expire.
    pub profile_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            sends_per_second: 30,
            longest_queue: Duration::from_secs(5),
            outcome_patience: Duration::from_secs(20),
            transfer_patience: Duration::from_secs(10),
            upstream_patience: Duration::from_secs(10),
            upload_patience: Duration::from_secs(90),
            profile_age: Duration::from_secs(3600),
        }
    }
}

/// What the API works with.
#[derive(Debug)]
pub struct Parts {
    /// Reads.
    pub store: Store,
    /// Whatever changes a conversation.
    pub ledger: Ledger,
    /// Opens the apps' secrets.
    pub sealer: Sealer,
    /// The platform.
    pub upstream: Upstream,
    /// Outcomes of sends; its watch must be running.
    pub outcomes: Outcomes,
    /// Told of every authenticated call.
    pub signs: SignsOfLife,
    /// Asks callbacks whether they want to be called.
    pub outbound: Outbound,
}

/// The API. Goes into [`Data`].
#[derive(Debug)]
pub struct GraphApi {
    store: Store,
    ledger: Ledger,
    sealer: Sealer,
    upstream: Upstream,
    outcomes: Outcomes,
    signs: SignsOfLife,
    outbound: Outbound,
    settings: Settings,
    budget: Budget,
    tokens: Tokens,
}

impl GraphApi {
    /// Puts it together.
    #[must_use]
    pub fn new(parts: Parts, settings: Settings) -> Self {
        let Parts { store, ledger, sealer, upstream, outcomes, signs, outbound } = parts;
        let budget = Budget::new(settings.limits.clone());
        Self { store, ledger, sealer, upstream, outcomes, signs, outbound, settings, budget, tokens: Tokens::default() }
    }

    /// Something on this side: told to the log in full, to the caller in one sentence.
    fn unavailable(&self, error: &dyn std::fmt::Display) -> GraphError {
        tracing::error!(%error, "a Graph call could not be answered");
        GraphError::temporary("Service temporarily unavailable. Please retry.")
    }
}

/// Serves every address that nobody else does. Needs `Data<GraphApi>`.
pub fn routes(config: &mut ServiceConfig) {
    config.default_service(web::to(answer));
}

/// Answers one request, whatever it is.
async fn answer(api: Data<GraphApi>, request: HttpRequest, payload: Payload) -> HttpResponse {
    if is_browser_at_the_door(&request) {
        return HttpResponse::SeeOther().insert_header((header::LOCATION, "/inbox")).finish();
    }
    let started = Instant::now();
    let path = path::Path::read(request.path());
    let (version, edge) = match &path {
        Ok(path) => (path.version.clone(), path.place.label()),
        Err(_) => (path::DEFAULT_VERSION.to_owned(), "unknown"),
    };
    let result = match Call::read(&api, &request, payload, path).await {
        Ok(call) => Box::pin(route::answer(&api, call)).await,
        Err(error) => Err(error),
    };
    let code = result.as_ref().err().map_or(0, |error| error.code);
    let reply = Reply::of(result);
    metrics::counter!("baton_graph_calls_total", "edge" => edge, "status" => reply.status.to_string()).increment(1);
    metrics::histogram!("baton_graph_call_seconds", "edge" => edge).record(started.elapsed());
    tracing::debug!(edge, method = %request.method(), status = reply.status, code, trace = reply.trace(), "Graph call");
    reply.respond(&version)
}

/// A person who typed Baton's address into a browser wants the inbox, not an error in JSON.
fn is_browser_at_the_door(request: &HttpRequest) -> bool {
    let wants_html =
        || request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    let has_token = || {
        request.headers().contains_key(header::AUTHORIZATION)
            || Params::from_form(request.query_string().as_bytes()).is_ok_and(|params| params.get("access_token").is_some())
    };
    request.path() == "/" && request.method() == actix_web::http::Method::GET && wants_html() && !has_token()
}
