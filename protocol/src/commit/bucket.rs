//! Sums of points in buckets, by affine additions that share their inversions.
//!
//! A multi-scalar multiplication with small digits is mostly this: many points, each to be added to the bucket of
//! its digit. An affine addition costs three multiplications and a division; a hundred divisions at once cost three
//! more multiplications each. That is well under an addition in any other coordinates. Buckets are summed pairwise,
//! round by round, all pairs of a round sharing one inversion.

use ark_bn254::{Fq, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field};

/// Points in buckets: those of bucket 0 first, then those of bucket 1, and so on.
pub(super) struct Buckets {
    points: Vec<G1Affine>,
    lengths: Vec<u32>,
    pairs: Vec<u32>,
    products: Vec<Fq>,
}

impl Buckets {
    /// Distributes points over `count` buckets. The entries name bucket and point.
    pub(super) fn fill(count: usize, entries: &[(u32, G1Affine)]) -> Self {
        let mut lengths = vec![0u32; count];
        for (bucket, _) in entries {
            lengths[*bucket as usize] += 1;
        }
        let mut next = Vec::with_capacity(count);
        let mut start = 0;
        for length in &lengths {
            next.push(start);
            start += length;
        }
        let mut points = vec![G1Affine::identity(); entries.len()];
        for (bucket, point) in entries {
            let place = &mut next[*bucket as usize];
            points[*place as usize] = *point;
            *place += 1;
        }
        Self { points, lengths, pairs: Vec::new(), products: Vec::new() }
    }

    /// The sum of every bucket; `None` for one without points.
    pub(super) fn sums(mut self) -> Vec<Option<G1Affine>> {
        while self.halve() {}
        let mut points = self.points.into_iter();
        self.lengths.iter().map(|length| if *length == 0 { None } else { points.next() }).collect()
    }

    /// Replaces each pair of points of a bucket by its sum; false if there was no pair.
    fn halve(&mut self) -> bool {
        self.pairs.clear();
        let mut start = 0;
        for length in &self.lengths {
            self.pairs.extend((0..length / 2).map(|pair| start + 2 * pair));
            start += length;
        }
        if self.pairs.is_empty() {
            return false;
        }

        // products[p]: of the denominators of all pairs after p.
        let mut product = Fq::ONE;
        self.products.clear();
        self.products.resize(self.pairs.len(), Fq::ZERO);
        for (after, left) in self.products.iter_mut().zip(&self.pairs).rev() {
            *after = product;
            product *= denominator(&self.points[*left as usize], &self.points[*left as usize + 1]);
        }
        // No factor is zero, see `denominator`.
        let mut inverse = product.inverse().unwrap_or(Fq::ONE);

        let mut after = self.products.iter();
        let (mut read, mut write) = (0, 0);
        for length in &mut self.lengths {
            for _ in 0..*length / 2 {
                let (a, b) = (self.points[read], self.points[read + 1]);
                let denominator = denominator(&a, &b);
                let own = after.next().map_or(Fq::ONE, |after| inverse * after);
                inverse *= denominator;
                self.points[write] = add(&a, &b, &own);
                read += 2;
                write += 1;
            }
            if *length % 2 == 1 {
                self.points[write] = self.points[read];
                read += 1;
                write += 1;
            }
            *length = length.div_ceil(2);
        }
        self.points.truncate(write);
        true
    }
}

/// Whether two points cannot be added by the formula for different ones.
fn special(a: &G1Affine, b: &G1Affine) -> bool {
    a.x == b.x || a.is_zero() || b.is_zero()
}

/// What the addition divides by: never zero, for pairs that need no division it is one.
fn denominator(a: &G1Affine, b: &G1Affine) -> Fq {
    if special(a, b) { Fq::ONE } else { b.x - a.x }
}

/// `a + b`, given the inverse of their denominator.
fn add(a: &G1Affine, b: &G1Affine, inverse: &Fq) -> G1Affine {
    if special(a, b) {
        // Equal, opposite or infinite: for points with unknown discrete logarithms this does not happen by itself.
        return (*a + *b).into_affine();
    }
    let slope = (b.y - a.y) * inverse;
    let x = slope.square() - a.x - b.x;
    G1Affine::new_unchecked(x, slope * (a.x - x) - a.y)
}

/// `sum_d (d + 1) sums[d]`: buckets weighed by their digits, of which bucket 0 is 1.
pub(super) fn weigh(sums: &[Option<G1Affine>]) -> G1Projective {
    let (mut running, mut total) = (G1Projective::ZERO, G1Projective::ZERO);
    let mut above = 0;
    for (digit, sum) in sums.iter().enumerate().rev().filter_map(|(at, sum)| sum.map(|sum| (at + 1, sum))) {
        // Down from the last filled bucket to this one, everything above counts once a step.
        total += times(running, above - digit.min(above));
        running += sum;
        above = digit;
    }
    total + times(running, above)
}

/// A small multiple; steps of one are by far the most frequent.
fn times(point: G1Projective, factor: usize) -> G1Projective {
    if factor == 1 {
        return point;
    }
    let mut result = G1Projective::ZERO;
    for bit in (0..usize::BITS - factor.leading_zeros()).rev() {
        result.double_in_place();
        if factor >> bit & 1 == 1 {
            result += point;
        }
    }
    result
}
