//! `baton demo`, started as a newcomer would, on a database of its own.

use std::path::Path;

use serde::Deserialize;

use crate::harness::cluster;
use crate::harness::leash::Leash;

/// A running demo.
pub struct Demo {
    _leash: Leash,
    told: Told,
}

/// What `demo.json` says, as far as the story needs it.
#[derive(Deserialize)]
struct Told {
    base_url: String,
    sandbox_url: String,
    page_id: String,
    agents: Vec<Agent>,
    people: Vec<Person>,
}

/// Somebody who logs in.
#[derive(Deserialize)]
pub struct Agent {
    pub email: String,
    pub password: String,
}

/// A customer.
#[derive(Deserialize)]
pub struct Person {
    pub name: String,
    pub psid: String,
}

/// A message as the platform keeps it.
#[derive(Debug, Deserialize)]
pub struct Said {
    pub from: String,
    pub text: String,
}

#[derive(Deserialize)]
struct Transcript {
    messages: Vec<Said>,
}

impl Demo {
    /// Starts it and waits until everything answers.
    pub async fn start(scratch: &Path) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_baton"));
        assert!(program.with_file_name("sandbox").is_file(), "there is no sandbox beside {}: cargo build -p sandbox", program.display());
        let database = cluster::database().await;
        let data = scratch.join("var");
        let variables = [
            ("DATABASE_URL", database.as_str()),
            ("BATON_DATA_DIR", data.to_str().expect("a path in UTF-8")),
            ("BATON_LISTEN", "127.0.0.1:0"),
            ("BATON_SANDBOX_LISTEN", "127.0.0.1:0"),
        ];
        let program = program.to_str().expect("a path in UTF-8");
        let (leash, ()) = Leash::start(program, &["demo"], &variables, scratch.join("demo.log"), |line| {
            line.starts_with("Baton is running.").then_some(())
        });
        let told = std::fs::read(data.join("demo.json")).expect("demo.json is there while the demo runs");
        Self { _leash: leash, told: serde_json::from_slice(&told).expect("demo.json says where everything is") }
    }

    /// The address of something in Baton.
    pub fn baton(&self, path: &str) -> String {
        format!("{}{path}", self.told.base_url)
    }

    /// The address of a customer's chat.
    pub fn chat(&self, person: &Person) -> String {
        format!("{}/chat/{}/{}", self.told.sandbox_url, self.told.page_id, person.psid)
    }

    /// The agent with this mailbox.
    pub fn agent(&self, mailbox: &str) -> &Agent {
        self.told.agents.iter().find(|agent| agent.email.starts_with(mailbox)).expect("an agent of the demo")
    }

    /// The customer with this name.
    pub fn person(&self, name: &str) -> &Person {
        self.told.people.iter().find(|person| person.name == name).expect("a customer of the demo")
    }

    /// What the platform says was said to and by a customer.
    pub async fn transcript(&self, person: &Person) -> Vec<Said> {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{}/messages?page_id={}&psid={}", self.told.sandbox_url, self.told.page_id, person.psid);
        let answer = http.get(url).send().await.expect("the sandbox answers");
        answer.json::<Transcript>().await.expect("a transcript").messages
    }
}
