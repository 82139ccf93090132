//! The row sumcheck: from the row tree's leaf claims to the columns at `r`.
//!
//! The polynomial is `L + OCC (a + e SEL (w_0 + Y (w_1 + w_2 Y + w_3 Z)) + sum_k mu^k (F_k^2 - F_k))`, where
//! `L` gathers every denominator (linear in columns, so one table) and `a` every lookup's numerator.
//! A chain's numerators are in `a` and its denominators in `L`; there is no `SEL` then.
//! `OCC` is 1, then an edge, then 0, so the bracket is summed where it counts only.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;

use super::columns::{Others, Parts, QueryWitness, RowColumn};
use super::leaves::lookup_pole;
use super::slots::collect;
use super::step::Step;
use super::{Fingerprints, Leaf, at_zero};
use crate::eq::SplitEq;
use crate::messages::{Messages, RowRound};
use crate::native::{Challenges, Coins};

/// Runs the sumcheck; returns `r`.
pub(super) fn sumcheck(
    shape: &Shape,
    witness: &Parts<'_>,
    challenges: &Challenges,
    fingerprints: &Fingerprints,
    leaf: &Leaf,
    coins: &mut Coins<'_>,
    messages: &mut Messages,
) -> Vec<F> {
    let mut state = State::new(shape, witness, challenges, fingerprints, leaf);
    let point = &leaf.row_point[..shape.row_bits];
    let mut claim = leaf.row.p + leaf.lambda * leaf.row.q;
    let mut bound = Vec::with_capacity(point.len());
    for (i, rho) in point.iter().enumerate() {
        let [at_one, c2, c3, c4] = state.round(&point[i + 1..]);
        let round = RowRound { at_zero: at_zero(claim, *rho, at_one), at_one, high: [c2, c3, c4] };
        let challenge = coins.row_round(&round);
        claim = round.at(challenge);
        state.bind(challenge);
        messages.row_rounds[i] = round;
        bound.push(challenge);
    }
    bound
}

struct State {
    /// `L`, on all rows.
    linear: Vec<F>,
    occupied: Step,
    /// `a`.
    constant: F,
    /// `e w_0 .. e w_3`.
    weights: [F; 4],
    selection: Vec<F>,
    y: Option<Vec<F>>,
    z: Option<Vec<F>>,
    /// Each with its power of `mu`.
    flags: Vec<(F, Vec<F>)>,
}

/// A column without its trailing zeros.
fn dense(column: &RowColumn) -> Vec<F> {
    collect(column.data.len() + column.blind.len(), |row| column.at(row))
}

/// The same of the first measure, which may be a tag.
fn dense_measure(column: &RowColumn<u128>) -> Vec<F> {
    collect(column.data.len() + column.blind.len(), |row| column.at(row))
}

impl State {
    fn new(
        shape: &Shape,
        witness: &Parts<'_>,
        challenges: &Challenges,
        fingerprints: &Fingerprints,
        leaf: &Leaf,
    ) -> Self {
        let slots = leaf.row_slots(shape);
        let (lookups, others) = slots.split_at(shape.max_lookups());
        // Every denominator's weight in L, and the poles scaled by it.
        let scale: Vec<F> = lookups.iter().map(|slot| *slot * leaf.lambda).collect();
        let unused: F = scale[witness.lookups.len()..].iter().sum::<F>() * challenges.alpha;
        let scaled: Vec<Vec<F>> = fingerprints
            .iter()
            .zip(&scale)
            .map(|(poles, scale)| poles.iter().map(|pole| *pole * scale).collect())
            .collect();
        let others_scale: Vec<F> = others.iter().map(|slot| *slot * leaf.lambda).collect();
        let base = unused + others_scale.iter().sum::<F>() * challenges.gamma;
        let linear = collect(shape.rows(), |row| {
            let mut sum = base
                - match witness.others {
                    Others::Aggregates(query) => others_scale[0] * query.group.at(row),
                    Others::Chain(Some(chain)) => {
                        others_scale[0] * chain.source(row) + others_scale[1] * chain.target(row)
                    }
                    Others::Chain(None) => F::ZERO,
                };
            for (j, lookup) in witness.lookups.iter().enumerate() {
                sum += match (lookup.input.data.get(row), lookup.output.data.get(row)) {
                    (Some(input), Some(output))
                        if lookup.table.get(*input as usize).is_some_and(|entry| u32::from(*entry) == *output) =>
                    {
                        scaled[j][*input as usize]
                    }
                    _ => scale[j] * lookup_pole(lookup, &fingerprints[j], challenges, row),
                };
            }
            sum
        });
        let mut power = F::ONE;
        let flags = witness
            .flags
            .iter()
            .map(|flag| {
                power *= leaf.mu;
                (power, dense(flag))
            })
            .collect();
        let mut constant: F = lookups.iter().zip(&challenges.lookup_weights).map(|(slot, w)| *slot * w).sum();
        let query: Option<&QueryWitness> = match witness.others {
            Others::Aggregates(query) => Some(query),
            Others::Chain(_) => {
                constant += challenges.aggregate_weights[0] * (others[0] - others[1]);
                None
            }
        };
        Self {
            linear,
            occupied: Step { full: F::ONE, count: witness.declared_rows, edge: F::ZERO },
            constant,
            weights: challenges.aggregate_weights.map(|w| others[0] * w),
            selection: query.map_or_else(Vec::new, |query| dense(&query.selection)),
            y: query.and_then(|query| query.y.as_ref()).map(dense_measure),
            z: query.and_then(|query| query.z.as_ref()).map(dense),
            flags,
        }
    }

