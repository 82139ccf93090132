//! Multi-scalar multiplications: small scalars over the generators for commitments, full ones for openings.

use std::ops::Range;

use ark_bn254::{G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, PrimeField};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::bucket::{Buckets, weigh};
use super::column::SecretColumn;
use super::generators::{blinding_multiple, generators, scaled_generators};
use crate::field::F;

/// Points summed at a time: enough to share an inversion, few enough for the cache.
const BATCH: usize = 8192;
/// The largest digit of a small number, see [`small_digits`].
const LARGEST_SMALL_DIGIT: usize = 256;

/// The Pedersen commitments of a column's matrix rows.
pub(super) fn commit_rows(column: &SecretColumn) -> Vec<G1Affine> {
    let grid = column.layout().grid();
    let rows_at_once = (BATCH / grid.positions()).clamp(1, grid.matrix_rows());
    let starts: Vec<usize> = (0..grid.matrix_rows()).step_by(rows_at_once).collect();
    let scaled: Vec<_> =
        (0..small_digit_count(column.data().most())).map(|byte| scaled_generators(&grid, byte)).collect();
    let points: Vec<G1Projective> = starts
        .into_par_iter()
        .flat_map_iter(|first| commit_batch(column, first..first + rows_at_once, &scaled))
        .collect();
    G1Projective::normalize_batch(&points)
}

fn commit_batch(column: &SecretColumn, matrix_rows: Range<usize>, scaled: &[&[G1Affine]]) -> Vec<G1Projective> {
    let layout = column.layout();
    let (grid, positions) = (layout.grid(), layout.grid().positions());

    // The matrix rows have their own buckets, LARGEST_SMALL_DIGIT each.
    let mut entries = Vec::with_capacity(2 * BATCH);
    for (place, matrix_row) in matrix_rows.clone().enumerate() {
        let buckets = (place * LARGEST_SMALL_DIGIT) as u32;
        let mut add = |digit: i32, point: &G1Affine| match digit {
            0 => (),
            1.. => entries.push((buckets + digit as u32 - 1, *point)),
            _ => entries.push((buckets + digit.unsigned_abs() - 1, -*point)),
        };
        for row in layout.data_in(matrix_row) {
            for (digit, scaled) in small_digits(column.data().get(row)).zip(scaled) {
                add(digit, &scaled[row % positions]);
            }
        }
        // A blinding scalar's multiple of H is a sum of table entries, all of weight one.
        for point in blinding_multiple(&column.blinds.scalars[matrix_row]) {
            add(1, &point);
        }
    }
    let sums = Buckets::fill(matrix_rows.len() * LARGEST_SMALL_DIGIT, &entries).sums();

    sums.chunks(LARGEST_SMALL_DIGIT)
        .zip(matrix_rows)
        .map(|(sums, matrix_row)| {
            let rows = layout.blinding_in(matrix_row);
            let bases = &generators(&grid)[rows.start % positions..];
            let blinds = &column.blinds.rows[rows.start - layout.data_rows()..rows.end - layout.data_rows()];
            weigh(sums) + multiply(bases, blinds)
        })
        .collect()
}

/// The digits of a small number to base 256, least significant first, from -127 to 256; zeros after the last.
///
/// Signed, so that half the buckets do; up to 256 at the end, so that nothing carries into a digit of its own, and
/// a value up to 256 has a single digit. The missing value 65535 is -1 and 256.
fn small_digits(value: u32) -> impl Iterator<Item = i32> {
    let mut rest = value;
    std::iter::repeat_with(move || {
        if rest <= LARGEST_SMALL_DIGIT as u32 {
            return std::mem::take(&mut rest) as i32;
        }
        let low = (rest & 255) as i32;
        let carry = low > 128;
        rest = (rest >> 8) + u32::from(carry);
        if carry { low - 256 } else { low }
    })
}

/// Digits that all values up to this one need.
fn small_digit_count(most: u32) -> usize {
    (1..4).find(|count| u64::from(most) <= 1 << (8 * count)).unwrap_or(4)
}

