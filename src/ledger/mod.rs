//! The one door: everything that changes a conversation is a command here, decided by the rules and committed in groups.

mod advances;
mod assigned;
mod command;
mod done;
mod group;
mod in_process;
mod incoming;
mod orders;
mod process;
mod reading;
mod sends;
mod short_way;
mod sweeper;
mod watch;
mod writer;

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::access::UserId;
use crate::store::Store;
use crate::wire::{AppId, Incoming, PageId, PersonId};

pub use advances::{Advance, Advances};
pub use command::{
    Accepted, Act, Begun, Kept, LedgerError, Memory, NewSend, Order, Ordered, OutboxLease, Received, SendError, SendId, SendJob,
    SendOutcome, SendState,
};
pub use in_process::InProcessDelivery;
pub use process::Process;

/// How many commands may wait before callers wait to be let in.
const WAITING: usize = 8192;

/// One command and where its answer goes.
#[derive(Debug)]
pub(crate) struct Waiting {
    command: Command,
    answer: oneshot::Sender<Result<Reply, LedgerError>>,
}

/// Everything the door takes.
#[derive(Debug)]
pub(crate) enum Command {
    /// An event of the platform.
    Incoming(Box<Incoming>),
    /// A control command.
    Order(Order),
    /// A send.
    Accept(Box<NewSend>),
    /// A send's turn.
    Begin { page: PageId, send: SendId, lease: OutboxLease },
    /// A send's outcome.
    Finish { page: PageId, send: SendId, lease: OutboxLease, outcome: SendOutcome },
    /// An accepted send that nobody waits for any longer.
    Cancel { page: PageId, send: SendId, why: SendError },
    /// What an earlier holder of the outbox left in `sending`.
    Abandoned { page: PageId, lease: OutboxLease },
    /// What people do besides.
    Act { page: PageId, person: PersonId, user: Option<UserId>, act: Act },
    /// The clock's turn.
    Sweep { page: PageId, person: PersonId },
}

impl Command {
    /// The Page whose head it needs.
    pub(crate) fn page(&self) -> &PageId {
        match self {
            Self::Incoming(event) => &event.page,
            Self::Order(order) => &order.page,
            Self::Accept(new) => &new.page,
            Self::Begin { page, .. }
            | Self::Finish { page, .. }
            | Self::Cancel { page, .. }
            | Self::Abandoned { page, .. }
            | Self::Act { page, .. }
            | Self::Sweep { page, .. } => page,
        }
    }
}

/// Everything the door answers.
#[derive(Debug)]
pub(crate) enum Reply {
    Received(Received),
    Ordered(Box<Ordered>),
    Accepted(Accepted),
    Begun(Begun),
    State(SendState),
    Position(i64),
    Count(u64),
}

/// The way in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    door: mpsc::Sender<Waiting>,
    advances: Advances,
    accepted: broadcast::Sender<PageId>,
    store: Store,
    standing: writer::Standing,
}

impl Ledger {
    /// Starts the writer of this process. `own_app` is Baton's own app on the platform. The task ends once every clone of the ledger is
    /// gone and everything that waited is done.
    #[must_use]
    pub fn start(store: Store, process: i64, own_app: AppId) -> (Self, JoinHandle<()>) {
        let (door, waiting) = mpsc::channel(WAITING);
        let standing = writer::Standing::default();
        let ledger = Self { door, advances: Advances::default(), accepted: broadcast::Sender::new(WAITING), store, standing };
        let writer = writer::Writer {
            standing: ledger.standing.clone(),
            store: ledger.store.clone(),
            process,
            own_app,
            door: waiting,
            advances: ledger.advances.clone(),
            accepted: ledger.accepted.clone(),
            rules: reading::RulesCache::new(),
            link: None,
            short_way: short_way::ShortWay::default(),
        };
        let task = tokio::spawn(writer.run());
        (ledger, task)
    }

    /// Takes events of the platform. An answer for each, in order, once all are committed.
    ///
    /// # Errors
    /// When the store is not available: then the platform must be told to come again. Nothing is lost: what was stored is a duplicate then.
    pub async fn receive(&self, events: Vec<Incoming>) -> Result<Vec<Received>, LedgerError> {
        let mut waiting = Vec::with_capacity(events.len());
        for event in events {
            waiting.push(self.ask(Command::Incoming(Box::new(event))).await?);
        }
        let mut received = Vec::with_capacity(waiting.len());
        for answer in waiting {
            received.push(match answer.await.map_err(|_| LedgerError::Stopping)?? {
                Reply::Received(one) => one,
                other => return Err(mismatch(&other)),
            });
        }
        Ok(received)
    }

