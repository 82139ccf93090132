//! Multi-scalar multiplications.

use ark_bn254::{G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use rayon::prelude::*;

use super::column::SecretColumn;
use super::generators::{blinding_generator, generators};
use crate::field::F;

/// The Pedersen commitments of a column's matrix rows.
pub(super) fn commit_rows(column: &SecretColumn) -> Vec<G1Affine> {
    let grid = column.layout().grid();
    let bases = generators(&grid);
    let points: Vec<G1Projective> = (0..grid.matrix_rows())
        .into_par_iter()
        .map(|row| {
            let start = row * grid.positions();
            let values: Vec<F> = (start..start + grid.positions()).map(|index| column.value(index)).collect();
            G1Projective::msm_unchecked(bases, &values) + blinding_generator() * column.blinds.scalars[row]
        })
        .collect();
    G1Projective::normalize_batch(&points)
}

/// `sum_i scalars[i] points[i]`.
pub(super) fn multiply(points: &[G1Affine], scalars: &[F]) -> G1Projective {
    G1Projective::msm_unchecked(points, scalars)
}
