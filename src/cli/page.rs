//! `baton page`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

use super::{CliError, Database, Output};
use crate::config::{Global, parse_duration, sealing_key};
use crate::control::AtDeadline;
use crate::crypto::seal::Sealer;
use crate::store::admin::{NewPage, PageChange, PageListing};
use crate::wire::{AppId, Object, PageId};

/// What can be done with Pages.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Connect a Page or an Instagram account
    Add(Add),
    /// List the Pages
    List,
    /// Show a Page and its rules
    Show {
        /// Id of the Page
        #[arg(long, value_name = "ID", value_parser = page_id)]
        page: PageId,
    },
    /// Change a Page or its rules; running instances follow at once
    Set(Box<Set>),
}

/// `baton page add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Its id on the platform
    #[arg(long, value_name = "ID", value_parser = page_id)]
    page: PageId,
    /// What people call it
    #[arg(long)]
    name: String,
    /// Messenger or Instagram
    #[arg(long, value_enum, default_value = "page")]
    object: Kind,
    /// For an Instagram account: the Page it is linked to
    #[arg(long, value_name = "ID", value_parser = page_id)]
    linked_page: Option<PageId>,
    #[command(flatten)]
    token: FirstToken,
}

/// `baton page set`.
#[derive(Debug, Args)]
pub struct Set {
    /// Id of the Page
    #[arg(long, value_name = "ID", value_parser = page_id)]
    page: PageId,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// For an Instagram account: the Page it is linked to
    #[arg(long, value_name = "ID", value_parser = page_id)]
    linked_page: Option<PageId>,
    #[command(flatten)]
    token: Token,
    /// The app that answers first, or `none`
    #[arg(long, value_name = "APP", value_parser = app_or_none)]
    default_app: Option<OrNone>,
    /// The app that answers while the default app is away, or `none`
    #[arg(long, value_name = "APP", value_parser = app_or_none)]
    fallback_app: Option<OrNone>,
    /// Apps beside Baton on the platform to which control may be passed; empty for none
    #[arg(long, value_name = "APPS")]
    external_apps: Option<String>,
    /// Apps beside Baton on the platform whose messages never count as taking control; empty for none
    #[arg(long, value_name = "APPS")]
    automation_apps: Option<String>,
    /// How long control lasts after the person's last message, as in `24h`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lease: Option<Duration>,
    /// How long an owner has to answer a request for control, as in `30s`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    request_deadline: Option<Duration>,
    /// What becomes of the request then
    #[arg(long, value_enum)]
    at_deadline: Option<Policy>,
    /// How long an app beside Baton that simply wrote counts as the owner, as in `1h`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    implied: Option<Duration>,
}

/// A new Page's own token: from standard input or the environment, so that it shows in no list of processes.
#[derive(Debug, Args)]
struct FirstToken {
    /// The Page's token on the platform; better from the environment
    #[arg(long, env = "BATON_PAGE_TOKEN", hide_env_values = true, conflicts_with = "token_stdin")]
    token: Option<SecretString>,
    /// Read the Page's token from standard input
    #[arg(long)]
    token_stdin: bool,
}

/// Another token of a Page. Never from the environment, where another Page's may be left.
#[derive(Debug, Args)]
struct Token {
    /// The Page's token on the platform; better from standard input
    #[arg(long, conflicts_with = "token_stdin")]
    token: Option<SecretString>,
    /// Read the Page's token from standard input
    #[arg(long)]
    token_stdin: bool,
}

