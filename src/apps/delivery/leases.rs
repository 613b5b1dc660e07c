//! Which subscriptions this process delivers to, and their tasks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::event::Hearing;
use super::machine::Machine;
use super::progress::Unwritten;
use super::render::Letter;
use super::settings::Settings;
use super::subscription::{Subscription, Terms};
use super::tail::Tails;
use super::transport::{InProcessApp, Transport};
use super::writer::Writer;
use crate::apps::http::Outbound;
use crate::apps::sign_of_life::SignsOfLife;
use crate::crypto::seal::Sealer;
use crate::ledger::{Advances, Process};
use crate::store::delivery::{LeasedSubscription, SubscriptionKey};
use crate::store::{Store, StoreError};
use crate::wire::{AppId, Timestamp};

/// How long an app inside this process has for an event.
const IN_PROCESS_TIMEOUT: Duration = Duration::from_secs(5);
/// Other processes are told of an app's sign of life at most this often.
const TELL_OTHERS: Duration = Duration::from_secs(2);

/// Delivery in this process: leases subscriptions, and runs a task for each.
#[derive(Debug)]
pub struct Delivery {
    parts: Parts,
    advances: Advances,
    running: HashMap<SubscriptionKey, Running>,
    tasks: JoinSet<()>,
    names: HashMap<Id, SubscriptionKey>,
    /// Leased, but without a usable callback or secret: they wait for the admin.
    unusable: HashMap<SubscriptionKey, LeasedSubscription>,
    told: HashMap<AppId, Instant>,
    others: bool,
}

/// What every subscription needs.
#[derive(Debug)]
struct Parts {
    store: Store,
    process: Process,
    signs: SignsOfLife,
    outbound: Outbound,
    in_process: Option<InProcessApp>,
    sealer: Sealer,
    settings: Arc<Settings>,
}

/// A subscription whose task runs.
#[derive(Debug)]
struct Running {
    generation: i64,
    /// As it was read last, but for what changes all the time.
    read: LeasedSubscription,
    terms: watch::Sender<Arc<Terms>>,
    unwritten: Arc<Unwritten>,
    sign_of_life: Arc<Notify>,
    stop: CancellationToken,
}

impl Delivery {
    /// Puts it together. `in_process` is the way to the apps of kind `bot`; without it they are not delivered to.
    #[must_use]
    pub fn new(
        store: Store,
        process: Process,
        advances: Advances,
        signs: SignsOfLife,
        outbound: Outbound,
        sealer: Sealer,
        settings: Settings,
    ) -> Self {
        let settings = Arc::new(settings);
        Self {
            parts: Parts { store, process, signs, outbound, in_process: None, sealer, settings },
            advances,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            names: HashMap::new(),
            unusable: HashMap::new(),
            told: HashMap::new(),
            others: false,
        }
    }

    /// Connects the apps of kind `bot`, which live inside this process.
    #[must_use]
    pub fn with_in_process(mut self, app: InProcessApp) -> Self {
        self.parts.in_process = Some(app);
        self
    }

