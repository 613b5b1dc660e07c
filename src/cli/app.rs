//! `baton app`.

use clap::{Args, Subcommand, ValueEnum};
use secrecy::ExposeSecret;
use serde::Serialize;
use url::Url;

use super::page::{app_id, page_id};
use super::{CliError, Database, Output};
use crate::config::{Global, sealing_key};
use crate::crypto::seal::Sealer;
use crate::crypto::{random, token};
use crate::store::admin::{AppChange, AppKind, AppListing, NewApp, PageChange};
use crate::wire::{AppId, Object, PageId};

/// The fields an app hears on a Messenger Page when none are named.
const FIELDS: [&str; 6] = ["messages", "messaging_postbacks", "messaging_optins", "messaging_referrals", "messaging_handovers", "standby"];

/// The same on an Instagram account, where some have other names.
const FIELDS_INSTAGRAM: [&str; 5] = ["messages", "messaging_postbacks", "messaging_referral", "messaging_handover", "standby"];

/// What can be done with apps.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add an app to a Page and print its secrets, once; running instances follow at once
    Add(Box<Add>),
    /// List the apps
    List {
        /// Only of this Page
        #[arg(long, value_name = "ID", value_parser = page_id)]
        page: Option<PageId>,
    },
    /// Change an app on a Page
    Set(Set),
    /// Issue a further token for a Page to an app, and print it, once
    Token {
        #[command(flatten)]
        which: Which,
        /// End the tokens before
        #[arg(long)]
        revoke_others: bool,
    },
    /// Give an app another secret and another verify token, and print both, once: the former ones count no longer
    Secret(Which),
    /// Switch an app on a Page off: it counts as absent until it is enabled
    Disable(Which),
    /// Switch an app on a Page on again
    Enable(Which),
    /// Take an app off a Page for good: its tokens end, and what it held is let go
    Remove(Which),
}

/// An app on a Page.
#[derive(Debug, Args)]
pub struct Which {
    /// Id of the Page
    #[arg(long, value_name = "ID", value_parser = page_id)]
    page: PageId,
    /// Id of the app
    #[arg(long, value_name = "ID", value_parser = app_id)]
    app: AppId,
}

/// `baton app add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Id of the Page
    #[arg(long, value_name = "ID", value_parser = page_id)]
    page: PageId,
    /// What people call it
    #[arg(long)]
    name: String,
    /// What stands behind it
    #[arg(long, value_enum, default_value = "webhook")]
    kind: Kind,
    /// Where its webhooks go; it may set that itself later
    #[arg(long, value_name = "URL")]
    callback_url: Option<Url>,
    /// What it must hear when its callback is verified; made up if absent
    #[arg(long, value_name = "TOKEN")]
    verify_token: Option<String>,
    /// It answers first
    #[arg(long)]
    default: bool,
    /// It may take control from others
    #[arg(long)]
    may_take: bool,
    /// People write through it: it may use the human-agent tag
    #[arg(long)]
    human: bool,
    /// Webhook fields it hears, as in `messages,standby`
    #[arg(long, value_delimiter = ',', value_parser = field)]
    fields: Vec<String>,
    /// Most events one POST to it may carry; many SDKs read only the first
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=1000))]
    batch: i32,
}

/// What stands behind an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A program that takes webhooks
    Webhook,
    /// The built-in bot
    Bot,
    /// The inbox for people
    Inbox,
}

impl From<Kind> for AppKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Webhook => Self::Webhook,
            Kind::Bot => Self::Bot,
            Kind::Inbox => Self::Inbox,
        }
    }
}

/// `baton app set`.
#[derive(Debug, Args)]
pub struct Set {
    #[command(flatten)]
    which: Which,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Where its webhooks go
    #[arg(long, value_name = "URL")]
    callback_url: Option<Url>,
    /// Let it answer first
    #[arg(long)]
    default: bool,
    /// Whether it may take control from others
    #[arg(long, value_name = "BOOL")]
    may_take: Option<bool>,
    /// Whether people write through it
    #[arg(long, value_name = "BOOL")]
    human: Option<bool>,
    /// Webhook fields it hears; new ones count from now
    #[arg(long, value_delimiter = ',', value_parser = field)]
    fields: Option<Vec<String>>,
    /// Most events one POST to it may carry
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=1000))]
    batch: Option<i32>,
}

