//! The task of one subscription: asks its [`Machine`] what to do, does it, and tells it what came of it. It alone owns the machine.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use metrics::{Counter, Histogram, counter, gauge, histogram};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Hearing, Verdict};
use super::machine::{Machine, Timeline, Work};
use super::progress::Unwritten;
use super::render::Letter;
use super::settings::Settings;
use super::tail::{FRESH, Look, READ_AT_ONCE, Tail};
use super::transport::Transport;
use crate::failpoint;
use crate::ledger::Process;
use crate::store::delivery::SubscriptionKey;
use crate::store::delivery_health::HealthChange;
use crate::store::log::LogRow;
use crate::store::{Store, StoreError};

/// A POST starts only if the lease holds for its time-out and this.
const LEASE_MARGIN: Duration = Duration::from_millis(250);
/// How soon to look again when the lease does not hold long enough.
const LEASE_AGAIN: Duration = Duration::from_millis(100);
/// How soon to try again when the database did not do something.
const STORE_AGAIN: Duration = Duration::from_secs(1);
/// Rows taken from the tail at once.
const ROWS_AT_ONCE: usize = 256;
/// Why a subscription is disabled after a 410. An admin must look: the app may have moved.
const SAID_GONE: &str = "the app answered 410 Gone";

/// What an admin or the app can change while it runs.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub letter: Letter,
    pub hearing: Hearing,
    pub transport: Transport,
    pub batch: usize,
}

/// A subscription at work.
#[derive(Debug)]
pub(super) struct Subscription {
    pub key: SubscriptionKey,
    pub generation: i64,
    pub store: Store,
    pub process: Process,
    pub settings: Arc<Settings>,
    pub terms: watch::Receiver<Arc<Terms>>,
    pub tail: Arc<Tail>,
    pub unwritten: Arc<Unwritten>,
    /// The app is there: whoever delivers to it must know at once.
    pub sign_of_life: Arc<Notify>,
    pub stop: CancellationToken,
}

/// Something that was under way and is over.
#[derive(Debug)]
enum Done {
    Tried(Vec<Event>, Verdict, Duration),
    /// The lease did not hold long enough by then, or nobody knew whether something had been taken back meanwhile.
    NotTried(Vec<Event>),
    Timeline(Timeline, Result<Vec<LogRow>, StoreError>),
    Log {
        asked_after: i64,
        rows: Result<Vec<LogRow>, StoreError>,
    },
    Health(HealthChange, Result<bool, StoreError>),
}

/// The task's own state beside the machine's.
#[derive(Debug)]
struct Running {
    machine: Machine,
    /// What is under way. It runs in this task: what comes of a try is at hand without waking anybody, and all that is ready is taken
    /// in before the machine is asked again.
    jobs: FuturesUnordered<BoxFuture<'static, Done>>,
    meters: Meters,
    reading_log: bool,
    recording_health: bool,
    /// Not before then, because the database or the lease said so.
    log_again: Option<Instant>,
    health_again: Option<Instant>,
    lease_again: Option<Instant>,
    /// Disabled, or another process has taken over.
    over: bool,
}

/// What is measured of every try, looked up once.
#[derive(Debug)]
struct Meters {
    seconds: Histogram,
    taken: Counter,
    gone: Counter,
    unreachable: Counter,
    failed: Counter,
}

impl Meters {
    fn new() -> Self {
        let deliveries = |result: &'static str| counter!("baton_deliveries_total", "result" => result);
        Self {
            seconds: histogram!("baton_delivery_seconds"),
            taken: deliveries("taken"),
            gone: deliveries("gone"),
            unreachable: deliveries("unreachable"),
            failed: deliveries("failed"),
        }
    }

    fn count(&self, events: &[Event], verdict: &Verdict, took: Duration) {
        self.seconds.record(took);
        let counter = match verdict {
            Verdict::Taken => &self.taken,
            Verdict::Gone => &self.gone,
            Verdict::Failed(failure) if failure.unreachable => &self.unreachable,
            Verdict::Failed(_) => &self.failed,
        };
        counter.increment(u64::try_from(events.len()).unwrap_or_default());
    }
}

impl Subscription {
    /// Delivers until told to stop, until the subscription is disabled, or until another process has taken over. What is under way at
    /// the end is waited for.
    pub async fn run(mut self, machine: Machine) {
        let mut running = Running {
            machine,
            jobs: FuturesUnordered::new(),
            meters: Meters::new(),
            reading_log: false,
            recording_health: false,
            log_again: None,
            health_again: None,
            lease_again: None,
            over: false,
        };
        let mut head = self.tail.watch();
        let sign_of_life = Arc::clone(&self.sign_of_life);
        let mut stopped = pin!(self.stop.clone().cancelled_owned());
        while !running.over && !self.unwritten.is_lost() {
            head.mark_unchanged();
            self.step(&mut running);
            let wake = running.wake_at(Instant::now());
            tokio::select! {
                () = &mut stopped => break,
                Some(done) = running.jobs.next() => self.finished(&mut running, done),
                changed = head.changed() => if changed.is_err() { break },
                changed = self.terms.changed() => if changed.is_err() { break },
                () = sign_of_life.notified() => running.machine.health.sign_of_life(Instant::now()),
                () = sleep_until(wake) => {}
            }
        }
        self.wind_up(running).await;
    }

