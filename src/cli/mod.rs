//! The command line: what `baton` is asked, and how it answers. Exit codes: 0 done, 1 failed, 2 asked wrongly.

mod app;
mod database;
mod doctor;
mod error;
mod files;
mod output;
mod page;
mod serve;
mod signals;
mod user;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use app::default_fields;
pub use database::Database;
pub use error::CliError;
pub use files::{remove, write_private};
pub use output::Output;
pub use serve::{Instance, open};
pub use signals::Signals;

use crate::config::{self, Global, Settings};
use crate::{demo, telemetry};

/// Lets bots, people and other apps share one Facebook Page or Instagram account
#[derive(Debug, Parser)]
#[command(name = "baton", version, about, propagate_version = true, infer_subcommands = false)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What Baton can do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run Baton
    Serve(Box<Settings>),
    /// Run Baton with a Page to try out, on a platform in a box
    Demo(Box<demo::Options>),
    /// Bring the database's schema up to date
    Migrate,
    /// Look for what is wrong, and say what to do
    Doctor(Box<Settings>),
    /// Pages and their rules
    #[command(subcommand)]
    Page(page::Command),
    /// Apps on Pages
    #[command(subcommand)]
    App(app::Command),
    /// People who log in
    #[command(subcommand)]
    User(user::Command),
}

/// Does what the arguments say. The first of them is the program's name.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let json = arguments.iter().any(|argument| argument == "--json");
    let done = match parse(arguments) {
        Ok(arguments) => execute(arguments),
        Err(Refused::Usage(error)) => {
            // Help and version are answers, not failures; clap knows which goes where.
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            return if error.print().is_ok() { ExitCode::from(code) } else { ExitCode::FAILURE };
        }
        Err(Refused::Config(error)) => Err(error.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Output::new(json).complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

enum Refused {
    Usage(clap::Error),
    Config(config::ConfigError),
}

fn parse(arguments: Vec<OsString>) -> Result<Arguments, Refused> {
    let command = config::apply_file(Arguments::command(), &arguments).map_err(Refused::Config)?;
    command.try_get_matches_from(arguments).and_then(|matches| Arguments::from_arg_matches(&matches)).map_err(Refused::Usage)
}

fn execute(arguments: Arguments) -> Result<(), CliError> {
    let Arguments { global, command } = arguments;
    telemetry::start_logs(filter(&global, &command), global.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    runtime.block_on(async {
        match command {
            Command::Serve(settings) => serve::serve(global, *settings).await,
            Command::Demo(options) => demo::run(global, *options).await,
            Command::Migrate => migrate(&global).await,
            Command::Doctor(settings) => doctor::run(&global, &settings).await,
            Command::Page(command) => page::run(&global, command).await,
            Command::App(command) => app::run(&global, command).await,
            Command::User(command) => user::run(&global, command).await,
        }
    })
}

/// The short commands answer on standard output; their logs would only be in the way, unless something is wrong.
fn filter<'a>(global: &'a Global, command: &Command) -> &'a str {
    let server = matches!(command, Command::Serve(_) | Command::Demo(_));
    if server || global.log != config::DEFAULT_LOG { &global.log } else { "warn" }
}

async fn migrate(global: &Global) -> Result<(), CliError> {
    let database = Database::make(global).await?;
    let done = database.store().migrate().await;
    database.close().await?;
    done?;
    Output::new(global.json).tell(&serde_json::json!({"migrated": true}), "The database is up to date.")
}
