//! Times as people read them: in their own zone and language.

use actix_web::HttpRequest;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan, Zoned};

use super::text::{Texts, fill};
use crate::wire::Timestamp;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The cookie in which a browser tells its zone, such as `Europe/Berlin`. Only how times are written depends on it.
const COOKIE: &str = "baton_zone";

/// A reader's time zone.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// What the browser told, else UTC.
    pub fn of(request: &HttpRequest) -> Self {
        let named = request.cookie(COOKIE).and_then(|cookie| TimeZone::get(cookie.value()).ok());
        Self(named.unwrap_or(TimeZone::UTC))
    }

    /// Its name, for the browser to compare with its own.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    fn moment(&self, local: jiff::civil::DateTime) -> Option<Timestamp> {
        Some(Timestamp::from_millis(local.to_zoned(self.0.clone()).ok()?.timestamp().as_millisecond()))
    }

    /// When a day begins; `None` for a day that there is not.
    pub fn beginning_of(&self, year: u16, month: u16, day: u16) -> Option<Timestamp> {
        let (year, month, day) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        let began = date.to_zoned(self.0.clone()).ok()?;
        Some(Timestamp::from_millis(began.timestamp().as_millisecond()))
    }

    /// When the day of a moment began, or one some days before it.
    pub fn day_before(&self, moment: Timestamp, days: i32) -> Option<Timestamp> {
        let date = self.at(moment).date().checked_sub(jiff::Span::new().try_days(days).ok()?).ok()?;
        let began = date.to_zoned(self.0.clone()).ok()?;
        Some(Timestamp::from_millis(began.timestamp().as_millisecond()))
    }

    fn at(&self, moment: Timestamp) -> Zoned {
        Instant::from_millisecond(moment.millis()).unwrap_or_default().to_zoned(self.0.clone())
    }
}

/// A moment in all the forms a page needs.
#[derive(Debug, Clone)]
pub struct Moment {
    /// RFC 3339, for `datetime`.
    pub machine: String,
    /// `Tuesday, 2 June 2026, 14:03 CEST`.
    pub full: String,
    /// `14:03`.
    pub clock: String,
    /// How long ago, or the day: `4 min`, `Tue`, `2 Jun`.
    pub short: String,
    /// `2 Jun`, with the year when it is another one.
    pub day: String,
}

/// A time to come that people have a name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// The full hour after three hours, up to the evening.
    Today,
    /// Tomorrow morning.
    Tomorrow,
    /// Next Monday morning.
    NextWeek,
}

/// The hour at which a day begins.
const MORNING: i8 = 9;

/// The last hour that is still today's.
const EVENING: i8 = 21;

/// Writes times for one reader at one moment.
#[derive(Clone)]
pub struct Clock {
    /// Now, by the database.
    pub now: Timestamp,
    zone: Zone,
    t: &'static Texts,
}

impl Clock {
    pub fn new(now: Timestamp, zone: Zone, t: &'static Texts) -> Self {
        Self { now, zone, t }
    }

    /// All forms of a moment.
    pub fn moment(&self, at: Timestamp) -> Moment {
        let local = self.zone.at(at);
        Moment {
            machine: Instant::from_millisecond(at.millis()).unwrap_or_default().to_string(),
            full: format!("{}, {}", self.day(at), local.strftime("%H:%M %Z")),
            clock: local.strftime("%H:%M").to_string(),
            short: self.ago(at),
            day: self.day_short(&local),
        }
    }

    /// `Tuesday, 2 June 2026`.
    pub fn day(&self, at: Timestamp) -> String {
        let local = self.zone.at(at);
        fill(
            self.t.date_long,
            &[
                ("weekday", &weekday(self.t.weekdays, &local)),
                ("day", &local.day().to_string()),
                ("month", &month(self.t.months, &local)),
                ("year", &local.year().to_string()),
            ],
        )
    }

    /// The heading of a day in a timeline: today and yesterday by name.
    pub fn day_heading(&self, at: Timestamp) -> String {
        let (today, day) = (self.zone.at(self.now).date(), self.zone.at(at).date());
        if day == today {
            self.t.today.to_owned()
        } else if today.yesterday().is_ok_and(|yesterday| day == yesterday) {
            self.t.yesterday.to_owned()
        } else {
            self.day(at)
        }
    }

