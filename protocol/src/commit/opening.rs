//! Opening columns at a point: a batched sigma protocol that shows the values and nothing else.
//!
//! For the columns `k` of a batch, all opened at one point `r`, let `C_k` be the row commitments folded with
//! `eq(r_hi, .)`. With a batching challenge `xi`, `C = sum_k xi^k C_k` commits to a vector `u`, and the claim
//! is that `<u, eq(r_lo, .)> = sum_k xi^k y_k =: Y`. The prover
//!
//! 1. draws a random vector `d` and scalar `delta`, sends `D = <d, G> + delta H` and `e = <d, eq(r_lo, .)>`;
//! 2. receives the challenge `chi`;
//! 3. answers `z = d + chi u` and `zeta = delta + chi rho`, where `rho` is the folded blinding scalar.
//!
//! The verifier checks `<z, eq(r_lo, .)> = e + chi Y` and `<z, G> + zeta H = D + chi C`. Two answers to one mask
//! give `u`; and `z` and `zeta` are uniform whatever `u` is, so everything sent can be made up from the claim
//! alone. Answering two challenges with one mask would publish `u`. So the mask is fresh in every run: it comes from
//! the generator passed in, [hedged](super::hedge) by the statement and the blinding scalars in case that generator
//! repeats itself; it is wiped afterwards and never kept.
//!
//! The challenges are SHA-256 digests over all that was said before. Items, each after its length: the domain
//! `cohortium/opening/1`; the context digest; variables, split and number of columns (eight bytes each); each
//! commitment's digest; each coordinate of the point from the least significant variable's on; each claimed value.
//! `xi` is drawn here. Then the mask's commitment (64 bytes) and its inner product; `chi` is drawn here. Drawing a
//! challenge under a label (`"xi"`, `"chi"`) appends, to a copy of what was hashed so far, the label and 0 for one
//! digest, the label and 1 for another; the challenge is the 64 bytes of both, as a big-endian number, modulo the
//! scalar field's order.

use std::fmt;

use ark_bn254::{G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field, Zero};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::clauses::{Clauses, OpeningClause};
use super::column::SecretColumn;
use super::fold::{eq_table, inner_product};
use super::generators::{blinding_generator, blinding_multiple, generators};
use super::hedge::Hedge;
use super::layout::Grid;
use super::msm::multiply;
use super::pedersen::{ColumnCommitment, CommitmentError};
use super::point::encode_point;
use super::secrets::random_element;
use crate::domain;
use crate::field::{F, from_wide_bytes, to_bytes};
use crate::hash::{Digest, Hasher};

/// Why columns cannot be opened, or an opening is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// A batch of no columns.
    #[error("an opening needs at least one column")]
    NoColumns,
    /// Columns of different grids have no point in common.
    #[error("column {column} of the opening is laid out in another grid than the first")]
    DifferentGrids {
        /// Position in the batch.
        column: usize,
    },
    /// The point has not one coordinate a variable.
    #[error("the opening's point has {found} coordinates, its columns have {expected} variables")]
    Point {
        /// Coordinates found.
        found: usize,
        /// Variables of the grid.
        expected: usize,
    },
    /// Not as many commitments as columns were folded.
    #[error("{found} commitments were given for {expected} folded columns")]
    Columns {
        /// Commitments found.
        found: usize,
        /// Columns folded.
        expected: usize,
    },
    /// A commitment that does not fit the grid.
    #[error("column {column} of the opening: {source}")]
    MatrixRows {
        /// Position in the batch.
        column: usize,
        /// What does not fit.
        source: CommitmentError,
    },
    /// Not one answer a position.
    #[error("the opening has {found} answers, a matrix row has {expected} positions")]
    Answers {
        /// Answers found.
        found: usize,
        /// Positions of the grid.
        expected: usize,
    },
    /// The inner product check fails.
    #[error("the opening does not show the claimed values: its inner product is wrong")]
    InnerProduct,
    /// The commitment check fails.
    #[error("the opening does not belong to these commitments, point, values and context")]
    Commitment,
}

