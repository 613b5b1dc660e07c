//! How fast a Page may send. Pure: time comes in as the time since some start.

use std::time::Duration;

use crate::store::outbox::SendKind;

/// A rate with some room for bursts. In any second at most `per_second + burst` pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Sustained; at least 1.
    pub per_second: u32,
    /// How many may pass at once after a pause; at least 1.
    pub burst: u32,
}

/// One limit, as the generic cell rate algorithm counts: by when everything that passed would have been due at the sustained rate.
#[derive(Debug, Clone)]
struct Limit {
    interval: Duration,
    tolerance: Duration,
    due: Duration,
}

impl Limit {
    fn new(rate: Rate) -> Self {
        let interval = Duration::from_secs(1) / rate.per_second.max(1);
        Self { interval, tolerance: interval * (rate.burst.max(1) - 1), due: Duration::ZERO }
    }

    fn wait(&self, now: Duration) -> Duration {
        self.due.saturating_sub(self.tolerance).saturating_sub(now)
    }

    fn take(&mut self, now: Duration) {
        self.due = self.due.max(now) + self.interval;
    }
}

/// The limits of one Page.
#[derive(Debug, Clone)]
pub struct Pace {
    messages: Limit,
    media: Limit,
    actions: Limit,
}

impl Pace {
    /// With these rates. Media count as messages too.
    #[must_use]
    pub fn new(messages: Rate, media: Rate, actions: Rate) -> Self {
        Self { messages: Limit::new(messages), media: Limit::new(media), actions: Limit::new(actions) }
    }

    /// How long a send of this kind has to wait; zero: it may go now.
    #[must_use]
    pub fn wait(&self, kind: SendKind, now: Duration) -> Duration {
        match kind {
            SendKind::Message => self.messages.wait(now),
            SendKind::Media => self.messages.wait(now).max(self.media.wait(now)),
            SendKind::Action => self.actions.wait(now),
        }
    }

    /// A send of this kind goes now.
    pub fn take(&mut self, kind: SendKind, now: Duration) {
        match kind {
            SendKind::Message => self.messages.take(now),
            SendKind::Media => {
                self.messages.take(now);
                self.media.take(now);
            }
            SendKind::Action => self.actions.take(now),
        }
    }
}

/// A Page's rest after the platform was out of reach or asked for less.
#[derive(Debug, Clone, Default)]
pub struct Rest {
    until: Duration,
    in_a_row: u32,
}

impl Rest {
    /// How much of it is left.
    #[must_use]
    pub fn left(&self, now: Duration) -> Duration {
        self.until.saturating_sub(now)
    }

    /// Another rest: twice as long as the last one without success in between, at least `asked`, shortened by up to a quarter through
    /// `jitter` (0 to 1) where the platform has not named a time. What failed together counts once. Its length from now is the answer.
    pub fn take(&mut self, now: Duration, first: Duration, longest: Duration, asked: Option<Duration>, jitter: f64) -> Duration {
        if self.left(now).is_zero() {
            let doubled = first.saturating_mul(2_u32.saturating_pow(self.in_a_row.min(16))).min(longest);
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.until = now + doubled.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0);
        }
        if let Some(asked) = asked {
            self.until = self.until.max(now + asked);
        }
        self.left(now)
    }

    /// The platform took something again.
    pub fn over(&mut self) {
        self.in_a_row = 0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use proptest::prelude::*;

    use super::*;

    fn pace() -> Pace {
        let rate = |per_second, burst| Rate { per_second, burst };
        Pace::new(rate(30, 10), rate(8, 2), rate(60, 20))
    }

    /// Sends of these kinds as fast as they may go, each asked for at the end of the pause before it; the moments at which they went.
    fn run(kinds: &[(SendKind, u64)]) -> Vec<(SendKind, Duration)> {
        let mut pace = pace();
        let mut now = Duration::from_secs(100);
        let mut went = Vec::new();
        for (kind, pause) in kinds {
            now += Duration::from_millis(*pause);
            now += pace.wait(*kind, now);
            assert!(pace.wait(*kind, now).is_zero());
            pace.take(*kind, now);
            went.push((*kind, now));
        }
        went
    }

    fn most_in_a_second(went: &[Duration]) -> usize {
        let second = Duration::from_secs(1);
        went.iter().map(|start| went.iter().filter(|at| *at >= start && **at < *start + second).count()).max().unwrap_or(0)
    }

    proptest! {
        // Above 40 messages a second a Page goes dark, above 10 media a second it is refused: protocol page, section 4.
        #[test]
        fn a_page_never_goes_dark(kinds in prop::collection::vec((prop_oneof![Just(SendKind::Message), Just(SendKind::Media), Just(SendKind::Action)],
                                                                    prop_oneof![4 => Just(0_u64), 1 => 0..2000_u64]), 0..300)) {
            let went = run(&kinds);
            let of = |wanted: &[SendKind]| went.iter().filter(|(kind, _)| wanted.contains(kind)).map(|(_, at)| *at).collect::<Vec<_>>();
            prop_assert!(most_in_a_second(&of(&[SendKind::Message, SendKind::Media])) <= 40);
            prop_assert!(most_in_a_second(&of(&[SendKind::Media])) <= 10);
        }
    }

    #[test]
    fn the_sustained_rate_is_reached() {
        let went = run(&vec![(SendKind::Message, 0); 310]);
        // 10 at once, then 300 at 30 a second: 10 s, give or take the rounding of the interval.
        let took = went[309].1 - went[0].1;
        assert!(took > Duration::from_millis(9_990) && took < Duration::from_millis(10_010), "{took:?}");
        assert_eq!(went[9].1, went[0].1, "the burst goes at once");
    }

    #[test]
    fn rests_double_until_something_succeeds() {
        let (first, longest) = (Duration::from_millis(500), Duration::from_secs(3));
        let mut rest = Rest::default();
        let mut now = Duration::from_secs(1);
        for expected in [500, 1000, 2000, 3000, 3000] {
            assert_eq!(rest.take(now, first, longest, None, 0.0), Duration::from_millis(expected));
            assert_eq!(rest.take(now, first, longest, None, 0.0), Duration::from_millis(expected), "what fails together counts once");
            now += rest.left(now);
        }
        rest.over();
        assert_eq!(rest.take(now, first, longest, None, 1.0), Duration::from_millis(375));
        assert_eq!(rest.take(now, first, longest, Some(Duration::from_secs(60)), 0.0), Duration::from_secs(60));
    }
}
