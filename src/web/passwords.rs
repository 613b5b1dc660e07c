//! Checking passwords: slow by design, so few at a time, away from the threads that serve pages.

use tokio::sync::Semaphore;

use crate::crypto::{password, random};

/// How many passwords are checked at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;

/// The gate before password checks.
pub struct Passwords {
    gate: Semaphore,
    // What the password of somebody unknown is checked against, so that the answer takes as long.
    nobody: String,
}

impl Passwords {
    pub fn new() -> Result<Self, password::PasswordError> {
        Ok(Self { gate: Semaphore::new(AT_ONCE), nobody: password::hash(&random::hex::<16>())? })
    }

    /// Whether the password fits the hash. Without a hash the same work is done and the answer is no.
    pub async fn fits(&self, given: String, hash: Option<String>) -> bool {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let Ok(_turn) = self.gate.acquire().await else { return false };
        let fits = tokio::task::spawn_blocking(move || password::verify(&given, &hash)).await.unwrap_or(false);
        fits && known
    }
}
