//! The settings file: its values become the defaults of the flags, so that flags and environment go before it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Command;

use super::ConfigError;

/// The settings file that is read if it is there and no other is named.
pub const FILE: &str = "baton.toml";

/// Settings that a file cannot hold: the name of the file itself, and what belongs to one call only.
const NOT_IN_A_FILE: [&str; 4] = ["config", "json", "help", "version"];

/// Reads the settings file named by `--config` or `BATON_CONFIG`, or else [`FILE`] if it is there, and puts its values into the command line
/// as defaults.
///
/// # Errors
/// [`ConfigError::File`] when a named file is missing or any file cannot be read, is no TOML, or holds an unknown setting.
pub fn apply_file(command: Command, arguments: &[OsString]) -> Result<Command, ConfigError> {
    let named = named_file(arguments).or_else(|| std::env::var_os("BATON_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from));
    let path = match named {
        Some(path) => path,
        None if Path::new(FILE).is_file() => PathBuf::from(FILE),
        None => return Ok(command),
    };
    let wrong = |why: String| ConfigError::File { path: path.display().to_string(), why };
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let mut values = Vec::new();
    flatten("", &table, &mut values).map_err(wrong)?;
    let mut command = command;
    for (name, value) in values {
        let id = name.replace('-', "_");
        if NOT_IN_A_FILE.contains(&id.as_str()) || !knows(&command, &id) {
            return Err(wrong(format!("there is no setting `{name}`")));
        }
        command = set(command, &id, &value);
    }
    Ok(command)
}

/// The file that `--config` names, looked up before the command line can be understood as a whole.
fn named_file(arguments: &[OsString]) -> Option<PathBuf> {
    let mut rest = arguments.iter().take_while(|argument| *argument != "--");
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--config" {
            return rest.next().map(PathBuf::from);
        }
        if let Some(path) = text.strip_prefix("--config=") {
            return Some(PathBuf::from(path));
        }
    }
    None
}

/// `[platform] app-id = 1` says the same as `platform-app-id = 1`.
fn flatten(prefix: &str, table: &toml::Table, into: &mut Vec<(String, String)>) -> Result<(), String> {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.replace('_', "-") } else { format!("{prefix}-{}", key.replace('_', "-")) };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, into)?,
            toml::Value::Array(items) => {
                let items: Result<Vec<String>, String> = items.iter().map(|item| scalar(&name, item)).collect();
                into.push((name, items?.join(",")));
            }
            single => into.push((name.clone(), scalar(&name, single)?)),
        }
    }
    Ok(())
}

fn scalar(name: &str, value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(flag) => Ok(flag.to_string()),
        _ => Err(format!("`{name}` must be a text, a number, true or false, or a list of them")),
    }
}

/// Only settings of the program as a whole and of its servers may stand in the file; what names a Page or an app belongs to one call.
fn servers(name: &str) -> bool {
    matches!(name, "serve" | "demo" | "doctor")
}

fn knows(command: &Command, id: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_id() == id)
        || command.get_subcommands().any(|inner| servers(inner.get_name()) && knows(inner, id))
}

fn set(command: Command, id: &str, value: &str) -> Command {
    if command.get_arguments().any(|argument| argument.get_id() == id) {
        return command.mut_arg(id, |argument| argument.default_value(value.to_owned()));
    }
    command.mut_subcommands(|inner| if servers(inner.get_name()) && knows(&inner, id) { set(inner, id, value) } else { inner })
}
