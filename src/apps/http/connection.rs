//! Connections to callbacks: each carries one call at a time, and is kept for the next.
//!
//! A connection is driven by the call that uses it, not by a task of its own: an answer wakes exactly the task that waits for it. An idle
//! one is looked at when it is taken again, and hung up when it has been idle for too long.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower_service::Service;

use super::resolver::FilteringResolver;

/// How long a connection is kept for the next call; then, or when the other side hangs up, it goes within half of that again.
const IDLE: Duration = Duration::from_secs(30);

/// Idle connections that are kept to one place.
const KEPT: usize = 128;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Why there is no connection or no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no connection.
    Connect(Box<dyn StdError + Send + Sync>),
    /// The connection broke, or what came was no HTTP.
    Broken,
}

/// A connection to one place. It is large and goes from hand to hand at every call, so it is passed on in a box.
#[derive(Debug)]
pub(super) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    driver: http1::Connection<Stream, Full<Bytes>>,
    over: bool,
    idle_since: Instant,
}

impl Connection {
    /// Whether another call may use it: the other side has not hung up meanwhile, nor sent what nobody asked for.
    fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.over && self.requests.is_ready()
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        self.over = self.over || Pin::new(&mut self.driver).poll(context).is_ready();
    }

    /// Waits for what needs the connection to go on meanwhile. When the connection ends, so does whatever waits for it.
    async fn driving<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.drive(context);
            future.as_mut().poll(context)
        })
        .await
    }

    /// Sends a request; the head of the answer. A request that did not leave is given back.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Option<Box<Request<Full<Bytes>>>>> {
        let answer = self.requests.try_send_request(request);
        self.driving(answer).await.map_err(|mut error| error.take_message().map(Box::new))
    }

    /// Reads the body of the answer, up to `most` bytes. False: there is more, so the connection is good for nothing else.
    pub async fn read(&mut self, mut body: Incoming, most: usize, read: &mut Vec<u8>) -> bool {
        while !body.is_end_stream() {
            let Some(Ok(frame)) = self.driving(body.frame()).await else { return body.is_end_stream() };
            let Ok(chunk) = frame.into_data() else { continue };
            let room = most - read.len();
            read.extend(chunk.iter().take(room));
            if chunk.len() > room {
                return false;
            }
        }
        true
    }
}

/// Makes connections, and keeps those that are idle.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    connector: HttpsConnector<HttpConnector<FilteringResolver>>,
    idle: Arc<Idle>,
}

impl Connections {
    /// None yet.
    pub fn new(resolver: FilteringResolver) -> io::Result<Self> {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(rustls::crypto::aws_lc_rs::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self { connector, idle: Arc::default() })
    }

    /// A connection that has been used before, if one is idle.
    pub fn idle(&self, place: &str) -> Option<Box<Connection>> {
        loop {
            let mut connection = self.idle.take(place)?;
            if connection.is_usable() {
                return Some(connection);
            }
        }
    }

    /// A new connection. `place` is scheme, host and port.
    pub async fn connect(&self, place: &Uri) -> Result<Box<Connection>, Failure> {
        let mut connector = self.connector.clone();
        poll_fn(|context| connector.poll_ready(context)).await.map_err(Failure::Connect)?;
        let stream = connector.call(place.clone()).await.map_err(Failure::Connect)?;
        let (requests, driver) = http1::handshake(stream).await.map_err(|_| Failure::Broken)?;
        Ok(Box::new(Connection { requests, driver, over: false, idle_since: Instant::now() }))
    }

    /// Keeps a connection for the next call.
    pub fn keep(&self, place: &str, mut connection: Box<Connection>) {
        if connection.is_usable() {
            connection.idle_since = Instant::now();
            Idle::put(&self.idle, place, connection);
        }
    }
}

/// Idle connections by place, the one used last at the end.
#[derive(Debug, Default)]
struct Idle {
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    #[allow(clippy::vec_box, reason = "it is large, and moved at every call")]
    connections: HashMap<String, Vec<Box<Connection>>>,
    /// A task looks after those that stay idle.
    watched: bool,
}

impl Idle {
    fn take(&self, place: &str) -> Option<Box<Connection>> {
        self.lock().connections.get_mut(place)?.pop()
    }

    fn put(idle: &Arc<Self>, place: &str, connection: Box<Connection>) {
        let mut places = idle.lock();
        if !places.connections.contains_key(place) {
            places.connections.insert(place.to_owned(), Vec::new());
        }
        let Some(kept) = places.connections.get_mut(place).filter(|kept| kept.len() < KEPT) else { return };
        kept.push(connection);
        if !std::mem::replace(&mut places.watched, true) {
            tokio::spawn(hang_up(Arc::downgrade(idle)));
        }
    }

    /// Hangs up what has been idle for too long, or what the other side has hung up. Whether nothing is left.
    fn expire(&self) -> bool {
        let mut places = self.lock();
        let now = Instant::now();
        places.connections.retain(|_, kept| {
            kept.retain_mut(|connection| now.saturating_duration_since(connection.idle_since) < IDLE && connection.is_usable());
            !kept.is_empty()
        });
        places.watched = !places.connections.is_empty();
        !places.watched
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after idle connections for as long as there are any.
async fn hang_up(idle: Weak<Idle>) {
    loop {
        tokio::time::sleep(IDLE / 2).await;
        match idle.upgrade() {
            Some(idle) if !idle.expire() => {}
            _ => return,
        }
    }
}
