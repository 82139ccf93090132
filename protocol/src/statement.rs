//! The public inputs of the statement `query`, and of the others in modules of their own: one type and one encoder for
//! prover and verifier.
//!
//! The order is the statement page's. The verifier fills every field from what it derived itself.

mod table;

pub use table::{TableChallenges, TableEvaluations, TablePublic};

use crate::field::{F, digest_limbs};
use crate::hash::Digest;
use crate::policy::{Cell, GroupCells, MAX_CODE, NoisedParams, ReleaseParams};
use crate::shape::{NoiseShape, Proves, Shape};

/// The public challenges: outputs of the transcript that the checks outside the circuit need.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicChallenges {
    /// `r`, where columns are opened: `n` coordinates.
    pub row_point: Vec<F>,
    /// `r_t`, where multiplicities are opened: `w + 1` coordinates.
    pub value_point: Vec<F>,
    /// `rho_t`, where the public tables are evaluated: `w` coordinates.
    pub table_point: Vec<F>,
    /// Batches the flag checks.
    pub mu: F,
}

/// The evaluations that the argument's final checks use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evaluations {
    /// `OCC~(r)`.
    pub occupied: F,
    /// `sum_k mu^k (F_k(r)^2 - F_k(r))` over the plan's flags, `k >= 1`.
    pub flags: F,
    /// `SEL~(r)`.
    pub selection: F,
    /// `Y~(r)`, 0 without a measure.
    pub y: F,
    /// `Z~(r)`, 0 without a second measure.
    pub z: F,
    /// `GRP~(r)`.
    pub group: F,
    /// `in_j~(r)` for every lookup slot, 0 where unused.
    pub inputs: Vec<F>,
    /// `out_j~(r)` for every lookup slot, 0 where unused.
    pub outputs: Vec<F>,
    /// `T_j~(rho_t)` for every lookup slot, 0 where unused.
    pub tables: Vec<F>,
    /// `m'_j~(r_t)` for every lookup slot; unused: `declared_rows * eq(0, r_t)`.
    pub multiplicities: Vec<F>,
}

/// What the noise of a release is drawn from, as far as it is public.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoiseInputs {
    /// The release rule's numbers.
    pub params: NoisedParams,
    /// The commitment to the one-time seed.
    pub seed: F,
    /// The beacon: known to nobody before every acceptance was settled.
    pub beacon: Digest,
}

/// What is public of an offered patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OfferInputs {
    /// The scope: one study of one sponsor at one site of one ledger.
    pub scope: Digest,
    /// The patient's nullifier in it.
    pub nullifier: F,
}

/// What is said of the aggregates: how the cells follow from them, or that they are one patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReleaseRule {
    /// By threshold and rounding, in the shapes of exact answers.
    Exact(ReleaseParams),
    /// With noise in every aggregate, in the shapes that have it.
    Noised(Box<NoiseInputs>),
    /// No cells: exactly one row, with this nullifier, in the shapes of the statement `eligibility`.
    Offered(OfferInputs),
}

impl ReleaseRule {
    /// The exact rule, where it is one.
    pub fn exact(&self) -> Option<&ReleaseParams> {
        match self {
            Self::Exact(params) => Some(params),
            Self::Noised(_) | Self::Offered(_) => None,
        }
    }
}

impl From<ReleaseParams> for ReleaseRule {
    fn from(params: ReleaseParams) -> Self {
        Self::Exact(params)
    }
}

/// The public inputs of one proof of the statement `query` or `eligibility`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryPublic {
    /// The context digest.
    pub context: Digest,
    /// The digest of the query-time commitments.
    pub commitments: Digest,
    /// The transcript's public challenges.
    pub challenges: PublicChallenges,
    /// The final checks' evaluations.
    pub evaluations: Evaluations,
    /// The release rule's numbers, or the offer's.
    pub rule: ReleaseRule,
    /// The released cells of every group of the shape; of an offer there are none.
    pub cells: Vec<GroupCells>,
}

/// Public inputs a group's cells take: is-value, is-zero, count; per sum: is-value, value.
pub const INPUTS_PER_GROUP: usize = 9;
/// Public inputs the release rule takes.
pub const INPUTS_OF_POLICY: usize = 17;
/// Public inputs a noised group's cells take: is-value, count, and a value per sum.
pub const NOISED_INPUTS_PER_GROUP: usize = 5;

/// Public inputs of an offer: the scope's halves, the nullifier.
pub const INPUTS_OF_OFFER: usize = 3;

