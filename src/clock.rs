//! The wall clock, in one place. What decides anything in a conversation uses the database's clock instead.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::wire::Timestamp;

/// Now, by this machine.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
