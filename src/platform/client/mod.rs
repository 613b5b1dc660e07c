//! Calls to the platform's Graph API, with each Page's own token.

mod answer;
mod calls;
mod tokens;

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

pub use answer::{Meaning, Outcome, Refused};
pub use calls::{Holder, SUBSCRIBED_FIELDS};
pub use tokens::{NoToken, PageToken};

use crate::crypto::seal::Sealer;
use crate::store::Store;
use crate::wire::upstream::{UpstreamFile, UpstreamMethod, UpstreamRequest};
use crate::wire::{AppId, GraphError, PageId};
use answer::{Answer, read};
use tokens::Tokens;

/// Longest answer read, in bytes; the rest is cut while it streams in.
const LONGEST_ANSWER: usize = 4 << 20;

/// A connection that has rested for longer is not used again: were the platform to close it at that moment, nobody could tell whether the send
/// on it went out. Most servers let connections rest for 5 seconds at least.
const REST: Duration = Duration::from_secs(4);

/// How the platform is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where its Graph API is, without version.
    pub graph_url: Url,
    /// The version asked for, such as `v25.0`; `None`: the one set in the app's dashboard.
    pub version: Option<String>,
    /// Baton's own app on the platform.
    pub app_id: AppId,
    /// Its secret, with which each call proves that it comes from the app.
    pub app_secret: SecretString,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a call may take altogether.
    pub call_timeout: Duration,
    /// How long the upload of an attachment may take: the platform itself waits up to 75 s for a video it fetches.
    pub upload_timeout: Duration,
}

impl Settings {
    /// The documented defaults for an app: `https://graph.facebook.com`, v25.0, 3 s to connect, 10 s a call, 90 s an upload.
    #[must_use]
    pub fn new(graph_url: Url, app_id: AppId, app_secret: SecretString) -> Self {
        Self {
            graph_url,
            version: Some("v25.0".to_owned()),
            app_id,
            app_secret,
            connect_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(10),
            upload_timeout: Duration::from_secs(90),
        }
    }
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is one that no path can be added to.
    #[error("{0} cannot be the address of a Graph API")]
    Address(Url),
    /// TLS or the resolver could not be set up.
    #[error("the HTTP client could not be set up")]
    Http(#[source] reqwest::Error),
}

/// The way to the platform. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    settings: Arc<Settings>,
    tokens: Arc<Tokens>,
}

impl Client {
    /// A client that opens Pages' tokens with this sealer. Nothing is called yet.
    ///
    /// # Errors
    /// [`ClientError`] for an address that is none, or when TLS cannot be set up.
    pub fn new(settings: Settings, store: Store, sealer: Sealer) -> Result<Self, ClientError> {
        if settings.graph_url.cannot_be_a_base() {
            return Err(ClientError::Address(settings.graph_url));
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(REST)
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self { http, tokens: Arc::new(Tokens::new(store, sealer, settings.app_secret.clone())), settings: Arc::new(settings) })
    }

    /// Baton's own app on the platform.
    #[must_use]
    pub fn app_id(&self) -> &AppId {
        &self.settings.app_id
    }

    /// Makes a call with the Page's token. A call refused because of a token that has been replaced meanwhile is made again with the new one.
    pub async fn call(&self, request: &UpstreamRequest) -> Outcome {
        let token = match self.tokens.of(&request.page).await {
            Ok(token) => token,
            Err(error) => return no_token(&request.page, &error),
        };
        let mut outcome = self.timed(request, &token).await;
        if dead_token(&outcome).is_some()
            && let Ok(newer) = self.tokens.reread(&request.page).await
            && !newer.is_same(&token)
        {
            outcome = self.timed(request, &newer).await;
        }
        match (&outcome, dead_token(&outcome)) {
            (Outcome::Answered(_), _) => self.tokens.taken(&request.page).await,
            (_, Some(error)) => self.tokens.refused(&request.page, error).await,
            _ => {}
        }
        outcome
    }

    async fn timed(&self, request: &UpstreamRequest, token: &PageToken) -> Outcome {
        let began = Instant::now();
        let outcome = self.once(request, token).await;
        let edge = edge_label(&request.path);
        metrics::histogram!("baton_graph_call_seconds", "edge" => edge).record(began.elapsed());
        metrics::counter!("baton_graph_calls_total", "edge" => edge, "outcome" => outcome.label()).increment(1);
        if let Outcome::NotWritten(why) | Outcome::Unknown(why) = &outcome {
            tracing::warn!(page = %request.page, edge, why, "the platform did not answer a call");
        }
        outcome
    }