/// Public inputs of the rule under noise: `k, b, h`, what is asked for, the layout, seed, beacon, thresholds.
pub const fn inputs_of_noise(noise: &NoiseShape) -> usize {
    3 + 3 + noise.layouts.len() + 1 + 2 + noise.digits
}

/// Groups whose cells are released: none of an offer.
const fn released_groups(shape: &Shape) -> usize {
    match shape.proves {
        Proves::Eligibility => 0,
        Proves::Query | Proves::Table => shape.groups,
    }
}

/// Why public inputs do not have the shape's sizes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the shape {shape} takes {required} of `{what}`, found {found}")]
pub struct LengthError {
    /// The shape's name.
    pub shape: &'static str,
    /// Which list.
    pub what: &'static str,
    /// The shape's size.
    pub required: usize,
    /// The list's length.
    pub found: usize,
}

/// How many public inputs a shape's circuit has, the constant 1 not counted.
pub const fn public_inputs(shape: &Shape) -> usize {
    match shape.proves {
        Proves::Query | Proves::Eligibility => QueryPublic::count(shape),
        Proves::Table => TablePublic::count(shape),
    }
}

impl QueryPublic {
    /// How many public inputs the shape has, the constant 1 not counted.
    pub const fn count(shape: &Shape) -> usize {
        let before = 4 + shape.row_bits + (shape.value_bits + 1) + shape.value_bits + 1 + 6 + 4 * shape.max_lookups();
        before
            + match shape.noise {
                None if matches!(shape.proves, Proves::Eligibility) => INPUTS_OF_OFFER,
                None => INPUTS_OF_POLICY + INPUTS_PER_GROUP * shape.groups,
                Some(noise) => inputs_of_noise(noise) + NOISED_INPUTS_PER_GROUP * shape.groups,
            }
    }

    /// Refuses lists that do not have the shape's lengths.
    pub fn check_lengths(&self, shape: &Shape) -> Result<(), LengthError> {
        let c = &self.challenges;
        let e = &self.evaluations;
        let lists = [
            ("r", c.row_point.len(), shape.row_bits),
            ("r_t", c.value_point.len(), shape.value_bits + 1),
            ("rho_t", c.table_point.len(), shape.value_bits),
            ("inputs", e.inputs.len(), shape.max_lookups()),
            ("outputs", e.outputs.len(), shape.max_lookups()),
            ("tables", e.tables.len(), shape.max_lookups()),
            ("multiplicities", e.multiplicities.len(), shape.max_lookups()),
            ("cells", self.cells.len(), released_groups(shape)),
        ];
        for (what, found, required) in lists {
            if found != required {
                return Err(LengthError { shape: shape.name, what, required, found });
            }
        }
        let digits = shape.noise.map_or(0, |noise| noise.digits);
        let found = if matches!(self.rule, ReleaseRule::Noised(_)) { digits.max(1) } else { 0 };
        if found != digits {
            return Err(LengthError { shape: shape.name, what: "digits of noise", required: digits, found });
        }
        let required = usize::from(shape.proves == Proves::Eligibility);
        let found = usize::from(matches!(self.rule, ReleaseRule::Offered(_)));
        if found != required {
            return Err(LengthError { shape: shape.name, what: "offers", required, found });
        }
        Ok(())
    }

    /// Every public input after its name, in the circuit's order.
    pub fn named(&self, shape: &Shape) -> Vec<(String, F)> {
        let mut out = Vec::with_capacity(1024);
        let mut push = |name: &str, x: F| out.push((name.to_owned(), x));
        let [context_high, context_low] = digest_limbs(&self.context);
        let [commitments_high, commitments_low] = digest_limbs(&self.commitments);
        push("context.high", context_high);
        push("context.low", context_low);
        push("commitments.high", commitments_high);
        push("commitments.low", commitments_low);
        let e = &self.evaluations;
        let c = &self.challenges;
        for (name, list) in [("r", &c.row_point), ("r_t", &c.value_point), ("rho_t", &c.table_point)] {
            list.iter().enumerate().for_each(|(i, x)| push(&format!("{name}.{i}"), *x));
        }
        push("mu", c.mu);
        push("occupied", e.occupied);
        push("flags", e.flags);
        push("selection", e.selection);
        push("y", e.y);
        push("z", e.z);
        push("group", e.group);
        for (name, list) in
            [("input", &e.inputs), ("output", &e.outputs), ("table", &e.tables), ("multiplicity", &e.multiplicities)]
        {
            list.iter().enumerate().for_each(|(i, x)| push(&format!("{name}.{i}"), *x));
        }
        match (&self.rule, shape.noise) {
            (ReleaseRule::Exact(params), _) => name_exact(params, &self.cells, &mut push),
            (ReleaseRule::Noised(inputs), Some(noise)) => name_noised(inputs, noise, &self.cells, &mut push),
            // No shape without digits passes `check_lengths` here.
            (ReleaseRule::Noised(_), None) => {}
            (ReleaseRule::Offered(OfferInputs { scope, nullifier }), _) => {
                let [high, low] = digest_limbs(scope);
                push("scope.high", high);
                push("scope.low", low);
                push("nullifier", *nullifier);
            }
        }
        out
    }