/// A column of a batch, with the value it is claimed to have at the batch's point.
#[derive(Clone, Copy, Debug)]
pub struct OpenedColumn<'a> {
    /// The column's commitment.
    pub commitment: &'a ColumnCommitment,
    /// The claimed value.
    pub value: F,
}

/// What an opening shows: these columns have these values at this point.
#[derive(Clone, Debug)]
pub struct OpeningStatement<'a> {
    /// Digest of everything the opening is part of.
    pub context: Digest,
    /// The grid that all columns are laid out in.
    pub grid: Grid,
    /// The point, a coordinate for each variable.
    pub point: &'a [F],
    /// The columns in an order that prover and verifier agree on.
    pub columns: Vec<OpenedColumn<'a>>,
}

/// A proof of an [`OpeningStatement`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningProof {
    /// `D`: commitment to the mask.
    #[serde(with = "super::point::serde_base64")]
    pub(super) mask: G1Affine,
    /// `e`: the mask's inner product with `eq(r_lo, .)`.
    #[serde(with = "crate::field::serde_hex")]
    pub(super) mask_value: F,
    /// `z`: one answer a position.
    #[serde(with = "super::scalars::serde_base64")]
    pub(super) answers: Vec<F>,
    /// `zeta`: the answer for the blinding scalar.
    #[serde(with = "crate::field::serde_hex")]
    pub(super) blinding_answer: F,
}

impl OpeningProof {
    /// Feeds the proof into a digest.
    pub fn absorb(&self, hasher: &mut crate::hash::Hasher) {
        hasher.bytes(&super::point::encode_point(&self.mask)).bytes(&to_bytes(&self.mask_value));
        hasher.u64(self.answers.len() as u64);
        for answer in &self.answers {
            hasher.bytes(&to_bytes(answer));
        }
        hasher.bytes(&to_bytes(&self.blinding_answer));
    }
}

impl fmt::Debug for OpeningProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpeningProof({} answers)", self.answers.len())
    }
}

/// What hides one opening.
pub(super) struct Mask {
    row: Zeroizing<Vec<F>>,
    scalar: Zeroizing<F>,
}

/// Columns folded at a point: their values there, and what proves them.
pub struct FoldedColumns {
    pub(super) grid: Grid,
    pub(super) point: Vec<F>,
    rows: Vec<Zeroizing<Vec<F>>>,
    scalars: Zeroizing<Vec<F>>,
    values: Vec<F>,
}

impl FoldedColumns {
    /// Folds columns of one grid at a point.
    pub fn new(columns: &[&SecretColumn], point: &[F]) -> Result<Self, OpeningError> {
        let grid = columns.first().ok_or(OpeningError::NoColumns)?.layout().grid();
        if let Some(column) = columns.iter().position(|column| column.layout().grid() != grid) {
            return Err(OpeningError::DifferentGrids { column });
        }
        check_point(&grid, point)?;
        let (low, high) = grid.cut(point);
        let (low, high) = (eq_table(low), eq_table(high));
        let rows: Vec<_> = columns.iter().map(|column| column.fold(&high)).collect();
        let values = rows.iter().map(|row| inner_product(row, &low)).collect();
        let scalars = columns.iter().map(|column| inner_product(&column.blinds.scalars, &high)).collect::<Vec<_>>();
        Ok(Self { grid, point: point.to_vec(), rows, scalars: Zeroizing::new(scalars), values })
    }

    /// The columns' values at the point, in their order.
    pub fn values(&self) -> &[F] {
        &self.values
    }

