//! Multilinear extensions that a verifier evaluates itself: of prefixes, and of lookup tables.
//!
//! A point's first coordinate belongs to the least significant bit of an index.

use ark_ff::{AdditiveGroup, Field};

use crate::commit::fold::eq_table;
use crate::field::F;
use crate::query::LookupTable;

/// `eq(a, b)` of two points of equal length.
pub fn eq(a: &[F], b: &[F]) -> F {
    debug_assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (*a * b).double() + F::ONE - a - b).product()
}

/// `sum_{x < count} eq(point, x)`: the extension of `[x < count]`. One product a coordinate.
pub fn prefix(point: &[F], count: usize) -> F {
    if count >= 1 << point.len() {
        return F::ONE;
    }
    // From the most significant bit: where `count` has a 1, all indices with a 0 there are below it.
    let mut sum = F::ZERO;
    let mut path = F::ONE;
    for (bit, r) in point.iter().enumerate().rev() {
        if count >> bit & 1 == 1 {
            sum += path * (F::ONE - r);
            path *= r;
        } else {
            path *= F::ONE - r;
        }
    }
    sum
}

/// Above this many segments a table is summed entry by entry.
const MANY_SEGMENTS: usize = 1024;

/// The extension of a lookup table at a point of `w` coordinates; entries beyond `2^w` do not count.
pub fn lookup_table(table: &LookupTable, point: &[F]) -> F {
    let values = 1usize << point.len();
    if table.segments().len() > MANY_SEGMENTS {
        let weights = eq_table(point);
        return weights.iter().zip(table.expand(values)).filter(|(_, x)| *x != 0).map(|(w, x)| *w * F::from(x)).sum();
    }
    table
        .segments()
        .iter()
        .map(|segment| {
            let (first, end) = (usize::from(segment.first), usize::from(segment.last) + 1);
            F::from(segment.output) * (prefix(point, end) - prefix(point, first))
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_tables_are_sums_of_eq() {
        let point: Vec<F> = (0..6).map(|i| F::from(1000 + 37 * i as u64)).collect();
        let weights = eq_table(&point);
        for count in 0..=65 {
            assert_eq!(prefix(&point, count), weights[..count.min(64)].iter().sum::<F>());
        }
        let outputs: Vec<u16> = (0..64).map(|x| x * x % 7).collect();
        let expected = weights.iter().zip(&outputs).map(|(w, x)| *w * F::from(*x)).sum::<F>();
        assert_eq!(lookup_table(&LookupTable::from_outputs(outputs), &point), expected);
        let bits = |x: usize| (0..6).map(|b| F::from((x >> b & 1) as u64)).collect::<Vec<_>>();
        for x in [0, 1, 33, 63] {
            assert_eq!(eq(&point, &bits(x)), weights[x]);
        }
    }

    #[test]
    fn tables_of_many_segments_agree_with_the_sum() {
        let point: Vec<F> = (0..12).map(|i| F::from(3 + 41 * i as u64)).collect();
        let outputs: Vec<u16> = (0..4096).map(|x| x % 2).collect();
        let weights = eq_table(&point);
        let expected = weights.iter().zip(&outputs).map(|(w, x)| *w * F::from(*x)).sum::<F>();
        let table = LookupTable::from_outputs(outputs);
        assert!(table.segments().len() > MANY_SEGMENTS);
        assert_eq!(lookup_table(&table, &point), expected);
    }
}
