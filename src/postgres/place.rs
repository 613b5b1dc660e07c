//! Where the cluster is: its folder, its socket, its process.

use std::fs::{DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::PostgresError;
use super::account::Account;
use crate::crypto::random;

/// Folder of the cluster within the data folder.
pub(super) const FOLDER: &str = "postgres";

/// Home of clusters whose data folder the user that runs PostgreSQL cannot enter.
const FALLBACK: &str = "/var/lib/baton";

/// Longest address of a Unix socket that Linux takes, without the closing NUL; PostgreSQL's own file name counts.
const LONGEST_SOCKET: usize = 107;

/// The socket's file within its folder.
const SOCKET_FILE: &str = ".s.PGSQL.5432";

/// How long sessions of a server that was killed may take to notice it.
const LAST_WORK: Duration = Duration::from_secs(60);

/// The folders of one cluster.
#[derive(Debug)]
pub(super) struct Place {
    home: PathBuf,
    socket: PathBuf,
    /// Where the home would be in the data folder; a link to it, if it is elsewhere.
    folder: PathBuf,
}

impl Place {
    /// Where the cluster of a data folder is or would be. Changes nothing.
    pub fn choose(data_dir: &Path, account: &Account) -> Result<Self, PostgresError> {
        let data_dir = data_dir.canonicalize().map_err(PostgresError::file(data_dir))?;
        let folder = data_dir.join(FOLDER);
        let home = match folder.read_link() {
            Ok(elsewhere) => elsewhere,
            Err(_) if may_enter(&data_dir, account)? => folder.clone(),
            Err(_) => Path::new(FALLBACK).join(random::hex::<6>()),
        };
        let inside = home.join("run");
        let mark = hex::encode(&Sha256::digest(home.as_os_str().as_encoded_bytes())[..6]);
        let socket = if fits(&inside) { inside } else { std::env::temp_dir().join(format!("baton-{mark}")) };
        Ok(Self { home, socket, folder })
    }

    /// The folder of the cluster.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The server's data.
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Where the data is until it is whole.
    pub fn draft(&self) -> PathBuf {
        self.home.join("data.new")
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    /// The major version that made the data; none: nothing is made yet.
    pub fn made_by(&self) -> Option<String> {
        std::fs::read_to_string(self.data().join("PG_VERSION")).ok().map(|version| version.trim().to_owned())
    }

    /// Address of the database `postgres`, which every cluster has.
    pub fn url(&self, role: &str) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("host", &self.socket.to_string_lossy())
            .append_pair("user", role)
            .finish();
        format!("postgres:///postgres?{query}")
    }

    /// What the server is told at its start: a socket of its own and no network; a crash loses nothing.
    pub fn options(&self) -> String {
        let socket = self.socket.display();
        [
            "listen_addresses=".to_owned(),
            format!("unix_socket_directories={socket}"),
            "unix_socket_permissions=0700".into(),
            "port=5432".into(),
            "fsync=on".into(),
            "full_page_writes=on".into(),
            "synchronous_commit=on".into(),
            "max_connections=200".into(),
            format!("shared_buffers={}MB", buffers()),
            // After each checkpoint every page is written whole once: few checkpoints, little writing.
            "checkpoint_timeout=15min".into(),
            "max_wal_size=2GB".into(),
            "jit=off".into(),
            "log_line_prefix=%m_[%p]_".into(),
        ]
        .map(|setting| format!("-c {setting}"))
        .join(" ")
    }

    /// Makes the folder of the cluster, for the user that runs it alone, and links to it if it is not in the data folder.
    pub fn prepare(&self, account: &Account) -> Result<(), PostgresError> {
        if let Some(parent) = self.home.parent() {
            std::fs::create_dir_all(parent).map_err(PostgresError::file(parent))?;
        }
        own_folder(&self.home, account)?;
        if self.home == self.folder || self.folder.is_symlink() {
            return Ok(());
        }
        let home = self.home.display();
        tracing::warn!(%home, "the user that runs PostgreSQL cannot enter the data folder; the database is kept elsewhere, and linked to");
        symlink(&self.home, &self.folder).map_err(PostgresError::file(&self.folder))
    }

    /// Makes the folder of the socket, for the user that runs the cluster alone.
    pub fn prepare_socket(&self, account: &Account) -> Result<(), PostgresError> {
        own_folder(&self.socket, account)
    }

    /// Removes a socket's folder outside the cluster's.
    pub fn remove_socket(&self) {
        if !self.socket.starts_with(&self.home)
            && let Err(error) = std::fs::remove_dir_all(&self.socket)
        {
            tracing::warn!(path = %self.socket.display(), %error, "could not remove the socket's folder");
        }
    }

    /// Whether the server runs: the process that the data names is there and was started for this data. A number alone proves nothing, since it
    /// may belong to another process since.
    pub fn is_running(&self) -> bool {
        let Some(pid) = self.pid() else { return false };
        let Ok(command) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
        let data = self.data();
        command.split(|byte| *byte == 0).any(|argument| argument == data.as_os_str().as_encoded_bytes())
    }

    /// Waits until nothing is at work any more of a server that was killed: what it had started ends by itself, but not at once, and must never
    /// write beside a new server.
    pub fn await_end_of_dead_server(&self) -> Result<(), PostgresError> {
        let deadline = Instant::now() + LAST_WORK;
        while self.has_sessions() {
            if Instant::now() > deadline {
                let said = format!("processes of a server that was killed are still at work in {}", self.data().display());
                return Err(PostgresError::Failed { program: "postgres", said });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Whether processes of PostgreSQL are at work in the data: they all live there.
    fn has_sessions(&self) -> bool {
        let data = self.data();
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        processes.into_iter().any(|process| std::fs::read_link(process.path().join("cwd")).is_ok_and(|folder| folder == data))
    }

    /// Removes what a killed server has left, so that a process which got its number since is not taken for it.
    pub fn forget_dead_server(&self) -> Result<(), PostgresError> {
        for path in [self.data().join("postmaster.pid"), self.socket.join(format!("{SOCKET_FILE}.lock"))] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(PostgresError::File { path, error }),
                _ => {}
            }
        }
        Ok(())
    }

    fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
    }
}

/// What the server may hold of its pages, in MB: a quarter of the machine's memory, as PostgreSQL's manual advises, and never more than 1 GB.
fn buffers() -> u64 {
    let told = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    quarter_of(&told).unwrap_or(0).clamp(128, 1024)
}

/// A quarter of `MemTotal` of proc(5), in MB.
fn quarter_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? / 4096)
}

