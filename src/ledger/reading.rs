//! What a group of commands must read before the rules can be asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::command::SendOutcome;
use super::group::Reading;
use super::{Act, Command, orders, sends};
use crate::control::PageRules;
use crate::store::StoreError;
use crate::store::group::{ConversationKey, GroupId, GroupTransaction, Locked, Seen};
use crate::store::teams::TeamId;
use crate::wire::{self, AppId, Event, Incoming, PageId, Timestamp};

/// The rules of Pages as of a version, so that they are read once.
pub(super) type RulesCache = HashMap<PageId, (i64, Arc<PageRules>)>;

/// Names of what a group concerns.
#[derive(Debug, Default)]
struct Concerned {
    pages: BTreeSet<PageId>,
    conversations: BTreeSet<ConversationKey>,
    seen: Vec<(PageId, Seen)>,
    buttons: Vec<(ConversationKey, Seen)>,
    sends: Vec<(PageId, i64)>,
    keys: Vec<(PageId, AppId, String)>,
    echoes: BTreeSet<ConversationKey>,
    rivals: Vec<(ConversationKey, i64)>,
    leases: BTreeSet<PageId>,
    left_behind: Vec<(PageId, i64)>,
    memories: Vec<(ConversationKey, AppId)>,
    teams: BTreeMap<ConversationKey, Vec<TeamId>>,
}

impl Concerned {
    fn by(commands: &[&Command]) -> Self {
        let mut all = Self::default();
        for command in commands {
            all.add(command);
        }
        all
    }

    fn add(&mut self, command: &Command) {
        self.pages.insert(command.page().clone());
        match command {
            Command::Incoming(incoming) => self.add_incoming(incoming),
            Command::Order(order) => self.add_conversation((order.page.clone(), order.person.clone())),
            Command::Act { page, person, act: Act::AssignTeam { to, .. }, .. } => {
                let key = (page.clone(), person.clone());
                self.teams.entry(key.clone()).or_default().extend(to.as_ref().map(|to| to.team));
                self.add_conversation(key);
            }
            Command::Act { page, person, user, act } => {
                self.seen.extend(orders::note_key(person, *user, act).map(|key| (page.clone(), key)));
                self.add_conversation((page.clone(), person.clone()));
            }
            Command::Sweep { page, person } => self.add_conversation((page.clone(), person.clone())),
            Command::Accept(new) => {
                let key = (new.page.clone(), new.send.person.clone());
                if let Some(idempotency) = &new.idempotency_key {
                    self.keys.push((new.page.clone(), new.app.clone(), idempotency.clone()));
                }
                if let Some(queued) = new.queued {
                    self.rivals.push((key.clone(), queued));
                }
                if new.memory.is_some() {
                    self.memories.push((key.clone(), new.app.clone()));
                }
                self.add_conversation(key);
            }
            Command::Begin { page, send, .. } => {
                self.leases.insert(page.clone());
                self.sends.push((page.clone(), send.0));
            }
            Command::Finish { page, send, outcome, .. } => {
                if let SendOutcome::Sent { mid: Some(mid), .. } = outcome {
                    self.seen.push((page.clone(), wire::echo_key(mid)));
                }
                self.sends.push((page.clone(), send.0));
            }
            Command::Cancel { page, send, .. } => self.sends.push((page.clone(), send.0)),
            Command::Abandoned { page, lease } => {
                self.leases.insert(page.clone());
                self.left_behind.push((page.clone(), lease.generation));
            }
        }
    }

    fn add_incoming(&mut self, incoming: &Incoming) {
        if let Some(hash) = incoming.duplicate_key() {
            self.seen.push((incoming.page.clone(), hash));
        }
        let Some(person) = &incoming.person else { return };
        let key = (incoming.page.clone(), person.clone());
        match &incoming.event {
            Event::Echo { .. } => {
                self.echoes.insert(key.clone());
            }
            Event::Postback { payload: Some(payload), .. } => self.buttons.push((key.clone(), sends::short_hash(payload))),
            _ => {}
        }
        self.add_conversation(key);
    }

    fn add_conversation(&mut self, key: ConversationKey) {
        self.conversations.insert(key);
    }
}

