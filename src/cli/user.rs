//! `baton user`.

use std::io::BufRead;

use clap::{Args, Subcommand, ValueEnum};

use super::page::page_id;
use super::{CliError, Database, Output};
use crate::access::Role;
use crate::config::Global;
use crate::crypto::{password, random};
use crate::store::admin::{NewUser, UserChange, UserListing};
use crate::wire::PageId;

/// What can be done with people who log in.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a person; without `--password-stdin` a password is made and printed, once
    Add(Add),
    /// List the people
    List,
    /// Change what a person may do and what they are called; it counts at once
    Set(Set),
    /// Set a person's password, which ends their logins
    SetPassword {
        /// Their address
        #[arg(long)]
        email: String,
        /// Read the password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let a person log in no longer, and end their logins
    Disable {
        /// Their address
        #[arg(long)]
        email: String,
    },
    /// Let a person log in again
    Enable {
        /// Their address
        #[arg(long)]
        email: String,
    },
}

/// `baton user add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Their address; they log in with it
    #[arg(long, value_parser = email)]
    email: String,
    /// What colleagues call them
    #[arg(long)]
    name: String,
    /// Admins see all Pages and change settings; agents answer on the Pages named here
    #[arg(long, value_enum, default_value = "agent")]
    role: RoleName,
    /// Pages an agent sees
    #[arg(long, value_name = "IDS", value_delimiter = ',', value_parser = page_id)]
    page: Vec<PageId>,
    /// Read the password from standard input instead of making one
    #[arg(long)]
    password_stdin: bool,
}

/// `baton user set`.
#[derive(Debug, Args)]
pub struct Set {
    /// Their address
    #[arg(long)]
    email: String,
    /// What colleagues call them
    #[arg(long)]
    name: Option<String>,
    /// Admins see all Pages and change settings; agents answer on their Pages
    #[arg(long, value_enum)]
    role: Option<RoleName>,
    /// The Pages an agent sees from now on, instead of those before
    #[arg(long, value_name = "IDS", value_delimiter = ',', value_parser = page_id)]
    page: Option<Vec<PageId>>,
    /// The agent sees no Page
    #[arg(long, conflicts_with = "page")]
    no_page: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    Admin,
    Agent,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
            RoleName::Agent => Self::Agent,
        }
    }
}

fn email(text: &str) -> Result<String, String> {
    let text = text.trim();
    let plain = text.len() <= 254 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match text.split_once('@') {
        Some((name, host)) if plain && !name.is_empty() && !host.is_empty() && !host.contains('@') => Ok(text.to_owned()),
        _ => Err("an address is written like `anna@example.org`".into()),
    }
}

/// The first line of standard input.
pub(super) fn one_line(what: &str) -> Result<String, CliError> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(CliError::Stream)?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() { Err(CliError::Usage(format!("standard input holds nothing where {what} should be"))) } else { Ok(line.to_owned()) }
}

/// A password and its hash: from standard input, or a new one, which alone is printed.
struct Password {
    hash: String,
    made: Option<String>,
}

impl Password {
    fn get(from_stdin: bool) -> Result<Self, CliError> {
        let made = if from_stdin { None } else { Some(random::password()) };
        let text = made.clone().map_or_else(|| one_line("the password"), Ok)?;
        let hash = password::hash(&text).map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(Self { hash, made })
    }

    fn tell(self, global: &Global, email: &str, done: &str) -> Result<(), CliError> {
        let object = serde_json::json!({"email": email, "password": self.made});
        let text = match &self.made {
            Some(made) => format!("{email} {done}.\npassword  {made}\n\nThe password is shown only now."),
            None => format!("{email} {done}."),
        };
        Output::new(global.json).tell(&object, text)
    }
}

/// Does it.
pub async fn run(global: &Global, command: Command) -> Result<(), CliError> {
    let database = Database::find(global).await?;
    let done = act(global, &database, command).await;
    database.close().await?;
    done
}

async fn act(global: &Global, database: &Database, command: Command) -> Result<(), CliError> {
    let store = database.store();
    let output = Output::new(global.json);
    match command {
        Command::Add(add) => {
            let password = Password::get(add.password_stdin)?;
            let role = add.role.into();
            let hash = password.hash.clone();
            store.add_user(&NewUser { email: add.email.clone(), name: add.name, role, password_hash: hash, pages: add.page }).await?;
            password.tell(global, &add.email, "may log in")
        }
        Command::List => output.list(&store.user_listings().await?, ["EMAIL", "NAME", "ROLE", "PAGES", "STATE"], |user: &UserListing| {
            let pages = if user.role == "admin" { "all".into() } else { user.pages.join(",") };
            let state = if user.disabled { "disabled" } else { "active" };
            [user.email.clone(), user.name.clone(), user.role.clone(), pages, state.into()]
        }),
        Command::Set(set) => {
            let pages = if set.no_page { Some(Vec::new()) } else { set.page };
            let change = UserChange { name: set.name, role: set.role.map(Role::from), pages };
            if change == UserChange::default() {
                return Err(CliError::Usage("say what changes: --name, --role, --page or --no-page".into()));
            }
            store.change_user(&set.email, &change).await?;
            output.tell(&serde_json::json!({"email": set.email}), format!("{} is changed.", set.email))
        }
        Command::SetPassword { email, password_stdin } => {
            let password = Password::get(password_stdin)?;
            store.set_password(&email, &password.hash).await?;
            password.tell(global, &email, "has another password")
        }
        Command::Disable { email } => {
            store.switch_user(&email, true).await?;
            output.tell(&serde_json::json!({"email": email, "disabled": true}), format!("{email} may no longer log in."))
        }
        Command::Enable { email } => {
            store.switch_user(&email, false).await?;
            output.tell(&serde_json::json!({"email": email, "disabled": false}), format!("{email} may log in."))
        }
    }
}
