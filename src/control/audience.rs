//! Who hears a row of the log, on which channel, and under which webhook field.

use serde::{Deserialize, Serialize};

use super::command::ControlEvent;
use super::state::{Control, Owner, PageRules};
use crate::wire::kind::{Kind, field};
use crate::wire::{AppId, Channel, Object, Timestamp};

/// The field of Baton's own events about control, which the platform has none for: an SDK meets them only if its app asked.
pub const CONTROL_FIELD: &str = "baton_control";

/// The field an app must have subscribed, beside the event's own, to hear anything on `standby`.
pub const STANDBY_FIELD: &str = "standby";

/// The field of a tapped button.
const POSTBACK_FIELD: &str = "messaging_postbacks";

/// The fields of handover events on the two objects.
const HANDOVER_FIELDS: [&str; 2] = ["messaging_handovers", "messaging_handover"];

/// The fields whose events the platform delivers on `standby`: messages, echoes, postbacks, reads, deliveries. All others go to the
/// owner alone.
const STANDBY_EVENTS: [&str; 6] = ["messages", "message_echoes", POSTBACK_FIELD, "message_reads", "messaging_seen", "message_deliveries"];

/// Who hears a row, decided in the transaction that wrote it, so that it never changes afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// This app on `messaging`, all others on `standby`.
    Owner(AppId),
    /// Idle and no default app: everyone on `messaging`.
    Everyone,
    /// An external app holds the conversation: everyone on `standby`.
    External,
    /// Only these, on `messaging`: handover events.
    Told(Vec<AppId>),
    /// Apps that subscribed to `baton_control`.
    Subscribers,
    /// No app: notes, assignments, what is only for people.
    Internal,
}

/// What of a stored row decides who hears it.
#[derive(Debug, Clone, Copy)]
pub struct Hearable<'a> {
    /// Its audience.
    pub audience: &'a Audience,
    /// Its webhook field, see [`crate::wire::kind::field`]; empty for what no app hears.
    pub field: &'a str,
    /// For a postback: the local app that sent the button, if it was on the Page when the row was written.
    pub button_app: Option<&'a AppId>,
}

/// How an app hears a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Heard {
    /// The array it stands in: `messaging`, for which the subscription to the row's field is needed, or `standby`, which needs
    /// [`STANDBY_FIELD`] besides.
    pub channel: Channel,
    /// What is left out of it.
    pub payload: PayloadCut,
}

/// Whether the app may read `postback.payload`: it belongs to the app that made the button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadCut {
    /// The row as it is.
    Whole,
    /// Without `postback.payload`.
    WithoutPayload,
}

/// Who hears an event of the person, an echo, a read or a delivery, by the state after the command it caused.
#[must_use]
pub fn audience_of(control: &Control, rules: &PageRules, now: Timestamp) -> Audience {
    let control = control.as_of(rules, now);
    match &control.owner {
        Owner::App { app, .. } => Audience::Owner(app.clone()),
        Owner::Idle => rules.answering_app(now).map_or(Audience::Everyone, |app| Audience::Owner(app.clone())),
        Owner::External { .. } => Audience::External,
    }
}

/// Who hears a control event, and under which field: what the platform has a handover event for, the apps concerned; the rest, who
/// asked for it.
#[must_use]
pub fn audience_of_control(event: &ControlEvent, object: Object) -> (Audience, &'static str) {
    if event.told.is_empty() {
        (Audience::Subscribers, CONTROL_FIELD)
    } else {
        (Audience::Told(event.told.clone()), field(Kind::PassThreadControl, "", object))
    }
}

/// Whether and how an app hears a row. Its subscriptions are not looked at.
#[must_use]
pub fn hear(row: &Hearable<'_>, app: &AppId) -> Option<Heard> {
    // The platform's own handovers are between Baton's platform app and its neighbours; an app is told of its own ones.
    let neighbours = HANDOVER_FIELDS.contains(&row.field) && !matches!(row.audience, Audience::Told(_));
    if row.field.is_empty() || neighbours {
        return None;
    }
    let sent_button = row.field == POSTBACK_FIELD && row.button_app == Some(app);
    let on_messaging = match row.audience {
        Audience::Owner(owner) => owner == app || sent_button,
        Audience::External => sent_button,
        Audience::Everyone | Audience::Subscribers => true,
        Audience::Told(apps) if apps.contains(app) => true,
        Audience::Told(_) | Audience::Internal => return None,
    };
    let payload = if row.field != POSTBACK_FIELD || sent_button || (on_messaging && row.button_app.is_none()) {
        PayloadCut::Whole
    } else {
        PayloadCut::WithoutPayload
    };
    if on_messaging {
        Some(Heard { channel: Channel::Messaging, payload })
    } else {
        STANDBY_EVENTS.contains(&row.field).then_some(Heard { channel: Channel::Standby, payload })
    }
}
