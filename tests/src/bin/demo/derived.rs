//! Means and standard deviations, worked out from released numbers alone.

use serde::Serialize;

use crate::cells::ROUNDING;

/// What follows from a released count, sum and sum of squares.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Spread {
    /// The released count: rounded.
    pub(crate) n: u64,
    pub(crate) mean: f64,
    /// The lowest and the highest mean that the rounding of the count allows.
    pub(crate) mean_low: f64,
    pub(crate) mean_high: f64,
    /// With `n - 1` in the denominator, from the rounded count too.
    pub(crate) standard_deviation: f64,
}

impl Spread {
    /// `sites` is how many rounded counts were added up to `n`.
    pub(crate) fn new(n: u64, sum: u64, sum_of_squares: u64, sites: u64) -> Self {
        let off = sites * (ROUNDING / 2);
        let (count, s, ss) = (n as f64, sum as f64, sum_of_squares as f64);
        Self {
            n,
            mean: s / count,
            mean_low: s / (n + off) as f64,
            mean_high: s / n.saturating_sub(off).max(1) as f64,
            standard_deviation: ((ss - s * s / count).max(0.0) / (count - 1.0)).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_spread_by_hand() {
        // 2, 4, 4, 4, 5, 5, 7, 9 and 5, 5: ten values with sum 50 and sum of squares 282.
        let spread = Spread::new(10, 50, 282, 1);
        assert!((spread.mean - 5.0).abs() < 1e-12);
        assert!((spread.standard_deviation - (32.0f64 / 9.0).sqrt()).abs() < 1e-12);
        assert!((spread.mean_low - 50.0 / 12.0).abs() < 1e-12 && (spread.mean_high - 50.0 / 8.0).abs() < 1e-12);
    }
}
