//! A program that ends when this process does, however that ends, with everything it started in its process group.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the program may take to end once it is asked to.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs its arguments until its standard input closes, then asks its whole process group to end.
const HOLD: &str = r#"trap : TERM; "$@" </dev/null & exec >&-; cat >/dev/null; kill -TERM 0; wait; wait"#;

/// A program on a leash.
pub struct Leash {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Leash {
    /// Starts a program. What it says on its error stream goes to the file; `told` is asked about every line of its output until it finds
    /// what it looks for.
    pub fn start<T>(
        program: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
        log: PathBuf,
        told: impl Fn(&str) -> Option<T>,
    ) -> (Self, T) {
        let mut command = Command::new("sh");
        command.args(["-c", HOLD, "leash", program]).args(arguments).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).expect("a file for its log")).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let leash = Self { child, name: program.to_owned(), log };
        let mut said = String::new();
        let found = loop {
            let mut line = String::new();
            if output.read_line(&mut line).expect("its output is text") == 0 {
                panic!("{} ended: {said}{}", leash.name, leash.log());
            }
            if let Some(found) = told(&line) {
                break found;
            }
            said.push_str(&line);
        };
        // Whatever it says later is read, so that it never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        (leash, found)
    }

    /// What it said on its error stream.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let group = format!("-{}", self.child.id());
                let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
