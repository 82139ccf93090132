//! Privacy budgets: exact, in millionths.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Millionths of one.
const ONE: u64 = 1_000_000;
/// Digits behind the point at most.
const PLACES: usize = 6;
/// The largest epsilon of one query or of a budget. Far beyond it nothing is protected any more.
const MOST: u64 = 100 * ONE;

/// A privacy budget, or a part of one: from a millionth to 100, exactly. Written as a decimal in a text, such as "0.25", in
/// its one shortest form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Epsilon(u64);

/// Why a text is no epsilon.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EpsilonError {
    /// Not a decimal in its shortest form.
    #[error(
        "the epsilon {found:?} is no decimal in its shortest form with at most {PLACES} digits behind the point, such as 0.25"
    )]
    Form {
        /// What was found, shortened.
        found: String,
    },
    /// Out of range.
    #[error("the epsilon {found} is not from 0.000001 to 100")]
    Range {
        /// What was found, shortened.
        found: String,
    },
}

impl Epsilon {
    /// So many millionths, from 1 to 100 million.
    pub fn from_millionths(millionths: u64) -> Result<Self, EpsilonError> {
        if (1..=MOST).contains(&millionths) {
            return Ok(Self(millionths));
        }
        Err(EpsilonError::Range { found: decimal(millionths) })
    }

    /// In millionths: an exact rational over 1,000,000.
    pub const fn millionths(self) -> u64 {
        self.0
    }
}

/// Millionths as a decimal in its shortest form; 0 is "0".
pub fn decimal(millionths: u64) -> String {
    let (whole, part) = (millionths / ONE, millionths % ONE);
    if part == 0 {
        return whole.to_string();
    }
    format!("{whole}.{part:06}").trim_end_matches('0').to_owned()
}

impl FromStr for Epsilon {
    type Err = EpsilonError;

    fn from_str(text: &str) -> Result<Self, EpsilonError> {
        let form = || EpsilonError::Form { found: text.chars().take(40).collect() };
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        // Nine digits are beyond every epsilon, and within a number.
        if whole.is_empty() || whole.len() > 9 || part.len() > PLACES || !digits(whole) || !digits(part) {
            return Err(form());
        }
        let number = |text: &str| text.parse::<u64>().map_err(|_| form());
        let millionths = number(whole)? * ONE + number(&format!("{part:0<6}"))?;
        if decimal(millionths) != text {
            return Err(form());
        }
        Self::from_millionths(millionths)
    }
}

impl TryFrom<String> for Epsilon {
    type Error = EpsilonError;

    fn try_from(text: String) -> Result<Self, EpsilonError> {
        text.parse()
    }
}

impl From<Epsilon> for String {
    fn from(epsilon: Epsilon) -> Self {
        epsilon.to_string()
    }
}

impl fmt::Display for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epsilon_has_one_text() {
        for (text, millionths) in
            [("0.1", 100_000), ("1", 1_000_000), ("0.000001", 1), ("100", 100_000_000), ("12.25", 12_250_000)]
        {
            let epsilon: Epsilon = text.parse().unwrap();
            assert_eq!((epsilon.millionths(), epsilon.to_string().as_str()), (millionths, text));
            assert_eq!(serde_json::to_string(&epsilon).unwrap(), format!("\"{text}\""));
        }
        for text in ["", ".5", "0.10", "1.0", "01", "+1", "-1", "1e-1", "0.0000001", "1,5", " 1", "1.", "9999999999"] {
            assert!(matches!(text.parse::<Epsilon>(), Err(EpsilonError::Form { .. })), "{text}");
        }
        for text in ["0", "100.000001", "101"] {
            assert!(matches!(text.parse::<Epsilon>(), Err(EpsilonError::Range { .. })), "{text}");
        }
        assert!(serde_json::from_str::<Epsilon>("0.1").is_err(), "a number in JSON has several readings");
    }
}
