//! The transcript's steps by name: shared by the prover and the native twin.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::{AGGREGATES, Proves, Shape};

use crate::clause::{Clause, Relation};
use crate::messages::{ENDS, Fraction, GroupSums, Layer, LayerRound, RowRound, TableRound};
use crate::poseidon::Width;
use crate::transcript::{ENDS_WIDTH, FIXED_CHALLENGES, GROUPS_PER_STEP, Transcript, layer_end_width, weight_steps};

/// The challenges drawn after the aggregates.
#[derive(Clone)]
pub struct Challenges {
    /// `alpha`: a lookup's pole.
    pub alpha: F,
    /// `beta`: multiplies a lookup's output.
    pub beta: F,
    /// `gamma`: the aggregates' pole.
    pub gamma: F,
    /// `w_0 .. w_3`, one an aggregate; of a chain `w_0` alone.
    pub aggregate_weights: [F; AGGREGATES],
    /// `W_j`, one a lookup; 1 in statements about a table.
    pub lookup_weights: Vec<F>,
}

/// The challenges at the end of a layer.
#[derive(Clone, Copy)]
pub struct LayerEnd {
    /// The fold coordinate.
    pub fold: F,
    /// The next batching challenge: the next layer's, or after the last layer the leaves'.
    pub lambda: F,
    /// Batches flag checks; meaningful after the last layer.
    pub mu: F,
}

/// A transcript with the statement's steps.
pub struct Coins<'a> {
    relation: Relation,
    shape: &'a Shape,
    transcript: Transcript,
}

impl<'a> Coins<'a> {
    /// A fresh transcript.
    pub fn new(relation: Relation, shape: &'a Shape) -> Self {
        Self { relation, shape, transcript: Transcript::new(shape) }
    }

    /// Takes a step whose messages enter by a clause.
    fn absorb(&mut self, clause: Clause, width: Width, messages: &[F]) -> Vec<F> {
        let entering = if self.relation.has(clause) { messages } else { &[] };
        self.transcript.step(width, entering)
    }

    /// Absorbs the statement's digests and the nonce.
    pub fn statement(&mut self, context: [F; 2], commitments: [F; 2], nonce: F) {
        let keep = |clause, limbs: [F; 2]| if self.relation.has(clause) { limbs } else { [F::ZERO; 2] };
        let [c0, c1] = keep(Clause::AbsorbContext, context);
        let [q0, q1] = keep(Clause::AbsorbCommitments, commitments);
        self.transcript.step(Width::W9, &[c0, c1, q0, q1, nonce]);
    }

    /// Absorbs all aggregates, or a chain's ends, then draws the poles and weights.
    pub fn aggregates(&mut self, aggregates: &[GroupSums]) -> Challenges {
        if self.shape.proves == Proves::Table {
            return self.ends(aggregates.first().map_or(&[], |ends| &ends[..ENDS]));
        }
        let mut drawn = Vec::new();
        for groups in aggregates.chunks(GROUPS_PER_STEP) {
            drawn = self.absorb(Clause::AbsorbAggregates, Width::W17, groups.as_flattened());
        }
        for _ in 0..weight_steps(self.shape) {
            drawn.extend(self.transcript.step(Width::W9, &[]));
        }
        let mut aggregate_weights = [drawn[3], drawn[4], drawn[5], drawn[6]];
        if !self.relation.has(Clause::IndependentAggregates) {
            aggregate_weights = [drawn[3]; AGGREGATES];
        }
        let mut lookup_weights = drawn[FIXED_CHALLENGES..][..self.shape.max_lookups()].to_vec();
        if !self.relation.has(Clause::IndependentWeights) {
            lookup_weights.fill(drawn[FIXED_CHALLENGES]);
        }
        Challenges {
            alpha: self.relation.alpha(drawn[0]),
            beta: if self.relation.has(Clause::OutputBound) { drawn[1] } else { F::ZERO },
            gamma: drawn[2],
            aggregate_weights,
            lookup_weights,
        }
    }

    /// The lookups are all in one table, so they need no weights; outputs are 0, so they need no `beta`.
    fn ends(&mut self, ends: &[F]) -> Challenges {
        let drawn = self.absorb(Clause::AbsorbAggregates, ENDS_WIDTH, ends);
        Challenges {
            alpha: self.relation.alpha(drawn[0]),
            beta: F::ZERO,
            gamma: drawn[1],
            aggregate_weights: [drawn[2], F::ZERO, F::ZERO, F::ZERO],
            lookup_weights: vec![F::ONE; self.shape.max_lookups()],
        }
    }

    /// Absorbs both roots, draws the first batching challenge.
    pub fn roots(&mut self, row: Fraction, table: Fraction) -> F {
        self.absorb(Clause::AbsorbRoots, Width::W5, &[row.p, row.q, table.p, table.q])[0]
    }

    /// Absorbs a layer's round.
    pub fn layer_round(&mut self, round: &LayerRound) -> F {
        self.absorb(Clause::AbsorbLayerRounds, Width::W3, &[round.at_one, round.leading])[0]
    }

    /// Absorbs all child values of a layer, then draws the fold coordinate and the next challenges.
    pub fn layer_end(&mut self, number: usize, layer: &Layer) -> LayerEnd {
        let messages = layer.child_messages(self.shape, number);
        let drawn = self.absorb(Clause::AbsorbChildren, layer_end_width(self.shape, number), &messages);
        LayerEnd { fold: drawn[0], lambda: drawn[1], mu: drawn[2] }
    }

    /// Absorbs a round of the row sumcheck.
    pub fn row_round(&mut self, round: &RowRound) -> F {
        let [c2, c3, c4] = round.high;
        self.absorb(Clause::AbsorbRowRounds, Width::W5, &[round.at_one, c2, c3, c4])[0]
    }

    /// Absorbs a round of the table sumcheck.
    pub fn table_round(&mut self, round: &TableRound) -> F {
        self.absorb(Clause::AbsorbTableRounds, Width::W3, &[round.at_one])[0]
    }
}
