//! The command line of the sandbox.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Parser;
use sandbox::server::{self, StartError};
use sandbox::settings::Settings;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("sandbox=info,warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(Settings::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr().lock(), "sandbox: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

/// Everything that can keep the program from running.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    #[error("cannot write to standard output: {0}")]
    Announce(io::Error),
}

async fn run(settings: Settings) -> Result<(), RunError> {
    let exit_with_parent = settings.exit_with_parent;
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let config = server::read_config(&settings)?;
    let mut running = server::start(settings, config)?;
    announce(&running).map_err(RunError::Announce)?;
    // Without the flag the sender stays here, and the receiver waits for ever.
    let (orphaned, parent_gone) = oneshot::channel();
    let _keep = if exit_with_parent {
        watch_stdin(orphaned);
        None
    } else {
        Some(orphaned)
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = parent_gone => {}
        () = running.ended() => return Ok(()),
    }
    running.stop().await;
    Ok(())
}

/// One line of JSON on standard output, for whoever started the sandbox on port 0.
fn announce(running: &server::Running) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::json!({"listening": running.address().to_string()}))?;
    out.flush()
}

/// Tells when standard input closes, which is when the parent is gone. A blocking read needs a thread of its own.
fn watch_stdin(orphaned: oneshot::Sender<()>) {
    std::thread::spawn(move || {
        let mut sink = [0_u8; 256];
        let mut stdin = io::stdin().lock();
        while !matches!(stdin.read(&mut sink), Ok(0) | Err(_)) {}
        orphaned.send(()).ok();
    });
}
