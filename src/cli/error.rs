//! Failures as people read them.

use crate::config::ConfigError;
use crate::postgres::PostgresError;
use crate::server::ServerError;
use crate::store::StoreError;
use crate::store::admin::AdminError;
use crate::telemetry::TelemetryError;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Asked wrongly.
    #[error("{0}")]
    Usage(String),
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The private cluster.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The database.
    #[error("{}", told(.0))]
    Store(#[from] StoreError),
    /// The database's schema is not the one this program needs.
    #[error("{0}")]
    Schema(&'static str),
    /// What was asked contradicts what is there.
    #[error("{}", .0)]
    Admin(AdminError),
    /// Logs or metrics.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The demo.
    #[error("{0}")]
    Demo(String),
    /// The doctor found something.
    #[error("{0} of the checks failed; what to do stands beside each")]
    Unwell(usize),
    /// A file.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// What happened.
        error: std::io::Error,
    },
    /// Standard input or output.
    #[error("cannot read or write: {0}")]
    Stream(std::io::Error),
    /// The runtime could not be started.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Store(error) => Self::Store(error),
            other => Self::Admin(other),
        }
    }
}

impl CliError {
    /// 2 for what was asked wrongly, 1 for everything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            _ => 1,
        }
    }

    /// For a failed file.
    pub fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::File { path: path.display().to_string(), error }
    }
}

fn told(error: &StoreError) -> String {
    if error.is_newer_schema() {
        return "a newer Baton has been at work in this database; run that one".into();
    }
    match error {
        StoreError::Migration(_) | StoreError::Inconsistent { .. } | StoreError::TooSlow | StoreError::Untold(_) => error.to_string(),
        StoreError::Database(_) => {
            format!("the database cannot be used: {}. Is DATABASE_URL right, and does the database run?", error.words())
        }
    }
}
