//! The real programs: a sandbox, and as many `baton serve` as a test wants, on a database of their own.
//!
//! ```ignore
//! let running = Running::start(1).await;
//! let bot = running.add_app("Bot", &["--default"]).await;
//! let ada = running.person("Ada Lovelace").await;
//! ada.says("Hello").await;
//! bot.receiver.heard("the greeting", |delivery| delivery.text() == Some("Hello")).await;
//! bot.send(&ada, "Hello, Ada").await.ok();
//! ada.reads("Hello, Ada").await;
//! ```
//!
//! Whatever the programs log is in files, whose ends are shown when the test fails. They end with the test, however that ends.

#![allow(unused_imports, reason = "each test uses its part of it")]

mod app;
mod balancer;
mod baton;
mod evidence;
mod folder;
mod program;
mod receiver;
mod sandbox;
pub mod settling;
mod web;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

pub use app::{Answer, App};
pub use balancer::Balancer;
pub use baton::Baton;
pub use evidence::Evidence;
pub use program::free_port;
pub use receiver::{Delivery, Receiver};
pub use sandbox::{Person, Sandbox};
pub use web::Agent;

use super::{Database, database, eventually};
use folder::Folder;

/// The Page on the sandbox.
pub const PAGE: &str = "1000200030004000";
/// Baton's app on the sandbox.
pub const PLATFORM_APP: &str = "900100200300400";

/// How long connections are kept that nobody uses: shorter than the sandbox keeps them, or it could close one under a request.
const IDLE: Duration = Duration::from_secs(2);

/// Everything that runs.
pub struct Running {
    /// The processes, in the order in which they were started.
    pub batons: Vec<Baton>,
    /// The platform.
    pub sandbox: Sandbox,
    /// What they keep.
    pub database: Database,
    /// For calls that no verb has.
    pub http: reqwest::Client,
    command: baton::Plan,
}

impl Running {
    /// A sandbox with one Page and Baton's app on it, and so many processes of Baton that know the Page. Webhooks go to the first.
    pub async fn start(batons: usize) -> Self {
        Self::with(batons, &[]).await
    }

    /// The same with settings as `baton serve` takes them from the environment.
    pub async fn with(batons: usize, settings: &[(&str, &str)]) -> Self {
        Self::on(database().await, batons, settings).await
    }

    /// The same on this database, which Baton reaches at its `url`.
    pub async fn on(database: Database, batons: usize, settings: &[(&str, &str)]) -> Self {
        let folder = Arc::new(Folder::make());
        let http = reqwest::Client::builder().no_proxy().pool_idle_timeout(IDLE).build().expect("an HTTP client");
        let ports: Vec<u16> = (0..batons).map(|_| free_port()).collect();
        let platform = baton::Platform::new(ports[0]);
        let sandbox = Sandbox::start(&folder, &http, &platform).await;
        let command = baton::Plan::new(&folder, &database.url, &platform, &sandbox.base, settings);
        command.run(&["page", "add", "--page", PAGE, "--name", "Harbour Coffee"], Some(&platform.page_token)).await;
        let mut running = Self { batons: Vec::new(), sandbox, database, http, command };
        for port in ports {
            running.batons.push(Baton::start(&running.command, &running.http, port).await);
        }
        running
    }

    /// The first process, or the only one.
    pub fn baton(&self) -> &Baton {
        &self.batons[0]
    }

    /// Signs the platform's webhooks.
    pub fn platform_secret(&self) -> &str {
        self.command.setting("BATON_PLATFORM_APP_SECRET")
    }

    /// `baton …`, with `--json`: what it prints.
    pub async fn command(&self, arguments: &[&str]) -> Value {
        self.command.run(arguments, None).await
    }

    /// Tells Baton another token of the Page.
    pub async fn set_page_token(&self, token: &str) {
        self.command.run(&["page", "set", "--page", PAGE], Some(token)).await;
    }

    /// An app with a callback of its own, which `baton app add` takes these further arguments for. It calls the first process.
    pub async fn add_app(&self, name: &str, arguments: &[&str]) -> App {
        let receiver = Receiver::start();
        let url = receiver.url.clone();
        self.add_app_behind(name, arguments, receiver, &url).await
    }

    /// The same, called at another address than where it hears.
    pub async fn add_app_behind(&self, name: &str, arguments: &[&str], receiver: Receiver, callback: &str) -> App {
        let mut all = vec!["app", "add", "--page", PAGE, "--name", name, "--callback-url", callback];
        all.extend_from_slice(arguments);
        let added = self.command(&all).await;
        App::new(&added, receiver, self.http.clone(), self.baton().base.clone())
    }

    /// The agents' inbox. Its id.
    pub async fn add_inbox(&self) -> String {
        let added = self.command(&["app", "add", "--page", PAGE, "--name", "Inbox", "--kind", "inbox", "--may-take", "--human"]).await;
        text(&added["app_id"])
    }

    /// The built-in bot, which answers first. Its id.
    pub async fn add_bot(&self) -> String {
        let added = self.command(&["app", "add", "--page", PAGE, "--name", "Assistant", "--kind", "bot", "--default"]).await;
        text(&added["app_id"])
    }

    /// Somebody who may log in: `role` is `agent`, who sees the Page, or `admin`. Their password.
    pub async fn add_user(&self, email: &str, name: &str, role: &str) -> String {
        let mut arguments = vec!["user", "add", "--email", email, "--name", name, "--role", role];
        if role == "agent" {
            arguments.extend(["--page", PAGE]);
        }
        text(&self.command(&arguments).await["password"])
    }

    /// A new customer.
    pub async fn person(&self, name: &str) -> Person {
        self.sandbox.person(name).await
    }

    /// Who owns the person's conversation by the state that Baton has committed; `None` when nobody does.
    pub async fn owner(&self, person: &Person) -> Option<String> {
        sqlx::query_scalar("select owner from conversations where page_id = $1 and person_id = $2")
            .bind(PAGE)
            .bind(&person.psid)
            .fetch_optional(&self.database.pool)
            .await
            .expect("conversations are read")
            .flatten()
    }

    /// Waits until this app owns the person's conversation.
    pub async fn owned(&self, person: &Person, app: &str) {
        eventually(&format!("{app} owns the conversation"), async || (self.owner(person).await.as_deref() == Some(app)).then_some(()))
            .await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Names a recipient as the Graph API wants it.
fn recipient(person: &Person) -> Value {
    json!({"id": person.psid})
}

/// The harness itself, in one round: what is said is heard, what is sent is read, and a killed process comes back.
#[tokio::test]
async fn the_programs_run_together() {
    let mut running = Running::start(1).await;
    let bot = running.add_app("Bot", &["--default"]).await;
    let ada = running.person("Ada Lovelace").await;
    ada.says("Hello").await;
    let heard = bot.receiver.heard("the greeting", |delivery| delivery.text() == Some("Hello")).await;
    assert!(heard.is_signed_with(&bot.secret) && !heard.is_signed_with(&bot.token), "signed with the app's secret");
    assert_eq!((heard.psid(), heard.channel()), (Some(ada.psid.as_str()), "messaging"));
    running.batons[0].kill();
    ada.says("Anybody there?").await;
    running.batons[0].restart().await;
    eventually("the sandbox brings what was said meanwhile", async || (running.sandbox.pending().await == 0).then_some(())).await;
    running.owned(&ada, &bot.id).await;
    let sent = bot.send(&ada, "Hello, Ada").await.ok();
    assert_eq!(ada.reads("Hello, Ada").await["mid"], sent["message_id"]);
}
