//! How the naive prover lies: what it claims, where the lie travels, and where and how it is dropped.
//!
//! A sumcheck absorbs any lie: `q(0)` is whatever the running claim says, and a child value whatever the
//! layer's end says. So a lie told at the roots reaches the leaves with every check on its way passed, and
//! fails there. Drop it earlier, and just the check at that place fails; drop it at a message whose
//! challenge is known beforehand, and no check fails at all.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;

use crate::messages::{Children, GroupSums};

/// Which claim carries the lie from layer to layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carrier {
    /// The row tree's numerator.
    RowNumerator,
    /// The table tree's numerator.
    TableNumerator,
    /// The table tree's denominator.
    TableDenominator,
}

/// A place in the argument where a lie can be dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Roots,
    /// Layer, round.
    LayerRound(usize, usize),
    LayerEnd(usize),
    RowRound(usize),
    TableRound(usize),
}

/// How it is dropped there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Manner {
    /// By sending the honest message, though the claim is another.
    Bluntly,
    /// By a message that fits the false claim and, at the challenge it will be answered with, the truth.
    KnowingChallenge,
    /// At a layer's end: children that fit the false claim and whose next *batched* claim is true
    /// (trap 1; needs the next `lambda` only).
    KnowingBatch,
}

/// A lie.
#[derive(Clone)]
pub(super) struct Lie {
    /// The aggregates claimed.
    pub(super) aggregates: Vec<GroupSums>,
    pub(super) carrier: Carrier,
    /// Where and how it is dropped; without it the lie goes on to the end.
    pub(super) dropped: Option<(Place, Manner)>,
    /// Batches flag checks, and is published, in place of the transcript's.
    pub(super) mu: Option<F>,
}

impl Lie {
    /// These aggregates, and no deviation that they do not force.
    pub(super) fn claiming(aggregates: Vec<GroupSums>) -> Self {
        Self { aggregates, carrier: Carrier::RowNumerator, dropped: None, mu: None }
    }

    pub(super) fn carried_by(self, carrier: Carrier) -> Self {
        Self { carrier, ..self }
    }

    pub(super) fn dropped_at(self, place: Place, manner: Manner) -> Self {
        Self { dropped: Some((place, manner)), ..self }
    }

    /// The manner in which it is dropped at a place, if it is.
    pub(super) fn manner(&self, at: Place) -> Option<Manner> {
        self.dropped.and_then(|(place, manner)| (place == at).then_some(manner))
    }
}

/// What to add to a round's `(q(0), q(1))`: a line, so that the rest of the polynomial stays.
///
/// `gap` is the running claim less the honest one, `rho` the round's coordinate; `challenge` is asked for
/// only when it is used.
pub(super) fn bend_round(gap: F, rho: F, manner: Option<Manner>, challenge: impl FnOnce() -> F) -> [F; 2] {
    match manner {
        _ if gap == F::ZERO => [F::ZERO; 2],
        Some(Manner::Bluntly) => [F::ZERO; 2],
        // gap = (1 - rho) d(0) + rho d(1)
        None => [gap * inverse(F::ONE - rho), F::ZERO],
        // ... with d(challenge) = 0: d(X) = slope (X - challenge).
        Some(_) => {
            let challenge = challenge();
            let slope = gap * inverse(rho - challenge);
            [-slope * challenge, slope * (F::ONE - challenge)]
        }
    }
}

/// Changes a layer's child values so that the layer's end is the running claim.
///
/// `gap` is the running claim less the honest one; `drawn` gives the fold coordinate and the next `lambda`.
pub(super) fn bend_children(
    children: &mut Children,
    gap: F,
    lambda: F,
    in_denominator: bool,
    manner: Option<Manner>,
    drawn: impl FnOnce() -> [F; 2],
) {
    let Children { p_left, p_right, q_left, q_right } = *children;
    match manner {
        _ if gap == F::ZERO => {}
        Some(Manner::Bluntly) => {}
        None if in_denominator => children.q_left += gap * inverse(lambda * q_right + p_right),
        None => children.p_left += gap * inverse(q_right),
        // (1 - f) d_l + f d_r = 0, so the folded numerator stays.
        Some(Manner::KnowingChallenge) => {
            let [fold, _] = drawn();
            let step = gap * inverse((F::ONE - fold) * q_left - fold * q_right);
            children.p_left = p_left - fold * step;
            children.p_right = p_right + (F::ONE - fold) * step;
        }
        // p + lambda' q stays at every fold coordinate.
        Some(Manner::KnowingBatch) => {
            let [_, next] = drawn();
            let step = gap * inverse((lambda - next) * q_right + p_right);
            children.q_left = q_left + step;
            children.p_left = p_left - next * step;
        }
    }
}

pub(super) fn inverse(x: F) -> F {
    x.inverse().expect("a forger divides by zero with probability 1/|F| only")
}
