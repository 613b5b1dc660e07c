//! Who hears an event, and on which channel.
//!
//! The owner hears it on `messaging`, the other apps on `standby`; while nobody owns the conversation, the default app stands for the owner,
//! and without one every app hears it on `messaging`. Only messages, echoes, reads, deliveries and postbacks are documented for standby.

use serde_json::{Value, json};

use super::account::{Account, Connection, Object};
use super::thread::ThreadKey;
use super::{App, Delivery, World};

/// What kind of event it is, with what its routing needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something the person said or took back.
    Message,
    /// Something the Page said.
    Echo,
    /// A tapped button, and the app that had sent it.
    Postback { button_of: Option<String> },
    /// The person has read.
    Read,
    /// The person's device has it.
    Delivery,
    /// An emoji on a message.
    Reaction,
    /// A changed message.
    Edit,
    /// Control moved.
    Handover,
    /// Somebody asks for control; told to one app.
    Request { to: String },
}

impl Kind {
    /// The webhook field that an app must be subscribed to; `None` where the platform has no such event.
    fn field(&self, object: Object) -> Option<&'static str> {
        match (self, object) {
            (Self::Message, _) | (Self::Echo, Object::Instagram) => Some("messages"),
            (Self::Echo, Object::Page) => Some("message_echoes"),
            (Self::Postback { .. }, _) => Some("messaging_postbacks"),
            (Self::Read, Object::Page) => Some("message_reads"),
            (Self::Read, Object::Instagram) => Some("messaging_seen"),
            (Self::Delivery, Object::Page) => Some("message_deliveries"),
            (Self::Delivery, Object::Instagram) => None,
            (Self::Reaction, _) => Some("message_reactions"),
            (Self::Edit, Object::Page) => Some("message_edits"),
            (Self::Edit, Object::Instagram) => Some("message_edit"),
            (Self::Handover | Self::Request { .. }, Object::Page) => Some("messaging_handovers"),
            (Self::Handover | Self::Request { .. }, Object::Instagram) => Some("messaging_handover"),
        }
    }

    fn in_standby(&self) -> bool {
        matches!(self, Self::Message | Self::Echo | Self::Postback { .. } | Self::Read | Self::Delivery)
    }
}

/// The key of the array that an event travels in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// To whoever may answer.
    Messaging,
    /// To those who listen.
    Standby,
}

impl Channel {
    /// The array's key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messaging => "messaging",
            Self::Standby => "standby",
        }
    }
}

/// The channel on which `app` hears an event while `holder` (owner, or default app) holds the conversation.
fn channel(kind: &Kind, holder: Option<&str>, app: &str) -> Option<Channel> {
    match kind {
        Kind::Handover => Some(Channel::Messaging),
        Kind::Request { to } => (to == app).then_some(Channel::Messaging),
        Kind::Postback { button_of: Some(sender) } if sender == app => Some(Channel::Messaging),
        _ => match holder {
            None => Some(Channel::Messaging),
            Some(holder) if holder == app => Some(Channel::Messaging),
            Some(_) => kind.in_standby().then_some(Channel::Standby),
        },
    }
}

fn subscribed(app: &App, connection: &Connection, object: Object, field: &str) -> bool {
    connection.fields.contains(field) && app.topics.get(&object).is_some_and(|topic| topic.contains(field))
}

/// The item as this app may see it: a postback's payload belongs to the holder and to the button's sender.
fn item_for(kind: &Kind, item: &Value, channel: Channel) -> Value {
    let mut item = item.clone();
    if matches!(kind, Kind::Postback { .. })
        && channel == Channel::Standby
        && let Some(postback) = item.get_mut("postback").and_then(Value::as_object_mut)
    {
        postback.remove("payload");
    }
    item
}

/// A webhook body with one entry and one event.
pub fn envelope(account: &Account, channel: Channel, item: Value, now: i64) -> Value {
    let mut entry = json!({"id": account.id, "time": now});
    entry[channel.as_str()] = Value::Array(vec![item]);
    json!({"object": account.object.as_str(), "entry": [entry]})
}

impl World {
    /// Queues an event for every app that hears it.
    pub(super) fn announce(&mut self, key: &ThreadKey, kind: &Kind, item: &Value, now: i64) {
        let (Some(account), Some(thread)) = (self.accounts.get(&key.account), self.threads.get(key)) else { return };
        let Some(field) = kind.field(account.object) else { return };
        let holder = thread.owner(now).map(|owner| owner.app_id.as_str()).or(account.default_app.as_deref());
        for (app_id, connection) in &account.connections {
            let Some(app) = self.apps.get(app_id).filter(|app| !app.external) else { continue };
            let Some(channel) = channel(kind, holder, app_id) else { continue };
            let hears = subscribed(app, connection, account.object, field)
                && (channel == Channel::Messaging || subscribed(app, connection, account.object, "standby"));
            if hears {
                let body = envelope(account, channel, item_for(kind, item, channel), now);
                self.outbox.push(Delivery { app_id: app_id.clone(), key: key.clone(), body });
            }
        }
        self.changes.insert(key.clone());
    }

    /// Queues a raw item for one app, or for every subscribed app, on the channel given.
    pub fn inject(&mut self, key: &ThreadKey, channel: Channel, item: &Value, only: Option<&str>, now: i64) -> usize {
        let Some(account) = self.accounts.get(&key.account) else { return 0 };
        let before = self.outbox.len();
        for app_id in account.connections.keys().filter(|id| only.is_none_or(|only| only == id.as_str())) {
            if self.apps.get(app_id).is_some_and(|app| !app.external) {
                let body = envelope(account, channel, item.clone(), now);
                self.outbox.push(Delivery { app_id: app_id.clone(), key: key.clone(), body });
            }
        }
        self.outbox.len() - before
    }
}
