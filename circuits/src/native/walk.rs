//! (b) Layers: both trees from their roots to their leaves, in lockstep.

use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;

use super::{Broken, Coins, require};
use crate::clause::{Clause, Relation};
use crate::messages::{Fraction, Messages};
use crate::transcript::active;

/// Claims about a tree's leaves: at `point`, whose last `l` coordinates select the slot.
pub(super) struct LeafClaim {
    /// The leaf numerators and denominators at the point.
    pub(super) value: Fraction,
    /// The point.
    pub(super) point: Vec<F>,
}

/// What is left after the layers.
pub(super) struct LeafClaims {
    /// The row tree's.
    pub(super) row: LeafClaim,
    /// The table tree's.
    pub(super) table: LeafClaim,
    /// Batches the row tree's two claims.
    pub(super) lambda: F,
    /// Batches flag checks.
    pub(super) mu: F,
}

/// Walks the layers.
pub(super) fn layers(
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_>,
    messages: &Messages,
) -> Result<LeafClaims, Broken> {
    let mut row = LeafClaim { value: messages.row_root, point: Vec::new() };
    let mut table = LeafClaim { value: messages.table_root, point: Vec::new() };
    let mut lambda = coins.roots(row.value, table.value);
    let mut mu = F::from(0u64);
    let mut point: Vec<F> = Vec::new();
    for (number, layer) in messages.layers.iter().enumerate() {
        let (row_active, table_active) = active(shape, number);
        // The table tree's part of a layer carries lambda^2, where both are walked.
        let table_scale = if row_active { lambda * lambda } else { F::from(1u64) };
        let mut claim = F::from(0u64);
        let mut end = F::from(0u64);
        if row_active {
            claim += row.value.p + lambda * row.value.q;
            end += layer.row.parent(lambda);
        }
        if table_active {
            claim += table_scale * (table.value.p + lambda * table.value.q);
            end += table_scale * layer.table.parent(lambda);
        }
        let mut bound = Vec::with_capacity(number + 1);
        for (round, rho) in layer.rounds.iter().zip(&point) {
            let continues = (F::from(1u64) - rho) * (round.at_zero - round.at_one) == claim - round.at_one;
            require(relation, Clause::LayerRounds, continues)?;
            let challenge = coins.layer_round(round);
            claim = round.at(challenge);
            bound.push(challenge);
        }
        require(relation, Clause::LayerEnd, claim == end)?;
        let drawn = coins.layer_end(number, layer);
        bound.insert(0, drawn.fold);
        point = bound;
        if row_active {
            row = LeafClaim { value: layer.row.fold(drawn.fold), point: point.clone() };
        }
        if table_active {
            table = LeafClaim { value: layer.table.fold(drawn.fold), point: point.clone() };
        }
        lambda = drawn.lambda;
        mu = drawn.mu;
    }
    Ok(LeafClaims { row, table, lambda, mu })
}
