//! The file, `cohortium-eligibility/1`.

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::bounded;
use crate::bundle::{ChallengesDocument, ColumnAtPoint, MAX_BUNDLE_BYTES, absorb_argument, place};
use crate::commit::{ConsentEpoch, DatasetManifest, OpeningProof};
use crate::documents::Approval;
use crate::domain;
use crate::field::{F, serde_hex, to_bytes};
use crate::hash::{Digest, Hasher};
use crate::query::Query;
use crate::table::Schema;
use crate::text::is_line;

/// The format this code reads and writes.
pub const ELIGIBILITY_FORMAT: &str = "cohortium-eligibility/1";

/// The largest file that is read: its parts are those of a bundle.
pub const MAX_ELIGIBILITY_BYTES: usize = MAX_BUNDLE_BYTES;

/// Columns or multiplicities that are read, each at most: more than any shape has.
const MAX_ENTRIES: usize = 1024;

/// Characters of each part of a scope.
const MAX_PART: usize = 400;

/// The proof part: what is published beside the nullifier.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EligibilityProof {
    /// Every column of the plan, in the order of `Plan::columns`: registered ones, the eight tag limbs among them, and
    /// query-time ones.
    #[serde(deserialize_with = "bounded::list::<MAX_ENTRIES, _, _>")]
    pub columns: Vec<ColumnAtPoint>,
    /// The multiplicities of the plan's lookups, in their order, each under its lookup's output; values at `r_t`.
    #[serde(deserialize_with = "bounded::list::<MAX_ENTRIES, _, _>")]
    pub multiplicities: Vec<ColumnAtPoint>,
    /// Where the columns are opened.
    pub challenges: ChallengesDocument,
    /// Shows the values of `columns`.
    pub column_opening: OpeningProof,
    /// Shows the values of `multiplicities`.
    pub multiplicity_opening: OpeningProof,
    /// The Groth16 proof, 128 bytes in base64.
    pub groth16: String,
}

/// A proof that a consenting patient meets a study's criteria, with everything needed to check it but the anchors.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EligibilityFile {
    /// Always [`ELIGIBILITY_FORMAT`].
    pub format: String,
    /// Within what the nullifier is the patient's only one.
    pub scope: Scope,
    /// The study's criteria: a query that counts.
    pub query: Query,
    /// The ethics board's approval.
    pub approval: Approval,
    /// The table's schema.
    pub schema: Schema,
    /// The table version.
    pub manifest: DatasetManifest,
    /// The consent epoch.
    pub epoch: ConsentEpoch,
    /// The verifying key's id.
    #[serde(deserialize_with = "named::verifying_key")]
    pub verifying_key: Digest,
    /// The salted hash of the patient's signed agreement.
    #[serde(deserialize_with = "named::agreement")]
    pub agreement: Digest,
    /// The patient's nullifier in the scope.
    #[serde(serialize_with = "serde_hex::serialize", deserialize_with = "named::nullifier")]
    pub nullifier: F,
    /// The proof.
    pub proof: EligibilityProof,
}

/// Readers that name their field: what is wrong with a file's last field is found when the file is at its end, which has no
/// place.
mod named {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer};

    use crate::field::{F, from_hex};
    use crate::hash::Digest;

    fn read<'de, D: Deserializer<'de>, T, E: std::fmt::Display>(
        deserializer: D,
        field: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map_err(|error| D::Error::custom(format_args!("{field}: {error}")))
    }

    pub(super) fn verifying_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        read(deserializer, "verifying_key", |text| text.parse::<Digest>())
    }

    pub(super) fn agreement<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        read(deserializer, "agreement", |text| text.parse::<Digest>())
    }

    pub(super) fn nullifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<F, D::Error> {
        read(deserializer, "nullifier", from_hex)
    }
}

/// Why a file is not one of eligibility.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EligibilityError {
    /// Beyond the limit.
    #[error("the file has {found} bytes; a file of eligibility has at most {MAX_ELIGIBILITY_BYTES}")]
    Size {
        /// Its size.
        found: usize,
    },
    /// Not JSON, or a part of it that does not pass its checks.
    #[error("the file of eligibility cannot be read{}: {reason}", at(place))]
    Json {
        /// Which part, as in `proof.columns[3].value`; empty if it is the whole.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A part of the scope that is not a line.
    #[error("scope.{part} is {found:?}, which is not one line of 1 to {MAX_PART} plain characters")]
    Scope {
        /// Which part.
        part: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// Another format or version.
    #[error("the file's format is {found:?}; this version reads {ELIGIBILITY_FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
}

fn at(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(" at {place}") }
}

impl EligibilityFile {
    /// Reads a file: every part is checked for itself, points for the curve, numbers for their one encoding.
    pub fn parse(json: &[u8]) -> Result<Self, EligibilityError> {
        if json.len() > MAX_ELIGIBILITY_BYTES {
            return Err(EligibilityError::Size { found: json.len() });
        }
        let file: Self = serde_json::from_slice(json).map_err(|error| EligibilityError::Json {
            place: place(json, error.line(), error.column()),
            reason: error.to_string(),
        })?;
        if file.format != ELIGIBILITY_FORMAT {
            return Err(EligibilityError::Format { found: file.format.chars().take(80).collect() });
        }
        let Scope { ledger, site, study, sponsor } = &file.scope;
        for (part, text) in [("ledger", ledger), ("site", site), ("study", study), ("sponsor", sponsor)] {
            if !is_line(text, MAX_PART) {
                return Err(EligibilityError::Scope { part, found: text.chars().take(80).collect() });
            }
        }
        Ok(file)
    }

    /// The digest of everything in the file, the proof included.
    pub fn digest(&self) -> Digest {
        let Self {
            scope, query, approval, schema, manifest, epoch, verifying_key, agreement, nullifier, proof, ..
        } = self;
        let mut hasher = Hasher::new(domain::ELIGIBILITY);
        hasher.digest(&scope.digest()).digest(&query.digest()).digest(&approval.digest()).digest(&schema.digest());
        hasher.digest(&manifest.digest()).digest(&epoch.digest()).digest(verifying_key).digest(agreement);
        hasher.bytes(&to_bytes(nullifier));
        absorb_argument(
            &mut hasher,
            [&proof.columns, &proof.multiplicities],
            &proof.challenges,
            [&proof.column_opening, &proof.multiplicity_opening],
            &proof.groth16,
        );
        hasher.finish()
    }
}
