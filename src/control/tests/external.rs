//! The other layer: what the platform tells, and moves that need its word.

use super::*;

const fn standby(at: i64) -> Command {
    Command::PlatformStandby { at: after(at) }
}

fn echo(by: &str, at: i64) -> Command {
    Command::ForeignEcho { app: (!by.is_empty()).then(|| app(by)), at: after(at) }
}

fn to_us(from: &str, at: i64) -> Command {
    let event = PlatformHandover::ToUs { previous: (!from.is_empty()).then(|| app(from)), metadata: None };
    Command::PlatformHandover { event, at: after(at) }
}

fn to_external(to: &str, at: i64) -> Command {
    let event = PlatformHandover::ToExternal { app: (!to.is_empty()).then(|| app(to)), metadata: None };
    Command::PlatformHandover { event, at: after(at) }
}

fn requested_by(by: &str, at: i64) -> Command {
    Command::PlatformHandover { event: PlatformHandover::RequestedBy { app: app(by), metadata: None }, at: after(at) }
}

fn thread_owner(by: &str, holds: bool, at: i64) -> Command {
    Command::ExternalOwner { app: (!by.is_empty()).then(|| app(by)), holds, at: after(at) }
}

fn done(scene: &Scene, outcome: TransferOutcome) -> Command {
    Command::TransferDone { begun_at: scene.begun_at(), outcome }
}

#[test]
fn evidence_of_the_platform_moves_the_owner() {
    let cases = [
        ("bot", standby(1), "! +1 external"),
        ("idle", standby(1), "! +1 external"),
        ("~suite", standby(1), "!suite +0 external"),
        ("!suite", standby(1), "!suite +0"),
        ("bot", echo("suite", 1), "~suite +1 implied"),
        ("bot", echo("", 1), "~ +1 implied"),
        ("idle", echo("suite", 1), "~suite +1 implied"),
        ("~suite", echo("suite", 1), "~suite +0"),
        ("~suite", echo("other", 1), "~other +1 implied"),
        ("~", echo("suite", 1), "~suite +0 implied"),
        ("!suite", echo("suite", 1), "!suite +0"),
        ("!", echo("suite", 1), "!suite +0 external"),
        ("!suite", echo("other", 1), "!other +1 external"),
        ("!suite", echo("", 1), "!suite +0"),
        ("bot", to_external("suite", 1), "!suite +1 external>bot"),
        ("~suite", to_external("suite", 1), "!suite +0 external"),
        ("!suite", to_external("suite", 1), "!suite +0"),
        ("!", to_external("suite", 1), "!suite +0 external"),
        ("!suite", to_external("other", 1), "!other +1 external"),
        ("!suite", to_us("suite", 1), "bot +1 passed>bot"),
        ("!", to_us("", 1), "bot +1 passed>bot"),
        ("~suite", to_us("suite", 1), "bot +1 passed>bot"),
        ("idle", to_us("suite", 1), "bot +1 passed>bot"),
        ("inbox", to_us("suite", 1), "inbox +0"),
        ("bot", thread_owner("suite", true, 1), "!suite +1 external"),
        ("bot", thread_owner("", true, 1), "! +1 external"),
        ("!", thread_owner("suite", true, 1), "!suite +0 external"),
        ("!suite", thread_owner("", false, 1), "idle +1 external_ended"),
        ("~suite", thread_owner("", false, 1), "~suite +0"),
        ("bot", thread_owner("", false, 1), "bot +0"),
        // A person's event on `messaging` ends a confirmed external ownership, not an implied one.
        ("!suite", message(1), "bot +2 external_ended assigned"),
        ("!suite", reads(1), "idle +1 external_ended"),
        ("~suite", message(1), "~suite +0"),
        // An external app asks: one that passes are allowed to waits like any other, of the rest the owner only hears.
        ("inbox", requested_by("suite", 1), "inbox +0 requested>inbox,bot"),
        ("inbox", requested_by("other", 1), "inbox +0 requested>inbox,bot"),
        ("!suite", requested_by("suite", 1), "!suite +0"),
    ];
    for (holder, command, expected) in cases {
        assert_eq!(outcome(&page(), &held(holder), &command), expected, "{command:?} while {holder} holds");
    }
}

