//! Things that go wrong on purpose, as they do on the real platform.

use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::platform::lock;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A webhook comes twice; with `ms`, the second time so late, beside those behind it.
    WebhookDuplicate,
    /// A webhook comes after the next one of its conversation.
    WebhookReorder,
    /// A webhook comes `ms` late (1000), and holds up those behind it.
    WebhookDelay,
    /// A webhook comes `ms` late (1000), while those behind it do not wait.
    WebhookStraggle,
    /// A webhook never comes.
    WebhookLoss,
    /// A webhook's timestamp is written in another `form`, or is `shift_ms` off.
    WebhookTimestamp,
    /// A Graph call does what it should, then the connection closes without an answer.
    DropAnswer,
    /// A Graph call does nothing, and the connection closes without an answer.
    DropCall,
    /// A Graph call answers 500 and does nothing.
    ServerError,
    /// A Graph call does what it should and answers 500 all the same.
    LateError,
    /// A Graph call answers 429 and does nothing.
    TooManyRequests,
    /// A Graph call answers with the throttle code `code` (4, 17, 32, 613, 80001, 80002 or 80006) and does nothing.
    Throttle,
    /// A Graph call answers that the token has expired (190/463).
    ExpiredToken,
    /// A Graph call does what it should and answers `ms` late (1000).
    SlowAnswer,
}

impl FaultKind {
    fn is_webhook(self) -> bool {
        matches!(
            self,
            Self::WebhookDuplicate
                | Self::WebhookReorder
                | Self::WebhookDelay
                | Self::WebhookStraggle
                | Self::WebhookLoss
                | Self::WebhookTimestamp
        )
    }
}

/// How a timestamp is written: the platform's own samples have all of these beside its usual milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampForm {
    /// Seconds, as in the lead samples.
    Seconds,
    /// Seconds as a string, as in the postback reference.
    TextSeconds,
    /// Milliseconds as a string.
    Text,
}

/// A fault as it is switched on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How often at most; without end if absent.
    pub count: Option<u64>,
    /// How likely each time, 0 to 1; always if absent.
    pub probability: Option<f64>,
    /// Makes the dice repeatable.
    pub seed: Option<u64>,
    /// Graph faults: the edge that it concerns, `messages` if absent, `*` for all.
    pub edge: Option<String>,
    /// Webhook faults: the only app concerned.
    pub app_id: Option<String>,
    /// Webhook faults: the only kind of event concerned: `echo`, or the item's key, as in `message` and `take_thread_control`.
    pub event: Option<String>,
    /// Milliseconds of a delay.
    pub ms: Option<u64>,
    /// The code of a throttle, 613 if absent.
    pub code: Option<i64>,
    /// Throttles: the minutes until access is regained that the usage header names, 1 if absent.
    pub regain_minutes: Option<u64>,
    /// Throttles: the seconds that `Retry-After` names; no such header if absent.
    pub retry_after_s: Option<u64>,
    /// How a timestamp is written; as milliseconds if absent.
    pub form: Option<TimestampForm>,
    /// How far a timestamp is off, in milliseconds; before the truth if negative.
    pub shift_ms: Option<i64>,
}

/// Milliseconds of a delay that names none.
const DEFAULT_DELAY_MS: u64 = 1_000;
/// The code of a throttle that names none.
const DEFAULT_THROTTLE: i64 = 613;
/// Minutes until access is regained, where a throttle names none.
const DEFAULT_REGAIN_MINUTES: u64 = 1;

struct Armed {
    fault: Fault,
    fired: u64,
    dice: StdRng,
}

impl Armed {
    fn strikes(&mut self) -> bool {
        let spent = self.fault.count.is_some_and(|count| self.fired >= count);
        let hit = !spent && self.fault.probability.is_none_or(|probability| self.dice.random_bool(probability.clamp(0.0, 1.0)));
        self.fired += u64::from(hit);
        hit
    }
}

/// A call that is refused before anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// How.
    pub kind: FaultKind,
    /// The code of a throttle.
    pub code: i64,
    /// What a throttle's usage header says.
    pub regain_minutes: u64,
    /// What a throttle's `Retry-After` says.
    pub retry_after_s: Option<u64>,
}

/// What happens to one Graph call.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct GraphTrouble {
    /// Refused before anything is done.
    pub refused: Option<Refused>,
    /// Answered late, in milliseconds.
    pub slow_ms: u64,
    /// Not answered.
    pub drop_answer: bool,
    /// Done, and answered with an error.
    pub late_error: bool,
}

