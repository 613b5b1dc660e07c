//! The platform in a box, as a child of this process. It ends when this process does, however that ends.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::seed::Seed;
use crate::cli::{CliError, write_private};
use crate::platform::intake;
use crate::server;

/// How often a start is tried: the sandbox of a killed demo may still hold the address for a moment.
const TRIES: u32 = 20;

/// How long it may take to tell where it listens, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running sandbox.
pub(super) struct Sandbox {
    child: Child,
    // It ends when its standard input closes.
    lifeline: ChildStdin,
    address: SocketAddr,
    url: String,
}

impl Sandbox {
    /// Starts it with the Page, the people and Baton's app of the seed.
    pub async fn start(listen: SocketAddr, seed: &Seed, baton: SocketAddr, data_dir: &Path) -> Result<Self, CliError> {
        let program = program()?;
        let config = data_dir.join("sandbox.json");
        write_private(&config, &world(seed, baton).to_string()).map_err(CliError::file(&config))?;
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::try_start(&program, listen, &config).await? {
                Some(sandbox) => return Ok(sandbox),
                None if tries < TRIES => tokio::time::sleep(Duration::from_millis(100)).await,
                None => {
                    return Err(CliError::Demo(format!(
                        "the sandbox does not start on {listen}: its own words are above. Another address can be set with BATON_SANDBOX_LISTEN"
                    )));
                }
            }
        }
    }

    async fn try_start(program: &Path, listen: SocketAddr, config: &Path) -> Result<Option<Self>, CliError> {
        let mut child = Command::new(program)
            .arg("--listen")
            .arg(listen.to_string())
            .arg("--config")
            .arg(config)
            .arg("--exit-with-parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C in the terminal is for Baton, which stops the sandbox last.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(CliError::file(program))?;
        let (Some(lifeline), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(CliError::Demo("the sandbox has no standard streams".into()));
        };
        let mut lines = BufReader::new(stdout).lines();
        let told = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let Some(address) = told.ok().and_then(Result::ok).flatten().and_then(|line| listening(&line)) else {
            return Ok(None);
        };
        tokio::spawn(drain(lines));
        Ok(Some(Self { child, lifeline, address, url: format!("http://{}", server::reachable(address)) }))
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) {
        // An error here means that nobody can tell any more, which is as bad.
        let _ = self.child.wait().await;
    }

    /// Stops it. False: it had ended by itself before.
    pub async fn stop(self) -> bool {
        let Self { mut child, lifeline, .. } = self;
        if matches!(child.try_wait(), Ok(Some(_))) {
            return false;
        }
        drop(lifeline);
        if tokio::time::timeout(PATIENCE, child.wait()).await.is_err()
            && let Err(error) = child.kill().await
        {
            tracing::warn!(%error, "could not end the sandbox");
        }
        true
    }
}

/// The program beside this one: both are built together.
fn program() -> Result<PathBuf, CliError> {
    let own = std::env::current_exe().map_err(CliError::Runtime)?;
    let beside = own.with_file_name("sandbox");
    if beside.is_file() {
        return Ok(beside);
    }
    Err(CliError::Demo(format!("there is no `sandbox` beside {}: build it with `cargo build --workspace`", own.display())))
}

/// `{"listening":"127.0.0.1:8081"}`.
fn listening(line: &str) -> Option<SocketAddr> {
    serde_json::from_str::<Value>(line).ok()?.get("listening")?.as_str()?.parse().ok()
}

/// Whatever it says later is read, so that it never waits for a reader.
async fn drain(mut lines: Lines<BufReader<ChildStdout>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(line, "sandbox");
    }
}

/// What the sandbox begins with.
fn world(seed: &Seed, baton: SocketAddr) -> Value {
    json!({
        "pages": [{"id": seed.page_id, "name": seed.page_name, "object": "page", "token": seed.page_token, "default_app": seed.platform.app_id}],
        "apps": [{
            "app_id": seed.platform.app_id,
            "name": "Baton",
            "app_secret": seed.platform.app_secret,
            "verify_token": seed.platform.verify_token,
            "callback_url": format!("http://{baton}{}", intake::PATH),
            "default": true,
            "may_take": true,
        }],
        "people": seed.people.iter().map(|person| json!({"page_id": seed.page_id, "name": person.name, "psid": person.psid})).collect::<Vec<_>>(),
    })
}
