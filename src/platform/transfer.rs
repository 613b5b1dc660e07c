//! Control that crosses the border: asks the platform for what a local command needs of it, and asks who holds a thread where Baton
//! cannot know. A call is never repeated after it may have been heard: then `thread_owner` decides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Client;
use super::client::{Holder, Outcome};
use crate::clock;
use crate::control::{Change, Command, Control, ControlEvent, Owner, PlatformRefusal, Transfer, TransferCall, TransferOutcome};
use crate::failpoint;
use crate::ledger::{Ledger, LedgerError, Order};
use crate::store::Store;
use crate::store::log::LogRow;
use crate::store::platform::Unsettled;
use crate::wire::{PageId, PersonId, Timestamp};

/// How transfers are carried out.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many calls at once. 16.
    pub at_once: usize,
    /// How often to look for what nobody carries out any longer. 15 s.
    pub look: Duration,
    /// After how long a transfer counts as left behind by a process that died: longer than every call. 30 s.
    pub stale: Duration,
    /// After how long a transfer about which the platform tells nothing counts as refused. 10 min.
    pub given_up: Duration,
    /// How long to wait before the same conversation's owner is asked for again when the platform would not name it. 10 min.
    pub ask_again: Duration,
    /// Waits before each further attempt at a call that was not written, or at a question that got no answer. 0.5 s, 2 s, 5 s.
    pub retries: Vec<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            at_once: 16,
            look: Duration::from_secs(15),
            stale: Duration::from_secs(30),
            given_up: Duration::from_secs(600),
            ask_again: Duration::from_secs(600),
            retries: vec![Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)],
        }
    }
}

/// How many conversations are settled in one look.
const LOOKED_AT: i64 = 200;

/// The longest extension the platform takes, in seconds: 7 days.
const LONGEST_EXTENSION: i64 = 604_800;

/// Carries out transfers in the background.
#[derive(Debug)]
pub struct Transfers {
    border: Arc<Border>,
    asked: HashMap<(PageId, PersonId), Instant>,
    /// The last of the conversations that were looked at because their owner has no name.
    looked_at: Option<(PageId, PersonId)>,
    under_way: JoinSet<()>,
}

/// What each task needs.
#[derive(Debug)]
struct Border {
    settings: Settings,
    ledger: Ledger,
    store: Store,
    client: Client,
    room: Semaphore,
}

impl Transfers {
    /// With these settings. Nothing is called before [`Transfers::run`].
    #[must_use]
    pub fn new(settings: Settings, ledger: Ledger, store: Store, client: Client) -> Self {
        let room = Semaphore::new(settings.at_once.max(1));
        Self {
            border: Arc::new(Border { settings, ledger, store, client, room }),
            asked: HashMap::new(),
            looked_at: None,
            under_way: JoinSet::new(),
        }
    }

