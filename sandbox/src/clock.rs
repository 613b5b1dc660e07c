//! The sandbox's clock: the wall clock plus a shift, so that tests reach the end of a window without waiting for it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds of one hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of one day: the standard messaging window, and how long thread control lasts without activity.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// A wall clock that can be moved forward.
#[derive(Default)]
pub struct Clock {
    shift_ms: AtomicI64,
}

impl Clock {
    /// The present in milliseconds since the Unix epoch, shift included.
    pub fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add(self.shift_ms.load(Ordering::Relaxed))
    }

    /// Moves the clock by `ms`, which may be negative, and returns the new present.
    pub fn advance(&self, ms: i64) -> i64 {
        self.shift_ms.fetch_add(ms, Ordering::Relaxed);
        self.now_ms()
    }
}
