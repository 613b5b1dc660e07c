//! A durable cluster of one test's own, which may be killed, started again, filled up, copied to a standby.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection};

use super::{as_root, give_to_postgres, home, initdb, pg_ctl, run, unprivileged, watch};
use crate::harness::eventually;
use crate::harness::running::free_port;

/// What every such cluster is told besides its address: a crash loses nothing, and a small one is made fast.
const SETTINGS: &str = "-c fsync=on -c max_connections=60 -c shared_buffers=16MB -c wal_level=replica -c max_wal_senders=4";

/// A cluster. It is stopped and removed with the test, however that ends.
#[derive(Debug)]
pub struct Cluster {
    home: PathBuf,
    port: u16,
    more: String,
}

impl Cluster {
    /// Starts one, with more settings as the command line of the server takes them.
    pub async fn start(more: &str) -> Self {
        let cluster = Self::place(more);
        cluster.clone_of(|home| initdb(&home, &["--wal-segsize=1"])).await;
        cluster.start_again().await;
        cluster
    }

    /// Starts one whose files lie on file systems of their own, of so many megabytes for its data and for its write-ahead log. Needs root.
    pub async fn start_in_little_room(data: u32, wal: u32) -> Self {
        assert!(as_root(), "this drill mounts small file systems and fills them up, which only root may do: run the tests as root");
        let cluster = Self::place("-c min_wal_size=2MB -c max_wal_size=4MB -c wal_recycle=off -c autovacuum=off");
        for (folder, room) in [("data", data), ("wal", wal)] {
            let folder = cluster.home.join(folder);
            std::fs::create_dir(&folder).expect("a folder to mount on");
            run(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={room}m"), "baton-drill"]).arg(&folder));
            give_to_postgres(&folder);
        }
        cluster
            .clone_of(|home| {
                let wal = home.join("wal").join("files");
                initdb(&home, &["--wal-segsize=1", "-X", &wal.display().to_string()]);
            })
            .await;
        cluster.start_again().await;
        cluster
    }

    /// Starts a standby that follows another cluster synchronously, under this name.
    pub async fn standby_of(primary: &Self, name: &str) -> Self {
        let cluster = Self::place("");
        let from = format!("host=127.0.0.1 port={} user=baton application_name={name}", primary.port);
        cluster
            .clone_of(move |home| {
                let arguments = ["--no-sync", "-c", "fast", "-R", "-X", "stream", "-d", &from, "-D"];
                run(unprivileged("pg_basebackup").args(arguments).arg(home.join("data")));
            })
            .await;
        cluster.start_again().await;
        cluster
    }

    fn place(more: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let home = home(&format!("-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        watch(&home);
        Self { home, port: free_port(), more: more.to_owned() }
    }

    /// Does what blocks where it may, in this cluster's home.
    async fn clone_of(&self, work: impl FnOnce(PathBuf) + Send + 'static) {
        let home = self.home.clone();
        tokio::task::spawn_blocking(move || work(home)).await.expect("it is done");
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The address of a database, at this address or at one before it.
    pub fn url(&self, database: &str, at: SocketAddr) -> String {
        format!("postgres://baton@{at}/{database}")
    }

    /// The folder with everything.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Makes an empty database.
    pub async fn make(&self, database: &str) {
        self.tell(&format!("create database {database}")).await;
    }

    /// Runs a statement as its owner.
    pub async fn tell(&self, statement: &str) {
        let url = self.url("postgres", self.address());
        let mut connection = sqlx::PgConnection::connect(&url).await.expect("the cluster answers");
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// SIGKILL to the server and to everything that it has started, and waits until they are gone. Nothing is written any more.
    pub async fn kill(&self) {
        let killed = self.kill_all();
        let gone = async || killed.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()).then_some(());
        eventually("the server is gone", gone).await;
    }

    fn kill_all(&self) -> Vec<u32> {
        kill_server(&self.home.join("data"))
    }

    /// SIGKILL to one of the sessions. The server then ends all others, and recovers. False: there is none.
    pub fn kill_a_session(&self, number: usize) -> bool {
        let Some(postmaster) = self.postmaster() else { return false };
        let sessions: Vec<u32> = children(postmaster).into_iter().filter(|pid| command_line(*pid).contains("127.0.0.1(")).collect();
        let Some(session) = sessions.get(number % sessions.len().max(1)) else { return false };
        kill(&[*session]);
        true
    }

    /// Takes connections until there are none left, those for superusers among them.
    pub async fn take_every_connection(&self) -> Vec<sqlx::PgConnection> {
        let url = self.url("postgres", self.address());
        let mut taken = Vec::new();
        // Those that were cut a moment ago come free one by one.
        let mut refused = 0;
        while refused < 10 {
            match sqlx::PgConnection::connect(&url).await {
                Ok(connection) => taken.push(connection),
                Err(_) => {
                    refused += 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        taken
    }

    /// Whether the server takes connections.
    pub async fn answers(&self) -> bool {
        sqlx::PgConnection::connect(&self.url("postgres", self.address())).await.is_ok()
    }

    /// Whether the server runs.
    pub fn is_running(&self) -> bool {
        self.postmaster().is_some()
    }

    /// Starts the server, and waits until it takes connections.
    pub async fn start_again(&self) {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={} {SETTINGS} {}",
            self.port,
            self.home.display(),
            self.more
        );
        self.clone_of(move |home| pg_ctl(&home, &["-w", "-s", "-t", "120", "-o", &options, "start"])).await;
    }

    /// Makes a standby the primary.
    pub async fn promote(&self) {
        self.clone_of(|home| pg_ctl(&home, &["-w", "-s", "-t", "120", "promote"])).await;
    }

    fn postmaster(&self) -> Option<u32> {
        postmaster(&self.home.join("data"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            show(&self.home, &lines[lines.len().saturating_sub(60)..]);
        }
        self.kill_all();
        for folder in ["data", "wal"] {
            // Those that were never mounted are none.
            let _ = Command::new("umount").args(["-q", "-l"]).arg(self.home.join(folder)).output();
        }
        // The watchman removes what is left.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

#[allow(clippy::print_stderr, reason = "what a failing test prints is shown with its name")]
fn show(home: &Path, lines: &[&str]) {
    eprintln!("── the end of the log of {} ──\n{}\n", home.display(), lines.join("\n"));
}

/// SIGKILL to the server of this data and to everything that it has started. The server's number comes first among those killed.
pub fn kill_server(data: &Path) -> Vec<u32> {
    let Some(postmaster) = postmaster(data) else { return Vec::new() };
    // The server first, so that it starts nothing in their place.
    let mut all = vec![postmaster];
    all.extend(children(postmaster));
    kill(&all);
    all
}

fn postmaster(data: &Path) -> Option<u32> {
    let file = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = file.lines().next()?.trim().parse().ok()?;
    command_line(pid).contains(&data.display().to_string()).then_some(pid)
}

fn kill(processes: &[u32]) {
    // Some may have ended by themselves.
    let _ = Command::new("kill").arg("-KILL").args(processes.iter().map(u32::to_string)).output();
}

/// The processes that another has started.
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // proc(5): `pid (command) state ppid …`; the command may hold spaces.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn command_line(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}
