//! What can go wrong with the database.

/// What may have passed when the same is tried again, by SQLSTATE: whole classes, and single codes.
const PASSING: [&str; 8] = ["08", "25006", "25P", "40", "53", "55P03", "57", "58030"];

fn passes(code: &str) -> bool {
    PASSING.iter().any(|passing| code.starts_with(passing))
}

/// What a statement fails with, by class of SQLSTATE.
const UNDOING: [&str; 7] = ["22", "23", "40", "42", "53", "54", "55"];

fn undone(code: &str) -> bool {
    UNDOING.iter().any(|class| code.starts_with(class))
}

/// Something the database did, or a row that breaks Baton's own rules.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database, or the way to it.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// It does not answer in time.
    #[error("the database takes too long")]
    TooSlow,
    /// A COMMIT was not answered, and neither was the question what became of it: the work may be done.
    #[error("nobody knows whether it was committed: {0}")]
    Untold(Box<StoreError>),
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

    /// Whether the same work may succeed if tried again: lost connection, deadlock, serialization, time-outs, no room, a standby that is
    /// not promoted yet.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| passes(&code)),
            Self::Database(
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_)
                | sqlx::Error::Tls(_),
            )
            | Self::TooSlow
            | Self::Untold(_) => true,
            _ => false,
        }
    }

    /// Whether the database itself said that it has not done it: then none of it is committed. What ends a session is not among it, since a
    /// COMMIT may have happened by then.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| undone(&code)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_passes_from_what_does_not() {
        // Appendix A of PostgreSQL's manual: read_only_sql_transaction, what ends sessions at a shutdown or a crash, cannot_connect_now,
        // too_many_connections, disk_full, io_error, idle_in_transaction_session_timeout, lock_not_available, deadlock_detected.
        for code in ["25006", "57P01", "57P02", "57P03", "53300", "53100", "58030", "25P03", "55P03", "40P01", "08006"] {
            assert!(passes(code), "{code}");
        }
        // unique_violation, undefined_column, active_sql_transaction, invalid_text_representation.
        for code in ["23505", "42703", "25001", "22P02"] {
            assert!(!passes(code), "{code}");
        }
    }

    #[test]
    fn tells_what_undid_a_statement_from_what_ended_a_session() {
        // division_by_zero, unique_violation, deadlock_detected, undefined_column, disk_full, lock_not_available.
        for code in ["22012", "23505", "40P01", "42703", "53100", "55P03"] {
            assert!(undone(code), "{code}");
        }
        // admin_shutdown, crash_shutdown, connection_failure, io_error.
        for code in ["57P01", "57P02", "08006", "58030"] {
            assert!(!undone(code), "{code}");
        }
    }
}
