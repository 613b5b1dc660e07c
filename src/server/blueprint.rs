//! From the settings as the admin gives them to the settings of each part.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;
use url::Url;

use crate::apps::{delivery, graph, http};
use crate::bot::Script;
use crate::config::{ConfigError, Keys, Settings};
use crate::crypto::seal::Sealer;
use crate::platform::{client, intake, outbox, profiles, transfer};
use crate::server::reachable;
use crate::web;

/// What each part is to do.
#[derive(Debug)]
pub struct Blueprint {
    /// Name of this process in the list of processes.
    pub name: String,
    /// Opens and seals what is secret in the database.
    pub sealer: Sealer,
    /// Webhooks of the platform.
    pub intake: intake::Settings,
    /// Calls to the platform.
    pub client: client::Settings,
    /// Sends.
    pub outbox: outbox::Settings,
    /// Control that crosses the border to the platform.
    pub transfers: transfer::Settings,
    /// Who people are.
    pub profiles: profiles::Settings,
    /// The API for apps.
    pub graph: graph::Settings,
    /// Events for apps.
    pub delivery: delivery::Settings,
    /// Calls to apps.
    pub outbound: http::Settings,
    /// The pages for people.
    pub web: web::Settings,
    /// What the built-in bot says.
    pub script: Script,
    /// How long requests are still taken once Baton is to stop.
    pub drain: Duration,
    /// How long everything may take to finish after that.
    pub grace: Duration,
}

impl Blueprint {
    /// Draws the plan. `address` is where Baton really listens.
    ///
    /// # Errors
    /// [`ConfigError`] when a setting is missing or cannot be used.
    pub fn draw(settings: &Settings, keys: &Keys, address: SocketAddr) -> Result<Self, ConfigError> {
        let Settings { listening, platform, apps } = settings;
        let app_secrets = platform.app_secrets()?;
        let present = app_secrets[0].clone();
        let mut intake = intake::Settings::new(platform.verify_token()?, app_secrets);
        intake.body_limit = listening.body_limit;
        intake.bodies_in_flight = listening.body_memory;
        let mut client = client::Settings::new(platform.graph_url.clone(), platform.app_id()?, present);
        client.version = Some(platform.graph_version.clone()).filter(|version| !version.is_empty());
        let mut outbox = outbox::Settings::default();
        outbox.messages.per_second = platform.send_rate;
        let mut delivery = delivery::Settings::default();
        if !apps.retry_schedule.is_empty() {
            delivery.schedule.clone_from(&apps.retry_schedule);
        }
        Ok(Self {
            name: format!("{address} ({})", std::process::id()),
            sealer: Sealer::new(keys.sealing.expose_secret()),
            intake,
            client,
            outbox,
            transfers: transfer::Settings::default(),
            profiles: profiles::Settings::default(),
            graph: graph::Settings { sends_per_second: platform.send_rate, ..graph::Settings::default() },
            delivery,
            outbound: http::Settings { allowed_networks: apps.callback_allow.clone(), ..http::Settings::default() },
            web: web::Settings {
                proxies: listening.proxies,
                ..web::Settings::new(public_url(listening.public_url.as_ref(), address)?, keys.session.expose_secret().to_vec())
            },
            script: script(apps.bot_script.as_deref())?,
            drain: Duration::from_secs(listening.drain_seconds),
            grace: Duration::from_secs(listening.shutdown_seconds),
        })
    }
}

fn public_url(given: Option<&Url>, address: SocketAddr) -> Result<Url, ConfigError> {
    let unusable = |why: String| ConfigError::Unusable { name: "BATON_PUBLIC_URL", why };
    match given {
        Some(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url.clone()),
        Some(url) => Err(unusable(format!("`{url}` is no http address"))),
        None => Url::parse(&format!("http://{}", reachable(address))).map_err(|error| unusable(error.to_string())),
    }
}

fn script(path: Option<&Path>) -> Result<Script, ConfigError> {
    let Some(path) = path else {
        return Script::built_in().map_err(|error| ConfigError::Unusable { name: "BATON_BOT_SCRIPT", why: error.to_string() });
    };
    let wrong = |why: String| ConfigError::File { path: path.display().to_string(), why };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Script::parse(&text).map_err(|error| wrong(error.to_string()))
}
