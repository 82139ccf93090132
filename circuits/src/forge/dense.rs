//! Columns as plain tables, and their extensions by the definition: what the statement page says, written
//! down once more without any of the prover's short cuts.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::{AGGREGATES, Shape};
use cohortium_protocol::statement::{Evaluations, PublicChallenges, TableChallenges, TableEvaluations};

use crate::messages::GroupSums;
use crate::prove::{QueryWitness, RowColumn};
use crate::testing::{dense, dense_counts, dense_y};

/// `eq(point, index)` of every index, by the definition.
pub(super) fn weights<K: Field>(point: &[K]) -> Vec<K> {
    (0..1usize << point.len())
        .map(|index| {
            point.iter().enumerate().map(|(bit, x)| if bit_of(index, bit) { *x } else { K::ONE - x }).product()
        })
        .collect()
}

fn bit_of(index: usize, bit: usize) -> bool {
    index >> bit & 1 == 1
}

/// The bits of an index as a point.
pub(super) fn corner(index: usize, bits: usize) -> impl Iterator<Item = F> {
    (0..bits).map(move |bit| F::from(bit_of(index, bit)))
}

/// `f~` at the point with these weights.
pub(super) fn extend<K: Field>(table: &[K], weights: &[K]) -> K {
    assert_eq!(table.len(), weights.len());
    table.iter().zip(weights).map(|(x, weight)| *x * weight).sum()
}

/// A lookup: two columns, the public table, the multiplicity with its masking half.
#[derive(Clone)]
pub(super) struct DenseLookup {
    /// `in_j`.
    pub(super) input: Vec<F>,
    /// `out_j`.
    pub(super) output: Vec<F>,
    /// `T_j`.
    pub(super) table: Vec<F>,
    /// `m'_j`, of `2^(w+1)` entries.
    pub(super) multiplicity: Vec<F>,
}

/// Everything that the argument is about, as plain tables.
///
/// Nothing here says that values are small, that outputs are the tables' or that flags are flags: a
/// commitment does not say so either.
#[derive(Clone)]
pub(super) struct Dense {
    /// Rows `[0, declared_rows)` are data.
    pub(super) declared_rows: usize,
    /// One a lookup slot: an unused slot is the lookup of 0 in the zero table.
    pub(super) lookups: Vec<DenseLookup>,
    /// `SEL`.
    pub(super) selection: Vec<F>,
    /// `Y`.
    pub(super) y: Vec<F>,
    /// `Z`.
    pub(super) z: Vec<F>,
    /// `GRP`.
    pub(super) group: Vec<F>,
    /// `F_1, F_2, ..`.
    pub(super) flags: Vec<Vec<F>>,
    /// In the place of the last four but the flags, in statements about a table.
    pub(super) chain: Option<DenseChain>,
}

/// The chain of a table's tags.
#[derive(Clone)]
pub(super) struct DenseChain {
    /// `V`.
    pub(super) sources: Vec<F>,
    /// `V + V_D + 1`.
    pub(super) targets: Vec<F>,
    /// How many times the sources' weight the targets have in the leaves: 1, but a liar's.
    pub(super) balance: F,
}

impl Dense {
    /// The tables of an honest prover's witness.
    pub(super) fn of(shape: &Shape, witness: &QueryWitness) -> Self {
        let optional = |column: &Option<RowColumn>| {
            column.as_ref().map_or_else(|| vec![F::ZERO; shape.rows()], |column| dense(shape, column))
        };
        let mut lookups: Vec<DenseLookup> = witness
            .lookups
            .iter()
            .map(|lookup| DenseLookup {
                input: dense(shape, &lookup.input),
                output: dense(shape, &lookup.output),
                table: lookup.table.iter().map(|entry| F::from(*entry)).collect(),
                multiplicity: dense_counts(shape, lookup),
            })
            .collect();
        lookups.resize_with(shape.max_lookups(), || Self::unused_lookup(shape, witness.declared_rows));
        Self {
            declared_rows: witness.declared_rows,
            lookups,
            selection: dense(shape, &witness.selection),
            y: dense_y(shape, witness),
            z: optional(&witness.z),
            group: dense(shape, &witness.group),
            flags: witness.flags.iter().map(|flag| dense(shape, flag)).collect(),
            chain: None,
        }
    }

