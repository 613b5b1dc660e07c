//! One thing that the platform told, as Baton understands it.

use serde::{Deserialize, Serialize};

use super::ids::{AppId, MessageId, Metadata, Object, PageId, PersonId, Timestamp};

/// The array of a webhook entry that an event came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// `entry[].messaging[]`.
    Messaging,
    /// `entry[].standby[]`: an external app holds the conversation.
    Standby,
    /// `entry[].changes[]`: `field` and `value`, about the Page rather than a conversation.
    Changes,
}

/// One item of a webhook, read at the edge. Nothing is dropped: what is not understood is [`Event::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Which of the two objects it came for.
    pub object: Object,
    /// `entry[].id`.
    pub page: PageId,
    /// The array it stood in.
    pub channel: Channel,
    /// The person, whichever side of the message they are on. Some events have none.
    pub person: Option<PersonId>,
    /// The event's own time, in milliseconds whatever unit it came in; the entry's time where it has none.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The item itself, as JSON text that PostgreSQL can store, with `hop_context` of the entry put beside it where there was one.
    pub raw: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A person's message.
    Message {
        /// Its id. Missing ids happen and are kept as `None`.
        mid: Option<MessageId>,
        /// Its text.
        text: Option<String>,
        /// The payload of the quick reply that was tapped.
        quick_reply: Option<String>,
        /// Has attachments.
        attachments: bool,
    },
    /// A message that the Page sent, by whichever app.
    Echo {
        /// Its id.
        mid: Option<MessageId>,
        /// The platform app that sent it.
        app: Option<AppId>,
        /// `message.metadata`: Baton's own token when Baton sent it.
        metadata: Option<String>,
        /// Its text.
        text: Option<String>,
    },
    /// The person took a message back.
    Unsend {
        /// Which.
        mid: MessageId,
    },
    /// The person changed a message.
    Edit {
        /// Which.
        mid: MessageId,
        /// Its new text.
        text: Option<String>,
        /// The how-manieth change.
        num_edit: i64,
    },
    /// The person reacted to a message, or took the reaction back.
    Reaction {
        /// Which message.
        mid: Option<MessageId>,
        /// `react` or `unreact`.
        action: String,
        /// The emoji, where there is one.
        emoji: Option<String>,
    },
    /// A button, an ice breaker or Get Started was tapped.
    Postback {
        /// Its id, where it has one.
        mid: Option<MessageId>,
        /// What the button says.
        title: Option<String>,
        /// What the app that made the button wants to hear.
        payload: Option<String>,
    },
    /// The person followed a link or an ad into the conversation.
    Referral,
    /// The person opted in to something.
    Optin,
    /// The person read up to a time (Messenger) or a message (Instagram).
    Read {
        /// Everything up to then.
        watermark: Option<Timestamp>,
        /// This message.
        mid: Option<MessageId>,
    },
    /// Messages arrived at the person's device.
    Delivery {
        /// Which, where they are named.
        mids: Vec<MessageId>,
        /// Everything before.
        watermark: Option<Timestamp>,
    },
    /// Control came or went on the platform.
    PassThreadControl {
        /// Owner before.
        previous: Option<AppId>,
        /// Owner after.
        new: Option<AppId>,
        /// Handed on.
        metadata: Option<Metadata>,
    },
    /// An app took control on the platform.
    TakeThreadControl {
        /// Owner before.
        previous: Option<AppId>,
        /// Owner after.
        new: Option<AppId>,
        /// Handed on.
        metadata: Option<Metadata>,
    },
    /// An app asked for control on the platform.
    RequestThreadControl {
        /// Who asks.
        requester: Option<AppId>,
        /// Handed on.
        metadata: Option<Metadata>,
    },
    /// Roles of apps changed. No sender.
    AppRoles,
    /// Another documented kind that needs no understanding here (its field is known): account linking, game play, feedback, order, …
    Other {
        /// The key of the item, such as `account_linking`.
        key: String,
    },
    /// A kind nobody has documented, or an item that breaks its own shape.
    Unknown {
        /// The first key that is not part of the frame, or why it could not be read.
        key: String,
    },
}