    /// Whether two moments are on one day of the reader.
    pub fn same_day(&self, one: Timestamp, other: Timestamp) -> bool {
        self.zone.at(one).date() == self.zone.at(other).date()
    }

    /// A moment to come: `14:03` today, `Tue 14:03` within a week, else `2 Jun 14:03`.
    pub fn until(&self, at: Timestamp) -> String {
        let local = self.zone.at(at);
        let clock = local.strftime("%H:%M");
        if self.same_day(at, self.now) {
            clock.to_string()
        } else if at.since(self.now) < 6 * DAY {
            format!("{} {clock}", weekday(self.t.weekdays_short, &local))
        } else {
            format!("{} {clock}", self.date_short(&local))
        }
    }

    /// A deadline within minutes: `14:03:20`.
    pub fn to_the_second(&self, at: Timestamp) -> String {
        self.zone.at(at).strftime("%H:%M:%S").to_string()
    }

    /// A time to come that people have a name for. `None`: today is nearly over.
    pub fn later(&self, later: Later) -> Option<Timestamp> {
        let now = self.zone.at(self.now);
        let morning = |days: i64| now.date().checked_add(days.days()).ok().map(|day| day.at(MORNING, 0, 0, 0));
        let local = match later {
            Later::Today => {
                let hour = now.hour().checked_add(if now.minute() == 0 { 3 } else { 4 })?;
                (hour <= EVENING).then(|| now.date().at(hour, 0, 0, 0))?
            }
            Later::Tomorrow => morning(1)?,
            Later::NextWeek => morning(7 - i64::from(now.weekday().to_monday_zero_offset()))?,
        };
        self.zone.moment(local)
    }

    /// A day and a time of day as forms give them, `2026-06-02` and `14:03`.
    pub fn read(&self, day: &str, time: &str) -> Option<Timestamp> {
        let day: jiff::civil::Date = day.parse().ok()?;
        let time: jiff::civil::Time = time.parse().ok()?;
        self.zone.moment(day.to_datetime(time))
    }

    /// The beginning of a day.
    pub fn midnight(&self, day: jiff::civil::Date) -> Option<Timestamp> {
        self.zone.moment(day.at(0, 0, 0, 0))
    }

    /// The date so many days from now, as forms take it.
    pub fn date(&self, days: i64) -> String {
        let today = self.zone.at(self.now).date();
        today.checked_add(days.days()).unwrap_or(today).to_string()
    }

    /// `5 h 12 m`, `12 m`, or less than a minute.
    pub fn left(&self, millis: i64) -> String {
        let (hours, minutes) = (millis / HOUR, millis % HOUR / MINUTE);
        match (hours, minutes) {
            (0, 0) => self.t.left_moment.to_owned(),
            (0, minutes) => fill(self.t.left_minutes, &[("m", &minutes.to_string())]),
            (hours, 0) => fill(self.t.left_hours, &[("h", &hours.to_string())]),
            (hours, minutes) => fill(self.t.left_both, &[("h", &hours.to_string()), ("m", &minutes.to_string())]),
        }
    }

    fn ago(&self, at: Timestamp) -> String {
        let passed = self.now.since(at);
        let local = self.zone.at(at);
        if passed < MINUTE {
            self.t.ago_now.to_owned()
        } else if passed < HOUR {
            fill(self.t.ago_minutes, &[("m", &(passed / MINUTE).to_string())])
        } else if passed < DAY {
            fill(self.t.ago_hours, &[("h", &(passed / HOUR).to_string())])
        } else if passed < 6 * DAY {
            weekday(self.t.weekdays_short, &local)
        } else {
            self.date_short(&local)
        }
    }

    fn day_short(&self, local: &Zoned) -> String {
        let year = if local.year() == self.zone.at(self.now).year() { String::new() } else { format!(" {}", local.year()) };
        format!("{}{year}", self.date_short(local))
    }

    fn date_short(&self, local: &Zoned) -> String {
        fill(self.t.date_short, &[("day", &local.day().to_string()), ("month", &month(self.t.months_short, local))])
    }
}

fn weekday(names: &str, at: &Zoned) -> String {
    let index = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or_default();
    names.split_whitespace().nth(index).unwrap_or_default().to_owned()
}