/// Locks the heads, takes the time, and reads everything the commands concern.
pub(super) async fn read(
    transaction: &mut GroupTransaction<'_>,
    commands: &[&Command],
    cache: &mut RulesCache,
    process: i64,
) -> Result<(Reading, Timestamp, GroupId), StoreError> {
    let mut all = Concerned::by(commands);
    let mut reading = Reading::default();
    let pages: Vec<&str> = all.pages.iter().map(PageId::as_str).collect();
    let Locked { heads, now, id } = transaction.lock_heads(&pages, process).await?;
    for head in heads {
        let rules = rules(transaction, cache, &head.page, head.rules_version).await?;
        reading.heads.push((head, rules));
    }
    read_sends(transaction, &all, &mut reading).await?;
    // A send's outcome concerns its conversation, which is known only now.
    for send in &reading.sends {
        all.conversations.insert((send.page.clone(), send.person.clone()));
    }
    if !all.conversations.is_empty() {
        let keys: Vec<ConversationKey> = all.conversations.into_iter().collect();
        reading.conversations = transaction.conversations(&keys).await?;
    }
    // What is asked of a Page that there is not is put aside, and marks nothing.
    all.seen.retain(|(page, _)| reading.heads.iter().any(|(head, _)| head.page == *page));
    if !all.seen.is_empty() {
        reading.marked = transaction.mark_seen(&all.seen, now).await?;
        reading.asked = all.seen;
    }
    if !all.buttons.is_empty() {
        reading.buttons = transaction.button_apps(&all.buttons).await?;
    }
    for ((page, person), app) in all.memories {
        let version = transaction.memory_version(&page, &person, &app).await?;
        reading.memories.push((((page, person), app), version));
    }
    read_teams(transaction, all.teams, &mut reading).await?;
    Ok((reading, now, id))
}

/// Which of the wanted teams there are, and who has the conversations now. A team that is there stays until the commit.
async fn read_teams(
    transaction: &mut GroupTransaction<'_>,
    teams: BTreeMap<ConversationKey, Vec<TeamId>>,
    reading: &mut Reading,
) -> Result<(), StoreError> {
    let wanted: BTreeSet<TeamId> = teams.values().flatten().copied().collect();
    for team in wanted {
        if transaction.holds_team(team).await? {
            reading.known_teams.push(team);
        }
    }
    for (key, _) in teams {
        if let Some(team) = transaction.team_of(&key.0, &key.1).await? {
            reading.teams.push((key, team));
        }
    }
    Ok(())
}

async fn read_sends(transaction: &mut GroupTransaction<'_>, all: &Concerned, reading: &mut Reading) -> Result<(), StoreError> {
    if !all.sends.is_empty() {
        reading.sends.extend(transaction.sends_by_id(&all.sends).await?);
    }
    if !all.keys.is_empty() {
        reading.sends.extend(transaction.sends_by_key(&all.keys).await?);
    }
    if !all.echoes.is_empty() {
        let keys: Vec<ConversationKey> = all.echoes.iter().cloned().collect();
        reading.sends.extend(transaction.sends_awaiting_echo(&keys).await?);
    }
    if !all.rivals.is_empty() {
        reading.sends.extend(transaction.sends_on_their_way(&all.rivals).await?);
    }
    for (page, generation) in &all.left_behind {
        reading.sends.extend(transaction.sends_left_behind(page, *generation).await?);
    }
    if !all.leases.is_empty() {
        let pages: Vec<&str> = all.leases.iter().map(PageId::as_str).collect();
        reading.generations = transaction.outbox_generations(&pages).await?;
    }
    Ok(())
}

async fn rules(
    transaction: &mut GroupTransaction<'_>,
    cache: &mut RulesCache,
    page: &PageId,
    version: i64,
) -> Result<Arc<PageRules>, StoreError> {
    if let Some((known, rules)) = cache.get(page)
        && *known == version
    {
        return Ok(Arc::clone(rules));
    }
    let loaded =
        transaction.rules(page).await?.ok_or_else(|| StoreError::inconsistent("pages", "page_id", page, "vanished under its lock"))?;
    let rules = Arc::new(loaded.rules);
    cache.insert(page.clone(), (loaded.version, Arc::clone(&rules)));
    Ok(rules)
}
