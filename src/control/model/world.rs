//! The small world: the conversation as Baton sees it, the platform's truth, and the wire between them.

use std::collections::BTreeSet;

use super::Rule;
use crate::control::tests::{START, app};
use crate::control::{Command, Control, Decision, PageRules, PlatformHandover, Refusal, TransferCall, TransferOutcome};
use crate::wire::{AppId, Timestamp};

/// The local apps: the default app, one that may take, one that may nothing special.
pub const APPS: [&str; 3] = ["bot", "inbox", "guest"];

/// The external app.
const SUITE: &str = "suite";

/// Most messages on the wire; one more pushes out the oldest, which is lost.
const WIRE: usize = 2;

/// Who holds the thread on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Truth {
    Baton,
    Suite,
}

/// What the platform tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    PersonWrites,
    Standby,
    Echo,
    HandedToBaton,
    HandedToSuite,
    SuiteAsks,
    ThreadOwner(Truth),
}

/// What happens next.
#[derive(Debug, Clone)]
pub enum Act {
    /// A local app does something.
    Commands(Command),
    /// So many milliseconds pass, and the sweeper may come.
    Waits(i64),
    /// The person writes.
    PersonWrites,
    /// The external app takes the thread, gives it back, answers although it does not hold it, asks for it.
    SuiteTakes,
    SuiteGives,
    SuiteAnswers,
    SuiteAsks,
    /// Baton asks who holds the thread, or is told so when a send is refused.
    AsksOwner,
    /// The wire delivers a word, and may keep a copy.
    Delivers(Timestamp, Word, bool),
    /// The platform does, or refuses, the oldest call; the answer may be lost.
    Answers {
        does: bool,
        lost: bool,
    },
}

/// A decision that was asked for.
pub struct Step {
    pub before: Control,
    pub command: Command,
    pub now: Timestamp,
    pub decided: Result<Decision, Refusal>,
}

/// One state of everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub control: Control,
    pub now: Timestamp,
    pub truth: Truth,
    wire: BTreeSet<(Timestamp, Word)>,
    calls: Vec<(Timestamp, TransferCall)>,
}

impl World {
    pub fn new() -> Self {
        let now = Timestamp::from_millis(START);
        let control = Control { changed_at: now, ..Control::default() };
        Self { control, now, truth: Truth::Baton, wire: BTreeSet::new(), calls: Vec::new() }
    }

    /// The world after these acts, from the beginning.
    pub fn led_by(rule: Rule, rules: &PageRules, acts: &[Act]) -> Self {
        acts.iter().fold(Self::new(), |world, act| match world.after(rule, rules, act) {
            Some((after, _)) => after,
            None => world,
        })
    }

    /// Everything that may happen next.
    pub fn acts(&self) -> Vec<Act> {
        let mut acts: Vec<Act> = APPS.iter().flat_map(|name| commands_of(&app(name))).map(Act::Commands).collect();
        acts.extend([Act::Waits(1_000), Act::Waits(31_000), Act::PersonWrites, Act::SuiteAsks, Act::SuiteAnswers, Act::AsksOwner]);
        acts.push(if self.truth == Truth::Suite { Act::SuiteGives } else { Act::SuiteTakes });
        for (at, word) in &self.wire {
            acts.extend([Act::Delivers(*at, *word, false), Act::Delivers(*at, *word, true)]);
        }
        if !self.calls.is_empty() {
            for (does, lost) in [(true, false), (false, false), (true, true), (false, true)] {
                acts.push(Act::Answers { does, lost });
            }
        }
        acts
    }

