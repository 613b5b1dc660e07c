//! A model checker for the rules: every order of events in a small world, searched breadth first.
//!
//! The world has three local apps and one external app on a platform that holds the truth. What the platform tells travels on a wire that
//! may deliver it late, in any order, again, or never; its answers to calls may be lost. The rule under test is the very `decide` that the
//! ledger calls, given as a parameter so that a wrong one can be shown to be caught.

mod invariants;
mod world;

use std::collections::HashSet;

use super::{Command, Control, Decision, PageRules, Refusal, decide};
use crate::wire::Timestamp;
use invariants::{judge_state, judge_step};
use world::{Act, World};

/// A rule that can be explored.
type Rule = fn(&Control, &PageRules, &Command, Timestamp) -> Result<Decision, Refusal>;

/// How far a search came.
#[derive(Debug)]
struct Explored {
    states: usize,
    steps: usize,
}

/// A promise that was broken, and how to get there.
#[derive(Debug)]
struct Broken {
    promise: &'static str,
    path: Vec<String>,
}

/// A state that was reached, from which other one, and by what.
struct Reached {
    world: World,
    from: Option<usize>,
    act: Option<Act>,
}

/// Searches every state within `depth` acts of these beginnings.
fn explore(rule: Rule, rules: &PageRules, beginnings: Vec<World>, depth: usize) -> Result<Explored, Broken> {
    let mut seen: HashSet<World> = beginnings.iter().cloned().collect();
    let mut reached: Vec<Reached> = beginnings.into_iter().map(|world| Reached { world, from: None, act: None }).collect();
    let (mut layer, mut steps) = (0..reached.len(), 0);
    for _ in 0..depth {
        for index in layer.clone() {
            for act in reached[index].world.acts() {
                let before = reached[index].world.clone();
                let Some((after, step)) = before.after(rule, rules, &act) else { continue };
                steps += 1;
                let broken = |promise| Broken { promise, path: path_to(&reached, index, &act) };
                if let Some(step) = &step {
                    judge_step(rule, rules, step).map_err(broken)?;
                }
                if seen.insert(after.clone()) {
                    judge_state(rule, rules, &after).map_err(broken)?;
                    reached.push(Reached { world: after, from: Some(index), act: Some(act) });
                }
            }
        }
        layer = layer.end..reached.len();
    }
    Ok(Explored { states: reached.len(), steps })
}

fn path_to(reached: &[Reached], last: usize, act: &Act) -> Vec<String> {
    let mut path = vec![format!("{act:?}")];
    let mut at = Some(last);
    while let Some(index) = at {
        if let Some(act) = &reached[index].act {
            path.push(format!("{act:?}"));
        }
        at = reached[index].from;
    }
    path.reverse();
    path
}

mod tests {
    #![expect(clippy::panic, reason = "tests")]

    use super::*;
    use crate::control::Change;
    use crate::control::tests::{app, name_of, page, pass, request, take, zero_config};
    use world::Word;

    /// The world's Page: leases and implied owners lapse within the search.
    fn small(mut rules: PageRules) -> PageRules {
        rules.apps.remove(&app("spare"));
        rules.lease_ms = 60_000;
        rules.implied_ms = 45_000;
        rules
    }

    #[track_caller]
    fn holds(rules: &PageRules, beginnings: Vec<World>, depth: usize, at_least: usize) {
        let explored = explore(decide, rules, beginnings, depth).unwrap_or_else(|broken| panic!("{broken:#?}"));
        assert!(explored.states >= at_least, "the search went too short a way: {explored:?}");
        assert!(explored.steps > explored.states, "{explored:?}");
    }

    #[test]
    fn the_rules_hold_in_every_order_with_a_default_app() {
        holds(&small(page()), vec![World::new()], 5, 50_000);
    }

    #[test]
    fn the_rules_hold_in_every_order_without_one() {
        holds(&small(zero_config()), vec![World::new()], 5, 50_000);
    }

