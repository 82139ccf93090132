//! Pedersen generators that nobody chose: points hashed out of a domain name, one by one.
//!
//! `G_i`, for `i = 0, 1, ..`, and the blinding generator `H` come by try-and-increment. For the counter
//! `c = 0, 1, ..`:
//!
//! 1. `d = SHA-256` over the items `"cohortium/generators/1"`, the label (`"G"` or `"H"`), the index `i`
//!    (0 for `H`) and the counter `c`, each item after its length as everywhere ([`crate::hash::Hasher`]);
//! 2. `x` is `d` as a big-endian number without its two highest bits; if `x` is not less than the base
//!    field's modulus, take the next `c`;
//! 3. if `x^3 + 3` has no square root, take the next `c`;
//! 4. `y` is the *even* one of the two roots (as a number below the modulus).
//!
//! Nobody knows a relation between points made so, which is what makes a commitment binding.

use std::sync::OnceLock;

use ark_bn254::{Fq, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, PrimeField};
use rayon::prelude::*;

use super::layout::{Grid, MAX_POSITIONS};
use crate::domain;
use crate::field::F;
use crate::hash::Hasher;

/// A table for each power of two, so that a small shape does not pay for a large one.
type Tables = [OnceLock<Vec<G1Affine>>; LEVELS];
const LEVELS: usize = MAX_POSITIONS.ilog2() as usize + 1;
/// Bytes of a multiplicity's count.
const COUNT_BYTES: usize = 4;
/// The generators times 1, `2^8`, `2^16` and `2^24`.
static TABLES: [Tables; COUNT_BYTES] = [const { [const { OnceLock::new() }; LEVELS] }; COUNT_BYTES];

/// `G_0, ..` for a grid's matrix rows: as many as these have positions.
pub fn generators(grid: &Grid) -> &'static [G1Affine] {
    scaled_generators(grid, 0)
}

/// The grid's generators times `2^(8 byte)`, for the bytes of values and counts.
pub(super) fn scaled_generators(grid: &Grid, byte: usize) -> &'static [G1Affine] {
    // A grid never has more positions than MAX_POSITIONS, so the level exists.
    cached(byte, (grid.variables() - grid.split()).min(LEVELS - 1))
}

/// `H`, which multiplies the blinding scalars.
pub fn blinding_generator() -> G1Affine {
    static H: OnceLock<G1Affine> = OnceLock::new();
    *H.get_or_init(|| derive("H", 0))
}

/// Points that add up to `scalar * H`: at most one for each byte of the scalar.
pub(super) fn blinding_multiple(scalar: &F) -> impl Iterator<Item = G1Affine> {
    let mut carry = 0;
    scalar.into_bigint().to_bytes_le().into_iter().zip(blinding_table().chunks(HALF)).filter_map(move |(byte, row)| {
        let digit = u32::from(byte) + carry;
        carry = u32::from(digit > HALF as u32);
        match digit {
            0 | 256 => None,
            1..=128 => Some(row[digit as usize - 1]),
            _ => Some(-row[255 - digit as usize]),
        }
    })
}

/// Largest digit of a signed byte.
const HALF: usize = 128;

/// `d 2^(8 w) H` for the bytes `w` of a scalar and `d` from 1 to 128.
fn blinding_table() -> &'static [G1Affine] {
    static TABLE: OnceLock<Vec<G1Affine>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut all = Vec::with_capacity(32 * HALF);
        let mut unit = blinding_generator().into_group();
        for _ in 0..32 {
            let mut multiple = unit;
            for _ in 0..HALF {
                all.push(multiple);
                multiple += unit;
            }
            // The loop ended at 129 times the unit, so 128 of them are at the end of the list.
            unit = all[all.len() - 1].double();
        }
        G1Projective::normalize_batch(&all)
    })
}

fn cached(byte: usize, level: usize) -> &'static [G1Affine] {
    let count = 1usize << level;
    if let Some(more) = TABLES[byte][level..].iter().find_map(OnceLock::get) {
        return &more[..count];
    }
    TABLES[byte][level].get_or_init(|| {
        if let Some(below) = byte.checked_sub(1) {
            let times_256 = |point: &G1Affine| (0..8).fold(point.into_group(), |point, _| point.double());
            return G1Projective::normalize_batch(&cached(below, level).par_iter().map(times_256).collect::<Vec<_>>());
        }
        let fewer = TABLES[0][..level].iter().rev().find_map(OnceLock::get).map_or(&[][..], Vec::as_slice);
        let mut all = fewer.to_vec();
        all.par_extend((fewer.len()..count).into_par_iter().map(|index| derive("G", index as u64)));
        all
    })
}

fn derive(label: &str, index: u64) -> G1Affine {
    // Half of all counters succeed, so the loop ends within a few rounds.
    let mut counter = 0;
    loop {
        if let Some(point) = attempt(label, index, counter) {
            return point;
        }
        counter += 1;
    }
}