    /// Carries out until `stop`. Calls under way then are waited for.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut advances = self.border.ledger.advances().subscribe();
        let mut look = tokio::time::interval(self.border.settings.look);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = self.under_way.join_next() => {}
                advance = advances.recv() => match advance {
                    // Rows that another process wrote are that process's to carry out; they do not come along.
                    Ok(advance) => advance.rows.iter().for_each(|row| self.heed(row)),
                    // What was missed counts as left behind after a while.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                _ = look.tick() => self.look().await,
            }
        }
        while self.under_way.join_next().await.is_some() {}
    }

    fn heed(&mut self, row: &LogRow) {
        let (Some(person), "control") = (&row.person, row.kind.as_str()) else { return };
        let event: ControlEvent = match serde_json::from_str(&row.payload) {
            Ok(event) => event,
            Err(error) => return tracing::error!(event = row.event_id(), %error, "a control event cannot be read"),
        };
        let (border, page, person) = (Arc::clone(&self.border), row.page.clone(), person.clone());
        match (event.change, &event.after.transfer, &event.after.owner) {
            (Change::TransferBegun, Some(transfer), _) => {
                let transfer = transfer.clone();
                self.under_way.spawn(async move { border.carry_out(&page, &person, &transfer).await });
            }
            (Change::External, _, Owner::External { app: None, .. }) => self.ask(page, person, &event.after),
            (Change::Extended, _, Owner::App { until, .. }) => {
                let seconds = until.since(row.at) / 1000;
                self.under_way.spawn(async move { border.mirror_extension(&page, &person, seconds).await });
            }
            _ => {}
        }
    }

    /// Asks who holds a conversation.
    fn ask(&mut self, page: PageId, person: PersonId, control: &Control) {
        self.asked.insert((page.clone(), person.clone()), Instant::now());
        let (border, newest) = (Arc::clone(&self.border), newest(control));
        self.under_way.spawn(async move {
            border.settle(&page, &person, newest).await;
        });
    }

    /// Settles what a process that died, or an event that was missed, has left behind.
    async fn look(&mut self) {
        let unsettled = match self.border.store.unsettled(LOOKED_AT, self.looked_at.as_ref()).await {
            Ok(unsettled) => unsettled,
            Err(error) => return tracing::warn!(%error, "cannot look for transfers"),
        };
        let ask_again = self.border.settings.ask_again;
        self.asked.retain(|_, at| at.elapsed() < ask_again);
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let (stale, given_up) = (millis(self.border.settings.stale), millis(self.border.settings.given_up));
        let unnamed: Vec<&Unsettled> = unsettled.iter().filter(|one| one.control.transfer.is_none()).collect();
        // The round begins anew once it has come to its end.
        let goes_on = i64::try_from(unnamed.len()).is_ok_and(|count| count >= LOOKED_AT);
        self.looked_at = unnamed.last().filter(|_| goes_on).map(|one| (one.page.clone(), one.person.clone()));
        for Unsettled { page, person, control } in unsettled {
            match &control.transfer {
                Some(transfer) if clock::now().since(transfer.begun_at) < stale => {}
                Some(transfer) => {
                    let (border, begun_at) = (Arc::clone(&self.border), transfer.begun_at);
                    self.under_way.spawn(async move {
                        if !border.settle(&page, &person, newest(&control)).await && clock::now().since(begun_at) >= given_up {
                            border.give_up(&page, &person, begun_at).await;
                        }
                    });
                }
                None if self.asked.contains_key(&(page.clone(), person.clone())) => {}
                None => self.ask(page, person, &control),
            }
        }
    }
}

/// What the answer to a question asked now is newer than: the clock of this machine may be behind the database's.
fn newest(control: &Control) -> Timestamp {
    control.transfer.as_ref().map_or(control.changed_at, |transfer| transfer.begun_at.max(control.changed_at))
}

impl Border {
    /// Asks the platform for a transfer and tells the ledger what it said.
    async fn carry_out(&self, page: &PageId, person: &PersonId, transfer: &Transfer) {
        let outcome = {
            let Ok(_permit) = self.room.acquire().await else { return };
            failpoint::pass("transfer.call");
            self.call(page, person, transfer).await
        };
        failpoint::pass("transfer.called");
        metrics::counter!("baton_transfers_total", "outcome" => label(&outcome)).increment(1);
        let unknown = outcome == TransferOutcome::Unknown;
        self.tell(page, person, Command::TransferDone { begun_at: transfer.begun_at, outcome }).await;
        if unknown {
            self.settle(page, person, transfer.begun_at).await;
        }
    }

