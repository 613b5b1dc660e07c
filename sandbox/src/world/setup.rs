//! Arranging the world: Pages, apps, connections, people.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

use super::account::{Account, App, Connection, INSTAGRAM_INBOX, Object, PAGE_INBOX, People, Person};
use super::{Grant, ThreadKey, World};
use crate::{random, settings};

impl World {
    /// The world that a configuration describes. Meta's two inboxes are always in it.
    pub fn new(config: settings::World) -> Self {
        let mut world = Self::default();
        world.add_inbox(PAGE_INBOX, "Page inbox");
        world.add_inbox(INSTAGRAM_INBOX, "Instagram inbox");
        for app in config.apps {
            world.put_app(app);
        }
        for page in config.pages {
            world.put_page(page);
        }
        for subscription in config.subscriptions {
            world.connect(subscription);
        }
        for person in config.people {
            world.add_person(person);
        }
        world
    }

    fn add_inbox(&mut self, id: &str, name: &str) {
        self.put_app(settings::App {
            app_id: id.to_owned(),
            name: name.to_owned(),
            app_secret: String::new(),
            verify_token: String::new(),
            callback_url: None,
            default: false,
            may_take: true,
            external: true,
            verify: false,
        });
    }

    /// Sets an app, and connects a new one with every account.
    pub fn put_app(&mut self, app: settings::App) {
        let topics = self.apps.get(&app.app_id).map_or_else(all_topics, |known| known.topics.clone());
        let is_new = !self.apps.contains_key(&app.app_id);
        let id = app.app_id.clone();
        let stored = App {
            id: app.app_id,
            name: app.name,
            secret: app.app_secret,
            verify_token: app.verify_token,
            callback_url: app.callback_url,
            external: app.external,
            default: app.default,
            may_take: app.may_take,
            topics,
        };
        let (external, default) = (stored.external, stored.default);
        self.apps.insert(id.clone(), stored);
        let accounts: Vec<String> = self.accounts.keys().cloned().collect();
        for account in accounts {
            if is_new && !external {
                self.ensure_connection(&account, &id);
            }
            if default && let Some(account) = self.accounts.get_mut(&account) {
                account.default_app = Some(id.clone());
            }
        }
    }

    /// Sets a Page or Instagram account, and connects a new one with every app. Returns its id.
    pub fn put_page(&mut self, page: settings::Page) -> String {
        let id = match page.object {
            Object::Page => page.id.clone(),
            Object::Instagram => page.instagram_id.clone().unwrap_or_else(|| page.id.clone()),
        };
        let default_app = page.default_app.or_else(|| self.apps.values().find(|app| app.default).map(|app| app.id.clone()));
        if let Some(account) = self.accounts.get_mut(&id) {
            account.name = page.name;
            account.default_app = default_app;
            return id;
        }
        self.accounts.insert(
            id.clone(),
            Account {
                id: id.clone(),
                page_id: page.id,
                name: page.name,
                object: page.object,
                default_app: default_app.clone(),
                unclaimed_token: page.token,
                connections: BTreeMap::new(),
                people: People::default(),
                profile: Map::new(),
                personas: BTreeMap::new(),
                menus: BTreeMap::new(),
            },
        );
        // The default app first: the Page's token is meant for it.
        let own = self.apps.values().filter(|app| !app.external).map(|app| app.id.clone());
        let mut apps: Vec<String> = own.collect();
        apps.sort_by_key(|app| default_app.as_ref() != Some(app));
        for app in apps {
            self.ensure_connection(&id, &app);
        }
        id
    }

    /// Connects an app with an account, or changes the connection. `None` if one of them is unknown. Returns the Page access token.
    pub fn connect(&mut self, change: settings::Subscription) -> Option<String> {
        if !self.apps.contains_key(&change.app_id) {
            return None;
        }
        let account_id = self.account(&change.page_id)?.id.clone();
        let token = self.ensure_connection(&account_id, &change.app_id)?;
        let account = self.accounts.get_mut(&account_id)?;
        if let Some(default) = change.default {
            let was = account.default_app.as_deref() == Some(&change.app_id);
            account.default_app = if default { Some(change.app_id.clone()) } else { account.default_app.take().filter(|_| !was) };
        }
        let connection = account.connections.get_mut(&change.app_id)?;
        if let Some(fields) = change.fields {
            connection.fields = fields.iter().map(|field| field.trim().to_owned()).collect();
        }
        if let Some(may_take) = change.may_take {
            connection.may_take = may_take;
        }
        let Some(new_token) = change.token else { return Some(token) };
        connection.token.clone_from(&new_token);
        let grant = self.tokens.remove(&token)?;
        self.tokens.insert(new_token.clone(), grant);
        Some(new_token)
    }

    /// Makes sure that an app is on an account, with every field subscribed if it is new there. One token serves a Page and the Instagram
    /// account linked to it.
    pub fn ensure_connection(&mut self, account_id: &str, app_id: &str) -> Option<String> {
        let account = self.accounts.get(account_id)?;
        if let Some(connection) = account.connections.get(app_id) {
            return Some(connection.token.clone());
        }
        let page_id = account.page_id.clone();
        let fields = account.object.all_fields();
        let may_take = self.apps.get(app_id)?.may_take;
        let shared = self.accounts_of_page(&page_id).find_map(|account| account.connections.get(app_id)).map(|known| known.token.clone());
        let account = self.accounts.get_mut(account_id)?;
        let token = shared.or_else(|| account.unclaimed_token.take()).unwrap_or_else(random::access_token);
        account.connections.insert(app_id.to_owned(), Connection { token: token.clone(), fields, may_take });
        self.tokens.insert(token.clone(), Grant { page_id, app_id: app_id.to_owned() });
        Some(token)
    }

    /// Adds a person, or renames one whose id is given and known. `None` if the Page is unknown.
    pub fn add_person(&mut self, person: settings::Person) -> Option<ThreadKey> {
        let account_id = self.account(&person.page_id)?.id.clone();
        let account = self.accounts.get_mut(&account_id)?;
        let psid = person.psid.unwrap_or_else(random::person_id);
        let locale = person.locale.unwrap_or_else(|| "en_US".to_owned());
        account.people.put(Person { psid: psid.clone(), name: person.name, locale });
        let key = ThreadKey { account: account_id, psid };
        self.threads.entry(key.clone()).or_default();
        self.changes.insert(key.clone());
        Some(key)
    }
}

fn all_topics() -> BTreeMap<Object, BTreeSet<String>> {
    [Object::Page, Object::Instagram].into_iter().map(|object| (object, object.all_fields())).collect()
}
