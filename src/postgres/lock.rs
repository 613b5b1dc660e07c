//! Locks between processes: files that the system unlocks when their holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::PostgresError;

/// A file that is there only to be locked.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// Opens it, unlocked.
    pub fn open(path: PathBuf) -> Result<Self, PostgresError> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(PostgresError::file(&path))?;
        Ok(Self { file, path })
    }

    /// Waits until nobody else holds it, and holds it alone.
    pub fn wait(&self) -> Result<(), PostgresError> {
        self.file.lock().map_err(PostgresError::file(&self.path))
    }

    /// Holds it together with others.
    pub fn share(&self) -> Result<(), PostgresError> {
        self.file.lock_shared().map_err(PostgresError::file(&self.path))
    }

    /// Lets go of it.
    pub fn release(&self) -> Result<(), PostgresError> {
        self.file.unlock().map_err(PostgresError::file(&self.path))
    }

    /// Whether nobody else shares it any more.
    pub fn is_last(&self) -> Result<bool, PostgresError> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(PostgresError::File { path: self.path.clone(), error }),
        }
    }
}
