//! The discrete Laplace law by independent binary digits: thresholds, and how far they are from it.

use num_bigint::BigUint;

use super::epsilon::Epsilon;
use super::interval::{Interval, ceil_div};

/// Bits of a threshold: a digit is set if a uniform word of so many bits is below it.
pub const WORD_BITS: u32 = 64;
/// Bits that distances are told in, rounded up.
const DELTA_BITS: u32 = 256;
/// Bits of the first attempt to compute with.
const FIRST_BITS: u32 = 384;
/// Bits of the last; never reached by an epsilon and a sensitivity that are taken.
const LAST_BITS: u32 = 12_288;
/// Digits at most: beyond them neither a count nor a product of two 16-bit columns comes.
pub const MAX_DIGITS: usize = 64;

/// Why there is no law.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LawError {
    /// A sensitivity of nothing.
    #[error("a sensitivity is at least 1")]
    Sensitivity,
    /// Too small an epsilon for the sensitivity.
    #[error("epsilon {epsilon} for a sensitivity of {sensitivity} takes more than {MAX_DIGITS} digits of noise")]
    Digits {
        /// The epsilon.
        epsilon: Epsilon,
        /// The sensitivity.
        sensitivity: u64,
    },
    /// Two roundings of a threshold are equally near, as far as was computed.
    #[error(
        "the thresholds for epsilon {epsilon} and a sensitivity of {sensitivity} cannot be told in {LAST_BITS} bits"
    )]
    Precision {
        /// The epsilon.
        epsilon: Epsilon,
        /// The sensitivity.
        sensitivity: u64,
    },
}

/// An upper bound of a probability, exact over 2^256.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Delta(BigUint);

impl Delta {
    /// The sum of two.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self(&self.0 + &other.0)
    }

    /// So many times.
    #[must_use]
    pub fn times(&self, count: u64) -> Self {
        Self(&self.0 * count)
    }

    /// The numerator over 2^256.
    pub const fn numerator(&self) -> &BigUint {
        &self.0
    }

    fn of(high: &BigUint, bits: u32) -> Self {
        match bits.checked_sub(DELTA_BITS) {
            Some(less) => Self(ceil_div(high, &(BigUint::from(1u8) << less))),
            None => Self(high << (DELTA_BITS - bits)),
        }
    }
}

impl std::fmt::Display for Delta {
    /// Two digits and a power of ten, rounded up: "3.2e-18".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == BigUint::default() {
            return f.write_str("0");
        }
        let one = BigUint::from(1u8) << DELTA_BITS;
        // The first power of ten by which it has two digits before the point.
        let (mut scaled, mut power) = (self.0.clone(), 0i32);
        while scaled < &one * 10u8 {
            scaled *= 10u8;
            power -= 1;
        }
        let mut digits = ceil_div(&scaled, &one);
        while digits >= BigUint::from(100u8) {
            digits = ceil_div(&digits, &BigUint::from(10u8));
            power += 1;
        }
        let (tens, units) = (&digits / 10u8, &digits % 10u8);
        write!(f, "{tens}.{units}e{}", power + 1)
    }
}

/// How an aggregate's noise is drawn: the sum over `i` of `2^i t_i`, where the signed digit `t_i` is 0 unless a uniform word
/// of 64 bits is below the threshold `M_i`, and then 1 or -1 with equal chances.
///
/// A discrete Laplace variable of ratio `a = exp(-epsilon / sensitivity)` is the difference of two geometric ones, whose
/// binary digits are independent: digit `i` is set with probability `x / (1 + x)`, where `x = a^(2^i)`. The difference of two
/// such digits is 1 or -1 with `x / (1 + x)^2` each; so `M_i` is `2^64` times twice that, rounded. Digits are as many as make
/// `a^(2^L) < 2^-64`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoiseLaw {
    epsilon: Epsilon,
    sensitivity: u64,
    thresholds: Vec<u64>,
    distance: Delta,
    delta: Delta,
}

