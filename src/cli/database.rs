//! The way to the database: the one that is set, or the one of the running instance, or the private one of the data folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{CliError, files};
use crate::config::Global;
use crate::postgres::{Cluster, PostgresError};
use crate::store::Store;
use crate::store::admin::Schema;

/// File in the data folder with the address of the running instance's database.
const FILE: &str = "database_url";

/// Connections of a command that is not a server.
const CONNECTIONS: u32 = 4;

/// How often it is looked whether the private cluster runs.
const LOOK: Duration = Duration::from_millis(500);

/// An open database, and the private cluster behind it, if it is that.
#[derive(Debug)]
pub struct Database {
    store: Store,
    url: SecretString,
    cluster: Option<Kept>,
}

/// The private cluster while it is used: should it die, it is started again.
#[derive(Debug)]
struct Kept {
    cluster: Arc<Cluster>,
    stop: CancellationToken,
    watching: JoinHandle<()>,
}

impl Database {
    /// The database for a server: `DATABASE_URL`, or the private cluster, made if need be.
    ///
    /// # Errors
    /// When it cannot be reached or started.
    pub async fn serve(global: &Global, connections: u32) -> Result<Self, CliError> {
        match global.database_url() {
            Some(url) => Self::connect(url.to_owned(), connections).await,
            None => Self::in_cluster(global.data_dir.clone(), Cluster::start, connections).await,
        }
    }

    /// The database for `migrate`: as for a server.
    ///
    /// # Errors
    /// When it cannot be reached or started.
    pub async fn make(global: &Global) -> Result<Self, CliError> {
        Self::serve(global, CONNECTIONS).await
    }

    /// The database for a command: `DATABASE_URL`, or that of the instance that runs on this data folder, or its private cluster, which is
    /// started for the time if it does not run.
    ///
    /// # Errors
    /// When there is none, it cannot be reached, or its schema is not up to date.
    pub async fn find(global: &Global) -> Result<Self, CliError> {
        let database = match (global.database_url(), running(&global.data_dir)) {
            (Some(url), _) => Self::connect(url.to_owned(), CONNECTIONS).await?,
            (None, Some(url)) => Self::connect(url, CONNECTIONS).await?,
            (None, None) => Self::in_cluster(global.data_dir.clone(), Cluster::find, CONNECTIONS).await?,
        };
        let schema = match database.store.schema().await? {
            Schema::Current => return Ok(database),
            Schema::Behind(_) => "the database's schema is not up to date: run `baton migrate`",
            Schema::Ahead => "a newer Baton has been at work in this database: run that one",
            Schema::Broken => "a migration of this database broke off or was changed: restore a backup, or run the Baton that made it",
        };
        database.close().await?;
        Err(CliError::Schema(schema))
    }

    async fn in_cluster(data_dir: PathBuf, enter: fn(&Path) -> Result<Cluster, PostgresError>, connections: u32) -> Result<Self, CliError> {
        let cluster = blocking(move || enter(&data_dir)).await??;
        match Self::connect(cluster.url(), connections).await {
            Ok(database) => Ok(Self { cluster: Some(Kept::watch(cluster)), ..database }),
            Err(error) => {
                blocking(move || cluster.leave()).await??;
                Err(error)
            }
        }
    }

    async fn connect(url: String, connections: u32) -> Result<Self, CliError> {
        let store = Store::connect(&url, connections).await?;
        Ok(Self { store, url: url.into(), cluster: None })
    }

    /// What it holds.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// Where the private cluster is, if it is that.
    #[must_use]
    pub fn cluster_home(&self) -> Option<&Path> {
        self.cluster.as_ref().map(|kept| kept.cluster.home())
    }

    /// Closes it, and stops the private cluster if nobody else uses it.
    ///
    /// # Errors
    /// When the cluster cannot be stopped.
    pub async fn close(self) -> Result<(), CliError> {
        self.store.close().await;
        if let Some(Kept { cluster, stop, watching }) = self.cluster {
            stop.cancel();
            // Whatever ended it, nobody starts the cluster any more.
            let _ = watching.await;
            blocking(move || cluster.leave()).await??;
        }
        Ok(())
    }

    /// Lets other commands on this data folder find this database.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(&self, data_dir: &Path) -> Result<(), CliError> {
        let path = data_dir.join(FILE);
        files::write_private(&path, self.url()).map_err(CliError::file(&path))
    }
}

impl Kept {
    fn watch(cluster: Cluster) -> Self {
        let (cluster, stop) = (Arc::new(cluster), CancellationToken::new());
        let watching = tokio::spawn(revive_until(stop.clone(), Arc::clone(&cluster)));
        Self { cluster, stop, watching }
    }
}

/// Starts the cluster again whenever it has died.
async fn revive_until(stop: CancellationToken, cluster: Arc<Cluster>) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let dying = Arc::clone(&cluster);
        match blocking(move || dying.revive()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::warn!("PostgreSQL had died; it runs again"),
            Ok(Err(error)) => tracing::error!(%error, "PostgreSQL has died and does not start; it is tried again"),
            Err(error) => tracing::error!(%error, "could not look whether PostgreSQL runs"),
        }
    }
}

/// The database of the instance that runs on a data folder. One of a private cluster is left to the cluster's own search, which knows whether
/// it runs.
fn running(data_dir: &Path) -> Option<String> {
    let url = std::fs::read_to_string(data_dir.join(FILE)).ok()?;
    let url = url.trim();
    (Cluster::url_of(data_dir).as_deref() != Some(url)).then(|| url.to_owned())
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CliError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| CliError::Runtime(std::io::Error::other(error)))
}
