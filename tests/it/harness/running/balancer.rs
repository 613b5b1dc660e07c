//! What stands before several processes, as one has it in production: watches who is ready, hands each request to the next who is, tries another
//! where nobody listens, and, if it is told to, cuts the connections to a process that does not answer any more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often a process is asked whether it is ready.
const LOOK: Duration = Duration::from_millis(100);

/// How long it keeps a connection that nobody uses, as most balancers do.
const IDLE: Duration = Duration::from_secs(60);

/// What belongs to one connection only.
const HOP: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

/// A balancer on a port of its own. It stops when it is dropped.
pub struct Balancer {
    /// Where apps call.
    pub base: String,
    /// Where the platform delivers.
    pub url: String,
    behind: Arc<Behind>,
    handle: ServerHandle,
    _looks: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Ready,
    /// It wants nothing new.
    Away,
    /// It does not answer.
    Lost,
}

struct Behind {
    next: AtomicUsize,
    processes: Vec<Process>,
    http: reqwest::Client,
    answered: AtomicUsize,
    busy: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

struct Process {
    base: String,
    health: watch::Sender<Health>,
}

impl Balancer {
    /// Before these processes. With a `patience`, a process that takes longer to say whether it is ready is lost, with whatever it was asked.
    pub fn start(bases: Vec<String>, patience: Option<Duration>) -> Self {
        let processes = bases.into_iter().map(|base| Process { base, health: watch::Sender::new(Health::Ready) }).collect();
        let http = reqwest::Client::builder().no_proxy().pool_idle_timeout(IDLE).build().expect("an HTTP client");
        let behind = Arc::new(Behind {
            next: AtomicUsize::new(0),
            processes,
            http,
            answered: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            failures: Mutex::default(),
        });
        let data = Data::from(Arc::clone(&behind));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(hand_on)))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .expect("a free port");
        let base = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        let mut looks = JoinSet::new();
        for number in 0..behind.processes.len() {
            looks.spawn(look_at(Arc::clone(&behind), number, patience));
        }
        Self { url: format!("{base}/platform/webhook"), base, behind, handle, _looks: looks }
    }

    /// How many requests were answered by a process.
    pub fn answered(&self) -> usize {
        self.behind.answered.load(Ordering::Relaxed)
    }

    /// How many of these were refused by a process that is ready, but cannot keep up: on a busy machine that is nobody's fault.
    pub fn busy(&self) -> usize {
        self.behind.busy.load(Ordering::Relaxed)
    }

    /// What went wrong so far with requests: they have no answer, or one that blames a process which was on its way out.
    pub fn failures(&self) -> Vec<String> {
        self.behind.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // The command is sent at once; nobody waits for the outcome.
        drop(self.handle.stop(false));
    }
}

async fn look_at(behind: Arc<Behind>, number: usize, patience: Option<Duration>) {
    let process = &behind.processes[number];
    loop {
        let look = behind.http.get(format!("{}/readyz", process.base));
        let health = match patience.into_iter().fold(look, reqwest::RequestBuilder::timeout).send().await {
            Ok(answer) if answer.status() == 200 => Health::Ready,
            Err(error) if error.is_timeout() => Health::Lost,
            // Even if nobody listens any more, it may be finishing what it has begun.
            Ok(_) | Err(_) => Health::Away,
        };
        process.health.send_replace(health);
        tokio::time::sleep(LOOK).await;
    }
}

impl Behind {
    /// The process whose turn it is among those that are ready; when none is, among all.
    fn next(&self) -> &Process {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let ready: Vec<&Process> = self.processes.iter().filter(|process| *process.health.borrow() == Health::Ready).collect();
        ready.get(turn % ready.len().max(1)).copied().unwrap_or(&self.processes[turn % self.processes.len()])
    }

    fn note(&self, failure: String) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    }

    /// Whoever sent the request is told to try again.
    fn failed(&self, what: String) -> HttpResponse {
        self.note(what);
        let error = json!({"message": "The balancer has no answer.", "type": "OAuthException", "code": 2, "is_transient": true});
        HttpResponse::ServiceUnavailable().json(json!({"error": error}))
    }
}

/// Hands a request on; to another process where nobody listens, since nothing has been said there.
async fn hand_on(request: HttpRequest, body: Bytes, behind: Data<Behind>) -> HttpResponse {
    let what = format!("{} {}", request.method(), request.path());
    for _ in 0..=behind.processes.len() {
        let process = behind.next();
        let mut health = process.health.subscribe();
        let mut onward = behind.http.request(method(&request), format!("{}{}", process.base, request.uri())).body(body.clone());
        for (name, value) in request.headers().iter().filter(|(name, _)| !HOP.contains(&name.as_str())) {
            onward = onward.header(name.as_str(), value.as_bytes());
        }
        let answer = tokio::select! {
            answer = answered(onward) => answer,
            // Away is no reason: it finishes what it has begun.
            _ = health.wait_for(|health| *health == Health::Lost) => return behind.failed(format!("{what}: {} is lost", process.base)),
        };
        match answer {
            Ok((status, body)) => {
                behind.answered.fetch_add(1, Ordering::Relaxed);
                if status.is_server_error() && *process.health.borrow() == Health::Ready {
                    behind.busy.fetch_add(1, Ordering::Relaxed);
                } else if status.is_server_error() {
                    behind.note(format!("{what}: {} answers {status}: {}", process.base, String::from_utf8_lossy(&body)));
                }
                return HttpResponse::build(status).content_type("application/json").body(body);
            }
            Err(error) if error.is_connect() => process.health.send_replace(Health::Away),
            Err(error) => return behind.failed(format!("{what}: {}: {error:?}", process.base)),
        };
    }
    behind.failed(format!("{what}: nobody listens"))
}

fn method(request: &HttpRequest) -> reqwest::Method {
    reqwest::Method::from_bytes(request.method().as_str().as_bytes()).expect("a method")
}

async fn answered(onward: reqwest::RequestBuilder) -> reqwest::Result<(StatusCode, Bytes)> {
    let answer = onward.send().await?;
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    Ok((status, answer.bytes().await?))
}
