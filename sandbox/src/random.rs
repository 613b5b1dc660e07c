//! Everything random: ids, tokens and trace ids in the platform's shapes.

use rand::RngExt;
use rand::distr::Alphanumeric;

fn alphanumeric(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

/// A person's id: 17 digits above 2^53, as real ones are, so that a client that reads ids as floats is found out.
pub fn person_id() -> String {
    rand::rng().random_range(20_000_000_000_000_000_u64..99_999_999_999_999_999).to_string()
}

/// A numeric id for things that are not people (attachments, personas).
pub fn object_id() -> String {
    rand::rng().random_range(1_000_000_000_000_000_u64..8_999_999_999_999_999).to_string()
}

/// A message id; `instagram` ids look like the base64 of a path, Messenger's start with `m_`.
pub fn message_id(instagram: bool) -> String {
    if instagram { format!("aWdGGiblWZ{}", alphanumeric(90)) } else { format!("m_{}", alphanumeric(86)) }
}

/// An access token.
pub fn access_token() -> String {
    format!("EAAG{}", alphanumeric(60))
}

/// A single-use OAuth code.
pub fn code() -> String {
    format!("AQ{}", alphanumeric(60))
}

/// A support id for an error envelope.
pub fn trace_id() -> String {
    format!("A{}", alphanumeric(22))
}
