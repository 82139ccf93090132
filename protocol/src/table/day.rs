//! Dates: days since 1900-01-01 in the proleptic Gregorian calendar.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::MISSING;

/// 1900-01-01 as [`days_from_civil`] counts.
const EPOCH: i64 = days_from_civil(1900, 1, 1);

/// A day as it is stored: days since 1900-01-01, at most 65534 (2079-06-05).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(u16);

/// Why a text is not a day that can be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// Not `yyyy-mm-dd`, or no day of the calendar.
    #[error("{found:?} is not a date: write yyyy-mm-dd, for example 1998-03-31")]
    Form {
        /// What was found, shortened.
        found: String,
    },
    /// A date that does not fit in 16 bits.
    #[error("the date {found} cannot be stored: dates reach from 1900-01-01 to 2079-06-05")]
    Range {
        /// What was found.
        found: String,
    },
}

impl Day {
    /// The last day that can be stored: 2079-06-05.
    pub const LAST: Self = Self(MISSING - 1);

    /// The day this many days after 1900-01-01; `None` for 65535, which means missing.
    pub const fn from_days(days: u16) -> Option<Self> {
        if days == MISSING { None } else { Some(Self(days)) }
    }

    /// Days since 1900-01-01.
    pub const fn days(self) -> u16 {
        self.0
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let form = || DayError::Form { found: text.chars().take(80).collect() };
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| -> Option<i64> {
            let part = bytes.get(range)?;
            if !part.iter().all(u8::is_ascii_digit) {
                return None;
            }
            Some(part.iter().fold(0, |number, digit| 10 * number + i64::from(digit - b'0')))
        };
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(form());
        }
        let (Some(year), Some(month), Some(day)) = (digits(0..4), digits(5..7), digits(8..10)) else {
            return Err(form());
        };
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return Err(form());
        }
        u16::try_from(days_from_civil(year, month, day) - EPOCH)
            .ok()
            .and_then(Self::from_days)
            .ok_or_else(|| DayError::Range { found: text.to_owned() })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(i64::from(self.0) + EPOCH);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 0000-03-01: years that begin in March put the leap day last, so a month's start is linear.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // The year by estimate and correction: there is no need to be clever.
    let mut year = days / 366;
    while days_from_civil(year + 1, 3, 1) <= days {
        year += 1;
    }
    let rest = days - days_from_civil(year, 3, 1);
    let month = (5 * rest + 2) / 153;
    let day = rest - (153 * month + 2) / 5 + 1;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_in_order() {
        let (mut year, mut month, mut day) = (1900, 1, 1);
        for days in 0..MISSING {
            let text = format!("{year:04}-{month:02}-{day:02}");
            let stored = Day::from_days(days).unwrap();
            assert_eq!(stored.to_string(), text);
            assert_eq!(text.parse::<Day>().unwrap(), stored);
            day += 1;
            if day > days_in_month(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!((year, month, day), (2079, 6, 6));
        assert_eq!(Day::from_days(MISSING), None);
    }

    #[test]
    fn refusals() {
        for bad in [
            "",
            "1998-3-31",
            "31-03-1998",
            "1998/03/31",
            "1998-02-29",
            "1900-02-29",
            "1998-13-01",
            "1998-00-01",
            "1998-01-00",
            "1998-01-011",
            "+998-01-01",
        ] {
            assert!(matches!(bad.parse::<Day>(), Err(DayError::Form { .. })), "{bad}");
        }
        assert!("2000-02-29".parse::<Day>().is_ok());
        for far in ["1899-12-31", "2079-06-06", "9999-12-31", "0000-01-01"] {
            let message = far.parse::<Day>().unwrap_err().to_string();
            assert!(message.contains("1900-01-01 to 2079-06-05"), "{message}");
        }
    }
}
