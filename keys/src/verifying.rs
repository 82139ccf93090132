//! Verifying keys: a checked type, an id, and the check of a proof.

use ark_bn254::{Bn254, Fr, G1Projective, G2Affine};
use ark_ec::{AffineRepr, VariableBaseMSM};
use ark_groth16::{Groth16, PreparedVerifyingKey, prepare_verifying_key};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_protocol::domain;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::public_inputs;
use serde::{Deserialize, Serialize};

use crate::proof::Proof;

/// The format tag of a verifying key's file.
const FORMAT: &str = "cohortium-verifying-key/1";

/// Where a key comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Made by one party on one machine: whoever made it can forge proofs. For development and trials.
    Development,
    /// Made by a ceremony, one of whose participants at least was honest.
    Ceremony,
}

/// A verifying key's file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyingKeyDocument {
    /// Always `cohortium-verifying-key/1`.
    pub format: String,
    /// Where the key comes from.
    pub kind: KeyKind,
    /// The shape's name.
    pub shape: String,
    /// The shape's id.
    pub shape_id: Digest,
    /// The digest of the circuit's matrices.
    pub matrices: Digest,
    /// The points, uncompressed, in base64.
    pub key: String,
    /// The key's id, recomputed when the file is read.
    pub id: Digest,
}

/// Why a verifying key is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VerifyingKeyError {
    /// Not JSON of the right form.
    #[error("not a verifying key file: {reason}")]
    Form {
        /// What is wrong.
        reason: String,
    },
    /// Another format or version.
    #[error("the format is {found:?}, this program reads {FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
    /// A shape this program does not know, or with another id.
    #[error("the key is for shape {name} with id {found}, this program knows {known}")]
    Shape {
        /// The shape's name.
        name: String,
        /// The id found.
        found: Digest,
        /// What is known.
        known: String,
    },
    /// A claim that this version cannot check.
    #[error(
        "the key says that it comes from a ceremony; this version cannot check a ceremony's record, so it does not \
         accept the claim"
    )]
    NoRecord,
    /// A key for other constraints than this program's.
    #[error("the key is for a circuit with matrices {found}; shape {shape} of this program has {required}")]
    Matrices {
        /// The shape's name.
        shape: &'static str,
        /// The digest found.
        found: Digest,
        /// This program's digest.
        required: &'static str,
    },
    /// Points that do not decode.
    #[error("the key's points do not decode: {reason}")]
    Points {
        /// What is wrong.
        reason: String,
    },
    /// Not as many points as the shape has public inputs.
    #[error("shape {shape} needs {required} points for public inputs, found {found}")]
    Inputs {
        /// The shape's name.
        shape: &'static str,
        /// The shape's number.
        required: usize,
        /// The key's number.
        found: usize,
    },
    /// A point at infinity or a key element that makes forging easy.
    #[error("the key is unsafe: {reason}")]
    Unsafe {
        /// What is wrong.
        reason: &'static str,
    },
    /// The id in the file is not the key's.
    #[error("the file says id {found}, its content has id {computed}")]
    Id {
        /// The id in the file.
        found: Digest,
        /// The id of the content.
        computed: Digest,
    },
}

/// A verifying key that passed every check, ready for pairings.
#[derive(Clone)]
pub struct VerifyingKey {
    shape: Shape,
    kind: KeyKind,
    matrices: Digest,
    id: Digest,
    bytes: Vec<u8>,
    prepared: PreparedVerifyingKey<Bn254>,
}

impl VerifyingKey {
    /// Checks a key for a shape.
    pub fn new(
        shape: Shape,
        kind: KeyKind,
        matrices: Digest,
        key: &ark_groth16::VerifyingKey<Bn254>,
    ) -> Result<Self, VerifyingKeyError> {
        let required = public_inputs(&shape) + 1;
        if key.gamma_abc_g1.len() != required {
            let found = key.gamma_abc_g1.len();
            return Err(VerifyingKeyError::Inputs { shape: shape.name, required, found });
        }
        check_elements(key)?;
        let mut bytes = Vec::new();
        key.serialize_uncompressed(&mut bytes)
            .map_err(|error| VerifyingKeyError::Points { reason: error.to_string() })?;
        let id = key_id(&shape, kind, &matrices, &bytes);
        Ok(Self { shape, kind, matrices, id, bytes, prepared: prepare_verifying_key(key) })
    }

    /// Reads a key's file; shapes are the standard ones.
    pub fn parse(json: &str) -> Result<Self, VerifyingKeyError> {
        let document: VerifyingKeyDocument =
            serde_json::from_str(json).map_err(|error| VerifyingKeyError::Form { reason: error.to_string() })?;
        Self::from_document(&document)
    }