/// `sum_i scalars[i] points[i]`, over as many as there are of both.
pub(super) fn multiply(points: &[G1Affine], scalars: &[F]) -> G1Projective {
    let count = points.len().min(scalars.len());
    if count == 0 {
        return G1Projective::ZERO;
    }
    let width = window_width(count);
    let windows = WINDOW_BITS.div_ceil(width);
    let half = 1usize << (width - 1);
    let digits: Zeroizing<Vec<i32>> =
        Zeroizing::new(scalars[..count].iter().flat_map(|scalar| full_digits(scalar, width, windows)).collect());

    // Windows are summed several at a time if there are few points.
    let windows_at_once = (BATCH / count).clamp(1, windows);
    let firsts: Vec<usize> = (0..windows).step_by(windows_at_once).collect();
    let sums: Vec<G1Projective> = firsts
        .into_par_iter()
        .flat_map_iter(|first| {
            let last = (first + windows_at_once).min(windows);
            let mut entries = Vec::with_capacity(count * (last - first));
            for (point, digits) in points.iter().zip(digits.chunks(windows)) {
                for (place, digit) in digits[first..last].iter().enumerate() {
                    if *digit != 0 {
                        let bucket = place * half + digit.unsigned_abs() as usize - 1;
                        entries.push((bucket as u32, if *digit > 0 { *point } else { -*point }));
                    }
                }
            }
            let sums = Buckets::fill((last - first) * half, &entries).sums();
            sums.chunks(half).map(weigh).collect::<Vec<_>>()
        })
        .collect();
    sums.into_iter().rev().fold(G1Projective::ZERO, |mut total, window| {
        for _ in 0..width {
            total.double_in_place();
        }
        total + window
    })
}

/// A scalar has 254 bits, and signed digits may carry into one more.
const WINDOW_BITS: usize = 255;

/// The width with the least work: an addition a point and window, and about four for each bucket.
fn window_width(count: usize) -> usize {
    (3..16).min_by_key(|width| WINDOW_BITS.div_ceil(*width) * (count + (4 << (width - 1)))).unwrap_or(8)
}

/// Signed digits of a scalar to base `2^width`, least significant first, from `-2^(width-1) + 1` to `2^(width-1)`.
fn full_digits(scalar: &F, width: usize, windows: usize) -> impl Iterator<Item = i32> {
    let limbs = scalar.into_bigint().0;
    let mut carry = 0;
    (0..windows).map(move |window| {
        let (limb, shift) = (window * width / 64, window * width % 64);
        let mut bits = limbs[limb] >> shift;
        if shift + width > 64 && limb < 3 {
            bits |= limbs[limb + 1] << (64 - shift);
        }
        let digit = (bits & ((1 << width) - 1)) as i32 + carry;
        carry = i32::from(digit > 1 << (width - 1));
        digit - (carry << width)
    })
}

#[cfg(test)]
mod tests {
    use ark_ec::VariableBaseMSM;
    use ark_ff::Field;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::super::generators::blinding_generator;
    use super::super::layout::Layout;
    use super::super::secrets::random_element;
    use super::*;
    use crate::shape::Shape;

    fn check(column: &SecretColumn) {
        let grid = column.layout().grid();
        let bases = generators(&grid);
        let committed = column.commit();
        assert_eq!(committed.points().len(), grid.matrix_rows());
        for (row, point) in committed.points().iter().enumerate() {
            let start = row * grid.positions();
            let values: Vec<F> = (start..start + grid.positions()).map(|at| column.value(at)).collect();
            let expected =
                G1Projective::msm(bases, &values).unwrap() + blinding_generator() * column.blinds.scalars[row];
            assert_eq!(*point, expected.into_affine(), "matrix row {row}");
        }
    }

