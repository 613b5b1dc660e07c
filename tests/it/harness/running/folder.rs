//! A folder for what the programs of one test write. It goes away with a test that passes; a failing one shows the ends of the logs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// How much of each log a failing test shows.
const LINES: usize = 120;

/// The folder of one test.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A new one.
    pub fn make() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("running-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a folder for what the programs write");
        Self { path }
    }

    /// A place in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    #[allow(clippy::print_stderr, reason = "what a failing test prints is shown with its name")]
    fn show(&self) {
        let mut logs: Vec<PathBuf> = std::fs::read_dir(&self.path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.sort();
        for log in logs {
            let text = std::fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<&str> = text.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LINES)..];
            eprintln!("── the end of {} ({} lines) ──\n{}\n", log.display(), lines.len(), shown.join("\n"));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show();
        } else {
            // What cannot be removed is removed with `target`.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
