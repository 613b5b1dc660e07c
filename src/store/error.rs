//! What can go wrong with the database.

/// Something the database did, or a row that breaks Baton's own rules.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database, or the way to it.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored value that cannot be read back: never expected.
    #[error("{table}.{column} of {row} cannot be read: {why}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Which row.
        row: String,
        /// What is wrong with it.
        why: String,
    },
}

impl StoreError {
    /// An [`StoreError::Inconsistent`] for this place.
    pub fn inconsistent(table: &'static str, column: &'static str, row: impl ToString, why: impl ToString) -> Self {
        Self::Inconsistent { table, column, row: row.to_string(), why: why.to_string() }
    }

    /// Whether the same work may succeed if tried again: lost connection, deadlock, serialization, time-outs.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                matches!(error.code().as_deref(), Some(code) if code.starts_with("40") || code.starts_with("08") || code.starts_with("57") || code.starts_with("53") || code == "55P03" || code.starts_with("25P"))
            }
            Self::Database(
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_)
                | sqlx::Error::Tls(_),
            ) => true,
            _ => false,
        }
    }

    /// The name of the unique or check constraint that a write broke, if that is what happened.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }
}
