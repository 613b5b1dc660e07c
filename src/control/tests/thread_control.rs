//! Who may send, pass, take, release and extend, cell by cell.

use super::*;

#[test]
fn a_send_needs_the_owner_or_whoever_may_answer_what_nobody_holds() {
    let cases = [
        // With a default app.
        (page(), "bot", "bot", "bot +0"),
        (page(), "bot", "inbox", "NotOwnerSend"),
        (page(), "inbox", "bot", "NotOwnerSend"),
        (page(), "idle", "bot", "bot +1 assigned"),
        (page(), "idle", "inbox", "NotOwnerSend"),
        (page(), "idle", "guest", "NotOwnerSend"),
        (page(), "~suite", "bot", "NotOwnerSend"),
        (page(), "!suite", "bot", "NotOwnerSend"),
        (page(), "!", "inbox", "NotOwnerSend"),
        (page(), "bot", "stranger", "NotOnPage"),
        // Without one, whoever sends first.
        (zero_config(), "idle", "guest", "guest +1 assigned"),
        (zero_config(), "idle", "inbox", "inbox +1 assigned"),
        (zero_config(), "guest", "guest", "guest +0"),
        (zero_config(), "guest", "inbox", "NotOwnerSend"),
    ];
    for (rules, holder, sender, expected) in cases {
        assert_eq!(outcome(&rules, &held(holder), &send(sender)), expected, "{sender} sends while {holder} holds");
    }
}

#[test]
fn a_sender_action_never_gives_ownership() {
    let cases = [
        (page(), "bot", "bot", "bot +0"),
        (page(), "bot", "guest", "NotOwnerSend"),
        (page(), "idle", "bot", "idle +0"),
        (page(), "idle", "guest", "NotOwnerSend"),
        (zero_config(), "idle", "guest", "idle +0"),
    ];
    for (rules, holder, sender, expected) in cases {
        assert_eq!(outcome(&rules, &held(holder), &typing(sender)), expected, "{sender} types while {holder} holds");
    }
}

#[test]
fn a_stale_epoch_is_refused_even_to_the_owner() {
    let says = |epoch| Command::Send { app: app("bot"), action: false, epoch: Some(Epoch(epoch)) };
    assert_eq!(outcome(&page(), &held("bot"), &says(7)), "bot +0");
    assert_eq!(outcome(&page(), &held("bot"), &says(6)), "StaleEpoch");
    assert_eq!(outcome(&page(), &held("bot"), &says(8)), "StaleEpoch");
    assert_eq!(outcome(&page(), &held("inbox"), &says(7)), "NotOwnerSend");
}

#[test]
fn who_claims_an_idle_conversation_may_answer_the_same_event_again_and_nobody_else_may() {
    let mut scene = Scene::new(zero_config(), "idle");
    let says = |name: &str| Command::Send { app: app(name), action: false, epoch: Some(Epoch(7)) };
    assert_eq!(scene.does(says("guest")), "guest +1 assigned");
    assert_eq!(scene.does(says("guest")), "guest +0");
    assert_eq!(scene.does(says("bot")), "NotOwnerSend");
    assert_eq!(scene.does(pass("guest", "bot")), "bot +1 passed>bot");
    assert_eq!(scene.does(pass("bot", "guest")), "guest +1 passed>guest");
    assert_eq!(scene.does(says("guest")), "StaleEpoch");
}

#[test]
fn a_pass_needs_the_owner_or_whoever_may_answer_what_nobody_holds() {
    let cases = [
        (page(), "bot", pass("bot", "inbox"), "inbox +1 passed>inbox"),
        (page(), "inbox", pass("inbox", ""), "bot +1 passed>bot"),
        (page(), "inbox", pass("inbox", "guest"), "guest +1 passed>guest"),
        (page(), "bot", pass("inbox", "guest"), "NotOwner"),
        (page(), "bot", pass("guest", "guest"), "NotOwner"),
        (page(), "bot", pass("bot", "stranger"), "UnknownTarget"),
        (page(), "bot", pass("bot", "bot"), "bot +0"),
        (page(), "bot", pass("bot", ""), "bot +0"),
        (page(), "idle", pass("bot", "inbox"), "inbox +1 passed>inbox"),
        (page(), "idle", pass("inbox", "guest"), "NotOwner"),
        (page(), "~suite", pass("bot", "inbox"), "NotOwner"),
        (page(), "!suite", pass("bot", "inbox"), "NotOwner"),
        (page(), "bot", pass("stranger", "bot"), "NotOnPage"),
        // Without a default app any app may pass what nobody holds, also to itself.
        (zero_config(), "idle", pass("guest", "guest"), "guest +1 passed>guest"),
        (zero_config(), "idle", pass("guest", "inbox"), "inbox +1 passed>inbox"),
        (zero_config(), "idle", pass("guest", ""), "UnknownTarget"),
        (zero_config(), "bot", pass("bot", ""), "UnknownTarget"),
        (zero_config(), "bot", pass("guest", "guest"), "NotOwner"),
    ];
    for (rules, holder, command, expected) in cases {
        assert_eq!(outcome(&rules, &held(holder), &command), expected, "{command:?} while {holder} holds");
    }
}

