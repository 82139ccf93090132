//! What the statement `table` is about: a chain through a version's tags, or an epoch's flags.

use std::fmt;

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::columns::{LookupWitness, RowColumn};
use crate::messages::ENDS;

/// Limbs of a tag.
pub const LIMBS: usize = 8;

/// The chain through the tags of a table version: from each row's tag to the next larger one.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Chain {
    /// `V` on data and blinding rows; 0 on further rows.
    pub(crate) sources: Vec<F>,
    /// `V + V_D + 1` on the same rows; 1 on further rows.
    pub(crate) targets: Vec<F>,
    /// `v_0` and `v_end`.
    pub(crate) ends: [F; ENDS],
}

impl Chain {
    /// The chain of eight limb columns and eight step columns of `w` bits, the most significant first; `ends` are the smallest
    /// tag, and the largest and one.
    pub fn new(shape: &Shape, tags: &[RowColumn; LIMBS], steps: &[RowColumn; LIMBS], ends: [F; ENDS]) -> Self {
        let len = tags[0].data.len() + tags[0].blind.len();
        let base = F::from(shape.values() as u64);
        let number =
            |limbs: &[RowColumn; LIMBS], row: usize| limbs.iter().fold(F::ZERO, |sum, limb| sum * base + limb.at(row));
        let sources: Vec<F> = (0..len).map(|row| number(tags, row)).collect();
        let targets = sources.iter().enumerate().map(|(row, tag)| *tag + number(steps, row) + F::ONE).collect();
        Self { sources, targets, ends }
    }

    /// `V` of a row.
    pub(super) fn source(&self, row: usize) -> F {
        self.sources.get(row).copied().unwrap_or(F::ZERO)
    }

    /// `V + V_D + 1` of a row.
    pub(super) fn target(&self, row: usize) -> F {
        self.targets.get(row).copied().unwrap_or(F::ONE)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain { .. }")
    }
}

/// Everything that a proof of the statement `table` is about.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TableWitness {
    /// Rows `[0, declared_rows)` are data.
    pub declared_rows: usize,
    /// The range lookups of the chain's steps, at most `shape.max_lookups()`; none without a chain.
    pub lookups: Vec<LookupWitness>,
    /// The chain; none where flags are proved.
    pub chain: Option<Chain>,
    /// The flags; none where a chain is.
    pub flags: Vec<RowColumn>,
}

impl fmt::Debug for TableWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TableWitness { .. }")
    }
}

impl LookupWitness {
    /// The lookup which says that a column's data is below `2^w`: with the output 0 in the zero table.
    ///
    /// `counts` is how often each value occurs, `mask` the first entries of the multiplicity's masking half.
    pub fn range(input: RowColumn, shape: &Shape, counts: Vec<u32>, mask: Vec<F>) -> Self {
        let output = RowColumn { data: vec![0; input.data.len()], blind: Vec::new() };
        Self { input, output, table: vec![0; shape.values()], counts, mask }
    }
}