    /// Delivers until `stop`; then waits for what is under way, writes the cursors and gives the leases back.
    pub async fn run(mut self, stop: CancellationToken) {
        let tails = Tails::new(self.parts.store.clone(), self.parts.settings.tail_bytes);
        let following = tokio::spawn(Arc::clone(&tails).follow(self.advances.clone(), stop.clone()));
        let (writer, writing) = Writer::start(self.parts.store.clone(), self.parts.settings.flush);
        let mut signs = self.parts.signs.subscribe();
        let mut look = tokio::time::interval(self.parts.settings.look);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = look.tick() => {
                    if let Err(error) = self.look(&tails, &writer).await {
                        tracing::warn!(%error, "cannot look at the subscriptions");
                    }
                }
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended, &writer).await,
                sign = signs.recv() => match sign {
                    Ok(sign) => self.sign_of_life(&sign.app),
                    Err(RecvError::Lagged(_)) => self.running.values().for_each(|one| one.sign_of_life.notify_one()),
                    Err(RecvError::Closed) => break,
                },
            }
        }
        self.running.values().for_each(|one| one.stop.cancel());
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.ended(ended, &writer).await;
        }
        drop(writer);
        let _ = tokio::join!(following, writing);
    }

    /// Takes its share, and follows what has changed.
    async fn look(&mut self, tails: &Arc<Tails>, writer: &Writer) -> Result<(), StoreError> {
        let store = self.parts.store.clone();
        if store.enter_cursors().await? > 0 {
            tracing::debug!("new subscriptions have their cursors");
        }
        let shares = store.delivery_shares().await?;
        self.others = shares.processes > 1;
        let fair =
            usize::try_from(shares.subscriptions.unsigned_abs().div_ceil(shares.processes.unsigned_abs().max(1))).unwrap_or(usize::MAX);
        let mine = self.running.len() + self.unusable.len();
        if mine < fair && !self.parts.process.lease_left().is_zero() {
            let limit = i64::try_from(fair - mine).unwrap_or(i64::MAX);
            store.lease_deliveries(self.parts.process.id(), limit).await?;
        }
        let leased = store.leased_deliveries(self.parts.process.id()).await?;
        let active: HashMap<SubscriptionKey, i64> =
            leased.iter().filter(|one| one.active).map(|one| ((one.page.clone(), one.app.clone()), one.generation)).collect();
        for (key, running) in &self.running {
            if active.get(key) != Some(&running.generation) {
                // Disabled, removed, or another process has it.
                running.stop.cancel();
            }
        }
        self.unusable.retain(|key, _| active.contains_key(key));
        self.running.values().filter(|one| !one.stop.is_cancelled()).skip(fair).for_each(|one| one.stop.cancel());
        for subscription in leased {
            tails.announce(&subscription.page, subscription.head);
            let key = (subscription.page.clone(), subscription.app.clone());
            match self.running.get_mut(&key) {
                Some(running) if running.generation == subscription.generation => running.follow(subscription, &self.parts),
                Some(_) => {}
                None => self.start(key, subscription, tails, writer).await?,
            }
        }
        self.measure();
        Ok(())
    }

    async fn start(
        &mut self,
        key: SubscriptionKey,
        subscription: LeasedSubscription,
        tails: &Arc<Tails>,
        writer: &Writer,
    ) -> Result<(), StoreError> {
        let parts = &self.parts;
        let generation = subscription.generation;
        if !subscription.active {
            return parts.store.release_delivery(&key, generation).await;
        }
        if self.unusable.get(&key).is_some_and(|known| !has_changed(known, &subscription)) {
            return Ok(());
        }
        let Some(terms) = parts.terms(&subscription) else {
            self.unusable.insert(key, subscription);
            return Ok(());
        };
        self.unusable.remove(&key);
        let parked = parts.store.parked_conversations(&key).await?;
        // What it is not subscribed to need not be read.
        let from = terms.hearing.starts_at().map_or(subscription.head, |start| start.max(subscription.position));
        let machine = Machine::new(Arc::clone(&parts.settings), from, parked, subscription.down_for, Instant::now());
        let unwritten = Unwritten::new(key.clone(), generation, subscription.position);
        writer.add(key.clone(), Arc::clone(&unwritten)).await;
        let (sender, receiver) = watch::channel(Arc::new(terms));
        let running = Running {
            generation,
            read: subscription.clone(),
            terms: sender,
            unwritten: Arc::clone(&unwritten),
            sign_of_life: Arc::default(),
            stop: CancellationToken::new(),
        };
        let task = Subscription {
            key: key.clone(),
            generation,
            store: parts.store.clone(),
            process: parts.process.clone(),
            settings: Arc::clone(&parts.settings),
            terms: receiver,
            tail: tails.of(&subscription.page, subscription.head),
            unwritten,
            sign_of_life: Arc::clone(&running.sign_of_life),
            stop: running.stop.clone(),
        };
        tracing::debug!(page = %key.0, app = %key.1, generation, from, "delivering");
        self.running.insert(key.clone(), running);
        self.names.insert(self.tasks.spawn(task.run(machine)).id(), key);
        Ok(())
    }

    /// A task is over: writes its last cursor and gives its lease back.
    async fn ended(&mut self, ended: Result<(Id, ()), JoinError>, writer: &Writer) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "the task of a subscription broke down; it starts again from its cursor");
                error.id()
            }
        };
        let Some(key) = self.names.remove(&id) else { return };
        writer.finish(key.clone()).await;
        let Some(running) = self.running.remove(&key) else { return };
        if let Err(error) = self.parts.store.release_delivery(&key, running.generation).await {
            tracing::warn!(page = %key.0, app = %key.1, %error, "cannot give a lease back; it lapses with this process");
        }
    }

    fn sign_of_life(&mut self, app: &AppId) {
        self.running.iter().filter(|(key, _)| key.1 == *app).for_each(|(_, running)| running.sign_of_life.notify_one());
        let now = Instant::now();
        if !self.others || self.told.get(app).is_some_and(|last| now.saturating_duration_since(*last) < TELL_OTHERS) {
            return;
        }
        self.told.retain(|_, last| now.saturating_duration_since(*last) < TELL_OTHERS);
        self.told.insert(app.clone(), now);
        let (store, app, process) = (self.parts.store.clone(), app.clone(), self.parts.process.id());
        tokio::spawn(async move {
            if let Err(error) = store.wake_deliveries(&app, process).await {
                tracing::debug!(%app, %error, "cannot tell other processes that an app called");
            }
        });
    }

    fn measure(&self) {
        for ((page, app), running) in &self.running {
            let lag = running.read.head.saturating_sub(running.unwritten.position()).max(0);
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            gauge!("baton_delivery_lag_positions", "page" => page.to_string(), "app" => app.to_string()).set(lag as f64);
        }
    }
}

