//! What can go wrong with the private cluster, and what to do then.

use std::path::{Path, PathBuf};

/// The private cluster could not be made, started or stopped. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// PostgreSQL is not installed.
    #[error(
        "PostgreSQL is not installed. Install it (on Debian: `apt-get install postgresql`), or set DATABASE_URL to a database that is there"
    )]
    Missing,
    /// The data belongs to another version than the one installed.
    #[error(
        "{path} was made by PostgreSQL {made_by}, which is not installed. Install it (on Debian: `apt-get install postgresql-{made_by}`)"
    )]
    OtherVersion {
        /// Where the data is.
        path: PathBuf,
        /// The major version that made it.
        made_by: String,
    },
    /// There is no cluster in this data folder.
    #[error("there is no database in `{0}` yet. Run `baton migrate`, `baton serve` or `baton demo` there first, or set DATABASE_URL")]
    NoCluster(PathBuf),
    /// PostgreSQL refuses to run as root, and there is no other user to run it.
    #[error("PostgreSQL does not run as root, and this system has neither a user `postgres` nor `nobody`. Set DATABASE_URL instead")]
    NoAccount,
    /// A file or folder.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What happened.
        error: std::io::Error,
    },
    /// A folder that is there but belongs to somebody else.
    #[error("`{0}` belongs to another user. Remove it, or choose another data folder")]
    Foreign(PathBuf),
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Which.
        program: &'static str,
        /// What it said.
        said: String,
    },
}

impl PostgresError {
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::File { path: path.to_path_buf(), error }
    }

    /// The same, with the last lines of the server's log: pg_ctl itself only says to look there.
    pub(super) fn with_last_words_of(self, log: &Path) -> Self {
        let Self::Failed { program, .. } = self else { return self };
        let log = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        Self::Failed { program, said: lines[lines.len().saturating_sub(5)..].join("\n") }
    }
}
