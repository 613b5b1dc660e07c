//! The short way of a group: most groups hold nothing but what people did, and are alone with their Pages.
//!
//! Such a group is read without locks, decided, and written by one statement that is also its COMMIT. Should anything have changed in between, that
//! statement writes nothing, and the group goes the long way, under locks.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Command;
use super::group::Reading;
use super::reading::RulesCache;
use crate::store::group::{ConversationKey, Glance, GroupId};
use crate::wire::Event;

/// How long groups go the long way after one found its Page changed: another process is at work there.
const REST: Duration = Duration::from_millis(200);

/// Whether groups may go the short way at present.
#[derive(Debug, Default)]
pub(super) struct ShortWay {
    former: Option<GroupId>,
    resting_since: Option<Instant>,
}

impl ShortWay {
    /// A group was committed, the newest of this process.
    pub fn committed(&mut self, id: GroupId) {
        self.former = Some(id);
    }

    /// What this process committed last is in doubt.
    pub fn doubt(&mut self) {
        self.former = None;
    }

    /// A group did not get through.
    pub fn rest(&mut self) {
        self.resting_since = Some(Instant::now());
    }

    /// The group before this one, and what to look at for these commands, if they may go the short way.
    pub fn admits(&self, commands: &[&Command]) -> Option<(GroupId, Vec<ConversationKey>)> {
        if self.resting_since.is_some_and(|since| since.elapsed() < REST) {
            return None;
        }
        let former = self.former.clone()?;
        let keys: BTreeSet<ConversationKey> = commands.iter().map(|command| concerned(command)).collect::<Option<_>>()?;
        (!keys.is_empty()).then(|| (former, keys.into_iter().collect()))
    }
}

/// The conversation that a command concerns, if it needs nothing else to be read.
fn concerned(command: &Command) -> Option<ConversationKey> {
    let Command::Incoming(incoming) = command else { return None };
    let person = incoming.person.as_ref()?;
    match incoming.event {
        Event::Echo { .. } | Event::Unsend { .. } | Event::Postback { payload: Some(_), .. } => None,
        _ => Some((incoming.page.clone(), person.clone())),
    }
}

/// What was seen, with the rules of the Pages, where they are known and none is missing.
pub(super) fn reading(glance: &mut Glance, keys: &[ConversationKey], rules: &RulesCache) -> Option<Reading> {
    let heads: Vec<_> = glance
        .heads
        .iter()
        .map(|head| {
            let (version, rules) = rules.get(&head.page)?;
            (*version == head.rules_version).then(|| (head.clone(), rules.clone()))
        })
        .collect::<Option<_>>()?;
    let all = keys.iter().all(|(page, _)| heads.iter().any(|(head, _)| head.page == *page));
    all.then(|| Reading { heads, conversations: std::mem::take(&mut glance.conversations), ..Reading::default() })
}
