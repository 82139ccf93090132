//! The transcript's steps by name, as constraints.

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::F;
use cohortium_protocol::shape::{Proves, Shape};

use super::builder::Builder;
use super::poseidon::Transcript;
use crate::clause::{Clause, Relation};
use crate::messages::ENDS;
use crate::poseidon::Width;
use crate::transcript::{ENDS_WIDTH, FIXED_CHALLENGES, GROUPS_PER_STEP, layer_end_width, weight_steps};

/// The challenges drawn after the aggregates.
pub(super) struct Challenges<N> {
    pub(super) alpha: N,
    pub(super) beta: N,
    pub(super) gamma: N,
    /// Of a chain the first alone.
    pub(super) aggregate_weights: [N; 4],
    /// A lookup without one has the weight 1.
    pub(super) lookup_weights: Vec<N>,
}

/// The challenges at the end of a layer.
pub(super) struct LayerEnd<N> {
    pub(super) fold: N,
    pub(super) lambda: N,
    pub(super) mu: N,
}

/// A transcript with the statement's steps.
pub(super) struct Coins<'a, N> {
    relation: Relation,
    shape: &'a Shape,
    transcript: Transcript<N>,
}

impl<'a, N: Clone> Coins<'a, N> {
    pub(super) fn new<B: Builder<Num = N>>(builder: &B, relation: Relation, shape: &'a Shape) -> Self {
        Self { relation, shape, transcript: Transcript::new(builder, shape) }
    }

    fn absorb<B: Builder<Num = N>>(&mut self, builder: &mut B, clause: Clause, width: Width, messages: &[N]) -> Vec<N> {
        let entering = if self.relation.has(clause) { messages } else { &[] };
        self.transcript.step(builder, width, entering)
    }

    pub(super) fn statement<B: Builder<Num = N>>(
        &mut self,
        builder: &mut B,
        context: &[N; 2],
        commitments: &[N; 2],
        nonce: &N,
    ) {
        let zero = builder.constant(F::ZERO);
        let keep = |clause, limbs: &[N; 2]| {
            if self.relation.has(clause) { limbs.clone() } else { [zero.clone(), zero.clone()] }
        };
        let [c0, c1] = keep(Clause::AbsorbContext, context);
        let [q0, q1] = keep(Clause::AbsorbCommitments, commitments);
        self.transcript.step(builder, Width::W9, &[c0, c1, q0, q1, nonce.clone()]);
    }

    pub(super) fn aggregates<B: Builder<Num = N>>(&mut self, builder: &mut B, aggregates: &[[N; 4]]) -> Challenges<N> {
        if self.shape.proves == Proves::Table {
            return self.ends(builder, aggregates.first().map_or(&[], |ends| &ends[..ENDS]));
        }
        let mut drawn = Vec::new();
        for groups in aggregates.chunks(GROUPS_PER_STEP) {
            drawn = self.absorb(builder, Clause::AbsorbAggregates, Width::W17, groups.as_flattened());
        }
        for _ in 0..weight_steps(self.shape) {
            drawn.extend(self.transcript.step(builder, Width::W9, &[]));
        }
        let first = |wanted: bool, i: usize, j: usize| drawn[if wanted { j } else { i }].clone();
        let own = self.relation.has(Clause::IndependentAggregates);
        let own_lookup = self.relation.has(Clause::IndependentWeights);
        Challenges {
            alpha: self.alpha(builder, &drawn[0]),
            beta: if self.relation.has(Clause::OutputBound) { drawn[1].clone() } else { builder.constant(F::ZERO) },
            gamma: drawn[2].clone(),
            aggregate_weights: [3, 4, 5, 6].map(|j| first(own, 3, j)),
            lookup_weights: (0..self.shape.max_lookups())
                .map(|j| first(own_lookup, FIXED_CHALLENGES, FIXED_CHALLENGES + j))
                .collect(),
        }
    }

    fn ends<B: Builder<Num = N>>(&mut self, builder: &mut B, ends: &[N]) -> Challenges<N> {
        let drawn = self.absorb(builder, Clause::AbsorbAggregates, ENDS_WIDTH, ends);
        let zero = || builder.constant(F::ZERO);
        let (beta, aggregate_weights) = (zero(), [drawn[2].clone(), zero(), zero(), zero()]);
        let alpha = self.alpha(builder, &drawn[0]);
        Challenges { alpha, beta, gamma: drawn[1].clone(), aggregate_weights, lookup_weights: Vec::new() }
    }

    /// `alpha` as drawn, or as a test's lottery has it.
    #[cfg_attr(not(test), allow(clippy::unused_self))] // the lottery is the relation's
    fn alpha<B: Builder<Num = N>>(&self, builder: &mut B, drawn: &N) -> N {
        #[cfg(test)]
        if let Some(alpha) = self.relation.rigged_alpha() {
            return builder.witness(alpha);
        }
        let _ = builder;
        drawn.clone()
    }

    pub(super) fn roots<B: Builder<Num = N>>(&mut self, builder: &mut B, roots: &[N; 4]) -> N {
        self.absorb(builder, Clause::AbsorbRoots, Width::W5, roots).swap_remove(0)
    }

    pub(super) fn layer_round<B: Builder<Num = N>>(&mut self, builder: &mut B, messages: &[N; 2]) -> N {
        self.absorb(builder, Clause::AbsorbLayerRounds, Width::W3, messages).swap_remove(0)
    }

    pub(super) fn layer_end<B: Builder<Num = N>>(
        &mut self,
        builder: &mut B,
        number: usize,
        children: &[N],
    ) -> LayerEnd<N> {
        let drawn = self.absorb(builder, Clause::AbsorbChildren, layer_end_width(self.shape, number), children);
        LayerEnd { fold: drawn[0].clone(), lambda: drawn[1].clone(), mu: drawn[2].clone() }
    }

    pub(super) fn row_round<B: Builder<Num = N>>(&mut self, builder: &mut B, messages: &[N; 4]) -> N {
        self.absorb(builder, Clause::AbsorbRowRounds, Width::W5, messages).swap_remove(0)
    }

    pub(super) fn table_round<B: Builder<Num = N>>(&mut self, builder: &mut B, message: &N) -> N {
        self.absorb(builder, Clause::AbsorbTableRounds, Width::W3, std::slice::from_ref(message)).swap_remove(0)
    }
}