    #[test]
    fn commitments_are_those_of_arkworks() {
        let mut rng = StdRng::seed_from_u64(40);
        for (declared, most) in [(0, 0), (1, 1), (3584, 1), (2500, 130), (1000, 65535), (3583, 300)] {
            let layout = Layout::column(&Shape::QUERY_12, declared).unwrap();
            let data: Vec<u16> = (0..declared).map(|_| rng.gen_range(0..=most)).collect();
            check(&SecretColumn::query_time(layout, data, &mut rng).unwrap());
        }
        let layout = Layout::column(&Shape::QUERY_12, 700).unwrap();
        check(&SecretColumn::query_time(layout, vec![u16::MAX; 700], &mut rng).unwrap());
        check(&SecretColumn::query_time(layout, vec![0u16; 700], &mut rng).unwrap());
    }

    #[test]
    fn commitments_of_counts_are_those_of_arkworks() {
        let mut rng = StdRng::seed_from_u64(41);
        let layout = Layout::multiplicity(&Shape::QUERY_12).unwrap();
        let mut counts: Vec<u32> = (0..65_536).map(|_| rng.gen_range(0..3)).collect();
        check(&SecretColumn::query_time(layout, counts.clone(), &mut rng).unwrap());
        for (at, count) in [u32::MAX, 1 << 24, (1 << 24) + 1, 1 << 20, 65_536, 65_537].into_iter().enumerate() {
            counts[at * 5000] = count;
        }
        check(&SecretColumn::query_time(layout, counts, &mut rng).unwrap());
    }

    #[test]
    fn full_multiplications_are_those_of_arkworks() {
        let mut rng = StdRng::seed_from_u64(42);
        let bases = generators(&Layout::column(&Shape::QUERY_20, 1).unwrap().grid());
        for count in [0, 1, 2, 7, 100, 1000, 4096] {
            let mut scalars: Vec<F> = (0..count).map(|_| random_element(&mut rng)).collect();
            if count > 6 {
                scalars[..5].copy_from_slice(&[F::ZERO, F::ONE, -F::ONE, F::from(u64::MAX), -F::from(1u64 << 40)]);
            }
            let expected = G1Projective::msm(&bases[..count], &scalars).unwrap();
            assert_eq!(multiply(&bases[..count], &scalars), expected, "{count} points");
        }
    }

    /// Points that repeat, cancel or are infinite take the path beside the formula.
    #[test]
    fn special_additions() {
        let g = generators(&Layout::column(&Shape::QUERY_12, 1).unwrap().grid())[0];
        let points = [g, g, -g, G1Affine::identity(), g, g, g, -g, -g, -g, G1Affine::identity()];
        for count in 0..=points.len() {
            for scalar in [F::ONE, F::from(5u64), -F::ONE] {
                let scalars = vec![scalar; count];
                let expected = G1Projective::msm(&points[..count], &scalars).unwrap();
                assert_eq!(multiply(&points[..count], &scalars), expected, "{count} points");
            }
        }
    }

    proptest! {
        #[test]
        fn small_digits_make_the_number(value: u32, shift in 0u32..32) {
            let value = value >> shift;
            let digits: Vec<i32> = small_digits(value).take(small_digit_count(value)).collect();
            let sum: i64 = digits.iter().rev().fold(0, |sum, digit| 256 * sum + i64::from(*digit));
            prop_assert_eq!(sum, i64::from(value));
            prop_assert!(digits.iter().all(|digit| (-127..=256).contains(digit)));
        }

        #[test]
        fn full_digits_make_the_scalar(bytes: [u8; 32], width in 3usize..16) {
            let scalar = <F as PrimeField>::from_be_bytes_mod_order(&bytes);
            let windows = WINDOW_BITS.div_ceil(width);
            let digits: Vec<i32> = full_digits(&scalar, width, windows).collect();
            let sum = digits.iter().rev().fold(F::ZERO, |sum, digit| sum * F::from(1u64 << width) + F::from(*digit));
            prop_assert_eq!(sum, scalar);
            prop_assert!(digits.iter().all(|digit| digit.unsigned_abs() <= 1 << (width - 1)));
        }
    }
}