impl NoiseLaw {
    /// The law of an aggregate: exact rationals in, no floating point on the way.
    pub fn new(epsilon: Epsilon, sensitivity: u64) -> Result<Self, LawError> {
        if sensitivity == 0 {
            return Err(LawError::Sensitivity);
        }
        let mut bits = FIRST_BITS;
        while bits <= LAST_BITS {
            if let Some(law) = Self::within(epsilon, sensitivity, bits)? {
                return Ok(law);
            }
            bits *= 2;
        }
        Err(LawError::Precision { epsilon, sensitivity })
    }

    /// The same with so many bits; nothing if that leaves a threshold undecided.
    fn within(epsilon: Epsilon, sensitivity: u64, bits: u32) -> Result<Option<Self>, LawError> {
        let (numerator, million) = (BigUint::from(epsilon.millionths()), BigUint::from(1_000_000u32));
        let mut power = Interval::exp_minus(&numerator, &(&million * sensitivity), bits);
        let least = BigUint::from(1u8) << (bits - WORD_BITS);
        let (mut thresholds, mut distance) = (Vec::new(), BigUint::default());
        while power.high >= least {
            // Whether there is another digit is not decided.
            if power.low < least {
                return Ok(None);
            }
            if thresholds.len() == MAX_DIGITS {
                return Err(LawError::Digits { epsilon, sensitivity });
            }
            let (low, high) = (nearest(&power.low, bits), nearest(&power.high, bits));
            if low != high {
                return Ok(None);
            }
            distance += error(&low, &power);
            // Twice x/(1+x)^2 is at most one half.
            thresholds.push(u64::try_from(low).unwrap_or(u64::MAX));
            power = power.squared();
        }
        let distance = distance + &power.high * 2u8;
        // 1 + e^epsilon, rounded up.
        let inverse = Interval::exp_minus(&numerator, &million, bits).low;
        let factor = ceil_div(&(BigUint::from(1u8) << (2 * bits)), &inverse) + (BigUint::from(1u8) << bits);
        let delta = ceil_div(&(&distance * factor), &(BigUint::from(1u8) << bits));
        Ok(Some(Self {
            epsilon,
            sensitivity,
            thresholds,
            distance: Delta::of(&distance, bits),
            delta: Delta::of(&delta, bits),
        }))
    }

    /// The epsilon.
    pub const fn epsilon(&self) -> Epsilon {
        self.epsilon
    }

    /// By how much one row changes the aggregate at most.
    pub const fn sensitivity(&self) -> u64 {
        self.sensitivity
    }

    /// The thresholds, of the digit of 1 first.
    pub fn thresholds(&self) -> &[u64] {
        &self.thresholds
    }

    /// The largest noise there is, of either sign.
    pub fn most(&self) -> i128 {
        (1i128 << self.thresholds.len()) - 1
    }

    /// How far what is drawn is from the law at most, in total variation.
    pub const fn distance(&self) -> &Delta {
        &self.distance
    }

    /// The delta that goes with epsilon: `(1 + e^epsilon)` times the distance of each of two neighbouring tables.
    pub const fn delta(&self) -> &Delta {
        &self.delta
    }
}

/// The whole number nearest to `2^64 * 2x/(1+x)^2`, for `x = power / 2^bits`. It grows with `x`.
fn nearest(power: &BigUint, bits: u32) -> BigUint {
    let one = BigUint::from(1u8) << bits;
    let below = (&one + power).pow(2);
    // floor(value + 1/2), over 2 (1+x)^2.
    (((power * &one) << (WORD_BITS + 2)) + &below) / (below << 1u8)
}

/// An upper bound of `|M/2^64 - 2x/(1+x)^2|` over `2^bits`, for every `x` of the interval.
fn error(threshold: &BigUint, power: &Interval) -> BigUint {
    let one = BigUint::from(1u8) << power.bits;
    let actual = threshold << (power.bits - WORD_BITS);
    let value = |power: &BigUint| ((power * &one) << (power_bits(&one) + 1), (&one + power).pow(2));
    let (low, high) = (value(&power.low), value(&power.high));
    let (low, high) = (&low.0 / &low.1, ceil_div(&high.0, &high.1));
    let above = if actual > low { &actual - &low } else { BigUint::default() };
    let below = if high > actual { &high - &actual } else { BigUint::default() };
    above.max(below)
}

/// The `bits` of `2^bits`.
fn power_bits(one: &BigUint) -> u64 {
    one.bits() - 1
}

#[cfg(test)]
mod tests;
