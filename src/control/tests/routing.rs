//! The published state tables of Conversation Routing: a Page with a default app, and one without any (zero-config).

use super::*;

/// What happens to a new conversation, row by row of the table.
fn walk(rules: &PageRules, steps: &[(Command, &str)]) {
    let mut scene = Scene::new(rules.clone(), "idle");
    for (command, expected) in steps {
        assert_eq!(scene.does(command.clone()), *expected, "{command:?}");
    }
}

#[test]
fn with_a_default_app() {
    // New thread, and a person who writes while it is idle: the default app.
    walk(&page(), &[(message(0), "bot +1 assigned")]);
    // Send while idle: only the default app.
    walk(&page(), &[(send("guest"), "NotOwnerSend"), (send("inbox"), "NotOwnerSend"), (send("bot"), "bot +1 assigned")]);
    // Send while another app owns.
    walk(&page(), &[(message(0), "bot +1 assigned"), (send("inbox"), "NotOwnerSend")]);
    // Take: apps with the permission.
    walk(&page(), &[(message(0), "bot +1 assigned"), (take("guest"), "MayNotTake"), (take("inbox"), "inbox +1 taken>bot")]);
    // Pass: the owner.
    walk(
        &page(),
        &[(message(0), "bot +1 assigned"), (pass("inbox", "guest"), "NotOwner"), (pass("bot", "guest"), "guest +1 passed>guest")],
    );
    // Release: the owner.
    walk(&page(), &[(message(0), "bot +1 assigned"), (release("inbox"), "NotOwner"), (release("bot"), "idle +1 released")]);
    // Request: the owner is told.
    walk(&page(), &[(message(0), "bot +1 assigned"), (request("inbox"), "bot +0 requested>bot")]);
}

#[test]
fn without_any() {
    // New thread, and a person who writes while it is idle: nobody owns, all may answer.
    walk(&zero_config(), &[(message(0), "idle +0"), (message(1), "idle +0")]);
    // Send while idle: all. Then somebody owns, and the others are refused.
    walk(&zero_config(), &[(message(0), "idle +0"), (send("guest"), "guest +1 assigned"), (send("bot"), "NotOwnerSend")]);
    // Take: blocked.
    walk(&zero_config(), &[(take("inbox"), "MayNotTake"), (take("bot"), "MayNotTake")]);
    // Pass: any app while idle, also to itself.
    walk(&zero_config(), &[(pass("guest", "guest"), "guest +1 passed>guest"), (pass("bot", "bot"), "NotOwner")]);
    // Release: the owner.
    walk(&zero_config(), &[(send("bot"), "bot +1 assigned"), (release("guest"), "NotOwner"), (release("bot"), "idle +1 released")]);
    // Request: the first caller gets control.
    walk(&zero_config(), &[(request("guest"), "guest +1 passed>guest"), (request("bot"), "guest +0 requested>guest")]);
}

#[test]
fn a_silent_person_makes_it_idle_after_24_hours_whatever_the_owner_does() {
    for rules in [page(), zero_config()] {
        let mut scene = Scene::new(rules, "guest");
        assert_eq!(scene.waits(23 * HOUR).does(send("guest")), "guest +0");
        assert_eq!(scene.waits(HOUR).does(Command::Tick), "idle +1 expired");
    }
}

#[test]
fn a_person_who_writes_keeps_the_owner() {
    let mut scene = Scene::new(page(), "guest");
    for _ in 0..5 {
        assert_eq!(scene.waits(23 * HOUR).does(message(0)), "guest +0");
    }
}

/// The handover protocol's names for the same things: a primary receiver and secondary receivers.
#[test]
fn the_primary_receiver_of_older_clients_is_the_default_app() {
    let mut scene = Scene::new(page(), "idle");
    assert_eq!(scene.does(message(0)), "bot +1 assigned");
    assert_eq!(scene.does(pass("bot", "guest")), "guest +1 passed>guest");
    // A secondary receiver may not take from another one; the primary may.
    assert_eq!(scene.does(take("spare")), "MayNotTake");
    assert_eq!(scene.does(take("bot")), "bot +1 taken>guest");
    // A secondary receiver asks; the primary is told, and passes.
    assert_eq!(scene.does(request("guest")), "bot +0 requested>bot");
    assert_eq!(scene.does(pass("bot", "guest")), "guest +1 passed>guest");
    // A secondary receiver passes back without naming anybody.
    assert_eq!(scene.does(pass("guest", "")), "bot +1 passed>bot");
}