#[test]
fn evidence_older_than_the_last_change_of_owner_moves_nothing() {
    for holder in ["idle", "bot", "~suite", "!suite", "!"] {
        let old = [
            standby(-1),
            echo("other", -1),
            echo("", -1),
            to_us("suite", -1),
            to_external("other", -1),
            requested_by("suite", -1),
            thread_owner("other", true, -1),
            thread_owner("", false, -1),
            reads(-1),
        ];
        for command in old {
            let decision = decide(&held(holder), &page(), &command, after(SECOND)).unwrap();
            assert_eq!((decision.control, decision.events.len()), (held(holder), 0), "{command:?} while {holder} holds");
        }
    }
}

#[test]
fn evidence_that_comes_late_counts_from_when_it_happened() {
    // The platform could not reach Baton for an hour, and brings everything at once.
    let mut scene = Scene::new(page(), "bot");
    scene.waits(HOUR);
    assert_eq!(scene.does(to_external("suite", 1_000)), "!suite +1 external>bot");
    assert_eq!(scene.does(to_us("suite", 2_000)), "bot +1 passed>bot");
    // Somebody writes, and a person answers elsewhere.
    for (told, expected) in [
        (echo("suite", 4_000), "~suite +1 implied"),
        (to_external("suite", 4_000), "!suite +1 external>bot"),
        (standby(4_000), "! +1 external"),
    ] {
        let mut scene = Scene::new(page(), "idle");
        scene.waits(HOUR);
        assert_eq!(scene.does(message(3_000)), "bot +1 assigned");
        assert_eq!(scene.does(told), expected);
    }
    // What a local app has done meanwhile is newer.
    let mut scene = Scene::new(page(), "bot");
    scene.waits(HOUR);
    assert_eq!(scene.does(take("inbox")), "inbox +1 taken>bot");
    assert_eq!(scene.does(to_external("suite", 1_000)), "inbox +0");
    // A clock that is ahead dates nothing into the future.
    assert_eq!(scene.does(to_external("suite", DAY)), "!suite +1 external>inbox");
    assert_eq!(scene.control.changed_at, after(scene.now));
}

#[test]
fn whoever_loses_it_to_outside_hears_so_where_the_platform_says_so() {
    assert_eq!(outcome(&page(), &held("inbox"), &to_external("suite", 1)), "!suite +1 external>inbox");
    assert_eq!(outcome(&page(), &held("bot"), &standby(1)), "! +1 external", "that is no handover event");
}

#[test]
fn a_pass_from_outside_names_who_passed() {
    for holder in ["idle", "!", "!other"] {
        let decision = decide(&held(holder), &page(), &to_us("suite", 1), after(SECOND)).unwrap();
        assert_eq!(decision.events[0].previous_owner, Some(app("suite")), "{holder}");
    }
}

#[test]
fn echoes_of_automation_and_of_batons_own_apps_are_no_take() {
    for sender in ["autoreply", "guest", "bot"] {
        assert_eq!(outcome(&page(), &held("bot"), &echo(sender, 1)), "bot +0", "echo of {sender}");
    }
    let never = PageRules { implied_ms: 0, ..page() };
    assert_eq!(outcome(&never, &held("bot"), &echo("suite", 1)), "bot +0");
}

#[test]
fn another_echo_makes_an_implied_ownership_longer() {
    let decision = decide(&held("~suite"), &page(), &echo("suite", SECOND), after(HOUR / 2)).unwrap();
    assert_eq!(
        decision.control.owner,
        Owner::External { app: Some(app("suite")), evidence: Evidence::Implied { until: after(HOUR / 2 + HOUR) } }
    );
}