/// Makes a folder with mode 0700 for the user, or finds it so.
fn own_folder(path: &Path, account: &Account) -> Result<(), PostgresError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) if account.other => lchown(path, Some(account.uid), Some(account.gid)).map_err(PostgresError::file(path)),
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let there = path.symlink_metadata().map_err(PostgresError::file(path))?;
            let own = there.is_dir() && there.uid() == account.uid && there.mode() & 0o077 == 0;
            if own { Ok(()) } else { Err(PostgresError::Foreign(path.to_path_buf())) }
        }
        Err(error) => Err(PostgresError::File { path: path.to_path_buf(), error }),
    }
}

/// Whether the user can pass through a folder and all above it.
fn may_enter(folder: &Path, account: &Account) -> Result<bool, PostgresError> {
    if !account.other {
        return Ok(true);
    }
    for step in folder.ancestors() {
        if !may_pass(&step.metadata().map_err(PostgresError::file(step))?, account) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn may_pass(folder: &Metadata, account: &Account) -> bool {
    let needed = match (folder.uid() == account.uid, folder.gid() == account.gid) {
        (true, _) => 0o100,
        (false, true) => 0o010,
        (false, false) => 0o001,
    };
    folder.mode() & needed != 0
}

/// Whether a folder's socket has an address that is short enough, and plain enough to stand in PostgreSQL's settings.
fn fits(folder: &Path) -> bool {
    let path = folder.join(SOCKET_FILE);
    let text = path.to_string_lossy();
    text.len() <= LONGEST_SOCKET && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_long_and_odd_paths_out_of_socket_addresses() {
        // unix(7): sun_path has 108 bytes, one of them for NUL.
        let longest = format!("/{}", "x".repeat(107 - 1 - "/.s.PGSQL.5432".len()));
        assert!(fits(Path::new(&longest)));
        assert!(!fits(Path::new(&format!("{longest}x"))));
        for odd in ["/with space", "/comma,", "/quote'", "/ümlaut", "/dollar$"] {
            assert!(!fits(Path::new(odd)), "{odd}");
        }
    }

    #[test]
    fn a_quarter_of_the_memory_is_read_as_proc_5_tells_it() {
        let told = "MemTotal:       16384000 kB\nMemFree:         1234 kB\n";
        assert_eq!(quarter_of(told), Some(4000));
        assert_eq!(quarter_of("MemFree: 5 kB"), None);
    }
}
