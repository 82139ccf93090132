//! The proof part of a bundle: what a hospital publishes beside the released cells.

use serde::{Deserialize, Serialize};

use super::noise::SeedOpening;
use crate::bounded;
use crate::commit::{ColumnCommitment, OpeningProof};
use crate::domain;
use crate::field::{F, serde_hex, to_bytes};
use crate::hash::{Digest, Hasher};
use crate::policy::{Cell, GroupCells};
use crate::query::ColumnId;
use crate::statement::PublicChallenges;

/// Columns, multiplicities or groups of a proof that are read, each at most: more than any shape has.
const MAX_ENTRIES: usize = 1024;

/// A column that is opened at `r`: its commitment and its value there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnAtPoint {
    /// Which column.
    pub column: ColumnId,
    /// Its commitment; of a registered column, checked against the manifest or epoch.
    pub commitment: ColumnCommitment,
    /// Its value at the point.
    #[serde(with = "serde_hex")]
    pub value: F,
}

/// The public challenges as they are written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengesDocument {
    /// `r`: `n` coordinates, the least significant bit's first.
    #[serde(with = "serde_hex::list")]
    pub row_point: Vec<F>,
    /// `r_t`: `w + 1` coordinates.
    #[serde(with = "serde_hex::list")]
    pub value_point: Vec<F>,
    /// `rho_t`: `w` coordinates.
    #[serde(with = "serde_hex::list")]
    pub table_point: Vec<F>,
    /// `mu`.
    #[serde(with = "serde_hex")]
    pub mu: F,
}

impl From<PublicChallenges> for ChallengesDocument {
    fn from(c: PublicChallenges) -> Self {
        Self { row_point: c.row_point, value_point: c.value_point, table_point: c.table_point, mu: c.mu }
    }
}

impl From<ChallengesDocument> for PublicChallenges {
    fn from(c: ChallengesDocument) -> Self {
        Self { row_point: c.row_point, value_point: c.value_point, table_point: c.table_point, mu: c.mu }
    }
}

/// The proof of one release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryProof {
    /// Every column of the plan, in the order of `Plan::columns`: registered and query-time ones.
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
    /// The released cells of the plan's groups.
    #[serde(deserialize_with = "bounded::list::<MAX_ENTRIES, _, _>")]
    pub cells: Vec<GroupCells>,
    /// The seed of the noise, by its commitment; nothing without noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<SeedOpening>,
}

impl QueryProof {
    /// The digest of the whole proof: which of many valid proofs of a release this is.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::QUERY_PROOF);
        absorb_argument(
            &mut hasher,
            [&self.columns, &self.multiplicities],
            &self.challenges,
            [&self.column_opening, &self.multiplicity_opening],
            &self.groth16,
        );
        absorb_cells(&self.cells, &mut hasher);
        // Only if there is one: proofs without noise keep their digests.
        if let Some(seed) = &self.seed {
            seed.absorb(&mut hasher);
        }
        hasher.finish()
    }

    /// The digest of the released cells alone.
    pub fn cells_digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::RELEASE);
        absorb_cells(&self.cells, &mut hasher);
        hasher.finish()
    }
}

/// Feeds what every proof consists of into its digest: columns and multiplicities at their points, the points, both openings,
/// the Groth16 proof.
pub(crate) fn absorb_argument(
    hasher: &mut Hasher,
    opened: [&[ColumnAtPoint]; 2],
    challenges: &ChallengesDocument,
    openings: [&OpeningProof; 2],
    groth16: &str,
) {
    for list in opened {
        hasher.u64(list.len() as u64);
        for ColumnAtPoint { column, commitment, value } in list {
            column.absorb(hasher);
            hasher.digest(&commitment.digest()).bytes(&to_bytes(value));
        }
    }
    let ChallengesDocument { row_point, value_point, table_point, mu } = challenges;
    for point in [row_point, value_point, table_point] {
        hasher.u64(point.len() as u64);
        for coordinate in point {
            hasher.bytes(&to_bytes(coordinate));
        }
    }
    hasher.bytes(&to_bytes(mu));
    for opening in openings {
        opening.absorb(hasher);
    }
    hasher.str(groth16);
}

fn absorb_cells(cells: &[GroupCells], hasher: &mut Hasher) {
    let one = |cell: Cell, hasher: &mut Hasher| match cell {
        Cell::Suppressed => drop(hasher.str("suppressed")),
        Cell::Zero => drop(hasher.str("zero")),
        Cell::Value(value) => drop(hasher.str("value").u64(value)),
        Cell::Noised(value) => drop(hasher.str("noised").u64(u64::from_be_bytes(value.to_be_bytes()))),
    };
    hasher.u64(cells.len() as u64);
    for GroupCells { count, sums } in cells {
        one(*count, hasher);
        for sum in sums {
            hasher.u64(u64::from(sum.is_some()));
            if let Some(cell) = sum {
                one(*cell, hasher);
            }
        }
    }
}

/// The digest of all query-time commitments: of columns, in the plan's order, then of multiplicities.
pub fn query_commitments<'a>(
    columns: impl Iterator<Item = (&'a ColumnId, Digest)>,
    multiplicities: impl Iterator<Item = (&'a ColumnId, Digest)>,
) -> Digest {
    let mut hasher = Hasher::new(domain::QUERY_COMMITMENTS);
    for (kind, list) in [("columns", columns.collect::<Vec<_>>()), ("multiplicities", multiplicities.collect())] {
        hasher.str(kind).u64(list.len() as u64);
        for (column, digest) in list {
            column.absorb(&mut hasher);
            hasher.digest(&digest);
        }
    }
    hasher.finish()
}

/// What an opening is part of: the proof's context, the query-time commitments, and which of the two it is.
pub fn opening_context(context: &Digest, commitments: &Digest, which: &'static str) -> Digest {
    Hasher::new(domain::OPENING_CONTEXT).digest(context).digest(commitments).str(which).finish()
}

/// Names the opening of columns at `r`.
pub const COLUMN_OPENING: &str = "columns";
/// Names the opening of multiplicities at `r_t`.
pub const MULTIPLICITY_OPENING: &str = "multiplicities";
