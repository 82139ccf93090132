//! Exact decimals: how measured values, bounds and steps are read, written and coded.
//!
//! Nothing here passes through binary floating point arithmetic. JSON numbers are taken by their text.

use std::fmt;

pub use rust_decimal::Decimal;
use serde::de::{self, Visitor};
use serde::{Deserializer, Serializer};

/// A JSON number with a fraction has been read as binary floating point before it reaches us; up to this
/// many significant digits that loses nothing. Longer ones are written as JSON strings.
const EXACT_JSON_DIGITS: usize = 15;

/// Why a text is not a decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not digits with at most one point, sign and exponent.
    #[error("{found:?} is not a number: write digits, at most one decimal point, and no thousands separators")]
    Form {
        /// What was found, shortened.
        found: String,
    },
    /// More digits than are kept exactly.
    #[error("{found:?} has more digits than can be kept exactly (28)")]
    TooLong {
        /// What was found, shortened.
        found: String,
    },
    /// A JSON number that floating point may have changed already.
    #[error("{found} has more than {EXACT_JSON_DIGITS} significant digits: write it as a JSON string, in quotes")]
    JsonPrecision {
        /// What was found.
        found: String,
    },
}

/// Which whole number of steps stands for a value between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// The lower one.
    Down,
    /// The higher one.
    Up,
    /// The nearer one; the one farther from zero if both are equally near.
    HalfAwayFromZero,
    /// None: only exact multiples have a code.
    Exact,
}

/// Reads `-12`, `0.5`, `1e3`: an optional sign, digits, an optional fraction, an optional exponent.
pub fn parse(text: &str) -> Result<Decimal, DecimalError> {
    let form = || DecimalError::Form { found: shorten(text) };
    let too_long = || DecimalError::TooLong { found: shorten(text) };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent).ok_or_else(form)?),
        None => (text, 0),
    };
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) {
        return Err(form());
    }
    let value = Decimal::from_str_exact(mantissa).map_err(|_| too_long())?.normalize();
    if exponent == 0 || value.is_zero() {
        return Ok(value);
    }
    let scale = i64::from(value.scale()) - i64::from(exponent);
    let (mantissa, scale) = if scale < 0 {
        let factor = u32::try_from(-scale).ok().and_then(|power| 10i128.checked_pow(power)).ok_or_else(too_long)?;
        (value.mantissa().checked_mul(factor).ok_or_else(too_long)?, 0)
    } else {
        (value.mantissa(), u32::try_from(scale).map_err(|_| too_long())?)
    };
    Decimal::try_from_i128_with_scale(mantissa, scale).map(|value| value.normalize()).map_err(|_| too_long())
}

fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The one text of a number: no exponent, no trailing zeros, no negative zero.
pub fn text(value: &Decimal) -> String {
    value.normalize().to_string()
}

/// `(value - offset) / step` as a whole number, by exact integer arithmetic.
///
/// `None` if a digit count is absurd (over 38 digits in common units), the step is not positive, or, with
/// [`Rounding::Exact`], the value lies between two steps.
pub fn steps(value: Decimal, offset: Decimal, step: Decimal, rounding: Rounding) -> Option<i128> {
    let scale = value.scale().max(offset.scale()).max(step.scale());
    let units = |x: Decimal| x.mantissa().checked_mul(10i128.checked_pow(scale - x.scale())?);
    let distance = units(value)?.checked_sub(units(offset)?)?;
    let step = units(step)?;
    if step <= 0 {
        return None;
    }
    let floor = distance.div_euclid(step);
    let rest = distance.rem_euclid(step);
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest != 0,
        // Written without doubling `rest`, which could overflow.
        Rounding::HalfAwayFromZero => rest > step - rest || (rest == step - rest && distance >= 0),
        Rounding::Exact if rest != 0 => return None,
        Rounding::Exact => false,
    };
    floor.checked_add(i128::from(up))
}

/// `offset + code * step`: the value that a code stands for.
pub fn value_of(code: u16, offset: Decimal, step: Decimal) -> Decimal {
    (offset + Decimal::from(code) * step).normalize()
}

/// Writes a decimal as a JSON string, so that no reader rounds it. For `#[serde(with = "...")]`.
pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(value))
}

/// Reads a decimal from a JSON number or string. For `#[serde(with = "...")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    deserializer.deserialize_any(NumberOrText)
}

struct NumberOrText;

