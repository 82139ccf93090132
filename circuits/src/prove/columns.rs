//! The prover's columns: small data values, then blinding rows of full width, then zeros.

use std::fmt;
use std::ops::{AddAssign, Mul};

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::F;
use cohortium_protocol::shape::{AGGREGATES, Shape};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::table::{Chain, TableWitness};
use crate::messages::GroupSums;

/// A column, or a linear combination of columns, on all rows. Tags are wider than other values on data rows.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct RowColumn<T: Zeroize = u32> {
    /// Values on data rows.
    pub data: Vec<T>,
    /// Values on blinding rows; further rows are 0.
    pub blind: Vec<F>,
}

impl<T> RowColumn<T>
where
    T: Copy + Default + Zeroize + AddAssign + Mul<Output = T> + From<u32>,
    F: From<T>,
{
    /// The value on a row.
    #[inline]
    pub fn at(&self, row: usize) -> F {
        match self.data.get(row) {
            Some(value) => F::from(*value),
            None => self.blind.get(row - self.data.len()).copied().unwrap_or(F::ZERO),
        }
    }

    /// The sum of columns with coefficients, which is below `T`'s end on data rows. The columns have equal lengths.
    pub fn linear<'a>(terms: impl IntoIterator<Item = (T, &'a RowColumn)>) -> Self {
        let mut out = Self { data: Vec::new(), blind: Vec::new() };
        for (coefficient, column) in terms {
            if out.data.is_empty() && out.blind.is_empty() {
                out.data = vec![T::default(); column.data.len()];
                out.blind = vec![F::ZERO; column.blind.len()];
            }
            for (out, x) in out.data.iter_mut().zip(&column.data) {
                *out += coefficient * T::from(*x);
            }
            let coefficient = F::from(coefficient);
            for (out, x) in out.blind.iter_mut().zip(&column.blind) {
                *out += coefficient * x;
            }
        }
        out
    }
}

impl From<&RowColumn> for RowColumn<u128> {
    fn from(column: &RowColumn) -> Self {
        Self::linear([(1, column)])
    }
}

impl<T: Zeroize> fmt::Debug for RowColumn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowColumn { .. }")
    }
}

/// A lookup in use.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct LookupWitness {
    /// `in_j`.
    pub input: RowColumn,
    /// `out_j`.
    pub output: RowColumn,
    /// `T_j`: `2^w` entries.
    pub table: Vec<u16>,
    /// `m_j`: `2^w` entries.
    pub counts: Vec<u32>,
    /// The first entries of the masking half of `m'_j`.
    pub mask: Vec<F>,
}

impl LookupWitness {
    /// How often each value occurs on data rows.
    pub fn count(input: &RowColumn, shape: &Shape) -> Vec<u32> {
        let mut counts = vec![0; shape.values()];
        for value in &input.data {
            if let Some(count) = counts.get_mut(*value as usize) {
                *count += 1;
            }
        }
        counts
    }
}

/// Everything that the argument of a query is about.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct QueryWitness {
    /// Rows `[0, declared_rows)` are data.
    pub declared_rows: usize,
    /// The lookups in use, at most `shape.max_lookups()`.
    pub lookups: Vec<LookupWitness>,
    /// `SEL`.
    pub selection: RowColumn,
    /// `Y`, if something is summed: a measure, or a patient's tag.
    pub y: Option<RowColumn<u128>>,
    /// `Z`, if products are summed.
    pub z: Option<RowColumn>,
    /// `GRP`; empty when there is one group.
    pub group: RowColumn,
    /// The flags whose values are proved to be 0 or 1.
    pub flags: Vec<RowColumn>,
}

impl fmt::Debug for QueryWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueryWitness { .. }")
    }
}

impl QueryWitness {
    /// The aggregates of every group of the shape, from the columns as they are.
    pub fn aggregates(&self, shape: &Shape) -> Vec<GroupSums> {
        let mut sums = vec![[F::ZERO; AGGREGATES]; shape.groups];
        for (row, selected) in self.selection.data.iter().enumerate().filter(|(_, selected)| **selected != 0) {
            let group = self.group.data.get(row).copied().unwrap_or(0) as usize;
            let Some(sums) = sums.get_mut(group) else { continue };
            let selected = F::from(*selected);
            sums[0] += selected;
            // In the field: the square of a tag has 256 bits.
            let Some(y) = self.y.as_ref().and_then(|column| column.data.get(row)) else { continue };
            let weighted = selected * F::from(*y);
            sums[1] += weighted;
            sums[2] += weighted * F::from(*y);
            if let Some(z) = self.z.as_ref().and_then(|column| column.data.get(row)) {
                sums[3] += weighted * F::from(*z);
            }
        }
        sums
    }
}

/// What the argument takes, of whichever statement: lookups, other leaf sets, flags.
pub(super) struct Parts<'a> {
    pub(super) declared_rows: usize,
    pub(super) lookups: &'a [LookupWitness],
    pub(super) others: Others<'a>,
    pub(super) flags: &'a [RowColumn],
}

/// The leaf sets that are no lookups.
pub(super) enum Others<'a> {
    /// One, of a query's aggregates.
    Aggregates(&'a QueryWitness),
    /// Two, of a chain's sources and targets; without a chain both are 0 on every row.
    Chain(Option<&'a Chain>),
}

impl<'a> From<&'a QueryWitness> for Parts<'a> {
    fn from(witness: &'a QueryWitness) -> Self {
        let QueryWitness { declared_rows, lookups, flags, .. } = witness;
        Self { declared_rows: *declared_rows, lookups, others: Others::Aggregates(witness), flags }
    }
}

impl<'a> From<&'a TableWitness> for Parts<'a> {
    fn from(witness: &'a TableWitness) -> Self {
        let TableWitness { declared_rows, lookups, chain, flags } = witness;
        Self { declared_rows: *declared_rows, lookups, others: Others::Chain(chain.as_ref()), flags }
    }
}
