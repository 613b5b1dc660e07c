//! The one client through which Baton calls addresses that somebody else chose.
//!
//! It follows no redirect, uses no proxy, waits 5 seconds at most from the first look-up to the last byte, reads at most 4 KiB of an answer,
//! and goes to no address that [`AddressPolicy`] refuses. The address is looked at twice because the connector takes literal addresses
//! without asking a resolver: once in the URL, once in the resolver, whose answer is the one that is connected to.

mod address;

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::{Host, Url};

pub use address::{AddressPolicy, BadNetwork, Network};

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
pub struct CannotStart(#[from] reqwest::Error);

/// The client. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: Client,
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
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("Baton/", env!("CARGO_PKG_VERSION")))
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(Arc::new(FilteringResolver { policy: Arc::clone(&policy) }))
            .build()?;
        Ok(Self { client, policy, timeout: settings.timeout })
    }

    /// The longest a call takes.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Posts a body.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Outcome {
        if !self.may_call(url) {
            return Outcome::Blocked;
        }
        self.call(self.client.post(url.clone()).headers(headers).body(body)).await
    }

    /// Gets an address, for the handshake of a callback.
    pub async fn get(&self, url: &Url) -> Outcome {
        if !self.may_call(url) {
            return Outcome::Blocked;
        }
        self.call(self.client.get(url.clone())).await
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

    async fn call(&self, request: RequestBuilder) -> Outcome {
        let deadline = tokio::time::Instant::now() + self.timeout;
        let mut response = match tokio::time::timeout_at(deadline, request.send()).await {
            Err(_) => return Outcome::TimedOut,
            Ok(Err(error)) => return failed(&error),
            Ok(Ok(response)) => response,
        };
        let mut body = Vec::new();
        // The status has been said: a body that breaks off or never ends changes nothing about it.
        let _ = tokio::time::timeout_at(deadline, read_body(&mut response, &mut body)).await;
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
        Outcome::Answered(Answer { status: response.status().as_u16(), retry_after, body })
    }
}

async fn read_body(response: &mut Response, body: &mut Vec<u8>) {
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = BODY_LIMIT.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if chunk.len() >= room {
            break;
        }
    }
}

fn failed(error: &reqwest::Error) -> Outcome {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<NotPermitted>() {
            return Outcome::Blocked;
        }
        source = cause.source();
    }
    if error.is_timeout() {
        Outcome::TimedOut
    } else if error.is_connect() {
        Outcome::Refused
    } else {
        Outcome::Broken
    }
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

/// Every address of a name is one that may not be called.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address that may be called")]
struct NotPermitted;

/// Resolves names, and keeps only addresses that may be called.
#[derive(Debug)]
struct FilteringResolver {
    policy: Arc<AddressPolicy>,
}

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let permitted: Vec<SocketAddr> = found.iter().copied().filter(|address| policy.permits(address.ip())).collect();
            if permitted.is_empty() && !found.is_empty() {
                return Err(NotPermitted.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
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
