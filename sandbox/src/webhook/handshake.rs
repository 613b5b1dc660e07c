//! The verification GET that a callback must answer before it gets webhooks.

use std::time::Duration;

use reqwest::Url;
use thiserror::Error;

use crate::random;

/// Bytes of an answer that are read; a challenge is short.
const ANSWER_LIMIT: usize = 1_024;

/// Why a callback was not accepted.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// Not an HTTP address.
    #[error("the callback URL is not a valid http or https address")]
    BadUrl,
    /// No answer came.
    #[error("the callback could not be reached in time")]
    Unreachable(#[source] reqwest::Error),
    /// Another status than 200.
    #[error("HTTP Status Code = {0}")]
    Status(u16),
    /// Not the challenge, exactly.
    #[error("the response does not match the challenge, expected value=\"{0}\"")]
    WrongChallenge(String),
}

/// Asks a callback to prove that it knows `verify_token`, as the platform does when a subscription is configured.
///
/// # Errors
/// The address is bad, does not answer, or does not answer with the challenge.
pub async fn shake_hands(http: &reqwest::Client, callback_url: &str, verify_token: &str) -> Result<(), HandshakeError> {
    let mut url = Url::parse(callback_url).map_err(|_| HandshakeError::BadUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(HandshakeError::BadUrl);
    }
    let challenge = random::object_id();
    url.query_pairs_mut()
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.verify_token", verify_token)
        .append_pair("hub.challenge", &challenge);
    let mut answer = http.get(url).timeout(Duration::from_secs(10)).send().await.map_err(HandshakeError::Unreachable)?;
    if answer.status() != 200 {
        return Err(HandshakeError::Status(answer.status().as_u16()));
    }
    let mut body = Vec::new();
    while body.len() <= ANSWER_LIMIT
        && let Some(chunk) = answer.chunk().await.map_err(HandshakeError::Unreachable)?
    {
        body.extend_from_slice(&chunk);
    }
    if body == challenge.as_bytes() { Ok(()) } else { Err(HandshakeError::WrongChallenge(challenge)) }
}