    /// From the middle of things, so that the search reaches deeper.
    #[test]
    fn the_rules_hold_in_every_order_from_the_middle() {
        let rules = small(page());
        let told = |word| Act::Delivers(World::new().now, word, false);
        let request = |name: &str| Act::Commands(request(name));
        let held = vec![Act::PersonWrites, told(Word::PersonWrites)];
        let lost = vec![Act::SuiteTakes, told(Word::HandedToSuite)];
        let asked = [held.clone(), vec![request("guest"), Act::Waits(1_000), request("inbox")]].concat();
        let passing = [held.clone(), vec![Act::Waits(1_000), Act::Commands(pass("bot", "suite"))]].concat();
        let taking = [lost.clone(), vec![Act::Waits(1_000), Act::Commands(take("inbox"))]].concat();
        let asking = [lost.clone(), vec![Act::Waits(1_000), request("guest")]].concat();
        let beginnings = [held, lost, asked, passing, taking, asking].map(|acts| World::led_by(decide, &rules, &acts)).to_vec();
        let owners: Vec<String> = beginnings.iter().map(|world| name_of(&world.control.owner)).collect();
        assert_eq!(owners, ["bot", "!suite", "bot", "bot", "!suite", "!suite"]);
        assert_eq!(beginnings.iter().filter(|world| world.control.transfer.is_some()).count(), 3);
        holds(&rules, beginnings, 4, 25_000);
    }

    /// A wrong rule must break this promise within the same search.
    #[track_caller]
    fn caught(rule: Rule, promise: &str) {
        let broken = match explore(rule, &small(page()), vec![World::new()], 4) {
            Ok(explored) => panic!("a wrong rule passes: {explored:?}"),
            Err(broken) => broken,
        };
        assert_eq!(broken.promise, promise, "{broken:#?}");
        assert!(!broken.path.is_empty());
    }

    /// The decision of a rule that does nothing.
    fn nothing(control: &Control) -> Result<Decision, Refusal> {
        Ok(Decision { control: control.clone(), events: Vec::new(), transfer: None })
    }

    #[test]
    fn a_rule_that_lets_anybody_send_is_caught() {
        let wrong: Rule = |control, rules, command, now| match decide(control, rules, command, now) {
            Err(Refusal::NotOwnerSend) => nothing(control),
            other => other,
        };
        caught(wrong, "only the owner speaks");
    }

    #[test]
    fn a_rule_that_forgets_the_epoch_of_a_take_is_caught() {
        let wrong: Rule = |control, rules, command, now| {
            let mut decision = decide(control, rules, command, now)?;
            for event in decision.events.iter_mut().filter(|event| event.change == Change::Taken) {
                event.after.epoch = control.epoch;
                decision.control.epoch = control.epoch;
            }
            Ok(decision)
        };
        caught(wrong, "the epoch counts changes of owner");
    }

    #[test]
    fn a_rule_that_believes_old_evidence_is_caught() {
        let wrong: Rule = |control, rules, command, now| match command {
            Command::ForeignEcho { app, .. } => decide(control, rules, &Command::ForeignEcho { app: app.clone(), at: now }, now),
            other => decide(control, rules, other, now),
        };
        caught(wrong, "old evidence moves nothing");
    }

    #[test]
    fn a_rule_that_never_ends_a_transfer_is_caught() {
        let wrong: Rule = |control, rules, command, now| match command {
            Command::ExternalOwner { .. } if control.transfer.is_some() => nothing(control),
            other => decide(control, rules, other, now),
        };
        caught(wrong, "a transfer ends with the platform's word");
    }

    #[test]
    fn a_rule_that_forgets_requests_is_caught() {
        let wrong: Rule = |control, rules, command, now| match command {
            Command::Tick => nothing(control),
            other => decide(control, rules, other, now),
        };
        caught(wrong, "a request ends at its deadline");
    }

    #[test]
    fn a_rule_that_leaves_an_event_out_is_caught() {
        let wrong: Rule = |control, rules, command, now| {
            let mut decision = decide(control, rules, command, now)?;
            decision.events.retain(|event| event.change != Change::Requested);
            Ok(decision)
        };
        caught(wrong, "the events give the state");
    }
}
