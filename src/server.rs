//! Builds the parts, starts them, stops them gracefully; the only place that knows them all.

mod blueprint;
mod drain;
mod health;
mod idle;
mod measure;
mod outlive;
mod unread;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub use blueprint::Blueprint;

use crate::apps::SignsOfLife;
use crate::apps::delivery::{Delivery, InProcessApp};
use crate::apps::graph::{self, GraphApi, OutcomeWatch, Outcomes};
use crate::apps::http::{CannotStart, Outbound};
use crate::bot::{self, Bot};
use crate::ledger::{Ledger, Process};
use crate::platform::client::ClientError;
use crate::platform::{Client, Connections, Intake, Outbox, Profiles, Transfers, intake, upstream};
use crate::store::{Store, StoreError};
use crate::web::{self, Web};
use crate::wire::upstream::{Upstream, UpstreamCall};

/// How often histograms are folded together between two looks at `/metrics`.
const UPKEEP: Duration = Duration::from_secs(5);

/// How long a connection may rest between two requests: longer than the minute after which balancers close theirs. Whoever closes first is spared
/// the request that is on the way at that moment.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Conversations that the built-in bot may have under way at once.
const IN_PROCESS: usize = 64;

/// Baton does not start, or has ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {error}. Choose another address with --listen or BATON_LISTEN")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The database.
    #[error("the database does not do it: {0}")]
    Store(#[from] StoreError),
    /// The client for calls to the platform.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The client for calls to apps.
    #[error(transparent)]
    Outbound(#[from] CannotStart),
    /// The pages for people.
    #[error(transparent)]
    Web(#[from] web::StartError),
    /// A part that should run until Baton stops has ended: a defect, after which it is better to begin anew.
    #[error("`{0}` has ended by itself")]
    Ended(&'static str),
}

/// A listener for [`start`]; port 0 takes any free port. Connections wait in it until Baton accepts them.
///
/// # Errors
/// [`ServerError::Listen`].
pub fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    let bind = || {
        let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    bind().map_err(|error| ServerError::Listen { address, error })
}

/// An address under which this machine reaches a listener: one on all addresses is reached on the loopback.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A running Baton.
#[derive(Debug)]
pub struct Running {
    http: ServerHandle,
    stopping: Arc<AtomicBool>,
    streams: CancellationToken,
    background: CancellationToken,
    heartbeat: CancellationToken,
    parts: JoinSet<&'static str>,
    ledger: Ledger,
    writer: JoinHandle<()>,
    beat: JoinHandle<()>,
    drain: Duration,
    grace: Duration,
}

/// Starts every part on the present runtime and accepts connections.
///
/// # Errors
/// [`ServerError`]; then nothing runs.
pub async fn start(plan: Blueprint, store: Store, listener: TcpListener, metrics: PrometheusHandle) -> Result<Running, ServerError> {
    let client = Client::new(plan.client.clone(), store.clone(), plan.sealer.clone())?;
    let outbound = Outbound::new(plan.outbound.clone())?;
    let (streams, background, heartbeat) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    let (process, beat) = Process::enter(&store, &plan.name, heartbeat.clone()).await?;
    let (ledger, writer) = Ledger::start(store.clone(), process.id(), client.app_id().clone());
    let (upstream, calls) = Upstream::channel();
    let web = Arc::new(Web::new(store.clone(), ledger.clone(), upstream.clone(), plan.web.clone(), streams.clone())?);
    let (outcomes, outcome_watch) = Outcomes::watch(store.clone(), ledger.advances().clone());
    let (signs, sealer) = (SignsOfLife::default(), plan.sealer.clone());
    let core = Core { plan: &plan, store: &store, ledger: &ledger, client: &client, process: &process, stop: &background };
    let mut parts = JoinSet::new();
    core.start(&mut parts, outcome_watch, calls);
    core.deliver(&mut parts, signs.clone(), outbound.clone());
    parts.spawn(named("live stream", Arc::clone(&web).run()));
    parts.spawn(named("metrics", keep_up(metrics.clone(), background.clone())));
    let stopping = Arc::new(AtomicBool::new(false));
    let api = graph::Parts { store: store.clone(), ledger: ledger.clone(), sealer, upstream, outcomes, signs, outbound };
    let faces = Faces {
        intake: Data::new(Intake::new(plan.intake.clone(), ledger.clone(), store.clone())),
        graph: Data::new(GraphApi::new(api, plan.graph.clone())),
        web: Data::from(web),
        health: Data::new(health::Health { store, ledger: ledger.clone(), stopping: Arc::clone(&stopping), metrics }),
    };
    let http = serve(faces, listener, plan.grace, &mut parts)?;
    Ok(Running { http, stopping, streams, background, heartbeat, parts, ledger, writer, beat, drain: plan.drain, grace: plan.grace })
}

/// What works in the background, behind the faces.
struct Core<'a> {
    plan: &'a Blueprint,
    store: &'a Store,
    ledger: &'a Ledger,
    client: &'a Client,
    process: &'a Process,
    stop: &'a CancellationToken,
}

impl Core<'_> {
    fn start(&self, parts: &mut JoinSet<&'static str>, outcomes: OutcomeWatch, calls: tokio::sync::mpsc::Receiver<UpstreamCall>) {
        let (store, ledger, client) = (|| self.store.clone(), || self.ledger.clone(), || self.client.clone());
        let stop = || self.stop.clone();
        let outbox = Outbox::new(self.plan.outbox.clone(), ledger(), store(), client(), self.process.clone());
        let transfers = Transfers::new(self.plan.transfers.clone(), ledger(), store(), client());
        let profiles = Profiles::new(self.plan.profiles.clone(), ledger(), store(), client());
        parts.spawn(named("sweeper", ledger().sweep_until(stop())));
        parts.spawn(named("watch", ledger().watch_until(self.process.id(), stop())));
        parts.spawn(named("outbox", outbox.run(stop())));
        parts.spawn(named("transfers", transfers.run(stop())));
        parts.spawn(named("profiles", profiles.run(stop())));
        parts.spawn(named("connections", Connections::new(store(), client()).run(stop())));
        parts.spawn(named("outcomes", outcomes.run(stop())));
        parts.spawn(named("calls for others", upstream::serve(client(), calls, stop())));
    }

    /// The built-in bot is an app like any other, only nearer: it stops by itself once nobody delivers to it any more.
    fn deliver(&self, parts: &mut JoinSet<&'static str>, signs: SignsOfLife, outbound: Outbound) {
        let (app, deliveries) = InProcessApp::channel(IN_PROCESS);
        let (sealer, settings) = (self.plan.sealer.clone(), self.plan.delivery.clone());
        let advances = self.ledger.advances().clone();
        let delivery =
            Delivery::new(self.store.clone(), self.process.clone(), advances, signs, outbound, sealer, settings).with_in_process(app);
        let bot = Bot::new(self.ledger.clone(), self.plan.script.clone());
        parts.spawn(named("delivery", delivery.run(self.stop.clone())));
        parts.spawn(named("bot", bot::run(bot, deliveries, CancellationToken::new())));
    }
}

/// A task that tells its name when it ends.
async fn named(name: &'static str, task: impl Future<Output = ()>) -> &'static str {
    task.await;
    name
}

/// What the addresses need.
#[derive(Clone)]
struct Faces {
    intake: Data<Intake>,
    graph: Data<GraphApi>,
    web: Data<Web>,
    health: Data<health::Health>,
}

impl Faces {
    /// The Graph-compatible API comes last: it answers whatever nobody else does.
    fn routes(&self, config: &mut ServiceConfig) {
        config
            .app_data(self.intake.clone())
            .app_data(self.graph.clone())
            .app_data(self.web.clone())
            .app_data(self.health.clone())
            .configure(health::routes)
            .configure(intake::routes)
            .configure(web::routes)
            .configure(graph::routes);
    }
}

fn serve(faces: Faces, listener: TcpListener, grace: Duration, parts: &mut JoinSet<&'static str>) -> Result<ServerHandle, ServerError> {
    let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
    let runtime = Data::new(Handle::current());
    let server = HttpServer::new(move || {
        let faces = faces.clone();
        App::new()
            .wrap(middleware::from_fn(measure::measured))
            .wrap(middleware::from_fn(unread::hang_up))
            .wrap(middleware::from_fn(drain::send_away))
            .wrap(middleware::from_fn(outlive::workers))
            .app_data(runtime.clone())
            .configure(|config| faces.routes(config))
    })
    .on_connect(idle::accepted)
    .disable_signals()
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(grace.as_secs())
    .listen(listener)
    .map_err(|error| ServerError::Listen { address, error })?
    .run();
    let handle = server.handle();
    parts.spawn(named("http", async {
        if let Err(error) = server.await {
            tracing::error!(%error, "the HTTP server failed");
        }
    }));
    Ok(handle)
}

async fn keep_up(metrics: PrometheusHandle, stop: CancellationToken) {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => metrics.run_upkeep(),
        }
    }
}

