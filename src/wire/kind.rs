//! Names of the kinds of events: for the log, for the item's key, and for the field an app subscribes to.

use super::event::{Channel, Event, Incoming};
use super::ids::{MessageId, Object};

/// The kind of an event, as the log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person's message.
    Message,
    /// A message that the Page sent.
    Echo,
    /// A message was taken back.
    Unsend,
    /// A message was changed.
    Edit,
    /// A reaction to a message.
    Reaction,
    /// A tapped button.
    Postback,
    /// A followed link or ad.
    Referral,
    /// An opt-in.
    Optin,
    /// Read up to here.
    Read,
    /// Delivered up to here.
    Delivery,
    /// The platform's `pass_thread_control`.
    PassThreadControl,
    /// The platform's `take_thread_control`.
    TakeThreadControl,
    /// The platform's `request_thread_control`.
    RequestThreadControl,
    /// Roles of apps changed.
    AppRoles,
    /// Another documented kind.
    Other,
    /// A kind nobody has documented, or an item that breaks its own shape.
    Unknown,
    /// An item of `entry[].changes[]`.
    Change,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::Message,
        Self::Echo,
        Self::Unsend,
        Self::Edit,
        Self::Reaction,
        Self::Postback,
        Self::Referral,
        Self::Optin,
        Self::Read,
        Self::Delivery,
        Self::PassThreadControl,
        Self::TakeThreadControl,
        Self::RequestThreadControl,
        Self::AppRoles,
        Self::Other,
        Self::Unknown,
        Self::Change,
    ];

    /// The name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Echo => "echo",
            Self::Unsend => "unsend",
            Self::Edit => "edit",
            Self::Reaction => "reaction",
            Self::Postback => "postback",
            Self::Referral => "referral",
            Self::Optin => "optin",
            Self::Read => "read",
            Self::Delivery => "delivery",
            Self::PassThreadControl => "pass_thread_control",
            Self::TakeThreadControl => "take_thread_control",
            Self::RequestThreadControl => "request_thread_control",
            Self::AppRoles => "app_roles",
            Self::Other => "other",
            Self::Unknown => "unknown",
            Self::Change => "change",
        }
    }

    /// Reads the name in the log.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Incoming {
    /// The message it is, or is about.
    #[must_use]
    pub const fn mid(&self) -> Option<&MessageId> {
        match &self.event {
            Event::Message { mid, .. }
            | Event::Echo { mid, .. }
            | Event::Reaction { mid, .. }
            | Event::Postback { mid, .. }
            | Event::Read { mid, .. } => mid.as_ref(),
            Event::Unsend { mid } | Event::Edit { mid, .. } => Some(mid),
            _ => None,
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match (self.channel, &self.event) {
            (Channel::Changes, _) => Kind::Change,
            (_, Event::Message { .. }) => Kind::Message,
            (_, Event::Echo { .. }) => Kind::Echo,
            (_, Event::Unsend { .. }) => Kind::Unsend,
            (_, Event::Edit { .. }) => Kind::Edit,
            (_, Event::Reaction { .. }) => Kind::Reaction,
            (_, Event::Postback { .. }) => Kind::Postback,
            (_, Event::Referral) => Kind::Referral,
            (_, Event::Optin) => Kind::Optin,
            (_, Event::Read { .. }) => Kind::Read,
            (_, Event::Delivery { .. }) => Kind::Delivery,
            (_, Event::PassThreadControl { .. }) => Kind::PassThreadControl,
            (_, Event::TakeThreadControl { .. }) => Kind::TakeThreadControl,
            (_, Event::RequestThreadControl { .. }) => Kind::RequestThreadControl,
            (_, Event::AppRoles) => Kind::AppRoles,
            (_, Event::Other { .. }) => Kind::Other,
            (_, Event::Unknown { .. }) => Kind::Unknown,
        }
    }

    /// The key of the item that says what it is, such as `message_edit`; for a change the name of its field.
    #[must_use]
    pub fn key(&self) -> &str {
        match &self.event {
            Event::Message { .. } | Event::Echo { .. } | Event::Unsend { .. } => "message",
            Event::Edit { .. } => "message_edit",
            Event::Other { key } | Event::Unknown { key } => key,
            _ => self.kind().as_str(),
        }
    }

    /// The webhook field an app must have subscribed to hear of it. For an unknown kind its key: whoever knows it may subscribe to it.
    #[must_use]
    pub fn field(&self) -> &str {
        if self.channel == Channel::Changes { self.key() } else { field(self.kind(), self.key(), self.object) }
    }
}

/// The webhook field of a kind (protocol page, section 2.5). `key` decides for the kinds that have none of their own.
#[must_use]
pub fn field(kind: Kind, key: &str, object: Object) -> &str {
    let instagram = object == Object::Instagram;
    match kind {
        Kind::Message | Kind::Unsend => "messages",
        Kind::Echo if instagram => "messages",
        Kind::Echo => "message_echoes",
        Kind::Edit if instagram => "message_edit",
        Kind::Edit => "message_edits",
        Kind::Reaction => "message_reactions",
        Kind::Postback => "messaging_postbacks",
        Kind::Referral if instagram => "messaging_referral",
        Kind::Referral => "messaging_referrals",
        Kind::Optin => "messaging_optins",
        Kind::Read if instagram => "messaging_seen",
        Kind::Read => "message_reads",
        Kind::Delivery => "message_deliveries",
        Kind::PassThreadControl | Kind::TakeThreadControl | Kind::RequestThreadControl | Kind::AppRoles if instagram => {
            "messaging_handover"
        }
        Kind::PassThreadControl | Kind::TakeThreadControl | Kind::RequestThreadControl | Kind::AppRoles => "messaging_handovers",
        Kind::Other => OTHER_KINDS.iter().find(|(name, _)| *name == key).map_or(key, |(_, field)| field),
        Kind::Unknown | Kind::Change => key,
    }
}

/// The documented kinds that need no understanding here: the item's key and its field.
pub(super) const OTHER_KINDS: [(&str, &str); 6] = [
    ("account_linking", "messaging_account_linking"),
    ("policy_enforcement", "messaging_policy_enforcement"),
    ("game_play", "messaging_game_plays"),
    ("messaging_feedback", "messaging_feedback"),
    ("response_feedback", "response_feedback"),
    ("order", "send_cart"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("nonsense"), None);
    }
}
