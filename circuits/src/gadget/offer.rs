//! (g) Offer, as constraints.

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::F;

use super::Inputs;
use super::builder::Builder;
use super::poseidon::permute;
use crate::clause::{Clause, Relation};
use crate::nullifier::{WIDTH, nullifier_tag};

/// What is public of the offered patient.
pub(super) struct Offer<N> {
    scope: [N; 2],
    nullifier: N,
}

impl<N: Clone> Offer<N> {
    pub(super) fn allocate<B: Builder<Num = N>>(inputs: &mut Inputs<'_, B>) -> Self {
        Self { scope: inputs.pair(), nullifier: inputs.one() }
    }
}

/// Checks the one group's count, and the nullifier of its sum.
pub(super) fn check<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    offer: &Offer<B::Num>,
    aggregates: &[[B::Num; 4]],
) {
    // A shape of this statement has one group.
    for [n, s, ..] in aggregates {
        if relation.has(Clause::OneSelected) {
            let one = builder.constant(F::from(1u64));
            builder.equal(Clause::OneSelected, n, &one);
        }
        let zero = builder.constant(F::ZERO);
        let [high, low] = &offer.scope;
        let parts =
            [(Clause::NullifierBindsTag, s), (Clause::NullifierBindsScope, high), (Clause::NullifierBindsScope, low)];
        let mut state = vec![builder.constant(nullifier_tag())];
        state.extend(parts.map(|(clause, part)| if relation.has(clause) { part.clone() } else { zero.clone() }));
        state.resize(WIDTH.size(), zero);
        permute(builder, WIDTH, &mut state);
        if relation.has(Clause::NullifierOpens) {
            builder.equal(Clause::NullifierOpens, &state[0], &offer.nullifier);
        }
    }
}
