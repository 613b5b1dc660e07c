//! Every setting in one place: flags, then the environment, then the settings file, then the default.

mod file;
mod keys;
mod units;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::apps::http::Network;
use crate::wire::AppId;

pub use file::{FILE, apply_file};
pub use keys::{Keys, MAKE_A_KEY, make_keys, sealing_key};
pub use units::{parse_bytes, parse_duration};

/// A setting that is missing, weak or contradicts another. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting without which Baton does not start.
    #[error("{name} is not set. {remedy}")]
    Missing {
        /// Name of the environment variable.
        name: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A key that is too easy to guess or not a key at all.
    #[error("{name} {why}. {MAKE_A_KEY}")]
    WeakKey {
        /// Name of the environment variable, or the key's file.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A value that cannot be used.
    #[error("{name}: {why}")]
    Unusable {
        /// Name of the environment variable.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The settings file.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What is logged unless somebody says otherwise: the libraries below only when something is wrong.
pub const DEFAULT_LOG: &str = "info,actix_server=warn,sqlx=warn";

/// What every command needs: where the data is, and how to speak.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Settings file in TOML; its keys are the long names of the flags [default: baton.toml, if it is there]
    #[arg(long, env = "BATON_CONFIG", global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for what Baton keeps outside the database
    #[arg(long, env = "BATON_DATA_DIR", default_value = "var", global = true, value_name = "FOLDER")]
    pub data_dir: PathBuf,
    /// PostgreSQL to use; without it Baton runs a private one in the data folder
    #[arg(long, env = "DATABASE_URL", global = true, value_name = "URL", hide_env_values = true, hide_default_value = true)]
    pub database_url: Option<SecretString>,
    /// 32 bytes in hex or base64 that seal Page tokens and app secrets in the database
    #[arg(long, env = "BATON_SEALING_KEY", global = true, value_name = "KEY", hide_env_values = true, hide_default_value = true)]
    pub sealing_key: Option<SecretString>,
    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// How logs look: `auto` is text on a terminal and JSON elsewhere
    #[arg(long, env = "BATON_LOG_FORMAT", default_value = "auto", global = true)]
    pub log_format: LogFormat,
    /// What is logged, as in `info` or `info,baton::ledger=debug`
    #[arg(long, env = "BATON_LOG", default_value = DEFAULT_LOG, global = true, value_name = "FILTER")]
    pub log: String,
}

impl Global {
    /// `DATABASE_URL`, if it is set to something.
    #[must_use]
    pub fn database_url(&self) -> Option<&str> {
        present(self.database_url.as_ref())
    }
}

/// How logs look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}

/// What `serve` and `demo` need.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Where it listens, and what it lets in.
    #[command(flatten)]
    pub listening: Listening,
    /// The app on the platform that Baton is.
    #[command(flatten)]
    pub platform: PlatformSettings,
    /// How apps are called.
    #[command(flatten)]
    pub apps: AppSettings,
}

/// Where Baton listens, and what it lets in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listening")]
pub struct Listening {
    /// Address for webhooks, apps and people; port 0 takes any free port
    #[arg(long, env = "BATON_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Address under which people and apps reach Baton; with https, cookies are sent over https only
    #[arg(long, env = "BATON_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<Url>,
    /// Proxies in front that append to X-Forwarded-For: tries to log in are counted by the address that the outermost of them saw
    #[arg(long, env = "BATON_PROXIES", default_value_t = 0, value_name = "NUMBER")]
    pub proxies: usize,
    /// 32 bytes in hex or base64 that sign the cookies of logins
    #[arg(long, env = "BATON_SESSION_KEY", value_name = "KEY", hide_env_values = true, hide_default_value = true)]
    pub session_key: Option<SecretString>,
    /// Connections to the database
    #[arg(long, env = "BATON_DATABASE_CONNECTIONS", default_value_t = 20, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(4..=1000))]
    pub database_connections: u32,
    /// Longest body of a webhook of the platform, which may put 1000 events into one
    #[arg(long, env = "BATON_BODY_LIMIT", default_value = "16MiB", value_name = "SIZE", value_parser = parse_bytes)]
    pub body_limit: usize,
    /// What bodies of webhooks may take of the memory at once; beyond, the platform is asked to come again
    #[arg(long, env = "BATON_BODY_MEMORY", default_value = "128MiB", value_name = "SIZE", value_parser = parse_bytes)]
    pub body_memory: usize,
    /// Seconds for which Baton still takes requests when it stops, while `/readyz` answers 503: longer than balancers take to see it
    #[arg(long, env = "BATON_DRAIN_SECONDS", default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=300))]
    pub drain_seconds: u64,
    /// Seconds that requests, deliveries and sends have to finish after that; a call waits up to 20 for the outcome of its send
    #[arg(long, env = "BATON_SHUTDOWN_SECONDS", default_value_t = 25, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub shutdown_seconds: u64,
}

/// The app on the platform that Baton is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The platform")]
pub struct PlatformSettings {
    /// Id of Baton's app on the platform
    #[arg(long, env = "BATON_PLATFORM_APP_ID", value_name = "ID")]
    pub platform_app_id: Option<String>,
    /// Its secret, which signs the platform's webhooks
    #[arg(long, env = "BATON_PLATFORM_APP_SECRET", value_name = "SECRET", hide_env_values = true, hide_default_value = true)]
    pub platform_app_secret: Option<SecretString>,
    /// The secret before, still believed while it is being rotated
    #[arg(long, env = "BATON_PLATFORM_APP_SECRET_PREVIOUS", value_name = "SECRET", hide_env_values = true, hide_default_value = true)]
    pub platform_app_secret_previous: Option<SecretString>,
    /// What the platform must know to set the webhook's address
    #[arg(long, env = "BATON_PLATFORM_VERIFY_TOKEN", value_name = "TOKEN", hide_env_values = true, hide_default_value = true)]
    pub platform_verify_token: Option<SecretString>,
    /// The platform's Graph API
    #[arg(long, env = "BATON_GRAPH_URL", default_value = "https://graph.facebook.com", value_name = "URL")]
    pub graph_url: Url,
    /// Its version
    #[arg(long, env = "BATON_GRAPH_VERSION", default_value = "v25.0", value_name = "VERSION")]
    pub graph_version: String,
    /// Messages a second that one Page sends; a Page that sends more than 40 goes dark on the platform
    #[arg(long, env = "BATON_SEND_RATE", default_value_t = 30, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=300))]
    pub send_rate: u32,
}

/// How apps are called, and the one that is built in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Apps")]
pub struct AppSettings {
    /// Networks that callbacks of apps may lie in besides the public internet, as in `10.0.0.0/8,::1/128`
    #[arg(long, env = "BATON_CALLBACK_ALLOW", value_delimiter = ',', value_name = "NETWORKS")]
    pub callback_allow: Vec<Network>,
    /// Waits after the first, second, … failure of an event, as in `5s,30s,2m`; without it over a day in all, longer each time
    #[arg(long, env = "BATON_RETRY_SCHEDULE", value_delimiter = ',', value_name = "TIMES", value_parser = parse_duration)]
    pub retry_schedule: Vec<Duration>,
    /// What the built-in bot says, in TOML; without it the script that comes with Baton
    #[arg(long, env = "BATON_BOT_SCRIPT", value_name = "FILE")]
    pub bot_script: Option<PathBuf>,
}

impl PlatformSettings {
    /// Baton's app on the platform.
    ///
    /// # Errors
    /// [`ConfigError`] when it is missing or no id.
    pub fn app_id(&self) -> Result<AppId, ConfigError> {
        let name = "BATON_PLATFORM_APP_ID";
        let remedy = "It is the id of your app at developers.facebook.com";
        let id = self.platform_app_id.as_deref().map(str::trim).filter(|id| !id.is_empty()).ok_or(ConfigError::Missing { name, remedy })?;
        AppId::parse(id).map_err(|error| ConfigError::Unusable { name, why: error.to_string() })
    }

    /// Its secret, and the one before while it is being rotated.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] without a present one.
    pub fn app_secrets(&self) -> Result<Vec<SecretString>, ConfigError> {
        let remedy = "It is under Settings, Basic of your app at developers.facebook.com";
        let present_one = required(self.platform_app_secret.as_ref(), "BATON_PLATFORM_APP_SECRET", remedy)?;
        let previous = present(self.platform_app_secret_previous.as_ref());
        Ok([Some(present_one), previous].into_iter().flatten().map(SecretString::from).collect())
    }

    /// What the platform must know to set the webhook's address.
    ///
    /// # Errors
    /// [`ConfigError`] when it is missing or short.
    pub fn verify_token(&self) -> Result<SecretString, ConfigError> {
        let name = "BATON_PLATFORM_VERIFY_TOKEN";
        let token =
            required(self.platform_verify_token.as_ref(), name, "Choose one, and write the same into the webhook's settings of your app")?;
        if token.len() < SHORTEST_VERIFY_TOKEN {
            return Err(ConfigError::Unusable {
                name,
                why: format!("at least {SHORTEST_VERIFY_TOKEN} characters, please: `openssl rand -hex 16`"),
            });
        }
        Ok(token.into())
    }
}

/// Fewest bytes of a verify token that cannot be tried out.
const SHORTEST_VERIFY_TOKEN: usize = 12;

/// A secret that is set to something: an empty environment variable is as good as none.
fn present(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(|secret| secret.expose_secret().trim()).filter(|text| !text.is_empty())
}

/// The same, refusing to go on without it.
fn required<'a>(secret: Option<&'a SecretString>, name: &'static str, remedy: &'static str) -> Result<&'a str, ConfigError> {
    present(secret).ok_or(ConfigError::Missing { name, remedy })
}