#[test]
fn a_pass_to_metas_inboxes_means_batons_unless_the_admin_has_allowed_them() {
    for id in ["263902037430900", "1217981644879628"] {
        assert_eq!(outcome(&page(), &held("bot"), &pass("bot", id)), "inbox +1 passed>inbox");
        assert_eq!(outcome(&page(), &held("inbox"), &pass("inbox", id)), "inbox +0");
        let mut allowed = page();
        allowed.external_apps.insert(app(id));
        assert_eq!(outcome(&allowed, &held("bot"), &pass("bot", id)), format!("bot +0 transfer_begun ask:pass:{id}"));
        let mut bare = page();
        bare.inbox_app = None;
        assert_eq!(outcome(&bare, &held("bot"), &pass("bot", id)), "UnknownTarget");
    }
    // What the message_echoes page prints is a misprint of the first one, not an inbox.
    assert_eq!(outcome(&page(), &held("bot"), &pass("bot", "26390203743090")), "UnknownTarget");
}

#[test]
fn app_ids_are_compared_as_text() {
    // Both are 17841400000000000 as a float.
    let (one, two) = ("17841400000000001", "17841400000000002");
    let mut rules = page();
    rules.apps.insert(app(one), AppRules::default());
    assert_eq!(outcome(&rules, &held("bot"), &pass("bot", one)), format!("{one} +1 passed>{one}"));
    assert_eq!(outcome(&rules, &held("bot"), &pass("bot", two)), "UnknownTarget");
    assert_eq!(outcome(&rules, &held("bot"), &pass("bot", "0017841400000000001")), "UnknownTarget");
}

#[test]
fn a_take_needs_the_default_app_or_the_permission() {
    let cases = [
        (page(), "guest", "bot", "bot +1 taken>guest"),
        (page(), "bot", "inbox", "inbox +1 taken>bot"),
        (page(), "bot", "guest", "MayNotTake"),
        (page(), "idle", "bot", "bot +1 taken"),
        (page(), "idle", "inbox", "inbox +1 taken"),
        (page(), "idle", "guest", "MayNotTake"),
        (page(), "~suite", "inbox", "inbox +1 taken"),
        (page(), "~suite", "bot", "bot +1 taken"),
        (page(), "~suite", "guest", "MayNotTake"),
        (page(), "!suite", "inbox", "!suite +0 transfer_begun ask:take"),
        (page(), "!", "bot", "! +0 transfer_begun ask:take"),
        (page(), "!suite", "guest", "MayNotTake"),
        (page(), "bot", "stranger", "NotOnPage"),
        // To oneself: success, no event, no epoch, whatever the permission.
        (page(), "bot", "bot", "bot +0"),
        (page(), "guest", "guest", "guest +0"),
        // Nothing to take where nobody holds it and nobody answers first.
        (zero_config(), "idle", "inbox", "MayNotTake"),
        (zero_config(), "idle", "guest", "MayNotTake"),
        (zero_config(), "guest", "inbox", "inbox +1 taken>guest"),
        (zero_config(), "guest", "bot", "MayNotTake"),
    ];
    for (rules, holder, taker, expected) in cases {
        assert_eq!(outcome(&rules, &held(holder), &take(taker)), expected, "{taker} takes from {holder}");
    }
}

