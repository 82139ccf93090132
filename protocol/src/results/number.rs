//! Derived numbers: ten significant digits, ends of intervals rounded outwards.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Significant digits of a derived number.
const DIGITS: usize = 10;
/// Digits that floating point arithmetic gets right in the few steps taken here. What lies beyond is noise, and an
/// end that is noise away from a short number is that number.
const SURE_DIGITS: usize = 14;

/// A derived number with ten significant digits. Never one that was released: those are integers.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Number(f64);

impl Number {
    /// The nearest number with ten digits.
    pub(super) fn nearest(x: f64) -> Self {
        let (mantissa, exponent) = digits(x, DIGITS);
        Self(compose(mantissa, exponent))
    }

    /// The highest number with ten digits that is not above.
    pub(super) fn below(x: f64) -> Self {
        Self::outwards(x, -1)
    }

    /// The lowest number with ten digits that is not below.
    pub(super) fn above(x: f64) -> Self {
        Self::outwards(x, 1)
    }

    fn outwards(x: f64, direction: i64) -> Self {
        let (mantissa, exponent) = digits(x, SURE_DIGITS);
        let sure = compose(mantissa, exponent);
        let (mantissa, exponent) = digits(sure, DIGITS);
        let near = compose(mantissa, exponent);
        let inside = if direction < 0 { near > sure } else { near < sure };
        Self(if inside { compose(mantissa + direction, exponent) } else { near })
    }

    /// The number.
    pub const fn value(self) -> f64 {
        self.0
    }
}

/// The number's digits as an integer, and the power of ten that goes with it.
fn digits(x: f64, count: usize) -> (i64, i32) {
    let text = format!("{x:.*e}", count.saturating_sub(1));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa: String = mantissa.chars().filter(|c| *c != '.').collect();
    // Numbers that are not finite do not come up: released ones and codings are bounded where they enter.
    let exponent: i32 = exponent.parse().unwrap_or(0);
    (mantissa.parse().unwrap_or(0), exponent - (count as i32 - 1))
}

/// The floating point number nearest to a decimal; zero without a sign.
fn compose(mantissa: i64, exponent: i32) -> f64 {
    format!("{mantissa}e{exponent}").parse::<f64>().unwrap_or(0.0) + 0.0
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Whole numbers without ".0": every reader of JSON takes them for the same number.
        let whole = self.0 as i64;
        if whole as f64 == self.0 && whole.unsigned_abs() < 1 << 53 {
            return serializer.serialize_i64(whole);
        }
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // JSON readers may miss a number by its last bit; ten digits are not touched by that.
        f64::deserialize(deserializer).map(Self::nearest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_digits() {
        assert_eq!(Number::nearest(2.0 / 3.0).to_string(), "0.6666666667");
        assert_eq!(Number::below(2.0 / 3.0).to_string(), "0.6666666666");
        assert_eq!(Number::above(1.0 / 3.0).to_string(), "0.3333333334");
        assert_eq!(Number::below(-1.0 / 3.0).to_string(), "-0.3333333334");
        assert_eq!(Number::above(-2.0 / 3.0).to_string(), "-0.6666666666");
        assert_eq!(Number::above(99_999_999_990.1).to_string(), "100000000000");
        // Noise is no reason to widen, and zero has no sign.
        assert_eq!(Number::below(5.0 - 1e-15).to_string(), "5");
        assert_eq!(Number::above(0.1 + 0.2).to_string(), "0.3");
        assert_eq!(Number::nearest(-0.0).to_string(), "0");
    }

    #[test]
    fn json_numbers() {
        let json = |x: f64| serde_json::to_string(&Number::nearest(x)).unwrap();
        assert_eq!([json(5.0), json(-0.25), json(0.0), json(2.0 / 3.0)], ["5", "-0.25", "0", "0.6666666667"]);
    }

    proptest! {
        #[test]
        fn outwards_and_there_and_back(x in -1e12f64..1e12, scale in -12i32..3) {
            let x = x * 10f64.powi(scale);
            let (below, near, above) = (Number::below(x), Number::nearest(x), Number::above(x));
            let noise = x.abs() * 1e-13;
            prop_assert!(below.value() <= x + noise && x - noise <= above.value());
            prop_assert!(below <= near && near <= above);
            prop_assert!(above.value() - below.value() <= 1.1e-9 * x.abs());
            for number in [below, near, above] {
                let text = serde_json::to_string(&number).unwrap();
                prop_assert_eq!(serde_json::from_str::<Number>(&text).unwrap(), number);
            }
        }
    }
}
