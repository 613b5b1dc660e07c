//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::CliError;

/// Exit code of a program that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// The user's or the system's wish that Baton stops.
#[derive(Debug, Clone)]
pub struct Signals {
    stop: CancellationToken,
}

impl Signals {
    /// Listens from now on. The first signal asks to stop; the second ends the process at once, for when stopping hangs.
    ///
    /// # Errors
    /// When the system does not let it listen.
    pub fn listen() -> Result<Self, CliError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
        let stop = CancellationToken::new();
        let first = stop.clone();
        tokio::spawn(async move {
            for _ in 0..2 {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if first.is_cancelled() {
                    std::process::exit(INTERRUPTED);
                }
                first.cancel();
            }
        });
        Ok(Self { stop })
    }

    /// Waits for the first signal.
    pub async fn stop(&self) {
        self.stop.cancelled().await;
    }
}
