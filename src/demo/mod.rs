//! `baton demo`: a Page to try out, on the platform in a box, with a bot, an inbox, agents and customers.

mod sandbox;
mod seed;
mod story;

use std::fs::{File, OpenOptions, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::cli::{CliError, Instance, Output, Signals, open, remove, write_private};
use crate::config::{Global, Keys, Settings, make_keys};
use crate::crypto::seal::Sealer;
use crate::server;
use sandbox::Sandbox;
use seed::Seed;

/// File in the data folder with everything a visitor or a program needs, there while the demo runs.
const STORY: &str = "demo.json";

/// How long everything may take to answer after it was started.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `baton demo` is told: everything that `serve` is, and where the sandbox listens.
#[derive(Debug, Args)]
pub struct Options {
    /// Address of the sandbox; port 0 takes any free port
    #[arg(long, env = "BATON_SANDBOX_LISTEN", default_value = "127.0.0.1:8081", value_name = "ADDRESS", help_heading = "Demo")]
    sandbox_listen: SocketAddr,
    #[command(flatten)]
    settings: Settings,
}

/// Runs the demo until it is told to stop.
///
/// # Errors
/// [`CliError`]; then nothing is left running.
pub async fn run(global: Global, options: Options) -> Result<(), CliError> {
    let signals = Signals::listen()?;
    std::fs::create_dir_all(&global.data_dir).map_err(CliError::file(&global.data_dir))?;
    let _alone = alone(&global.data_dir)?;
    let path = global.data_dir.join(STORY);
    remove(&path).map_err(CliError::file(&path))?;
    let Started { seed, instance, mut sandbox } = start(&global, options).await?;
    let told = tell(&global, &seed, &instance, &sandbox, &path).await;
    let ended = instance.run_until(async {
        if told.is_ok() {
            tokio::select! {
                () = signals.stop() => {}
                () = sandbox.ended() => {}
            }
        }
    });
    let ended = ended.await;
    let well = sandbox.stop().await;
    remove(&path).map_err(CliError::file(&path))?;
    told.and(ended).and(if well { Ok(()) } else { Err(CliError::Demo("the sandbox has ended by itself".into())) })
}

/// Everything that runs.
struct Started {
    seed: Seed,
    instance: Instance,
    sandbox: Sandbox,
}

/// The listener comes first, since the sandbox must know where Baton will be; Baton itself comes last, since it must know where the sandbox is.
async fn start(global: &Global, options: Options) -> Result<Started, CliError> {
    let Options { sandbox_listen, mut settings } = options;
    make_keys(global, &settings.listening)?;
    let keys = Keys::find(global, &settings.listening)?;
    let seed = Seed::load(&global.data_dir)?;
    let listener = server::listen(settings.listening.listen)?;
    let address = server::reachable(listener.local_addr().map_err(CliError::Runtime)?);
    let database = open(global, &settings).await?;
    let prepared = async {
        let seed = seed.plant(&database, &Sealer::new(keys.sealing.expose_secret()), &global.data_dir).await?;
        let sandbox = Sandbox::start(sandbox_listen, &seed, address, &global.data_dir).await?;
        on_the_sandbox(&mut settings, &seed, &sandbox)?;
        Ok::<_, CliError>((seed, sandbox))
    };
    let (seed, sandbox) = match prepared.await {
        Ok(prepared) => prepared,
        Err(error) => {
            database.close().await?;
            return Err(error);
        }
    };
    match Instance::start_on(global, &settings, keys, listener, database).await {
        Ok(instance) => Ok(Started { seed, instance, sandbox }),
        Err(error) => {
            sandbox.stop().await;
            Err(error)
        }
    }
}

/// Two demos in one data folder would write over each other's files.
fn alone(data_dir: &Path) -> Result<File, CliError> {
    let path = data_dir.join("demo.lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(CliError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(CliError::Demo(format!("a demo runs in `{}` already; choose another folder with BATON_DATA_DIR", data_dir.display())))
        }
        Err(TryLockError::Error(error)) => Err(CliError::file(&path)(error)),
    }
}

/// The demo's platform is the sandbox, apps of the demo run on this machine, and no balancer stands before it.
fn on_the_sandbox(settings: &mut Settings, seed: &Seed, sandbox: &Sandbox) -> Result<(), CliError> {
    settings.listening.drain_seconds = 0;
    let platform = &mut settings.platform;
    platform.platform_app_id = Some(seed.platform.app_id.clone());
    platform.platform_app_secret = Some(SecretString::from(seed.platform.app_secret.as_str()));
    platform.platform_app_secret_previous = None;
    platform.platform_verify_token = Some(SecretString::from(seed.platform.verify_token.as_str()));
    platform.graph_url = sandbox.url().parse().map_err(|_| CliError::Demo("the sandbox told no address".into()))?;
    if settings.apps.callback_allow.is_empty() {
        let loopback = ["127.0.0.0/8", "::1/128"].iter().filter_map(|network| network.parse().ok());
        settings.apps.callback_allow = loopback.collect();
    }
    Ok(())
}

/// Waits until everything answers, then tells it to programs and people.
async fn tell(global: &Global, seed: &Seed, instance: &Instance, sandbox: &Sandbox, path: &Path) -> Result<(), CliError> {
    let address = server::reachable(instance.address);
    answers(address, "/readyz").await?;
    answers(sandbox.address(), "/healthz").await?;
    let story = story::tell(seed, address, sandbox.url());
    let json = serde_json::to_string_pretty(&story).map_err(|error| CliError::Demo(error.to_string()))?;
    write_private(path, &json).map_err(CliError::file(path))?;
    Output::new(global.json).tell(&story, story.for_people(path))
}

/// Waits until an address answers 200.
async fn answers(address: SocketAddr, path: &str) -> Result<(), CliError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !answers_now(address, path).await {
        if tokio::time::Instant::now() > deadline {
            return Err(CliError::Demo(format!("http://{address}{path} does not answer")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn answers_now(address: SocketAddr, path: &str) -> bool {
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await?;
        Ok::<_, std::io::Error>(status.ends_with(b" 200"))
    };
    matches!(tokio::time::timeout(Duration::from_secs(3), ask).await, Ok(Ok(true)))
}
