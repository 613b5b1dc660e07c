//! Where a call goes: an optional version, a node, an edge.

use std::fmt;

use crate::wire::GraphError;

/// The version that unversioned paths mean, and that answers to them name.
pub const DEFAULT_VERSION: &str = "v23.0";

/// Longest segment taken, in bytes: no id of the platform comes near it.
const LONGEST: usize = 512;

/// A path, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// As the client wrote it, or the default; echoed in `facebook-api-version`.
    pub version: String,
    /// What comes after it.
    pub place: Place,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `/`, `/v19.0/`: batches and multi-gets.
    Root,
    /// `/oauth/access_token`.
    AccessToken,
    /// `/{node}`.
    Node(String),
    /// `/{node}/{edge}`.
    Edge(String, Edge),
    /// Deeper than anything there is here, or an edge nobody knows.
    Nowhere(String),
}

/// The edges that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// `messages`.
    Messages,
    /// `pass_thread_control`.
    Pass,
    /// `take_thread_control`.
    Take,
    /// `request_thread_control`.
    Request,
    /// `decline_thread_control`: Baton's own.
    Decline,
    /// `release_thread_control`.
    Release,
    /// `extend_thread_control`.
    Extend,
    /// `thread_owner`.
    ThreadOwner,
    /// `secondary_receivers`.
    SecondaryReceivers,
    /// `message_attachments`.
    MessageAttachments,
    /// `messenger_profile`.
    MessengerProfile,
    /// `personas`.
    Personas,
    /// `custom_user_settings`.
    CustomUserSettings,
    /// `unlink_accounts`.
    UnlinkAccounts,
    /// `subscribed_apps`.
    SubscribedApps,
    /// `subscriptions`, of an app.
    Subscriptions,
}

/// Every edge and its name.
const EDGES: [(&str, Edge); 16] = [
    ("messages", Edge::Messages),
    ("pass_thread_control", Edge::Pass),
    ("take_thread_control", Edge::Take),
    ("request_thread_control", Edge::Request),
    ("decline_thread_control", Edge::Decline),
    ("release_thread_control", Edge::Release),
    ("extend_thread_control", Edge::Extend),
    ("thread_owner", Edge::ThreadOwner),
    ("secondary_receivers", Edge::SecondaryReceivers),
    ("message_attachments", Edge::MessageAttachments),
    ("messenger_profile", Edge::MessengerProfile),
    ("personas", Edge::Personas),
    ("custom_user_settings", Edge::CustomUserSettings),
    ("unlink_accounts", Edge::UnlinkAccounts),
    ("subscribed_apps", Edge::SubscribedApps),
    ("subscriptions", Edge::Subscriptions),
];

impl Edge {
    /// Its name in paths, and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        EDGES.iter().find(|(_, edge)| *edge == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Path {
    /// Reads the path of an address, percent-encoded as it came, with or without leading and trailing slashes.
    ///
    /// # Errors
    /// 100 for segments that are not UTF-8, hold control characters, or are longer than anything of the platform.
    pub fn read(path: &str) -> Result<Self, GraphError> {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let mut segments = segments.map(decode).collect::<Result<Vec<_>, _>>()?;
        let version = match segments.first() {
            Some(first) if is_version(first) => segments.remove(0),
            _ => DEFAULT_VERSION.to_owned(),
        };
        let place = match segments.as_slice() {
            [] => Place::Root,
            [node] => Place::Node(node.clone()),
            [node, edge] if node == "oauth" && edge == "access_token" => Place::AccessToken,
            [node, edge] => match EDGES.iter().find(|(name, _)| name == edge) {
                Some((_, edge)) => Place::Edge(node.clone(), *edge),
                None => Place::Nowhere(segments.join("/")),
            },
            _ => Place::Nowhere(segments.join("/")),
        };
        Ok(Self { version, place })
    }
}

impl Place {
    /// A name for metrics: from a closed list.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::AccessToken => "oauth_access_token",
            Self::Node(node) if node == "debug_token" => "debug_token",
            Self::Node(_) => "node",
            Self::Edge(_, edge) => edge.as_str(),
            Self::Nowhere(_) => "unknown",
        }
    }
}

/// `v` and digits, with at most one dot in between: `v2.6`, `v19.0`, `v3`.
fn is_version(segment: &str) -> bool {
    let Some(number) = segment.strip_prefix(['v', 'V']) else { return false };
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(major) && digits(minor)
}

fn decode(segment: &str) -> Result<String, GraphError> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let mut value = [0];
        match (byte, tail.get(..2)) {
            (b'%', Some(digits)) if hex::decode_to_slice(digits, &mut value).is_ok() => {
                bytes.push(value[0]);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() <= LONGEST && !text.chars().any(char::is_control))
        .ok_or_else(|| GraphError::parameter("The path cannot be read"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_the_paths_that_clients_send() {
        let node = |text: &str| Place::Node(text.to_owned());
        let edge = |node: &str, edge| Place::Edge(node.to_owned(), edge);
        let cases = [
            ("/", DEFAULT_VERSION, Place::Root),
            ("", DEFAULT_VERSION, Place::Root),
            ("/v2.6", "v2.6", Place::Root),
            ("/v19.0/", "v19.0", Place::Root),
            ("/v3/me/messages", "v3", edge("me", Edge::Messages)),
            ("/me/", DEFAULT_VERSION, node("me")),
            ("/v26.0/103/messages/", "v26.0", edge("103", Edge::Messages)),
            ("/v26.0//103//thread_owner", "v26.0", edge("103", Edge::ThreadOwner)),
            ("/1754?x", DEFAULT_VERSION, node("1754?x")),
            ("/v6.0/%31%32", "v6.0", node("12")),
            ("/debug_token", DEFAULT_VERSION, node("debug_token")),
            ("/v19.0/oauth/access_token", "v19.0", Place::AccessToken),
            ("/v1.2.3/me", DEFAULT_VERSION, Place::Nowhere("v1.2.3/me".into())),
            ("/verify/me", DEFAULT_VERSION, Place::Nowhere("verify/me".into())),
            ("/v2.6/me/thread_settings", "v2.6", Place::Nowhere("me/thread_settings".into())),
            ("/me/a/b", DEFAULT_VERSION, Place::Nowhere("me/a/b".into())),
            ("/100%", DEFAULT_VERSION, node("100%")),
        ];
        for (path, version, place) in cases {
            assert_eq!(Path::read(path).unwrap(), Path { version: version.to_owned(), place }, "{path}");
        }
    }

    #[test]
    fn refuses_what_no_id_holds() {
        for path in ["/%00", "/a%0Ab/messages", "/%FF%FE", &format!("/{}", "9".repeat(600))] {
            assert_eq!(Path::read(path).unwrap_err().code, 100, "{path}");
        }
    }

    #[test]
    fn every_edge_is_found_by_its_name() {
        for (name, edge) in EDGES {
            assert_eq!(Path::read(&format!("/me/{name}")).unwrap().place, Place::Edge("me".into(), edge));
            assert_eq!(edge.to_string(), name);
        }
    }
}