    /// Every public input, in the circuit's order.
    pub fn encode(&self, shape: &Shape) -> Result<Vec<F>, LengthError> {
        self.check_lengths(shape)?;
        Ok(self.named(shape).into_iter().map(|(_, x)| x).collect())
    }
}

fn name_exact(params: &ReleaseParams, cells: &[GroupCells], push: &mut impl FnMut(&str, F)) {
    push("policy.k", F::from(params.k));
    push("policy.b", F::from(params.b));
    push("policy.h", F::from(params.b / 2));
    push("policy.show_zero", F::from(params.show_zero));
    for (name, sum) in ["s", "ss", "p"].iter().zip(&params.sums) {
        push(&format!("policy.{name}.asked"), F::from(sum.on));
        push(&format!("policy.{name}.base"), F::from(sum.base));
        push(&format!("policy.{name}.half"), F::from(sum.base / 2));
        push(&format!("policy.{name}.dominance"), F::from(sum.dominance));
        if *name == "s" {
            push("policy.s.most", F::from(sum.most.unwrap_or(MAX_CODE)));
        }
    }
    for (g, cells) in cells.iter().enumerate() {
        let (is_value, is_zero, value) = cell_inputs(cells.count);
        push(&format!("cell.{g}.is_value"), is_value);
        push(&format!("cell.{g}.is_zero"), is_zero);
        push(&format!("cell.{g}.count"), value);
        for (name, sum) in ["s", "ss", "p"].iter().zip(&cells.sums) {
            let (is_value, _, value) = cell_inputs(sum.unwrap_or(Cell::Suppressed));
            push(&format!("cell.{g}.{name}.is_value"), is_value);
            push(&format!("cell.{g}.{name}"), value);
        }
    }
}

fn name_noised(inputs: &NoiseInputs, noise: &NoiseShape, cells: &[GroupCells], push: &mut impl FnMut(&str, F)) {
    let NoiseInputs { params, seed, beacon } = inputs;
    push("policy.k", F::from(params.k()));
    push("policy.b", F::from(params.b()));
    push("policy.h", F::from(params.b() / 2));
    for (name, asked) in ["s", "ss", "p"].iter().zip(params.asked()) {
        push(&format!("policy.{name}.asked"), F::from(asked));
    }
    for place in 0..noise.layouts.len() {
        push(&format!("layout.{place}"), F::from(place == params.layout()));
    }
    push("seed", *seed);
    let [high, low] = digest_limbs(beacon);
    push("beacon.high", high);
    push("beacon.low", low);
    for (digit, threshold) in params.thresholds(noise).into_iter().enumerate() {
        push(&format!("threshold.{digit}"), F::from(threshold));
    }
    for (g, cells) in cells.iter().enumerate() {
        let (is_value, value) = noised_inputs(cells.count);
        push(&format!("cell.{g}.is_value"), is_value);
        push(&format!("cell.{g}.count"), value);
        for (name, sum) in ["s", "ss", "p"].iter().zip(&cells.sums) {
            let (_, value) = noised_inputs(sum.unwrap_or(Cell::Suppressed));
            push(&format!("cell.{g}.{name}"), value);
        }
    }
}

/// A cell of an exact release as the circuit sees it: is it a value, is it a zero, and its number (0 where it has none). A
/// noised cell is none of an exact release, and seen as a suppressed one.
pub fn cell_inputs(cell: Cell) -> (F, F, F) {
    let [no, yes] = [0u64, 1].map(F::from);
    match cell {
        Cell::Suppressed | Cell::Noised(_) => (no, no, no),
        Cell::Zero => (no, yes, no),
        Cell::Value(value) => (yes, no, F::from(value)),
    }
}

/// A cell of a release under noise as the circuit sees it: is it shown, and its number (0 where it has none). Exact cells are
/// none of such a release, and seen as suppressed ones.
pub fn noised_inputs(cell: Cell) -> (F, F) {
    match cell {
        Cell::Noised(value) => (F::from(1u64), F::from(value)),
        Cell::Suppressed | Cell::Zero | Cell::Value(_) => (F::from(0u64), F::from(0u64)),
    }
}