    /// Does everything that can be done now.
    fn step(&mut self, running: &mut Running) {
        let now = Instant::now();
        let terms = Arc::clone(&self.terms.borrow_and_update());
        running.machine.set_batch(terms.batch);
        self.read_log(running, &terms, now);
        self.start_work(running, &terms, now);
        self.record_health(running, now);
        self.note_progress(&mut running.machine);
    }

    fn note_progress(&self, machine: &mut Machine) {
        let changes = machine.take_changes();
        if !changes.parked.is_empty() {
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            gauge!("baton_parked_conversations", "page" => self.key.0.to_string(), "app" => self.key.1.to_string())
                .set(machine.parked() as f64);
        }
        self.unwritten.note(machine.cursor(), changes);
    }

    /// Takes what is new, from memory if it is there.
    fn read_log(&self, running: &mut Running, terms: &Terms, now: Instant) {
        while !running.reading_log && running.machine.has_room() && running.log_again.is_none_or(|at| at <= now) {
            running.log_again = None;
            match self.tail.after(running.machine.read(), ROWS_AT_ONCE) {
                Look::Nothing => break,
                Look::Rows(rows) => rows.into_iter().for_each(|row| take_row(&mut running.machine, terms, row, now)),
                Look::Behind => {
                    running.reading_log = true;
                    let (store, page, asked_after) = (self.store.clone(), self.key.0.clone(), running.machine.read());
                    running.begin(async move {
                        let rows = store.log_after(&page, asked_after, READ_AT_ONCE).await;
                        Done::Log { asked_after, rows }
                    });
                }
            }
        }
    }

    fn start_work(&self, running: &mut Running, terms: &Arc<Terms>, now: Instant) {
        if self.process.lease_left() < terms.transport.timeout() + LEASE_MARGIN {
            running.lease_again = Some(now + LEASE_AGAIN);
            return;
        }
        running.lease_again = None;
        while let Some(work) = running.machine.next(now) {
            match work {
                Work::Deliver(events) => running.begin(deliver(self.store.clone(), self.process.clone(), Arc::clone(terms), events)),
                Work::Read(timeline) => running.begin(read_timeline(self.store.clone(), self.key.clone(), timeline)),
            }
        }
    }

    /// Lets the rules of control know how the app is, when that has changed.
    fn record_health(&self, running: &mut Running, now: Instant) {
        if running.recording_health || running.health_again.is_some_and(|at| at > now) {
            return;
        }
        running.health_again = None;
        let health = &running.machine.health;
        let change = match health.surely_down_for(now) {
            _ if running.machine.gone => HealthChange::Disabled(SAID_GONE.to_owned()),
            Some(lasts) if lasts >= self.settings.disabled_after && health.has_failed_here() => {
                HealthChange::Disabled(format!("nothing could be delivered for {} days", lasts.as_secs() / 86_400))
            }
            Some(lasts) if lasts >= self.settings.told_after && !health.recorded_down => HealthChange::Down(lasts),
            _ if !health.is_down() && health.recorded_down => HealthChange::Up,
            _ => return,
        };
        running.recording_health = true;
        let (store, key, generation) = (self.store.clone(), self.key.clone(), self.generation);
        running.begin(async move {
            let result = store.record_health(&key, generation, &change).await;
            Done::Health(change, result)
        });
    }

    /// Takes in what is over, and whatever else is over by now.
    fn finished(&self, running: &mut Running, done: Done) {
        let now = Instant::now();
        let terms = Arc::clone(&self.terms.borrow());
        self.take_in(running, &terms, done, now);
        while let Some(Some(done)) = running.jobs.next().now_or_never() {
            self.take_in(running, &terms, done, now);
        }
    }

    fn take_in(&self, running: &mut Running, terms: &Terms, done: Done, now: Instant) {
        match done {
            Done::Tried(events, verdict, took) => {
                running.meters.count(&events, &verdict, took);
                running.machine.tried(events, verdict, now);
            }
            Done::NotTried(events) => running.machine.not_tried(events),
            Done::Timeline(asked, Ok(rows)) => {
                let complete = rows.len() < usize::try_from(READ_AT_ONCE).unwrap_or(usize::MAX);
                let heard =
                    rows.into_iter().map(|row| (terms.hearing.hear(&row), row)).map(|(heard, row)| (Arc::new(row), heard)).collect();
                running.machine.timeline(&asked, heard, complete, now);
            }
            Done::Timeline(asked, Err(error)) => {
                tracing::warn!(page = %self.key.0, app = %self.key.1, %error, "cannot read a timeline");
                running.machine.timeline_failed(&asked, now);
            }
            Done::Log { asked_after, rows } => self.log_read(running, terms, asked_after, rows, now),
            Done::Health(change, result) => self.health_recorded(running, change, result, now),
        }
    }