impl From<FirstToken> for Token {
    fn from(FirstToken { token, token_stdin }: FirstToken) -> Self {
        Self { token, token_stdin }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Page,
    Instagram,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Policy {
    Grant,
    Lapse,
}

/// An app, or `none`.
#[derive(Debug, Clone)]
struct OrNone(Option<AppId>);

/// Reads an id of a Page.
pub(super) fn page_id(text: &str) -> Result<PageId, String> {
    PageId::parse(text).map_err(|error| error.to_string())
}

/// Reads an id of an app.
pub(super) fn app_id(text: &str) -> Result<AppId, String> {
    AppId::parse(text).map_err(|error| error.to_string())
}

fn app_or_none(text: &str) -> Result<OrNone, String> {
    if text == "none" { Ok(OrNone(None)) } else { app_id(text).map(|app| OrNone(Some(app))) }
}

fn app_list(text: &str) -> Result<Vec<AppId>, CliError> {
    text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(|id| app_id(id).map_err(CliError::Usage)).collect()
}

fn millis(time: Duration, option: &str) -> Result<i64, CliError> {
    i64::try_from(time.as_millis()).map_err(|_| CliError::Usage(format!("--{option} is too long")))
}

/// Does it.
pub async fn run(global: &Global, command: Command) -> Result<(), CliError> {
    let database = Database::find(global).await?;
    let done = act(global, &database, command).await;
    database.close().await?;
    done
}

async fn act(global: &Global, database: &Database, command: Command) -> Result<(), CliError> {
    let output = Output::new(global.json);
    match command {
        Command::Add(add) => {
            let token_sealed = Token::from(add.token).seal(global, &add.page)?;
            let object = match add.object {
                Kind::Page => Object::Page,
                Kind::Instagram => Object::Instagram,
            };
            let hint =
                if token_sealed.is_none() { " It has no token yet, so nothing can be sent: `baton page set --token-stdin`." } else { "" };
            let page = add.page;
            database
                .store()
                .add_page(&NewPage { page: page.clone(), object, name: add.name, linked_page: add.linked_page, token_sealed })
                .await?;
            let shown = find(database, &page).await?;
            output.tell(&shown, format!("The Page {page} is connected.{hint}"))
        }
        Command::List => {
            let pages = database.store().page_listings(None).await?;
            let row = |page: &PageListing| {
                let token = if page.has_token { "yes" } else { "missing" };
                [
                    page.page_id.clone(),
                    page.object.clone(),
                    page.name.clone(),
                    page.default_app.clone().unwrap_or_else(|| "none".into()),
                    token.into(),
                ]
            };
            output.list(&pages, ["PAGE", "OBJECT", "NAME", "DEFAULT APP", "TOKEN"], row)
        }
        Command::Show { page } => {
            let page = find(database, &page).await?;
            output.tell(&page, describe(&page))
        }
        Command::Set(set) => {
            let page = set.page.clone();
            let change = set.change(global)?;
            database.store().change_page(&page, &change).await?;
            let shown = find(database, &page).await?;
            output.tell(&shown, describe(&shown))
        }
    }
}

async fn find(database: &Database, page: &PageId) -> Result<PageListing, CliError> {
    let found = database.store().page_listings(Some(page)).await?.pop();
    found.ok_or_else(|| CliError::from(crate::store::admin::AdminError::UnknownPage(page.clone())))
}

impl Token {
    fn seal(&self, global: &Global, page: &PageId) -> Result<Option<Vec<u8>>, CliError> {
        let token =
            if self.token_stdin { Some(SecretString::from(super::user::one_line("the Page's token")?)) } else { self.token.clone() };
        let Some(token) = token.filter(|token| !token.expose_secret().trim().is_empty()) else { return Ok(None) };
        let sealer = Sealer::new(sealing_key(global)?.expose_secret());
        let sealed = sealer.seal(&format!("pages.token.{page}"), token.expose_secret().trim().as_bytes());
        sealed.map(Some).map_err(|error| CliError::Usage(error.to_string()))
    }
}

impl Set {
    fn change(self, global: &Global) -> Result<PageChange, CliError> {
        Ok(PageChange {
            token_sealed: self.token.seal(global, &self.page)?,
            name: self.name,
            linked_page: self.linked_page,
            default_app: self.default_app.map(|app| app.0),
            fallback_app: self.fallback_app.map(|app| app.0),
            external_apps: self.external_apps.as_deref().map(app_list).transpose()?,
            automation_apps: self.automation_apps.as_deref().map(app_list).transpose()?,
            lease_ms: self.lease.map(|time| millis(time, "lease")).transpose()?,
            request_deadline_ms: self.request_deadline.map(|time| millis(time, "request-deadline")).transpose()?,
            at_deadline: self.at_deadline.map(|policy| match policy {
                Policy::Grant => AtDeadline::Grant,
                Policy::Lapse => AtDeadline::Lapse,
            }),
            implied_ms: self.implied.map(|time| millis(time, "implied")).transpose()?,
        })
    }
}

fn describe(page: &PageListing) -> String {
    let none = || "none".to_owned();
    let list = |apps: &[String]| if apps.is_empty() { none() } else { apps.join(", ") };
    let seconds = |millis: i64| format!("{} s", millis / 1000);
    [
        ("Page", format!("{} ({}, {})", page.name, page.page_id, page.object)),
        ("Token", if page.has_token { "there".into() } else { "missing: nothing can be sent".into() }),
        ("Webhooks", if page.subscribed { "subscribed" } else { "not subscribed: `baton serve` does it once there is a token" }.into()),
        ("Default app", page.default_app.clone().unwrap_or_else(none)),
        ("Fallback app", page.fallback_app.clone().unwrap_or_else(none)),
        ("External apps", list(&page.external_apps)),
        ("Automation apps", list(&page.automation_apps)),
        ("Lease", seconds(page.lease_ms)),
        ("Requests", format!("{} after {}", page.at_deadline, seconds(page.request_deadline_ms))),
        ("Implied control", seconds(page.implied_ms)),
        ("Log", format!("{} entries", page.last_position)),
    ]
    .map(|(name, value)| format!("{name:<16} {value}"))
    .join("\n")
}
