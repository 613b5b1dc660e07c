//! What can be set about deliveries.

use std::time::Duration;

/// Jitter on every wait of the retry schedule, to either side.
const JITTER: f64 = 0.2;

/// How deliveries work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// POSTs at once to one subscription. Default 64.
    pub parallel: usize,
    /// Events of one subscription held in memory. Default 2048.
    pub window: usize,
    /// Bytes of one subscription's events held in memory. Default 4 MiB.
    pub window_bytes: usize,
    /// Events of one conversation held in memory; a conversation with more is read from its timeline, so that it does not crowd out
    /// the others. Default 128.
    pub lane: usize,
    /// Waits after the first, second, … failure of an event. Default 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, 10 h.
    pub schedule: Vec<Duration>,
    /// The longest wait that an app's `Retry-After` can ask for. Default 1 h.
    pub longest_retry_after: Duration,
    /// Conversations in a row that must fail for it to be an outage, unless nothing else is under way. Default 3.
    pub outage_after: usize,
    /// Time between probes of an app that is down, in the first hour and for five minutes after it called. Default 2 s.
    pub probe: Duration,
    /// Time between later probes. Default 30 s.
    pub slow_probe: Duration,
    /// How long an outage lasts before the rules of control hear of it. Default 5 s.
    pub told_after: Duration,
    /// How long an outage lasts before the subscription is disabled. Default 5 days.
    pub disabled_after: Duration,
    /// Time between writes of cursors. Default 100 ms.
    pub flush: Duration,
    /// Time between looks at leases and subscriptions. Default 1 s.
    pub look: Duration,
    /// Memory for the newest rows of all Pages together, in bytes. Default 8 MiB.
    pub tail_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self {
            parallel: 64,
            window: 2048,
            window_bytes: 4 << 20,
            lane: 128,
            schedule: vec![
                Duration::from_secs(5),
                Duration::from_secs(30),
                minutes(2),
                minutes(10),
                minutes(30),
                minutes(120),
                minutes(300),
                minutes(600),
                minutes(600),
            ],
            longest_retry_after: minutes(60),
            outage_after: 3,
            probe: Duration::from_secs(2),
            slow_probe: Duration::from_secs(30),
            told_after: Duration::from_secs(5),
            disabled_after: minutes(5 * 24 * 60),
            flush: Duration::from_millis(100),
            look: Duration::from_secs(1),
            tail_bytes: 8 << 20,
        }
    }
}

impl Settings {
    /// The wait after so many failures of one event (from 1), with jitter: `fraction` is from 0 to 1. `Retry-After` can only make it longer.
    #[must_use]
    pub fn wait_after(&self, failures: u32, retry_after: Option<Duration>, fraction: f64) -> Duration {
        let index = usize::try_from(failures).unwrap_or(usize::MAX).saturating_sub(1);
        let wait = self.schedule.get(index).or(self.schedule.last()).copied().unwrap_or(Duration::from_secs(5));
        let jittered = wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * fraction.clamp(0.0, 1.0));
        retry_after.map_or(jittered, |asked| jittered.max(asked.min(self.longest_retry_after)))
    }

    /// The longest that an event may have to wait after so many failures, whatever the clocks say.
    #[must_use]
    pub fn longest_wait(&self, failures: u32) -> Duration {
        if failures == 0 { Duration::ZERO } else { self.wait_after(failures, Some(self.longest_retry_after), 1.0) }
    }

    /// Whether an event that has failed so often is at the end of its schedule.
    #[must_use]
    pub fn is_exhausted(&self, failures: u32) -> bool {
        usize::try_from(failures).unwrap_or(usize::MAX) > self.schedule.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_follow_the_schedule_with_a_fifth_of_jitter() {
        let settings = Settings::default();
        for (failures, fraction, seconds) in
            [(1, 0.5, 5.0), (1, 0.0, 4.0), (1, 1.0, 6.0), (2, 0.5, 30.0), (5, 0.5, 1800.0), (9, 0.5, 36_000.0), (50, 0.5, 36_000.0)]
        {
            let wait = settings.wait_after(failures, None, fraction).as_secs_f64();
            assert!((wait - seconds).abs() < 1e-6, "{failures} failures, {fraction}: {wait}");
        }
    }

    #[test]
    fn retry_after_only_prolongs_and_is_clamped() {
        let settings = Settings::default();
        for (asked, seconds) in [(1, 5), (60, 60), (1_000_000, 3600)] {
            assert_eq!(settings.wait_after(1, Some(Duration::from_secs(asked)), 0.5), Duration::from_secs(seconds));
        }
    }

    #[test]
    fn the_schedule_ends_after_its_last_wait() {
        let settings = Settings { schedule: vec![Duration::from_secs(1); 2], ..Settings::default() };
        assert_eq!([1, 2, 3].map(|failures| settings.is_exhausted(failures)), [false, false, true]);
    }
}
