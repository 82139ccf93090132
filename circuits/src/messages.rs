//! What the argument's prover sends, and the hints beside: the witness of the circuit.
//!
//! Exact aggregates are in here, so everything hides from `Debug` and is zeroised on drop.

use std::fmt;

use ark_ff::{AdditiveGroup, Field, PrimeField};
use cohortium_protocol::field::F;
use cohortium_protocol::policy::SumParams;
use cohortium_protocol::shape::{AGGREGATES, Proves, Shape};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::noise::NoiseWitness;
use crate::transcript::active;

/// A degree-2 polynomial: a round of a layer. `at_zero` follows from the running claim and is not absorbed.
#[derive(Clone, Copy, Zeroize)]
pub struct LayerRound {
    /// `q(0)`.
    pub at_zero: F,
    /// `q(1)`.
    pub at_one: F,
    /// The coefficient of `X^2`.
    pub leading: F,
}

impl LayerRound {
    /// `q(x)`.
    pub fn at(&self, x: F) -> F {
        self.at_zero + x * (self.at_one - self.at_zero - self.leading + x * self.leading)
    }
}

/// A degree-4 polynomial: a round of the row sumcheck.
#[derive(Clone, Copy, Zeroize)]
pub struct RowRound {
    /// `q(0)`; follows from the running claim and is not absorbed.
    pub at_zero: F,
    /// `q(1)`.
    pub at_one: F,
    /// The coefficients of `X^2`, `X^3`, `X^4`.
    pub high: [F; 3],
}

impl RowRound {
    /// `q(x)`.
    pub fn at(&self, x: F) -> F {
        let [c2, c3, c4] = self.high;
        let c1 = self.at_one - self.at_zero - c2 - c3 - c4;
        self.at_zero + x * (c1 + x * (c2 + x * (c3 + x * c4)))
    }
}

/// A degree-1 polynomial: a round of the table sumcheck.
#[derive(Clone, Copy, Zeroize)]
pub struct TableRound {
    /// `q(0)`; follows from the running claim and is not absorbed.
    pub at_zero: F,
    /// `q(1)`.
    pub at_one: F,
}

impl TableRound {
    /// `q(x)`.
    pub fn at(&self, x: F) -> F {
        self.at_zero + x * (self.at_one - self.at_zero)
    }
}

/// A node's children: numerators and denominators, left and right.
#[derive(Clone, Copy, Zeroize, Default)]
pub struct Children {
    /// `p_l`.
    pub p_left: F,
    /// `p_r`.
    pub p_right: F,
    /// `q_l`.
    pub q_left: F,
    /// `q_r`.
    pub q_right: F,
}

impl Children {
    /// In the order in which they are absorbed.
    pub fn list(&self) -> [F; 4] {
        [self.p_left, self.p_right, self.q_left, self.q_right]
    }

    /// `p_l q_r + p_r q_l + lambda q_l q_r`.
    pub fn parent(&self, lambda: F) -> F {
        (self.p_left + lambda * self.q_left) * self.q_right + self.p_right * self.q_left
    }

    /// The numerator and denominator at fold coordinate `f`.
    pub fn fold(&self, f: F) -> Fraction {
        Fraction {
            p: self.p_left + f * (self.p_right - self.p_left),
            q: self.q_left + f * (self.q_right - self.q_left),
        }
    }
}

/// A claim about a node: numerator and denominator.
#[derive(Clone, Copy, Zeroize, Default)]
pub struct Fraction {
    /// The numerator.
    pub p: F,
    /// The denominator.
    pub q: F,
}

/// The messages of one layer.
#[derive(Clone, Zeroize)]
pub struct Layer {
    /// As many rounds as the layer's number.
    pub rounds: Vec<LayerRound>,
    /// The row tree's children; absent (zero) once it has ended.
    pub row: Children,
    /// The table tree's children; absent (zero) once it has ended.
    pub table: Children,
}

impl Layer {
    /// The child values in the order in which they are absorbed.
    pub fn child_messages(&self, shape: &Shape, layer: usize) -> Vec<F> {
        let (row, table) = active(shape, layer);
        let mut out = Vec::with_capacity(8);
        if row {
            out.extend(self.row.list());
        }
        if table {
            out.extend(self.table.list());
        }
        out
    }
}

/// Whether a shape's cells can be suppressed sums beside exact counts.
fn has_sides(shape: &Shape) -> bool {
    shape.noise.is_none() && shape.proves == Proves::Query
}

