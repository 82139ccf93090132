//! The one encoding of a curve point: 64 bytes, uncompressed.
//!
//! A point of BN254 G1 is `x || y`, each 32 bytes, big-endian and less than the base field's modulus;
//! infinity is 64 zero bytes, which no point of the curve is, since `0 != 0 + 3`. Whatever else 64 bytes
//! hold is refused. G1 has cofactor 1: a point on the curve is in the group, so there is no subgroup
//! check to forget. Uncompressed, because decompressing costs a square root a point, and a verifier reads
//! thousands of them.

use ark_bn254::{Fq, G1Affine};
use ark_ff::{BigInt, BigInteger, PrimeField};

/// Bytes of an encoded point.
pub const POINT_BYTES: usize = 64;

/// Why 64 bytes are not a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// A coordinate is not less than the base field's modulus.
    #[error("a coordinate of the point is not less than the BN254 base field's modulus")]
    NotCanonical,
    /// The coordinates do not satisfy `y^2 = x^3 + 3`.
    #[error("the point is not on the curve BN254 G1")]
    NotOnCurve,
}

/// The 64 bytes of a point.
pub fn encode_point(point: &G1Affine) -> [u8; POINT_BYTES] {
    // Arkworks keeps infinity as the coordinates (0, 0), so it needs no case of its own.
    let mut out = [0; POINT_BYTES];
    out[..32].copy_from_slice(&point.x.into_bigint().to_bytes_be());
    out[32..].copy_from_slice(&point.y.into_bigint().to_bytes_be());
    out
}

/// The point with these 64 bytes.
pub fn decode_point(bytes: &[u8; POINT_BYTES]) -> Result<G1Affine, PointError> {
    let (x, y) = bytes.split_at(32);
    let point = G1Affine::new_unchecked(coordinate(x)?, coordinate(y)?);
    if *bytes == [0; POINT_BYTES] || point.is_on_curve() { Ok(point) } else { Err(PointError::NotOnCurve) }
}

fn coordinate(bytes: &[u8]) -> Result<Fq, PointError> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        *limb = u64::from_be_bytes(word);
    }
    Fq::from_bigint(BigInt(limbs)).ok_or(PointError::NotCanonical)
}

/// Serde adapter: a point as standard base64 of its 64 bytes.
pub mod serde_base64 {
    use ark_bn254::G1Affine;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes a point.
    pub fn serialize<S: Serializer>(point: &G1Affine, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(super::encode_point(point)))
    }

    /// Reads a point, refusing every other form.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<G1Affine, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        let bytes: [u8; super::POINT_BYTES] = bytes
            .try_into()
            .map_err(|found: Vec<u8>| D::Error::custom(format!("a point is 64 bytes, found {}", found.len())))?;
        super::decode_point(&bytes).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use ark_ec::{AffineRepr, CurveGroup};

    use super::*;

    #[test]
    fn round_trip_with_infinity() {
        for k in 0u64..20 {
            let point = (G1Affine::generator() * crate::field::F::from(k)).into_affine();
            assert_eq!(decode_point(&encode_point(&point)).unwrap(), point);
        }
        assert_eq!(encode_point(&G1Affine::zero()), [0; 64]);
        assert!(decode_point(&[0; 64]).unwrap().is_zero());
    }

    #[test]
    fn the_generator_is_one_two() {
        let bytes = encode_point(&G1Affine::generator());
        assert_eq!((bytes[31], bytes[63]), (1, 2));
        assert_eq!(bytes.iter().map(|b| u32::from(*b)).sum::<u32>(), 3);
    }

    #[test]
    fn a_second_encoding_or_a_point_off_the_curve_is_refused() {
        let good = encode_point(&G1Affine::generator());
        for (half, what) in [(0, "x"), (32, "y")] {
            let mut bytes = good;
            let mut value = Fq::MODULUS;
            value.add_with_carry(&BigInt::from(if half == 0 { 1u64 } else { 2 }));
            bytes[half..half + 32].copy_from_slice(&value.to_bytes_be());
            assert_eq!(decode_point(&bytes), Err(PointError::NotCanonical), "{what}");
            let mut bytes = good;
            bytes[half + 31] ^= 4;
            assert_eq!(decode_point(&bytes), Err(PointError::NotOnCurve), "{what}");
        }
        assert_eq!(decode_point(&[0xff; 64]), Err(PointError::NotCanonical));
    }
}
