//! Reads the log on for the search. It gives way to everything else: it reads little at once, and while others write it rests several times as
//! long as it worked.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::words::{short_terms, terms, text_of, words};
use crate::ledger::Ledger;
use crate::store::log::LogRow;
use crate::store::search::keep::{Changed, Claim, Known, Line, Named, author};
use crate::store::{Store, StoreError};
use crate::wire::PageId;

/// Rows that are read at once: whoever writes the log meanwhile waits no longer than these take.
const ROWS: i64 = 200;

/// How many times as long as it worked it rests before it reads on, if somebody has written meanwhile.
const REST: u32 = 9;

/// How long it waits after it heard of something: what comes in a moment is read together.
const GATHER: Duration = Duration::from_millis(300);

/// How often it looks by itself: for names that the platform told, and for what another process wrote or left unread.
const LOOK: Duration = Duration::from_secs(1);

/// Names told so long before the newest are looked at again: who tells one may commit it later than another.
const LATE: Duration = Duration::from_secs(10);

/// Reads until `stop`. One task a process; of several processes one reads a Page at a time.
pub async fn run(store: Store, ledger: Ledger, stop: CancellationToken) {
    let mut reader = Reader { store, read: BTreeMap::new(), written: 0, met: HashSet::new() };
    loop {
        if let Err(error) = reader.turn().await {
            tracing::warn!(%error, "the search waits for the store");
        }
        // Not before: what is told to a listener that is busy is kept for it, and that is the rows themselves.
        let mut advances = ledger.advances().subscribe();
        tokio::select! {
            () = stop.cancelled() => return,
            heard = advances.recv() => match heard {
                // The next turn reads all of it: it goes by the heads of the Pages.
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    drop(advances);
                    tokio::time::sleep(GATHER).await;
                }
                Err(RecvError::Closed) => return,
            },
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

struct Reader {
    store: Store,
    /// Pages that are read to the end, and where that was.
    read: BTreeMap<PageId, i64>,
    /// How much was in all logs when it last read.
    written: i64,
    /// Names told shortly before the newest, which need not be written again.
    met: HashSet<Named>,
}

/// Rows that were read.
struct Reading {
    /// The last of them.
    position: i64,
    /// How much was in all logs by then.
    written: i64,
}

impl Reader {
    async fn turn(&mut self) -> Result<(), StoreError> {
        for (page, head) in self.store.heads().await? {
            while self.read.get(&page).is_none_or(|read| *read < head) {
                let began = Instant::now();
                let Some(Reading { position, written }) = self.read_on(&page, head).await? else { break };
                self.read.insert(page.clone(), position);
                let quiet = std::mem::replace(&mut self.written, written) == written;
                if !quiet {
                    tokio::time::sleep(began.elapsed() * REST).await;
                }
            }
        }
        self.names().await
    }

    /// Reads some rows of a log that reaches `head`. `None`: another process is at it.
    async fn read_on(&self, page: &PageId, head: i64) -> Result<Option<Reading>, StoreError> {
        let Some(mut claim) = self.store.claim_search(Some(page)).await? else { return Ok(None) };
        let rows = self.store.log_after(page, claim.position, ROWS).await?;
        let reading = Reading { position: rows.last().map_or(head.max(claim.position), |row| row.position), written: claim.written };
        write(&mut claim, page, &rows).await?;
        claim.done(reading.position, None).await?;
        Ok(Some(reading))
    }

    /// Reads names that were told since the last time, and of those told shortly before, which may have been committed since, the ones that are new.
    async fn names(&mut self) -> Result<(), StoreError> {
        let Some(mut claim) = self.store.claim_search(None).await? else { return Ok(()) };
        let since = claim.people_until.map(|until| until - LATE);
        let (mut last, mut read): (Option<Named>, Vec<Named>) = (None, Vec::new());
        let mut met_any = false;
        loop {
            let told = self.store.names_told(since, last.as_ref(), ROWS).await?;
            let full = told.len() >= usize::try_from(ROWS).unwrap_or(usize::MAX);
            last = told.last().cloned().or(last);
            let new: Vec<Named> = told.into_iter().filter(|named| !self.met.contains(named)).collect();
            if !new.is_empty() {
                met_any = true;
                claim.meet(&new.iter().map(known).collect::<Vec<_>>(), true).await?;
            }
            read.extend(new);
            let late = last.as_ref().map(|named| named.told - LATE);
            read.retain(|named| late.is_none_or(|late| named.told >= late));
            if !full {
                break;
            }
        }
        if met_any {
            claim.done(0, last.as_ref().map(|named| named.told)).await?;
            let late = last.map(|named| named.told - LATE);
            self.met.extend(read);
            self.met.retain(|named| late.is_none_or(|late| named.told >= late));
        }
        Ok(())
    }
}

async fn write(claim: &mut Claim, page: &PageId, rows: &[LogRow]) -> Result<(), StoreError> {
    let lines: Vec<Line> = rows.iter().filter(|row| row.kind != "edit").filter_map(line).collect();
    if !lines.is_empty() {
        claim.add(&lines).await?;
    }
    let mut seen = HashSet::new();
    let people = rows.iter().filter_map(|row| row.person.as_ref()).filter(|person| seen.insert((*person).clone()));
    let people: Vec<Known> = people.map(|person| with_terms(page.to_string(), person.to_string(), "")).collect();
    if !people.is_empty() {
        claim.meet(&people, false).await?;
    }
    for row in rows {
        if let Some(changed) = changed(row) {
            claim.change(&changed).await?;
        }
    }
    Ok(())
}

fn line(row: &LogRow) -> Option<Line> {
    if row.scrubbed {
        return None;
    }
    let text = text_of(&row.kind, &row.payload)?;
    let words = words(&text);
    let line = Line {
        position: row.position,
        person: row.person.clone()?,
        at: row.at,
        author: author(row),
        words: super::words::spaced(&words),
        terms: terms(&words),
    };
    (!words.is_empty()).then_some(line)
}

fn changed(row: &LogRow) -> Option<Changed> {
    let now = match row.kind.as_str() {
        "edit" if !row.scrubbed => {
            let words = words(&text_of("edit", &row.payload)?);
            Some((super::words::spaced(&words), terms(&words)))
        }
        "unsend" => None,
        _ => return None,
    };
    Some(Changed { position: row.position, person: row.person.clone()?, mid: row.mid.clone()?, now })
}

fn known(named: &Named) -> Known {
    with_terms(named.page.clone(), named.person.clone(), &named.name)
}

/// Somebody by name and id. The end of an id is what people see of it, so it is known as well.
fn with_terms(page: String, person: String, name: &str) -> Known {
    let words = words(&format!("{name} {person}"));
    let mut terms = terms(&words);
    terms.extend(short_terms(&words));
    terms.extend(super::resolve::end_of_id(&person));
    Known { words: super::words::spaced(&words), terms, page, person }
}