    /// Proves the values against the columns' commitments, given in the columns' order.
    ///
    /// Pass the operating system's generator. Publishing the proof publishes the values: charge the opening
    /// budget first.
    pub fn prove(
        &self,
        context: &Digest,
        commitments: &[&ColumnCommitment],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<OpeningProof, OpeningError> {
        if commitments.len() != self.values.len() {
            return Err(OpeningError::Columns { found: commitments.len(), expected: self.values.len() });
        }
        let columns = commitments
            .iter()
            .zip(&self.values)
            .map(|(commitment, value)| OpenedColumn { commitment, value: *value })
            .collect();
        let statement = OpeningStatement { context: *context, grid: self.grid, point: &self.point, columns };
        statement.check(Clauses::ALL)?;
        Ok(self.answer(&statement, &self.draw_mask(&statement, rng)))
    }

    /// `d` and `delta`: another mask for another statement, even from a generator in the same state.
    pub(super) fn draw_mask(&self, statement: &OpeningStatement<'_>, rng: &mut (impl RngCore + CryptoRng)) -> Mask {
        let mut hedge = Hedge::new("opening", rng)
            .u64(self.grid.variables() as u64)
            .u64(self.grid.split() as u64)
            .digest(&statement.context)
            .elements(statement.point)
            .elements(&self.values)
            .elements(&self.scalars);
        for column in &statement.columns {
            hedge = hedge.digest(&column.commitment.digest());
        }
        let mut rng = hedge.generator();
        let row = (0..self.grid.positions()).map(|_| random_element(&mut rng)).collect::<Vec<_>>();
        Mask { row: Zeroizing::new(row), scalar: Zeroizing::new(random_element(&mut rng)) }
    }

    /// The proof with this mask, which must serve no other one.
    pub(super) fn answer(&self, statement: &OpeningStatement<'_>, hidden: &Mask) -> OpeningProof {
        let (low, _) = self.grid.cut(&self.point);
        let mask = pedersen(&self.grid, &hidden.row, &hidden.scalar).into_affine();
        let mask_value = inner_product(&hidden.row, &eq_table(low));
        let (batching, sigma) = challenges(statement, &mask, &mask_value, Clauses::ALL);
        let (row, scalar) = self.batch(&batching);
        OpeningProof {
            mask,
            mask_value,
            answers: hidden.row.iter().zip(row.iter()).map(|(d, u)| answer(d, &sigma, u)).collect(),
            blinding_answer: answer(&hidden.scalar, &sigma, &scalar),
        }
    }

    /// `u` and `rho`: the folded rows and blinding scalars, weighed by powers of the batching challenge.
    pub(super) fn batch(&self, batching: &F) -> (Zeroizing<Vec<F>>, Zeroizing<F>) {
        let mut row = Zeroizing::new(vec![F::ZERO; self.grid.positions()]);
        let mut scalar = Zeroizing::new(F::ZERO);
        let mut weight = F::ONE;
        for (column, blinding) in self.rows.iter().zip(self.scalars.iter()) {
            row.iter_mut().zip(column.iter()).for_each(|(sum, entry)| *sum += weight * entry);
            *scalar += weight * blinding;
            weight *= batching;
        }
        (row, scalar)
    }
}

impl fmt::Debug for FoldedColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FoldedColumns({} columns, hidden)", self.rows.len())
    }
}

