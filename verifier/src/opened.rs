//! The checks that bundles and files of eligibility share: commitments, openings, the proof's bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_keys::{Proof, ProofError};
use cohortium_protocol::bundle::{
    COLUMN_OPENING, ColumnAtPoint, MULTIPLICITY_OPENING, opening_context, query_commitments,
};
use cohortium_protocol::commit::{
    CommittedColumn, ConsentEpoch, DatasetManifest, Grid, Layout, OpenedColumn, OpeningProof, OpeningStatement,
};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::query::Source;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::PublicChallenges;

use crate::reason::Reason;

/// Two parts say the same.
pub(crate) fn agree(
    what: &'static str,
    found: impl ToString,
    where_else: &'static str,
    required: impl ToString,
) -> Result<(), Reason> {
    let (found, required) = (found.to_string(), required.to_string());
    if found == required { Ok(()) } else { Err(Reason::Disagree { what, found, where_else, required }) }
}

/// The registered columns are those of manifest and epoch; query-time columns and multiplicities have the size of their grid.
pub(crate) fn check_commitments(
    manifest: &DatasetManifest,
    epoch: &ConsentEpoch,
    shape: &Shape,
    [columns, multiplicities]: [&[ColumnAtPoint]; 2],
) -> Result<(), Reason> {
    let grid = manifest.layout().grid();
    let values = Layout::multiplicity(shape)?.grid();
    for opened in columns {
        let given = || CommittedColumn { name: opened.column.name.clone(), points: opened.commitment.clone() };
        match opened.column.source {
            Source::Manifest => manifest.check_points(&given())?,
            Source::Epoch => epoch.check_points(&given())?,
            Source::Query => check_grid(opened, &grid)?,
        }
    }
    multiplicities.iter().try_for_each(|opened| check_grid(opened, &values))
}

fn check_grid(opened: &ColumnAtPoint, grid: &Grid) -> Result<(), Reason> {
    opened
        .commitment
        .check_grid(grid)
        .map_err(|error| Reason::Commitment { column: opened.column.to_string(), reason: error.to_string() })
}

/// The digest of the query-time commitments of a proof.
pub(crate) fn commitments_digest(columns: &[ColumnAtPoint], multiplicities: &[ColumnAtPoint]) -> Digest {
    let query_time = columns.iter().filter(|opened| opened.column.source == Source::Query);
    query_commitments(
        query_time.map(|opened| (&opened.column, opened.commitment.digest())),
        multiplicities.iter().map(|opened| (&opened.column, opened.commitment.digest())),
    )
}

/// The two openings of a proof, and what they are of.
pub(crate) struct Opened<'a> {
    pub(crate) context: Digest,
    pub(crate) commitments: Digest,
    /// Of columns.
    pub(crate) grid: Grid,
    /// Of multiplicities.
    pub(crate) values: Grid,
    pub(crate) challenges: &'a PublicChallenges,
    pub(crate) columns: (&'a [ColumnAtPoint], &'a OpeningProof),
    pub(crate) multiplicities: (&'a [ColumnAtPoint], &'a OpeningProof),
}

/// Both openings hold.
pub(crate) fn check_openings(opened: &Opened<'_>) -> Result<(), Reason> {
    let Opened { context, commitments, grid, values, challenges, .. } = opened;
    let (columns, proof) = opened.columns;
    let at = opening_context(context, commitments, COLUMN_OPENING);
    open(at, *grid, &challenges.row_point, columns, proof, "columns")?;
    let (multiplicities, proof) = opened.multiplicities;
    let at = opening_context(context, commitments, MULTIPLICITY_OPENING);
    open(at, *values, &challenges.value_point, multiplicities, proof, "multiplicities")
}

/// Reads the Groth16 proof.
pub(crate) fn decode_proof(text: &str) -> Result<Proof, Reason> {
    let bytes = STANDARD.decode(text).map_err(|error| ProofError::Text { reason: error.to_string() })?;
    Ok(Proof::decode(&bytes)?)
}

fn open(
    context: Digest,
    grid: Grid,
    point: &[F],
    opened: &[ColumnAtPoint],
    proof: &OpeningProof,
    which: &'static str,
) -> Result<(), Reason> {
    let columns =
        opened.iter().map(|opened| OpenedColumn { commitment: &opened.commitment, value: opened.value }).collect();
    OpeningStatement { context, grid, point, columns }.verify(proof).map_err(|source| Reason::Opening { which, source })
}
