//! The platform's world: Pages, apps, people, conversations, and the rules between them. No HTTP; the time is always given.

mod account;
mod assets;
mod control;
mod person;
mod routing;
mod sending;
mod setup;
mod thread;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use thiserror::Error;

pub use account::{Account, App, Object, Person, Persona};
pub use assets::{Asset, Assets, Upload};
pub use control::OwnerView;
pub use person::Said;
pub use routing::Channel;
pub use sending::Outbound;
pub use thread::{Author, Content, Message, Thread, ThreadKey};

/// What a Page access token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The Page.
    pub page_id: String,
    /// The app that holds the token.
    pub app_id: String,
}

/// A webhook body on its way to one app.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The receiver.
    pub app_id: String,
    /// The conversation, within which order is kept.
    pub key: ThreadKey,
    /// The body.
    pub body: Value,
}

/// Why the platform does not do what it was asked to.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The person is unknown to this Page.
    #[error("No matching user found")]
    NoSuchPerson,
    /// Another app holds the conversation, or the caller may not speak while it is idle.
    #[error("Message failed to send because another app is controlling this thread now.")]
    NotOwner(Object),
    /// A control call by an app that does not hold the conversation.
    #[error("The action is invalid since it's not the thread owner.")]
    ControlByOther(Object),
    /// The messaging window is over.
    #[error("This message is sent outside of allowed window.")]
    WindowClosed(Object),
    /// The target of a pass is not on the Page.
    #[error("Incorrect App ID.")]
    UnknownTarget,
    /// The caller may not take, or the Page has no default app.
    #[error("This app is not allowed to take control of this conversation.")]
    MayNotTake,
    /// Longer than seven days, or nothing.
    #[error("duration must be between 1 and 604800 seconds")]
    BadDuration,
}

/// Everything that the platform knows.
#[derive(Default)]
pub struct World {
    /// Pages and Instagram accounts by id.
    pub accounts: BTreeMap<String, Account>,
    /// Apps by id.
    pub apps: BTreeMap<String, App>,
    /// Uploaded attachments.
    pub assets: Assets,
    /// Single-use OAuth codes: code → (app, redirect URI).
    pub codes: HashMap<String, (String, String)>,
    /// User access tokens: token → app.
    pub user_tokens: HashMap<String, String>,
    /// Conversations.
    pub threads: HashMap<ThreadKey, Thread>,
    tokens: HashMap<String, Grant>,
    outbox: Vec<Delivery>,
    changes: BTreeSet<ThreadKey>,
}

impl World {
    /// Takes the webhooks queued since the last call, in order.
    pub fn take_outbox(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.outbox)
    }

    /// Takes the conversations changed since the last call.
    pub fn take_changes(&mut self) -> BTreeSet<ThreadKey> {
        std::mem::take(&mut self.changes)
    }

    /// What a Page access token stands for.
    pub fn grant(&self, token: &str) -> Option<&Grant> {
        self.tokens.get(token)
    }

    /// The accounts that a Page's token acts for: the Page itself and the Instagram account linked to it.
    pub fn accounts_of_page<'world>(&'world self, page_id: &str) -> impl Iterator<Item = &'world Account> {
        self.accounts.values().filter(move |account| account.page_id == page_id)
    }

    /// The account meant by an account id or a Page id.
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id).or_else(|| self.accounts_of_page(id).next())
    }

    /// The conversation of a person with the Page (or account) `page_id`, or with the Instagram account linked to it.
    pub fn find_thread(&self, page_id: &str, psid: &str) -> Option<ThreadKey> {
        let direct = self.accounts.get(page_id).filter(|account| account.person(psid).is_some());
        let account = direct.or_else(|| self.accounts_of_page(page_id).find(|account| account.person(psid).is_some()))?;
        Some(ThreadKey { account: account.id.clone(), psid: psid.to_owned() })
    }

    fn object(&self, key: &ThreadKey) -> Object {
        self.accounts.get(&key.account).map_or(Object::Page, |account| account.object)
    }

    fn default_app(&self, key: &ThreadKey) -> Option<String> {
        self.accounts.get(&key.account).and_then(|account| account.default_app.clone())
    }

    fn thread_mut(&mut self, key: &ThreadKey) -> &mut Thread {
        self.threads.entry(key.clone()).or_default()
    }

    fn owner(&self, key: &ThreadKey, now: i64) -> Option<String> {
        self.threads.get(key).and_then(|thread| thread.owner(now)).map(|owner| owner.app_id.clone())
    }
}
