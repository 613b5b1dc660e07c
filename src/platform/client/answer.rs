//! What an answer of the platform says. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::wire::GraphError;

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The platform did it, and said this.
    Answered(Value),
    /// The platform said no: nothing was done.
    Refused(Refused),
    /// Nothing has left this machine: it may be tried again.
    NotWritten(String),
    /// Time-out, reset, a 5xx or nonsense after writing: nobody knows whether it was done.
    Unknown(String),
}

impl Outcome {
    /// Its name in metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Answered(_) => "answered",
            Self::Refused(_) => "refused",
            Self::NotWritten(_) => "not_written",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// The platform's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its error.
    pub error: GraphError,
    /// How long it wants to be left alone, where it says so.
    pub regain: Option<Duration>,
}

/// What a refusal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Too much: the same call may succeed later.
    Throttled,
    /// The token is not taken: every call will fail until the Page is connected again.
    TokenDead,
    /// Another app controls the thread on the platform.
    HeldOutside,
    /// Everything else: the same call will fail again.
    Permanent,
}

impl Refused {
    /// Tells refusals apart by code and subcode (protocol page, sections 1.6, 3.6 and 4).
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        match (self.error.code, self.error.subcode) {
            // Limits of their own for one person or one feature: waiting a little does not help.
            (4, Some(2_018_022 | 2_018_354)) | (613, Some(1_893_016 | 2_018_338)) => Meaning::Permanent,
            (4 | 17 | 32 | 613 | 80_001 | 80_002 | 80_006, _) => Meaning::Throttled,
            _ if self.error.status == 429 => Meaning::Throttled,
            (190 | 102, _) => Meaning::TokenDead,
            (10, Some(2_018_300 | 2_018_321)) | (2_018_300 | 2_018_321, _) | (100, Some(2_534_037)) => Meaning::HeldOutside,
            _ => Meaning::Permanent,
        }
    }
}

/// An answer as it came over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// Its body.
    pub body: &'a [u8],
    /// `X-Business-Use-Case-Usage`.
    pub usage: Option<&'a str>,
    /// `Retry-After`.
    pub retry_after: Option<&'a str>,
}

/// Reads an answer. An `error` counts whatever the status, because the platform may send one with 200.
pub fn read(answer: &Answer<'_>) -> Outcome {
    let value = serde_json::from_slice::<Value>(answer.body).ok().filter(|value| !value.is_null());
    let error = value.as_ref().and_then(|value| envelope(value, answer.status));
    let regain = regain(answer.usage, answer.retry_after);
    match (error, value) {
        // Codes 1 and 2 with a 5xx say only that something broke: before or after the work was done.
        (Some(error), _) if answer.status >= 500 && matches!(error.code, 1 | 2) => Outcome::Unknown(error.message),
        (Some(error), _) => Outcome::Refused(Refused { error, regain }),
        (None, Some(value)) if (200..300).contains(&answer.status) => match value.get("success") {
            Some(Value::Bool(false)) => Outcome::Refused(Refused { error: plain(400, "The platform did not do it"), regain }),
            _ => Outcome::Answered(value),
        },
        (None, None) if (200..300).contains(&answer.status) => Outcome::Unknown("an answer that is not JSON".to_owned()),
        (None, _) if answer.status == 429 => Outcome::Refused(Refused { error: GraphError { status: 429, ..throttled() }, regain }),
        (None, _) if (300..500).contains(&answer.status) => Outcome::Refused(Refused {
            error: plain(answer.status, &format!("The platform answered with status {}", answer.status)),
            regain,
        }),
        (None, _) => Outcome::Unknown(format!("status {}", answer.status)),
    }
}

fn plain(status: u16, message: &str) -> GraphError {
    GraphError::new(1, None, status, message)
}

fn throttled() -> GraphError {
    GraphError::throttled("Calls to this api have exceeded the rate limit.")
}

