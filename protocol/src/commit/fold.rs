//! Folding a column's matrix rows into one, and evaluating its multilinear extension.
//!
//! At a point `r`, cut into `r_lo` (position) and `r_hi` (matrix row), the column's value is
//! `sum_j eq(r_lo, j) u_j` with the folded row `u_j = sum_i eq(r_hi, i) v[i][j]`. Data are small numbers, so
//! `u_j` is summed as an integer, without a modular reduction before the end: a weight's eight 32-bit
//! pieces times a 16-bit value leave room for `2^16` summands in 64 bits.

use ark_ff::{AdditiveGroup, Field, PrimeField};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::column::{ColumnData, SecretColumn};
use crate::field::F;

/// Positions folded at a time: their sums fit the fastest cache.
const BLOCK: usize = 128;

/// `eq(point, .)` over all rows of the hypercube; `point[0]` belongs to the least significant bit of the index.
pub fn eq_table<T: Field>(point: &[T]) -> Vec<T> {
    let mut table = Vec::with_capacity(1 << point.len());
    table.push(T::ONE);
    for coordinate in point {
        for index in 0..table.len() {
            let high = table[index] * coordinate;
            table[index] -= high;
            table.push(high);
        }
    }
    table
}

/// `sum_i a_i b_i`.
pub(super) fn inner_product<T: Field>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).map(|(x, y)| *x * y).sum()
}

impl SecretColumn {
    /// The column's multilinear extension at a point with a coordinate for each variable.
    ///
    /// For several columns at one point, [`super::opening::FoldedColumns`] shares the work.
    pub fn evaluate(&self, point: &[F]) -> F {
        let (low, high) = self.layout.grid().cut(point);
        inner_product(&self.fold(&eq_table(high)), &eq_table(low))
    }

    /// `u_j = sum_i weights[i] v[i][j]`, with a weight for each matrix row.
    pub(super) fn fold(&self, weights: &[F]) -> Zeroizing<Vec<F>> {
        let positions = self.layout.grid().positions();
        let mut folded = match &self.data {
            ColumnData::Words(words) => fold_words(words, weights, positions),
            ColumnData::Counts(counts) => {
                let half = |shift: u32| {
                    Zeroizing::new(counts.iter().map(|count| (count >> shift) as u16).collect::<Vec<u16>>())
                };
                let mut low = fold_words(&half(0), weights, positions);
                let high = fold_words(&half(16), weights, positions);
                let radix = F::from(1u64 << 16);
                low.iter_mut().zip(high.iter()).for_each(|(low, high)| *low += radix * high);
                low
            }
        };
        for (offset, blind) in self.blinds.rows.iter().enumerate() {
            let row = self.layout.data_rows() + offset;
            folded[row % positions] += weights[row / positions] * blind;
        }
        folded
    }
}

fn fold_words(words: &[u16], weights: &[F], positions: usize) -> Zeroizing<Vec<F>> {
    let weights: Vec<[u32; 8]> = weights.iter().map(pieces).collect();
    let mut folded = Zeroizing::new(vec![F::ZERO; positions]);
    folded.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
        let mut sums = Zeroizing::new([[0u64; 8]; BLOCK]);
        let start = block * BLOCK;
        for (weight, matrix_row) in weights.iter().zip(words.chunks(positions)) {
            let end = matrix_row.len().min(start + BLOCK);
            let values = matrix_row.get(start..end).unwrap_or_default();
            for (sum, value) in sums.iter_mut().zip(values) {
                for (sum, piece) in sum.iter_mut().zip(weight) {
                    *sum += u64::from(*piece) * u64::from(*value);
                }
            }
        }
        out.iter_mut().zip(sums.iter()).for_each(|(out, sums)| *out = reduce(sums));
    });
    folded
}

/// An element's canonical integer in 32-bit pieces, least significant first.
fn pieces(x: &F) -> [u32; 8] {
    let limbs = x.into_bigint().0;
    std::array::from_fn(|k| (limbs[k / 2] >> (32 * (k % 2))) as u32)
}

/// `sum_k sums[k] 2^(32 k)` in the field, for sums below `2^63`.
fn reduce(sums: &[u64; 8]) -> F {
    let mut carry = 0;
    let digits = sums.map(|sum| {
        let total = sum + carry;
        carry = total >> 32;
        u128::from(total as u32)
    });
    let word = |at: usize| digits[at] | digits[at + 1] << 32 | digits[at + 2] << 64 | digits[at + 3] << 96;
    let radix = F::from(u128::MAX) + F::ONE;
    F::from(word(0)) + radix * (F::from(word(4)) + radix * F::from(carry))
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::super::layout::Layout;
    use super::super::secrets::random_element;
    use super::*;
    use crate::shape::Shape;

    fn naive(column: &SecretColumn, point: &[F]) -> F {
        (0..1usize << point.len())
            .map(|row| {
                let weight: F = point
                    .iter()
                    .enumerate()
                    .map(|(bit, r)| if row >> bit & 1 == 1 { *r } else { F::ONE - r })
                    .product();
                weight * column.value(row)
            })
            .sum()
    }

    #[test]
    fn evaluation_is_the_multilinear_extension() {
        let mut rng = StdRng::seed_from_u64(1);
        for (declared, most) in [(0, 1), (1, 65535), (255, 1), (256, 9), (3000, 65535), (3584, 65535)] {
            let layout = Layout::column(&Shape::QUERY_12, declared).unwrap();
            let data: Vec<u16> = (0..declared).map(|_| rng.gen_range(0..=most)).collect();
            let column = SecretColumn::query_time(layout, data, &mut rng).unwrap();
            let point: Vec<F> = (0..12).map(|_| random_element(&mut rng)).collect();
            assert_eq!(column.evaluate(&point), naive(&column, &point), "{declared} rows");
        }
    }

    #[test]
    fn evaluation_of_the_largest_values_and_of_counts() {
        let mut rng = StdRng::seed_from_u64(2);
        let layout = Layout::column(&Shape::QUERY_16, 65_024).unwrap();
        let column = SecretColumn::query_time(layout, vec![u16::MAX; 65_024], &mut rng).unwrap();
        // Minus one has the largest pieces, and the longest sums.
        let point = vec![-F::ONE; 16];
        assert_eq!(column.evaluate(&point), naive(&column, &point));

        let layout = Layout::multiplicity(&Shape::QUERY_12).unwrap();
        let mut counts: Vec<u32> = (0..65_536).map(|_| rng.gen_range(0..5)).collect();
        counts[7] = u32::MAX;
        counts[65_535] = 1 << 20;
        let column = SecretColumn::query_time(layout, counts, &mut rng).unwrap();
        let point: Vec<F> = (0..17).map(|_| random_element(&mut rng)).collect();
        assert_eq!(column.evaluate(&point), naive(&column, &point));
        assert_eq!(column.value(65_536), column.blinding_rows()[0]);
        assert_eq!(column.value(65_536 + 8), F::ZERO);
    }

    #[test]
    fn a_boolean_point_picks_its_row() {
        let mut rng = StdRng::seed_from_u64(3);
        let layout = Layout::column(&Shape::QUERY_12, 1000).unwrap();
        let data: Vec<u16> = (0..1000).collect();
        let column = SecretColumn::query_time(layout, data, &mut rng).unwrap();
        for row in [0usize, 1, 255, 256, 999, 1000, 1511, 1512, 4095] {
            let point: Vec<F> = (0..12).map(|bit| F::from((row >> bit & 1) as u64)).collect();
            assert_eq!(column.evaluate(&point), column.value(row), "row {row}");
        }
    }
}
