//! Watches the process for what a stranger must never cause: panics, and secrets or what people wrote in the log.

use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// What tokio says in a task whose timer belongs to a runtime that has ended.
const RUNTIME_GONE: &str = "A Tokio 1.x context was found, but it is being shutdown.";

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Begins to watch. The log is kept from `info` on, as it is written by default.
pub fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let told = panic.to_string();
            // A failed assertion of a test is told by the test. And a test that ends without stopping its Baton takes the runtime from under
            // the streams that are still open.
            if !place.starts_with("tests/") && !told.contains(RUNTIME_GONE) {
                PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(told);
            }
            before(panic);
        }));
        let kept = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(false).with_writer(Kept).finish();
        tracing::subscriber::set_global_default(kept).expect("nobody else in this program reads its log");
    });
}

/// Fails if anything but a test has panicked.
pub fn no_panics() {
    let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(panics.is_empty(), "something panicked: {panics:#?}");
}

/// Everything that was logged.
pub fn log() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}
