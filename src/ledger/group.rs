//! A group at work: what was read under the locks, and what the commands so far want written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::assigned::{follow_owner, leaves_people};
use crate::access::UserId;
use crate::control::{self, Audience, Change, ControlEvent, PageRules};
use crate::store::group::{ConversationKey, ConversationRow, Head, Lane, Seen, SendChange, SendRow, Superseding, TeamWrite, Writes};
use crate::store::log::LogRow;
use crate::store::teams::TeamId;
use crate::wire::{AppId, Object, PageId, PersonId, Timestamp};

/// Everything the commands of a group may read and change. A command checks first and changes then, so that a refusal changes nothing.
#[derive(Debug)]
pub(super) struct Group {
    /// The database's time, taken after locking.
    pub now: Timestamp,
    /// Baton's own app on the platform.
    pub own_app: AppId,
    pages: HashMap<PageId, OpenPage>,
    conversations: HashMap<ConversationKey, Open<ConversationRow>>,
    sends: HashMap<(PageId, i64), SendRow>,
    keys: HashMap<(PageId, AppId, String), i64>,
    seen: HashSet<(PageId, Seen)>,
    marked: HashSet<(PageId, Seen)>,
    buttons: HashMap<(ConversationKey, Seen), AppId>,
    generations: HashMap<String, i64>,
    memories: HashMap<(ConversationKey, AppId), i64>,
    teams: HashMap<ConversationKey, TeamId>,
    known_teams: HashSet<TeamId>,
    writes: Writes,
}

#[derive(Debug)]
struct OpenPage {
    head: Head,
    rules: Arc<PageRules>,
    changed: bool,
}

#[derive(Debug)]
struct Open<T> {
    row: T,
    changed: bool,
}

/// What was read for a group.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub heads: Vec<(Head, Arc<PageRules>)>,
    pub conversations: Vec<ConversationRow>,
    pub sends: Vec<SendRow>,
    /// Keys that were asked about, and those of them that nobody had seen: they are marked by now.
    pub asked: Vec<(PageId, Seen)>,
    pub marked: Vec<(PageId, Seen)>,
    pub buttons: Vec<((ConversationKey, Seen), AppId)>,
    pub generations: Vec<(String, i64)>,
    pub memories: Vec<((ConversationKey, AppId), i64)>,
    /// The teams of conversations that are to be given to one, and those of the wanted teams that there are.
    pub teams: Vec<(ConversationKey, TeamId)>,
    pub known_teams: Vec<TeamId>,
}

/// A new row of the log, but for what the group knows itself.
#[derive(Debug)]
pub(super) struct Entry {
    pub kind: &'static str,
    pub field: String,
    pub happened_at: Timestamp,
    pub mid: Option<String>,
    pub app: Option<AppId>,
    pub user: Option<UserId>,
    pub audience: Audience,
    pub button_app: Option<AppId>,
    pub payload: String,
}

impl Group {
    pub fn new(now: Timestamp, own_app: AppId, reading: Reading) -> Self {
        // The database's clock may be set back; a conversation's time never is.
        let now = reading.conversations.iter().map(|row| row.last_at).max().map_or(now, |last| last.max(now));
        let marked: HashSet<_> = reading.marked.into_iter().collect();
        Self {
            now,
            own_app,
            pages: reading.heads.into_iter().map(|(head, rules)| (head.page.clone(), OpenPage { head, rules, changed: false })).collect(),
            conversations: reading
                .conversations
                .into_iter()
                .map(|row| ((row.page.clone(), row.person.clone()), Open { row, changed: false }))
                .collect(),
            keys: reading
                .sends
                .iter()
                .filter_map(|send| Some(((send.page.clone(), send.app.clone(), send.idempotency_key.clone()?), send.send_id)))
                .collect(),
            sends: reading.sends.into_iter().map(|send| ((send.page.clone(), send.send_id), send)).collect(),
            seen: reading.asked.into_iter().filter(|key| !marked.contains(key)).collect(),
            marked,
            buttons: reading.buttons.into_iter().collect(),
            generations: reading.generations.into_iter().collect(),
            memories: reading.memories.into_iter().collect(),
            teams: reading.teams.into_iter().collect(),
            known_teams: reading.known_teams.into_iter().collect(),
            writes: Writes::default(),
        }
    }

    pub fn rules(&self, page: &PageId) -> Option<Arc<PageRules>> {
        self.pages.get(page).map(|open| Arc::clone(&open.rules))
    }

    pub fn object(&self, page: &PageId) -> Object {
        self.pages.get(page).map_or(Object::Page, |open| open.rules.object)
    }