#[test]
fn without_a_default_app_what_comes_back_is_nobodys() {
    assert_eq!(outcome(&zero_config(), &held("!suite"), &to_us("suite", 1)), "idle +1 external_ended");
    assert_eq!(outcome(&zero_config(), &held("idle"), &to_us("suite", 1)), "idle +0");
    assert_eq!(outcome(&zero_config(), &held("!suite"), &message(1)), "idle +1 external_ended");
}

#[test]
fn what_comes_back_goes_to_whoever_waits_for_it() {
    let mut scene = Scene::new(page(), "~suite");
    scene.does(request("guest"));
    let now = scene.now;
    assert_eq!(scene.does(to_us("suite", now)), "guest +1 passed>guest");
    assert_eq!(scene.control.requests, []);
}

#[test]
fn while_a_transfer_is_pending_everything_else_is_refused() {
    for (holder, by, begin) in [("bot", "bot", pass("bot", "suite")), ("!suite", "bot", take("bot")), ("!suite", "bot", request("bot"))] {
        let mut scene = Scene::new(page(), holder);
        scene.does(begin);
        let (pending, epoch) = (scene.control.clone(), scene.control.epoch);
        assert_eq!(epoch, Epoch(7), "the epoch is kept");
        let refused =
            [send(by), typing(by), pass(by, "guest"), take("inbox"), request("guest"), decline(by, "guest"), release(by), extend(by, DAY)];
        for command in refused {
            assert_eq!(scene.does(command.clone()), "TransferPending", "{command:?}");
        }
        assert_eq!(scene.does(send("stranger")), "NotOnPage");
        // Weaker evidence waits for the outcome as well.
        let now = scene.now;
        for command in [standby(now), echo("suite", now), message(now)] {
            scene.does(command);
            assert_eq!((&scene.control.transfer, scene.control.epoch), (&pending.transfer, epoch));
        }
    }
}

#[test]
fn the_platforms_answer_ends_a_transfer() {
    use TransferOutcome::{Done, Unknown};
    let refused = || TransferOutcome::Refused { why: None };
    let cases = [
        ("bot", pass("bot", "suite"), Done, "!suite +1 passed"),
        ("bot", pass("bot", "suite"), refused(), "bot +0 transfer_ended"),
        ("bot", pass("bot", "suite"), Unknown, "bot +0"),
        ("idle", pass("bot", "suite"), Done, "!suite +1 passed"),
        ("!suite", take("inbox"), Done, "inbox +1 taken"),
        ("!suite", take("inbox"), refused(), "!suite +0 transfer_ended"),
        ("!suite", take("inbox"), Unknown, "!suite +0"),
        ("!suite", request("guest"), Done, "!suite +0 requested>bot"),
        ("!suite", request("guest"), refused(), "!suite +0 transfer_ended"),
        ("!suite", request("guest"), Unknown, "!suite +0"),
    ];
    for (holder, begin, answer, expected) in cases {
        let mut scene = Scene::new(page(), holder);
        scene.does(begin.clone());
        let command = done(&scene, answer.clone());
        assert_eq!(scene.does(command), expected, "{begin:?} answered {answer:?}");
        assert_eq!(scene.control.transfer.is_some(), answer == Unknown);
    }
}

#[test]
fn the_platforms_own_words_are_kept() {
    let mut scene = Scene::new(page(), "bot");
    scene.does(pass("bot", "suite"));
    let why = PlatformRefusal { code: 10, subcode: Some(2_018_300), message: "(#10) no".into() };
    let command = done(&scene, TransferOutcome::Refused { why: Some(why.clone()) });
    let decision = decide(&scene.control, &scene.rules, &command, after(scene.now)).unwrap();
    assert_eq!(decision.events.iter().map(|event| event.refusal.clone()).collect::<Vec<_>>(), [Some(why)]);
}

