//! The transcript: a chain of Poseidon steps.
//!
//! A chain value `c` is carried from step to step; a step permutes `(c, m_1, .., m_k)` into
//! `(c', e_1, .., e_k)`, where `c'` is the next chain value and the `e` are the step's challenges. This is
//! a duplex sponge in overwrite mode with a capacity of one element and a rate that the pattern fixes step
//! by step; each width is an independent permutation. The pattern depends on the shape alone, and its
//! digest is the first chain value.

use ark_ff::{AdditiveGroup, PrimeField};
use cohortium_protocol::domain;
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Hasher;
use cohortium_protocol::shape::{AGGREGATES, Proves, Shape};

use crate::poseidon::{Width, permute};

/// Challenges drawn after the aggregates, beside one weight a lookup: `alpha, beta, gamma, w_0 .. w_3`.
pub const FIXED_CHALLENGES: usize = 3 + AGGREGATES;

/// The state of a transcript.
#[derive(Clone)]
pub struct Transcript {
    chain: F,
}

impl Transcript {
    /// A transcript of this shape's pattern.
    pub fn new(shape: &Shape) -> Self {
        Self { chain: initial_chain(shape) }
    }

    /// Takes up to `width.rate()` messages, the missing ones as 0, and returns all challenges of the step.
    ///
    /// # Panics
    /// When more messages are given than the width takes: a fault of the caller, never of outside data.
    pub fn step(&mut self, width: Width, messages: &[F]) -> Vec<F> {
        assert!(messages.len() <= width.rate(), "a step of width {} takes {}", width.size(), width.rate());
        let mut state = vec![F::ZERO; width.size()];
        state[0] = self.chain;
        state[1..=messages.len()].copy_from_slice(messages);
        permute(width, &mut state);
        self.chain = state[0];
        state.split_off(1)
    }
}

/// The step of a chain's ends, in statements about a table: two messages, and the challenges `alpha, gamma, w_0`.
pub const ENDS_WIDTH: Width = Width::W5;

/// How many groups' aggregates one step takes.
pub const GROUPS_PER_STEP: usize = 4;

/// How the steps after the aggregates give the challenges: the step of the last aggregates, then as many
/// steps of width 9 as the remaining weights need.
pub fn weight_steps(shape: &Shape) -> usize {
    let wanted = FIXED_CHALLENGES + shape.max_lookups();
    wanted.saturating_sub(Width::W17.rate()).div_ceil(Width::W9.rate())
}

/// Which trees are still walked in a layer: `(row, table)`.
pub fn active(shape: &Shape, layer: usize) -> (bool, bool) {
    (layer < shape.row_bits + shape.slot_bits, layer < shape.value_bits + shape.slot_bits)
}

/// The width of the step at the end of a layer.
pub fn layer_end_width(shape: &Shape, layer: usize) -> Width {
    match active(shape, layer) {
        (true, true) => Width::W9,
        _ => Width::W5,
    }
}

/// The pattern of steps, in words: hashed into the first chain value, so that transcripts of two shapes
/// or two versions of the pattern have nothing in common.
pub fn pattern(shape: &Shape) -> String {
    let layers: Vec<String> =
        (0..shape.layers()).map(|i| format!("{i}*3,{}", layer_end_width(shape, i).size())).collect();
    let drawn = match shape.proves {
        Proves::Table => format!("ends {}", ENDS_WIDTH.size()),
        Proves::Query | Proves::Eligibility => {
            format!("aggregates {}*17; weights {}*9", shape.groups.div_ceil(GROUPS_PER_STEP), weight_steps(shape))
        }
    };
    format!(
        "statement 9; {drawn}; roots 5; layers {}; row {}*5; table {}*3",
        layers.join(";"),
        shape.row_bits,
        shape.value_bits + 1,
    )
}

/// The first chain value of a shape's transcripts.
pub fn initial_chain(shape: &Shape) -> F {
    let digest = Hasher::new(domain::TRANSCRIPT).digest(&shape.id()).str(&pattern(shape)).finish();
    F::from_be_bytes_mod_order(digest.as_bytes())
}
