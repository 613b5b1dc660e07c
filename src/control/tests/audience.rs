//! Who hears what: the published delivery matrix, cell by cell.

use super::*;
use crate::wire::Channel;

/// How an app hears a row, in a word: `messaging`, `standby`, `-` for not at all; `/cut` where `postback.payload` is left out.
fn heard(audience: &Audience, field: &str, button: Option<&str>, listener: &str) -> String {
    let button = button.map(app);
    let heard = hear(&Hearable { audience, field, button_app: button.as_ref() }, &app(listener));
    let Some(heard) = heard else { return "-".into() };
    let channel = match heard.channel {
        Channel::Messaging => "messaging",
        Channel::Standby => "standby",
        Channel::Changes => "changes",
    };
    let cut = if heard.payload == PayloadCut::WithoutPayload { "/cut" } else { "" };
    format!("{channel}{cut}")
}

#[test]
fn the_audience_follows_the_owner() {
    let down = with_health(page(), "bot", down_for(HOUR));
    let cases = [
        (page(), "bot", Audience::Owner(app("bot"))),
        (page(), "inbox", Audience::Owner(app("inbox"))),
        (page(), "idle", Audience::Owner(app("bot"))),
        (PageRules { fallback_app: Some(app("spare")), ..down }, "idle", Audience::Owner(app("spare"))),
        (zero_config(), "idle", Audience::Everyone),
        (with_health(page(), "bot", Health::Disabled), "idle", Audience::Everyone),
        (with_health(page(), "guest", Health::Disabled), "guest", Audience::Owner(app("bot"))),
        (page(), "!suite", Audience::External),
        (page(), "~suite", Audience::External),
        (zero_config(), "!", Audience::External),
    ];
    for (rules, holder, expected) in cases {
        assert_eq!(audience_of(&held(holder), &rules, after(SECOND)), expected, "{holder} holds");
    }
    assert_eq!(audience_of(&held("guest"), &page(), after(DAY)), Audience::Owner(app("bot")), "a lapsed lease");
}

#[test]
fn events_that_standby_carries() {
    let (owned, idle, external) = (Audience::Owner(app("bot")), Audience::Everyone, Audience::External);
    for field in ["messages", "message_echoes", "message_reads", "messaging_seen", "message_deliveries", "messaging_postbacks"] {
        let standby = if field == "messaging_postbacks" { "standby/cut" } else { "standby" };
        assert_eq!(heard(&owned, field, None, "bot"), "messaging", "{field}");
        assert_eq!(heard(&owned, field, None, "inbox"), standby, "{field}");
        assert_eq!(heard(&idle, field, None, "guest"), "messaging", "{field}");
        assert_eq!(heard(&external, field, None, "bot"), standby, "{field}");
    }
}

#[test]
fn events_for_the_owner_alone() {
    let fields = [
        "message_reactions",
        "message_edits",
        "message_edit",
        "messaging_referrals",
        "messaging_referral",
        "messaging_optins",
        "messaging_account_linking",
        "send_cart",
    ];
    for field in fields {
        assert_eq!(heard(&Audience::Owner(app("bot")), field, None, "bot"), "messaging", "{field}");
        assert_eq!(heard(&Audience::Owner(app("bot")), field, None, "inbox"), "-", "{field}");
        assert_eq!(heard(&Audience::Everyone, field, None, "inbox"), "messaging", "{field}");
        assert_eq!(heard(&Audience::External, field, None, "bot"), "-", "{field}");
    }
}

#[test]
fn a_tapped_buttons_payload_belongs_to_the_app_that_sent_it() {
    let field = "messaging_postbacks";
    let owned = Audience::Owner(app("bot"));
    let cases = [
        // The owner's own button.
        (&owned, Some("bot"), "bot", "messaging"),
        (&owned, Some("bot"), "inbox", "standby/cut"),
        // Another app's button: it hears the tap on `messaging` though it is not the owner, the owner hears it without the payload.
        (&owned, Some("guest"), "guest", "messaging"),
        (&owned, Some("guest"), "bot", "messaging/cut"),
        (&owned, Some("guest"), "inbox", "standby/cut"),
        // Nobody's: Get Started, the persistent menu, ice breakers.
        (&owned, None, "bot", "messaging"),
        (&owned, None, "inbox", "standby/cut"),
        (&Audience::Everyone, Some("guest"), "guest", "messaging"),
        (&Audience::Everyone, Some("guest"), "bot", "messaging/cut"),
        (&Audience::Everyone, None, "bot", "messaging"),
        (&Audience::External, Some("guest"), "guest", "messaging"),
        (&Audience::External, Some("guest"), "bot", "standby/cut"),
    ];
    for (audience, button, listener, expected) in cases {
        assert_eq!(heard(audience, field, button, listener), expected, "{audience:?}, button of {button:?}, heard by {listener}");
    }
    // The sender of a button hears nothing else besides.
    assert_eq!(heard(&owned, "messages", Some("guest"), "guest"), "standby");
}

#[test]
fn handovers_are_told_and_the_rest_of_control_is_for_who_asked() {
    let told_to = Audience::Told(vec![app("bot"), app("inbox")]);
    assert_eq!(heard(&told_to, "messaging_handovers", None, "bot"), "messaging");
    assert_eq!(heard(&told_to, "messaging_handovers", None, "guest"), "-");
    // The platform's own handovers name its apps, not Baton's.
    assert_eq!(heard(&Audience::Owner(app("bot")), "messaging_handovers", None, "bot"), "-");
    assert_eq!(heard(&Audience::Everyone, "messaging_handover", None, "bot"), "-");
    assert_eq!(heard(&Audience::Subscribers, CONTROL_FIELD, None, "guest"), "messaging");
    assert_eq!(heard(&Audience::Internal, "messages", None, "bot"), "-");
    assert_eq!(heard(&Audience::Everyone, "", None, "bot"), "-");
}

#[test]
fn control_events_name_their_audience() {
    let of = |holder: &str, command: Command, object| {
        let event = decide(&held(holder), &page(), &command, after(SECOND)).unwrap().events.remove(0);
        audience_of_control(&event, object)
    };
    let one = |name: &str| Audience::Told(vec![app(name)]);
    assert_eq!(of("bot", pass("bot", "inbox"), Object::Page), (one("inbox"), "messaging_handovers"));
    assert_eq!(of("bot", pass("bot", "inbox"), Object::Instagram), (one("inbox"), "messaging_handover"));
    assert_eq!(of("bot", take("inbox"), Object::Page), (one("bot"), "messaging_handovers"));
    assert_eq!(of("inbox", request("guest"), Object::Page).0, Audience::Told(vec![app("inbox"), app("bot")]));
    // What the platform has no event for.
    for (holder, command) in [("bot", release("bot")), ("idle", message(0)), ("idle", take("inbox")), ("bot", extend("bot", 2 * DAY))] {
        assert_eq!(of(holder, command, Object::Page), (Audience::Subscribers, "baton_control"));
    }
}