    pub fn conversation(&self, page: &PageId, person: &PersonId) -> Option<&ConversationRow> {
        self.conversations.get(&(page.clone(), person.clone())).map(|open| &open.row)
    }

    /// The conversation to change; a new one if the person has never been seen.
    pub fn change(&mut self, page: &PageId, person: &PersonId) -> &mut ConversationRow {
        let now = self.now;
        // The head is written with every conversation: whoever looks without a lock goes by it.
        if let Some(open) = self.pages.get_mut(page) {
            open.changed = true;
        }
        let open = self
            .conversations
            .entry((page.clone(), person.clone()))
            .or_insert_with(|| Open { row: ConversationRow::new(page.clone(), person.clone(), now), changed: false });
        open.changed = true;
        &mut open.row
    }

    /// Appends a row about a conversation. Its position is the answer.
    pub fn append(&mut self, page: &PageId, person: Option<&PersonId>, entry: Entry) -> i64 {
        let Some(open) = self.pages.get_mut(page) else { return 0 };
        open.head.last_position += 1;
        open.changed = true;
        let position = open.head.last_position;
        let now = self.now;
        let epoch = match person {
            Some(person) => {
                let row = self.change(page, person);
                row.last_position = position;
                row.last_at = now;
                row.control.epoch
            }
            None => control::Epoch::default(),
        };
        self.writes.log.push(LogRow {
            page: page.clone(),
            position,
            person: person.cloned(),
            at: now,
            happened_at: entry.happened_at,
            kind: entry.kind.to_owned(),
            field: entry.field,
            mid: entry.mid,
            app: entry.app,
            user: entry.user,
            audience: entry.audience,
            button_app: entry.button_app,
            epoch,
            payload: entry.payload,
            scrubbed: false,
        });
        position
    }

    /// Marks something as seen. False: it was.
    pub fn see(&mut self, page: &PageId, hash: Seen) -> bool {
        let key = (page.clone(), hash);
        if self.seen.contains(&key) {
            return false;
        }
        if !self.marked.contains(&key) {
            self.writes.seen.push(key.clone());
        }
        self.seen.insert(key)
    }

    pub fn was_seen(&self, page: &PageId, hash: Seen) -> bool {
        self.seen.contains(&(page.clone(), hash))
    }

    pub fn button_app(&self, page: &PageId, person: &PersonId, payload: Seen) -> Option<AppId> {
        self.buttons.get(&((page.clone(), person.clone()), payload)).cloned()
    }

    pub fn memory_version(&self, page: &PageId, person: &PersonId, app: &AppId) -> i64 {
        self.memories.get(&((page.clone(), person.clone()), app.clone())).copied().unwrap_or_default()
    }

    pub fn set_memory_version(&mut self, page: &PageId, person: &PersonId, app: &AppId, version: i64) {
        self.memories.insert(((page.clone(), person.clone()), app.clone()), version);
    }

    pub fn knows_team(&self, team: TeamId) -> bool {
        self.known_teams.contains(&team)
    }

    /// The team of a conversation, if a command of the group is about that.
    pub fn team(&self, page: &PageId, person: &PersonId) -> Option<TeamId> {
        self.teams.get(&(page.clone(), person.clone())).copied()
    }

    pub fn set_team(&mut self, page: &PageId, person: &PersonId, team: Option<TeamId>) {
        let key = (page.clone(), person.clone());
        match team {
            Some(team) => self.teams.insert(key, team),
            None => self.teams.remove(&key),
        };
        self.writes.teams.push(TeamWrite { page: page.clone(), person: person.clone(), team });
    }

    /// The lease number of a Page's outbox.
    pub fn generation(&self, page: &PageId) -> i64 {
        self.generations.get(page.as_str()).copied().unwrap_or_default()
    }

    pub fn send(&self, page: &PageId, id: i64) -> Option<&SendRow> {
        self.sends.get(&(page.clone(), id))
    }

    pub fn sends(&self) -> impl Iterator<Item = &SendRow> {
        self.sends.values()
    }

    pub fn send_by_key(&self, page: &PageId, app: &AppId, key: &str) -> Option<&SendRow> {
        let id = self.keys.get(&(page.clone(), app.clone(), key.to_owned()))?;
        self.send(page, *id)
    }

    /// Takes a send in under the Page's next number.
    pub fn insert_send(&mut self, mut row: SendRow) -> i64 {
        let Some(open) = self.pages.get_mut(&row.page) else { return 0 };
        open.head.last_send += 1;
        open.changed = true;
        row.send_id = open.head.last_send;
        if let Some(key) = &row.idempotency_key {
            self.keys.insert((row.page.clone(), row.app.clone(), key.clone()), row.send_id);
        }
        self.sends.insert((row.page.clone(), row.send_id), row.clone());
        let id = row.send_id;
        self.writes.sends.push(row);
        id
    }

