//! The messaging window: how long after a person's act the Page may write to them, and with which tag. Documented under
//! "Send API", "messaging window" and "message tags" of the Messenger Platform.

use crate::wire::{Content, Event, GraphError, Object, Send, Timestamp};

const HOUR_MS: i64 = 3_600_000;

/// How long anybody may write after the person's last act, in milliseconds.
pub const STANDARD_MS: i64 = 24 * HOUR_MS;

/// How long a person may write with `HUMAN_AGENT`, and a survey may be sent with `CUSTOMER_FEEDBACK`, in milliseconds.
pub const EXTENDED_MS: i64 = 7 * 24 * HOUR_MS;

/// Tags that the platform refuses with code 100 since 2026-04-27.
const DEAD_TAGS: [&str; 3] = ["ACCOUNT_UPDATE", "CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE"];

/// How far a conversation's window is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// Everybody may write.
    Open {
        /// Not at or after this moment.
        until: Timestamp,
    },
    /// Only people may, with `HUMAN_AGENT`.
    HumanAgent {
        /// Not at or after this moment.
        until: Timestamp,
    },
    /// The person must write first.
    Closed,
}

/// The window at a moment, by the person's last act that opens it.
#[must_use]
pub fn window(last_person_act: Option<Timestamp>, now: Timestamp) -> Window {
    let Some(act) = last_person_act else { return Window::Closed };
    let (open, human) = (act.plus_millis(STANDARD_MS), act.plus_millis(EXTENDED_MS));
    if now < open {
        Window::Open { until: open }
    } else if now < human {
        Window::HumanAgent { until: human }
    } else {
        Window::Closed
    }
}

/// What of a send the window looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Terms<'a> {
    /// Messenger or Instagram.
    pub object: Object,
    /// `messaging_type`, if given.
    pub messaging_type: Option<&'a str>,
    /// `tag`, if given, upper case.
    pub tag: Option<&'a str>,
    /// `template_type` of the attachment, if it is a template.
    pub template: Option<&'a str>,
    /// People write through the sending app.
    pub human: bool,
}

impl<'a> Terms<'a> {
    /// The terms of a send by an app that is for people, or is not. A sender action says nothing to which a messaging type or a purpose could
    /// apply, though some SDKs send them along; that people write says who acts.
    #[must_use]
    pub fn of(send: &'a Send, object: Object, human: bool) -> Self {
        let template = match &send.content {
            Content::Message { message, .. } => {
                message.get("attachment").and_then(|it| it.pointer("/payload/template_type")).and_then(serde_json::Value::as_str)
            }
            Content::Action { .. } => {
                let tag = send.tag.as_deref().filter(|tag| *tag == "HUMAN_AGENT");
                return Self { object, messaging_type: None, tag, template: None, human };
            }
        };
        Self { object, messaging_type: send.messaging_type.as_deref(), tag: send.tag.as_deref(), template, human }
    }
}

/// Why the window does not let a send through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WindowRefusal {
    /// The person's last act is too long ago: 10/2018278, on Instagram 10/2534022.
    #[error("the message is outside of the allowed window")]
    Outside,
    /// The tag was withdrawn on 2026-04-27: 100.
    #[error("the message tag is no longer supported")]
    DeadTag,
    /// No tag of this object: 100.
    #[error("the message tag is not supported here")]
    UnknownTag,
    /// `CUSTOMER_FEEDBACK` goes with the customer feedback template alone: 100.
    #[error("the message tag needs the customer feedback template")]
    TagNeedsTemplate,
    /// `MESSAGE_TAG` without a tag: 100.
    #[error("the messaging type needs a message tag")]
    MissingTag,
}

impl WindowRefusal {
    /// The error as the platform would give it.
    #[must_use]
    pub fn to_graph_error(self, object: Object) -> GraphError {
        const OUTSIDE: &str = "This message is sent outside of allowed window.";
        const POLICY: &str =
            "Learn more about the new policy here: https://developers.facebook.com/docs/messenger-platform/policy-overview";
        match (self, object) {
            (Self::Outside, Object::Page) => GraphError::new(10, Some(2_018_278), 400, &format!("{OUTSIDE} {POLICY}")),
            (Self::Outside, Object::Instagram) => GraphError::new(10, Some(2_534_022), 400, OUTSIDE),
            (Self::DeadTag, _) => GraphError::parameter("This message tag is no longer supported"),
            (Self::UnknownTag, _) => GraphError::parameter("Param tag is not a supported message tag"),
            (Self::TagNeedsTemplate, _) => GraphError::parameter("The CUSTOMER_FEEDBACK tag needs the customer_feedback template"),
            (Self::MissingTag, _) => GraphError::parameter("Param tag is required when messaging_type is MESSAGE_TAG"),
        }
    }
}

/// Whether a send may go now.
///
/// `messaging_type: UTILITY` leaves the window as it is: no page that was seen says that it reaches beyond.
///
/// # Errors
/// [`WindowRefusal`] with the rule that is against it.
pub fn may_send(terms: &Terms<'_>, last_person_act: Option<Timestamp>, now: Timestamp) -> Result<(), WindowRefusal> {
    let extended = match terms.tag {
        None if terms.messaging_type == Some("MESSAGE_TAG") => return Err(WindowRefusal::MissingTag),
        None => false,
        // An app may use the tag inside the window; beyond it only people may.
        Some("HUMAN_AGENT") => terms.human,
        Some("CUSTOMER_FEEDBACK") if terms.object == Object::Page => {
            if terms.template != Some("customer_feedback") {
                return Err(WindowRefusal::TagNeedsTemplate);
            }
            true
        }
        Some(tag) if DEAD_TAGS.contains(&tag) => return Err(WindowRefusal::DeadTag),
        Some(_) => return Err(WindowRefusal::UnknownTag),
    };
    match window(last_person_act, now) {
        Window::Open { .. } => Ok(()),
        Window::HumanAgent { .. } if extended => Ok(()),
        Window::HumanAgent { .. } | Window::Closed => Err(WindowRefusal::Outside),
    }
}

/// Whether an event opens the window: a message, a tapped button, a link or ad followed into the conversation, a reaction.
#[must_use]
pub fn opens_window(event: &Event) -> bool {
    match event {
        Event::Message { .. } | Event::Postback { .. } | Event::Referral => true,
        Event::Reaction { action, .. } => action == "react",
        _ => false,
    }
}

/// Whether an event counts as a message of the person for control: what [`super::Command::PersonActs`] calls `message`.
#[must_use]
pub const fn is_persons_message(event: &Event) -> bool {
    matches!(event, Event::Message { .. } | Event::Postback { .. })
}
