//! `baton serve`.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use super::{CliError, Database, Output, Signals, files};
use crate::config::{Global, Keys, Settings};
use crate::server::{self, Blueprint, Running};
use crate::telemetry;

/// File in the data folder that tells where the running instance listens.
const LISTENING: &str = "listening";

/// Runs Baton until it is told to stop.
pub async fn serve(global: Global, settings: Settings) -> Result<(), CliError> {
    let signals = Signals::listen()?;
    let instance = Instance::start(&global, &settings).await?;
    let address = instance.address;
    Output::new(global.json).tell(&serde_json::json!({"listening": address.to_string()}), format!("Baton listens on http://{address}"))?;
    instance.run_until(signals.stop()).await
}

/// A Baton with its database, as `serve` and the demo run it.
pub struct Instance {
    /// Where it listens.
    pub address: SocketAddr,
    running: Running,
    database: Database,
    listening: PathBuf,
}

impl Instance {
    /// Opens the database, brings it up to date, and starts.
    ///
    /// # Errors
    /// [`CliError`]; then nothing is left running.
    pub async fn start(global: &Global, settings: &Settings) -> Result<Self, CliError> {
        let keys = Keys::find(global, &settings.listening)?;
        let listener = server::listen(settings.listening.listen)?;
        // Told before the database is touched: a setting that is missing should not cost the wait for it.
        Blueprint::draw(settings, &keys, settings.listening.listen)?;
        let database = open(global, settings).await?;
        Self::start_on(global, settings, keys, listener, database).await
    }

    /// The same with a listener and a database that are open already.
    ///
    /// # Errors
    /// [`CliError`]; then nothing is left running.
    pub async fn start_on(
        global: &Global,
        settings: &Settings,
        keys: Keys,
        listener: TcpListener,
        database: Database,
    ) -> Result<Self, CliError> {
        match launch(global, settings, &keys, listener, &database).await {
            Ok((address, running)) => {
                let listening = global.data_dir.join(LISTENING);
                Ok(Self { address, running, database, listening })
            }
            Err(error) => {
                database.close().await?;
                Err(error)
            }
        }
    }

    /// Runs until `stop`, or until a part ends by itself, and stops everything.
    ///
    /// # Errors
    /// When a part has ended by itself, or the private cluster cannot be stopped.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), CliError> {
        let ended = tokio::select! {
            () = stop => None,
            error = self.running.ended() => Some(error),
        };
        tracing::info!("stopping");
        self.running.stop().await;
        // Another instance on this folder may have written its own since.
        if std::fs::read_to_string(&self.listening).is_ok_and(|told| told.trim() == self.address.to_string())
            && let Err(error) = files::remove(&self.listening)
        {
            tracing::warn!(path = %self.listening.display(), %error, "could not remove a file");
        }
        self.database.close().await?;
        tracing::info!("stopped");
        ended.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Opens the database of a server and brings its schema up to date.
pub async fn open(global: &Global, settings: &Settings) -> Result<Database, CliError> {
    std::fs::create_dir_all(&global.data_dir).map_err(CliError::file(&global.data_dir))?;
    let database = Database::serve(global, settings.listening.database_connections).await?;
    if let Some(home) = database.cluster_home() {
        tracing::info!(home = %home.display(), "PostgreSQL runs");
    }
    match database.store().migrate().await {
        Ok(()) => Ok(database),
        Err(error) => {
            database.close().await?;
            Err(error.into())
        }
    }
}

async fn launch(
    global: &Global,
    settings: &Settings,
    keys: &Keys,
    listener: TcpListener,
    database: &Database,
) -> Result<(SocketAddr, Running), CliError> {
    let address = listener.local_addr().map_err(CliError::Runtime)?;
    let plan = Blueprint::draw(settings, keys, address)?;
    let metrics = telemetry::start_metrics()?;
    let running = server::start(plan, database.store().clone(), listener, metrics).await?;
    let listening = global.data_dir.join(LISTENING);
    files::write_private(&listening, &address.to_string()).map_err(CliError::file(&listening))?;
    database.announce(&global.data_dir)?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    Ok((address, running))
}
