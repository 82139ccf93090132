//! Moments: whole seconds in UTC, as blocks bear them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::table::Day;

/// 1970-01-01 in days since 1900-01-01.
const UNIX_DAY: u64 = 25_567;
const DAY_SECONDS: u64 = 86_400;

/// A moment in UTC, in whole seconds since 1970-01-01; written `2026-11-24T23:07:28Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(u64);

/// Why a text is not a moment.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{found:?} is not a moment: write yyyy-mm-ddThh:mm:ssZ, from 1970 on")]
pub struct TimestampError {
    found: String,
}

impl Timestamp {
    /// The last moment that can be written.
    pub const MAX: Self = Self((u16::MAX as u64 - 1 - UNIX_DAY) * DAY_SECONDS + DAY_SECONDS - 1);

    /// From seconds since 1970-01-01; later than [`Timestamp::MAX`] is `MAX`.
    pub fn from_unix(seconds: u64) -> Self {
        Self(seconds.min(Self::MAX.0))
    }

    /// Seconds since 1970-01-01.
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// So many seconds later.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// The day.
    pub fn day(self) -> Day {
        // `MAX` keeps the number in range.
        let days = u16::try_from(self.0 / DAY_SECONDS + UNIX_DAY).unwrap_or(u16::MAX);
        Day::from_days(days).unwrap_or(Day::LAST)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.0 % DAY_SECONDS;
        write!(f, "{}T{:02}:{:02}:{:02}Z", self.day(), second / 3600, second / 60 % 60, second % 60)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let refuse = || TimestampError { found: text.chars().take(80).collect() };
        let (day, clock) = text.strip_suffix('Z').and_then(|text| text.split_once('T')).ok_or_else(refuse)?;
        let day: Day = day.parse().map_err(|_| refuse())?;
        let day = u64::from(day.days()).checked_sub(UNIX_DAY).ok_or_else(refuse)?;
        let parts: Vec<u64> = clock
            .split(':')
            .map(|part| if part.len() == 2 { part.parse().map_err(|_| refuse()) } else { Err(refuse()) })
            .collect::<Result<_, _>>()?;
        let [hour, minute, second] = parts[..] else { return Err(refuse()) };
        let moment = Self(day * DAY_SECONDS + hour * 3600 + minute * 60 + second);
        // One text a moment: hour 25, or a plus sign before a digit, comes out differently.
        if moment.to_string() == text { Ok(moment) } else { Err(refuse()) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_one_text() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_795_561_648, "2026-11-24T23:07:28Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
        ] {
            assert_eq!(Timestamp::from_unix(seconds).to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap().unix(), seconds);
        }
        let last = Timestamp::from_unix(u64::MAX);
        assert_eq!((last, last.plus(1)), (Timestamp::MAX, Timestamp::MAX));
        assert_eq!(last.to_string().parse::<Timestamp>().unwrap(), last);
        for bad in [
            "",
            "2026-11-24",
            "2026-11-24T23:07:28",
            "2026-11-24T24:00:00Z",
            "2026-11-24T23:60:00Z",
            "2026-11-24T+3:00:00Z",
            "2026-11-24T3:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-24T23:07:28Zx",
            "2026-11-24t23:07:28Z",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }
}
