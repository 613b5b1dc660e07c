//! The program itself: its one line on standard output, and how it stops.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn start(arguments: &[&str]) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.args(["--listen", "127.0.0.1:0"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    (child, told["listening"].as_str().unwrap().to_owned())
}

fn ends(child: &mut Child) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    false
}

#[tokio::test]
async fn it_tells_where_it_listens_and_stops_on_sigterm() {
    let (mut child, address) = start(&[]);
    let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("http://{address}/healthz")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(ends(&mut child), "stopped gracefully");
}

#[test]
fn it_ends_with_its_parent_when_asked_to() {
    let (mut child, _) = start(&["--exit-with-parent"]);
    drop(child.stdin.take());
    assert!(ends(&mut child), "ended when its standard input closed");
}

#[test]
fn a_bad_configuration_is_told_in_plain_words() {
    let file = std::env::temp_dir().join(format!("sandbox-{}.json", std::process::id()));
    std::fs::write(&file, "{\"pages\": [{\"id\": 7}]}").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sandbox")).args(["--listen", "127.0.0.1:0", "--config"]).arg(&file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("line 1 column"), "{told}");
}
