//! Dates and times as FHIR writes them.

use crate::table::{Day, DayError};

/// A day, and the second in universal time where a time of day is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moment {
    pub(super) day: Day,
    /// Seconds since 1900-01-01T00:00:00Z.
    second: Option<i64>,
    /// Whether the day was over, but for a minute.
    at_its_end: bool,
}

/// What can be read.
pub(super) const FORM: &str =
    "a whole date, such as 2026-01-31, from 1900 to 2079; a time of day may follow, with its zone";

fn number(text: &str, most: i64) -> Option<i64> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok().filter(|number| *number <= most) } else { None }
}

impl Moment {
    /// Reads a date, or a date and time with its zone. Years and months alone are no date: which of their days is meant
    /// would be a guess.
    pub(super) fn read(text: &str) -> Option<Self> {
        let Some((date, clock)) = text.split_once('T') else {
            return Some(Self { day: text.parse().ok()?, second: None, at_its_end: true });
        };
        let day: Day = date.parse().ok()?;
        let (clock, zone) = match clock.strip_suffix('Z') {
            Some(clock) => (clock, 0),
            None => {
                let (clock, zone) = clock.split_at_checked(clock.len().checked_sub(6)?)?;
                let (sign, zone) = match zone.split_at_checked(1)? {
                    ("+", zone) => (1, zone),
                    ("-", zone) => (-1, zone),
                    _ => return None,
                };
                let (hours, minutes) = zone.split_once(':')?;
                (clock, sign * (3600 * number(hours, 14)? + 60 * number(minutes, 59)?))
            }
        };
        let whole = clock.split_once('.').map_or(Some(clock), |(whole, part)| {
            (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(whole)
        })?;
        let mut parts = whole.split(':');
        let (hour, minute) = (number(parts.next()?, 23)?, number(parts.next()?, 59)?);
        let second = number(parts.next()?, 60)?;
        if parts.next().is_some() {
            return None;
        }
        let of_day = 3600 * hour + 60 * minute + second;
        let second = 86_400 * i64::from(day.days()) + of_day - zone;
        Some(Self { day, second: Some(second), at_its_end: (hour, minute) == (23, 59) })
    }

    /// The last whole day of a period that ends here. A year beyond those that can be stored is the last that can.
    pub(super) fn last_day(text: &str) -> Option<Day> {
        if let (Some(date), Ok(year)) = (text.get(..10), text.get(..4)?.parse::<u16>())
            && year > 2078
            && matches!(date.parse::<Day>(), Err(DayError::Range { .. }))
        {
            return Some(Day::LAST);
        }
        let end = Self::read(text)?;
        if end.at_its_end { Some(end.day) } else { Day::from_days(end.day.days().checked_sub(1)?) }
    }

    /// Whether this is after the other for certain. Where one has no time of day, they have to be two days apart, since
    /// nobody knows in which zone its day was.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        match (self.second, other.second) {
            (Some(this), Some(other)) => this > other,
            (None, None) => self.day > other.day,
            _ => self.day.days() > other.day.days().saturating_add(1),
        }
    }
}
