//! A program as a child of the test.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use super::folder::Folder;

/// How long a program may take until it answers. Debug builds on a busy machine are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A child. It is killed when this is dropped, and when the thread that started it ends.
pub struct Program {
    child: Child,
    name: String,
    // Shown when the test fails, which is after the programs have ended.
    _folder: Arc<Folder>,
}

/// The program beside this test, or the one that cargo names.
pub fn path(name: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_BIN_EXE_baton"));
    let path = own.with_file_name(name);
    assert!(path.is_file(), "there is no {}: build it with `cargo build --workspace`", path.display());
    path
}

/// A command that dies with the thread that starts it, as setpriv arranges with the kernel, and inherits nothing of the environment that
/// could be a setting.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program).env_clear().stdin(Stdio::null());
    for kept in ["PATH", "HOME", "TZ", "RUST_BACKTRACE", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// A port that is free, below those that the kernel gives to outgoing connections: it stays free while a program is being started again.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 600).expect("small") * 20;
    loop {
        let port = 15_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 17_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Program {
    /// Starts it; what it says goes to the end of the log `name`.
    pub fn start(mut command: Command, name: &str, folder: &Arc<Folder>) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(folder.join(&format!("{name}.log"))).expect("a log");
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        let child = command.spawn().expect("setpriv is part of util-linux");
        Self { child, name: name.to_owned(), _folder: Arc::clone(folder) }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until an address answers 200.
    pub async fn answers(&mut self, http: &reqwest::Client, url: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("{} has ended by itself: {status}", self.name);
            }
            if http.get(url).timeout(Duration::from_secs(5)).send().await.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            assert!(Instant::now() < deadline, "{} does not answer at {url}", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends it a signal, named as `kill` names it.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().expect("kill is everywhere");
        assert!(sent.success(), "{} gets no SIG{name}", self.name);
    }

    /// Waits until it ends by itself. How it ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < deadline, "{} does not end", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        self.child.wait().expect("a child");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
