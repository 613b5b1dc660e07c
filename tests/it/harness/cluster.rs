//! Private PostgreSQL clusters for the tests of this process. They are stopped and removed once the process is gone.

mod own;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::Connection;

pub use own::{Cluster, kill_server};

/// The address of the cluster's `postgres` database: given by `BATON_TEST_DATABASE_URL`, or of a cluster started here.
pub fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| std::env::var("BATON_TEST_DATABASE_URL").unwrap_or_else(|_| start()))
}

/// Makes an empty database.
pub async fn database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection = sqlx::PgConnection::connect(url()).await.expect("the test cluster answers");
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.expect("a database is made");
    url().replacen("/postgres?", &format!("/{name}?"), 1)
}

/// Starts a cluster under the temporary folder, and a watchman that removes it when this process ends.
fn start() -> String {
    let home = home("");
    initdb(&home, &[]);
    let options = format!("-c listen_addresses= -c unix_socket_directories={} -c fsync=off -c max_connections=400", home.display());
    pg_ctl(&home, &["-w", "-s", "-o", &options, "start"]);
    watch(&home);
    format!("postgres:///postgres?host={}&user=baton", home.display())
}

/// A folder that belongs to whoever runs PostgreSQL.
fn home(suffix: &str) -> PathBuf {
    let home = PathBuf::from(format!("/tmp/baton-test-{}{suffix}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a folder for the cluster");
    give_to_postgres(&home);
    home
}

/// PostgreSQL refuses to run as root, so there another user does, and must own what it writes into.
fn give_to_postgres(folder: &Path) {
    if as_root() {
        run(Command::new("chown").arg("postgres").arg(folder));
    }
}

fn initdb(home: &Path, more: &[&str]) {
    let arguments = ["--no-sync", "-U", "baton", "-A", "trust", "-E", "UTF8", "--no-locale", "-D"];
    run(unprivileged("initdb").args(arguments).arg(home.join("data")).args(more));
}

fn pg_ctl(home: &Path, arguments: &[&str]) {
    run(unprivileged("pg_ctl").arg("-l").arg(home.join("log")).arg("-D").arg(home.join("data")).args(arguments));
}

#[allow(clippy::zombie_processes, reason = "it outlives this process: that is what it is for")]
fn watch(home: &Path) {
    let stop = format!(
        "while kill -0 {pid} 2>/dev/null && [ -d {home} ]; do sleep 1; done
         [ ! -d {home} ] || {{ {prefix} {ctl} -s -m immediate -D {home}/data stop; umount -q {home}/*; rm -rf {home}; }}",
        pid = std::process::id(),
        prefix = if as_root() { "runuser -u postgres --" } else { "" },
        ctl = programs().join("pg_ctl").display(),
        home = home.display(),
    );
    // Its own session, so that the terminal's Ctrl-C leaves it alive to clean up.
    Command::new("setsid")
        .args(["sh", "-c", &stop])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("setsid is part of util-linux");
}

/// The folder with initdb and pg_ctl.
pub fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    versions.into_iter().rev().find(|bin| bin.join("initdb").exists()).expect("PostgreSQL is missing: apt-get install postgresql")
}

/// Whether this process is root's.
pub fn as_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| {
        let id = Command::new("id").arg("-u").output().expect("id answers");
        String::from_utf8_lossy(&id.stdout).trim() == "0"
    })
}

/// A program of PostgreSQL, run by whom it lets.
fn unprivileged(program: &str) -> Command {
    let program = programs().join(program);
    if as_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program).current_dir("/");
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
}
