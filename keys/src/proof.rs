//! A Groth16 proof on BN254: 128 bytes, decoded once and checked.

use std::fmt;

use ark_bn254::Bn254;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a proof: `A` 32, `B` 64, `C` 32, compressed as arkworks does.
const PROOF_BYTES: usize = 128;

/// Why bytes are not a proof.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofError {
    /// Not 128 bytes.
    #[error("a proof is {PROOF_BYTES} bytes, found {found}")]
    Length {
        /// How many were found.
        found: usize,
    },
    /// Not base64.
    #[error("a proof is written in base64: {reason}")]
    Text {
        /// What is wrong.
        reason: String,
    },
    /// A point that is not on the curve, not in the subgroup, or not in its one encoding.
    #[error("the proof holds no valid points of BN254: {reason}")]
    Points {
        /// What is wrong.
        reason: String,
    },
}

/// A proof whose points are on the curve and in the right subgroups.
#[derive(Clone, PartialEq)]
pub struct Proof(ark_groth16::Proof<Bn254>);

impl Proof {
    /// Wraps a proof made by this process.
    pub fn new(proof: ark_groth16::Proof<Bn254>) -> Self {
        Self(proof)
    }

    /// Decodes 128 bytes: curve, subgroup and canonical form are checked.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() != PROOF_BYTES {
            return Err(ProofError::Length { found: bytes.len() });
        }
        let proof = ark_groth16::Proof::deserialize_compressed(bytes)
            .map_err(|error| ProofError::Points { reason: error.to_string() })?;
        let proof = Self(proof);
        if proof.encode() != bytes {
            return Err(ProofError::Points { reason: "a second encoding of a point".to_owned() });
        }
        Ok(proof)
    }

    /// The 128 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PROOF_BYTES);
        // Writing to a vector does not fail.
        let _ = self.0.serialize_compressed(&mut bytes);
        bytes
    }

    /// The 128 bytes in base64, as in a bundle.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.encode())
    }

    /// For arkworks.
    pub fn inner(&self) -> &ark_groth16::Proof<Bn254> {
        &self.0
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({})", hex::encode(self.encode()))
    }
}

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.encode()))
    }
}

impl<'de> Deserialize<'de> for Proof {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(&text)
            .map_err(|error| ProofError::Text { reason: error.to_string() })
            .and_then(|bytes| Self::decode(&bytes))
            .map_err(serde::de::Error::custom)
    }
}