impl Running {
    /// Takes over what has changed since it was read last.
    fn follow(&mut self, subscription: LeasedSubscription, parts: &Parts) {
        let woken: Option<Timestamp> = subscription.woken_at;
        if woken > self.read.woken_at {
            self.sign_of_life.notify_one();
        }
        if has_changed(&self.read, &subscription) {
            match parts.terms(&subscription) {
                Some(terms) => {
                    self.terms.send_replace(Arc::new(terms));
                    // What was wrong with the app may have been its address.
                    self.sign_of_life.notify_one();
                }
                None => self.stop.cancel(),
            }
        }
        self.read = subscription;
    }
}

/// Whether anything differs that an admin or the app can change.
fn has_changed(before: &LeasedSubscription, after: &LeasedSubscription) -> bool {
    let terms = |one: &LeasedSubscription| {
        (one.callback_url.clone(), one.secret_sealed.clone(), one.fields.clone(), one.app_fields.clone(), one.batch)
    };
    terms(before) != terms(after)
}

impl Parts {
    /// What a subscription is to be delivered by; `None`, told in the log, when it cannot be.
    fn terms(&self, subscription: &LeasedSubscription) -> Option<Terms> {
        let (page, app) = (&subscription.page, &subscription.app);
        let transport = if subscription.in_process {
            Transport::InProcess { app: self.in_process.clone()?, timeout: IN_PROCESS_TIMEOUT }
        } else {
            let url = subscription.callback_url.as_deref()?;
            let url = Url::parse(url).inspect_err(|error| tracing::error!(%page, %app, %error, "the callback is no URL")).ok()?;
            Transport::Http { outbound: self.outbound.clone(), url }
        };
        let secret = self
            .sealer
            .open(&format!("apps.secret.{app}"), &subscription.secret_sealed)
            .inspect_err(|error| tracing::error!(%page, %app, %error, "the app's secret cannot be opened, so nothing can be signed"))
            .ok()?;
        Some(Terms {
            letter: Letter { page: page.clone(), app: app.clone(), object: subscription.object, secret },
            hearing: Hearing::new(app.clone(), subscription.fields.clone(), subscription.app_fields.clone()),
            transport,
            batch: subscription.batch,
        })
    }
}