    fn log_read(&self, running: &mut Running, terms: &Terms, asked_after: i64, rows: Result<Vec<LogRow>, StoreError>, now: Instant) {
        running.reading_log = false;
        match rows {
            Ok(rows) if rows.is_empty() => {
                let next = self.tail.begins_after() + 1;
                if next > asked_after + 1 {
                    running.machine.gap_before(next);
                }
            }
            Ok(rows) => rows.into_iter().for_each(|row| take_row(&mut running.machine, terms, Arc::new(row), now)),
            Err(error) => {
                tracing::warn!(page = %self.key.0, app = %self.key.1, %error, "cannot read the log");
                running.log_again = Some(now + STORE_AGAIN);
            }
        }
    }

    fn health_recorded(&self, running: &mut Running, change: HealthChange, result: Result<bool, StoreError>, now: Instant) {
        running.recording_health = false;
        let (page, app) = (&self.key.0, &self.key.1);
        match (result, change) {
            (Ok(true), HealthChange::Down(lasts)) => {
                running.machine.health.recorded_down = true;
                counter!("baton_outages_total").increment(1);
                tracing::warn!(%page, %app, seconds = lasts.as_secs(), "the app is down");
            }
            (Ok(true), HealthChange::Up) => {
                running.machine.health.recorded_down = false;
                tracing::info!(%page, %app, "the app is up again");
            }
            (Ok(true), HealthChange::Disabled(reason)) => {
                running.over = true;
                tracing::warn!(%page, %app, reason, "the subscription is disabled");
            }
            (Ok(false), _) => running.over = true,
            (Err(error), _) => {
                tracing::warn!(%page, %app, %error, "cannot record the app's health");
                running.health_again = Some(now + STORE_AGAIN);
            }
        }
    }

    /// Waits for what is under way, so that nothing comes again.
    async fn wind_up(&self, mut running: Running) {
        while let Some(done) = running.jobs.next().await {
            self.finished(&mut running, done);
        }
        running.machine.leave(Instant::now());
        self.note_progress(&mut running.machine);
    }
}

impl Running {
    fn begin(&mut self, job: impl Future<Output = Done> + Send + 'static) {
        self.jobs.push(job.boxed());
    }

    /// When something may have to be done although nothing happens.
    fn wake_at(&self, now: Instant) -> Option<Instant> {
        // Outages are recorded and ended by time as well.
        let look = self.machine.health.is_down().then(|| now + STORE_AGAIN);
        let times =
            [self.machine.next_time().filter(|_| self.lease_again.is_none()), self.lease_again, self.log_again, self.health_again, look];
        times.into_iter().flatten().min()
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn take_row(machine: &mut Machine, terms: &Terms, row: Arc<LogRow>, now: Instant) {
    machine.gap_before(row.position);
    let heard = terms.hearing.hear(&row);
    machine.offer(row, heard, now);
}

/// Delivers events, those that have waited as they are by now.
async fn deliver(store: Store, process: Process, terms: Arc<Terms>, mut events: Vec<Event>) -> Done {
    for event in events.iter_mut().filter(|event| event.read_at.elapsed() > FRESH) {
        match store.log_after(&event.row.page, event.position() - 1, 1).await {
            Ok(rows) => event.renew(rows.into_iter().next(), Instant::now()),
            Err(error) => {
                tracing::warn!(%error, "cannot look whether an event was scrubbed meanwhile");
                tokio::time::sleep(STORE_AGAIN).await;
                return Done::NotTried(events);
            }
        }
    }
    // Looking takes its time when the database is slow, and another process may lead by now.
    if process.lease_left() < terms.transport.timeout() {
        tokio::time::sleep(LEASE_AGAIN).await;
        return Done::NotTried(events);
    }
    let began = Instant::now();
    let verdict = terms.transport.deliver(&terms.letter, &events).await;
    failpoint::pass("delivery.answered");
    Done::Tried(events, verdict, began.elapsed())
}

async fn read_timeline(store: Store, key: SubscriptionKey, timeline: Timeline) -> Done {
    let rows = match &timeline.conversation {
        Some(person) => store.timeline_from(&key.0, person, timeline.from, READ_AT_ONCE).await,
        None => store.page_timeline_from(&key.0, timeline.from, READ_AT_ONCE).await,
    };
    Done::Timeline(timeline, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::http;
    use crate::store::processes::{HEARTBEAT_SECONDS, LEASE_SECONDS};

    #[test]
    fn a_heartbeat_comes_long_before_nothing_may_be_started_any_more() {
        let (lease, heartbeat) = (Duration::from_secs(LEASE_SECONDS.into()), Duration::from_secs(HEARTBEAT_SECONDS.into()));
        let longest = http::Settings::default().timeout;
        assert!(lease > heartbeat + longest + LEASE_MARGIN + Duration::from_millis(500), "or deliveries pause before each heartbeat");
    }
}
