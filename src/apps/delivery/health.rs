//! Tells an outage of the app from a poisonous event.
//!
//! A failure alone says neither. While one conversation fails and others succeed, it is the event; when everything fails, or nobody answers
//! at all, or there is nothing else to compare with, it is the app. In between the failed conversation is a *suspect*: it waits, the cursor
//! stays, and the next result of another conversation decides.
//!
//! With a single conversation under way there is no other. It counts as an outage, but as one of which the rules of control hear only
//! after a minute, because they would send everybody else away, and then nothing could disprove it any more. After ten minutes it is held
//! to be the event after all.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::event::{Conversation, Failure};
use super::settings::Settings;

/// After an hour of outage, probes become rare.
const FAST_FOR: Duration = Duration::from_secs(3600);
/// A call by the app makes them frequent again for so long.
const FAST_AFTER_SIGN: Duration = Duration::from_secs(300);
/// The longest that an app which is down can ask to be left alone.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What only one conversation shows is believed after so long.
const ONE_IS_BELIEVED_AFTER: Duration = Duration::from_secs(60);
/// What only one conversation shows, and nobody else for so long, is its own fault.
const ONE_IS_GUILTY_AFTER: Duration = Duration::from_secs(600);
/// So many different conversations are proof enough; more need not be remembered.
const REMEMBERED: usize = 16;
/// Signs of life do not make probes more frequent than this.
const SHORTEST_PROBE: Duration = Duration::from_millis(250);

/// What may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// Everything.
    Free,
    /// One event, to see whether the app is there again.
    Probe,
    /// Nothing before something happens.
    Nothing,
}

/// The state of one subscription's app, as its answers show it.
#[derive(Debug)]
pub(super) struct Health {
    successes: u64,
    /// Conversations that have failed since the app last took anything.
    failed: HashSet<Conversation>,
    doubt_since: Option<Instant>,
    outage: Option<Outage>,
    /// What the database says: down.
    pub recorded_down: bool,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    /// How long it had lasted when this process learned of it.
    earlier: Duration,
    next_probe: Instant,
    last_probe: Option<Instant>,
    probing: bool,
    /// Something failed while this process looked, and not only before.
    failed_here: bool,
    last_sign: Option<Instant>,
    /// Nobody answers there, so it is no single event's fault.
    unreachable: bool,
}

impl Outage {
    fn lasts(&self, now: Instant) -> Duration {
        self.earlier + now.saturating_duration_since(self.since)
    }
}

impl Health {
    /// Up, or down for so long already.
    pub fn new(down_for: Option<Duration>, now: Instant) -> Self {
        let outage = down_for.map(|earlier| Outage {
            since: now,
            earlier,
            next_probe: now,
            last_probe: None,
            probing: false,
            failed_here: false,
            last_sign: None,
            unreachable: false,
        });
        Self { successes: 0, failed: HashSet::new(), doubt_since: None, recorded_down: outage.is_some(), outage }
    }

    /// How many events the app has taken so far.
    pub const fn successes(&self) -> u64 {
        self.successes
    }

    /// Whether everything fails.
    pub const fn is_down(&self) -> bool {
        self.outage.is_some()
    }

    /// Whether some conversation waits for the results of others.
    pub const fn in_doubt(&self) -> bool {
        self.outage.is_none() && self.doubt_since.is_some()
    }

    /// How long everything has failed, once that is beyond doubt.
    pub fn surely_down_for(&self, now: Instant) -> Option<Duration> {
        let outage = self.outage.as_ref()?;
        let lasts = outage.lasts(now);
        (outage.unreachable || self.failed.len() > 1 || lasts >= ONE_IS_BELIEVED_AFTER).then_some(lasts)
    }