    /// The world after an act, and the decision it asked for; nothing where the act changes nothing.
    pub fn after(&self, rule: Rule, rules: &PageRules, act: &Act) -> Option<(Self, Option<Step>)> {
        let mut world = self.clone();
        let command = match act {
            Act::Commands(command) => Some(command.clone()),
            Act::Waits(millis) => {
                world.now = world.now.plus_millis(*millis);
                Some(Command::Tick)
            }
            Act::PersonWrites => world.tells(if world.truth == Truth::Suite { Word::Standby } else { Word::PersonWrites }),
            Act::SuiteAnswers => world.tells(Word::Echo),
            Act::SuiteAsks => world.tells(Word::SuiteAsks),
            Act::AsksOwner => world.tells(Word::ThreadOwner(world.truth)),
            Act::SuiteTakes => world.moves(Truth::Suite),
            Act::SuiteGives => world.moves(Truth::Baton),
            Act::Delivers(at, word, kept) => {
                if !kept {
                    world.wire.remove(&(*at, *word));
                }
                Some(command_of(*word, *at))
            }
            Act::Answers { does, lost } => Some(world.answers(*does, *lost)),
        };
        let step = command.map(|command| world.does(rule, rules, command));
        (world != *self || step.as_ref().is_some_and(|step| step.decided.is_ok())).then_some((world, step))
    }

    fn does(&mut self, rule: Rule, rules: &PageRules, command: Command) -> Step {
        let before = self.control.clone();
        let decided = rule(&before, rules, &command, self.now);
        if let Ok(decision) = &decided {
            self.control = decision.control.clone();
            if let (Some(call), Some(transfer)) = (&decision.transfer, &decision.control.transfer) {
                self.calls.push((transfer.begun_at, call.clone()));
            }
        }
        Step { before, command, now: self.now, decided }
    }

    /// Puts a word on the wire. No decision follows before it is delivered.
    fn tells(&mut self, word: Word) -> Option<Command> {
        self.wire.insert((self.now, word));
        if self.wire.len() > WIRE {
            self.wire.pop_first();
        }
        None
    }

    fn moves(&mut self, to: Truth) -> Option<Command> {
        self.truth = to;
        self.tells(if to == Truth::Suite { Word::HandedToSuite } else { Word::HandedToBaton })
    }

    fn answers(&mut self, does: bool, lost: bool) -> Command {
        let (begun_at, call) = self.calls.remove(0);
        if does {
            match call {
                TransferCall::Pass { .. } => self.moves(Truth::Suite),
                TransferCall::Take => self.moves(Truth::Baton),
                TransferCall::Request => None,
            };
        }
        let outcome = match (lost, does) {
            (true, _) => TransferOutcome::Unknown,
            (false, true) => TransferOutcome::Done,
            (false, false) => TransferOutcome::Refused { why: None },
        };
        Command::TransferDone { begun_at, outcome }
    }
}

fn commands_of(by: &AppId) -> Vec<Command> {
    let by = || by.clone();
    let mut commands = vec![
        Command::Send { app: by(), action: false, epoch: None },
        Command::Take { app: by(), metadata: None },
        Command::Request { app: by(), metadata: None },
        Command::Release { app: by(), metadata: None },
        Command::Pass { app: by(), target: Some(app(SUITE)), metadata: None },
    ];
    for other in APPS.map(app) {
        commands.push(Command::Pass { app: by(), target: Some(other.clone()), metadata: None });
        commands.push(Command::Decline { app: by(), requester: other });
    }
    commands
}

/// What a word says to the rules. The platform's clock runs with Baton's.
fn command_of(word: Word, at: Timestamp) -> Command {
    let suite = || Some(app(SUITE));
    let handover = |event| Command::PlatformHandover { event, at };
    match word {
        Word::PersonWrites => Command::PersonActs { message: true, at },
        Word::Standby => Command::PlatformStandby { at },
        Word::Echo => Command::ForeignEcho { app: suite(), at },
        Word::HandedToBaton => handover(PlatformHandover::ToUs { previous: suite(), metadata: None }),
        Word::HandedToSuite => handover(PlatformHandover::ToExternal { app: suite(), metadata: None }),
        Word::SuiteAsks => handover(PlatformHandover::RequestedBy { app: app(SUITE), metadata: None }),
        Word::ThreadOwner(Truth::Suite) => Command::ExternalOwner { app: suite(), holds: true, at },
        Word::ThreadOwner(Truth::Baton) => Command::ExternalOwner { app: None, holds: false, at },
    }
}