impl OpeningStatement<'_> {
    /// Checks a proof of this statement: one multi-scalar multiplication over all commitments and generators.
    pub fn verify(&self, proof: &OpeningProof) -> Result<(), OpeningError> {
        self.verify_under(proof, Clauses::ALL)
    }

    pub(super) fn verify_under(&self, proof: &OpeningProof, clauses: Clauses) -> Result<(), OpeningError> {
        self.check(clauses)?;
        let (found, expected) = (proof.answers.len(), self.grid.positions());
        if clauses.on(OpeningClause::Answers) && found != expected {
            return Err(OpeningError::Answers { found, expected });
        }
        let challenges = challenges(self, &proof.mask, &proof.mask_value, clauses);
        self.check_equations(proof, challenges, clauses)
    }

    /// The two equations, given the challenges.
    pub(super) fn check_equations(
        &self,
        proof: &OpeningProof,
        (batching, sigma): (F, F),
        clauses: Clauses,
    ) -> Result<(), OpeningError> {
        let (low, high) = self.grid.cut(self.point);
        if clauses.on(OpeningClause::InnerProduct) {
            let claimed = self.columns.iter().rev().fold(F::ZERO, |sum, column| sum * batching + column.value);
            if inner_product(&proof.answers, &eq_table(low)) != proof.mask_value + sigma * claimed {
                return Err(OpeningError::InnerProduct);
            }
        }

        // <z, G> + zeta H - D - chi sum_k xi^k sum_i eq(r_hi, i) C_ki must be infinity.
        if clauses.on(OpeningClause::Commitment) {
            let high = eq_table(high);
            let mut scalars = proof.answers.clone();
            scalars.truncate(self.grid.positions());
            let mut points = generators(&self.grid)[..scalars.len()].to_vec();
            points.extend([blinding_generator(), proof.mask]);
            scalars.extend([proof.blinding_answer, -F::ONE]);
            let mut weight = -sigma;
            for column in &self.columns {
                for (point, row_weight) in column.commitment.points().iter().zip(&high) {
                    points.push(*point);
                    scalars.push(weight * row_weight);
                }
                weight *= batching;
            }
            if !multiply(&points, &scalars).is_zero() {
                return Err(OpeningError::Commitment);
            }
        }
        Ok(())
    }

    /// What can be checked before any proof: sizes.
    fn check(&self, clauses: Clauses) -> Result<(), OpeningError> {
        if self.columns.is_empty() {
            return Err(OpeningError::NoColumns);
        }
        check_point(&self.grid, self.point)?;
        if clauses.on(OpeningClause::MatrixRows) {
            for (column, opened) in self.columns.iter().enumerate() {
                opened
                    .commitment
                    .check_grid(&self.grid)
                    .map_err(|source| OpeningError::MatrixRows { column, source })?;
            }
        }
        Ok(())
    }
}

/// The batching challenge `xi` and the sigma challenge `chi`, as the head of this module says.
pub(super) fn challenges(
    statement: &OpeningStatement<'_>,
    mask: &G1Affine,
    mask_value: &F,
    clauses: Clauses,
) -> (F, F) {
    let mut hasher = Hasher::new(domain::OPENING);
    if clauses.on(OpeningClause::AbsorbContext) {
        hasher.digest(&statement.context);
    }
    for size in [statement.grid.variables(), statement.grid.split(), statement.columns.len()] {
        hasher.u64(size as u64);
    }
    if clauses.on(OpeningClause::AbsorbCommitments) {
        for column in &statement.columns {
            hasher.digest(&column.commitment.digest());
        }
    }
    if clauses.on(OpeningClause::AbsorbPoint) {
        for coordinate in statement.point {
            hasher.bytes(&to_bytes(coordinate));
        }
    }
    if clauses.on(OpeningClause::AbsorbValues) {
        for column in &statement.columns {
            hasher.bytes(&to_bytes(&column.value));
        }
    }
    let batching = if clauses.on(OpeningClause::Batching) { draw(&hasher, "xi") } else { F::ONE };
    if clauses.on(OpeningClause::AbsorbMask) {
        hasher.bytes(&encode_point(mask));
    }
    if clauses.on(OpeningClause::AbsorbMaskValue) {
        hasher.bytes(&to_bytes(mask_value));
    }
    (batching, draw(&hasher, "chi"))
}

fn draw(hasher: &Hasher, label: &str) -> F {
    let mut wide = [0; 64];
    for (half, out) in wide.chunks_exact_mut(32).enumerate() {
        out.copy_from_slice(hasher.clone().str(label).u64(half as u64).finish().as_bytes());
    }
    from_wide_bytes(&wide)
}

/// `mask + challenge * secret`, in any field: the tests count its distribution over a small one.
pub(super) fn answer<T: Field>(mask: &T, challenge: &T, secret: &T) -> T {
    *mask + *challenge * secret
}

/// `<row, G> + scalar H`.
pub(super) fn pedersen(grid: &Grid, row: &[F], scalar: &F) -> G1Projective {
    multiply(generators(grid), row) + blinding_multiple(scalar).map(AffineRepr::into_group).sum::<G1Projective>()
}

fn check_point(grid: &Grid, point: &[F]) -> Result<(), OpeningError> {
    if point.len() == grid.variables() {
        Ok(())
    } else {
        Err(OpeningError::Point { found: point.len(), expected: grid.variables() })
    }
}
