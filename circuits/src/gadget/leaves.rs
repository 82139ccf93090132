//! (d) Leaves, as constraints.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;

use super::Public;
use super::builder::Builder;
use super::coins::{Challenges, Coins};
use super::walk::{LeafClaim, LeafClaims, continues};
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
    let (lookups, last) = slots.split_at(slots.len() - 1);
    let w = &challenges.aggregate_weights;
    let squares = builder.product(&w[2], &public.y);
    let products = builder.product(&w[3], &public.z);
    let inner = builder.sum(&[w[1].clone(), squares, products]);
    let measured = builder.product(&public.y, &inner);
    let summed = builder.add(&w[0], &measured);
    let selected = builder.product(&public.selection, &summed);
    let mut occupied = vec![builder.product(&last[0], &selected)];
    if relation.has(Clause::FlagsChecked) {
        occupied.push(public.flags.clone());
    }
    let distance = builder.sub(&challenges.gamma, &public.group);
    let mut poles = vec![builder.product(&last[0], &distance)];
    for (j, slot) in lookups.iter().enumerate() {
        occupied.push(builder.product(slot, &challenges.lookup_weights[j]));
        let scaled = builder.product(&challenges.beta, &public.outputs[j]);
        let pole =
            builder.linear(F::ZERO, &[(F::ONE, &challenges.alpha), (-F::ONE, &public.inputs[j]), (-F::ONE, &scaled)]);
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
    let (lookups, last) = slots.split_at(slots.len() - 1);
    let bits: Vec<(F, &B::Num)> = rho.iter().enumerate().map(|(bit, x)| (-F::from(1u64 << bit), x)).collect();
    let minus_value = builder.linear(F::ZERO, &bits);
    let mut denominators = vec![last[0].clone()];
    let mut numerators = Vec::with_capacity(lookups.len());
    for (j, slot) in lookups.iter().enumerate() {
        let scaled = builder.product(&challenges.beta, &public.tables[j]);
        let pole = builder.linear(F::ZERO, &[(F::ONE, &challenges.alpha), (F::ONE, &minus_value), (-F::ONE, &scaled)]);
        denominators.push(builder.product(slot, &pole));
        let weight = builder.product(slot, &challenges.lookup_weights[j]);
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
