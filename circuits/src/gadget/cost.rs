//! What the circuit costs, by formula: constraints by part.

use cohortium_protocol::policy::SUM_BASE_BITS;
use cohortium_protocol::shape::{AGGREGATES, NoiseShape, Proves, Shape};

use crate::native::{CODE_BITS, COUNT_RULE_BITS, NOISED_COUNT_BITS};
use crate::noise::{DIGITS_PER_NUMBER, TOP_BITS, WORD_BITS, block_count, number_count};
use crate::nullifier::WIDTH as NULLIFIER;
use crate::poseidon::Width;
use crate::transcript::{ENDS_WIDTH, GROUPS_PER_STEP, active, layer_end_width, weight_steps};

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
    /// (e) Release; (f) in shapes with noise, noise included; (g) in those of an offer.
    pub release: usize,
}

impl Cost {
    /// All constraints.
    pub const fn total(&self) -> usize {
        self.transcript + self.layers + self.roots + self.leaves + self.release
    }
}

/// A group's cells under noise: the threshold, both sides of the rounding, three sums.
const NOISED_GROUP: usize = (1 + NOISED_COUNT_BITS) + 2 * (1 + COUNT_RULE_BITS) + 3 * 2;
/// A number's reading: its sum, words, signs, and the rest twice.
const NUMBER: usize = 1 + DIGITS_PER_NUMBER * (WORD_BITS + 1) + 2 * TOP_BITS;
/// A digit: boolean, compared, signed.
const DIGIT: usize = 1 + (1 + WORD_BITS) + 1;

/// The cost of drawing and placing the noise.
fn predict_noise(noise: &NoiseShape) -> usize {
    let seed = Width::W3.constraints() + 1 + Width::W9.constraints();
    let numbers = Width::W17.constraints() * block_count(noise) + NUMBER * number_count(noise);
    let placed: usize = noise
        .layouts
        .iter()
        .map(|layout| layout.groups * layout.digits.iter().filter(|digits| **digits > 0).count())
        .sum();
    seed + numbers + DIGIT * noise.digits + placed
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
    let drawn = match shape.proves {
        Proves::Table => ENDS_WIDTH.constraints(),
        Proves::Query | Proves::Eligibility => {
            Width::W9.constraints() * weight_steps(shape) + Width::W17.constraints() * groups.div_ceil(GROUPS_PER_STEP)
        }
    };
    let transcript = Width::W9.constraints()
        + drawn
        + Width::W5.constraints() * (1 + n)
        + Width::W3.constraints() * (rounds + w + 1)
        + ends;
    // A tree in a layer: its claim 1, its parent's value 3, its folds 2; both trees: lambda^2, and twice its factor.
    let trees = both + layers;
    let layers = 3 * rounds + 6 * trees + 3 * both + layers;
    // Of the ends: two denominators and the weight. Of the leaf sets that are no lookups: a numerator and two poles, or four
    // products within the numerator, itself and a pole. Of each lookup, rows and tables: weight, output or entry, and pole, or
    // the pole alone; and its numerator in the tables. The public point of tables.
    let (side, others, lookup, point) = match shape.proves {
        Proves::Table => (2 + 1, 3, 1, 0),
        Proves::Query | Proves::Eligibility => (groups * (1 + AGGREGATES + 1), 6, 3, w),
    };
    let roots = side + 2 + 1 + 2;
    // Slot weights of both trees; rows: claim, 6 a round; final: the others, the lookups, 2; tables: point, lookups, 3 a round.
    let leaves = 2 * (slots - 2)
        + 1
        + (1 + 6 * n + others + lookup * lookups + 2 + 1)
        + (point + (lookup + 1) * lookups + 1 + 3 * (w + 1) + 1);
    let count = 2 + (1 + n + 1) + 4 + 2 * COUNT_RULE_BITS;
    let sums: usize = SUM_BASE_BITS.iter().map(|bits| 6 + 2 * *bits as usize).sum();
    // What all rows could add up to, the range of what is left of it, the side, its factor.
    let complement = 1 + (1 + n + CODE_BITS) + 1 + 1;
    let exact = groups * (count + sums + complement);
    let release = match (shape.proves, shape.noise) {
        (Proves::Table, _) => 0,
        // One row, and its nullifier.
        (Proves::Eligibility, _) => 1 + NULLIFIER.constraints() + 1,
        (Proves::Query, Some(noise)) => groups * NOISED_GROUP + predict_noise(noise),
        (Proves::Query, None) => exact,
    };
    Cost { transcript, layers, roots, leaves, release }
}
