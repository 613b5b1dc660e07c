//! Requests: who hears of them, and how each of them ends.

use super::*;

fn asks(by: &str, text: &str) -> Command {
    Command::Request { app: app(by), metadata: words(text) }
}

#[test]
fn a_request_is_told_to_the_owner_and_the_default_app() {
    let cases = [
        (page(), "bot", "guest", "bot +0 requested>bot"),
        (page(), "inbox", "guest", "inbox +0 requested>inbox,bot"),
        (page(), "inbox", "bot", "inbox +0 requested>inbox"),
        (page(), "idle", "guest", "idle +0 requested>bot"),
        (page(), "idle", "bot", "idle +0 requested"),
        (page(), "~suite", "guest", "~suite +0 requested>bot"),
        (page(), "!suite", "guest", "!suite +0 transfer_begun ask:request"),
        (page(), "bot", "bot", "AlreadyOwner"),
        (page(), "bot", "stranger", "NotOnPage"),
        (zero_config(), "bot", "guest", "bot +0 requested>bot"),
        // Nobody is there to say no.
        (zero_config(), "idle", "guest", "guest +1 passed>guest"),
        (with_health(page(), "inbox", down_for(59 * SECOND + 1)), "inbox", "guest", "guest +1 passed>guest"),
        (with_health(page(), "inbox", down_for(59 * SECOND)), "inbox", "guest", "inbox +0 requested>inbox,bot"),
        (with_health(zero_config(), "inbox", Health::Disabled), "inbox", "guest", "guest +2 owner_gone passed>guest"),
        // With a default app that one steps in for a disabled owner, and is asked.
        (with_health(page(), "inbox", Health::Disabled), "inbox", "guest", "bot +1 owner_gone requested>bot"),
        (with_health(page(), "bot", Health::Disabled), "bot", "guest", "guest +2 owner_gone passed>guest"),
    ];
    for (rules, holder, requester, expected) in cases {
        assert_eq!(outcome(&rules, &held(holder), &request(requester)), expected, "{requester} asks {holder}");
    }
}

#[test]
fn a_repetition_replaces_the_words_and_keeps_the_deadline() {
    let mut scene = Scene::new(page(), "bot");
    assert_eq!(scene.does(asks("guest", "first")), "bot +0 requested>bot");
    let first = scene.control.requests[0].clone();
    assert_eq!((first.asked_at, first.deadline), (after(scene.now), after(scene.now + 30 * SECOND)));
    assert_eq!(scene.waits(10 * SECOND).does(asks("guest", "second")), "bot +0 requested>bot");
    assert_eq!(scene.control.requests, [Request { metadata: words("second"), ..first }]);
}

#[test]
fn at_the_deadline_the_earliest_is_granted_and_the_rest_lapse() {
    let mut scene = Scene::new(page(), "bot");
    scene.does(asks("guest", "please"));
    scene.does(request("spare"));
    scene.does(request("inbox"));
    let due = scene.control.requests[0].deadline;
    assert_eq!(check_at(&scene.control, &scene.rules), Some(due));
    let early = decide(&scene.control, &scene.rules, &Command::Tick, Timestamp::from_millis(due.millis() - 1)).unwrap();
    assert_eq!(early.events, []);
    let decision = decide(&scene.control, &scene.rules, &Command::Tick, due).unwrap();
    assert_eq!(told(&scene.control, &decision), "guest +1 request_lapsed request_lapsed passed>guest");
    assert_eq!(decision.control.requests, []);
    let granted = &decision.events[2];
    assert_eq!((&granted.requester, &granted.metadata, &granted.by), (&Some(app("guest")), &words("please"), &None));
    let lapsed: Vec<_> = decision.events[..2].iter().map(|event| event.requester.clone().unwrap()).collect();
    assert_eq!(lapsed, [app("spare"), app("inbox")]);
}

#[test]
fn a_page_may_let_all_requests_lapse() {
    let rules = PageRules { at_deadline: AtDeadline::Lapse, ..page() };
    let mut scene = Scene::new(rules, "bot");
    scene.does(request("guest"));
    scene.does(request("spare"));
    assert_eq!(scene.waits(30 * SECOND).does(Command::Tick), "bot +0 request_lapsed request_lapsed");
    assert_eq!(scene.control.requests, []);
}

#[test]
fn a_request_is_decided_before_a_late_command_of_the_owner() {
    let mut scene = Scene::new(page(), "bot");
    scene.does(request("guest"));
    assert_eq!(scene.waits(30 * SECOND).does(send("bot")), "NotOwnerSend");
    assert_eq!(scene.does(send("guest")), "guest +1 passed>guest");
}

