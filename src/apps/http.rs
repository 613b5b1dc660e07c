//! The one client through which Baton calls addresses that somebody else chose.
//!
//! It follows no redirect, uses no proxy, waits 5 seconds at most from the first look-up to the last byte, reads at most 4 KiB of an answer,
//! and goes to no address that [`AddressPolicy`] refuses. The address is looked at twice because the connector takes literal addresses
//! without asking a resolver: once in the URL, once in the resolver, whose answer is the one that is connected to.

mod address;
mod connection;
mod resolver;

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use percent_encoding::percent_decode_str;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::time::{Instant, timeout_at};
use url::{Host, Position, Url};

pub use address::{AddressPolicy, BadNetwork, Network};
use connection::{Connection, Connections, Failure};
use resolver::{FilteringResolver, NotPermitted};

/// Most of an answer that is kept, in bytes.
pub const BODY_LIMIT: usize = 4096;

/// How calls go out.
#[derive(Debug, Clone)]
pub struct Settings {
    /// From the first look-up to the last byte. Default 5 seconds, as the platform gives its receivers.
    pub timeout: Duration,
    /// Networks that may be called although they are not public. Default none.
    pub allowed_networks: Vec<Network>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), allowed_networks: Vec::new() }
    }
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was an answer, whatever it says.
    Answered(Answer),
    /// Nothing answers there: refused, unreachable, or no such name.
    Refused,
    /// It took longer than the time-out.
    TimedOut,
    /// The connection ended, or what came was no HTTP.
    Broken,
    /// The address is not one that may be called.
    Blocked,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, as the time from now.
    pub retry_after: Option<Duration>,
    /// The beginning of the body, at most [`BODY_LIMIT`] bytes.
    pub body: Vec<u8>,
}

/// The client could not be built: no TLS roots.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot start: {0}")]
pub struct CannotStart(#[from] io::Error);

/// The client. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    connections: Connections,
    policy: Arc<AddressPolicy>,
    timeout: Duration,
}

impl Outbound {
    /// A client.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(settings: Settings) -> Result<Self, CannotStart> {
        let policy = Arc::new(AddressPolicy::allowing(settings.allowed_networks));
        let connections = Connections::new(FilteringResolver { policy: Arc::clone(&policy) })?;
        Ok(Self { connections, policy, timeout: settings.timeout })
    }

    /// The longest a call takes.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Posts a body.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Outcome {
        self.call(Method::POST, url, headers, body).await
    }

    /// Gets an address, for the handshake of a callback.
    pub async fn get(&self, url: &Url) -> Outcome {
        self.call(Method::GET, url, HeaderMap::new(), Vec::new()).await
    }

    /// Whether the URL's scheme and, where it is a literal address, its host are ones that may be called. A name is judged when it is
    /// resolved.
    #[must_use]
    pub fn may_call(&self, url: &Url) -> bool {
        matches!(url.scheme(), "http" | "https")
            && match url.host() {
                Some(Host::Ipv4(address)) => self.policy.permits(IpAddr::V4(address)),
                Some(Host::Ipv6(address)) => self.policy.permits(IpAddr::V6(address)),
                Some(Host::Domain(_)) => true,
                None => false,
            }
    }

    async fn call(&self, method: Method, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Outcome {
        if !self.may_call(url) {
            return Outcome::Blocked;
        }
        let Some(request) = request(method, url, headers, body) else { return Outcome::Blocked };
        let deadline = Instant::now() + self.timeout;
        let place = &url[..Position::BeforePath];
        let (mut connection, response) = match timeout_at(deadline, self.send(place, request)).await {
            Err(_) => return Outcome::TimedOut,
            Ok(Err(failure)) => return failed(&failure),
            Ok(Ok(answered)) => answered,
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
        let mut body = Vec::new();
        // The status has been said: a body that breaks off or never ends changes nothing about it.
        if let Ok(true) = timeout_at(deadline, connection.read(response.into_body(), BODY_LIMIT, &mut body)).await {
            self.connections.keep(place, connection);
        }
        Outcome::Answered(Answer { status, retry_after, body })
    }

    /// Sends a request over an idle connection or else a new one; the connection, and the head of the answer.
    async fn send(&self, place: &str, mut request: Request<Full<Bytes>>) -> Result<(Box<Connection>, Response<Incoming>), Failure> {
        if let Some(mut connection) = self.connections.idle(place) {
            match connection.send(request).await {
                Ok(response) => return Ok((connection, response)),
                // It was hung up at this very moment, and nothing of the request has left.
                Err(Some(unsent)) => request = *unsent,
                Err(None) => return Err(Failure::Broken),
            }
        }
        let uri = Uri::try_from(place).map_err(|error| Failure::Connect(error.into()))?;
        let mut connection = self.connections.connect(&uri).await?;
        let response = connection.send(request).await.map_err(|_| Failure::Broken)?;
        Ok((connection, response))
    }
}

/// The request as it goes over the wire; `None` for a URL that HTTP cannot carry.
fn request(method: Method, url: &Url, mut headers: HeaderMap, body: Vec<u8>) -> Option<Request<Full<Bytes>>> {
    headers.insert(HOST, HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).ok()?);
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("Baton/", env!("CARGO_PKG_VERSION"))));
    if let Some(credentials) = credentials(url) {
        headers.insert(AUTHORIZATION, credentials);
    }
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = Uri::try_from(&url[Position::BeforePath..Position::AfterQuery]).ok()?;
    *request.headers_mut() = headers;
    Some(request)
}

/// The name and password that stand in a URL, as HTTP has them.
fn credentials(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut plain: Vec<u8> = percent_decode_str(url.username()).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn failed(failure: &Failure) -> Outcome {
    let Failure::Connect(error) = failure else { return Outcome::Broken };
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        if error.is::<NotPermitted>() {
            return Outcome::Blocked;
        }
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return Outcome::TimedOut;
        }
        cause = error.source();
    }
    Outcome::Refused
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = OffsetDateTime::parse(value.trim(), &Rfc2822).ok()?;
    let left = at.unix_timestamp() - crate::clock::now().seconds();
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn retry_after_takes_seconds_and_dates() {
        assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-5"), None);
    }

    #[test]
    fn literal_addresses_and_schemes_are_judged_before_any_connection() {
        let outbound = Outbound::new(Settings { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], ..Settings::default() }).unwrap();
        for (url, may) in [
            ("http://127.0.0.1:8099/webhook", true),
            ("https://example.com/hook", true),
            ("http://8.8.8.8/", true),
            // The same address, as browsers and resolvers also take it.
            ("http://2130706433/", true),
            ("http://0x0a000001/", false),
            ("http://012.1/", false),
            ("http://10.0.0.1/", false),
            ("http://[::1]/", false),
            ("http://[::ffff:10.0.0.1]/", false),
            ("http://169.254.169.254/latest/meta-data", false),
            ("ftp://example.com/", false),
            ("file:///etc/passwd", false),
            ("data:text/plain,x", false),
        ] {
            assert_eq!(outbound.may_call(&Url::parse(url).unwrap()), may, "{url}");
        }
    }
}
