//! `baton serve` as a child, and its command line: the program beside this one, or the one that `BATON_BIN` names.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::machine;

/// The Page that everything happens on.
pub const PAGE: &str = "1000200030004000";
/// Signs the webhooks of the load.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Baton's app on the platform.
const PLATFORM_APP: &str = "900100200300400";
/// Keys of a run: nothing that is sealed with them outlives it.
const SEALING_KEY: &str = "d2c1f0fbd1e5a77e3ff09b0a5b0d8e4f6a27c6d90e43fa1b5c3f78e9b4d1002e";
const SESSION_KEY: &str = "6a27c6d90e43fa1b5c3f78e9b4d1002ed2c1f0fbd1e5a77e3ff09b0a5b0d8e4f";

/// A running Baton.
pub struct Baton {
    /// Where it listens.
    pub address: String,
    /// How long it took from its start until it was ready.
    pub ready_after: Duration,
    name: String,
    child: Child,
}

/// The most memory that a Baton of this run has had resident, in MB, and which one it was.
static LARGEST: Mutex<(String, f64)> = Mutex::new((String::new(), 0.0));

/// The most memory that one of those stopped so far has had resident: in which database it worked, and MB.
pub fn largest_memory() -> (String, f64) {
    LARGEST.lock().expect("no other thread").clone()
}

/// The program that is measured.
pub fn path() -> PathBuf {
    let beside = || std::env::current_exe().expect("this program").with_file_name("baton");
    let path = std::env::var_os("BATON_BIN").map_or_else(beside, PathBuf::from);
    assert!(path.is_file(), "there is no {}: script/bench builds it", path.display());
    path
}

fn command(folder: &Path, database: Option<&str>) -> Command {
    // The kernel ends it when this process ends, however that ends.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(path()).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command.current_dir(folder).env("BATON_DATA_DIR", folder.join("data"));
    for kept in ["PATH", "HOME", "TZ"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    if let Some(url) = database {
        command.env("DATABASE_URL", url);
    }
    command.envs([
        ("BATON_SEALING_KEY", SEALING_KEY),
        ("BATON_SESSION_KEY", SESSION_KEY),
        ("BATON_PLATFORM_APP_ID", PLATFORM_APP),
        ("BATON_PLATFORM_APP_SECRET", SECRET),
        ("BATON_PLATFORM_VERIFY_TOKEN", "verify-token-of-a-run"),
        // Nobody listens there: nothing that is measured calls the platform.
        ("BATON_GRAPH_URL", "http://127.0.0.1:9"),
        ("BATON_CALLBACK_ALLOW", "127.0.0.0/8"),
        ("BATON_LOG", "warn"),
        ("BATON_LOG_FORMAT", "text"),
    ]);
    command
}

/// `baton …` with `--json`: what it prints.
pub async fn ask(folder: &Path, database: &str, arguments: &[&str]) -> Value {
    let output = command(folder, Some(database)).args(arguments).arg("--json").output().await.expect("setpriv is part of util-linux");
    let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "baton {}: {out}{told}", arguments.join(" "));
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("baton {}: {error}: {out}", arguments.join(" ")))
}

impl Baton {
    /// Starts it on a database, or on the private cluster of its data folder, and waits until it is ready.
    pub async fn start(folder: &Path, database: Option<&str>) -> Self {
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("baton.log")).expect("a log");
        let mut command = command(folder, database);
        command.args(["serve", "--listen", &address]).stdout(log.try_clone().expect("a log")).stderr(log);
        let ready = format!("http://{address}/readyz");
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let began = Instant::now();
        let mut child = command.spawn().expect("setpriv is part of util-linux");
        while !http.get(&ready).send().await.is_ok_and(|answer| answer.status() == 200) {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("baton serve ended, {status}: {}", std::fs::read_to_string(folder.join("baton.log")).unwrap_or_default());
            }
            assert!(began.elapsed() < Duration::from_secs(60), "baton serve does not become ready");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let name = database.and_then(|url| url.split(['/', '?']).nth(3)).unwrap_or("its own cluster").to_owned();
        Self { address, ready_after: began.elapsed(), name, child }
    }

    /// Where the platform's webhooks go.
    pub fn webhook(&self) -> String {
        format!("{}/platform/webhook", self.address)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) {
        let (most, _) = machine::memory(self.id());
        eprintln!("{}: at most {most:.1} MB resident", self.name);
        {
            let mut largest = LARGEST.lock().expect("no other thread");
            if most > largest.1 {
                *largest = (self.name.clone(), most);
            }
        }
        let id = self.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().await.expect("kill is part of the shell's tools");
        self.child.wait().await.expect("a child");
    }
}

/// A port that nobody has now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
