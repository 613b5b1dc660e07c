//! The messaging window and the tags that reach beyond it.

use super::*;
use crate::wire::{Event, Send};

const OPEN: i64 = DAY - 1;
const HUMAN_ONLY: i64 = DAY;
const LAST: i64 = 7 * DAY - 1;
const CLOSED: i64 = 7 * DAY;

#[test]
fn the_window_is_24_hours_and_seven_days_for_people() {
    let (open, human) = (after(DAY), after(7 * DAY));
    let cases = [
        (0, Window::Open { until: open }),
        (OPEN, Window::Open { until: open }),
        (HUMAN_ONLY, Window::HumanAgent { until: human }),
        (LAST, Window::HumanAgent { until: human }),
        (CLOSED, Window::Closed),
        (-SECOND, Window::Open { until: open }),
    ];
    for (millis, expected) in cases {
        assert_eq!(window(Some(after(0)), after(millis)), expected, "after {millis} ms");
    }
    assert_eq!(window(None, after(0)), Window::Closed);
}

fn sends(object: Object, messaging_type: &str, tag: &str, template: &str, human: bool, since_act: i64) -> Result<(), WindowRefusal> {
    fn given(text: &str) -> Option<&str> {
        (!text.is_empty()).then_some(text)
    }
    let terms = Terms { object, messaging_type: given(messaging_type), tag: given(tag), template: given(template), human };
    may_send(&terms, Some(after(0)), after(since_act))
}

#[test]
fn what_may_be_sent_when() {
    use Object::{Instagram, Page};
    use WindowRefusal::{DeadTag, MissingTag, Outside, TagNeedsTemplate, UnknownTag};
    let cases = [
        // (object, type, tag, template, human app, inside 24 h, up to 7 days, later)
        (Page, "RESPONSE", "", "", false, Ok(()), Err(Outside), Err(Outside)),
        (Page, "UPDATE", "", "", true, Ok(()), Err(Outside), Err(Outside)),
        (Page, "", "", "", true, Ok(()), Err(Outside), Err(Outside)),
        (Page, "MESSAGE_TAG", "HUMAN_AGENT", "", true, Ok(()), Ok(()), Err(Outside)),
        (Instagram, "MESSAGE_TAG", "HUMAN_AGENT", "", true, Ok(()), Ok(()), Err(Outside)),
        (Page, "", "HUMAN_AGENT", "", true, Ok(()), Ok(()), Err(Outside)),
        (Page, "MESSAGE_TAG", "HUMAN_AGENT", "", false, Ok(()), Err(Outside), Err(Outside)),
        (Page, "MESSAGE_TAG", "CUSTOMER_FEEDBACK", "customer_feedback", false, Ok(()), Ok(()), Err(Outside)),
        (Page, "MESSAGE_TAG", "CUSTOMER_FEEDBACK", "", false, Err(TagNeedsTemplate), Err(TagNeedsTemplate), Err(TagNeedsTemplate)),
        (Page, "MESSAGE_TAG", "CUSTOMER_FEEDBACK", "generic", true, Err(TagNeedsTemplate), Err(TagNeedsTemplate), Err(TagNeedsTemplate)),
        (Instagram, "MESSAGE_TAG", "CUSTOMER_FEEDBACK", "customer_feedback", false, Err(UnknownTag), Err(UnknownTag), Err(UnknownTag)),
        (Page, "MESSAGE_TAG", "ACCOUNT_UPDATE", "", true, Err(DeadTag), Err(DeadTag), Err(DeadTag)),
        (Page, "MESSAGE_TAG", "CONFIRMED_EVENT_UPDATE", "", true, Err(DeadTag), Err(DeadTag), Err(DeadTag)),
        (Page, "MESSAGE_TAG", "POST_PURCHASE_UPDATE", "", true, Err(DeadTag), Err(DeadTag), Err(DeadTag)),
        (Page, "MESSAGE_TAG", "NEWS", "", true, Err(UnknownTag), Err(UnknownTag), Err(UnknownTag)),
        (Page, "MESSAGE_TAG", "", "", true, Err(MissingTag), Err(MissingTag), Err(MissingTag)),
        (Page, "UTILITY", "", "", false, Ok(()), Err(Outside), Err(Outside)),
    ];
    for (object, messaging_type, tag, template, human, inside, week, later) in cases {
        let expected = [(OPEN, inside), (HUMAN_ONLY, week), (LAST, week), (CLOSED, later)];
        for (since_act, expected) in expected {
            assert_eq!(
                sends(object, messaging_type, tag, template, human, since_act),
                expected,
                "{object:?} {messaging_type} {tag} {template} by a human {human}, {since_act} ms later"
            );
        }
    }
}

#[test]
fn refusals_have_the_published_codes() {
    let page = WindowRefusal::Outside.to_graph_error(Object::Page);
    assert_eq!((page.code, page.subcode, page.status), (10, Some(2_018_278), 400));
    assert_eq!(
        page.message,
        "(#10) This message is sent outside of allowed window. Learn more about the new policy here: \
         https://developers.facebook.com/docs/messenger-platform/policy-overview"
    );
    let instagram = WindowRefusal::Outside.to_graph_error(Object::Instagram);
    assert_eq!((instagram.code, instagram.subcode), (10, Some(2_534_022)));
    assert_eq!(instagram.message, "(#10) This message is sent outside of allowed window.");
    for refusal in [WindowRefusal::DeadTag, WindowRefusal::UnknownTag, WindowRefusal::TagNeedsTemplate, WindowRefusal::MissingTag] {
        assert_eq!(refusal.to_graph_error(Object::Page).code, 100, "{refusal}");
    }
}

#[test]
fn terms_are_read_from_a_send() {
    let send: Send = serde_json::from_value(serde_json::json!({
        "person": "1254477777772919",
        "content": { "message": { "message": { "attachment": { "type": "template", "payload": { "template_type": "customer_feedback" } } } } },
        "messaging_type": "MESSAGE_TAG",
        "tag": "CUSTOMER_FEEDBACK"
    }))
    .unwrap();
    let terms = Terms::of(&send, Object::Page, false);
    assert_eq!((terms.tag, terms.template), (Some("CUSTOMER_FEEDBACK"), Some("customer_feedback")));
    assert_eq!(may_send(&terms, Some(after(0)), after(LAST)), Ok(()));
}

#[test]
fn what_opens_the_window_and_what_is_a_message_of_the_person() {
    let message = Event::Message { mid: None, text: Some("hi".into()), quick_reply: None, attachments: false };
    let postback = Event::Postback { mid: None, title: None, payload: None };
    let reaction = |action: &str| Event::Reaction { mid: None, action: action.into(), emoji: None };
    let echo = Event::Echo { mid: None, app: None, metadata: None, text: None };
    let cases = [
        (message, true, true),
        (postback, true, true),
        (Event::Referral, true, false),
        (reaction("react"), true, false),
        (reaction("unreact"), false, false),
        (echo, false, false),
        (Event::Read { watermark: None, mid: None }, false, false),
        (Event::Delivery { mids: vec![], watermark: None }, false, false),
        (Event::Optin, false, false),
        (Event::Unknown { key: "?".into() }, false, false),
    ];
    for (event, opens, counts) in cases {
        assert_eq!((opens_window(&event), is_persons_message(&event)), (opens, counts), "{event:?}");
    }
}