#[test]
fn a_new_owner_hears_of_the_requests_that_still_wait() {
    let mut scene = Scene::new(page(), "bot");
    scene.does(request("guest"));
    scene.does(request("spare"));
    assert_eq!(scene.does(take("inbox")), "inbox +1 taken>bot requested>inbox requested>inbox");
    // Passed to one of them: that one is granted, the other told.
    assert_eq!(scene.does(pass("inbox", "spare")), "spare +1 passed>spare requested>spare");
    assert_eq!(scene.control.requests.len(), 1);
    // Released: they wait on for their deadline, the default app knows of them.
    assert_eq!(scene.does(release("spare")), "idle +1 released");
    assert_eq!(scene.does(message(SECOND)), "bot +1 assigned requested>bot");
    assert_eq!(scene.waits(30 * SECOND).does(Command::Tick), "guest +1 passed>guest");
}

#[test]
fn a_pass_that_grants_says_whose_request_it_was() {
    let mut scene = Scene::new(page(), "bot");
    scene.does(request("guest"));
    let decision = decide(&scene.control, &scene.rules, &pass("bot", "guest"), after(2 * SECOND)).unwrap();
    assert_eq!(decision.events[0].requester, Some(app("guest")));
    let decision = decide(&scene.control, &scene.rules, &pass("bot", "spare"), after(2 * SECOND)).unwrap();
    assert_eq!(decision.events[0].requester, None);
}

#[test]
fn without_a_default_app_a_release_grants_at_once() {
    let mut scene = Scene::new(zero_config(), "bot");
    scene.does(request("guest"));
    scene.does(request("spare"));
    assert_eq!(scene.does(release("bot")), "guest +2 released passed>guest requested>guest");
}

#[test]
fn an_owner_that_goes_down_loses_to_the_earliest() {
    let mut scene = Scene::new(page(), "inbox");
    scene.does(request("guest"));
    scene.does(request("spare"));
    scene.rules = with_health(page(), "inbox", down_for(HOUR));
    assert_eq!(scene.does(Command::Tick), "guest +1 passed>guest requested>guest");
    assert_eq!(scene.control.requests[0].app, app("spare"));
}

#[test]
fn who_is_down_claims_nothing_that_somebody_waits_for() {
    let fallback = PageRules { fallback_app: Some(app("spare")), ..page() };
    for (rules, requester, claims) in [
        (page(), "guest", "NotOwnerSend"),
        // An external requester would begin a transfer, and nobody could speak.
        (page(), "suite", "NotOwnerSend"),
        (fallback, "guest", "NotOwnerSend"),
        // Its own request ends with the claim.
        (page(), "bot", "bot +1 assigned"),
    ] {
        let mut control = held("idle");
        let (asked_at, deadline) = (after(0), after(30 * SECOND));
        control.requests.push(Request { app: app(requester), metadata: None, asked_at, deadline });
        let down = with_health(rules.clone(), "bot", down_for(59 * SECOND + 1));
        assert_eq!(outcome(&down, &control, &send("bot")), claims, "{requester} waits");
        assert_eq!(outcome(&down, &control, &typing("bot")), "idle +0", "typing claims nothing, {requester} waits");
        let up = with_health(rules, "bot", down_for(59 * SECOND));
        assert!(outcome(&up, &control, &send("bot")).starts_with("bot +1 assigned"), "{requester} waits");
    }
}

#[test]
fn the_owner_or_the_default_app_declines() {
    for (decliner, expected) in [
        ("inbox", "inbox +0 declined"),
        ("bot", "inbox +0 declined"),
        ("guest", "NotOwner"),
        ("spare", "NotOwner"),
        ("stranger", "NotOnPage"),
    ] {
        let mut scene = Scene::new(page(), "inbox");
        scene.does(request("guest"));
        assert_eq!(scene.does(decline(decliner, "guest")), expected, "{decliner} declines");
        assert_eq!(scene.control.requests.is_empty(), expected.ends_with("declined"));
    }
    assert_eq!(outcome(&page(), &held("inbox"), &decline("inbox", "guest")), "NoSuchRequest");
}

#[test]
fn a_request_ends_with_its_app() {
    let mut scene = Scene::new(page(), "inbox");
    scene.does(request("guest"));
    scene.does(request("spare"));
    scene.rules.apps.remove(&app("guest"));
    assert_eq!(scene.does(Command::Tick), "inbox +0 request_lapsed");
    assert_eq!(scene.control.requests[0].app, app("spare"));
}

#[test]
fn lease_and_deadline_are_decided_in_the_order_of_their_moments() {
    let waiting = |asked: i64| {
        let mut control = held("inbox");
        let deadline = after(asked + 30 * SECOND);
        control.requests.push(Request { app: app("guest"), metadata: None, asked_at: after(asked), deadline });
        control
    };
    assert_eq!(outcome_at(2 * DAY, &page(), &waiting(DAY - 10 * SECOND), &Command::Tick), "guest +2 expired passed>guest");
    assert_eq!(outcome_at(DAY + SECOND, &page(), &waiting(DAY - HOUR), &Command::Tick), "guest +1 passed>guest");
}
