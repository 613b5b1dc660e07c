//! Leases, gone apps, absent apps, and when the clock looks again.

use super::*;

#[test]
fn a_persons_message_gives_ownership_and_makes_the_lease_longer() {
    let decision = decide(&held("idle"), &page(), &message(0), after(HOUR)).unwrap();
    assert_eq!(told(&held("idle"), &decision), "bot +1 assigned");
    assert_eq!(decision.control.owner, Owner::App { app: app("bot"), until: after(HOUR + DAY) });
    let decision = decide(&held("inbox"), &page(), &message(0), after(HOUR)).unwrap();
    assert_eq!(decision.control.owner, Owner::App { app: app("inbox"), until: after(HOUR + DAY) });
    assert_eq!((decision.control.epoch, decision.events.len()), (Epoch(7), 0));
    // At least: what was extended stays.
    let mut extended = held("inbox");
    extended.owner = Owner::App { app: app("inbox"), until: after(6 * DAY) };
    let decision = decide(&extended, &page(), &message(0), after(HOUR)).unwrap();
    assert_eq!(decision.control, extended);
}

#[test]
fn other_acts_of_the_person_give_nothing() {
    assert_eq!(outcome(&page(), &held("idle"), &reads(0)), "idle +0");
    assert_eq!(decide(&held("bot"), &page(), &reads(0), after(HOUR)).unwrap().control, held("bot"));
}

#[test]
fn a_message_while_idle_goes_to_whoever_answers_first() {
    let fallback = |rules: PageRules| PageRules { fallback_app: Some(app("spare")), ..rules };
    let both_down = with_health(with_health(fallback(page()), "bot", down_for(HOUR)), "spare", down_for(HOUR));
    let cases = [
        (page(), "bot +1 assigned"),
        (fallback(page()), "bot +1 assigned"),
        // Down for a minute is not over a minute: the command comes one second after the start.
        (with_health(fallback(page()), "bot", down_for(59 * SECOND)), "bot +1 assigned"),
        (with_health(fallback(page()), "bot", down_for(59 * SECOND + 1)), "spare +1 assigned"),
        (with_health(fallback(page()), "bot", Health::Disabled), "spare +1 assigned"),
        (with_health(page(), "bot", down_for(HOUR)), "bot +1 assigned"),
        (with_health(page(), "bot", Health::Disabled), "idle +0"),
        (both_down, "bot +1 assigned"),
        (zero_config(), "idle +0"),
        (fallback(zero_config()), "idle +0"),
    ];
    for (rules, expected) in cases {
        assert_eq!(outcome(&rules, &held("idle"), &message(0)), expected, "{rules:?}");
    }
}

#[test]
fn a_lapsed_lease_counts_as_idle_before_anything_wrote_so() {
    let cases = [
        (page(), send("bot"), "bot +2 expired assigned"),
        (page(), send("inbox"), "NotOwnerSend"),
        (page(), release("inbox"), "NotOwner"),
        (page(), extend("inbox", HOUR), "NotOwner"),
        (page(), pass("inbox", "guest"), "NotOwner"),
        (page(), take("inbox"), "inbox +2 expired taken"),
        (page(), message(DAY), "bot +2 expired assigned"),
        (page(), Command::Tick, "idle +1 expired"),
        (zero_config(), take("inbox"), "MayNotTake"),
        (zero_config(), send("guest"), "guest +2 expired assigned"),
        (zero_config(), request("guest"), "guest +2 expired passed>guest"),
    ];
    for (rules, command, expected) in cases {
        assert_eq!(outcome_at(DAY, &rules, &held("inbox"), &command), expected, "{command:?}");
    }
    assert_eq!(outcome_at(DAY - 1, &page(), &held("inbox"), &send("inbox")), "inbox +0");
    assert_eq!(outcome_at(DAY - 1, &page(), &held("inbox"), &Command::Tick), "inbox +0");
}

#[test]
fn a_lapse_counts_from_its_own_moment() {
    let decision = decide(&held("inbox"), &page(), &Command::Tick, after(9 * DAY)).unwrap();
    assert_eq!(decision.control.changed_at, after(DAY));
    // So what the platform said in between is not older than it.
    let standby = Command::PlatformStandby { at: after(2 * DAY) };
    assert_eq!(outcome_at(9 * DAY, &page(), &held("inbox"), &standby), "! +2 expired external");
}

#[test]
fn an_implied_owner_lapses_after_an_hour() {
    assert_eq!(outcome_at(HOUR - 1, &page(), &held("~suite"), &message(HOUR)), "~suite +0");
    assert_eq!(outcome_at(HOUR, &page(), &held("~suite"), &message(HOUR)), "bot +2 expired assigned");
    assert_eq!(outcome_at(9 * DAY, &page(), &held("!suite"), &Command::Tick), "!suite +0");
}

