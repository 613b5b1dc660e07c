//! The straightforward intake of `benches/peers/node`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::baton::{SECRET, free_port};
use crate::cluster::Cluster;

/// A running one.
pub struct Node {
    child: Child,
    /// `host:port/path` of its webhook.
    pub webhook: String,
}

/// Installs what it needs, as its lock file says.
pub async fn install() {
    let folder = folder();
    let (lock, installed) = (folder.join("package-lock.json"), folder.join("node_modules/.package-lock.json"));
    let time = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
    if time(&installed).is_some_and(|installed| time(&lock).is_some_and(|lock| lock <= installed)) {
        return;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
    let status = Command::new("npm").args(arguments).current_dir(folder).status().await;
    assert!(status.expect("npm is missing: apt-get install npm").success(), "npm ci failed");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("peers").join("node")
}

impl Node {
    /// Starts so many workers on a database.
    pub async fn start(cluster: &Cluster, database: &str, workers: usize) -> Self {
        let port = free_port();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "node", "server.js"]).current_dir(folder()).kill_on_drop(true);
        command.env("PORT", port.to_string()).env("WORKERS", workers.to_string()).env("POOL", "10").env("SECRET", SECRET);
        command.env("PGHOST", cluster.socket()).env("PGUSER", "baton").env("PGDATABASE", database).env("NODE_ENV", "production");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node is missing: apt-get install nodejs");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        assert_eq!(lines.next_line().await.expect("it speaks").as_deref(), Some("ready"));
        Self { child, webhook: format!("127.0.0.1:{port}/platform/webhook") }
    }

    /// Its process id; its workers are its children.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Ends it and its workers.
    pub async fn stop(mut self) {
        let id = self.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().await.expect("kill is part of the shell's tools");
        self.child.wait().await.expect("a child");
    }
}
