//! Numbers that are known to lie between two others: fixed point, rounded outwards, of any precision.

use num_bigint::BigUint;

/// From `low` to `high`, both over `2^bits`. Never negative.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Interval {
    pub(super) low: BigUint,
    pub(super) high: BigUint,
    pub(super) bits: u32,
}

fn ceil_shift(number: &BigUint, bits: u32) -> BigUint {
    let floor = number >> bits;
    if (&floor << bits) == *number { floor } else { floor + 1u8 }
}

pub(super) fn ceil_div(number: &BigUint, by: &BigUint) -> BigUint {
    (number + by - 1u8) / by
}

impl Interval {
    /// The number 1.
    pub(super) fn one(bits: u32) -> Self {
        let one = BigUint::from(1u8) << bits;
        Self { low: one.clone(), high: one, bits }
    }

    /// A fraction.
    pub(super) fn fraction(numerator: &BigUint, denominator: &BigUint, bits: u32) -> Self {
        let scaled = numerator << bits;
        Self { low: &scaled / denominator, high: ceil_div(&scaled, denominator), bits }
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        let (low, high) = (&self.low * &other.low, &self.high * &other.high);
        Self { low: low >> self.bits, high: ceil_shift(&high, self.bits), bits: self.bits }
    }

    pub(super) fn squared(&self) -> Self {
        self.times(self)
    }

    fn over(&self, by: u32) -> Self {
        Self { low: &self.low / by, high: ceil_div(&self.high, &BigUint::from(by)), bits: self.bits }
    }

    /// `exp(-numerator / denominator)`: halved until it is below 2^-16, summed, squared back.
    pub(super) fn exp_minus(numerator: &BigUint, denominator: &BigUint, bits: u32) -> Self {
        let magnitude = (numerator / denominator).bits() + 16;
        let halvings = u32::try_from(magnitude).unwrap_or(u32::MAX);
        let z = Self::fraction(numerator, &(denominator << halvings), bits);
        // 1 - z + z^2/2 - ...: below the sum after an even number of terms, above it after an odd one.
        let (mut term, mut sum) = (Self::one(bits), Self::one(bits));
        for n in 1..=bits {
            term = term.times(&z).over(n);
            if n % 2 == 1 {
                // What is subtracted never exceeds what is there: z is below 2^-16.
                sum = Self { low: &sum.low - &term.high, high: &sum.high - &term.low, bits };
            } else {
                sum = Self { low: sum.low + &term.low, high: sum.high + &term.high, bits };
            }
            // The rest has the sign of the next term, and is smaller than this one.
            if term.high <= BigUint::from(1u8) {
                break;
            }
        }
        sum = Self { low: &sum.low - &term.high, high: &sum.high + &term.high, bits };
        (0..halvings).fold(sum, |power, _| power.squared())
    }
}
