//! The platform's errors: code, subcode, message and status, and the envelope they travel in.

use serde_json::{Value, json};

use super::ids::Object;
use crate::control::Refusal;

/// An error as the platform would give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphError {
    /// `error.code`.
    pub code: i64,
    /// `error.error_subcode`.
    pub subcode: Option<i64>,
    /// `error.type`.
    pub kind: &'static str,
    /// `error.message`, which starts with `(#code) ` by convention.
    pub message: String,
    /// HTTP status.
    pub status: u16,
    /// `error.is_transient`: the same call may succeed later.
    pub transient: bool,
}

impl GraphError {
    /// An error with this code; the message gets its `(#code) ` prefix here.
    #[must_use]
    pub fn new(code: i64, subcode: Option<i64>, status: u16, message: &str) -> Self {
        Self { code, subcode, kind: "OAuthException", message: format!("(#{code}) {message}"), status, transient: false }
    }

    /// 100: a parameter is missing or wrong. `message` says which.
    #[must_use]
    pub fn parameter(message: &str) -> Self {
        Self::new(100, None, 400, message)
    }

    /// 100: a parameter is longer than it may be, in characters.
    #[must_use]
    pub fn too_long(name: &str, most: usize) -> Self {
        Self::parameter(&format!("Length of param {name} must be less than or equal to {most}"))
    }

    /// 100/2018034: a message of nothing.
    #[must_use]
    pub fn empty_message() -> Self {
        Self::new(100, Some(2_018_034), 400, "Message cannot be empty, must provide valid attachment or text")
    }

    /// 100/2018014: a message and a sender action in one call.
    #[must_use]
    pub fn message_and_action() -> Self {
        Self::new(100, Some(2_018_014), 400, "Cannot send both message and state at the same time")
    }

    /// 190: the token is missing, unknown or revoked.
    #[must_use]
    pub fn token(message: &str) -> Self {
        let mut error = Self::new(190, None, 401, message);
        error.message = message.to_owned();
        error
    }

    /// 2: nobody knows whether it was done, so it must not be repeated. Not 503, which many clients repeat by themselves.
    #[must_use]
    pub fn unknown_outcome(message: &str) -> Self {
        Self::new(2, None, 500, message)
    }

    /// 2: something is wrong on this side, and nothing was done.
    #[must_use]
    pub fn temporary(message: &str) -> Self {
        Self { transient: true, ..Self::new(2, None, 503, message) }
    }

    /// 613: too much waits already.
    #[must_use]
    pub fn throttled(message: &str) -> Self {
        Self { transient: true, ..Self::new(613, None, 400, message) }
    }

    /// 100/2018001: no such person on this Page.
    #[must_use]
    pub fn unknown_person() -> Self {
        Self::new(100, Some(2_018_001), 400, "No matching user found")
    }

    /// What a refusal of the rules is on the wire. Protocol page, section 1.6.
    #[must_use]
    pub fn from_refusal(refusal: Refusal, object: Object) -> Self {
        const NOT_OWNER: &str = "Message failed to send because another app is controlling this thread now.";
        match (refusal, object) {
            (Refusal::NotOwnerSend | Refusal::StaleEpoch, _) => Self::new(10, Some(2_018_300), 400, NOT_OWNER),
            (Refusal::NotOwner, Object::Instagram) => {
                Self::new(100, Some(2_534_037), 400, "The action is invalid since it's not the thread owner.")
            }
            (Refusal::NotOwner, Object::Page) => Self::new(100, None, 400, "The action is invalid since the app is not the thread owner."),
            (Refusal::UnknownTarget, _) => Self::new(100, Some(2_018_164), 400, "Incorrect App ID."),
            (Refusal::MayNotTake, _) => Self::new(27, None, 400, "This app is not allowed to take control of this conversation."),
            (Refusal::NotOnPage, _) => Self::new(200, None, 403, "The app is not connected to this Page."),
            (Refusal::TransferPending, _) => Self::temporary("A transfer of thread control is pending. Please retry."),
            (Refusal::BadDuration, _) => Self::parameter("Param duration must be between 1 and 604800 seconds"),
            (Refusal::NoSuchRequest, _) => Self::parameter("No pending request for thread control by that app"),
            (Refusal::AlreadyOwner, _) => Self::parameter("The app is already the thread owner"),
        }
    }

    /// The body, with the given `fbtrace_id`.
    #[must_use]
    pub fn envelope(&self, fbtrace_id: &str) -> Value {
        let mut error = json!({ "message": self.message, "type": self.kind, "code": self.code });
        if let Some(map) = error.as_object_mut() {
            if let Some(subcode) = self.subcode {
                map.insert("error_subcode".into(), subcode.into());
            }
            if self.transient {
                map.insert("is_transient".into(), true.into());
            }
            map.insert("fbtrace_id".into(), fbtrace_id.into());
        }
        json!({ "error": error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Codes, subcodes, messages and statuses: protocol page, section 1.6.
    #[test]
    fn refusals_have_the_documented_codes() {
        for (refusal, object, code, subcode, status) in [
            (Refusal::NotOwnerSend, Object::Page, 10, Some(2_018_300), 400),
            (Refusal::NotOwnerSend, Object::Instagram, 10, Some(2_018_300), 400),
            (Refusal::StaleEpoch, Object::Page, 10, Some(2_018_300), 400),
            (Refusal::NotOwner, Object::Page, 100, None, 400),
            (Refusal::NotOwner, Object::Instagram, 100, Some(2_534_037), 400),
            (Refusal::UnknownTarget, Object::Page, 100, Some(2_018_164), 400),
            (Refusal::MayNotTake, Object::Page, 27, None, 400),
            (Refusal::NotOnPage, Object::Page, 200, None, 403),
            (Refusal::BadDuration, Object::Page, 100, None, 400),
        ] {
            let error = GraphError::from_refusal(refusal, object);
            assert_eq!((error.code, error.subcode, error.status, error.transient), (code, subcode, status, false), "{refusal:?}");
            assert!(error.message.starts_with(&format!("(#{code}) ")), "{}", error.message);
        }
        assert!(GraphError::from_refusal(Refusal::TransferPending, Object::Page).transient);
    }

    #[test]
    fn the_envelope_is_the_published_one() {
        let error = GraphError::from_refusal(Refusal::NotOwnerSend, Object::Page);
        let published = json!({"error": {
            "message": "(#10) Message failed to send because another app is controlling this thread now.",
            "type": "OAuthException", "code": 10, "error_subcode": 2_018_300, "fbtrace_id": "AQ2lKD7UqnvqCrMs16fUNLk" }});
        assert_eq!(error.envelope("AQ2lKD7UqnvqCrMs16fUNLk"), published);
        let throttled = GraphError::throttled("Wait").envelope("A");
        assert_eq!(
            throttled,
            json!({"error": {"message": "(#613) Wait", "type": "OAuthException", "code": 613, "is_transient": true, "fbtrace_id": "A"}})
        );
    }
}