#[test]
fn only_the_owner_releases() {
    let cases = [
        ("bot", "bot", "idle +1 released"),
        ("inbox", "inbox", "idle +1 released"),
        ("bot", "inbox", "NotOwner"),
        ("idle", "bot", "NotOwner"),
        ("!suite", "bot", "NotOwner"),
        ("~suite", "bot", "NotOwner"),
        ("bot", "stranger", "NotOnPage"),
    ];
    for (holder, by, expected) in cases {
        assert_eq!(outcome(&page(), &held(holder), &release(by)), expected, "{by} releases from {holder}");
    }
}

#[test]
fn an_extension_is_the_owners_and_at_most_seven_days_from_now() {
    let cases = [
        ("bot", 2 * DAY, "bot +0 extended"),
        ("bot", 7 * DAY, "bot +0 extended"),
        ("bot", 7 * DAY + 1, "BadDuration"),
        ("bot", 0, "BadDuration"),
        ("bot", -1, "BadDuration"),
        ("bot", i64::MAX, "BadDuration"),
        ("inbox", 2 * DAY, "NotOwner"),
        ("idle", 2 * DAY, "NotOwner"),
        ("!suite", 2 * DAY, "NotOwner"),
    ];
    for (holder, duration, expected) in cases {
        assert_eq!(outcome(&page(), &held(holder), &extend("bot", duration)), expected, "{duration} ms while {holder} holds");
    }
    let decision = decide(&held("bot"), &page(), &extend("bot", 3 * DAY), after(HOUR)).unwrap();
    assert_eq!(decision.control.owner, Owner::App { app: app("bot"), until: after(HOUR + 3 * DAY) });
    // A lease is never cut short.
    let decision = decide(&held("bot"), &page(), &extend("bot", SECOND), after(HOUR)).unwrap();
    assert_eq!((decision.control, decision.events.len()), (held("bot"), 0));
}

#[test]
fn words_are_handed_on_verbatim_and_the_event_names_everybody() {
    let metadata = words("{\"topic\":\"Rückgabe ✓\"}");
    let command = Command::Pass { app: app("bot"), target: Some(app("inbox")), metadata: metadata.clone() };
    let decision = decide(&held("bot"), &page(), &command, after(SECOND)).unwrap();
    let event = &decision.events[0];
    assert_eq!((event.change, &event.metadata), (Change::Passed, &metadata));
    assert_eq!((&event.by, &event.previous_owner, &event.new_owner), (&Some(app("bot")), &Some(app("bot")), &Some(app("inbox"))));
    assert_eq!(event.after, decision.control);
    assert_eq!((decision.control.epoch, decision.control.changed_at), (Epoch(8), after(SECOND)));
}

#[test]
fn a_new_owner_has_the_whole_lease() {
    for (holder, command) in [("bot", pass("bot", "inbox")), ("bot", take("inbox")), ("idle", pass("bot", "inbox"))] {
        let decision = decide(&held(holder), &page(), &command, after(HOUR)).unwrap();
        assert_eq!(decision.control.owner, Owner::App { app: app("inbox"), until: after(HOUR + DAY) });
    }
}

/// The published worked trace of a bot (default app) and an agent inbox.
#[test]
fn the_published_trace_of_bot_and_inbox() {
    let mut scene = Scene::new(page(), "idle");
    assert_eq!(scene.does(message(SECOND)), "bot +1 assigned");
    assert_eq!(scene.does(send("bot")), "bot +0");
    assert_eq!(scene.does(pass("bot", "inbox")), "inbox +1 passed>inbox");
    assert_eq!(scene.does(send("bot")), "NotOwnerSend");
    assert_eq!(scene.does(message(2 * SECOND)), "inbox +0");
    assert_eq!(scene.does(send("inbox")), "inbox +0");
    assert_eq!(scene.does(pass("inbox", "")), "bot +1 passed>bot");
    assert_eq!(scene.does(take("inbox")), "inbox +1 taken>bot");
    assert_eq!(scene.does(release("inbox")), "idle +1 released");
    assert_eq!(scene.does(message(3 * SECOND)), "bot +1 assigned");
    assert_eq!(scene.does(request("inbox")), "bot +0 requested>bot");
    assert_eq!(scene.does(pass("bot", "inbox")), "inbox +1 passed>inbox");
    assert_eq!(scene.waits(DAY).does(Command::Tick), "idle +1 expired");
}
