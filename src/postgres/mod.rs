//! A private PostgreSQL cluster, for where no `DATABASE_URL` is given.
//!
//! It lives in `<data folder>/postgres`, listens on a Unix socket alone, and is durable. Several Baton processes of one data folder share it:
//! each holds a shared lock on a file while it uses the cluster, and whoever finds itself alone at the end stops it. A process that is killed
//! loses its lock with its life, so the next one finds the cluster running, or crashed, and goes on with it.

mod account;
mod error;
mod place;
mod programs;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use account::Account;
use place::Place;
use programs::Programs;

pub use error::PostgresError;

/// The role that owns everything in the cluster.
const ROLE: &str = "baton";

/// A private cluster in use by this process. Call [`Cluster::leave`] at the end; a process that dies without it leaves the cluster running for
/// the next. Everything here blocks.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    account: Account,
    place: Place,
    lock: File,
}

impl Cluster {
    /// Uses the cluster of this data folder: makes it if there is none, starts it if it does not run.
    ///
    /// # Errors
    /// [`PostgresError`], which says what to do.
    pub fn start(data_dir: &Path) -> Result<Self, PostgresError> {
        std::fs::create_dir_all(data_dir).map_err(PostgresError::file(data_dir))?;
        let account = Account::choose(data_dir)?;
        let place = Place::choose(data_dir, &account)?;
        place.prepare(&account)?;
        Self::enter(data_dir, account, place)
    }

    /// Uses the cluster of this data folder if there is one, and starts it if it does not run.
    ///
    /// # Errors
    /// [`PostgresError::NoCluster`] when there is none; else as [`Cluster::start`].
    pub fn find(data_dir: &Path) -> Result<Self, PostgresError> {
        if !data_dir.is_dir() {
            return Err(PostgresError::NoCluster(data_dir.to_path_buf()));
        }
        let account = Account::choose(data_dir)?;
        let place = Place::choose(data_dir, &account)?;
        if place.made_by().is_none() {
            return Err(PostgresError::NoCluster(data_dir.to_path_buf()));
        }
        Self::enter(data_dir, account, place)
    }

    fn enter(data_dir: &Path, account: Account, place: Place) -> Result<Self, PostgresError> {
        let programs = Programs::find(&place)?;
        let path = data_dir.join("postgres.lock");
        let mut options = OpenOptions::new();
        let lock =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(PostgresError::file(&path))?;
        let cluster = Self { programs, account, place, lock };
        cluster.run().map_err(|trouble| match trouble {
            Trouble::Lock(error) => PostgresError::File { path, error },
            Trouble::Postgres(error) => error,
        })?;
        Ok(cluster)
    }

    /// Starts the cluster while no other process may stop it, and then shares it. Between the two locks another process may be quick enough to
    /// stop it, so it is looked at once more.
    fn run(&self) -> Result<(), Trouble> {
        loop {
            self.lock.lock()?;
            if self.place.made_by().is_none() {
                self.make()?;
            }
            if !self.place.is_running() {
                self.start_server()?;
            }
            self.lock.lock_shared()?;
            if self.place.is_running() {
                return Ok(());
            }
        }
    }

    /// The address that the cluster of this data folder has or would have. Changes nothing.
    #[must_use]
    pub fn url_of(data_dir: &Path) -> Option<String> {
        let account = Account::choose(data_dir).ok()?;
        Place::choose(data_dir, &account).ok().map(|place| place.url(ROLE))
    }

    /// The address of the database.
    #[must_use]
    pub fn url(&self) -> String {
        self.place.url(ROLE)
    }

    /// The folder of the cluster. It is elsewhere than in the data folder where the user that runs PostgreSQL cannot get there.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.place.home()
    }

    /// Ends the use of the cluster, and stops it if nobody else uses it.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub fn leave(self) -> Result<(), PostgresError> {
        match self.lock.try_lock() {
            Ok(()) => self.stop_server(),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(PostgresError::File { path: self.place.home().to_path_buf(), error }),
        }
    }

    /// `initdb` into a folder beside, moved into place when it is whole: a half-made cluster is never taken for one.
    fn make(&self) -> Result<(), PostgresError> {
        let draft = self.place.draft();
        if draft.exists() {
            std::fs::remove_dir_all(&draft).map_err(PostgresError::file(&draft))?;
        }
        let arguments =
            ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions", "--username", ROLE];
        self.programs.run("initdb", &self.account, |command| command.args(arguments).arg("--pgdata").arg(&draft))?;
        std::fs::rename(&draft, self.place.data()).map_err(PostgresError::file(&draft))
    }

    fn start_server(&self) -> Result<(), PostgresError> {
        self.place.forget_dead_server()?;
        self.place.prepare_socket(&self.account)?;
        let started = self.programs.run("pg_ctl", &self.account, |command| {
            command.args(["start", "--wait", "--timeout=120", "--silent", "--options"]).arg(self.place.options());
            command.arg("--log").arg(self.place.log()).arg("--pgdata").arg(self.place.data())
        });
        started.map_err(|error| error.with_last_words_of(&self.place.log()))
    }

    fn stop_server(&self) -> Result<(), PostgresError> {
        if self.place.is_running() {
            self.programs.run("pg_ctl", &self.account, |command| {
                command.args(["stop", "--wait", "--timeout=60", "--mode=fast", "--silent", "--pgdata"]).arg(self.place.data())
            })?;
        }
        self.place.remove_socket();
        Ok(())
    }
}

/// What stops [`Cluster::run`].
enum Trouble {
    Lock(std::io::Error),
    Postgres(PostgresError),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Lock(error)
    }
}

impl From<PostgresError> for Trouble {
    fn from(error: PostgresError) -> Self {
        Self::Postgres(error)
    }
}
