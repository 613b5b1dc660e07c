//! Thread control among the apps of a Page: Conversation Routing with a default app, the handover protocol's zero-config without one.

use serde_json::{Map, Value, json};

use super::person::from_person;
use super::routing::Kind;
use super::thread::{Content, ThreadKey};
use super::{Refusal, World};
use crate::clock::DAY_MS;

/// What `thread_owner` tells one app.
#[derive(Debug, PartialEq, Eq)]
pub enum OwnerView {
    /// The conversation is idle.
    Idle,
    /// Somebody else holds it, and the caller may know no more than until when (Unix seconds).
    Hidden(i64),
    /// Who holds it and until when (Unix seconds).
    Shown(String, i64),
}

impl World {
    /// Hands the conversation to `target`, or to the default app.
    ///
    /// # Errors
    /// The caller does not hold it, or the target is not on the Page.
    pub fn pass(&mut self, key: &ThreadKey, caller: &str, target: Option<&str>, metadata: Option<&str>, now: i64) -> Result<(), Refusal> {
        let owner = self.owner(key, now);
        let default = self.default_app(key);
        let may = match &owner {
            Some(owner) => owner == caller,
            None => default.as_deref().is_none_or(|default| default == caller),
        };
        if !may {
            return Err(Refusal::ControlByOther(self.object(key)));
        }
        let target = target.map(str::to_owned).or(default).ok_or(Refusal::UnknownTarget)?;
        if !self.is_on_page(key, &target) {
            return Err(Refusal::UnknownTarget);
        }
        if owner.as_deref() != Some(&target) {
            self.move_to(key, &target, "pass_thread_control", metadata, now);
        }
        Ok(())
    }

    /// Gives the conversation to the caller.
    ///
    /// # Errors
    /// The Page has no default app, or the caller is neither it nor allowed to take.
    pub fn take(&mut self, key: &ThreadKey, caller: &str, metadata: Option<&str>, now: i64) -> Result<(), Refusal> {
        let account = self.accounts.get(&key.account).ok_or(Refusal::MayNotTake)?;
        let default = account.default_app.as_deref().ok_or(Refusal::MayNotTake)?;
        let may_take = account.connections.get(caller).is_some_and(|connection| connection.may_take);
        if default != caller && !may_take {
            return Err(Refusal::MayNotTake);
        }
        self.seize(key, caller, metadata, now);
        Ok(())
    }

    /// Asks whoever holds the conversation for it. Without a default app, the first to ask in an idle conversation gets it.
    pub fn request(&mut self, key: &ThreadKey, caller: &str, metadata: Option<&str>, now: i64) {
        let owner = self.owner(key, now);
        let Some(asked) = owner.clone().or_else(|| self.default_app(key)) else {
            self.move_to(key, caller, "pass_thread_control", metadata, now);
            return;
        };
        if asked == caller {
            return;
        }
        let timestamp = self.thread_mut(key).tick(now);
        let mut event = json!({"requested_owner_app_id": caller});
        add_metadata(&mut event, metadata);
        let item = from_person(key, timestamp, json!({"request_thread_control": event}));
        self.announce(key, &Kind::Request { to: asked }, &item, now);
    }

    /// Makes the conversation idle. No webhook tells of it.
    ///
    /// # Errors
    /// The caller does not hold it.
    pub fn release(&mut self, key: &ThreadKey, caller: &str, now: i64) -> Result<(), Refusal> {
        self.must_own(key, caller, now)?;
        self.thread_mut(key).release();
        self.changes.insert(key.clone());
        Ok(())
    }

    /// Prolongs the caller's control to `seconds` from now.
    ///
    /// # Errors
    /// The caller does not hold it, or the duration is not within seven days.
    pub fn extend(&mut self, key: &ThreadKey, caller: &str, seconds: i64, now: i64) -> Result<(), Refusal> {
        self.must_own(key, caller, now)?;
        if !(1..=7 * DAY_MS / 1000).contains(&seconds) {
            return Err(Refusal::BadDuration);
        }
        self.thread_mut(key).expire_at(now + seconds * 1000);
        Ok(())
    }

    /// What the caller may know about who holds the conversation.
    pub fn thread_owner(&self, key: &ThreadKey, caller: &str, now: i64) -> OwnerView {
        let Some(owner) = self.threads.get(key).and_then(|thread| thread.owner(now)) else { return OwnerView::Idle };
        let expiration = owner.expires_at / 1000;
        if owner.app_id == caller || self.default_app(key).as_deref() == Some(caller) {
            OwnerView::Shown(owner.app_id.clone(), expiration)
        } else {
            OwnerView::Hidden(expiration)
        }
    }

    /// Who holds the conversation now, for the admin API.
    pub fn holder(&self, key: &ThreadKey, now: i64) -> Option<String> {
        self.owner(key, now)
    }

    /// An external app answers, as a person does in the Page inbox: replying takes control. With `silent` no handover event tells of it.
    pub fn speak_up(&mut self, key: &ThreadKey, app_id: &str, text: &str, silent: bool, now: i64) -> String {
        if silent {
            self.thread_mut(key).hand_to(app_id, now);
        } else {
            self.seize(key, app_id, None, now);
        }
        self.post(key, app_id, Content { text: Some(text.to_owned()), ..Content::default() }, now)
    }

    /// Gives the conversation to `app_id` without asking whether it may; Meta's inboxes do so when a person moves a conversation to Main.
    pub fn seize(&mut self, key: &ThreadKey, app_id: &str, metadata: Option<&str>, now: i64) {
        if self.owner(key, now).as_deref() != Some(app_id) {
            self.move_to(key, app_id, "take_thread_control", metadata, now);
        }
    }

    fn must_own(&self, key: &ThreadKey, caller: &str, now: i64) -> Result<(), Refusal> {
        if self.owner(key, now).as_deref() == Some(caller) { Ok(()) } else { Err(Refusal::ControlByOther(self.object(key))) }
    }

    fn is_on_page(&self, key: &ThreadKey, app_id: &str) -> bool {
        let Some(account) = self.accounts.get(&key.account) else { return false };
        let external = self.apps.get(app_id).is_some_and(|app| app.external);
        let is_meta = [super::account::PAGE_INBOX, super::account::INSTAGRAM_INBOX].contains(&app_id);
        account.connections.contains_key(app_id) || (external && (!is_meta || account.inbox() == app_id))
    }

    fn move_to(&mut self, key: &ThreadKey, target: &str, event: &str, metadata: Option<&str>, now: i64) {
        let previous = self.owner(key, now);
        let thread = self.thread_mut(key);
        let timestamp = thread.tick(now);
        thread.hand_to(target, now);
        let mut body = json!({"previous_owner_app_id": previous, "new_owner_app_id": target});
        add_metadata(&mut body, metadata);
        let mut named = Map::new();
        named.insert(event.to_owned(), body);
        let item = from_person(key, timestamp, Value::Object(named));
        self.announce(key, &Kind::Handover, &item, now);
    }
}

fn add_metadata(event: &mut Value, metadata: Option<&str>) {
    if let Some(metadata) = metadata {
        event["metadata"] = json!(metadata);
    }
}
