//! The transcript's permutation and steps as constraints.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;

use super::builder::{Builder, Label};
use crate::poseidon::{FULL_ROUNDS, Width, constants, is_full_round};
use crate::transcript::initial_chain;

/// `x^5`. The last factor is `x` itself on the B side, where it stands already for the square: the
/// fourth power never enters B, whose variables are the dear ones.
fn s_box<B: Builder>(builder: &mut B, x: &B::Num) -> B::Num {
    let value = builder.value(x);
    let square = builder.witness(value.square());
    builder.enforce(Label::Permutation, x, x, &square);
    let fourth = builder.witness(value.square().square());
    builder.enforce(Label::Permutation, &square, &square, &fourth);
    let fifth = builder.witness(value.square().square() * value);
    builder.enforce(Label::Permutation, &fourth, x, &fifth);
    fifth
}

/// Applies the permutation to a state of `width.size()` numbers.
pub(super) fn permute<B: Builder>(builder: &mut B, width: Width, state: &mut Vec<B::Num>) {
    let constants = constants(width);
    for round in 0..FULL_ROUNDS + width.partial_rounds() {
        for (x, c) in state.iter_mut().zip(&constants.round_constants[round]) {
            *x = builder.add_constant(x, *c);
        }
        let boxes = if is_full_round(width, round) { state.len() } else { 1 };
        for x in &mut state[..boxes] {
            *x = s_box(builder, x);
        }
        *state = constants
            .matrix
            .iter()
            .map(|row| {
                let terms: Vec<(F, &B::Num)> = row.iter().copied().zip(state.iter()).collect();
                builder.linear(F::ZERO, &terms)
            })
            .collect();
    }
}

/// The transcript in the circuit.
pub(super) struct Transcript<N> {
    chain: N,
}

impl<N: Clone> Transcript<N> {
    pub(super) fn new<B: Builder<Num = N>>(builder: &B, shape: &Shape) -> Self {
        Self { chain: builder.constant(initial_chain(shape)) }
    }

    /// A step: see [`crate::transcript::Transcript::step`].
    pub(super) fn step<B: Builder<Num = N>>(&mut self, builder: &mut B, width: Width, messages: &[N]) -> Vec<N> {
        let mut state = vec![builder.constant(F::ZERO); width.size()];
        state[0] = self.chain.clone();
        state[1..=messages.len()].clone_from_slice(messages);
        permute(builder, width, &mut state);
        self.chain = state[0].clone();
        state.split_off(1)
    }
}
