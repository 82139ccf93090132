//! The statement page's formulas, written down for plain tables.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::{Proves, Shape};
use cohortium_protocol::statement::Evaluations;

use super::dense::{Dense, DenseChain, corner, extend, weights};
use super::lie::inverse;
use crate::clause::{Clause, Relation};
use crate::messages::{Children, Fraction, GroupSums};
use crate::native::{Challenges, chain_weight};

/// The row tree's leaves, slot after slot.
pub(super) fn row_leaves(relation: Relation, shape: &Shape, drawn: &Challenges, dense: &Dense) -> Vec<Fraction> {
    let occupied = dense.occupied();
    let [w0, w1, w2, w3] = drawn.aggregate_weights;
    let Dense { selection, y, z, group, .. } = dense;
    let mut leaves = Vec::new();
    for (lookup, weight) in dense.lookups.iter().zip(&drawn.lookup_weights) {
        leaves.extend((0..shape.rows()).map(|row| Fraction {
            p: *weight * occupied[row],
            q: drawn.alpha - lookup.input[row] - drawn.beta * lookup.output[row],
        }));
    }
    if let Some(DenseChain { sources, targets, balance }) = &dense.chain {
        let weight = chain_weight(&relation, drawn);
        for (column, weight) in [(sources, weight), (targets, -*balance * weight)] {
            leaves.extend(
                (0..shape.rows()).map(|row| Fraction { p: weight * occupied[row], q: drawn.gamma - column[row] }),
            );
        }
        return leaves;
    }
    leaves.extend((0..shape.rows()).map(|row| Fraction {
        p: occupied[row] * selection[row] * (w0 + w1 * y[row] + w2 * y[row] * y[row] + w3 * y[row] * z[row]),
        q: drawn.gamma - group[row],
    }));
    leaves
}

/// The table tree's leaves, slot after slot.
pub(super) fn table_leaves(shape: &Shape, drawn: &Challenges, dense: &Dense) -> Vec<Fraction> {
    let mut leaves = Vec::new();
    for (lookup, weight) in dense.lookups.iter().zip(&drawn.lookup_weights) {
        leaves.extend((0..shape.values()).map(|v| Fraction {
            p: *weight * lookup.multiplicity[v],
            q: drawn.alpha - F::from(v as u64) - drawn.beta * lookup.table[v],
        }));
    }
    leaves.resize(shape.slots() * shape.values(), Fraction { p: F::ZERO, q: F::ONE });
    leaves
}

/// The bracket of the row sumcheck: a polynomial of the columns' values at one point.
pub(super) fn row_bracket(
    relation: Relation,
    shape: &Shape,
    drawn: &Challenges,
    row_point: &[F],
    lambda: F,
    (at, chain): (&Evaluations, Option<[F; 2]>),
) -> F {
    let slots = weights(&row_point[shape.row_bits..]);
    let [w0, w1, w2, w3] = drawn.aggregate_weights;
    let mut sum = F::ZERO;
    for j in 0..shape.max_lookups() {
        let p = drawn.lookup_weights[j] * at.occupied;
        let q = drawn.alpha - at.inputs[j] - drawn.beta * at.outputs[j];
        sum += slots[j] * (p + lambda * q);
    }
    match chain {
        Some([source, target]) => {
            let p = at.occupied * chain_weight(&relation, drawn);
            sum += slots[shape.max_lookups()] * (p + lambda * (drawn.gamma - source));
            sum += slots[shape.max_lookups() + 1] * (-p + lambda * (drawn.gamma - target));
        }
        None => {
            let p = at.occupied * at.selection * (w0 + w1 * at.y + w2 * at.y * at.y + w3 * at.y * at.z);
            sum += slots[shape.max_lookups()] * (p + lambda * (drawn.gamma - at.group));
        }
    }
    if relation.has(Clause::FlagsChecked) { sum + at.occupied * at.flags } else { sum }
}

/// `Q_leaf` of the table tree at a point, given the tables' values there.
pub(super) fn table_denominator(shape: &Shape, drawn: &Challenges, table_point: &[F], tables: &[F]) -> F {
    let slots = weights(&table_point[shape.value_bits..]);
    let values: Vec<F> = (0..shape.values() as u64).map(F::from).collect();
    let value = extend(&values, &weights(&table_point[..shape.value_bits]));
    let lookups = (0..shape.max_lookups()).map(|j| slots[j] * (drawn.alpha - value - drawn.beta * tables[j]));
    lookups.sum::<F>() + slots[shape.max_lookups()..].iter().sum::<F>()
}

