//! The programs of PostgreSQL on this machine.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::PostgresError;
use super::account::Account;
use super::place::Place;

/// Where Debian and its like keep each major version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Where others keep the one they have.
const ELSEWHERE: [&str; 3] = ["/usr/bin", "/usr/local/pgsql/bin", "/usr/libexec/postgresql"];

/// A folder that holds `initdb` and `pg_ctl` of one version.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs for this place: of the version that made its data, or else the newest.
    pub fn find(place: &Place) -> Result<Self, PostgresError> {
        let mut folders = newest_first(Path::new(VERSIONS));
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        folders.extend(ELSEWHERE.map(PathBuf::from));
        folders.retain(|folder| folder.is_absolute() && ["initdb", "pg_ctl"].iter().all(|program| folder.join(program).is_file()));
        let newest = folders.first().cloned().ok_or(PostgresError::Missing)?;
        let Some(made_by) = place.made_by() else { return Ok(Self { folder: newest }) };
        match folders.into_iter().find(|folder| version(folder).as_deref() == Some(&made_by)) {
            Some(folder) => Ok(Self { folder }),
            None => Err(PostgresError::OtherVersion { path: place.home().to_path_buf(), made_by }),
        }
    }

    /// Runs one to its end, as the user that owns the cluster.
    pub fn run(
        &self,
        program: &'static str,
        account: &Account,
        arguments: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<(), PostgresError> {
        let path = self.folder.join(program);
        let mut command = Command::new(&path);
        // A group of its own: Ctrl-C in the terminal is for Baton, which stops the cluster when nothing needs it any more.
        command.stdin(Stdio::null()).current_dir("/").process_group(0).env("LC_ALL", "C.UTF-8");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        if account.other {
            command.uid(account.uid).gid(account.gid);
        }
        let output = arguments(&mut command).output().map_err(PostgresError::file(&path))?;
        if output.status.success() {
            return Ok(());
        }
        let said = if output.stderr.is_empty() { output.stdout } else { output.stderr };
        Err(PostgresError::Failed { program, said: String::from_utf8_lossy(&said).trim().to_owned() })
    }
}

/// The `bin` folders of `<root>/<major version>/bin`, newest first.
fn newest_first(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let mut versions: Vec<u32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

/// The major version of the programs in a folder: `pg_ctl (PostgreSQL) 15.18 (Debian …)`.
fn version(folder: &Path) -> Option<String> {
    let output = Command::new(folder.join("pg_ctl")).arg("--version").output().ok()?;
    major(&String::from_utf8(output.stdout).ok()?)
}

fn major(told: &str) -> Option<String> {
    let number = told.split_once("(PostgreSQL) ")?.1;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_as_pg_ctl_tells_them() {
        assert_eq!(major("pg_ctl (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n").as_deref(), Some("15"));
        assert_eq!(major("pg_ctl (PostgreSQL) 18beta2\n").as_deref(), Some("18"));
        assert_eq!(major("something else"), None);
    }
}
