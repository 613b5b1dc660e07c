//! What the demo tells, to programs in `demo.json` and to people on the terminal.

use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use super::seed::{App, Person, Seed};
use crate::platform::intake;

/// `demo.json`.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    base_url: String,
    sandbox_url: String,
    page_id: String,
    platform: Platform,
    apps: Vec<App>,
    agents: Vec<Agent>,
    people: Vec<Person>,
}

#[derive(Debug, Serialize)]
struct Platform {
    app_id: String,
    app_secret: String,
    verify_token: String,
    webhook_url: String,
}

#[derive(Debug, Serialize)]
struct Agent {
    email: String,
    password: String,
    role: String,
}

/// The story of a running demo.
pub(super) fn tell(seed: &Seed, address: SocketAddr, sandbox_url: &str) -> Story {
    let base_url = format!("http://{address}");
    let agent =
        |agent: &super::seed::Agent| Agent { email: agent.email.clone(), password: agent.password.clone(), role: agent.role.clone() };
    Story {
        platform: Platform {
            app_id: seed.platform.app_id.clone(),
            app_secret: seed.platform.app_secret.clone(),
            verify_token: seed.platform.verify_token.clone(),
            webhook_url: format!("{base_url}{}", intake::PATH),
        },
        base_url,
        sandbox_url: sandbox_url.to_owned(),
        page_id: seed.page_id.clone(),
        apps: seed.apps.clone(),
        agents: seed.agents.iter().map(agent).collect(),
        people: seed.people.clone(),
    }
}

impl Story {
    /// The same for people.
    pub fn for_people(&self, path: &Path) -> String {
        let agents = self.agents.iter().map(|agent| format!("  {:<8}{:<26}{}", agent.role, agent.email, agent.password));
        [
            "Baton is running.".to_owned(),
            String::new(),
            format!("  Customers  {}", self.sandbox_url),
            format!("  Agents     {}/inbox", self.base_url),
            String::new(),
            "Log in as".to_owned(),
        ]
        .into_iter()
        .chain(agents)
        .chain([
            String::new(),
            "Write as a customer; the bot answers. Ask it for a person, and see the conversation come up in the inbox.".to_owned(),
            format!("Everything a program needs is in {}. Ctrl-C stops it all.", path.display()),
        ])
        .collect::<Vec<_>>()
        .join("\n")
    }
}
