//! What can be set about this face.

use secrecy::{ExposeSecret, SecretSlice};
use url::Url;

use crate::crypto::password::PasswordError;

/// The settings of the pages for people.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where browsers reach Baton. `https` makes the cookie secure; forms must come from here or from the host that was asked.
    pub public_url: Url,
    /// Signs the cookies. At least 32 random bytes, the same in every process of one database.
    pub key: SecretSlice<u8>,
    /// How many proxies stand in front and append to `X-Forwarded-For`. Default 0: the peer's own address counts.
    pub proxies: usize,
    /// How long a login lasts, in seconds. Default 12 hours: a working day.
    pub login_seconds: i64,
    /// Logins that may be tried per account from one address in a quarter of an hour. Default 10.
    pub tries_per_account: u32,
    /// The same from all addresses together. Default 100.
    pub tries_per_account_everywhere: u32,
    /// Logins that may be tried per address in a quarter of an hour. Default 60: several agents may share one.
    pub tries_per_address: u32,
}

impl Settings {
    /// The defaults, for this address and key.
    #[must_use]
    pub fn new(public_url: Url, key: Vec<u8>) -> Self {
        Self {
            public_url,
            key: key.into(),
            proxies: 0,
            login_seconds: 12 * 3600,
            tries_per_account: 10,
            tries_per_account_everywhere: 100,
            tries_per_address: 60,
        }
    }

    /// Cookies may only travel encrypted.
    pub(super) fn secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    pub(super) fn key_bytes(&self) -> &[u8] {
        self.key.expose_secret()
    }
}

/// Why the face cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The stand-in for unknown users' passwords.
    #[error("no password could be hashed: {0}")]
    Password(#[from] PasswordError),
}