    async fn once(&self, request: &UpstreamRequest, token: &PageToken) -> Outcome {
        let built = match self.build(request, token) {
            Ok(built) => built,
            Err(error) => return Outcome::Refused(Refused { error, regain: None }),
        };
        match built.send().await {
            Ok(response) => answered(response).await,
            // Also a connection that took too long: nothing of the call has left.
            Err(error) if error.is_connect() || error.is_builder() => Outcome::NotWritten(error.without_url().to_string()),
            Err(error) => Outcome::Unknown(error.without_url().to_string()),
        }
    }

    fn build(&self, request: &UpstreamRequest, token: &PageToken) -> Result<RequestBuilder, GraphError> {
        let url = self.address(request, token)?;
        let method = match request.method {
            UpstreamMethod::Get => Method::GET,
            UpstreamMethod::Post => Method::POST,
            UpstreamMethod::Delete => Method::DELETE,
        };
        let builder = self.http.request(method, url);
        Ok(match &request.file {
            Some(file) => builder.timeout(self.settings.upload_timeout).multipart(form(&request.body, file)?),
            None if request.body.is_empty() => builder.timeout(self.settings.call_timeout),
            None => builder.timeout(self.timeout_for(&request.path)).json(&request.body),
        })
    }

    fn timeout_for(&self, path: &str) -> Duration {
        if edge(path) == "message_attachments" { self.settings.upload_timeout } else { self.settings.call_timeout }
    }

    /// The whole address, with the token and its proof in the query, as the platform's own SDKs send them.
    fn address(&self, request: &UpstreamRequest, token: &PageToken) -> Result<Url, GraphError> {
        let mut url = self.settings.graph_url.clone();
        {
            let mut segments = url.path_segments_mut().map_err(|()| GraphError::temporary("The platform's address cannot be used"))?;
            segments.pop_if_empty();
            segments.extend(self.settings.version.as_deref());
            segments.extend(request.path.split('/').filter(|segment| !segment.is_empty()));
        }
        url.query_pairs_mut()
            .extend_pairs(&request.query)
            .append_pair("access_token", token.access_token.expose_secret())
            .append_pair("appsecret_proof", &token.proof);
        Ok(url)
    }
}

/// JSON-encoded fields and the file, as the platform's own samples upload.
fn form(fields: &Map<String, Value>, file: &UpstreamFile) -> Result<reqwest::multipart::Form, GraphError> {
    let mut form = reqwest::multipart::Form::new();
    for (name, value) in fields {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        form = form.text(name.clone(), text);
    }
    let part = reqwest::multipart::Part::bytes(file.bytes.clone())
        .file_name(file.name.clone())
        .mime_str(&file.content_type)
        .map_err(|_| GraphError::parameter("The file's media type cannot be read"))?;
    Ok(form.part("filedata", part))
}

/// Reads the answer, as far as it may go.
async fn answered(mut response: Response) -> Outcome {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (usage, retry_after) = (header("x-business-use-case-usage"), header("retry-after"));
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Outcome::Unknown("the answer is too long".to_owned()),
            Ok(None) => break,
            Err(error) => return Outcome::Unknown(error.without_url().to_string()),
        }
    }
    read(&Answer { status, body: &body, usage: usage.as_deref(), retry_after: retry_after.as_deref() })
}

/// The error, if it says that the Page's token is not taken.
fn dead_token(outcome: &Outcome) -> Option<&GraphError> {
    match outcome {
        Outcome::Refused(refused) if refused.meaning() == Meaning::TokenDead => Some(&refused.error),
        _ => None,
    }
}

fn no_token(page: &PageId, error: &NoToken) -> Outcome {
    tracing::warn!(%page, %error, "no token for the Page");
    match error {
        NoToken::Store(error) => Outcome::NotWritten(error.to_string()),
        NoToken::None | NoToken::Unreadable(_) => {
            let error = GraphError::token("The Page is not connected to the platform. Ask an administrator to connect it again.");
            Outcome::Refused(Refused { error, regain: None })
        }
    }
}

/// The last part of a path: which edge is called.
fn edge(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// The edge as a metric's label, of which there may be only a few.
fn edge_label(path: &str) -> &'static str {
    const EDGES: [&str; 10] = [
        "messages",
        "message_attachments",
        "messenger_profile",
        "pass_thread_control",
        "take_thread_control",
        "request_thread_control",
        "extend_thread_control",
        "release_thread_control",
        "thread_owner",
        "subscribed_apps",
    ];
    let edge = edge(path);
    EDGES.into_iter().find(|known| *known == edge).unwrap_or("node")
}
