//! Pages' tokens: opened from the store, kept for a moment, read again when the platform refuses one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use crate::crypto::seal::{SealError, Sealer};
use crate::crypto::signature::appsecret_proof;
use crate::store::{Store, StoreError};
use crate::wire::{GraphError, Object, PageId};

/// How long a token is believed before the store is asked again: an admin's change counts everywhere after that time.
const BELIEVED: Duration = Duration::from_secs(5);

/// What a Page is called with.
#[derive(Debug)]
pub struct PageToken {
    /// The Page's own token.
    pub access_token: SecretString,
    /// `appsecret_proof` of it.
    pub proof: String,
    /// Messenger or Instagram.
    pub object: Object,
}

impl PageToken {
    /// Whether both are the same token.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.access_token.expose_secret() == other.access_token.expose_secret()
    }
}

/// Why a Page cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    /// The Page is unknown, or nobody has connected it.
    #[error("the Page is not connected")]
    None,
    /// It was sealed with another key, or is no text.
    #[error("the token cannot be opened: {0}")]
    Unreadable(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug)]
struct Kept {
    token: Arc<PageToken>,
    read_at: Instant,
}

/// How long a token that is taken is not told of again: another process may have noted meanwhile that it was refused.
const TAKEN: Duration = Duration::from_secs(60);

/// What is known of a Page's connection, so that the store is told only of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Taken,
    Refused,
}

/// The tokens of all Pages.
#[derive(Debug)]
pub struct Tokens {
    store: Store,
    sealer: Sealer,
    app_secret: SecretString,
    kept: Mutex<HashMap<PageId, Kept>>,
    told: Mutex<HashMap<PageId, (Told, Instant)>>,
}

impl Tokens {
    /// Tokens opened with this sealer and proved with this secret of Baton's platform app.
    pub fn new(store: Store, sealer: Sealer, app_secret: SecretString) -> Self {
        Self { store, sealer, app_secret, kept: Mutex::default(), told: Mutex::default() }
    }

    /// The Page's token.
    pub async fn of(&self, page: &PageId) -> Result<Arc<PageToken>, NoToken> {
        let kept = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(page).filter(|kept| kept.read_at.elapsed() < BELIEVED).map(|kept| Arc::clone(&kept.token))
        };
        match kept {
            Some(token) => Ok(token),
            None => self.reread(page).await,
        }
    }

    /// The Page's token as the store has it now.
    pub async fn reread(&self, page: &PageId) -> Result<Arc<PageToken>, NoToken> {
        let access = self.store.page_access(page).await?.ok_or(NoToken::None)?;
        let sealed = access.token_sealed.ok_or(NoToken::None)?;
        let plain = self.sealer.open(&format!("pages.token.{page}"), &sealed).map_err(|error: SealError| unreadable(&error))?;
        let text = String::from_utf8(plain).map_err(|error| unreadable(&error.utf8_error()))?;
        let proof = appsecret_proof(self.app_secret.expose_secret(), &text);
        let token = Arc::new(PageToken { access_token: text.into(), proof, object: access.object });
        let kept = Kept { token: Arc::clone(&token), read_at: Instant::now() };
        let former = self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(page.clone(), kept);
        if former.is_some_and(|former| !former.token.is_same(&token)) {
            self.forget(page);
        }
        Ok(token)
    }

    /// The platform took the Page's token.
    pub async fn taken(&self, page: &PageId) {
        if self.changes(page, Told::Taken)
            && let Err(error) = self.store.token_taken(page).await
        {
            self.forget(page);
            tracing::warn!(%page, %error, "could not note that the platform takes the Page's token");
        }
    }

    /// The platform refused the Page's token.
    pub async fn refused(&self, page: &PageId, refusal: &GraphError) {
        if !self.changes(page, Told::Refused) {
            return;
        }
        tracing::error!(%page, code = refusal.code, subcode = refusal.subcode, "the platform refuses the Page's token; it must be connected again");
        metrics::counter!("baton_tokens_refused_total").increment(1);
        if let Err(error) = self.store.token_refused(page, refusal.code, refusal.subcode, &refusal.message).await {
            self.forget(page);
            tracing::warn!(%page, %error, "could not note that the platform refuses the Page's token");
        }
    }

    /// Baton's platform app was subscribed to the Page.
    pub async fn subscribed(&self, page: &PageId) {
        if let Err(error) = self.store.page_subscribed(page).await {
            tracing::warn!(%page, %error, "could not note that the Page is subscribed");
        }
    }

    fn changes(&self, page: &PageId, now: Told) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told.get(page).is_some_and(|(last, at)| *last == now && (now == Told::Refused || at.elapsed() < TAKEN));
        if !known {
            told.insert(page.clone(), (now, Instant::now()));
        }
        !known
    }

    fn forget(&self, page: &PageId) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(page);
    }
}

fn unreadable(error: &dyn std::error::Error) -> NoToken {
    NoToken::Unreadable(error.to_string())
}