    /// The call, again only as long as nothing of it has left.
    async fn call(&self, page: &PageId, person: &PersonId, transfer: &Transfer) -> TransferOutcome {
        let metadata = transfer.metadata.as_ref();
        let mut retries = self.settings.retries.iter();
        loop {
            let outcome = match &transfer.call {
                TransferCall::Pass { target } => self.client.pass(page, person, target, metadata).await,
                TransferCall::Take => self.client.take(page, person, metadata).await,
                TransferCall::Request => self.client.request(page, person, metadata).await,
            };
            match outcome {
                Outcome::Answered(_) => return TransferOutcome::Done,
                Outcome::Refused(refused) => {
                    let (code, subcode) = (refused.error.code, refused.error.subcode);
                    tracing::info!(%page, code, subcode, message = refused.error.message, "the platform refused a transfer of control");
                    let why = PlatformRefusal { code, subcode, message: refused.error.message.into() };
                    return TransferOutcome::Refused { why: Some(why) };
                }
                Outcome::Unknown(_) => return TransferOutcome::Unknown,
                Outcome::NotWritten(_) => match retries.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return TransferOutcome::Refused { why: None },
                },
            }
        }
    }

    /// A transfer about which the platform tells nothing for so long counts as refused: until it has an outcome, nobody can do anything with the
    /// conversation. If it did happen, the platform's next events say who holds it.
    async fn give_up(&self, page: &PageId, person: &PersonId, begun_at: Timestamp) {
        tracing::warn!(%page, "the platform does not tell what became of a transfer; it counts as refused");
        self.tell(page, person, Command::TransferDone { begun_at, outcome: TransferOutcome::Refused { why: None } }).await;
    }

    /// Lets `thread_owner` decide who holds a conversation. False: it gave no answer, and the next look asks again.
    async fn settle(&self, page: &PageId, person: &PersonId, newest: Timestamp) -> bool {
        let Ok(_permit) = self.room.acquire().await else { return false };
        let mut retries = self.settings.retries.iter();
        loop {
            let at = clock::now().max(newest);
            match self.client.thread_owner(page, person).await {
                Ok(holder) => {
                    let (app, holds) = match holder {
                        Holder::NotOutside => (None, false),
                        Holder::Outside(app) => (Some(app), true),
                        Holder::OutsideUnnamed => (None, true),
                    };
                    self.tell(page, person, Command::ExternalOwner { app, holds, at }).await;
                    return true;
                }
                Err(Outcome::Refused(refused)) => {
                    tracing::warn!(%page, code = refused.error.code, subcode = refused.error.subcode, "the platform does not tell who holds a thread");
                    return false;
                }
                Err(_) => match retries.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return false,
                },
            }
        }
    }

    /// A longer lease here is a longer one on the platform, where it has anything to decide. Without its consent nothing breaks here.
    async fn mirror_extension(&self, page: &PageId, person: &PersonId, seconds: i64) {
        let Ok(_permit) = self.room.acquire().await else { return };
        match self.store.rules(page).await {
            Ok(Some(versioned)) if !versioned.rules.external_apps.is_empty() => {}
            _ => return,
        }
        let outcome = self.client.extend(page, person, seconds.clamp(1, LONGEST_EXTENSION)).await;
        if let Outcome::Refused(refused) = outcome {
            tracing::info!(%page, code = refused.error.code, "the platform did not extend thread control");
        }
    }

    /// Tells the ledger, as often as the store needs within the retries; what stays untold is found by the next look.
    async fn tell(&self, page: &PageId, person: &PersonId, command: Command) {
        let order = Order { page: page.clone(), person: person.clone(), command, user: None };
        let mut retries = self.settings.retries.iter();
        loop {
            match self.ledger.order(order.clone()).await {
                Ok(_) => return,
                // Told twice, it is taken once.
                Err(error @ (LedgerError::Unavailable(_) | LedgerError::Untold)) => match retries.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return tracing::warn!(%page, %error, "the outcome of a transfer could not be written"),
                },
                Err(error) => return tracing::warn!(%page, %error, "the outcome of a transfer was not taken"),
            }
        }
    }
}

const fn label(outcome: &TransferOutcome) -> &'static str {
    match outcome {
        TransferOutcome::Done => "done",
        TransferOutcome::Refused { .. } => "refused",
        TransferOutcome::Unknown => "unknown",
    }
}
