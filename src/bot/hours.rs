//! When people are there: intervals per weekday, days that differ, a time zone.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan, Zoned};
use serde::Deserialize;

use crate::wire::Timestamp;

/// `[hours]`: intervals such as `09:00-12:30` by weekday.
pub(super) type Week = BTreeMap<String, Vec<String>>;

/// `[[exceptions]]`: a day that differs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    pub date: String,
    pub hours: Vec<String>,
}

/// From when until when, both local; the end is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Interval {
    from: Time,
    until: Time,
}

/// Business hours.
#[derive(Debug, Clone)]
pub(super) struct Hours {
    zone: TimeZone,
    week: BTreeMap<i8, Vec<Interval>>,
    exceptions: BTreeMap<Date, Vec<Interval>>,
}

/// How far ahead the next opening is looked for, in days.
const AHEAD: i8 = 60;

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

impl Hours {
    /// Reads hours. What is wrong comes as (the words it stands in, why).
    pub fn new(zone: &str, week: &Week, exceptions: &[Exception]) -> Result<Self, (String, String)> {
        let zone = TimeZone::get(zone).map_err(|_| (zone.to_owned(), format!("no time zone is called {zone}")))?;
        let mut days = BTreeMap::new();
        for (day, hours) in week {
            let Some((_, weekday)) = DAYS.iter().find(|(name, _)| name == day) else {
                return Err((day.clone(), format!("no weekday is called {day}")));
            };
            days.insert(weekday.to_monday_zero_offset(), intervals(hours)?);
        }
        let mut dated = BTreeMap::new();
        for exception in exceptions {
            let date: Date =
                exception.date.parse().map_err(|_| (exception.date.clone(), format!("{} is no date like 2026-12-24", exception.date)))?;
            dated.insert(date, intervals(&exception.hours)?);
        }
        Ok(Self { zone, week: days, exceptions: dated })
    }

    /// Whether people are there. Always, where no hours are given.
    pub fn open(&self, now: Timestamp) -> bool {
        let Some(local) = self.local(now) else { return true };
        (self.week.is_empty() && self.exceptions.is_empty())
            || self.day(local.date()).iter().any(|interval| interval.from <= local.time() && local.time() < interval.until)
    }

    /// When people are there next: local date and time.
    pub fn next_opening(&self, now: Timestamp) -> Option<(Date, Time)> {
        let local = self.local(now)?;
        (0..AHEAD).find_map(|ahead| {
            let date = local.date().checked_add(ahead.days()).ok()?;
            let from = self.day(date).iter().map(|interval| interval.from).find(|from| ahead > 0 || *from > local.time())?;
            Some((date, from))
        })
    }

    fn local(&self, now: Timestamp) -> Option<Zoned> {
        Instant::from_millisecond(now.millis()).ok().map(|instant| instant.to_zoned(self.zone.clone()))
    }

    fn day(&self, date: Date) -> &[Interval] {
        self.exceptions.get(&date).or_else(|| self.week.get(&date.weekday().to_monday_zero_offset())).map_or(&[], Vec::as_slice)
    }
}

fn intervals(hours: &[String]) -> Result<Vec<Interval>, (String, String)> {
    let mut all: Vec<Interval> = hours.iter().map(|text| interval(text)).collect::<Result<_, _>>()?;
    all.sort_by_key(|interval| interval.from);
    Ok(all)
}

fn interval(text: &str) -> Result<Interval, (String, String)> {
    let wrong = || (text.to_owned(), format!("{text} is no interval like 09:00-12:30"));
    let (from, until) = text.split_once('-').ok_or_else(wrong)?;
    let time = |text: &str| Time::strptime("%H:%M", text.trim()).map_err(|_| wrong());
    let (from, until) = (time(from)?, time(until)?);
    if from < until { Ok(Interval { from, until }) } else { Err((text.to_owned(), format!("{text} ends before it begins"))) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn hours() -> Hours {
        let week = Week::from([
            ("monday".into(), vec!["13:30-18:00".into(), "09:00-12:30".into()]),
            ("sunday".into(), vec!["00:30-04:00".into()]),
        ]);
        let closed = Exception { date: "2026-12-28".into(), hours: vec![] };
        Hours::new("Europe/Berlin", &week, &[closed]).unwrap()
    }

    /// Milliseconds as `date -u -d '<time>' +%s` gives seconds.
    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_lunch_break_is_closed_in_local_time() {
        let hours = hours();
        assert!(!hours.open(at(1_795_420_740)), "2026-11-23 07:59 UTC is 08:59 in Berlin");
        assert!(hours.open(at(1_795_420_800)), "2026-11-23 08:00 UTC is 09:00 in Berlin");
        assert!(!hours.open(at(1_795_434_000)), "2026-11-23 11:40 UTC is 12:40 in Berlin");
        assert!(hours.open(at(1_795_437_000)), "2026-11-23 12:30 UTC is 13:30 in Berlin");
    }

    #[test]
    fn an_exception_closes_a_whole_day_and_the_next_opening_is_after_it() {
        let hours = hours();
        assert!(!hours.open(at(1_798_448_400)), "2026-12-28 09:00 UTC, the exception");
        let (date, time) = hours.next_opening(at(1_798_448_400)).unwrap();
        assert_eq!((date.to_string(), time.to_string()), ("2027-01-03".to_owned(), "00:30:00".to_owned()));
    }

    #[test]
    fn the_night_when_clocks_go_forward_has_no_missing_customer() {
        let hours = hours();
        // 2026-03-29: 02:00 becomes 03:00 in Berlin. 00:59:59 UTC is 01:59:59, 01:00 UTC is 03:00.
        assert!(hours.open(at(1_774_745_999)));
        assert!(hours.open(at(1_774_746_000)));
        assert!(!hours.open(at(1_774_749_600)), "02:00 UTC is 04:00");
    }
}