impl Running {
    /// Waits until a part ends by itself, which none should.
    pub async fn ended(&mut self) -> ServerError {
        match self.parts.join_next().await {
            Some(Ok(name)) => ServerError::Ended(name),
            Some(Err(error)) => {
                tracing::error!(%error, "a part of Baton broke down");
                ServerError::Ended("a part")
            }
            None => ServerError::Ended("everything"),
        }
    }

    /// Stops: tells balancers that it is no longer ready and waits until they know; then accepts nothing more, answers what is being
    /// answered, lets deliveries and sends finish, commits what waits, and leaves the list of processes, so that another may go on at once.
    pub async fn stop(self) {
        let Self { http, stopping, streams, background, heartbeat, mut parts, ledger, writer, beat, drain, grace } = self;
        stopping.store(true, Ordering::Relaxed);
        tokio::time::sleep(drain).await;
        // Not before, or browsers would come back here.
        streams.cancel();
        http.stop(true).await;
        background.cancel();
        let finished = tokio::time::timeout(grace, async { while parts.join_next().await.is_some() {} }).await;
        if finished.is_err() {
            tracing::warn!("not everything finished in time; what was being sent is reconciled at the next start");
            parts.shutdown().await;
        }
        drop(ledger);
        if tokio::time::timeout(grace, writer).await.is_err() {
            tracing::warn!("the ledger did not finish in time");
        }
        heartbeat.cancel();
        if tokio::time::timeout(grace, beat).await.is_err() {
            tracing::warn!("could not leave the list of processes in time; the leases lapse by themselves");
        }
    }
}
