//! The ways to send a message and be done with the conversation, as forms name them.

use super::scene::Scene;
use crate::web::text::fill;
use crate::web::when::Later;
use crate::wire::{Done, Timestamp};

/// The longest snooze, in milliseconds: a year.
const LONGEST_MS: i64 = 366 * 24 * 3_600_000;

/// A way to be done with a conversation.
pub struct Ending {
    /// The field `then` of the form.
    pub then: String,
    /// Its icon.
    pub icon: &'static str,
    /// What the button says.
    pub label: String,
}

/// The ways of a conversation, the most likely first.
pub fn endings(scene: &Scene) -> Vec<Ending> {
    let t = scene.t();
    let release = match scene.next_answerer() {
        Some(app) => fill(t.send_release_to, &[("app", &app)]),
        None => t.send_release.to_owned(),
    };
    let ending = |how, icon, label| Ending { then: write(how), icon, label };
    let mut endings = vec![ending(Done::Close, "check", t.send_close.to_owned()), ending(Done::Release, "bot", release)];
    let times = [Later::Today, Later::Tomorrow, Later::NextWeek].into_iter().filter_map(|later| scene.clock.later(later));
    endings.extend(times.map(|until| {
        let label = fill(t.send_snooze, &[("time", &scene.clock.until(until))]);
        ending(Done::Snooze { until }, "clock", label)
    }));
    endings
}

/// As a form names it.
pub fn write(how: Done) -> String {
    match how {
        Done::Close => "close".to_owned(),
        Done::Release => "release".to_owned(),
        Done::Snooze { until } => format!("snooze.{}", until.millis()),
    }
}

/// Reads [`write`]. `None` also for times that are not to come, or too far away.
pub fn parse(text: &str, now: Timestamp) -> Option<Done> {
    match text {
        "close" => Some(Done::Close),
        "release" => Some(Done::Release),
        _ => {
            let until = Timestamp::from_millis(text.strip_prefix("snooze.")?.parse().ok().filter(|at| (0..=i64::MAX / 4).contains(at))?);
            (1..=LONGEST_MS).contains(&until.since(now)).then_some(Done::Snooze { until })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_names_what_it_shall_come_to() {
        let now = Timestamp::from_millis(1_000_000);
        for how in [Done::Close, Done::Release, Done::Snooze { until: Timestamp::from_millis(1_000_001) }] {
            assert_eq!(parse(&write(how), now), Some(how));
        }
        for bad in ["", "snooze", "snooze.", "snooze.1000000", "snooze.-5", "snooze.9999999999999999999", "snooze.99999999999999", "Close"]
        {
            assert_eq!(parse(bad, now), None, "{bad}");
        }
    }
}
