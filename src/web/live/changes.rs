//! One browser's stream: what changed among what its reader may see.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};

use super::cursor::{self, Cursor};
use super::feed::Change;
use super::{BEAT, GATHER};
use crate::access::Scope;
use crate::store::StoreError;
use crate::web::State;
use crate::web::error::WebError;
use crate::web::session::Agent;
use crate::wire::{PageId, PersonId};

/// More changed conversations than this are told as "everything".
const MANY: usize = 200;

/// A stream and how far it is.
pub struct Watcher {
    web: State,
    session_id: String,
    scope: Scope,
    told: broadcast::Receiver<Change>,
    cursor: Cursor,
    changed: BTreeMap<(PageId, PersonId), i64>,
    everything: bool,
    // Nothing has been written yet: the first event goes out at once, so that the browser has an id to come back with.
    fresh: bool,
    gathered: Option<Instant>,
    beat: Instant,
    open: metrics::Gauge,
}

impl Watcher {
    /// Begins a stream, from where an earlier one broke off if there was one.
    pub async fn open(web: State, agent: Agent, resumed: Option<Cursor>) -> Result<Self, WebError> {
        // Listening before reading the heads: what happens in between is heard twice rather than never.
        let told = web.feed.subscribe();
        let open = metrics::gauge!("baton_live_streams");
        open.increment(1.0);
        let mut watcher = Self {
            session_id: agent.session_id,
            scope: agent.scope,
            told,
            cursor: Cursor::new(),
            changed: BTreeMap::new(),
            everything: false,
            fresh: true,
            gathered: None,
            beat: Instant::now() + BEAT,
            web,
            open,
        };
        watcher.resume(resumed).await?;
        Ok(watcher)
    }

    /// Reads what happened since the earlier stream. A Page it did not know makes everything new.
    async fn resume(&mut self, resumed: Option<Cursor>) -> Result<(), StoreError> {
        for (page, head) in self.web.store.heads().await? {
            if !self.scope.allows(&page) {
                continue;
            }
            match resumed.as_ref().map(|cursor| cursor.get(&page).copied()) {
                None => {}
                Some(Some(seen)) if seen <= head => {
                    let people = self.web.store.changed_people(&page, seen, head).await?;
                    self.changed.extend(people.into_iter().map(|(person, position)| ((page.clone(), person), position)));
                }
                Some(_) => self.everything = true,
            }
            self.cursor.insert(page, head);
        }
        Ok(())
    }

    /// The next piece of the stream, and whether another comes after it.
    pub async fn next(&mut self) -> (String, bool) {
        if std::mem::take(&mut self.fresh) {
            return (self.event("hello"), true);
        }
        loop {
            let wake = self.gathered.map_or(self.beat, |gathered| gathered.min(self.beat));
            tokio::select! {
                () = self.web.stop.clone().cancelled_owned() => return (String::new(), false),
                heard = self.told.recv() => match self.hear(heard).await {
                    Ok(()) => {}
                    Err(_) => return (String::new(), false),
                },
                () = sleep_until(wake) => {
                    if self.gathered.is_some_and(|gathered| gathered <= Instant::now()) {
                        return (self.event("changed"), true);
                    }
                    return self.beat().await;
                }
            }
        }
    }

    async fn hear(&mut self, heard: Result<Change, RecvError>) -> Result<(), StoreError> {
        match heard {
            Ok(change) => self.take_in(change).await,
            Err(RecvError::Lagged(_)) => {
                let cursor = self.cursor.clone();
                self.resume(Some(cursor)).await?;
                self.gather();
                Ok(())
            }
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    async fn take_in(&mut self, change: Change) -> Result<(), StoreError> {
        let Change { page, from, to, people } = change;
        if !self.scope.allows(&page) {
            return Ok(());
        }
        let mine = self.cursor.get(&page).copied().unwrap_or(from);
        if to <= mine {
            return Ok(());
        }
        let people: Arc<[(PersonId, i64)]> =
            if from <= mine { people } else { self.web.store.changed_people(&page, mine, to).await?.into() };
        self.changed.extend(people.iter().map(|(person, position)| ((page.clone(), person.clone()), *position)));
        self.cursor.insert(page, to);
        self.gather();
        Ok(())
    }

    fn gather(&mut self) {
        self.gathered.get_or_insert_with(|| Instant::now() + GATHER);
    }

    /// A sign of life, unless the login is over: a revoked one ends here.
    async fn beat(&mut self) -> (String, bool) {
        self.beat = Instant::now() + BEAT;
        match self.web.store.session(&self.session_id).await {
            Ok(Some(login)) => {
                if login.scope != self.scope {
                    self.scope = login.scope;
                    let scope = self.scope.clone();
                    self.cursor.retain(|page, _| scope.allows(page));
                    self.changed.retain(|(page, _), _| scope.allows(page));
                    self.everything = true;
                    return (self.event("changed"), true);
                }
                ("event: beat\ndata: {}\n\n".to_owned(), true)
            }
            Ok(None) => ("event: over\ndata: {}\n\n".to_owned(), false),
            Err(error) => {
                tracing::debug!(%error, "a stream could not look at its login");
                (": the store does not answer\n\n".to_owned(), true)
            }
        }
    }

    fn event(&mut self, name: &str) -> String {
        self.gathered = None;
        let changed = std::mem::take(&mut self.changed);
        let everything = std::mem::take(&mut self.everything) || changed.len() > MANY;
        let conversations: Vec<_> = if everything {
            Vec::new()
        } else {
            changed.into_iter().map(|((page, person), position)| json!([format!("{page}/{person}"), position])).collect()
        };
        let data = json!({ "everything": everything, "conversations": conversations });
        format!("event: {name}\nid: {}\ndata: {data}\n\n", cursor::write(&self.cursor))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}