fn month(names: &str, at: &Zoned) -> String {
    let index = usize::try_from(at.month() - 1).unwrap_or_default();
    names.split_whitespace().nth(index).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::text::{DE, EN};

    /// 2 June 2026 12:03:20 UTC is a Tuesday (cal 6 2026), 14:03 in Berlin.
    const MOMENT: Timestamp = Timestamp::from_millis(1_780_401_800_000);

    fn clock(ahead: i64, zone: &str, t: &'static Texts) -> Clock {
        Clock::new(MOMENT.plus_millis(ahead), Zone(TimeZone::get(zone).unwrap_or(TimeZone::UTC)), t)
    }

    #[test]
    fn writes_a_moment_in_the_readers_zone_and_language() {
        let berlin = clock(0, "Europe/Berlin", &DE).moment(MOMENT);
        assert_eq!((berlin.clock.as_str(), berlin.full.as_str()), ("14:03", "Dienstag, 2. Juni 2026, 14:03 CEST"));
        assert_eq!(berlin.machine, "2026-06-02T12:03:20Z");
        assert_eq!(clock(0, "UTC", &EN).moment(MOMENT).full, "Tuesday, 2 June 2026, 12:03 UTC");
    }

    #[test]
    fn shortens_the_past() {
        for (ahead, expected) in [
            (-5_000, "now"),
            (59_999, "now"),
            (60_000, "1 min"),
            (3_599_999, "59 min"),
            (3_600_000, "1 h"),
            (DAY - 1, "23 h"),
            (DAY, "Tue"),
            (6 * DAY, "2 Jun"),
        ] {
            assert_eq!(clock(ahead, "UTC", &EN).moment(MOMENT).short, expected, "{ahead}");
        }
    }

    #[test]
    fn names_the_end_of_a_span() {
        for (ahead, expected) in [(0, "12:03"), (-DAY, "Tue 12:03"), (-7 * DAY, "2 Jun 12:03")] {
            assert_eq!(clock(ahead, "UTC", &EN).until(MOMENT), expected, "{ahead}");
        }
        for (left, expected) in [(18_720_000, "5 h 12 m"), (720_000, "12 m"), (7_200_000, "2 h"), (1, "less than a minute")] {
            assert_eq!(clock(0, "UTC", &EN).left(left), expected);
        }
    }

    #[test]
    fn knows_later_today_tomorrow_and_next_week_in_the_readers_zone() {
        // Tuesday, 14:03 in Berlin.
        let berlin = clock(0, "Europe/Berlin", &EN);
        let at = |later| berlin.later(later).map(|at| berlin.moment(at).full);
        assert_eq!(at(Later::Today).as_deref(), Some("Tuesday, 2 June 2026, 18:00 CEST"));
        assert_eq!(at(Later::Tomorrow).as_deref(), Some("Wednesday, 3 June 2026, 09:00 CEST"));
        assert_eq!(at(Later::NextWeek).as_deref(), Some("Monday, 8 June 2026, 09:00 CEST"));
        assert_eq!(clock(4 * HOUR, "Europe/Berlin", &EN).later(Later::Today), None, "18:03: the day is nearly over");
        assert_eq!(clock(12 * HOUR, "UTC", &EN).later(Later::Tomorrow), clock(0, "UTC", &EN).read("2026-06-04", "09:00"));
        // A week later is Monday too, not the same day.
        let monday = clock(6 * DAY, "UTC", &EN);
        assert_eq!(monday.later(Later::NextWeek), monday.read("2026-06-15", "09:00"));
    }

    #[test]
    fn reads_a_day_and_a_time_of_forms() {
        let berlin = clock(0, "Europe/Berlin", &EN);
        assert_eq!(berlin.read("2026-06-02", "14:03").map(Timestamp::seconds), Some(MOMENT.seconds() - 20));
        for (day, time) in [("", "09:00"), ("2026-02-30", "09:00"), ("2026-06-02", "25:00"), ("tomorrow", "")] {
            assert_eq!(berlin.read(day, time), None, "{day} {time}");
        }
        assert_eq!((berlin.date(0).as_str(), berlin.date(1).as_str()), ("2026-06-02", "2026-06-03"));
    }

    #[test]
    fn calls_days_by_name() {
        assert_eq!(clock(0, "UTC", &EN).day_heading(MOMENT), "Today");
        assert_eq!(clock(DAY, "UTC", &EN).day_heading(MOMENT), "Yesterday");
        assert_eq!(clock(2 * DAY, "UTC", &DE).day_heading(MOMENT), "Dienstag, 2. Juni 2026");
    }
}
