//! A private PostgreSQL cluster, for where no `DATABASE_URL` is given.
//!
//! It lives in `<data folder>/postgres`, listens on a Unix socket alone, and is durable. Several Baton processes of one data folder share it:
//! each holds a shared lock on a file while it uses the cluster, starts it again if it dies, and whoever finds itself alone at the end stops it. Starting and stopping take
//! turns, by a second file. A process that is killed loses its locks with its life, so the next one finds the cluster running, or crashed,
//! and goes on with it.

mod account;
mod error;
mod lock;
mod place;
mod programs;

use std::path::Path;

use account::Account;
use lock::LockFile;
use place::Place;
use programs::Programs;

pub use error::PostgresError;

/// The role that owns everything in the cluster.
const ROLE: &str = "baton";

/// Pages that are written whole after a checkpoint are packed. Not every build can do it.
const WHOLE_PAGES: &str = "wal_compression=lz4";

/// A private cluster in use by this process. Call [`Cluster::leave`] at the end; a process that dies without it leaves the cluster running for
/// the next. Everything here blocks.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    account: Account,
    place: Place,
    /// Held while the cluster is started or stopped.
    turn: LockFile,
    /// Shared by all that use it.
    users: LockFile,
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
        let (turn, users) = (LockFile::open(data_dir.join("postgres.lock"))?, LockFile::open(data_dir.join("postgres.users"))?);
        let cluster = Self { programs, account, place, turn, users };
        cluster.turn.wait()?;
        cluster.users.share()?;
        if cluster.place.made_by().is_none() {
            cluster.make()?;
        }
        if !cluster.place.is_running() {
            cluster.start_server()?;
        }
        cluster.turn.release()?;
        Ok(cluster)
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

    /// Starts the cluster again if it has died. Whether it had is the answer.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn revive(&self) -> Result<bool, PostgresError> {
        if self.place.is_running() {
            return Ok(false);
        }
        self.turn.wait()?;
        // Another that uses it may have been quicker.
        let died = !self.place.is_running();
        let revived = if died { self.start_server() } else { Ok(()) };
        self.turn.release()?;
        revived.map(|()| died)
    }

    /// Ends the use of the cluster, and stops it if nobody else uses it.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub fn leave(&self) -> Result<(), PostgresError> {
        self.turn.wait()?;
        if self.users.is_last()? { self.stop_server() } else { Ok(()) }
    }

    /// `initdb` into a folder beside, moved into place when it is whole: a half-made cluster is never taken for one.
    fn make(&self) -> Result<(), PostgresError> {
        let draft = self.place.draft();
        if draft.exists() {
            std::fs::remove_dir_all(&draft).map_err(PostgresError::file(&draft))?;
        }
        // Keys are compared all the time: byte by byte, not as words of a language.
        let arguments = [
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--lc-collate=C",
            "--data-checksums",
            "--no-instructions",
            "--username",
            ROLE,
        ];
        self.programs.run("initdb", &self.account, |command| command.args(arguments).arg("--pgdata").arg(&draft))?;
        std::fs::rename(&draft, self.place.data()).map_err(PostgresError::file(&draft))
    }

    fn start_server(&self) -> Result<(), PostgresError> {
        self.place.await_end_of_dead_server()?;
        self.place.forget_dead_server()?;
        self.place.prepare_socket(&self.account)?;
        let mut options = self.place.options();
        if self.takes(WHOLE_PAGES) {
            options = format!("{options} -c {WHOLE_PAGES}");
        }
        let started = self.programs.run("pg_ctl", &self.account, |command| {
            command.args(["start", "--wait", "--timeout=120", "--silent", "--options"]).arg(options);
            command.arg("--log").arg(self.place.log()).arg("--pgdata").arg(self.place.data())
        });
        started.map_err(|error| error.with_last_words_of(&self.place.log()))
    }

    /// Whether this server knows a setting: what it can do was chosen when it was built.
    fn takes(&self, setting: &str) -> bool {
        let asked = self
            .programs
            .run("postgres", &self.account, |command| command.arg("-D").arg(self.place.data()).args(["-c", setting, "-C", "port"]));
        asked.is_ok()
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
