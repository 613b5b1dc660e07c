//! `baton serve` as a child, and the command line on the same database.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::PLATFORM_APP;
use super::folder::Folder;
use super::program::{self, Program};

/// What the sandbox and Baton know of each other.
pub(super) struct Platform {
    pub app_secret: String,
    pub verify_token: String,
    pub page_token: String,
    /// Where Baton takes webhooks.
    pub port: u16,
}

impl Platform {
    pub(super) fn new(port: u16) -> Self {
        let random = || hex::encode(rand::random::<[u8; 16]>());
        Self { app_secret: random(), verify_token: random(), page_token: format!("EAA{}", random()), port }
    }
}

/// How Baton is started here.
#[derive(Clone)]
pub(super) struct Plan {
    folder: Arc<Folder>,
    settings: Vec<(String, String)>,
}

impl Plan {
    pub(super) fn new(folder: &Arc<Folder>, database: &str, platform: &Platform, sandbox: &str, more: &[(&str, &str)]) -> Self {
        let key = || hex::encode(rand::random::<[u8; 32]>());
        let log = std::env::var("BATON_LOG").unwrap_or_else(|_| "info".to_owned());
        let own = [
            ("DATABASE_URL", database),
            ("BATON_SEALING_KEY", &key()),
            ("BATON_SESSION_KEY", &key()),
            ("BATON_PLATFORM_APP_ID", PLATFORM_APP),
            ("BATON_PLATFORM_APP_SECRET", &platform.app_secret),
            ("BATON_PLATFORM_VERIFY_TOKEN", &platform.verify_token),
            ("BATON_GRAPH_URL", sandbox),
            ("BATON_CALLBACK_ALLOW", "127.0.0.0/8"),
            ("BATON_LOG", &log),
            ("BATON_LOG_FORMAT", "text"),
        ];
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { folder: Arc::clone(folder), settings: own.iter().chain(more).map(pair).collect() }
    }

    /// A setting that Baton is started with.
    pub(super) fn setting(&self, name: &str) -> &str {
        &self.settings.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name} is not set")).1
    }

    fn command(&self, home: &str) -> Command {
        let home: PathBuf = self.folder.join(home);
        std::fs::create_dir_all(&home).expect("a folder for the data");
        let mut command = program::command(&program::path("baton"));
        command.current_dir(&home).env("BATON_DATA_DIR", &home).envs(self.settings.iter().cloned());
        command
    }

    /// `baton …`, with `--json`: what it prints.
    pub(super) async fn run(&self, arguments: &[&str], page_token: Option<&str>) -> Value {
        let mut command = self.command("command");
        command.args(arguments).arg("--json").stdin(Stdio::null());
        if let Some(token) = page_token {
            command.args(["--token", token]);
        }
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread").expect("setpriv is part of util-linux");
        let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "baton {}: {out}{told}", arguments.join(" "));
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("baton {}: {error}: {out}", arguments.join(" ")))
    }
}

/// One process of Baton. It keeps its address when it is started again.
pub struct Baton {
    /// Its address.
    pub base: String,
    port: u16,
    plan: Plan,
    http: reqwest::Client,
    program: Option<Program>,
}

impl Baton {
    pub(super) async fn start(plan: &Plan, http: &reqwest::Client, port: u16) -> Self {
        let base = format!("http://127.0.0.1:{port}");
        let mut baton = Self { base, port, plan: plan.clone(), http: http.clone(), program: None };
        baton.restart().await;
        baton
    }

    /// Starts it again and waits until it is ready.
    pub async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// The same with more settings, for this life of it only.
    pub async fn restart_with(&mut self, more: &[(&str, &str)]) {
        self.launch_with(more);
        let program = self.program.as_mut().expect("it runs");
        program.answers(&self.http, &format!("{}/readyz", self.base)).await;
    }

    /// The same without waiting for anything: it may not live for long.
    pub fn launch_with(&mut self, more: &[(&str, &str)]) {
        let name = format!("baton-{}", self.port);
        let mut command = self.plan.command(&name);
        command.args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)]).envs(more.iter().copied());
        self.program = Some(Program::start(command, &name, &self.plan.folder));
    }

    /// The status of `/readyz`, or 0 when nothing answers in time.
    pub async fn readiness(&self) -> u16 {
        let asked = self.http.get(format!("{}/readyz", self.base)).timeout(Duration::from_secs(10)).send().await;
        asked.map_or(0, |answer| answer.status().as_u16())
    }

    /// SIGKILL: it finishes nothing. The process id that it had.
    pub fn kill(&mut self) -> u32 {
        let mut program = self.program.take().expect("it runs");
        program.kill();
        program.id()
    }

    /// Waits until it has ended by itself. The process id that it had, the signal that ended it, and everything that it has logged in all
    /// its lives.
    pub async fn has_died(&mut self) -> (u32, Option<i32>, String) {
        let program = self.program.as_mut().expect("it runs");
        let (id, signal) = (program.id(), program.ended().await.signal());
        self.program = None;
        (id, signal, std::fs::read_to_string(self.plan.folder.join(&format!("baton-{}.log", self.port))).expect("its log"))
    }

    /// SIGSTOP: it does nothing any more, but holds on to everything that it has.
    pub fn freeze(&self) {
        self.program.as_ref().expect("it runs").signal("STOP");
    }

    /// SIGCONT: it goes on where it was frozen.
    pub fn thaw(&self) {
        self.program.as_ref().expect("it runs").signal("CONT");
    }

    /// SIGTERM: it is asked to finish.
    pub fn terminate(&self) {
        self.program.as_ref().expect("it runs").signal("TERM");
    }

    /// Waits until it has finished, after [`Baton::terminate`]. How it ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let status = self.program.as_mut().expect("it runs").ended().await;
        self.program = None;
        status
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.program.as_ref().expect("it runs").id()
    }
}
