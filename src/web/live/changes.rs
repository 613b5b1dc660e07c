//! One browser's stream: what changed among what its reader may see.

use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};

use super::BEAT;
use super::conversations::{Conversations, MANY, element};
use super::cursor::{self, Cursor};
use super::feed::Change;
use crate::access::{Scope, UserId};
use crate::store::StoreError;
use crate::web::State;
use crate::web::error::WebError;
use crate::web::presence::{Conversation, Told};
use crate::web::session::Agent;
use crate::web::text::Texts;
use crate::wire::PageId;

/// A stream and how far it is.
pub struct Watcher {
    web: State,
    session_id: String,
    scope: Scope,
    user: UserId,
    t: &'static Texts,
    told: broadcast::Receiver<Arc<[Change]>>,
    moved: broadcast::Receiver<Told>,
    // The one on the reader's page, if the browser has said which.
    shown: Option<Conversation>,
    cursor: Cursor,
    // Not passed on yet: elements of a JSON array, and how many of them.
    changed: Vec<Arc<str>>,
    count: usize,
    everything: bool,
    // Nothing has been written yet: the first event goes out at once, so that the browser has an id to come back with.
    fresh: bool,
    beat: Instant,
    open: metrics::Gauge,
}

impl Watcher {
    /// Begins a stream, from where an earlier one broke off if there was one. Of many changes at once a reader who shows one conversation hears
    /// whether it is among them.
    pub async fn open(web: State, agent: Agent, resumed: Option<Cursor>, shown: Option<Conversation>) -> Result<Self, WebError> {
        // Listening before reading the heads: what happens in between is heard twice rather than never.
        let told = web.feed.subscribe();
        let open = metrics::gauge!("baton_live_streams");
        open.increment(1.0);
        let mut watcher = Self {
            session_id: agent.session_id,
            scope: agent.scope,
            user: agent.user,
            t: agent.lang.texts(),
            told,
            moved: web.board.subscribe(),
            shown,
            cursor: Cursor::new(),
            changed: Vec::new(),
            count: 0,
            everything: false,
            fresh: true,
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
                    let changed = self.changed_since(&page, seen, head).await?;
                    self.note(&page, &changed);
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
            tokio::select! {
                () = self.web.stop.clone().cancelled_owned() => return (String::new(), false),
                heard = self.told.recv() => match self.hear(heard).await {
                    Ok(true) => return (self.event("changed"), true),
                    Ok(false) => {}
                    Err(_) => return (String::new(), false),
                },
                moved = self.moved.recv() => match moved {
                    Ok(Told::Presence(conversation)) if self.scope.allows(&conversation.0) => return (self.presence(&conversation), true),
                    Ok(Told::Written(conversation)) if self.scope.allows(&conversation.0) => return (self.written(&conversation), true),
                    // Who is where is told again within seconds; pages look at everything within a minute.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return (String::new(), false),
                },
                () = sleep_until(self.beat) => return self.beat().await,
            }
        }
    }

    /// Who else is at a conversation. Without an id: it is no part of what a broken stream resumes.
    fn presence(&self, conversation: &Conversation) -> String {
        let words = self.web.board.words(conversation, self.user, self.t);
        let data = serde_json::json!({ "conversation": format!("{}/{}", conversation.0, conversation.1), "words": words });
        format!("event: presence\ndata: {data}\n\n")
    }

    /// Something that is not in the log has changed about a conversation.
    fn written(&mut self, (page, person): &Conversation) -> String {
        let position = self.cursor.get(page).copied().unwrap_or_default();
        self.changed.push(element(page, person, position).into());
        self.count += 1;
        self.event("changed")
    }

    /// Takes in what was told. Whether any of it concerns this reader.
    async fn hear(&mut self, heard: Result<Arc<[Change]>, RecvError>) -> Result<bool, StoreError> {
        match heard {
            Ok(changes) => {
                let mut any = false;
                for change in changes.iter() {
                    any |= self.take_in(change).await?;
                }
                Ok(any)
            }
            Err(RecvError::Lagged(_)) => {
                let cursor = self.cursor.clone();
                self.resume(Some(cursor)).await?;
                Ok(true)
            }
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    async fn take_in(&mut self, change: &Change) -> Result<bool, StoreError> {
        let Change { page, from, to, conversations } = change;
        if !self.scope.allows(page) {
            return Ok(false);
        }
        let mine = self.cursor.get(page).copied().unwrap_or(*from);
        if *to <= mine {
            return Ok(false);
        }
        if *from <= mine {
            self.note(page, conversations);
        } else {
            let missed = self.changed_since(page, mine, *to).await?;
            self.note(page, &missed);
        }
        self.cursor.insert(page.clone(), *to);
        Ok(true)
    }

    async fn changed_since(&self, page: &PageId, after: i64, until: i64) -> Result<Conversations, StoreError> {
        let people = self.web.store.changed_people(page, after, until).await?;
        Ok(Conversations::of(page, people.into_iter().collect()))
    }

    fn note(&mut self, page: &PageId, conversations: &Conversations) {
        match conversations {
            Conversations::Many(known) => match (known, &self.shown) {
                (Some(_), Some((shown, _))) if shown != page => {}
                (Some(known), Some((_, person))) => {
                    let element = known.get(person).map(|position| element(page, person, *position).into());
                    self.count += usize::from(element.is_some());
                    self.changed.extend(element);
                }
                _ => self.everything = true,
            },
            Conversations::These { count: 0, .. } => {}
            Conversations::These { count, elements } => {
                self.count += count;
                self.changed.push(Arc::clone(elements));
            }
        }
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
        let changed = std::mem::take(&mut self.changed);
        let everything = std::mem::take(&mut self.everything) | (std::mem::take(&mut self.count) > MANY);
        let conversations = if everything { String::new() } else { changed.join(",") };
        let data = format!(r#"{{"everything":{everything},"conversations":[{conversations}]}}"#);
        format!("event: {name}\nid: {}\ndata: {data}\n\n", cursor::write(&self.cursor))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}
