//! The command line, the environment and the configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::world::Object;

/// The Messenger Platform in a box, for demos and tests.
#[derive(Parser, Debug, Clone)]
#[command(name = "sandbox", version, about)]
pub struct Settings {
    /// Address to listen on; port 0 takes any free port
    #[arg(long, env = "SANDBOX_LISTEN", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// JSON file with `pages`, `apps`, `subscriptions` and `people` to begin with
    #[arg(long, env = "SANDBOX_CONFIG")]
    pub config: Option<PathBuf>,
    /// Address under which others reach this server, for links to attachments and pictures; the listening address if absent
    #[arg(long, env = "SANDBOX_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Stop when standard input closes
    #[arg(long)]
    pub exit_with_parent: bool,
    /// How webhooks are delivered
    #[command(flatten)]
    pub delivery: Delivery,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            config: None,
            public_url: None,
            exit_with_parent: false,
            delivery: Delivery::default(),
        }
    }
}

/// How webhooks are delivered. The platform wants its 200 within 5 s, tries again at once and a few times more, and unsubscribes an app that
/// failed for an hour.
#[derive(clap::Args, Debug, Clone)]
pub struct Delivery {
    /// Milliseconds an app has for its answer
    #[arg(long, env = "SANDBOX_WEBHOOK_TIMEOUT_MS", default_value_t = 5_000)]
    pub webhook_timeout_ms: u64,
    /// Milliseconds before the first repetition; doubles each time
    #[arg(long, env = "SANDBOX_RETRY_FIRST_MS", default_value_t = 250)]
    pub retry_first_ms: u64,
    /// The longest wait between two attempts, in milliseconds
    #[arg(long, env = "SANDBOX_RETRY_MAX_MS", default_value_t = 15_000)]
    pub retry_max_ms: u64,
    /// Milliseconds of failing after which the app is unsubscribed from the Page
    #[arg(long, env = "SANDBOX_GIVE_UP_AFTER_MS", default_value_t = 3_600_000)]
    pub give_up_after_ms: u64,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { webhook_timeout_ms: 5_000, retry_first_ms: 250, retry_max_ms: 15_000, give_up_after_ms: 3_600_000 }
    }
}

impl Delivery {
    /// The wait before the repetition after `failures` failed attempts.
    pub fn backoff(&self, failures: u32) -> Duration {
        let factor = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
        Duration::from_millis(self.retry_first_ms.saturating_mul(factor).min(self.retry_max_ms))
    }
}

/// What the world holds at the beginning. Every list may be left out.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(default)]
pub struct World {
    /// Facebook Pages and Instagram accounts.
    pub pages: Vec<Page>,
    /// Platform apps.
    pub apps: Vec<App>,
    /// Connections of apps with Pages that differ from the default (every app on every Page, all fields).
    pub subscriptions: Vec<Subscription>,
    /// Customers.
    pub people: Vec<Person>,
}

/// A Facebook Page, or an Instagram account with the Page that it is linked to.
#[derive(Deserialize, Debug, Clone)]
pub struct Page {
    /// The Page's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `page` (default) or `instagram`.
    #[serde(default)]
    pub object: Object,
    /// For `instagram`: the account's id, which webhooks carry; the Page's id if absent.
    pub instagram_id: Option<String>,
    /// The Page access token of the default app, or else of the first app connected; made up if absent.
    pub token: Option<String>,
    /// The app that answers first; overrides `default` of the apps.
    pub default_app: Option<String>,
}

/// A platform app.
#[derive(Deserialize, Debug, Clone)]
pub struct App {
    /// Its id.
    pub app_id: String,
    /// Its name, shown beside what it sends.
    pub name: String,
    /// Signs its webhooks; empty for an external app, which gets none.
    #[serde(default)]
    pub app_secret: String,
    /// What the handshake must know.
    #[serde(default)]
    pub verify_token: String,
    /// Where its webhooks go.
    pub callback_url: Option<String>,
    /// Whether it is the default app of every Page.
    #[serde(default)]
    pub default: bool,
    /// Whether "Allow this app to take control of conversations" is on.
    #[serde(default)]
    pub may_take: bool,
    /// Plays another vendor's app: on every Page, moved only through the admin API, gets no webhooks.
    #[serde(default)]
    pub external: bool,
    /// When set at run time: whether to shake hands with the callback first.
    #[serde(default = "yes")]
    pub verify: bool,
}

fn yes() -> bool {
    true
}

/// An app on a Page.
#[derive(Deserialize, Debug, Clone)]
pub struct Subscription {
    /// The Page (or Instagram account).
    pub page_id: String,
    /// The app.
    pub app_id: String,
    /// Its Page access token; kept or made up if absent.
    pub token: Option<String>,
    /// Webhook fields; all if absent, none (connected, not subscribed) if empty.
    pub fields: Option<Vec<String>>,
    /// Whether it is the Page's default app.
    pub default: Option<bool>,
    /// Whether it may take control from others.
    pub may_take: Option<bool>,
}

/// A customer.
#[derive(Deserialize, Serialize, Debug, Clone)]
pub struct Person {
    /// The Page (or Instagram account) that they write to.
    pub page_id: String,
    /// Their name.
    pub name: String,
    /// Their id; made up if absent.
    pub psid: Option<String>,
    /// Their locale, `en_US` if absent.
    pub locale: Option<String>,
}