/// What happens to one webhook.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
pub struct WebhookTrouble {
    /// Never sent.
    pub lost: bool,
    /// Sent twice, the second time so much later, in milliseconds.
    pub again_ms: Option<u64>,
    /// Sent after the next one.
    pub swap: bool,
    /// Sent late, in milliseconds, before those behind it.
    pub delay_ms: u64,
    /// Sent late, in milliseconds, while those behind it go on.
    pub straggle_ms: Option<u64>,
    /// How its timestamp is written.
    pub form: Option<TimestampForm>,
    /// How far its timestamp is off, in milliseconds.
    pub shift_ms: i64,
}

/// The faults switched on.
#[derive(Default)]
pub struct Faults {
    armed: Mutex<Vec<Armed>>,
}

impl Faults {
    /// Switches faults on, beside those that are.
    pub fn add(&self, faults: Vec<Fault>) {
        let armed = faults.into_iter().map(|fault| {
            let dice = fault.seed.map_or_else(rand::make_rng, StdRng::seed_from_u64);
            Armed { fault, fired: 0, dice }
        });
        lock(&self.armed).extend(armed);
    }

    /// Switches all faults off.
    pub fn clear(&self) {
        lock(&self.armed).clear();
    }

    /// The faults switched on, and how often each has struck.
    pub fn list(&self) -> Vec<(Fault, u64)> {
        lock(&self.armed).iter().map(|armed| (armed.fault.clone(), armed.fired)).collect()
    }

    /// Throws the dice for a Graph call to `edge`.
    pub fn for_call(&self, edge: &str) -> GraphTrouble {
        let mut trouble = GraphTrouble::default();
        let concerns = |fault: &Fault| !fault.kind.is_webhook() && ["*", edge].contains(&fault.edge.as_deref().unwrap_or("messages"));
        for armed in lock(&self.armed).iter_mut().filter(|armed| concerns(&armed.fault)) {
            // Of those that decide what becomes of the call, the first counts.
            let decided = trouble.refused.is_some() || trouble.drop_answer || trouble.late_error;
            let kind = armed.fault.kind;
            match kind {
                FaultKind::SlowAnswer => {
                    if armed.strikes() {
                        trouble.slow_ms = armed.fault.ms.unwrap_or(DEFAULT_DELAY_MS);
                    }
                }
                _ if decided || !armed.strikes() => {}
                FaultKind::DropAnswer => trouble.drop_answer = true,
                FaultKind::LateError => trouble.late_error = true,
                _ => {
                    let fault = &armed.fault;
                    trouble.refused = Some(Refused {
                        kind,
                        code: fault.code.unwrap_or(DEFAULT_THROTTLE),
                        regain_minutes: fault.regain_minutes.unwrap_or(DEFAULT_REGAIN_MINUTES),
                        retry_after_s: fault.retry_after_s,
                    });
                }
            }
        }
        trouble
    }

    /// Throws the dice for a webhook with an event of this kind to `app_id`.
    pub fn for_webhook(&self, app_id: &str, event: &str) -> WebhookTrouble {
        let mut trouble = WebhookTrouble::default();
        let concerns = |fault: &Fault| {
            fault.kind.is_webhook()
                && fault.app_id.as_deref().is_none_or(|app| app == app_id)
                && fault.event.as_deref().is_none_or(|only| only == event)
        };
        for armed in lock(&self.armed).iter_mut().filter(|armed| concerns(&armed.fault)) {
            if !armed.strikes() {
                continue;
            }
            let fault = &armed.fault;
            let late = fault.ms.unwrap_or(DEFAULT_DELAY_MS);
            match fault.kind {
                FaultKind::WebhookDuplicate => trouble.again_ms = Some(fault.ms.unwrap_or_default()),
                FaultKind::WebhookReorder => trouble.swap = true,
                FaultKind::WebhookStraggle => trouble.straggle_ms = Some(late),
                FaultKind::WebhookLoss => trouble.lost = true,
                FaultKind::WebhookTimestamp => {
                    trouble.form = fault.form.or(trouble.form);
                    trouble.shift_ms += fault.shift_ms.unwrap_or_default();
                }
                _ => trouble.delay_ms = late,
            }
        }
        trouble
    }
}
