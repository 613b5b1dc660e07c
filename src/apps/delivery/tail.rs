//! The newest rows of a Page, read once for all its subscriptions.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ledger::{Advance, Advances};
use crate::store::Store;
use crate::store::log::LogRow;
use crate::wire::PageId;

/// Rows are kept no longer than this: what is scrubbed later must be read anew.
pub(super) const FRESH: Duration = Duration::from_secs(30);
/// Rows read from the database at once.
pub(super) const READ_AT_ONCE: i64 = 512;
/// A Page that has grown by more than this since it was last looked at is not caught up here: its subscriptions read the log themselves.
const LEAP: i64 = 4096;

/// What a look at the tail gave.
#[derive(Debug)]
pub(super) enum Look {
    /// Rows that follow, without a gap.
    Rows(Vec<Arc<LogRow>>),
    /// The log must be asked: the tail begins later.
    Behind,
    /// There is nothing newer yet.
    Nothing,
}

/// The newest rows of one Page, consecutive.
#[derive(Debug)]
pub(super) struct Tail {
    page: PageId,
    state: Mutex<State>,
    last: watch::Sender<i64>,
    limit: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct State {
    rows: VecDeque<(Instant, Arc<LogRow>)>,
    /// The newest position held, or where the tail begins when it holds nothing.
    last: i64,
    /// The newest position heard of.
    announced: i64,
    bytes: usize,
    reading: bool,
}

impl Tail {
    fn new(page: PageId, head: i64, limit: Arc<AtomicUsize>) -> Self {
        let state = State { rows: VecDeque::new(), last: head, announced: head, bytes: 0, reading: false };
        Self { page, state: Mutex::new(state), last: watch::Sender::new(head), limit }
    }

    /// Tells the newest position whenever it changes.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.last.subscribe()
    }

    /// Up to `most` rows after a position.
    pub fn after(&self, position: i64, most: usize) -> Look {
        let state = self.lock();
        if position >= state.last {
            return Look::Nothing;
        }
        let Some(first) = state.rows.front().map(|(_, row)| row.position).filter(|&first| first <= position + 1) else {
            return Look::Behind;
        };
        let skip = usize::try_from(position + 1 - first).unwrap_or(usize::MAX);
        Look::Rows(state.rows.iter().skip(skip).take(most).map(|(_, row)| Arc::clone(row)).collect())
    }

    /// The oldest position from which the tail can go on: everything before must be asked of the log.
    pub fn begins_after(&self) -> i64 {
        let state = self.lock();
        state.rows.front().map_or(state.last, |(_, row)| row.position - 1)
    }

    /// Takes rows in. False: they do not follow what is held, so the log must be read in between.
    fn extend(&self, rows: &[LogRow], now: Instant) -> bool {
        let mut state = self.lock();
        state.announced = state.announced.max(rows.last().map_or(0, |row| row.position));
        for row in rows {
            if row.position == state.last + 1 {
                state.last = row.position;
                state.bytes += row.weight();
                state.rows.push_back((now, Arc::new(row.clone())));
            }
        }
        state.evict(now, self.limit.load(Ordering::Relaxed));
        let last = state.last;
        let complete = last >= state.announced;
        drop(state);
        self.last.send_if_modified(|known| std::mem::replace(known, last) != last);
        complete
    }

    /// Hears that the Page's log reaches a position. True: it must be read up to there, and nobody does so yet.
    fn announce(&self, position: i64, now: Instant) -> bool {
        let mut state = self.lock();
        state.announced = state.announced.max(position);
        state.evict(now, self.limit.load(Ordering::Relaxed));
        if state.announced - state.last > LEAP {
            state.leap();
            drop(state);
            self.last.send_replace(position);
            return false;
        }
        state.announced > state.last && !std::mem::replace(&mut state.reading, true)
    }

