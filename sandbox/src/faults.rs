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
    /// A webhook comes twice.
    WebhookDuplicate,
    /// A webhook comes after the next one of its conversation.
    WebhookReorder,
    /// A webhook comes `ms` late (1000), and holds up those behind it.
    WebhookDelay,
    /// A Graph call does what it should, then the connection closes without an answer.
    DropAnswer,
    /// A Graph call answers 500 and does nothing.
    ServerError,
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
        matches!(self, Self::WebhookDuplicate | Self::WebhookReorder | Self::WebhookDelay)
    }
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
    /// Milliseconds of a delay.
    pub ms: Option<u64>,
    /// The code of a throttle, 613 if absent.
    pub code: Option<i64>,
}

/// Milliseconds of a delay that names none.
const DEFAULT_DELAY_MS: u64 = 1_000;
/// The code of a throttle that names none.
const DEFAULT_THROTTLE: i64 = 613;

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

/// What happens to one Graph call.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct GraphTrouble {
    /// Refused before anything is done: the kind, and the code of a throttle.
    pub refused: Option<(FaultKind, i64)>,
    /// Answered late, in milliseconds.
    pub slow_ms: u64,
    /// Not answered.
    pub drop_answer: bool,
}

/// What happens to one webhook.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
pub struct WebhookTrouble {
    /// Sent twice.
    pub twice: bool,
    /// Sent after the next one.
    pub swap: bool,
    /// Sent late, in milliseconds.
    pub delay_ms: u64,
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
            let taken = trouble.refused.is_some();
            let kind = armed.fault.kind;
            match kind {
                FaultKind::SlowAnswer if armed.strikes() => trouble.slow_ms = armed.fault.ms.unwrap_or(DEFAULT_DELAY_MS),
                FaultKind::DropAnswer if !taken && armed.strikes() => trouble.drop_answer = true,
                FaultKind::ServerError | FaultKind::TooManyRequests | FaultKind::Throttle | FaultKind::ExpiredToken
                    if !taken && !trouble.drop_answer && armed.strikes() =>
                {
                    trouble.refused = Some((kind, armed.fault.code.unwrap_or(DEFAULT_THROTTLE)));
                }
                _ => {}
            }
        }
        trouble
    }

    /// Throws the dice for a webhook to `app_id`.
    pub fn for_webhook(&self, app_id: &str) -> WebhookTrouble {
        let mut trouble = WebhookTrouble::default();
        let concerns = |fault: &Fault| fault.kind.is_webhook() && fault.app_id.as_deref().is_none_or(|app| app == app_id);
        for armed in lock(&self.armed).iter_mut().filter(|armed| concerns(&armed.fault)) {
            if armed.strikes() {
                match armed.fault.kind {
                    FaultKind::WebhookDuplicate => trouble.twice = true,
                    FaultKind::WebhookReorder => trouble.swap = true,
                    _ => trouble.delay_ms = armed.fault.ms.unwrap_or(DEFAULT_DELAY_MS),
                }
            }
        }
        trouble
    }
}
