//! The scalar field of BN254 and its canonical encodings.
//!
//! Outside the circuit a field element is 32 bytes, big-endian, less than the modulus; in JSON, 64
//! lower-case hexadecimal digits. Everything else is refused: a value has one encoding.

use ark_ff::{BigInteger, PrimeField};

use crate::hash::Digest;

/// The field everything works over: the scalar field of BN254.
pub type F = ark_bn254::Fr;

/// Why bytes or a text are not a field element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Not 32 bytes, or not 64 lower-case hexadecimal digits.
    #[error("a field element is 64 lower-case hexadecimal digits, found {found:?}")]
    Form {
        /// What was found, shortened.
        found: String,
    },
    /// At least the modulus: a second encoding of another element.
    #[error("a field element is less than the BN254 scalar modulus, found {found}")]
    NotCanonical {
        /// What was found.
        found: String,
    },
}

/// Canonical big-endian bytes of an element.
pub fn to_bytes(x: &F) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(&x.into_bigint().to_bytes_be());
    out
}

/// The element with these canonical big-endian bytes.
pub fn from_bytes(bytes: &[u8; 32]) -> Result<F, FieldError> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        *limb = u64::from_be_bytes(word);
    }
    F::from_bigint(ark_ff::BigInt(limbs)).ok_or_else(|| FieldError::NotCanonical { found: hex::encode(bytes) })
}

/// An element as 64 lower-case hexadecimal digits, the most significant first.
pub fn to_hex(x: &F) -> String {
    hex::encode(to_bytes(x))
}

/// The element with this canonical hexadecimal text.
pub fn from_hex(text: &str) -> Result<F, FieldError> {
    let refuse = || FieldError::Form { found: text.chars().take(80).collect() };
    if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(refuse());
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| refuse())?;
    from_bytes(&bytes)
}

/// A digest as two 128-bit limbs, high half first: how digests enter the circuit.
pub fn digest_limbs(digest: &Digest) -> [F; 2] {
    let (high, low) = digest.as_bytes().split_at(16);
    [high, low].map(|half| {
        let mut word = [0; 16];
        word.copy_from_slice(half);
        F::from(u128::from_be_bytes(word))
    })
}

/// A field element uniform up to a bias of 2^-128 or so: 64 bytes reduced modulo the field's order.
pub fn from_wide_bytes(bytes: &[u8; 64]) -> F {
    F::from_be_bytes_mod_order(bytes)
}

/// Serde adapters: an element, or a list of them, as hexadecimal texts.
pub mod serde_hex {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::F;

    /// Writes one element.
    pub fn serialize<S: Serializer>(x: &F, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(super::to_bytes(x)))
    }

    /// Reads one element, refusing non-canonical texts.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<F, D::Error> {
        super::from_hex(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }

    /// The same for a list.
    pub mod list {
        use serde::{Deserialize, Deserializer, Serializer};

        use super::F;

        /// Writes a list of elements.
        pub fn serialize<S: Serializer>(xs: &[F], serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(xs.iter().map(|x| hex::encode(super::super::to_bytes(x))))
        }

        /// Reads a list of elements, refusing non-canonical texts.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<F>, D::Error> {
            Vec::<String>::deserialize(deserializer)?
                .iter()
                .map(|text| super::super::from_hex(text).map_err(serde::de::Error::custom))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_canonical_only() {
        for x in [F::from(0u64), F::from(1u64), -F::from(1u64), F::from(u128::MAX)] {
            assert_eq!(from_bytes(&to_bytes(&x)).unwrap(), x);
            assert_eq!(from_hex(&hex::encode(to_bytes(&x))).unwrap(), x);
        }
        let mut modulus = [0; 32];
        modulus.copy_from_slice(&F::MODULUS.to_bytes_be());
        assert!(matches!(from_bytes(&modulus), Err(FieldError::NotCanonical { .. })));
        assert!(matches!(from_hex("00"), Err(FieldError::Form { .. })));
        assert!(from_hex(&"F".repeat(64)).is_err());
    }
}
