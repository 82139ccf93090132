//! One slot of a layer: its numerators and denominators, how they pair into parents, and a round over them.
//!
//! A layer's sumcheck looks at children in pairs: entry `2y` is parent `y`'s left child, `2y + 1` its right
//! one. Binding the parents' least significant variable folds entries `4y, 4y+2` and `4y+1, 4y+3`.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use rayon::prelude::*;

use super::step::Step;
use crate::eq::{PARALLEL_FROM, SplitEq};
use crate::messages::{Children, Fraction};

/// A slot's numerators.
pub(super) enum Numerators {
    Step(Step),
    Dense(Vec<F>),
}

/// A slot's denominators.
pub(super) enum Denominators {
    Same(F),
    Dense(Vec<F>),
}

/// One slot of one layer: `2^bits` fractions.
pub(super) struct Slot {
    pub(super) p: Numerators,
    pub(super) q: Denominators,
}

impl Numerators {
    fn at(&self, index: usize) -> F {
        match self {
            Self::Step(step) => step.at(index),
            Self::Dense(values) => values[index],
        }
    }
}

impl Denominators {
    fn at(&self, index: usize) -> F {
        match self {
            Self::Same(value) => *value,
            Self::Dense(values) => values[index],
        }
    }
}

/// `f(0) .. f(len - 1)`, in parallel where it pays.
pub(super) fn collect(len: usize, f: impl Fn(usize) -> F + Sync + Send) -> Vec<F> {
    if len < PARALLEL_FROM {
        (0..len).map(f).collect()
    } else {
        (0..len).into_par_iter().with_min_len(512).map(f).collect()
    }
}

impl Slot {
    /// The only fraction of a slot with one entry.
    pub(super) fn root(&self) -> Fraction {
        Fraction { p: self.p.at(0), q: self.q.at(0) }
    }

    /// The next layer up: `len` parents.
    pub(super) fn parents(&self, len: usize) -> Self {
        match (&self.p, &self.q) {
            (Numerators::Step(step), Denominators::Same(q)) => {
                let (left, right) = step.split();
                // left.count is right.count or one more; the sum is 2 full, then a boundary, then 0.
                let count = right.count;
                let sum = Step { full: step.full.double(), count, edge: left.at(count) + right.at(count) };
                Self { p: Numerators::Step(sum.scale(*q)), q: Denominators::Same(q.square()) }
            }
            (Numerators::Step(step), Denominators::Dense(q)) => {
                let whole = step.count / 2;
                let p = collect(len, |y| {
                    let (left, right) = (q[2 * y], q[2 * y + 1]);
                    match y.cmp(&whole) {
                        std::cmp::Ordering::Less => step.full * (left + right),
                        std::cmp::Ordering::Equal => step.at(2 * y) * right + step.at(2 * y + 1) * left,
                        std::cmp::Ordering::Greater => F::ZERO,
                    }
                });
                Self { p: Numerators::Dense(p), q: Denominators::Dense(collect(len, |y| q[2 * y] * q[2 * y + 1])) }
            }
            (p, Denominators::Dense(q)) => Self {
                p: Numerators::Dense(collect(len, |y| p.at(2 * y) * q[2 * y + 1] + p.at(2 * y + 1) * q[2 * y])),
                q: Denominators::Dense(collect(len, |y| q[2 * y] * q[2 * y + 1])),
            },
            (Numerators::Dense(p), Denominators::Same(q)) => Self {
                p: Numerators::Dense(collect(len, |y| (p[2 * y] + p[2 * y + 1]) * q)),
                q: Denominators::Same(q.square()),
            },
        }
    }

    /// Ready for a layer's sumcheck.
    pub(super) fn into_pairs(self) -> Pairs {
        let p = match self.p {
            Numerators::Step(step) => {
                let (left, right) = step.split();
                PairNumerators::Step { left, right }
            }
            Numerators::Dense(values) => PairNumerators::Dense(values),
        };
        Pairs { p, q: self.q }
    }
}

enum PairNumerators {
    Step { left: Step, right: Step },
    Dense(Vec<F>),
}

/// One slot in a layer's sumcheck.
pub(super) struct Pairs {
    p: PairNumerators,
    q: Denominators,
}