    /// Lets the key of a send be used for another.
    pub fn free_key(&mut self, row: &mut SendRow) {
        if let Some(key) = row.idempotency_key.take() {
            self.keys.remove(&(row.page.clone(), row.app.clone(), key));
        }
    }

    /// Writes a send's new state.
    pub fn change_send(&mut self, row: SendRow, not_before: Option<Timestamp>) {
        let done = !matches!(row.state.as_str(), "accepted" | "sending");
        self.sends.insert((row.page.clone(), row.send_id), row.clone());
        // The newest word about a send wins; the update joins on it, so there must be only one.
        self.writes.send_changes.retain(|change| (&change.row.page, change.row.send_id) != (&row.page, row.send_id));
        self.writes.send_changes.push(SendChange { row, done, not_before });
    }

    /// Ends what a former owner has queued.
    fn supersede(&mut self, page: &PageId, person: &PersonId, app: &AppId) {
        for send in self.sends.values_mut() {
            if send.page == *page && send.person == *person && send.app == *app && send.state == "accepted" {
                send.state = "superseded".to_owned();
            }
        }
        for send in &mut self.writes.sends {
            if send.page == *page && send.person == *person && send.app == *app && send.state == "accepted" {
                send.state = "superseded".to_owned();
            }
        }
        self.writes.superseded.push(Superseding { page: page.clone(), person: person.clone(), app: app.clone() });
    }

    pub fn writes(&mut self) -> &mut Writes {
        &mut self.writes
    }

    /// Puts a decision of the rules into the log and the conversation. The position of its last event is the answer, if it had any.
    pub fn apply(
        &mut self,
        page: &PageId,
        person: &PersonId,
        decision: control::Decision,
        user: Option<UserId>,
        at: Timestamp,
    ) -> Option<i64> {
        let mut position = None;
        for event in &decision.events {
            position = Some(self.apply_event(page, person, event, user, at));
        }
        let rules = self.rules(page);
        let row = self.change(page, person);
        row.control = decision.control;
        let due = rules.and_then(|rules| control::check_at(&row.control, &rules));
        // Armed only when it must ring earlier: the sweeper re-arms it later, so intake leaves the index alone.
        if let Some(due) = due
            && row.check_at.is_none_or(|armed| due < armed)
        {
            row.check_at = Some(due);
        }
        position
    }

    fn apply_event(&mut self, page: &PageId, person: &PersonId, event: &ControlEvent, user: Option<UserId>, at: Timestamp) -> i64 {
        let inbox = self.rules(page).and_then(|rules| rules.inbox_app.clone());
        let row = self.change(page, person);
        row.control = event.after.clone();
        follow_owner(row, event, inbox.as_ref(), user);
        if leaves_people(event, inbox.as_ref()) {
            self.set_team(page, person, None);
        }
        if let Some(former) = &event.previous_owner
            && ends_queue(event, former)
        {
            self.supersede(page, person, former);
        }
        let (audience, field) = control::audience_of_control(event, self.object(page));
        let entry = Entry {
            kind: "control",
            field: field.to_owned(),
            happened_at: at,
            mid: None,
            app: event.by.clone(),
            user,
            audience,
            button_app: None,
            payload: serde_json::to_string(event).unwrap_or_default(),
        };
        self.append(page, Some(person), entry)
    }

    /// Everything to write, once all commands have had their turn.
    pub fn finish(mut self) -> Writes {
        for open in self.conversations.values_mut().filter(|open| open.changed) {
            if let Some(page) = self.pages.get(&open.row.page) {
                open.row.lane = Lane::of(&open.row, &page.rules);
            }
        }
        let mut writes = self.writes;
        writes.heads = self.pages.into_values().filter(|open| open.changed).map(|open| open.head).collect();
        writes.conversations = self.conversations.into_values().filter(|open| open.changed).map(|open| open.row).collect();
        writes
    }
}

/// Whether this event takes the conversation from an owner who did not give it: not their own pass or release, and not the clock.
fn ends_queue(event: &ControlEvent, former: &AppId) -> bool {
    match event.change {
        Change::Taken | Change::External | Change::Implied | Change::OwnerGone => event.new_owner.as_ref() != Some(former),
        Change::Passed => event.by.as_ref() != Some(former) && event.new_owner.as_ref() != Some(former),
        _ => false,
    }
}
