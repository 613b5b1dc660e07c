//! The state of the schema and the clock of the database.

use sqlx::migrate::{Migrate, MigrateError};

use super::super::log::timestamp;
use super::{Store, StoreError};
use crate::wire::Timestamp;

/// Where sqlx notes which migrations were run.
const APPLIED: &str = "_sqlx_migrations";

/// How the database's schema stands to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// As this program needs it.
    Current,
    /// So many migrations are still to be run.
    Behind(usize),
    /// A newer program has been here.
    Ahead,
    /// A migration was changed after it was run, or broke off.
    Broken,
}

impl Store {
    /// How the schema stands. Changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let known = sqlx::migrate!();
        let mut connection = self.pool.acquire().await?;
        let there = sqlx::query_scalar!(r#"select to_regclass($1) is not null as "there!""#, APPLIED).fetch_one(&mut *connection).await?;
        let applied = if there { connection.list_applied_migrations(APPLIED).await? } else { Vec::new() };
        if there && connection.dirty_version(APPLIED).await?.is_some() {
            return Ok(Schema::Broken);
        }
        let mut left = 0;
        for migration in known.iter() {
            match applied.iter().find(|applied| applied.version == migration.version) {
                None => left += 1,
                Some(applied) if applied.checksum != migration.checksum => return Ok(Schema::Broken),
                Some(_) => {}
            }
        }
        let ahead = applied.iter().any(|applied| known.iter().all(|migration| migration.version != applied.version));
        Ok(match (left, ahead) {
            (_, true) => Schema::Ahead,
            (0, false) => Schema::Current,
            (left, false) => Schema::Behind(left),
        })
    }

    /// Closes every connection, after what they are at.
    pub async fn close(&self) {
        self.writer.close().await;
        self.pool.close().await;
    }

    /// Now, by the database.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn database_clock(&self) -> Result<Timestamp, StoreError> {
        Ok(timestamp(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&self.pool).await?))
    }
}

impl StoreError {
    /// What happened, as an admin can use it: the database's own words without where in its sources they come from.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.message().to_owned(),
            Self::Database(sqlx::Error::Io(error)) => error.to_string(),
            Self::Database(sqlx::Error::PoolTimedOut) => "it does not answer in time".into(),
            Self::Database(sqlx::Error::Configuration(error)) => format!("its address cannot be read: {error}"),
            other => other.to_string(),
        }
    }

    /// Whether a newer program has run migrations that this one does not know.
    #[must_use]
    pub fn is_newer_schema(&self) -> bool {
        matches!(self, Self::Migration(MigrateError::VersionMissing(_)))
    }
}