impl Visitor<'_> for NumberOrText {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a number as a string")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Decimal, E> {
        Ok(Decimal::from(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Decimal, E> {
        Ok(Decimal::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Decimal, E> {
        // The shortest text that reads back as this number, which is the file's text if that was short enough.
        let found = value.to_string();
        let digits = found.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
        if digits > EXACT_JSON_DIGITS {
            return Err(E::custom(DecimalError::JsonPrecision { found }));
        }
        parse(&found).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Decimal, E> {
        parse(value).map_err(E::custom)
    }
}

/// The same for a value that may be absent (use with `#[serde(default)]`).
pub mod option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Decimal;

    /// Writes a decimal or `null`.
    pub fn serialize<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(super::text).serialize(serializer)
    }

    /// Reads a decimal or `null`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        #[derive(Deserialize)]
        struct Wrapped(#[serde(with = "super")] Decimal);
        Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|Wrapped(value)| value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn d(text: &str) -> Decimal {
        parse(text).unwrap()
    }

    #[test]
    fn strict_texts() {
        for (found, read) in [
            ("12", "12"),
            ("-0.50", "-0.5"),
            ("+3", "3"),
            ("007", "7"),
            ("1e+05", "100000"),
            ("1.5E-3", "0.0015"),
            ("120e-1", "12"),
            ("-0", "0"),
            ("0e999", "0"),
        ] {
            assert_eq!(text(&d(found)), read, "{found}");
        }
        for bad in
            ["", " 1", "1 ", ".5", "5.", "1,5", "1_000", "--1", "1e", "1e5.0", "NaN", "0x10", "1.2.3", "e5", "１"]
        {
            assert!(matches!(parse(bad), Err(DecimalError::Form { .. })), "{bad}");
        }
        for long in ["0.00000000000000000000000000001", "99999999999999999999999999999999", "1e40", "1e-40"] {
            assert!(matches!(parse(long), Err(DecimalError::TooLong { .. })), "{long}");
        }
    }

    #[test]
    fn json_numbers_by_their_text() {
        let read = |json: &str| deserialize(&mut serde_json::Deserializer::from_str(json));
        for (json, want) in [("0.1", "0.1"), ("1e-7", "0.0000001"), ("-3", "-3"), ("\"0.1\"", "0.1")] {
            assert_eq!(text(&read(json).unwrap()), want);
        }
        assert_eq!(text(&read("18446744073709551615").unwrap()), "18446744073709551615");
        let message = read("0.1234567890123456789").unwrap_err().to_string();
        assert!(message.contains("write it as a JSON string"), "{message}");
        assert!(read("1e20").is_err());
        assert!(read("true").is_err());
    }

    #[test]
    fn halves_go_away_from_zero() {
        let round = |x: &str| steps(d(x), d("0"), d("1"), Rounding::HalfAwayFromZero).unwrap();
        assert_eq!([round("0.5"), round("1.5"), round("2.5"), round("2.4999")], [1, 2, 3, 2]);
        assert_eq!([round("-0.5"), round("-1.5"), round("-0.4"), round("-0.6")], [-1, -2, 0, -1]);
        assert_eq!(steps(d("0.3"), d("0"), d("0.1"), Rounding::Exact), Some(3));
        assert_eq!(steps(d("0.35"), d("0"), d("0.1"), Rounding::Exact), None);
        assert_eq!(steps(d("1"), d("0"), d("0"), Rounding::Down), None);
        assert_eq!(steps(d("1"), d("0"), d("-1"), Rounding::Down), None);
    }

    proptest! {
        #[test]
        fn steps_agree_with_integers(value in -1_000_000i64..1_000_000, offset in -1000i64..1000, step in 1i64..1000) {
            let [value_d, offset_d, step_d] = [value, offset, step].map(|x| Decimal::new(x, 3));
            let distance = value - offset;
            let down = steps(value_d, offset_d, step_d, Rounding::Down).unwrap();
            let up = steps(value_d, offset_d, step_d, Rounding::Up).unwrap();
            let near = steps(value_d, offset_d, step_d, Rounding::HalfAwayFromZero).unwrap();
            prop_assert_eq!(down, i128::from(distance.div_euclid(step)));
            prop_assert_eq!(up, -i128::from((-distance).div_euclid(step)));
            let twice = 2 * distance;
            let expected = twice.signum() * ((twice.abs() + step) / (2 * step));
            prop_assert_eq!(near, i128::from(expected));
        }

        #[test]
        fn texts_round_trip(mantissa in any::<i64>(), scale in 0u32..15) {
            let value = Decimal::new(mantissa, scale);
            prop_assert_eq!(parse(&text(&value)).unwrap(), value);
            let json = serde_json::to_string(&text(&value)).unwrap();
            prop_assert_eq!(deserialize(&mut serde_json::Deserializer::from_str(&json)).unwrap(), value);
        }
    }
}
