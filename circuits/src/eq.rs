//! Tables of the equality polynomial, and sums of it over prefixes.
//!
//! A point's first coordinate belongs to the least significant bit of an index.

use ark_ff::AdditiveGroup;
#[cfg(test)]
use ark_ff::Field;
pub use cohortium_protocol::commit::fold::eq_table as table;
use cohortium_protocol::field::F;
pub use cohortium_protocol::mle::{eq, prefix as prefix_sum};
use rayon::prelude::*;

/// The multilinear extension of a table at a point, folding the least significant variable first.
pub fn evaluate(table: &[F], point: &[F]) -> F {
    debug_assert_eq!(table.len(), 1 << point.len());
    let mut table = table.to_vec();
    for r in point {
        for i in 0..table.len() / 2 {
            table[i] = table[2 * i] + *r * (table[2 * i + 1] - table[2 * i]);
        }
        table.truncate(table.len() / 2);
    }
    table[0]
}

/// `eq` over a point as an outer product of two small tables, so that no table of the full size is made.
pub struct SplitEq {
    low: Vec<F>,
    high: Vec<F>,
}

impl SplitEq {
    /// Splits a point's table in half.
    pub fn new(point: &[F]) -> Self {
        let (low, high) = point.split_at(point.len() / 2);
        Self { low: table(low), high: table(high) }
    }

    /// Entries of the full table.
    pub fn len(&self) -> usize {
        self.low.len() * self.high.len()
    }

    /// Whether the table is empty; it never is.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// One entry of the full table.
    pub fn at(&self, index: usize) -> F {
        self.high[index / self.low.len()] * self.low[index % self.low.len()]
    }

    /// `sum_x eq(point, x) f(x)` over `x` in a range, for several functions at once.
    pub fn sum<const K: usize>(&self, range: std::ops::Range<usize>, f: impl Fn(usize) -> [F; K] + Sync) -> [F; K] {
        let width = self.low.len();
        let blocks = range.start / width..range.end.div_ceil(width);
        let block = |b: usize| {
            let start = (b * width).max(range.start);
            let end = ((b + 1) * width).min(range.end);
            let mut acc = [F::ZERO; K];
            for x in start..end {
                let weight = self.low[x - b * width];
                for (acc, value) in acc.iter_mut().zip(f(x)) {
                    *acc += weight * value;
                }
            }
            acc.map(|sum| sum * self.high[b])
        };
        let add = |mut a: [F; K], b: [F; K]| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        if range.len() < PARALLEL_FROM {
            blocks.map(block).fold([F::ZERO; K], add)
        } else {
            blocks.into_par_iter().map(block).reduce(|| [F::ZERO; K], add)
        }
    }
}

/// Below this many terms a sum stays on its thread.
pub const PARALLEL_FROM: usize = 1 << 11;

#[cfg(test)]
mod tests {
    use super::*;

    fn point(len: usize) -> Vec<F> {
        (0..len).map(|i| F::from(1000 + 37 * i as u64)).collect()
    }

    #[test]
    fn tables_agree_with_the_formula() {
        let r = point(5);
        let whole = table(&r);
        let split = SplitEq::new(&r);
        for x in 0..32usize {
            let bits: Vec<F> = (0..5).map(|b| F::from((x >> b & 1) as u64)).collect();
            assert_eq!(whole[x], eq(&r, &bits));
            assert_eq!(split.at(x), whole[x]);
            assert_eq!(prefix_sum(&r, x), whole[..x].iter().sum::<F>());
        }
        assert_eq!(prefix_sum(&r, 32), F::ONE);
        let values: Vec<F> = (0..32u64).map(|i| F::from(i * i + 3)).collect();
        let direct: F = whole.iter().zip(&values).map(|(a, b)| *a * b).sum();
        assert_eq!(evaluate(&values, &r), direct);
        assert_eq!(split.sum(0..32, |x| [values[x]]), [direct]);
        let part: F = (3..29).map(|x| whole[x] * values[x]).sum();
        assert_eq!(split.sum(3..29, |x| [values[x]]), [part]);
    }
}
