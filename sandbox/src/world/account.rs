//! Pages and Instagram accounts, the apps on them and the people who write to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The id under which Messenger's Page Inbox holds conversations (Conversation Routing page, every SDK).
pub const PAGE_INBOX: &str = "263902037430900";
/// The id under which Instagram's inbox holds conversations.
pub const INSTAGRAM_INBOX: &str = "1217981644879628";

/// Which webhook object an account speaks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Object {
    /// A Facebook Page on Messenger.
    #[default]
    Page,
    /// An Instagram professional account.
    Instagram,
}

impl Object {
    /// The name in a webhook's `object`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Instagram => "instagram",
        }
    }

    /// The fields an app may subscribe to (the part of the published list that concerns messaging).
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Page => &[
                "messages",
                "message_echoes",
                "message_edits",
                "message_reactions",
                "message_reads",
                "message_deliveries",
                "messaging_postbacks",
                "messaging_referrals",
                "messaging_optins",
                "messaging_optouts",
                "messaging_handovers",
                "messaging_policy_enforcement",
                "messaging_account_linking",
                "messaging_game_plays",
                "messaging_feedback",
                "messaging_customer_information",
                "messaging_payments",
                "messaging_checkout_updates",
                "messaging_pre_checkouts",
                "response_feedback",
                "send_cart",
                "inbox_labels",
                "feed",
                "standby",
            ],
            Self::Instagram => &[
                "messages",
                "message_edit",
                "message_reactions",
                "messaging_seen",
                "messaging_postbacks",
                "messaging_referral",
                "messaging_optins",
                "messaging_handover",
                "response_feedback",
                "comments",
                "live_comments",
                "mentions",
                "story_insights",
                "standby",
            ],
        }
    }

    /// Every field, as a set.
    pub fn all_fields(self) -> BTreeSet<String> {
        self.fields().iter().map(|field| (*field).to_owned()).collect()
    }
}

/// A platform app.
#[derive(Clone, Debug)]
pub struct App {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Key of its webhook signatures and of `appsecret_proof`.
    pub secret: String,
    /// What its callback's handshake must know.
    pub verify_token: String,
    /// Where its webhooks go, once verified.
    pub callback_url: Option<String>,
    /// Whether it is somebody else's: no webhooks, moved through the admin API only.
    pub external: bool,
    /// Whether it becomes the default app of Pages that name none.
    pub default: bool,
    /// Whether it may take conversations from other apps, unless its connection says otherwise.
    pub may_take: bool,
    /// Fields subscribed for the whole app; a Page's subscription counts only within them.
    pub topics: BTreeMap<Object, BTreeSet<String>>,
}

/// An app on an account.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The Page access token that the app holds.
    pub token: String,
    /// Fields subscribed on this account.
    pub fields: BTreeSet<String>,
    /// Whether the app may take conversations from other apps here.
    pub may_take: bool,
}

/// A customer, known to one account.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    /// PSID or IGSID.
    pub psid: String,
    /// Full name.
    pub name: String,
    /// Locale such as `en_US`.
    pub locale: String,
}

impl Person {
    /// First and last name; the last may be empty.
    pub fn names(&self) -> (&str, &str) {
        self.name.split_once(' ').unwrap_or((&self.name, ""))
    }
}

/// The people who write to an account, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct People {
    list: Vec<Person>,
    places: HashMap<String, usize>,
}

impl People {
    /// The person with this id.
    pub fn get(&self, psid: &str) -> Option<&Person> {
        self.places.get(psid).and_then(|place| self.list.get(*place))
    }

    /// Adds a person; one with a known id only changes their name.
    pub fn put(&mut self, person: Person) {
        match self.places.get(&person.psid).and_then(|place| self.list.get_mut(*place)) {
            Some(known) => known.name = person.name,
            None => {
                self.places.insert(person.psid.clone(), self.list.len());
                self.list.push(person);
            }
        }
    }

    /// Everybody, oldest first.
    pub fn all(&self) -> &[Person] {
        &self.list
    }
}

/// A Facebook Page on Messenger, or an Instagram account.
#[derive(Clone, Debug)]
pub struct Account {
    /// The id in `entry[].id` and as a party of its messages.
    pub id: String,
    /// The Page whose tokens act for it; its own id on Messenger.
    pub page_id: String,
    /// Its name.
    pub name: String,
    /// Messenger or Instagram.
    pub object: Object,
    /// The app that answers first, if any.
    pub default_app: Option<String>,
    /// A token waiting for the first app to be connected.
    pub unclaimed_token: Option<String>,
    /// Apps on it, by id.
    pub connections: BTreeMap<String, Connection>,
    /// Who writes to it.
    pub people: People,
    /// The Messenger profile (greeting, persistent menu …).
    pub profile: Map<String, Value>,
    /// Names and pictures under which it writes, by id.
    pub personas: BTreeMap<String, Persona>,
    /// Menus of single people, by id.
    pub menus: BTreeMap<String, Value>,
}

/// A name and a picture under which a Page writes.
#[derive(Clone, Debug)]
pub struct Persona {
    /// The name.
    pub name: String,
    /// Where the picture is.
    pub picture: String,
}

impl Account {
    /// The person with this id.
    pub fn person(&self, psid: &str) -> Option<&Person> {
        self.people.get(psid)
    }

    /// The id of Meta's own inbox for this kind of account.
    pub fn inbox(&self) -> &'static str {
        match self.object {
            Object::Page => PAGE_INBOX,
            Object::Instagram => INSTAGRAM_INBOX,
        }
    }
}
