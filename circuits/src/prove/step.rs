//! Tables that are one value up to an index, another at it, and 0 after: numerators of lookups, `OCC`.
//!
//! Folding and pairing keep the form, so such a table costs nothing at any size.

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::F;

use crate::eq;

/// `full` at indices below `count`, `edge` at `count`, 0 after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) full: F,
    pub(super) count: usize,
    pub(super) edge: F,
}

impl Step {
    pub(super) const ZERO: Self = Self { full: F::ZERO, count: 0, edge: F::ZERO };

    pub(super) fn at(&self, index: usize) -> F {
        match index.cmp(&self.count) {
            std::cmp::Ordering::Less => self.full,
            std::cmp::Ordering::Equal => self.edge,
            std::cmp::Ordering::Greater => F::ZERO,
        }
    }

    /// Entries `2i` and entries `2i + 1`.
    pub(super) fn split(&self) -> (Self, Self) {
        let even = self.count.is_multiple_of(2);
        let half = self.count / 2;
        let left =
            Self { full: self.full, count: half + usize::from(!even), edge: if even { self.edge } else { F::ZERO } };
        let right = Self { full: self.full, count: half, edge: if even { F::ZERO } else { self.edge } };
        (left, right)
    }

    /// `t[2i] + r (t[2i+1] - t[2i])`.
    pub(super) fn fold(&self, r: F) -> Self {
        let half = self.count / 2;
        let (left, right) = (self.at(2 * half), self.at(2 * half + 1));
        Self { full: self.full, count: half, edge: left + r * (right - left) }
    }

    /// Every entry times a factor.
    pub(super) fn scale(&self, factor: F) -> Self {
        Self { full: self.full * factor, count: self.count, edge: self.edge * factor }
    }

    /// `sum_i eq(point, i) t[2i + 1]`.
    pub(super) fn sum_of_odd(&self, point: &[F]) -> F {
        let (_, odd) = self.split();
        let edge = if odd.edge == F::ZERO {
            F::ZERO
        } else {
            odd.edge * (eq::prefix_sum(point, odd.count + 1) - eq::prefix_sum(point, odd.count))
        };
        odd.full * eq::prefix_sum(point, odd.count) + edge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_kept() {
        let r = F::from(77u64);
        let point: Vec<F> = (3..6u64).map(F::from).collect();
        for count in 0..=16 {
            let step = Step { full: F::from(5u64), count, edge: F::from(9u64) };
            let dense: Vec<F> = (0..16).map(|i| step.at(i)).collect();
            let (left, right) = step.split();
            let folded = step.fold(r);
            let weights = eq::table(&point);
            let mut odd = F::ZERO;
            for i in 0..8 {
                assert_eq!(left.at(i), dense[2 * i], "count {count}");
                assert_eq!(right.at(i), dense[2 * i + 1], "count {count}");
                assert_eq!(folded.at(i), dense[2 * i] + r * (dense[2 * i + 1] - dense[2 * i]), "count {count}");
                odd += weights[i] * dense[2 * i + 1];
            }
            assert_eq!(step.sum_of_odd(&point), odd, "count {count}");
        }
    }
}
