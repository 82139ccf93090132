//! (d) Leaves: the trees' leaf claims are settled by opened columns and public tables.

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::QueryPublic;

use super::walk::{LeafClaim, LeafClaims};
use super::{Broken, Challenges, Coins, require};
use crate::clause::{Clause, Relation};
use crate::eq;
use crate::messages::Messages;

/// `eq(rho_slot, j)` of every slot `j`, from a leaf claim's point.
pub fn leaf_weights(shape: &Shape, point: &[F]) -> Vec<F> {
    eq::table(&point[point.len() - shape.slot_bits..])
}

/// Settles the leaf claims.
pub(super) fn settle(
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_>,
    public: &QueryPublic,
    messages: &Messages,
    challenges: &Challenges,
    claims: &LeafClaims,
) -> Result<(), Broken> {
    require(relation, Clause::PublicMu, public.challenges.mu == claims.mu)?;
    rows(relation, shape, coins, public, messages, challenges, claims)?;
    tables(relation, shape, coins, public, messages, challenges, &claims.table)
}

/// The row sumcheck.
fn rows(
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_>,
    public: &QueryPublic,
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
        require(relation, Clause::PublicRowPoint, public.challenges.row_point[i] == challenge)?;
    }
    let e = &public.evaluations;
    let Challenges { alpha, beta, gamma, aggregate_weights: w, lookup_weights } = challenges;
    let slots = leaf_weights(shape, &row.point);
    let (last, lookups) = match slots.split_last() {
        Some((last, lookups)) => (*last, lookups),
        None => (F::ZERO, &[][..]),
    };
    let mut expected = F::ZERO;
    for (j, slot) in lookups.iter().enumerate() {
        let denominator = *alpha - e.inputs[j] - *beta * e.outputs[j];
        expected += *slot * (lookup_weights[j] * e.occupied + *lambda * denominator);
    }
    let summed = w[0] + e.y * (w[1] + w[2] * e.y + w[3] * e.z);
    expected += last * (e.occupied * e.selection * summed + *lambda * (*gamma - e.group));
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
    public: &QueryPublic,
    messages: &Messages,
    challenges: &Challenges,
    table: &LeafClaim,
) -> Result<(), Broken> {
    let e = &public.evaluations;
    let (rho, _) = table.point.split_at(shape.value_bits);
    for (found, drawn) in public.challenges.table_point.iter().zip(rho) {
        require(relation, Clause::PublicTablePoint, found == drawn)?;
    }
    let slots = leaf_weights(shape, &table.point);
    let (last, lookups) = match slots.split_last() {
        Some((last, lookups)) => (*last, lookups),
        None => (F::ZERO, &[][..]),
    };
    // v~ is the index itself: a linear function of the point.
    let value: F = rho.iter().enumerate().map(|(bit, x)| *x * F::from(1u64 << bit)).sum();
    let mut denominators = last;
    let mut numerators = F::ZERO;
    for (j, slot) in lookups.iter().enumerate() {
        denominators += *slot * (challenges.alpha - value - challenges.beta * e.tables[j]);
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
        require(relation, Clause::PublicValuePoint, public.challenges.value_point[i] == challenge)?;
    }
    require(relation, Clause::TableFinal, claim == numerators)
}
