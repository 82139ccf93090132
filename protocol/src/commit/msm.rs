//! Multi-scalar multiplications.

use ark_bn254::{G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use rayon::prelude::*;

use super::column::SecretColumn;
use super::generators::{blinding_generator, generators};
use crate::field::F;

/// The Pedersen commitments of a column's matrix rows.
pub(super) fn commit_rows(column: &SecretColumn) -> Vec<G1Affine> {
    let layout = column.layout();
    let bases = generators(layout);
    let points: Vec<G1Projective> = (0..layout.matrix_rows())
        .into_par_iter()
        .map(|row| {
            let start = row * layout.positions();
            let values: Vec<F> = (start..start + layout.positions()).map(|index| column.value(index)).collect();
            G1Projective::msm_unchecked(bases, &values) + blinding_generator() * column.blinds.scalars[row]
        })
        .collect();
    G1Projective::normalize_batch(&points)
}