    async fn read(self: Arc<Self>, store: Store) {
        loop {
            let last = self.lock().last;
            match store.log_after(&self.page, last, READ_AT_ONCE).await {
                Ok(rows) => self.extend(&rows, Instant::now()),
                Err(error) => {
                    tracing::warn!(page = %self.page, %error, "cannot read the log; will be tried again within a second");
                    self.lock().reading = false;
                    return;
                }
            };
            let mut state = self.lock();
            if state.last == last {
                // What was announced is not there any more: whoever needs it finds out from the log.
                state.leap();
            }
            if state.last >= state.announced {
                state.reading = false;
                let reached = state.last;
                drop(state);
                self.last.send_replace(reached);
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives up on what lies between.
    fn leap(&mut self) {
        self.rows.clear();
        self.bytes = 0;
        self.last = self.announced;
    }

    fn evict(&mut self, now: Instant, limit: usize) {
        while self.rows.front().is_some_and(|(at, _)| self.bytes > limit || now.saturating_duration_since(*at) > FRESH) {
            if let Some((_, row)) = self.rows.pop_front() {
                self.bytes = self.bytes.saturating_sub(row.weight());
            }
        }
    }
}

/// The tails of the Pages that this process delivers for.
#[derive(Debug)]
pub(super) struct Tails {
    store: Store,
    budget: usize,
    limit: Arc<AtomicUsize>,
    tails: Mutex<HashMap<PageId, Weak<Tail>>>,
}

impl Tails {
    /// None yet, within a budget of bytes for all together.
    pub fn new(store: Store, budget: usize) -> Arc<Self> {
        Arc::new(Self { store, budget, limit: Arc::new(AtomicUsize::new(budget)), tails: Mutex::default() })
    }

    /// A Page's tail, for as long as somebody holds it. It begins at `head` if there was none.
    pub fn of(&self, page: &PageId, head: i64) -> Arc<Tail> {
        let mut tails = self.lock();
        if let Some(tail) = tails.get(page).and_then(Weak::upgrade) {
            return tail;
        }
        tails.retain(|_, tail| tail.strong_count() > 0);
        let tail = Arc::new(Tail::new(page.clone(), head, Arc::clone(&self.limit)));
        tails.insert(page.clone(), Arc::downgrade(&tail));
        self.limit.store(self.budget / tails.len().max(1), Ordering::Relaxed);
        tail
    }

    /// Hears that a Page's log reaches a position.
    pub fn announce(&self, page: &PageId, position: i64) {
        let Some(tail) = self.get(page) else { return };
        if tail.announce(position, Instant::now()) {
            tokio::spawn(tail.read(self.store.clone()));
        }
    }

    /// Follows the growth of logs until `stop`.
    pub async fn follow(self: Arc<Self>, advances: Advances, stop: CancellationToken) {
        let mut advances = advances.subscribe();
        loop {
            let advance = tokio::select! {
                () = stop.cancelled() => return,
                advance = advances.recv() => advance,
            };
            match advance {
                Ok(advance) => self.take(&advance),
                Err(RecvError::Lagged(_)) => self.look_again().await,
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn take(&self, advance: &Advance) {
        let Some(tail) = self.get(&advance.page) else { return };
        if advance.rows.is_empty() || !tail.extend(&advance.rows, Instant::now()) {
            self.announce(&advance.page, advance.position);
        }
    }

    /// Some advances were missed.
    async fn look_again(&self) {
        match self.store.heads().await {
            Ok(heads) => heads.iter().for_each(|(page, position)| self.announce(page, *position)),
            Err(error) => tracing::warn!(%error, "cannot look at the heads; will be tried again within a second"),
        }
    }

    fn get(&self, page: &PageId) -> Option<Arc<Tail>> {
        self.lock().get(page).and_then(Weak::upgrade)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PageId, Weak<Tail>>> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use crate::control::{Audience, Epoch};
    use crate::wire::Timestamp;

    fn row(position: i64) -> LogRow {
        LogRow {
            page: PageId::parse("1").unwrap(),
            position,
            person: None,
            at: Timestamp::from_millis(0),
            happened_at: Timestamp::from_millis(0),
            kind: "message".into(),
            field: "messages".into(),
            mid: None,
            app: None,
            user: None,
            audience: Audience::Everyone,
            button_app: None,
            epoch: Epoch(0),
            payload: "{}".into(),
            scrubbed: false,
        }
    }

    fn tail(head: i64, limit: usize) -> Tail {
        Tail::new(PageId::parse("1").unwrap(), head, Arc::new(AtomicUsize::new(limit)))
    }

    fn positions(look: Look) -> Vec<i64> {
        match look {
            Look::Rows(rows) => rows.iter().map(|row| row.position).collect(),
            Look::Behind | Look::Nothing => Vec::new(),
        }
    }

    #[tokio::test]
    async fn it_gives_what_follows_and_says_when_it_cannot() {
        let now = Instant::now();
        let tail = tail(10, 1 << 20);
        assert!(matches!(tail.after(10, 9), Look::Nothing));
        assert!(matches!(tail.after(9, 9), Look::Behind));
        assert!(tail.extend(&[row(10), row(11), row(12), row(13)], now));
        assert_eq!(positions(tail.after(10, 9)), [11, 12, 13]);
        assert_eq!(positions(tail.after(11, 1)), [12]);
        assert!(matches!(tail.after(13, 9), Look::Nothing));
        assert!(matches!(tail.after(3, 9), Look::Behind));
        assert_eq!(*tail.watch().borrow(), 13);
    }

    #[tokio::test]
    async fn a_gap_is_read_once() {
        let now = Instant::now();
        let tail = tail(10, 1 << 20);
        assert!(!tail.extend(&[row(13)], now), "11 and 12 are missing");
        assert!(matches!(tail.after(10, 9), Look::Nothing));
        assert!(tail.announce(13, now));
        assert!(!tail.announce(13, now), "somebody reads already");
        assert!(tail.extend(&[row(11), row(12), row(13)], now));
        assert_eq!(positions(tail.after(10, 9)), [11, 12, 13]);
    }

    #[tokio::test]
    async fn old_rows_leave_when_the_budget_or_their_time_is_over() {
        let now = Instant::now();
        let tail = tail(0, 2 * row(1).weight());
        tail.extend(&[row(1), row(2), row(3)], now);
        assert!(matches!(tail.after(0, 9), Look::Behind));
        assert_eq!(tail.begins_after(), 1);
        assert_eq!(positions(tail.after(1, 9)), [2, 3]);
        tail.announce(3, now + FRESH + Duration::from_secs(1));
        assert!(matches!(tail.after(1, 9), Look::Behind));
        assert!(matches!(tail.after(3, 9), Look::Nothing));
    }

    #[tokio::test]
    async fn a_leap_is_left_to_the_log() {
        let now = Instant::now();
        let tail = tail(0, 1 << 20);
        assert!(!tail.announce(LEAP + 1, now));
        assert!(matches!(tail.after(0, 9), Look::Behind));
        assert_eq!(*tail.watch().borrow(), LEAP + 1);
    }
}
