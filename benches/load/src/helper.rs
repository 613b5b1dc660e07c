//! This program again, as a process that does one thing: it is told what in lines of JSON, and answers each with one.

use std::io::{BufRead, Write};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A process that is told what to do.
pub struct Helper {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Helper {
    /// Starts one in this role. It ends when this does.
    pub fn start(role: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg(role).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("this program starts again");
        let (input, output) = (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
        Self { child, input, output: BufReader::new(output).lines() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Tells it something, and waits for what it answers.
    pub async fn ask(&mut self, what: &Value) -> Value {
        self.input.write_all(format!("{what}\n").as_bytes()).await.expect("it listens");
        let line = self.output.next_line().await.expect("it speaks").expect("it lives");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

/// The other side: answers each line until there are no more.
pub fn serve(mut answer: impl FnMut(Value) -> Value) {
    for line in std::io::stdin().lock().lines() {
        let asked = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let answered = answer(asked);
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answered}").and_then(|()| out.flush()).expect("somebody listens");
    }
}
