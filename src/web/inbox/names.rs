//! What apps, people and customers are called. Nothing is invented: what has no name shows the end of its id.

use std::collections::HashMap;

use crate::access::UserId;
use crate::store::inbox::PersonName;
use crate::store::inbox::conversation::{AppKind, AppName};
use crate::web::text::{Texts, fill};
use crate::wire::{AppId, Object, PersonId};

/// Meta's own inboxes, by the ids that the platform documents.
const PAGE_INBOX: &str = "263902037430900";
const INSTAGRAM_INBOX: &str = "1217981644879628";

/// The names that a page needs.
pub struct Names {
    apps: HashMap<AppId, AppName>,
    users: HashMap<UserId, String>,
    /// The reader.
    pub me: UserId,
    /// The reader's texts.
    pub t: &'static Texts,
}

impl Names {
    pub fn new(apps: Vec<AppName>, me: UserId, t: &'static Texts) -> Self {
        Self { apps: apps.into_iter().map(|app| (app.app.clone(), app)).collect(), users: HashMap::new(), me, t }
    }

    /// Learns the names of colleagues.
    pub fn learn(&mut self, users: impl IntoIterator<Item = (UserId, String)>) {
        self.users.extend(users);
    }

    /// Whether a colleague's name is known.
    pub fn knows(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// An app's name.
    pub fn app(&self, app: &AppId) -> String {
        if let Some(known) = self.apps.get(app) {
            return known.name.clone();
        }
        match app.as_str() {
            PAGE_INBOX => self.t.app_page_inbox.to_owned(),
            INSTAGRAM_INBOX => self.t.app_instagram_inbox.to_owned(),
            id => fill(self.t.app_unknown, &[("id", id)]),
        }
    }

    /// What kind of local app it is; `None` for apps outside Baton.
    pub fn kind(&self, app: &AppId) -> Option<AppKind> {
        self.apps.get(app).map(|app| app.kind)
    }

    /// A colleague's name.
    pub fn user(&self, user: UserId) -> String {
        self.users.get(&user).cloned().unwrap_or_else(|| self.t.somebody.to_owned())
    }

    /// Who did something: the agent if there is one, else the app, else nobody in particular.
    pub fn actor(&self, app: Option<&AppId>, user: Option<UserId>) -> String {
        match (user, app) {
            (Some(user), _) => self.user(user),
            (None, Some(app)) => self.app(app),
            (None, None) => self.t.the_clock.to_owned(),
        }
    }
}

/// A customer's name, or the end of their id.
pub fn person(name: &PersonName, id: &PersonId, object: Object, t: &Texts) -> String {
    name.display().unwrap_or_else(|| {
        let text = if object == Object::Instagram { t.person_igsid } else { t.person_psid };
        fill(text, &[("end", &id_end(id))])
    })
}

fn id_end(id: &PersonId) -> String {
    let skipped = id.as_str().chars().count().saturating_sub(4);
    id.as_str().chars().skip(skipped).collect()
}

/// Up to two first letters; for a nameless customer nothing that looks like a name.
pub fn initials(name: Option<&str>) -> String {
    let Some(name) = name else { return "·".to_owned() };
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let (first, last) = (words.next(), words.next_back());
    let letters: String = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "·".to_owned() } else { letters }
}

/// One of eight colours, always the same for the same id.
pub fn hue(id: &str) -> u8 {
    // FNV-1a; nothing depends on it but a colour.
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    u8::try_from(hash % 8).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::web::text::EN;

    #[test]
    fn nobody_gets_an_invented_name() {
        let id = PersonId::parse("7421893398374821").unwrap();
        let named = |name: Option<&str>, first: Option<&str>, last: Option<&str>| PersonName {
            name: name.map(Into::into),
            first: first.map(Into::into),
            last: last.map(Into::into),
        };
        for (name, expected) in [
            (named(Some("Mia Wong"), Some("M"), None), "Mia Wong"),
            (named(None, Some("Mia"), Some("Wong")), "Mia Wong"),
            (named(Some("  "), None, Some("Wong")), "Wong"),
            (named(None, None, None), "PSID …4821"),
        ] {
            assert_eq!(person(&name, &id, Object::Page, &EN), expected);
        }
    }

    #[test]
    fn initials_are_letters_of_the_name() {
        for (name, expected) in
            [(Some("Mia Wong"), "MW"), (Some("ß"), "SS"), (Some("Anna Maria von Berg"), "AB"), (Some("—"), "·"), (None, "·")]
        {
            assert_eq!(initials(name), expected);
        }
    }
}
