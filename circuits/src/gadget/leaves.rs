//! (d) Leaves, as constraints.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;

use super::builder::Builder;
use super::coins::{Challenges, Coins};
use super::walk::{LeafClaim, LeafClaims, continues};
use super::{Others, Public, chain_weight};
use crate::clause::{Clause, Relation};
use crate::messages::Messages;

/// `eq(rho_slot, j)` of every slot `j`: `2^l - 2` products.
fn leaf_weights<B: Builder>(builder: &mut B, shape: &Shape, point: &[B::Num]) -> Vec<B::Num> {
    let mut out = vec![builder.constant(F::ONE)];
    for (i, coordinate) in point[point.len() - shape.slot_bits..].iter().enumerate() {
        let high: Vec<B::Num> = if i == 0 {
            vec![coordinate.clone()]
        } else {
            out.iter().map(|weight| builder.product(weight, coordinate)).collect()
        };
        for (weight, high) in out.iter_mut().zip(&high) {
            *weight = builder.sub(weight, high);
        }
        out.extend(high);
    }
    out
}

/// Settles the leaf claims.
#[allow(clippy::too_many_arguments)] // the relation's parts, each by its name
pub(super) fn settle<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_, B::Num>,
    public: &Public<B::Num>,
    messages: &Messages,
    challenges: &Challenges<B::Num>,
    claims: &LeafClaims<B::Num>,
) {
    if relation.has(Clause::PublicMu) {
        builder.equal(Clause::PublicMu, &public.mu, &claims.mu);
    }
    rows(builder, relation, shape, coins, public, messages, challenges, claims);
    tables(builder, relation, shape, coins, public, messages, challenges, &claims.table);
}

#[allow(clippy::too_many_arguments)] // as above
fn rows<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_, B::Num>,
    public: &Public<B::Num>,
    messages: &Messages,
    challenges: &Challenges<B::Num>,
    claims: &LeafClaims<B::Num>,
) {
    let LeafClaims { row, lambda, .. } = claims;
    let weighted = builder.product(lambda, &row.value.q);
    let mut claim = builder.add(&row.value.p, &weighted);
    for (i, (round, rho)) in messages.row_rounds.iter().zip(&row.point).enumerate() {
        let at_zero = builder.witness(round.at_zero);
        let at_one = builder.witness(round.at_one);
        let [c2, c3, c4] = round.high.map(|x| builder.witness(x));
        continues(builder, relation, Clause::RowRounds, rho, &at_zero, &at_one, &claim);
        let x = coins.row_round(builder, &[at_one.clone(), c2.clone(), c3.clone(), c4.clone()]);
        // Horner: q(0) + x (c1 + x (c2 + x (c3 + x c4))), c1 = q(1) - q(0) - c2 - c3 - c4
        let c1 = builder
            .linear(F::ZERO, &[(F::ONE, &at_one), (-F::ONE, &at_zero), (-F::ONE, &c2), (-F::ONE, &c3), (-F::ONE, &c4)]);
        let mut value = c4;
        for coefficient in [&c3, &c2, &c1, &at_zero] {
            let step = builder.product(&x, &value);
            value = builder.add(coefficient, &step);
        }
        claim = value;
        if relation.has(Clause::PublicRowPoint) {
            builder.equal(Clause::PublicRowPoint, &public.row_point[i], &x);
        }
    }
    // g(r) = OCC (sum_j e_j W_j + e SEL (w_0 + Y (w_1 + w_2 Y + w_3 Z)) + flags)
    //      + lambda (sum_j e_j (alpha - in_j - beta out_j) + e (gamma - GRP))
    let slots = leaf_weights(builder, shape, &row.point);
    let (lookups, others) = slots.split_at(shape.max_lookups());
    let (numerator, mut poles) = other_leaves(builder, relation, public, challenges, others);
    let mut occupied = vec![numerator];
    if relation.has(Clause::FlagsChecked) {
        occupied.push(public.flags.clone());
    }
    for (j, slot) in lookups.iter().enumerate() {
        occupied.push(with_weight(builder, slot, challenges, j));
        let mut pole = builder.sub(&challenges.alpha, &public.inputs[j]);
        if let Some(output) = public.outputs.get(j) {
            let scaled = builder.product(&challenges.beta, output);
            pole = builder.sub(&pole, &scaled);
        }
        poles.push(builder.product(slot, &pole));
    }
    let occupied = builder.sum(&occupied);
    let numerators = builder.product(&public.occupied, &occupied);
    let poles = builder.sum(&poles);
    let denominators = builder.product(lambda, &poles);
    let expected = builder.add(&numerators, &denominators);
    if relation.has(Clause::RowFinal) {
        builder.equal(Clause::RowFinal, &claim, &expected);
    }
}