    /// Whether it has failed since this process looks. What lasted when it began may be over, or be the time in which nobody looked.
    pub fn has_failed_here(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| outage.failed_here)
    }

    /// The one conversation that alone has made it an outage for too long.
    pub fn guilty(&self, now: Instant) -> Option<Conversation> {
        let outage = self.outage.as_ref()?;
        let here = now.saturating_duration_since(outage.since);
        let alone = !outage.unreachable && !outage.probing && self.failed.len() == 1 && here >= ONE_IS_GUILTY_AFTER;
        self.failed.iter().next().filter(|_| alone).cloned()
    }

    /// It was the event, not the app.
    pub fn acquit(&mut self) {
        self.outage = None;
        self.doubt_since = None;
    }

    /// An event was taken. The answer: the conversations that have failed since the last, and whether an outage ended with it.
    pub fn taken(&mut self) -> (Vec<Conversation>, bool) {
        self.successes += 1;
        self.doubt_since = None;
        let ended = self.outage.take().is_some();
        (self.failed.drain().collect(), ended)
    }

    /// An event of a conversation failed, and nobody knows whose fault it was.
    pub fn suspect(&mut self, conversation: &Conversation, now: Instant) {
        self.doubt_since.get_or_insert(now);
        self.failed_again(conversation);
    }

    /// An event failed whose own fault it was before.
    pub fn failed_again(&mut self, conversation: &Conversation) {
        if self.failed.len() < REMEMBERED {
            self.failed.insert(conversation.clone());
        }
    }

    /// How many conversations have failed since the app last took anything.
    pub fn suspects(&self) -> usize {
        self.failed.len()
    }

    /// Everything fails: since the first suspect did.
    pub fn begin_outage(&mut self, settings: &Settings, failure: Option<&Failure>, now: Instant) {
        let wait = probe_wait(settings.probe, failure.and_then(|failure| failure.retry_after));
        let outage = self.outage.get_or_insert(Outage {
            since: self.doubt_since.unwrap_or(now),
            earlier: Duration::ZERO,
            next_probe: now + wait,
            last_probe: None,
            probing: false,
            failed_here: true,
            last_sign: None,
            unreachable: false,
        });
        outage.unreachable |= failure.is_some_and(|failure| failure.unreachable);
    }

    /// A probe failed.
    pub fn probe_failed(&mut self, settings: &Settings, retry_after: Option<Duration>, now: Instant) {
        let Some(outage) = &mut self.outage else { return };
        if !outage.probing {
            return;
        }
        outage.probing = false;
        outage.failed_here = true;
        let called = outage.last_sign.is_some_and(|sign| now.saturating_duration_since(sign) < FAST_AFTER_SIGN);
        let pace = if outage.lasts(now) < FAST_FOR || called { settings.probe } else { settings.slow_probe };
        outage.next_probe = now + probe_wait(pace, retry_after);
    }

    /// What may be sent now.
    pub fn allowance(&self, now: Instant) -> Allowance {
        match &self.outage {
            None => Allowance::Free,
            Some(outage) if !outage.probing && outage.next_probe <= now => Allowance::Probe,
            Some(_) => Allowance::Nothing,
        }
    }

    /// A probe goes out.
    pub fn probing(&mut self, now: Instant) {
        if let Some(outage) = &mut self.outage {
            outage.probing = true;
            outage.last_probe = Some(now);
        }
    }

    /// The app called: try it at once.
    pub fn sign_of_life(&mut self, now: Instant) {
        let Some(outage) = &mut self.outage else { return };
        outage.last_sign = Some(now);
        let at = outage.last_probe.map_or(now, |last| (last + SHORTEST_PROBE).max(now));
        outage.next_probe = outage.next_probe.min(at);
    }

    /// When the next probe is due, if one is.
    pub fn next_probe(&self) -> Option<Instant> {
        self.outage.as_ref().filter(|outage| !outage.probing).map(|outage| outage.next_probe)
    }
}

fn probe_wait(pace: Duration, retry_after: Option<Duration>) -> Duration {
    retry_after.map_or(pace, |asked| asked.min(LONGEST_PAUSE).max(pace))
}
