//! A private PostgreSQL cluster for the tests of this process. It is stopped and removed once the process is gone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::Connection;

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
    let programs = programs();
    let home = PathBuf::from(format!("/tmp/baton-test-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a folder for the cluster");
    let as_root = user() == "0";
    if as_root {
        run(Command::new("chown").arg("postgres").arg(&home));
    }
    let data = home.join("data");
    run(unprivileged(as_root, &programs.join("initdb"))
        .args(["--no-sync", "-U", "baton", "-A", "trust", "-E", "UTF8", "--no-locale", "-D"])
        .arg(&data));
    let options = format!("-c listen_addresses= -c unix_socket_directories={} -c fsync=off -c max_connections=400", home.display());
    run(unprivileged(as_root, &programs.join("pg_ctl"))
        .args(["-w", "-s", "-o", &options, "-l"])
        .arg(home.join("log"))
        .arg("-D")
        .arg(&data)
        .arg("start"));
    watch(&programs, &home, as_root);
    format!("postgres:///postgres?host={}&user=baton", home.display())
}

#[allow(clippy::zombie_processes, reason = "it outlives this process: that is what it is for")]
fn watch(programs: &Path, home: &Path, as_root: bool) {
    let stop = format!(
        "while kill -0 {pid} 2>/dev/null; do sleep 1; done; {prefix} {ctl} -s -m immediate -D {home}/data stop; rm -rf {home}",
        pid = std::process::id(),
        prefix = if as_root { "runuser -u postgres --" } else { "" },
        ctl = programs.join("pg_ctl").display(),
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

fn user() -> String {
    let id = Command::new("id").arg("-u").output().expect("id answers");
    String::from_utf8_lossy(&id.stdout).trim().to_owned()
}

/// PostgreSQL refuses to run as root.
fn unprivileged(as_root: bool, program: &Path) -> Command {
    if as_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program).current_dir("/");
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
