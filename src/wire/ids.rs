//! Names of things. Ids of the platform are opaque text: some exceed what a float can hold, so none is ever a number here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An id that is empty, too long, or holds characters no id of the platform has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a usable {what}")]
pub struct BadId {
    what: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes any text of 1 to the maximum number of bytes without control characters.
            ///
            /// # Errors
            /// [`BadId`] for everything else.
            pub fn parse(text: impl AsRef<str>) -> Result<Self, BadId> {
                let text = text.as_ref().trim();
                let usable = !text.is_empty() && text.len() <= $max && !text.chars().any(char::is_control);
                if usable { Ok(Self(text.into())) } else { Err(BadId { what: $what }) }
            }

            /// The id as the platform writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(text: String) -> Result<Self, BadId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }
    };
}

text_id!(
    /// A Facebook Page, or an Instagram professional account (whose webhooks carry its own id, never the Page's).
    PageId, "Page id", 64
);
text_id!(
    /// A person as one Page sees them: a PSID, or an IGSID on Instagram.
    PersonId, "person id", 128
);
text_id!(
    /// An app: one of Baton's own, or one beside it on the platform.
    AppId, "app id", 64
);
text_id!(
    /// The platform's id of a message. Opaque, of several lengths and alphabets.
    MessageId, "message id", 512
);
text_id!(
    /// The platform's id of an attachment that was uploaded. It belongs to a Page, and expires after 90 days.
    AttachmentId, "attachment id", 128
);

/// What an app hands on with a change of control: at most 1000 characters, kept verbatim.
///
/// The platform publishes no limit for it; `message.metadata` has this one.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Metadata(Box<str>);

impl Metadata {
    /// Longest metadata taken, in characters.
    pub const MAX_CHARS: usize = 1000;

    /// # Errors
    /// [`BadId`] when longer than [`Metadata::MAX_CHARS`].
    pub fn parse(text: impl AsRef<str>) -> Result<Self, BadId> {
        let text = text.as_ref();
        if text.chars().count() <= Self::MAX_CHARS { Ok(Self(text.into())) } else { Err(BadId { what: "metadata" }) }
    }

    /// The text as the app wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// Apps put personal things into metadata, so it never reaches a log by accident.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} bytes)", self.0.len())
    }
}

impl TryFrom<String> for Metadata {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        Self::parse(text)
    }
}

impl From<Metadata> for String {
    fn from(metadata: Metadata) -> Self {
        metadata.0.into()
    }
}

/// A moment, in milliseconds since 1970 UTC, as the platform counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, as `thread_owner` prints its expiration.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment and so many milliseconds.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment, negative if it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Which of the platform's two webhook objects a Page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// A Facebook Page: Messenger.
    Page,
    /// An Instagram professional account.
    Instagram,
}

impl Object {
    /// The name in a webhook's `object`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Instagram => "instagram",
        }
    }

    /// Where its people write: the platform's word in `platform`, and the channel in addresses of the inbox.
    #[must_use]
    pub const fn platform(self) -> &'static str {
        match self {
            Self::Page => "messenger",
            Self::Instagram => "instagram",
        }
    }

    /// Reads the name in a webhook's `object`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "page" => Some(Self::Page),
            "instagram" => Some(Self::Instagram),
            _ => None,
        }
    }
}