/// The exact aggregates of a group: `n, s, ss, p`.
pub type GroupSums = [F; AGGREGATES];

/// The ends of the chain of a table's tags: `v_0` and `v_end`.
pub const ENDS: usize = 2;

/// The ends in the place of one group's aggregates.
pub fn ends_message([first, last]: [F; ENDS]) -> GroupSums {
    [first, last, F::ZERO, F::ZERO]
}

/// Everything that the argument's prover sends, with the inverses that show denominators to be non-zero.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Messages {
    /// Uniform; makes every challenge independent of the data.
    pub nonce: F,
    /// The aggregates of every group of the shape; of a statement about a table the chain's ends, `[v_0, v_end, 0, 0]`.
    pub aggregates: Vec<GroupSums>,
    /// The row tree's root.
    pub row_root: Fraction,
    /// The table tree's root.
    pub table_root: Fraction,
    /// The layers, from the roots.
    pub layers: Vec<Layer>,
    /// The row sumcheck.
    pub row_rounds: Vec<RowRound>,
    /// The table sumcheck.
    pub table_rounds: Vec<TableRound>,
    /// `1 / (gamma - g)`; of a statement about a table `1 / (gamma - v_0)` and `1 / (gamma - v_end)`.
    pub group_inverses: Vec<F>,
    /// `1 / Q_r` and `1 / Q_t`.
    pub root_inverses: [F; 2],
    /// Of each group's first sum, should it be suppressed: 0 if it is near 0, 1 if near the most it could be. Empty but in
    /// the shapes of exact answers.
    pub sides: Vec<F>,
    /// The noise, in shapes that have it.
    pub noise: Option<NoiseWitness>,
}

impl Messages {
    /// Messages of the right lengths and no content, for building the constraints without a witness.
    pub fn blank(shape: &Shape) -> Self {
        let round = LayerRound { at_zero: F::ZERO, at_one: F::ZERO, leading: F::ZERO };
        let row_round = RowRound { at_zero: F::ZERO, at_one: F::ZERO, high: [F::ZERO; 3] };
        let table_round = TableRound { at_zero: F::ZERO, at_one: F::ZERO };
        let releases = shape.proves != Proves::Table;
        Self {
            nonce: F::ZERO,
            aggregates: vec![[F::ZERO; AGGREGATES]; shape.groups],
            row_root: Fraction::default(),
            table_root: Fraction::default(),
            layers: (0..shape.layers())
                .map(|i| Layer { rounds: vec![round; i], row: Children::default(), table: Children::default() })
                .collect(),
            row_rounds: vec![row_round; shape.row_bits],
            table_rounds: vec![table_round; shape.value_bits + 1],
            group_inverses: vec![F::ZERO; if releases { shape.groups } else { ENDS }],
            root_inverses: [F::ZERO; 2],
            sides: if has_sides(shape) { vec![F::ONE; shape.groups] } else { Vec::new() },
            noise: shape.noise.map(NoiseWitness::blank),
        }
    }

    /// `v_0` and `v_end`: where the chain of a table's tags starts and ends.
    pub fn ends(&self) -> [F; ENDS] {
        self.aggregates.first().map_or([F::ZERO; ENDS], |[first, last, ..]| [*first, *last])
    }

    /// Fills in on which side a suppressed first sum is near its end: the lower one if it is below the dominance bound. Under
    /// noise there are no sides, nor where nothing is released.
    pub fn set_sides(&mut self, rule: &SumParams) {
        if self.sides.is_empty() {
            return;
        }
        let bound = F::from(rule.dominance).into_bigint();
        let side = |[_, s, ..]: &GroupSums| F::from(s.into_bigint() >= bound);
        self.sides = self.aggregates.iter().map(side).collect();
    }

    /// Fills in the inverses of the denominators, 0 where there is none.
    pub fn set_inverses(&mut self, shape: &Shape, gamma: F) {
        let inverse = |x: F| x.inverse().unwrap_or(F::ZERO);
        self.group_inverses = match shape.proves {
            Proves::Table => self.ends().map(|end| inverse(gamma - end)).to_vec(),
            Proves::Query | Proves::Eligibility => {
                (0..self.aggregates.len()).map(|g| inverse(gamma - F::from(g as u64))).collect()
            }
        };
        self.root_inverses = [inverse(self.row_root.q), inverse(self.table_root.q)];
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Messages { .. }")
    }
}
