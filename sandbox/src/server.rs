//! Binds the listener, wires the parts, stops them.

use std::io;
use std::net::{SocketAddr, TcpListener};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data, JsonConfig, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use thiserror::Error;
use tokio::task::JoinHandle;

use crate::platform::Platform;
use crate::settings::{self, Settings};
use crate::world::World;
use crate::{admin, chat, graph, person};

/// The largest body of the sandbox's own JSON APIs.
const JSON_LIMIT: usize = 16 * 1024 * 1024;
/// Seconds that open connections (the live streams) get when the server stops.
const STOP_SECONDS: u64 = 1;

/// Why the sandbox does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration file cannot be read.
    #[error("cannot read {path}")]
    ReadConfig {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The configuration file is not what it should be.
    #[error("{path}: {source}")]
    ParseConfig {
        /// The file.
        path: String,
        /// What and where.
        source: serde_json::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The HTTP client for webhooks cannot be made.
    #[error("cannot make an HTTP client")]
    Client(#[from] reqwest::Error),
}

/// A running sandbox.
pub struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what is being answered, then stops.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        self.server.await.ok();
    }

    /// Waits until the server ends by itself.
    pub async fn ended(&mut self) {
        (&mut self.server).await.ok();
    }
}

/// Reads the configuration file, if there is one.
///
/// # Errors
/// It cannot be read or is not what it should be.
pub fn read_config(settings: &Settings) -> Result<settings::World, StartError> {
    let Some(path) = &settings.config else { return Ok(settings::World::default()) };
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| StartError::ReadConfig { path: shown.clone(), source })?;
    serde_json::from_str(&text).map_err(|source| StartError::ParseConfig { path: shown, source })
}

/// Starts a sandbox on the present tokio runtime.
///
/// # Errors
/// The address is taken.
pub fn start(settings: Settings, config: settings::World) -> Result<Running, StartError> {
    let listen = settings.listen;
    let failed = |source| StartError::Listen { address: listen, source };
    let listener = TcpListener::bind(listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let platform = Platform::new(World::new(config), settings.delivery)?;
    platform.set_base_url(settings.public_url.unwrap_or_else(|| format!("http://{address}")));
    let data = Data::from(platform);
    let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(routes))
        .workers(2)
        .shutdown_timeout(STOP_SECONDS)
        .disable_signals()
        .listen(listener)
        .map_err(failed)?
        .run();
    let handle = server.handle();
    Ok(Running { address, handle, server: tokio::spawn(server) })
}

/// Every route. What is not named here is a Graph path.
fn routes(config: &mut ServiceConfig) {
    config
        .app_data(JsonConfig::default().limit(JSON_LIMIT).content_type_required(false).error_handler(person::plain_json_errors))
        .route("/healthz", web::get().to(async || HttpResponse::Ok().body("ok")))
        .configure(person_routes)
        .service(web::scope("/sandbox").configure(admin_routes))
        .configure(chat::routes)
        .route("/files/{id}/{name}", web::get().to(graph::open_asset))
        .route("/dialog/oauth", web::get().to(graph::dialog))
        .route("/{version:v[0-9][0-9.]*}/dialog/oauth", web::get().to(graph::dialog))
        .default_service(web::to(graph::handle));
}

fn person_routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/people").route(web::post().to(person::add_person)).route(web::get().to(person::list_people)))
        .service(web::resource("/messages").route(web::post().to(person::say)).route(web::get().to(person::transcript)))
        .route("/reactions", web::post().to(person::react))
        .route("/edits", web::post().to(person::edit))
        .route("/unsends", web::post().to(person::unsend))
        .route("/reads", web::post().to(person::read));
}

fn admin_routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/pages").route(web::post().to(admin::put_page)).route(web::get().to(admin::list_pages)))
        .service(web::resource("/apps").route(web::post().to(admin::put_app)).route(web::get().to(admin::list_apps)))
        .route("/subscriptions", web::post().to(admin::subscribe))
        .route("/external", web::post().to(admin::act))
        .route("/events", web::post().to(admin::inject))
        .route("/clock", web::post().to(admin::advance_clock))
        .service(
            web::resource("/faults")
                .route(web::post().to(admin::add_faults))
                .route(web::get().to(admin::list_faults))
                .route(web::delete().to(admin::clear_faults)),
        )
        .service(web::resource("/log").route(web::get().to(admin::log)).route(web::delete().to(admin::clear_log)));
}