    /// The lookup of 0 in the zero table.
    pub(super) fn unused_lookup(shape: &Shape, declared_rows: usize) -> DenseLookup {
        let mut multiplicity = vec![F::ZERO; 2 * shape.values()];
        multiplicity[0] = F::from(declared_rows as u64);
        DenseLookup {
            input: vec![F::ZERO; shape.rows()],
            output: vec![F::ZERO; shape.rows()],
            table: vec![F::ZERO; shape.values()],
            multiplicity,
        }
    }

    /// `OCC`.
    pub(super) fn occupied(&self) -> Vec<F> {
        (0..self.selection.len()).map(|row| F::from(row < self.declared_rows)).collect()
    }

    /// The aggregates by their definition, from the columns as they are.
    pub(super) fn aggregates(&self, shape: &Shape) -> Vec<GroupSums> {
        (0..shape.groups)
            .map(|g| {
                let mut sums = [F::ZERO; AGGREGATES];
                for row in (0..self.declared_rows).filter(|row| self.group[*row] == F::from(g as u64)) {
                    let (selected, y, z) = (self.selection[row], self.y[row], self.z[row]);
                    for (sum, term) in sums.iter_mut().zip([F::ONE, y, y * y, y * z]) {
                        *sum += selected * term;
                    }
                }
                sums
            })
            .collect()
    }

    /// What the row sumcheck's last claim is about, at any point; the table side is left empty.
    pub(super) fn at_row_point(&self, point: &[F], mu: F) -> Evaluations {
        let weights = weights(point);
        let at = |column: &[F]| extend(column, &weights);
        let mut power = F::ONE;
        let mut flags = F::ZERO;
        for flag in &self.flags {
            power *= mu;
            let value = at(flag);
            flags += power * (value * value - value);
        }
        Evaluations {
            occupied: at(&self.occupied()),
            flags,
            selection: at(&self.selection),
            y: at(&self.y),
            z: at(&self.z),
            group: at(&self.group),
            inputs: self.lookups.iter().map(|lookup| at(&lookup.input)).collect(),
            outputs: self.lookups.iter().map(|lookup| at(&lookup.output)).collect(),
            tables: Vec::new(),
            multiplicities: Vec::new(),
        }
    }

    /// `V` and `V + V_D + 1` at any point, where there is a chain.
    pub(super) fn chain_at(&self, point: &[F]) -> Option<[F; 2]> {
        let weights = weights(point);
        self.chain.as_ref().map(|chain| [&chain.sources, &chain.targets].map(|column| extend(column, &weights)))
    }

    /// What a verifier of the statement `table` would derive at these points.
    pub(super) fn table_evaluations(&self, at: &TableChallenges) -> TableEvaluations {
        let values = weights(&at.value_point);
        let Evaluations { occupied, flags, inputs, .. } = self.at_row_point(&at.row_point, at.mu);
        let [sources, targets] = self.chain_at(&at.row_point).unwrap_or([F::ZERO; 2]);
        let multiplicities = self.lookups.iter().map(|lookup| extend(&lookup.multiplicity, &values)).collect();
        TableEvaluations { occupied, flags, sources, targets, inputs, multiplicities }
    }

    /// What a verifier would derive at these points.
    pub(super) fn evaluations(&self, at: &PublicChallenges) -> Evaluations {
        let (values, tables) = (weights(&at.value_point), weights(&at.table_point));
        Evaluations {
            tables: self.lookups.iter().map(|lookup| extend(&lookup.table, &tables)).collect(),
            multiplicities: self.lookups.iter().map(|lookup| extend(&lookup.multiplicity, &values)).collect(),
            ..self.at_row_point(&at.row_point, at.mu)
        }
    }
}