/// `sum_j e_j W_j m_j` of the multiplicities' values at one point.
pub(super) fn table_numerator(shape: &Shape, drawn: &Challenges, table_point: &[F], multiplicities: &[F]) -> F {
    let slots = weights(&table_point[shape.value_bits..]);
    (0..shape.max_lookups()).map(|j| slots[j] * drawn.lookup_weights[j] * multiplicities[j]).sum()
}

/// The right side of the aggregates, or of a chain: `A`.
pub(super) fn aggregate_side(relation: Relation, shape: &Shape, drawn: &Challenges, aggregates: &[GroupSums]) -> F {
    if shape.proves == Proves::Table {
        let [first, last, ..] = aggregates[0];
        return chain_weight(&relation, drawn) * (inverse(drawn.gamma - first) - inverse(drawn.gamma - last));
    }
    let group = |(g, sums): (usize, &GroupSums)| {
        let weighted: F = sums.iter().zip(&drawn.aggregate_weights).map(|(x, w)| *x * w).sum();
        weighted * inverse(drawn.gamma - F::from(g as u64))
    };
    aggregates.iter().enumerate().map(group).sum()
}

/// A tree's layers, the root first; layer `i` has `2^i` fractions.
pub(super) struct Tree {
    layers: Vec<Vec<Fraction>>,
    /// The claim sent last, and where.
    pub(super) claim: Fraction,
    pub(super) point: Vec<F>,
}

impl Tree {
    pub(super) fn grow(leaves: Vec<Fraction>) -> Self {
        let mut layers = vec![leaves];
        while layers[0].len() > 1 {
            let add = |pair: &[Fraction]| Fraction {
                p: pair[0].p * pair[1].q + pair[1].p * pair[0].q,
                q: pair[0].q * pair[1].q,
            };
            layers.insert(0, layers[0].chunks(2).map(add).collect());
        }
        Self { claim: layers[0][0], layers, point: Vec::new() }
    }

    /// The child values of layer `number`'s nodes at a point.
    pub(super) fn children_at(&self, number: usize, weights: &[F]) -> Children {
        let below = &self.layers[number + 1];
        let part = |side: usize, f: fn(&Fraction) -> F| -> F {
            weights.iter().enumerate().map(|(node, weight)| *weight * f(&below[2 * node + side])).sum()
        };
        Children {
            p_left: part(0, |x| x.p),
            p_right: part(1, |x| x.p),
            q_left: part(0, |x| x.q),
            q_right: part(1, |x| x.q),
        }
    }
}

/// `p_l q_r + p_r q_l + lambda q_l q_r`.
pub(super) fn parent(c: &Children, lambda: F) -> F {
    c.p_left * c.q_right + c.p_right * c.q_left + lambda * c.q_left * c.q_right
}

/// A round's polynomial: `sum_x eq(rest, x) f(bound, X, x)`, as its values at `0 .. degree`.
pub(super) fn round(bound: &[F], rest: &[F], degree: u64, f: impl Fn(&[F]) -> F) -> Vec<F> {
    let weights = weights(rest);
    let value = |x: u64| -> F {
        weights
            .iter()
            .enumerate()
            .map(|(index, weight)| {
                let mut point = bound.to_vec();
                point.push(F::from(x));
                point.extend(corner(index, rest.len()));
                *weight * f(&point)
            })
            .sum()
    };
    (0..=degree).map(value).collect()
}

/// The coefficients of the polynomial with these values at `0, 1, ..` (Lagrange).
pub(super) fn coefficients(values: &[F]) -> Vec<F> {
    let mut out = vec![F::ZERO; values.len()];
    for (i, value) in values.iter().enumerate() {
        let mut basis = vec![F::ONE];
        for k in (0..values.len()).filter(|k| *k != i) {
            let (node, scale) = (F::from(k as u64), inverse(F::from(i as u64) - F::from(k as u64)));
            let mut next = vec![F::ZERO; basis.len() + 1];
            for (degree, c) in basis.iter().enumerate() {
                next[degree + 1] += *c * scale;
                next[degree] -= *c * scale * node;
            }
            basis = next;
        }
        out.iter_mut().zip(&basis).for_each(|(out, c)| *out += *value * c);
    }
    out
}
