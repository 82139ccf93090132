//! A proof about a table as it is written.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::bundle::ColumnAtPoint;
use crate::commit::{OpeningProof, ShapeRef};
use crate::domain;
use crate::field::{F, serde_hex, to_bytes};
use crate::hash::{Digest, Hasher};
use crate::statement::TableChallenges;

/// The format this code reads and writes.
pub const TABLE_PROOF_FORMAT: &str = "cohortium-table-proof/1";

/// The largest proof that is read. The largest with 64 flags is about 1.5 MB.
pub const MAX_TABLE_PROOF_BYTES: usize = 8 << 20;

/// Columns of a proof that are read at most: as many as an epoch may have.
const MAX_ENTRIES: usize = 1024;

/// Which of the two is proved.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableKind {
    /// Of a table version: no two data rows bear one tag.
    Unique,
    /// Of a consent epoch: every flag is 0 or 1 on data rows.
    Flags,
}

impl TableKind {
    /// The name used in files and digests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unique => "unique",
            Self::Flags => "flags",
        }
    }
}

impl fmt::Display for TableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The public challenges as they are written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableChallengesDocument {
    /// `r`: `n` coordinates, the least significant bit's first.
    #[serde(with = "serde_hex::list")]
    pub row_point: Vec<F>,
    /// `r_t`: `w + 1` coordinates.
    #[serde(with = "serde_hex::list")]
    pub value_point: Vec<F>,
    /// `mu`.
    #[serde(with = "serde_hex")]
    pub mu: F,
}

impl From<TableChallenges> for TableChallengesDocument {
    fn from(TableChallenges { row_point, value_point, mu }: TableChallenges) -> Self {
        Self { row_point, value_point, mu }
    }
}

impl From<TableChallengesDocument> for TableChallenges {
    fn from(TableChallengesDocument { row_point, value_point, mu }: TableChallengesDocument) -> Self {
        Self { row_point, value_point, mu }
    }
}

/// A proof about a table version or a consent epoch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableProof {
    /// Always [`TABLE_PROOF_FORMAT`].
    pub format: String,
    /// Which of the two is proved.
    pub kind: TableKind,
    /// The ledger that it is for; `file-exchange` where files are exchanged.
    pub ledger: String,
    /// The site.
    pub site: String,
    /// The table.
    pub table: String,
    /// The table version.
    pub manifest: Digest,
    /// The consent epoch; nothing where tags are proved unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Digest>,
    /// The shape of the proof.
    pub shape: ShapeRef,
    /// The verifying key's id.
    pub verifying_key: Digest,
    /// Tag limbs and steps, or the epoch's flags, with their values at `r`.
    #[serde(deserialize_with = "bounded::list::<MAX_ENTRIES, _, _>")]
    pub columns: Vec<ColumnAtPoint>,
    /// The multiplicities of the steps, each under its step; values at `r_t`. Empty for flags.
    #[serde(deserialize_with = "bounded::list::<MAX_ENTRIES, _, _>")]
    pub multiplicities: Vec<ColumnAtPoint>,
    /// Where the columns are opened.
    pub challenges: TableChallengesDocument,
    /// Shows the values of `columns`.
    pub column_opening: OpeningProof,
    /// Shows the values of `multiplicities`; nothing where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiplicity_opening: Option<OpeningProof>,
    /// The Groth16 proof, 128 bytes in base64.
    pub groth16: String,
}

/// Why a file is not a proof about a table.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TableProofError {
    /// Beyond the limit.
    #[error("the file has {found} bytes; a proof about a table has at most {MAX_TABLE_PROOF_BYTES}")]
    Size {
        /// Its size.
        found: usize,
    },
    /// Not JSON, or a part of it that does not pass its checks.
    #[error("the proof about a table cannot be read: {reason}")]
    Json {
        /// What is wrong, and in which line and column.
        reason: String,
    },
    /// Another format or version.
    #[error("the format of the proof about a table is {found:?}; this version reads {TABLE_PROOF_FORMAT:?}")]
    Format {
        /// What was found, shortened.
        found: String,
    },
}

impl TableProof {
    /// Reads a proof: points are checked for the curve, numbers for their one encoding.
    pub fn parse(json: &[u8]) -> Result<Self, TableProofError> {
        if json.len() > MAX_TABLE_PROOF_BYTES {
            return Err(TableProofError::Size { found: json.len() });
        }
        let proof: Self =
            serde_json::from_slice(json).map_err(|error| TableProofError::Json { reason: error.to_string() })?;
        if proof.format != TABLE_PROOF_FORMAT {
            return Err(TableProofError::Format { found: proof.format.chars().take(80).collect() });
        }
        Ok(proof)
    }

    /// The digest of the whole proof: which of many valid proofs of a subject this is.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::TABLE_PROOF);
        hasher.str(self.kind.name()).str(&self.ledger).str(&self.site).str(&self.table).digest(&self.manifest);
        hasher.u64(u64::from(self.epoch.is_some()));
        if let Some(epoch) = &self.epoch {
            hasher.digest(epoch);
        }
        hasher.str(&self.shape.name).digest(&self.shape.id).digest(&self.verifying_key);
        for list in [&self.columns, &self.multiplicities] {
            hasher.u64(list.len() as u64);
            for ColumnAtPoint { column, commitment, value } in list {
                column.absorb(&mut hasher);
                hasher.digest(&commitment.digest()).bytes(&to_bytes(value));
            }
        }
        let TableChallengesDocument { row_point, value_point, mu } = &self.challenges;
        for point in [row_point, value_point] {
            hasher.u64(point.len() as u64);
            for coordinate in point {
                hasher.bytes(&to_bytes(coordinate));
            }
        }
        hasher.bytes(&to_bytes(mu));
        self.column_opening.absorb(&mut hasher);
        hasher.u64(u64::from(self.multiplicity_opening.is_some()));
        if let Some(opening) = &self.multiplicity_opening {
            opening.absorb(&mut hasher);
        }
        hasher.str(&self.groth16).finish()
    }
}