/// What is printed once about a new app.
#[derive(Debug, Serialize)]
struct Added<'a> {
    page_id: &'a PageId,
    app_id: &'a AppId,
    name: &'a str,
    kind: AppKind,
    app_secret: &'a str,
    verify_token: &'a str,
    page_token: &'a str,
    callback_url: Option<&'a str>,
    fields: &'a [String],
    default: bool,
    may_take: bool,
}

/// A name of a webhook field: lower-case letters and underscores.
fn field(text: &str) -> Result<String, String> {
    let text = text.trim();
    let plain = !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if plain { Ok(text.to_owned()) } else { Err("a webhook field is written like `messaging_postbacks`".into()) }
}

/// Does it.
pub async fn run(global: &Global, command: Command) -> Result<(), CliError> {
    if let Command::Add(add) = &command {
        add.check()?;
    }
    let database = Database::find(global).await?;
    let done = act(global, &database, command).await;
    database.close().await?;
    done
}

async fn act(global: &Global, database: &Database, command: Command) -> Result<(), CliError> {
    let store = database.store();
    match command {
        Command::Add(add) => add.run(global, database).await,
        Command::List { page } => list(global, database, page.as_ref()).await,
        Command::Set(set) => set.run(global, database).await,
        Command::Token { which: Which { page, app }, revoke_others } => {
            let (page_token, hash) = token::issue(token::PAGE_TOKEN);
            store.add_app_token(&page, &app, &hash, revoke_others).await?;
            Output::new(global.json).tell(&serde_json::json!({"page_id": page, "app_id": app, "page_token": page_token}), &page_token)
        }
        Command::Secret(which) => which.renew(global, database).await,
        Command::Disable(which) => {
            store.switch_app(&which.page, &which.app, Some("by an admin")).await?;
            which.tell(global, "switched off")
        }
        Command::Enable(which) => {
            store.switch_app(&which.page, &which.app, None).await?;
            which.tell(global, "switched on")
        }
        Command::Remove(which) => {
            store.remove_app(&which.page, &which.app).await?;
            which.tell(global, "taken off the Page")
        }
    }
}

impl Which {
    async fn renew(&self, global: &Global, database: &Database) -> Result<(), CliError> {
        let (secret, verify_token) = (random::hex::<16>(), random::hex::<16>());
        let sealed = seal(global, &self.app, &secret)?;
        database.store().renew_app(&self.page, &self.app, &sealed, &verify_token).await?;
        let object = serde_json::json!({"page_id": self.page, "app_id": self.app, "app_secret": secret, "verify_token": verify_token});
        Output::new(global.json).tell(&object, format!("app secret    {secret}\nverify token  {verify_token}\n\nBoth are shown only now."))
    }

    fn tell(&self, global: &Global, done: &str) -> Result<(), CliError> {
        let object = serde_json::json!({"page_id": self.page, "app_id": self.app, "done": done});
        Output::new(global.json).tell(&object, format!("The app {} is {done}.", self.app))
    }
}

fn callable(url: &Url) -> Result<(), CliError> {
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(())
    } else {
        Err(CliError::Usage(format!("`{url}` is no http address")))
    }
}

fn seal(global: &Global, app: &AppId, secret: &str) -> Result<Vec<u8>, CliError> {
    let sealer = Sealer::new(sealing_key(global)?.expose_secret());
    sealer.seal(&format!("apps.secret.{app}"), secret.as_bytes()).map_err(|error| CliError::Usage(error.to_string()))
}

impl Add {
    fn check(&self) -> Result<(), CliError> {
        if let Some(url) = &self.callback_url {
            callable(url)?;
            if self.kind != Kind::Webhook {
                return Err(CliError::Usage("only apps of kind webhook have a callback".into()));
            }
        }
        if self.name.trim().is_empty() {
            return Err(CliError::Usage("an app needs a name".into()));
        }
        Ok(())
    }

