//! The program itself, as people and programs call it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

// openssl rand -hex 32
const SEALING_KEY: &str = "d2c1f0fbd1e5a77e3ff09b0a5b0d8e4f6a27c6d90e43fa1b5c3f78e9b4d1002e";
const SESSION_KEY: &str = "8f1e6b0c9d2a47358b6e1f70a4c3d2915e7b8a6f0d1c2b3a4958677685940312";

/// A data folder whose path is too long and too odd for the address of a Unix socket. It goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("baton-cli-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn data(&self) -> PathBuf {
        self.0.join("a folder with a name that is far too long for the address of any Unix socket there is")
    }
}

impl Drop for Folder {
    /// A test that fails leaves a cluster: lines 1 and 5 of its pid file are its process and the folder of its socket.
    fn drop(&mut self) {
        if let Ok(text) = std::fs::read_to_string(self.data().join("postgres/data/postmaster.pid")) {
            let lines: Vec<&str> = text.lines().collect();
            let _ = Command::new("kill").args(["-QUIT", lines[0]]).status();
            let _ = std::fs::remove_dir_all(lines[4]);
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `baton` with nothing of this environment but the PATH.
fn baton(folder: &Folder) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.env_clear().current_dir(&folder.0);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("BATON_DATA_DIR", folder.data());
    command.stdin(Stdio::null());
    command
}

/// The same with keys and a platform, as a server needs them.
fn ready(folder: &Folder) -> Command {
    let mut command = baton(folder);
    command.env("BATON_SEALING_KEY", SEALING_KEY).env("BATON_SESSION_KEY", SESSION_KEY);
    command.env("BATON_PLATFORM_APP_ID", "1234567890123456").env("BATON_PLATFORM_APP_SECRET", "0123456789abcdef0123456789abcdef");
    command.env("BATON_PLATFORM_VERIFY_TOKEN", "a-verify-token").env("BATON_LISTEN", "127.0.0.1:0");
    // Nothing answers there: nothing is sent in these tests.
    command.env("BATON_GRAPH_URL", "http://127.0.0.1:9");
    // No balancer stands before it.
    command.env("BATON_DRAIN_SECONDS", "0");
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn fails(command: &mut Command, code: i32, words: &[&str]) {
    let output = command.output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    }
}

#[track_caller]
fn answers(command: &mut Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&output)))
}

