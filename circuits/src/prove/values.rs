//! The table sumcheck: from the leaf numerators' claim at `rho_t` to the multiplicities at `r_t`.

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;

use super::columns::Parts;
use super::{Leaf, at_zero};
use crate::eq::SplitEq;
use crate::messages::{Messages, TableRound};
use crate::native::{Challenges, Coins};

/// Runs the sumcheck; returns `r_t`.
pub(super) fn sumcheck(
    shape: &Shape,
    witness: &Parts<'_>,
    challenges: &Challenges,
    leaf: &Leaf,
    coins: &mut Coins<'_>,
    messages: &mut Messages,
) -> Vec<F> {
    let mut table = vec![F::ZERO; 2 * shape.values()];
    for (j, slot) in leaf.table_slots(shape).iter().take(shape.max_lookups()).enumerate() {
        let weight = *slot * challenges.lookup_weights[j];
        match witness.lookups.get(j) {
            Some(lookup) => {
                for (out, count) in table.iter_mut().zip(&lookup.counts).filter(|(_, count)| **count != 0) {
                    *out += weight * F::from(*count);
                }
                for (out, mask) in table[shape.values()..].iter_mut().zip(&lookup.mask) {
                    *out += weight * mask;
                }
            }
            None => table[0] += weight * F::from(witness.declared_rows as u64),
        }
    }
    let mut point = leaf.table_point[..shape.value_bits].to_vec();
    point.push(F::ZERO);
    let mut claim = leaf.table.p;
    let mut bound = Vec::with_capacity(point.len());
    for (i, rho) in point.iter().enumerate() {
        let eq = SplitEq::new(&point[i + 1..]);
        let [at_one] = eq.sum(0..eq.len(), |y| [table[2 * y + 1]]);
        let round = TableRound { at_zero: at_zero(claim, *rho, at_one), at_one };
        let challenge = coins.table_round(&round);
        claim = round.at(challenge);
        table = (0..table.len() / 2).map(|y| table[2 * y] + challenge * (table[2 * y + 1] - table[2 * y])).collect();
        messages.table_rounds[i] = round;
        bound.push(challenge);
    }
    bound
}