    /// Gives a control command.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] by the rules; unknown Page or person; store not available.
    pub async fn order(&self, order: Order) -> Result<Ordered, LedgerError> {
        match self.answer(Command::Order(order)).await? {
            Reply::Ordered(ordered) => Ok(*ordered),
            other => Err(mismatch(&other)),
        }
    }

    /// Accepts a send into the outbox, if owner, epoch, window and key allow it.
    ///
    /// # Errors
    /// Every refusal of [`LedgerError`]; then nothing has changed.
    pub async fn accept(&self, send: NewSend) -> Result<Accepted, LedgerError> {
        match self.answer(Command::Accept(Box::new(send))).await? {
            Reply::Accepted(accepted) => Ok(accepted),
            other => Err(mismatch(&other)),
        }
    }

    /// Says that a send's turn has come. On [`Begun::Go`], `sending` is committed.
    ///
    /// # Errors
    /// Unknown send; a lease that is no longer held; store not available.
    pub async fn begin(&self, page: PageId, send: SendId, lease: OutboxLease) -> Result<Begun, LedgerError> {
        match self.answer(Command::Begin { page, send, lease }).await? {
            Reply::Begun(begun) => Ok(begun),
            other => Err(mismatch(&other)),
        }
    }

    /// Records what became of a send, appends its local echo, applies its inline control. The state it has afterwards is the answer:
    /// an echo may have completed it before.
    ///
    /// # Errors
    /// Unknown send; store not available.
    pub async fn finish(&self, page: PageId, send: SendId, lease: OutboxLease, outcome: SendOutcome) -> Result<SendState, LedgerError> {
        match self.answer(Command::Finish { page, send, lease, outcome }).await? {
            Reply::State(state) => Ok(state),
            other => Err(mismatch(&other)),
        }
    }

    /// Takes back a send that is still `accepted`. The state it has afterwards is the answer: a send that began stays begun.
    ///
    /// # Errors
    /// Unknown send; store not available.
    pub async fn cancel(&self, page: PageId, send: SendId, why: SendError) -> Result<SendState, LedgerError> {
        match self.answer(Command::Cancel { page, send, why }).await? {
            Reply::State(state) => Ok(state),
            other => Err(mismatch(&other)),
        }
    }

    /// Makes unknown what earlier holders of the Page's outbox lease left in `sending`. How many there were is the answer.
    ///
    /// # Errors
    /// A lease that is no longer held; store not available.
    pub async fn abandon(&self, page: PageId, lease: OutboxLease) -> Result<u64, LedgerError> {
        match self.answer(Command::Abandoned { page, lease }).await? {
            Reply::Count(count) => Ok(count),
            other => Err(mismatch(&other)),
        }
    }

    /// Does what people do to a conversation besides control and sending. Its place in the log is the answer.
    ///
    /// # Errors
    /// Unknown Page or person; store not available.
    pub async fn act(&self, page: PageId, person: PersonId, user: Option<UserId>, act: Act) -> Result<i64, LedgerError> {
        match self.answer(Command::Act { page, person, user, act }).await? {
            Reply::Position(position) => Ok(position),
            other => Err(mismatch(&other)),
        }
    }

    /// Whether the database did not take what was to be written a moment ago, and nothing since.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.standing.is_failing()
    }

    /// The growth of logs, as this process hears of it.
    #[must_use]
    pub fn advances(&self) -> &Advances {
        &self.advances
    }

    /// Pages whose outbox has got something new, as this process hears of it.
    #[must_use]
    pub fn accepted(&self) -> broadcast::Receiver<PageId> {
        self.accepted.subscribe()
    }

    /// What an in-process app has collected in a conversation: version 0 and null when nothing yet.
    ///
    /// # Errors
    /// When the store is not available.
    pub async fn memory(&self, page: &PageId, person: &PersonId, app: &AppId) -> Result<Memory, LedgerError> {
        let (version, value) = self.store.memory(page, person, app).await?;
        Ok(Memory { version, value })
    }

    async fn ask(&self, command: Command) -> Result<oneshot::Receiver<Result<Reply, LedgerError>>, LedgerError> {
        let (answer, receiver) = oneshot::channel();
        self.door.send(Waiting { command, answer }).await.map_err(|_| LedgerError::Stopping)?;
        Ok(receiver)
    }

    async fn answer(&self, command: Command) -> Result<Reply, LedgerError> {
        self.ask(command).await?.await.map_err(|_| LedgerError::Stopping)?
    }
}

/// The writer answered another question than was asked: a defect, told as unavailability so that callers try again.
fn mismatch(reply: &Reply) -> LedgerError {
    tracing::error!(?reply, "the ledger answered another question");
    LedgerError::Unavailable("unexpected answer".into())
}