    async fn run(self, global: &Global, database: &Database) -> Result<(), CliError> {
        let app = app_id(&random::app_id()).map_err(CliError::Usage)?;
        let secret = random::hex::<16>();
        let (page_token, token_hash) = token::issue(token::PAGE_TOKEN);
        let sealed = seal(global, &app, &secret)?;
        let new = NewApp {
            fields: if self.fields.is_empty() { fields_on(database, &self.page).await? } else { self.fields },
            verify_token: self.verify_token.unwrap_or_else(random::hex::<16>),
            callback_url: self.callback_url.map(String::from),
            page: self.page,
            app,
            name: self.name,
            kind: self.kind.into(),
            secret_sealed: sealed,
            token_hash,
            may_take: self.may_take,
            human: self.human,
            batch: self.batch,
            default: self.default,
        };
        database.store().add_app(&new).await?;
        let added = Added {
            page_id: &new.page,
            app_id: &new.app,
            name: &new.name,
            kind: new.kind,
            app_secret: &secret,
            verify_token: &new.verify_token,
            page_token: &page_token,
            callback_url: new.callback_url.as_deref(),
            fields: &new.fields,
            default: new.default,
            may_take: new.may_take,
        };
        let text = format!(
            "app_id        {}\napp_secret    {secret}\nverify_token  {}\npage_token    {page_token}\n\nThe secret and the token are shown only now.",
            new.app, new.verify_token
        );
        Output::new(global.json).tell(&added, text)
    }
}

/// What an app hears that does not say what it wants.
#[must_use]
pub fn default_fields(object: Object) -> Vec<String> {
    let fields: &[&str] = match object {
        Object::Page => &FIELDS,
        Object::Instagram => &FIELDS_INSTAGRAM,
    };
    fields.iter().map(ToString::to_string).collect()
}

async fn fields_on(database: &Database, page: &PageId) -> Result<Vec<String>, CliError> {
    let page = database.store().page_listings(Some(page)).await?.pop();
    Ok(default_fields(page.and_then(|page| Object::parse(&page.object)).unwrap_or(Object::Page)))
}

impl Set {
    async fn run(self, global: &Global, database: &Database) -> Result<(), CliError> {
        if let Some(url) = &self.callback_url {
            callable(url)?;
        }
        let Which { page, app } = &self.which;
        let change = AppChange {
            name: self.name,
            callback_url: self.callback_url.map(String::from),
            fields: self.fields,
            may_take: self.may_take,
            human: self.human,
            batch: self.batch,
        };
        database.store().change_app(page, app, &change).await?;
        if self.default {
            let change = PageChange { default_app: Some(Some(app.clone())), ..PageChange::default() };
            database.store().change_page(page, &change).await?;
        }
        list(global, database, Some(page)).await
    }
}

async fn list(global: &Global, database: &Database, page: Option<&PageId>) -> Result<(), CliError> {
    let apps = database.store().app_listings(page).await?;
    Output::new(global.json).list(&apps, ["PAGE", "APP", "KIND", "NAME", "STATE", "BEHIND", "CALLBACK"], |app| {
        [
            app.page_id.clone(),
            app.app_id.clone(),
            app.kind.clone(),
            app.name.clone(),
            state(app),
            app.behind.map_or_else(|| "-".into(), |behind| behind.to_string()),
            app.callback_url.clone().unwrap_or_else(|| "-".into()),
        ]
    })
}

fn state(app: &AppListing) -> String {
    let health = match (&app.disabled, app.down) {
        (Some(reason), _) => format!("off: {reason}"),
        (None, true) => "down".into(),
        (None, false) => "up".into(),
    };
    let roles = [(app.default, "default"), (app.may_take, "may take")];
    std::iter::once(health).chain(roles.iter().filter(|(is, _)| *is).map(|(_, name)| (*name).to_owned())).collect::<Vec<_>>().join(", ")
}