#[test]
fn an_answer_to_another_transfer_decides_nothing() {
    let mut scene = Scene::new(page(), "bot");
    scene.does(pass("bot", "suite"));
    let first = done(&scene, TransferOutcome::Done);
    let now = scene.now;
    assert_eq!(scene.does(to_external("suite", now)), "!suite +1 passed");
    assert_eq!(scene.does(first.clone()), "!suite +0");
    scene.does(take("bot"));
    assert_eq!(scene.does(first), "!suite +0");
    assert!(scene.control.transfer.is_some());
}

#[test]
fn thread_owner_decides_what_had_no_answer() {
    let cases = [
        ("bot", pass("bot", "suite"), "suite", true, "!suite +1 passed"),
        ("bot", pass("bot", "suite"), "", true, "!suite +1 passed"),
        ("bot", pass("bot", "suite"), "other", true, "!other +1 transfer_ended external"),
        ("bot", pass("bot", "suite"), "", false, "bot +0 transfer_ended"),
        ("!suite", take("inbox"), "", false, "inbox +1 taken"),
        ("!suite", take("inbox"), "suite", true, "!suite +0 transfer_ended"),
        ("!suite", request("guest"), "suite", true, "!suite +0 transfer_ended"),
        ("!suite", request("guest"), "", false, "guest +1 passed>guest"),
    ];
    for (holder, begin, by, holds, expected) in cases {
        let mut scene = Scene::new(page(), holder);
        scene.does(begin.clone());
        let unknown = done(&scene, TransferOutcome::Unknown);
        scene.does(unknown);
        let begun = scene.now - 1;
        // Asked before it began, it says nothing.
        let early = scene.does(thread_owner(by, holds, begun - 1));
        assert_eq!(early, format!("{holder} +0"));
        assert_eq!(scene.does(thread_owner(by, holds, begun)), expected, "{begin:?}, then thread_owner {by} {holds}");
        assert_eq!(scene.control.transfer, None);
    }
}

#[test]
fn a_handover_event_may_come_before_the_answer() {
    let cases = [
        ("bot", pass("bot", "suite"), to_external("suite", 1), "!suite +1 passed"),
        ("!suite", take("inbox"), to_us("suite", 1), "inbox +1 passed>inbox"),
        ("!suite", request("guest"), to_us("suite", 1), "guest +1 passed>guest"),
        // There and back again.
        ("inbox", pass("inbox", "suite"), to_us("suite", 1), "bot +2 passed passed>bot"),
        ("bot", pass("bot", "suite"), to_us("other", 1), "bot +0"),
    ];
    for (holder, begin, event, expected) in cases {
        let mut scene = Scene::new(page(), holder);
        scene.does(begin.clone());
        let at = after(scene.now);
        let Command::PlatformHandover { event, .. } = event else { panic!("a handover event") };
        assert_eq!(scene.does(Command::PlatformHandover { event, at }), expected, "{begin:?}");
    }
}

#[test]
fn a_request_to_an_external_owner_waits_for_it_and_then_lapses() {
    let mut scene = Scene::new(page(), "!suite");
    scene.does(request("guest"));
    let answer = done(&scene, TransferOutcome::Done);
    scene.does(answer);
    // A repetition asks the platform no second time.
    assert_eq!(scene.does(request("guest")), "!suite +0 requested>bot");
    assert_eq!(scene.waits(30 * SECOND).does(Command::Tick), "!suite +0 request_lapsed");
}

#[test]
fn an_external_request_is_granted_by_a_pass_through_the_platform() {
    let mut scene = Scene::new(page(), "inbox");
    let now = scene.now;
    scene.does(requested_by("suite", now));
    assert_eq!(scene.waits(30 * SECOND).does(Command::Tick), "inbox +0 transfer_begun ask:pass:suite");
    let answer = done(&scene, TransferOutcome::Done);
    assert_eq!(scene.does(answer), "!suite +1 passed");
    // Off the list of allowed apps, it is no requester any more.
    let mut scene = Scene::new(page(), "inbox");
    scene.does(requested_by("suite", now));
    scene.rules.external_apps.clear();
    assert_eq!(scene.does(Command::Tick), "inbox +0 request_lapsed");
}