/// A lookup's slot with its weight.
fn with_weight<B: Builder>(builder: &mut B, slot: &B::Num, challenges: &Challenges<B::Num>, lookup: usize) -> B::Num {
    match challenges.lookup_weights.get(lookup) {
        Some(weight) => builder.product(slot, weight),
        None => slot.clone(),
    }
}

/// What the leaf sets that are no lookups add: to what `OCC` multiplies, and the poles with their slots' weights.
///
/// The products come in the order in which the keys of queries have them: the numerator's, then the poles'.
fn other_leaves<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    public: &Public<B::Num>,
    challenges: &Challenges<B::Num>,
    slots: &[B::Num],
) -> (B::Num, Vec<B::Num>) {
    match &public.others {
        Others::Aggregates { selection, y, z, group } => {
            let w = &challenges.aggregate_weights;
            let squares = builder.product(&w[2], y);
            let products = builder.product(&w[3], z);
            let inner = builder.sum(&[w[1].clone(), squares, products]);
            let measured = builder.product(y, &inner);
            let summed = builder.add(&w[0], &measured);
            let selected = builder.product(selection, &summed);
            let numerator = builder.product(&slots[0], &selected);
            let distance = builder.sub(&challenges.gamma, group);
            (numerator, vec![builder.product(&slots[0], &distance)])
        }
        Others::Chain { sources, targets } => {
            let weight = chain_weight(builder, relation, challenges);
            let slot = builder.sub(&slots[0], &slots[1]);
            let numerator = builder.product(&slot, &weight);
            let pole = |builder: &mut B, slot: &B::Num, value: &B::Num| {
                let distance = builder.sub(&challenges.gamma, value);
                builder.product(slot, &distance)
            };
            (numerator, vec![pole(builder, &slots[0], sources), pole(builder, &slots[1], targets)])
        }
    }
}

#[allow(clippy::too_many_arguments)] // as above
fn tables<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_, B::Num>,
    public: &Public<B::Num>,
    messages: &Messages,
    challenges: &Challenges<B::Num>,
    table: &LeafClaim<B::Num>,
) {
    let rho = &table.point[..shape.value_bits];
    if relation.has(Clause::PublicTablePoint) {
        for (found, drawn) in public.table_point.iter().zip(rho) {
            builder.equal(Clause::PublicTablePoint, found, drawn);
        }
    }
    let slots = leaf_weights(builder, shape, &table.point);
    let (lookups, others) = slots.split_at(shape.max_lookups());
    let bits: Vec<(F, &B::Num)> = rho.iter().enumerate().map(|(bit, x)| (-F::from(1u64 << bit), x)).collect();
    let minus_value = builder.linear(F::ZERO, &bits);
    let mut denominators = others.to_vec();
    let mut numerators = Vec::with_capacity(lookups.len());
    for (j, slot) in lookups.iter().enumerate() {
        let mut pole = builder.add(&challenges.alpha, &minus_value);
        if let Some(entry) = public.tables.get(j) {
            let scaled = builder.product(&challenges.beta, entry);
            pole = builder.sub(&pole, &scaled);
        }
        denominators.push(builder.product(slot, &pole));
        let weight = with_weight(builder, slot, challenges, j);
        numerators.push(builder.product(&weight, &public.multiplicities[j]));
    }
    let denominators = builder.sum(&denominators);
    if relation.has(Clause::TableDenominators) {
        builder.equal(Clause::TableDenominators, &table.value.q, &denominators);
    }
    let zero = builder.constant(F::ZERO);
    let mut claim = table.value.p.clone();
    for (i, round) in messages.table_rounds.iter().enumerate() {
        let at_zero = builder.witness(round.at_zero);
        let at_one = builder.witness(round.at_one);
        // The last variable is the masking one, at coordinate 0.
        continues(builder, relation, Clause::TableRounds, rho.get(i).unwrap_or(&zero), &at_zero, &at_one, &claim);
        let challenge = coins.table_round(builder, &at_one);
        let difference = builder.sub(&at_one, &at_zero);
        let step = builder.product(&challenge, &difference);
        claim = builder.add(&at_zero, &step);
        if relation.has(Clause::PublicValuePoint) {
            builder.equal(Clause::PublicValuePoint, &public.value_point[i], &challenge);
        }
    }
    let numerators = builder.sum(&numerators);
    if relation.has(Clause::TableFinal) {
        builder.equal(Clause::TableFinal, &claim, &numerators);
    }
}