fn attempt(label: &str, index: u64, counter: u64) -> Option<G1Affine> {
    let digest = Hasher::new(domain::GENERATORS).str(label).u64(index).u64(counter).finish();
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(digest.as_bytes().chunks_exact(8)) {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        *limb = u64::from_be_bytes(word);
    }
    limbs[3] &= u64::MAX >> 2;
    let x = Fq::from_bigint(BigInt(limbs))?;
    let square = x.square() * x + Fq::from(3u64);
    // The modulus is 3 mod 4: if there is a root, this power is one.
    let root = square.pow(ROOT_EXPONENT);
    if root.square() != square {
        return None;
    }
    let y = if root.into_bigint().is_even() { root } else { -root };
    Some(G1Affine::new_unchecked(x, y))
}

/// `(q + 1)/4`, which is `(q - 3)/4 + 1`; the modulus ends in binary `..0111`, so nothing carries far.
const ROOT_EXPONENT: [u64; 4] = {
    let q = Fq::MODULUS.0;
    [((q[0] >> 2) | (q[1] << 62)) + 1, (q[1] >> 2) | (q[2] << 62), (q[2] >> 2) | (q[3] << 62), q[3] >> 2]
};

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::super::point::encode_point;
    use super::*;
    use crate::shape::Shape;

    fn table_digest(points: &[G1Affine]) -> String {
        let mut hasher = Hasher::new("test");
        for point in points {
            hasher.bytes(&encode_point(point));
        }
        hasher.finish().to_string()
    }

    #[test]
    fn every_generator_is_on_the_curve_with_even_y_and_distinct() {
        let all = cached(0, LEVELS - 1);
        assert_eq!(all.len(), MAX_POSITIONS);
        let mut seen = std::collections::BTreeSet::new();
        for point in all.iter().chain([&blinding_generator()]) {
            assert!(point.is_on_curve() && point.y.into_bigint().is_even());
            assert!(seen.insert(encode_point(point)));
        }
    }

    #[test]
    fn a_smaller_table_is_the_start_of_a_larger_one() {
        let small = Layout::column(&Shape::QUERY_12, 100).unwrap().grid();
        let large = Layout::column(&Shape::QUERY_20, 100).unwrap().grid();
        assert_eq!(generators(&small).len(), 256);
        assert_eq!(generators(&small), &generators(&large)[..256]);
    }

    #[test]
    fn scaled_generators_and_multiples_of_h() {
        let grid = Layout::column(&Shape::QUERY_12, 100).unwrap().grid();
        for byte in 0..COUNT_BYTES {
            let factor = F::from(1u64 << (8 * byte));
            let expected: Vec<_> = generators(&grid).iter().map(|point| *point * factor).collect();
            assert_eq!(scaled_generators(&grid, byte), G1Projective::normalize_batch(&expected));
        }
        let mut scalars: Vec<F> = (0..520u64).map(F::from).collect();
        scalars.extend([-F::ONE, -F::from(128u64), F::from(u128::MAX), F::from(3u64).inverse().unwrap()]);
        for scalar in scalars {
            let sum: G1Projective = blinding_multiple(&scalar).map(AffineRepr::into_group).sum();
            assert_eq!(sum, blinding_generator() * scalar, "{scalar}");
        }
    }

    #[test]
    fn the_root_exponent_is_a_quarter_of_the_modulus_and_one() {
        let mut four = BigInt(ROOT_EXPONENT);
        four <<= 2;
        let mut expected = Fq::MODULUS;
        expected.add_with_carry(&BigInt::one());
        assert_eq!(four, expected);
    }

    /// Computed by an independent implementation of the procedure (a dozen lines of Python).
    #[test]
    fn the_generators_are_pinned() {
        let all = cached(0, LEVELS - 1);
        let pin = |point: &G1Affine, x: &str, y: &str| assert_eq!(hex::encode(encode_point(point)), format!("{x}{y}"));
        pin(
            &all[0],
            "14fa37fef386d6ebdaf87579272f98184d23275458cdb53f2745dcfabe9db4f9",
            "1a98b9f6a9ab350689f3ea58adf4f9bb45e214b6f8058cb2f5b0122f0f218c42",
        );
        pin(
            &all[4095],
            "1def1d02656566abc13c55b6d9cd14cc45bd2c7d35d480f4697e8a36f567d8f7",
            "205c7d7d29086100260f4520a709213c2332f29a1cc78c176622b20a378a1bf6",
        );
        pin(
            &blinding_generator(),
            "29b88dbd950763c16c56d34f71dc96ab7a02dae3793bf5353577a320d706ad2b",
            "16e9de558a3b1c8dba3dc2f3f041f2636d2e4037f8d3b68da7bf303724aad2d4",
        );
        assert_eq!(table_digest(all), "c8888c74bad15c84a4fe36c5e53de8faf2271bdcb1d78397b652ca6d15dd4398");
    }
}