impl Pairs {
    fn children_at(&self, parent: usize) -> Children {
        let (p_left, p_right) = match &self.p {
            PairNumerators::Step { left, right } => (left.at(parent), right.at(parent)),
            PairNumerators::Dense(values) => (values[2 * parent], values[2 * parent + 1]),
        };
        Children { p_left, p_right, q_left: self.q.at(2 * parent), q_right: self.q.at(2 * parent + 1) }
    }

    /// The children of the only parent left.
    pub(super) fn last(&self) -> Children {
        self.children_at(0)
    }

    /// A round: the polynomial's value at 1 and its leading coefficient. `point` is what is left of the
    /// layer's point inside the slot after the variable being bound, `eq` its table.
    pub(super) fn round(&self, point: &[F], eq: &SplitEq, lambda: F) -> [F; 2] {
        let all = 0..eq.len();
        match (&self.p, &self.q) {
            (PairNumerators::Step { left, right }, Denominators::Same(q)) => {
                let sum = left.sum_of_odd(point) + right.sum_of_odd(point);
                [*q * sum + lambda * q.square(), F::ZERO]
            }
            (PairNumerators::Step { left, right }, Denominators::Dense(q)) => {
                // Where both numerators are the same constant W: W (q_l + q_r) + lambda q_l q_r
                // = lambda ((q_l + c)(q_r + c) - c^2) with c = W / lambda: one product.
                let whole = left.count.min(right.count) / 2;
                let zero = ((left.count.max(right.count) + 2) / 2).min(all.end);
                let shift = left.full * lambda.inverse().unwrap_or(F::ZERO);
                let product = |range: std::ops::Range<usize>, c: F| {
                    eq.sum(range, |y| {
                        let (l0, r0, l1, r1) = (q[4 * y], q[4 * y + 1], q[4 * y + 2], q[4 * y + 3]);
                        [(l1 + c) * (r1 + c), (l1 - l0) * (r1 - r0)]
                    })
                };
                let whole = whole.min(all.end);
                let [full_one, full_lead] = product(0..whole, shift);
                let [zero_one, zero_lead] = product(zero.max(whole)..all.end, F::ZERO);
                let [edge_one, edge_lead] = self.generic(whole..zero.max(whole), eq, lambda);
                let correction = shift.square() * crate::eq::prefix_sum(point, whole);
                [lambda * (full_one - correction + zero_one) + edge_one, lambda * (full_lead + zero_lead) + edge_lead]
            }
            (PairNumerators::Dense(p), Denominators::Dense(q)) => eq.sum(all, |y| {
                let i = 4 * y;
                let one = (p[i + 2] + lambda * q[i + 2]) * q[i + 3] + p[i + 3] * q[i + 2];
                let (dpl, dpr) = (p[i + 2] - p[i], p[i + 3] - p[i + 1]);
                let (dql, dqr) = (q[i + 2] - q[i], q[i + 3] - q[i + 1]);
                [one, (dpl + lambda * dql) * dqr + dpr * dql]
            }),
            _ => self.generic(all, eq, lambda),
        }
    }

    fn generic(&self, range: std::ops::Range<usize>, eq: &SplitEq, lambda: F) -> [F; 2] {
        eq.sum(range, |y| {
            let (zero, one) = (self.children_at(2 * y), self.children_at(2 * y + 1));
            let difference = Children {
                p_left: one.p_left - zero.p_left,
                p_right: one.p_right - zero.p_right,
                q_left: one.q_left - zero.q_left,
                q_right: one.q_right - zero.q_right,
            };
            [one.parent(lambda), difference.parent(lambda)]
        })
    }

    /// Binds the parents' least significant variable.
    pub(super) fn bind(&mut self, r: F) {
        match &mut self.p {
            PairNumerators::Step { left, right } => (*left, *right) = (left.fold(r), right.fold(r)),
            PairNumerators::Dense(values) => fold_pairs(values, r),
        }
        if let Denominators::Dense(values) = &mut self.q {
            fold_pairs(values, r);
        }
    }
}

/// Folds the left and the right children each for themselves.
fn fold_pairs(values: &mut Vec<F>, r: F) {
    *values = collect(values.len() / 2, |i| {
        let low = 4 * (i / 2) + i % 2;
        values[low] + r * (values[low + 2] - values[low])
    });
}