    /// Checks a key's document.
    pub fn from_document(document: &VerifyingKeyDocument) -> Result<Self, VerifyingKeyError> {
        if document.format != FORMAT {
            return Err(VerifyingKeyError::Format { found: document.format.clone() });
        }
        let refuse =
            |known: String| VerifyingKeyError::Shape { name: document.shape.clone(), found: document.shape_id, known };
        let shape = Shape::by_name(&document.shape).ok_or_else(|| refuse(Shape::names()))?;
        if shape.id() != document.shape_id {
            return Err(refuse(format!("{} with id {}", shape.name, shape.id())));
        }
        // A word in a file is no evidence. Until a ceremony's record can be checked, no key is taken for one's.
        if document.kind == KeyKind::Ceremony {
            return Err(VerifyingKeyError::NoRecord);
        }
        let required = shape.pinned().map_or("none", |pin| pin.matrices);
        if document.matrices.to_string() != required {
            return Err(VerifyingKeyError::Matrices { shape: shape.name, found: document.matrices, required });
        }
        let bytes =
            STANDARD.decode(&document.key).map_err(|error| VerifyingKeyError::Points { reason: error.to_string() })?;
        let key = ark_groth16::VerifyingKey::deserialize_uncompressed(&mut bytes.as_slice())
            .map_err(|error| VerifyingKeyError::Points { reason: error.to_string() })?;
        let key = Self::new(shape, document.kind, document.matrices, &key)?;
        if key.bytes != bytes {
            return Err(VerifyingKeyError::Points { reason: "trailing bytes, or a second encoding".to_owned() });
        }
        if key.id != document.id {
            return Err(VerifyingKeyError::Id { found: document.id, computed: key.id });
        }
        Ok(key)
    }

    /// The key's file.
    pub fn to_document(&self) -> VerifyingKeyDocument {
        VerifyingKeyDocument {
            format: FORMAT.to_owned(),
            kind: self.kind,
            shape: self.shape.name.to_owned(),
            shape_id: self.shape.id(),
            matrices: self.matrices,
            key: STANDARD.encode(&self.bytes),
            id: self.id,
        }
    }

    /// The shape it verifies.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Where it comes from.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Its id: over shape, kind, matrices and points.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The digest of the circuit's matrices.
    pub fn matrices(&self) -> Digest {
        self.matrices
    }

    /// For pairings.
    pub(crate) fn prepared(&self) -> &PreparedVerifyingKey<Bn254> {
        &self.prepared
    }

    /// Whether a proof is valid for public inputs, in the order of the statement's encoder.
    ///
    /// A list of another length is never valid.
    pub fn accepts(&self, proof: &Proof, public: &[Fr]) -> bool {
        let points = &self.prepared.vk.gamma_abc_g1;
        if public.len() + 1 != points.len() {
            return false;
        }
        // One multi-scalar multiplication; arkworks' own preparation multiplies point by point.
        let inputs = points[0] + G1Projective::msm_unchecked(&points[1..], public);
        Groth16::<Bn254>::verify_proof_with_prepared_inputs(&self.prepared, proof.inner(), &inputs).unwrap_or(false)
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifyingKey({}, {:?}, {})", self.shape, self.kind, self.id)
    }
}

/// The id of a key with these points.
pub(crate) fn key_id(shape: &Shape, kind: KeyKind, matrices: &Digest, bytes: &[u8]) -> Digest {
    let kind = match kind {
        KeyKind::Development => "development",
        KeyKind::Ceremony => "ceremony",
    };
    Hasher::new(domain::VERIFYING_KEY).digest(&shape.id()).str(kind).digest(matrices).bytes(bytes).finish()
}

/// Refuses keys whose secrets are known or useless: a `delta` or `gamma` that nobody contributed to, or
/// the two equal (then inputs and witness can be traded for each other), or points at infinity.
fn check_elements(key: &ark_groth16::VerifyingKey<Bn254>) -> Result<(), VerifyingKeyError> {
    let generator = G2Affine::generator();
    let rules = [
        (key.delta_g2 == generator, "delta is the generator: nobody contributed to the key"),
        (key.gamma_g2 == generator, "gamma is the generator"),
        (key.delta_g2 == key.gamma_g2, "delta and gamma are equal: anyone can forge"),
        (key.delta_g2 == -key.gamma_g2.into_group(), "delta and gamma are opposite: anyone can forge"),
        (key.alpha_g1.is_zero(), "alpha is the point at infinity"),
        (key.beta_g2.is_zero(), "beta is the point at infinity"),
        (key.gamma_g2.is_zero(), "gamma is the point at infinity"),
        (key.delta_g2.is_zero(), "delta is the point at infinity"),
        (key.gamma_abc_g1.iter().skip(1).any(AffineRepr::is_zero), "a public input has no effect on the proof"),
    ];
    match rules.into_iter().find(|(broken, _)| *broken) {
        Some((_, reason)) => Err(VerifyingKeyError::Unsafe { reason }),
        None => Ok(()),
    }
}
