//! What the demo begins with. Ids, tokens and passwords are made once, kept in the data folder, and put into whatever database is used.

use std::path::Path;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::cli::{CliError, Database, default_fields, write_private};
use crate::crypto::seal::Sealer;
use crate::crypto::{password, random, token};
use crate::store::Store;
use crate::store::admin::{AdminError, AppKind, NewApp, NewPage, NewUser, PageChange};
use crate::wire::{AppId, Object, PageId};

/// File in the data folder.
const FILE: &str = "demo.seed.json";

/// What the demo begins with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seed {
    pub page_id: String,
    pub page_name: String,
    /// The Page's token on the sandbox.
    pub page_token: String,
    pub platform: Platform,
    pub apps: Vec<App>,
    pub agents: Vec<Agent>,
    pub people: Vec<Person>,
}

/// Baton's own app on the sandbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Platform {
    pub app_id: String,
    pub app_secret: String,
    pub verify_token: String,
}

/// An app on the Page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct App {
    pub name: String,
    pub kind: String,
    pub app_id: String,
    pub app_secret: String,
    pub verify_token: String,
    pub page_token: String,
    pub default: bool,
}

/// Somebody who logs in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Agent {
    pub email: String,
    pub name: String,
    pub password: String,
    pub role: String,
}

/// A customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Person {
    pub name: String,
    pub psid: String,
}

impl Seed {
    /// What was kept, or a new one.
    pub fn load(data_dir: &Path) -> Result<Self, CliError> {
        let path = data_dir.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|error| CliError::Demo(format!("{}: {error}. Remove the file to have a new one made", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::new()),
            Err(error) => Err(CliError::file(&path)(error)),
        }
    }

    fn new() -> Self {
        Self {
            page_id: "1065520000417001".into(),
            page_name: "Harbour Coffee".into(),
            page_token: format!("EAA{}", random::hex::<32>()),
            platform: Platform { app_id: random::app_id(), app_secret: random::hex::<16>(), verify_token: random::hex::<16>() },
            apps: vec![App::new("Harbour Bot", AppKind::Bot, true), App::new("Inbox", AppKind::Inbox, false)],
            agents: vec![
                Agent::new("Anna Lindqvist", "anna", Role::Agent),
                Agent::new("Ben Okafor", "ben", Role::Agent),
                Agent::new("Clara Meyer", "clara", Role::Admin),
            ],
            people: ["Mia Berger", "Tomás Rivera", "Jules Martin"].map(|name| Person { name: name.into(), psid: random::app_id() }).into(),
        }
    }

    /// Puts everything into the database that is not there yet, and keeps the seed. What an admin has changed since is left as it is.
    pub async fn plant(mut self, database: &Database, sealer: &Sealer, data_dir: &Path) -> Result<Self, CliError> {
        let store = database.store();
        let page = PageId::parse(&self.page_id).map_err(broken)?;
        self.adopt(store, &page).await?;
        let path = data_dir.join(FILE);
        let text = serde_json::to_string_pretty(&self).map_err(broken)?;
        write_private(&path, &text).map_err(CliError::file(&path))?;
        self.plant_page(store, sealer, &page).await?;
        for app in &self.apps {
            app.plant(store, sealer, &page).await?;
        }
        for agent in &self.agents {
            agent.plant(store, &page).await?;
        }
        Ok(self)
    }

    /// A database may know the demo from another data folder: its bot and its inbox stay the same apps, since a Page has one inbox.
    async fn adopt(&mut self, store: &Store, page: &PageId) -> Result<(), CliError> {
        let there = store.app_listings(Some(page)).await?;
        for app in &mut self.apps {
            if !there.iter().any(|other| other.app_id == app.app_id)
                && let Some(same) = there.iter().find(|other| other.kind == app.kind && other.kind != AppKind::Webhook.as_str())
            {
                app.app_id.clone_from(&same.app_id);
            }
        }
        Ok(())
    }

