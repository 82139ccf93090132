//! (d) Leaves: the trees' leaf claims are settled by opened columns and public tables.

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::{QueryPublic, TablePublic};

use super::walk::{LeafClaim, LeafClaims};
use super::{Broken, Challenges, Coins, require};
use crate::clause::{Clause, Relation};
use crate::eq;
use crate::messages::Messages;

/// The public values that the leaf claims are settled by, of whichever statement.
pub(super) struct LeafValues<'a> {
    row_point: &'a [F],
    value_point: &'a [F],
    /// Nothing where no table is evaluated.
    table_point: &'a [F],
    mu: F,
    occupied: F,
    flags: F,
    inputs: &'a [F],
    /// A lookup without one has the output 0, in the zero table.
    outputs: &'a [F],
    tables: &'a [F],
    multiplicities: &'a [F],
    others: Others,
}

/// The leaf sets that are no lookups, at `r`.
enum Others {
    /// One, of a query's aggregates.
    Aggregates { selection: F, y: F, z: F, group: F },
    /// Two: the sources of the chain of a table's tags, and its targets.
    Chain { sources: F, targets: F },
}

impl<'a> From<&'a QueryPublic> for LeafValues<'a> {
    fn from(public: &'a QueryPublic) -> Self {
        let e = &public.evaluations;
        Self {
            row_point: &public.challenges.row_point,
            value_point: &public.challenges.value_point,
            table_point: &public.challenges.table_point,
            mu: public.challenges.mu,
            occupied: e.occupied,
            flags: e.flags,
            inputs: &e.inputs,
            outputs: &e.outputs,
            tables: &e.tables,
            multiplicities: &e.multiplicities,
            others: Others::Aggregates { selection: e.selection, y: e.y, z: e.z, group: e.group },
        }
    }
}

impl<'a> From<&'a TablePublic> for LeafValues<'a> {
    fn from(public: &'a TablePublic) -> Self {
        let e = &public.evaluations;
        Self {
            row_point: &public.challenges.row_point,
            value_point: &public.challenges.value_point,
            table_point: &[],
            mu: public.challenges.mu,
            occupied: e.occupied,
            flags: e.flags,
            inputs: &e.inputs,
            outputs: &[],
            tables: &[],
            multiplicities: &e.multiplicities,
            others: Others::Chain { sources: e.sources, targets: e.targets },
        }
    }
}

/// The weight of the chain's leaf sets and of its ends.
pub(crate) fn chain_weight(relation: &Relation, challenges: &Challenges) -> F {
    if relation.has(Clause::ChainCounted) { challenges.aggregate_weights[0] } else { F::ZERO }
}

/// `eq(rho_slot, j)` of every slot `j`, from a leaf claim's point.
pub fn leaf_weights(shape: &Shape, point: &[F]) -> Vec<F> {
    eq::table(&point[point.len() - shape.slot_bits..])
}

/// Settles the leaf claims.
pub(super) fn settle(
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_>,
    public: &LeafValues<'_>,
    messages: &Messages,
    challenges: &Challenges,
    claims: &LeafClaims,
) -> Result<(), Broken> {
    require(relation, Clause::PublicMu, public.mu == claims.mu)?;
    rows(relation, shape, coins, public, messages, challenges, claims)?;
    tables(relation, shape, coins, public, messages, challenges, &claims.table)
}

/// The row sumcheck.
fn rows(
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_>,
    public: &LeafValues<'_>,
    messages: &Messages,
    challenges: &Challenges,
    claims: &LeafClaims,
) -> Result<(), Broken> {
    let LeafClaims { row, lambda, .. } = claims;
    let mut claim = row.value.p + *lambda * row.value.q;
    for (i, (round, rho)) in messages.row_rounds.iter().zip(&row.point).enumerate() {
        let continues = (F::from(1u64) - rho) * (round.at_zero - round.at_one) == claim - round.at_one;
        require(relation, Clause::RowRounds, continues)?;
        let challenge = coins.row_round(round);
        claim = round.at(challenge);
        require(relation, Clause::PublicRowPoint, public.row_point[i] == challenge)?;
    }
    let e = public;
    let Challenges { alpha, beta, gamma, aggregate_weights: w, lookup_weights } = challenges;
    let slots = leaf_weights(shape, &row.point);
    let (lookups, others) = slots.split_at(shape.max_lookups());
    let mut expected = F::ZERO;
    for (j, slot) in lookups.iter().enumerate() {
        let output = e.outputs.get(j).copied().unwrap_or(F::ZERO);
        let denominator = *alpha - e.inputs[j] - *beta * output;
        expected += *slot * (lookup_weights[j] * e.occupied + *lambda * denominator);
    }
    match e.others {
        Others::Aggregates { selection, y, z, group } => {
            let summed = w[0] + y * (w[1] + w[2] * y + w[3] * z);
            expected += others[0] * (e.occupied * selection * summed + *lambda * (*gamma - group));
        }
        Others::Chain { sources, targets } => {
            let numerator = chain_weight(relation, challenges) * e.occupied;
            expected += others[0] * (numerator + *lambda * (*gamma - sources));
            expected += others[1] * (*lambda * (*gamma - targets) - numerator);
        }
    }
    if relation.has(Clause::FlagsChecked) {
        expected += e.occupied * e.flags;
    }
    require(relation, Clause::RowFinal, claim == expected)
}

/// The table sumcheck, and the table tree's denominators.
fn tables(
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_>,
    public: &LeafValues<'_>,
    messages: &Messages,
    challenges: &Challenges,
    table: &LeafClaim,
) -> Result<(), Broken> {
    let e = public;
    let (rho, _) = table.point.split_at(shape.value_bits);
    for (found, drawn) in public.table_point.iter().zip(rho) {
        require(relation, Clause::PublicTablePoint, found == drawn)?;
    }
    let slots = leaf_weights(shape, &table.point);
    let (lookups, others) = slots.split_at(shape.max_lookups());
    // v~ is the index itself: a linear function of the point.
    let value: F = rho.iter().enumerate().map(|(bit, x)| *x * F::from(1u64 << bit)).sum();
    let mut denominators: F = others.iter().sum();
    let mut numerators = F::ZERO;
    for (j, slot) in lookups.iter().enumerate() {
        let entry = e.tables.get(j).copied().unwrap_or(F::ZERO);
        denominators += *slot * (challenges.alpha - value - challenges.beta * entry);
        numerators += *slot * challenges.lookup_weights[j] * e.multiplicities[j];
    }
    require(relation, Clause::TableDenominators, table.value.q == denominators)?;
    let mut claim = table.value.p;
    for (i, round) in messages.table_rounds.iter().enumerate() {
        // The last variable is the masking one, at coordinate 0.
        let rho = rho.get(i).copied().unwrap_or(F::ZERO);
        let continues = (F::from(1u64) - rho) * (round.at_zero - round.at_one) == claim - round.at_one;
        require(relation, Clause::TableRounds, continues)?;
        let challenge = coins.table_round(round);
        claim = round.at(challenge);
        require(relation, Clause::PublicValuePoint, public.value_point[i] == challenge)?;
    }
    require(relation, Clause::TableFinal, claim == numerators)
}