#[test]
fn a_gone_owner_counts_as_absent_at_once() {
    let without = |name: &str, mut rules: PageRules| {
        rules.apps.remove(&app(name));
        rules
    };
    let cases = [
        (without("guest", page()), "guest", Command::Tick, "bot +1 owner_gone"),
        (with_health(page(), "guest", Health::Disabled), "guest", Command::Tick, "bot +1 owner_gone"),
        (without("guest", page()), "guest", send("guest"), "NotOnPage"),
        (with_health(page(), "guest", Health::Disabled), "guest", send("guest"), "NotOnPage"),
        (without("guest", page()), "guest", send("bot"), "bot +1 owner_gone"),
        (without("guest", page()), "guest", take("inbox"), "inbox +2 owner_gone taken>bot"),
        (without("guest", page()), "guest", message(0), "bot +1 owner_gone"),
        (without("guest", zero_config()), "guest", Command::Tick, "idle +1 owner_gone"),
        (without("guest", zero_config()), "guest", send("inbox"), "inbox +2 owner_gone assigned"),
        (without("bot", page()), "bot", Command::Tick, "idle +1 owner_gone"),
        // A default app that is gone is none: then everybody may answer.
        (without("bot", page()), "bot", send("guest"), "guest +2 owner_gone assigned"),
        // Down is not gone.
        (with_health(page(), "guest", down_for(DAY)), "guest", Command::Tick, "guest +0"),
    ];
    for (rules, holder, command, expected) in cases {
        assert_eq!(outcome(&rules, &held(holder), &command), expected, "{command:?} while {holder} is gone");
    }
}

#[test]
fn a_pass_to_a_gone_app_is_to_an_unknown_one_and_the_default_is_whoever_stands_in() {
    let disabled = with_health(page(), "guest", Health::Disabled);
    assert_eq!(outcome(&disabled, &held("bot"), &pass("bot", "guest")), "UnknownTarget");
    let mut standing_in = with_health(page(), "bot", down_for(HOUR));
    standing_in.fallback_app = Some(app("spare"));
    assert_eq!(outcome(&standing_in, &held("inbox"), &pass("inbox", "")), "spare +1 passed>spare");
    assert_eq!(outcome(&standing_in, &held("inbox"), &pass("inbox", "bot")), "bot +1 passed>bot");
    assert_eq!(outcome(&standing_in, &held("idle"), &send("spare")), "spare +1 assigned");
    assert_eq!(outcome(&standing_in, &held("idle"), &send("bot")), "bot +1 assigned");
    assert_eq!(outcome(&standing_in, &held("idle"), &send("guest")), "NotOwnerSend");
}

#[test]
fn the_clock_looks_again_when_something_is_due() {
    let asked = |holder: &str, rules: &PageRules| decide(&held(holder), rules, &request("guest"), after(SECOND)).unwrap().control;
    let down = with_health(page(), "inbox", Health::Down { since: after(-40 * SECOND) });
    let mut gone = page();
    gone.apps.remove(&app("inbox"));
    let cases = [
        (page(), held("idle"), None),
        (page(), held("!suite"), None),
        (page(), held("inbox"), Some(after(DAY))),
        (page(), held("~suite"), Some(after(HOUR))),
        (page(), asked("inbox", &page()), Some(after(31 * SECOND))),
        (page(), asked("idle", &page()), Some(after(31 * SECOND))),
        (page(), asked("~suite", &page()), Some(after(31 * SECOND))),
        // The owner has been down for over a minute before the deadline.
        (down.clone(), asked("inbox", &down), Some(after(20 * SECOND + 1))),
        // At once.
        (gone.clone(), held("inbox"), Some(after(0))),
        (gone, asked("inbox", &page()), Some(after(0))),
        (zero_config(), asked("idle", &page()), Some(after(0))),
    ];
    for (rules, control, expected) in cases {
        assert_eq!(check_at(&control, &rules), expected, "{control:?}");
    }
    // A pending transfer holds the requests up: nothing to do before its outcome but the end of the lease.
    let passing = decide(&asked("inbox", &page()), &page(), &pass("inbox", "suite"), after(2 * SECOND)).unwrap().control;
    assert_eq!(check_at(&passing, &page()), Some(after(DAY)));
}

#[test]
fn the_state_as_of_a_moment_counts_what_nobody_wrote_yet() {
    let control = held("inbox");
    assert_eq!(*control.as_of(&page(), after(DAY - 1)), control);
    assert_eq!(control.as_of(&page(), after(DAY)).owner, Owner::Idle);
}