    async fn plant_page(&self, store: &Store, sealer: &Sealer, page: &PageId) -> Result<(), CliError> {
        let token_sealed = Some(sealer.seal(&format!("pages.token.{page}"), self.page_token.as_bytes()).map_err(broken)?);
        let new = NewPage {
            page: page.clone(),
            object: Object::Page,
            name: self.page_name.clone(),
            linked_page: None,
            token_sealed: token_sealed.clone(),
        };
        match store.add_page(&new).await {
            Err(AdminError::PageExists(_)) => Ok(store.change_page(page, &PageChange { token_sealed, ..PageChange::default() }).await?),
            done => Ok(done?),
        }
    }
}

fn broken(error: impl ToString) -> CliError {
    CliError::Demo(error.to_string())
}

impl App {
    fn new(name: &str, kind: AppKind, default: bool) -> Self {
        Self {
            name: name.into(),
            kind: kind.as_str().into(),
            app_id: random::app_id(),
            app_secret: random::hex::<16>(),
            verify_token: random::hex::<16>(),
            page_token: token::issue(token::PAGE_TOKEN).0,
            default,
        }
    }

    async fn plant(&self, store: &Store, sealer: &Sealer, page: &PageId) -> Result<(), CliError> {
        let app = AppId::parse(&self.app_id).map_err(broken)?;
        let secret_sealed = sealer.seal(&format!("apps.secret.{app}"), self.app_secret.as_bytes()).map_err(broken)?;
        let token_hash = token::hash(&self.page_token);
        let kind = if self.kind == AppKind::Inbox.as_str() { AppKind::Inbox } else { AppKind::Bot };
        let new = NewApp {
            page: page.clone(),
            app: app.clone(),
            name: self.name.clone(),
            kind,
            secret_sealed: secret_sealed.clone(),
            verify_token: self.verify_token.clone(),
            token_hash,
            callback_url: None,
            fields: default_fields(Object::Page),
            may_take: kind == AppKind::Inbox,
            human: kind == AppKind::Inbox,
            batch: 1,
            default: self.default,
        };
        match store.add_app(&new).await {
            Err(AdminError::AppExists(_)) => match store.renew_app(page, &app, &secret_sealed, &self.verify_token).await {
                // Taken off the Page by an admin, and so it stays.
                Err(AdminError::UnknownApp { .. }) => Ok(()),
                done => {
                    done?;
                    Ok(store.add_app_token(page, &app, &token_hash, false).await?)
                }
            },
            done => Ok(done?),
        }
    }
}

impl Agent {
    fn new(name: &str, mailbox: &str, role: Role) -> Self {
        let role = match role {
            Role::Admin => "admin",
            Role::Agent => "agent",
        };
        Self { email: format!("{mailbox}@harbour.example"), name: name.into(), password: random::password(), role: role.into() }
    }

    /// The password kept here counts: it is set again where the database has another.
    async fn plant(&self, store: &Store, page: &PageId) -> Result<(), CliError> {
        let (text, kept) =
            (SecretString::from(self.password.as_str()), store.credentials(&self.email).await?.map(|there| there.password_hash));
        let hash = tokio::task::spawn_blocking(move || hash_unless_kept(&text, kept.as_deref())).await.map_err(broken)??;
        let Some(hash) = hash else { return Ok(()) };
        let role = if self.role == "admin" { Role::Admin } else { Role::Agent };
        let pages = if role == Role::Admin { Vec::new() } else { vec![page.clone()] };
        let new = NewUser { email: self.email.clone(), name: self.name.clone(), role, password_hash: hash.clone(), pages };
        match store.add_user(&new).await {
            Err(AdminError::UserExists(_)) => Ok(store.set_password(&self.email, &hash).await?),
            done => Ok(done.map(drop)?),
        }
    }
}

/// A hash of the password, unless the one kept fits it already.
fn hash_unless_kept(password: &SecretString, kept: Option<&str>) -> Result<Option<String>, CliError> {
    use secrecy::ExposeSecret;
    let text = password.expose_secret();
    if kept.is_some_and(|kept| password::verify(text, kept)) { Ok(None) } else { password::hash(text).map(Some).map_err(broken) }
}