/// The error of an envelope, if there is one.
fn envelope(value: &Value, status: u16) -> Option<GraphError> {
    let error = value.get("error")?;
    if let Value::String(message) = error {
        return Some(plain(shown(status), message));
    }
    let error = error.as_object()?;
    let text = |key: &str| error.get(key).and_then(Value::as_str);
    Some(GraphError {
        code: error.get("code").and_then(number).unwrap_or(1),
        subcode: error.get("error_subcode").and_then(number),
        kind: kind(text("type").unwrap_or_default()),
        message: text("message").unwrap_or("The platform gave no reason").to_owned(),
        status: shown(status),
        transient: error.get("is_transient").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// An error with status 200 is passed on with one that clients take for an error.
const fn shown(status: u16) -> u16 {
    if status < 400 { 400 } else { status }
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn kind(name: &str) -> &'static str {
    const KINDS: [&str; 4] = ["OAuthException", "GraphMethodException", "FacebookApiException", "IGApiException"];
    KINDS.into_iter().find(|known| *known == name).unwrap_or("OAuthException")
}

/// How long to wait: the longest `estimated_time_to_regain_access` (minutes) of the usage header, or `Retry-After` in seconds.
fn regain(usage: Option<&str>, retry_after: Option<&str>) -> Option<Duration> {
    let usage = usage.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let minutes = usage.as_ref().and_then(Value::as_object).and_then(|objects| {
        let uses = objects.values().filter_map(Value::as_array).flatten();
        uses.filter_map(|one| one.get("estimated_time_to_regain_access")?.as_u64()).max()
    });
    let seconds = retry_after.and_then(|text| text.trim().parse::<u64>().ok());
    let longest = minutes.map(|minutes| minutes.saturating_mul(60)).max(seconds)?;
    (longest > 0).then(|| Duration::from_secs(longest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    fn answer(status: u16, body: &str) -> Outcome {
        read(&Answer { status, body: body.as_bytes(), usage: None, retry_after: None })
    }

    fn meaning(status: u16, body: &str) -> Option<Meaning> {
        match answer(status, body) {
            Outcome::Refused(refused) => Some(refused.meaning()),
            _ => None,
        }
    }

    #[test]
    fn refusals_are_told_apart_by_code_and_subcode() {
        // Codes and statuses: protocol page, sections 1.6, 3.6 and 4.
        let table = [
            (400, r#"{"error":{"code":10,"error_subcode":2018300,"message":"m"}}"#, Some(Meaning::HeldOutside)),
            (400, r#"{"error":{"code":100,"error_subcode":2534037}}"#, Some(Meaning::HeldOutside)),
            (400, r#"{"error":{"code":10,"error_subcode":2018278}}"#, Some(Meaning::Permanent)),
            (400, r#"{"error":{"code":100,"error_subcode":2018001}}"#, Some(Meaning::Permanent)),
            (400, r#"{"error":{"code":"80006"}}"#, Some(Meaning::Throttled)),
            (400, r#"{"error":{"code":613}}"#, Some(Meaning::Throttled)),
            (403, r#"{"error":{"code":4}}"#, Some(Meaning::Throttled)),
            (400, r#"{"error":{"code":4,"error_subcode":2018354}}"#, Some(Meaning::Permanent)),
            (429, "slow down", Some(Meaning::Throttled)),
            (400, r#"{"error":{"code":190,"error_subcode":463}}"#, Some(Meaning::TokenDead)),
            (200, r#"{"error":{"code":190}}"#, Some(Meaning::TokenDead)),
            (404, "<html>", Some(Meaning::Permanent)),
            (200, r#"{"success":false}"#, Some(Meaning::Permanent)),
            (500, r#"{"error":{"code":2,"is_transient":true}}"#, None),
            (500, r#"{"error":{"code":551}}"#, Some(Meaning::Permanent)),
        ];
        for (status, body, expected) in table {
            assert_eq!(meaning(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn what_says_nothing_is_unknown() {
        for (status, body) in [(500, ""), (502, "<html>"), (200, ""), (200, "null"), (200, "{\"message_id\":"), (503, "{}")] {
            assert!(matches!(answer(status, body), Outcome::Unknown(_)), "{status} {body}");
        }
    }

    #[test]
    fn an_error_with_status_200_is_shown_as_400() {
        let Outcome::Refused(refused) = answer(200, r#"{"error":{"message":"(#100) no","code":100,"type":"GraphMethodException"}}"#) else {
            unreachable!("an error is a refusal")
        };
        assert_eq!((refused.error.status, refused.error.kind, refused.error.message.as_str()), (400, "GraphMethodException", "(#100) no"));
    }

    #[test]
    fn the_longest_wait_counts() {
        // The header as published, with two entries: protocol page, section 4.
        let usage = r#"{"111":[{"type":"messenger","call_count":100,"total_cputime":25,"total_time":25,"estimated_time_to_regain_access":19},
                        {"type":"pages","call_count":1,"estimated_time_to_regain_access":2}]}"#;
        assert_eq!(regain(Some(usage), Some("30")), Some(Duration::from_secs(19 * 60)));
        assert_eq!(regain(None, Some("30")), Some(Duration::from_secs(30)));
        assert_eq!(regain(Some(r#"{"1":[{"estimated_time_to_regain_access":0}]}"#), None), None);
        assert_eq!(regain(Some("nonsense"), Some("Wed, 21 Oct 2015 07:28:00 GMT")), None);
    }
}
