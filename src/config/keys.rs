//! Keys: 32 bytes each, given in the settings or kept in the data folder.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretBox};

use super::{ConfigError, Global, Listening, present};
use crate::crypto::random;

/// How a key is made.
pub const MAKE_A_KEY: &str = "Make a key with `openssl rand -hex 32` and keep it: what is sealed with one key opens with no other";

/// Fewest different bytes a random key of 32 has, but for one in 10^15.
const FEWEST_DIFFERENT: usize = 16;

/// The keys of a running Baton.
pub struct Keys {
    /// Seals Page tokens and app secrets.
    pub sealing: SecretBox<[u8; 32]>,
    /// Signs the cookies of logins.
    pub session: SecretBox<[u8; 32]>,
}

impl Keys {
    /// The keys from the settings, or else those kept in the data folder.
    ///
    /// # Errors
    /// [`ConfigError`] when one is missing, cannot be read or is weak.
    pub fn find(global: &Global, listening: &Listening) -> Result<Self, ConfigError> {
        Ok(Self { sealing: sealing_key(global)?, session: find(&SESSION, present(listening.session_key.as_ref()), &global.data_dir)? })
    }
}

/// One of the keys and where it comes from.
struct Kind {
    variable: &'static str,
    file: &'static str,
}

const SEALING: Kind = Kind { variable: "BATON_SEALING_KEY", file: "sealing.key" };
const SESSION: Kind = Kind { variable: "BATON_SESSION_KEY", file: "session.key" };

/// The sealing key from the settings, or else the one kept in the data folder.
///
/// # Errors
/// [`ConfigError`] when it is missing, cannot be read or is weak.
pub fn sealing_key(global: &Global) -> Result<SecretBox<[u8; 32]>, ConfigError> {
    find(&SEALING, present(global.sealing_key.as_ref()), &global.data_dir)
}

/// Makes the keys that neither the settings nor the data folder hold, and keeps them there, readable by this user alone. Only the demo does.
///
/// # Errors
/// [`ConfigError`] when a file cannot be written.
pub fn make_keys(global: &Global, listening: &Listening) -> Result<(), ConfigError> {
    for (kind, given) in [(SEALING, &global.sealing_key), (SESSION, &listening.session_key)] {
        let path = global.data_dir.join(kind.file);
        if present(given.as_ref()).is_none() && !path.exists() {
            write_new(&path).map_err(|error| ConfigError::File { path: path.display().to_string(), why: error.to_string() })?;
        }
    }
    Ok(())
}

/// Written beside its place first, so that no half-written key is ever found.
fn write_new(path: &Path) -> std::io::Result<()> {
    let draft = path.with_extension("key.new");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(file, "{}", random::hex::<32>())?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}

fn find(kind: &Kind, given: Option<&str>, data_dir: &Path) -> Result<SecretBox<[u8; 32]>, ConfigError> {
    if let Some(text) = given {
        return parse(text).map_err(|why| ConfigError::WeakKey { name: kind.variable.into(), why });
    }
    let path: PathBuf = data_dir.join(kind.file);
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(text.trim()).map_err(|why| ConfigError::WeakKey { name: path.display().to_string(), why }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(ConfigError::Missing { name: kind.variable, remedy: MAKE_A_KEY }),
        Err(error) => Err(ConfigError::File { path: path.display().to_string(), why: error.to_string() }),
    }
}

fn parse(text: &str) -> Result<SecretBox<[u8; 32]>, &'static str> {
    let base64 = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    let readings: Vec<Vec<u8>> = hex::decode(text).into_iter().chain(base64.iter().filter_map(|base64| base64.decode(text).ok())).collect();
    if readings.is_empty() {
        return Err("is neither hex nor base64");
    }
    let key: [u8; 32] = readings.into_iter().find_map(|bytes| bytes.try_into().ok()).ok_or("is not 32 bytes long")?;
    let key = SecretBox::new(Box::new(key));
    if different(key.expose_secret()) < FEWEST_DIFFERENT {
        return Err("is too easy to guess");
    }
    Ok(key)
}

fn different(key: &[u8; 32]) -> usize {
    key.iter().collect::<std::collections::BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    // openssl rand -out k 32; xxd -p -c 32 k; base64 k; base64 k | tr '+/' '-_' | tr -d =
    const HEX: &str = "d2c1f0fbd1e5a77e3ff09b0a5b0d8e4f6a27c6d90e43fa1b5c3f78e9b4d1002e";
    const BASE64: &str = "0sHw+9Hlp34/8JsKWw2OT2onxtkOQ/obXD946bTRAC4=";
    const URL_SAFE_BASE64: &str = "0sHw-9Hlp34_8JsKWw2OT2onxtkOQ_obXD946bTRAC4";

    #[test]
    fn reads_hex_and_base64_alike() {
        let expected = hex::decode(HEX).unwrap();
        for text in [HEX, &HEX.to_uppercase(), BASE64, BASE64.trim_end_matches('='), URL_SAFE_BASE64] {
            assert_eq!(parse(text).unwrap().expose_secret().as_slice(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_weak_keys() {
        for (text, why) in [
            ("", "is not 32 bytes long"),
            ("changeme", "is not 32 bytes long"),
            ("correct horse battery staple", "is neither hex nor base64"),
            (&HEX[2..], "is not 32 bytes long"),
            (&"00".repeat(32), "is too easy to guess"),
            (&"deadbeef".repeat(8), "is too easy to guess"),
        ] {
            assert_eq!(parse(text).err(), Some(why), "{text}");
        }
    }
}