#[test]
fn tells_wrong_questions_from_failures() {
    let folder = Folder::new("usage");
    fails(&mut baton(&folder), 2, &["Usage: baton"]);
    fails(baton(&folder).arg("frobnicate"), 2, &["frobnicate"]);
    fails(baton(&folder).args(["page", "add", "--name", "x"]), 2, &["--page"]);
    fails(baton(&folder).args(["app", "add", "--page", "1", "--name", "x", "--fields", "messages,Nonsense!"]), 2, &["messaging_postbacks"]);
    fails(
        baton(&folder).args(["app", "add", "--page", "1", "--name", "x", "--callback-url", "ftp://example.org"]),
        2,
        &["no http address"],
    );
    fails(baton(&folder).args(["user", "add", "--name", "x", "--email", "nobody"]), 2, &["anna@example.org"]);
    // Nothing has run in this folder, so there is no database: that is a failure, and says what to do.
    fails(baton(&folder).args(["page", "list"]), 1, &["no database", "baton migrate", "DATABASE_URL"]);
    fails(baton(&folder).args(["page", "list", "--json"]), 1, &[r#"{"error":"there is no database"#]);
    assert!(!folder.data().exists(), "a question made a folder");
    assert!(baton(&folder).arg("--version").output().unwrap().status.success());
}

#[test]
fn never_shows_secrets() {
    let folder = Folder::new("secrets");
    let secrets = ["hush-sealing", "hush-session", "hush-app", "hush-former", "hush-verify", "postgres://u:hush-database@h/d"];
    let names = [
        "BATON_SEALING_KEY",
        "BATON_SESSION_KEY",
        "BATON_PLATFORM_APP_SECRET",
        "BATON_PLATFORM_APP_SECRET_PREVIOUS",
        "BATON_PLATFORM_VERIFY_TOKEN",
        "DATABASE_URL",
    ];
    std::fs::write(folder.0.join("baton.toml"), "session-key = 'hush-file'\n[platform]\napp-secret = 'hush-file'\n").unwrap();
    for arguments in [&["serve", "--help"][..], &["demo", "--help"], &["--help"], &["page", "add", "--help"], &["serve"]] {
        let output = baton(&folder).args(arguments).envs(names.iter().zip(secrets)).output().unwrap();
        let said = said(&output);
        assert!(!said.contains("hush-"), "{said}");
    }
}

#[test]
fn refuses_to_serve_without_good_keys() {
    let folder = Folder::new("keys");
    let make_one = "openssl rand -hex 32";
    fails(ready(&folder).arg("serve").env_remove("BATON_SEALING_KEY"), 1, &["BATON_SEALING_KEY is not set", make_one]);
    fails(ready(&folder).arg("serve").env("BATON_SESSION_KEY", ""), 1, &["BATON_SESSION_KEY is not set", make_one]);
    fails(ready(&folder).arg("serve").env("BATON_SEALING_KEY", "changeme"), 1, &["BATON_SEALING_KEY is not 32 bytes", make_one]);
    fails(ready(&folder).arg("serve").env("BATON_SEALING_KEY", "ab".repeat(32)), 1, &["too easy to guess", make_one]);
    fails(ready(&folder).arg("serve").env_remove("BATON_PLATFORM_APP_SECRET"), 1, &["BATON_PLATFORM_APP_SECRET is not set"]);
    fails(ready(&folder).arg("serve").env("BATON_PLATFORM_VERIFY_TOKEN", "short"), 1, &["BATON_PLATFORM_VERIFY_TOKEN"]);
    assert!(!folder.data().exists(), "a server that refuses to start has made something");
}

#[test]
fn puts_flags_before_the_environment_and_that_before_the_file() {
    let folder = Folder::new("settings");
    // Each address is taken, so that the complaint tells which one counted.
    let taken: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let [file, environment, flag] = [0, 1, 2].map(|i: usize| taken[i].local_addr().unwrap().to_string());
    std::fs::write(folder.0.join("baton.toml"), format!("listen = '{file}'\nretry-schedule = ['1s', '2s']\n")).unwrap();
    let serve = || {
        let mut command = ready(&folder);
        command.arg("serve").env_remove("BATON_LISTEN");
        command
    };
    fails(&mut serve(), 1, &[&file]);
    fails(serve().env("BATON_LISTEN", &environment), 1, &[&environment]);
    fails(serve().env("BATON_LISTEN", &environment).args(["--listen", &flag]), 1, &[&flag]);
    let other = folder.0.join("other.toml");
    std::fs::write(&other, format!("listen = '{environment}'\n")).unwrap();
    fails(serve().arg("--config").arg(&other), 1, &[&environment]);
    fails(serve().env("BATON_CONFIG", &other), 1, &[&environment]);
    for (text, words) in [
        ("lisen = '127.0.0.1:1'", &["baton.toml", "there is no setting `lisen`"][..]),
        ("page = '1'", &["there is no setting `page`"]),
        ("listen = \n", &["baton.toml", "line 1"]),
    ] {
        std::fs::write(folder.0.join("baton.toml"), text).unwrap();
        fails(&mut serve(), 1, words);
    }
    std::fs::write(folder.0.join("baton.toml"), "retry-schedule = ['1s', 'soon']").unwrap();
    fails(&mut serve(), 2, &["soon"]);
    fails(serve().args(["--config", "missing.toml"]), 1, &["missing.toml"]);
}

/// A running `baton serve`, killed with the test.
struct Server {
    child: Child,
    base: String,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        let mut child = ready(folder).args(["serve", "--json"]).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let address = told["listening"].as_str().unwrap().to_owned();
        assert_eq!(std::fs::read_to_string(folder.data().join("listening")).unwrap().trim(), address);
        Self { child, base: format!("http://{address}") }
    }

    fn terminate(mut self) {
        let kill = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(kill.success());
        let status = ended(&mut self.child);
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ended(child: &mut Child) -> std::process::ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "it does not stop");
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn me(base: &str, token: &str) -> (u16, Value) {
    let response = reqwest::get(format!("{base}/me?access_token={token}")).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Waits until a token is refused: what is known of it is kept for a moment.
async fn refused(base: &str, token: &str) -> Value {
    let began = Instant::now();
    loop {
        match me(base, token).await {
            (200, _) => assert!(began.elapsed() < Duration::from_secs(10), "the token is still good"),
            (_, refusal) => return refusal,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn status(base: &str, path: &str) -> u16 {
    reqwest::get(format!("{base}{path}")).await.unwrap().status().as_u16()
}

fn cluster_runs(data: &Path) -> bool {
    data.join("postgres/data/postmaster.pid").exists()
}

/// `page add` with the Page's token on standard input.
fn connect_page(folder: &Folder) -> Value {
    let mut command = ready(folder);
    command.args(["page", "add", "--page", "102030405060708", "--name", "Hafencafé", "--token-stdin", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"EAAGsecret\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn app(folder: &Folder, command: &str, app: &str) -> Command {
    let mut baton = ready(folder);
    baton.args(["app", command, "--page", "102030405060708", "--app", app]);
    baton
}

#[actix_web::test]
async fn commands_change_a_running_instance() {
    let folder = Folder::new("life");
    let server = Server::start(&folder);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(status(&server.base, path).await, 200);
        assert_eq!(reqwest::Client::new().head(format!("{}{path}", server.base)).send().await.unwrap().status(), 200, "HEAD {path}");
    }
    assert_eq!(status(&server.base, "/metrics").await, 200);
    assert_eq!(connect_page(&folder)["has_token"], true);
    fails(ready(&folder).args(["page", "add", "--page", "102030405060708", "--name", "x"]), 1, &["102030405060708 is here already"]);

    let added = answers(ready(&folder).args([
        "app",
        "add",
        "--page",
        "102030405060708",
        "--name",
        "Bot",
        "--default",
        "--callback-url",
        "http://127.0.0.1:9/hook",
    ]));
    let text = |name: &str| added[name].as_str().unwrap().to_owned();
    let (id, token) = (text("app_id"), text("page_token"));
    assert!((15..=16).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit()) && !id.starts_with('0'), "{id}");
    assert!(text("app_secret").len() >= 32 && !text("verify_token").is_empty());
    let (code, page) = me(&server.base, &token).await;
    assert_eq!((code, &page["id"], &page["name"]), (200, &"102030405060708".into(), &"Hafencafé".into()));
    let listed = answers(ready(&folder).args(["app", "list"]));
    assert_eq!((&listed[0]["app_id"], &listed[0]["default"], &listed[0]["down"]), (&id.clone().into(), &true.into(), &false.into()));

    let second = answers(app(&folder, "token", &id).arg("--revoke-others"));
    assert_eq!(refused(&server.base, &token).await["error"]["code"], 190);
    let token = second["page_token"].as_str().unwrap();
    assert_eq!(me(&server.base, token).await.0, 200);
    // Another secret: the one before opens nothing any more.
    let exchanged = async |secret: &str| {
        let asked = format!("{}/oauth/access_token?grant_type=client_credentials&client_id={id}&client_secret={secret}", server.base);
        reqwest::get(asked).await.unwrap().status().as_u16()
    };
    assert_eq!(exchanged(&text("app_secret")).await, 200);
    let renewed = answers(&mut app(&folder, "secret", &id));
    assert_eq!(exchanged(renewed["app_secret"].as_str().unwrap()).await, 200);
    assert_eq!(exchanged(&text("app_secret")).await, 401);
    answers(&mut app(&folder, "remove", &id));
    assert_eq!(refused(&server.base, token).await["error"]["code"], 190);
    assert_eq!(answers(ready(&folder).args(["page", "list"]))[0]["default_app"], Value::Null);
    fails(&mut app(&folder, "disable", &id), 1, &["there is no app"]);

    let data = folder.data();
    assert!(cluster_runs(&data));
    server.terminate();
    assert!(!cluster_runs(&data), "the private cluster outlives the server");
    assert!(!data.join("listening").exists());
}

#[actix_web::test]
async fn comes_up_again_after_being_killed() {
    let folder = Folder::new("killed");
    let mut server = Server::start(&folder);
    connect_page(&folder);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(cluster_runs(&folder.data()), "a killed server leaves its cluster for the next");
    // The machine may have died as well.
    let pid = std::fs::read_to_string(folder.data().join("postgres/data/postmaster.pid")).unwrap();
    assert!(Command::new("kill").args(["-9", pid.lines().next().unwrap()]).status().unwrap().success());
    let server = Server::start(&folder);
    assert_eq!(status(&server.base, "/readyz").await, 200);
    assert_eq!(answers(ready(&folder).args(["page", "list"]))[0]["name"], "Hafencafé");
    server.terminate();
    // Between two runs a command starts the cluster for itself, and stops it.
    assert_eq!(answers(ready(&folder).args(["page", "list"]))[0]["name"], "Hafencafé");
    assert!(!cluster_runs(&folder.data()));
}

#[test]
fn looks_after_people() {
    let folder = Folder::new("people");
    assert_eq!(answers(ready(&folder).arg("migrate"))["migrated"], true);
    connect_page(&folder);
    let add = |email: &str| {
        let mut command = ready(&folder);
        command.args(["user", "add", "--name", "Anna", "--page", "102030405060708", "--email", email]);
        command
    };
    let made = answers(&mut add("anna@example.org"));
    assert!(made["password"].as_str().unwrap().len() >= 20, "{made}");
    fails(&mut add("ANNA@example.org"), 1, &["somebody has the address"]);
    let again = answers(ready(&folder).args(["user", "set-password", "--email", "anna@example.org"]));
    assert_ne!(again["password"], made["password"]);
    answers(ready(&folder).args(["user", "disable", "--email", "anna@example.org"]));
    let listed = answers(ready(&folder).args(["user", "list"]));
    assert_eq!((&listed[0]["pages"][0], &listed[0]["disabled"]), (&"102030405060708".into(), &true.into()));
    fails(ready(&folder).args(["user", "disable", "--email", "ben@example.org"]), 1, &["nobody has the address"]);
    let set = |more: &[&str]| {
        let mut command = ready(&folder);
        command.args(["user", "set", "--email", "Anna@example.org"]).args(more);
        command
    };
    let listed = || answers(ready(&folder).args(["user", "list"]))[0].clone();
    answers(&mut set(&["--role", "admin", "--name", "Anna Berg", "--no-page"]));
    assert_eq!((&listed()["role"], &listed()["name"], &listed()["pages"]), (&"admin".into(), &"Anna Berg".into(), &serde_json::json!([])));
    fails(&mut set(&["--role", "agent", "--page", "102030405060708,999"]), 1, &["999"]);
    assert_eq!(listed()["role"], "admin", "nothing of that was done");
    answers(&mut set(&["--role", "agent", "--page", "102030405060708"]));
    assert_eq!((&listed()["role"], &listed()["pages"][0]), (&"agent".into(), &"102030405060708".into()));
    fails(&mut set(&[]), 2, &["--role"]);
    // The doctor sees that the token is there, and that the key is the right one.
    let doctor = ready(&folder).args(["doctor", "--json"]).output().unwrap();
    assert!(doctor.status.success(), "{}", said(&doctor));
    fails(ready(&folder).arg("doctor").env("BATON_SEALING_KEY", SESSION_KEY), 1, &["token of Page 102030405060708", "does not fit"]);
}