    /// `q(1)` and the coefficients of `X^2, X^3, X^4`.
    fn round(&self, rest: &[F]) -> [F; 4] {
        let eq = SplitEq::new(rest);
        let [linear] = eq.sum(0..eq.len(), |y| [self.linear[2 * y + 1]]);
        let whole = (self.occupied.count / 2).min(eq.len());
        // Where OCC is 1 the bracket is of degree 3 and stands for itself.
        let [one, c2, c3] = eq.sum(0..whole, |y| {
            let [_, one, c2, c3] = self.bracket(y);
            [one, c2, c3]
        });
        let mut out = [linear + one, c2, c3, F::ZERO];
        if whole < eq.len() {
            let (o0, o1) = (self.occupied.at(2 * whole), self.occupied.at(2 * whole + 1));
            let slope = o1 - o0;
            let [zero, one, c2, c3] = self.bracket(whole);
            let c1 = one - zero - c2 - c3;
            let weight = eq.at(whole);
            out[0] += weight * o1 * one;
            out[1] += weight * (o0 * c2 + slope * c1);
            out[2] += weight * (o0 * c3 + slope * c2);
            out[3] += weight * slope * c3;
        }
        out
    }

    /// The bracket over pair `y`, as its values at 0 and 1 and the coefficients of `X^2` and `X^3`.
    fn bracket(&self, y: usize) -> [F; 4] {
        let pair = |column: &[F]| {
            let at = |i: usize| column.get(i).copied().unwrap_or(F::ZERO);
            (at(2 * y), at(2 * y + 1))
        };
        let (s0, s1) = pair(&self.selection);
        let slope = s1 - s0;
        let w = &self.weights;
        let mut out = match &self.y {
            None => [self.constant + s0 * w[0], self.constant + s1 * w[0], F::ZERO, F::ZERO],
            Some(column) => {
                let (y0, y1) = pair(column);
                let (z0, z1) = self.z.as_deref().map_or((F::ZERO, F::ZERO), pair);
                let dy = y1 - y0;
                let mut inner = [w[1] + w[2] * y0, w[1] + w[2] * y1, w[2] * dy];
                if self.z.is_some() {
                    inner[0] += w[3] * z0;
                    inner[1] += w[3] * z1;
                    inner[2] += w[3] * (z1 - z0);
                }
                let (u0, u1, u2) = (w[0] + y0 * inner[0], w[0] + y1 * inner[1], dy * inner[2]);
                let u_slope = u1 - u0 - u2;
                [self.constant + s0 * u0, self.constant + s1 * u1, s0 * u2 + slope * u_slope, slope * u2]
            }
        };
        for (power, column) in &self.flags {
            let (f0, f1) = pair(column);
            out[0] += *power * f0 * (f0 - F::ONE);
            out[1] += *power * f1 * (f1 - F::ONE);
            out[2] += *power * (f1 - f0).square();
        }
        out
    }

    fn bind(&mut self, r: F) {
        fold(&mut self.linear, r);
        self.occupied = self.occupied.fold(r);
        let columns = [Some(&mut self.selection), self.y.as_mut(), self.z.as_mut()];
        columns
            .into_iter()
            .flatten()
            .chain(self.flags.iter_mut().map(|(_, column)| column))
            .for_each(|column| fold(column, r));
    }
}

/// Folds the least significant variable; an odd entry at the end is paired with 0.
fn fold(values: &mut Vec<F>, r: F) {
    *values = collect(values.len().div_ceil(2), |i| {
        let low = values[2 * i];
        match values.get(2 * i + 1) {
            Some(high) => low + r * (*high - low),
            None => low - r * low,
        }
    });
}
