//! What the circuit costs, by formula: constraints by part.

use cohortium_protocol::policy::SUM_BASE_BITS;
use cohortium_protocol::shape::{AGGREGATES, Shape};

use crate::native::{CODE_BITS, COUNT_RULE_BITS};
use crate::poseidon::Width;
use crate::transcript::{GROUPS_PER_STEP, active, layer_end_width, weight_steps};

/// Constraints by part of the statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// The transcript's permutations.
    pub transcript: usize,
    /// (b) Layers: rounds, ends and folds.
    pub layers: usize,
    /// (c) Roots.
    pub roots: usize,
    /// (d) Leaves.
    pub leaves: usize,
    /// (e) Release.
    pub release: usize,
}

impl Cost {
    /// All constraints.
    pub const fn total(&self) -> usize {
        self.transcript + self.layers + self.roots + self.leaves + self.release
    }
}

/// The cost of a shape's circuit.
pub fn predict(shape: &Shape) -> Cost {
    let Shape { row_bits: n, value_bits: w, groups, .. } = *shape;
    let slots = shape.slots();
    let lookups = shape.max_lookups();
    let both = (0..shape.layers()).filter(|i| active(shape, *i) == (true, true)).count();
    let layers = shape.layers();
    let rounds = layers * (layers - 1) / 2;
    let ends: usize = (0..layers).map(|i| layer_end_width(shape, i).constraints()).sum();
    let transcript = Width::W9.constraints() * (1 + weight_steps(shape))
        + Width::W17.constraints() * groups.div_ceil(GROUPS_PER_STEP)
        + Width::W5.constraints() * (1 + n)
        + Width::W3.constraints() * (rounds + w + 1)
        + ends;
    // A tree in a layer: its claim 1, its parent's value 3, its folds 2; both trees: lambda^2, and twice its factor.
    let trees = both + layers;
    let layers = 3 * rounds + 6 * trees + 3 * both + layers;
    let roots = groups * (1 + AGGREGATES + 1) + 2 + 1 + 2;
    // Slot weights of both trees; rows: claim, 6 a round; final: 6, 3 a lookup, 2; tables: point, 4 a lookup, 3 a round.
    let leaves = 2 * (slots - 2) + 1 + (1 + 6 * n + 6 + 3 * lookups + 2 + 1) + (w + 4 * lookups + 1 + 3 * (w + 1) + 1);
    let count = 2 + (1 + n + 1) + 4 + 2 * COUNT_RULE_BITS;
    let sums: usize = SUM_BASE_BITS.iter().map(|bits| 6 + 2 * *bits as usize).sum();
    // What all rows could add up to, the range of what is left of it, the side, its factor.
    let complement = 1 + (1 + n + CODE_BITS) + 1 + 1;
    Cost { transcript, layers, roots, leaves, release: groups * (count + sums + complement) }
}
