//! A fraction tree: `2^l` slots of `2^bits` leaves, and the `2^l` slots' roots above.

use cohortium_protocol::field::F;

use super::slots::{Pairs, Slot};
use crate::eq::{self, SplitEq};
use crate::messages::{Children, Fraction};

/// All layers of a tree that are still to be walked.
pub(super) struct Tree {
    /// `top[i]`: the `2^i` nodes of layer `i`, for `i <= l`.
    top: Vec<Vec<Fraction>>,
    /// `lower[k]`: the slots with `2^(k+1)` fractions each; layer `l + 1 + k`.
    lower: Vec<Vec<Slot>>,
}

impl Tree {
    /// Builds all layers from the leaves.
    pub(super) fn grow(leaves: Vec<Slot>, bits: usize) -> Self {
        let mut lower = vec![leaves];
        for k in (0..bits).rev() {
            let children = &lower[lower.len() - 1];
            let parents = children.iter().map(|slot| slot.parents(1 << k)).collect();
            lower.push(parents);
        }
        let roots: Vec<Fraction> = lower.pop().unwrap_or_default().iter().map(Slot::root).collect();
        lower.reverse();
        let mut top = vec![roots];
        while top[top.len() - 1].len() > 1 {
            let parents = top[top.len() - 1]
                .chunks(2)
                .map(|pair| Fraction { p: pair[0].p * pair[1].q + pair[1].p * pair[0].q, q: pair[0].q * pair[1].q })
                .collect();
            top.push(parents);
        }
        top.reverse();
        Self { top, lower }
    }

    pub(super) fn root(&self) -> Fraction {
        self.top[0][0]
    }

    /// Takes the children of layer `number` out of the tree, for that layer's sumcheck.
    pub(super) fn layer(&mut self, number: usize, lambda: F) -> TreeLayer {
        match self.top.get(number + 1) {
            Some(children) => TreeLayer { lambda, slots: Vec::new(), row_bits: 0, top: pair_up(children) },
            None => {
                let k = number + 1 - self.top.len();
                let slots = std::mem::take(&mut self.lower[k]).into_iter().map(Slot::into_pairs).collect();
                TreeLayer { lambda, slots, row_bits: k, top: Vec::new() }.settled()
            }
        }
    }
}

fn pair_up(children: &[Fraction]) -> Vec<Children> {
    children
        .chunks(2)
        .map(|pair| Children { p_left: pair[0].p, p_right: pair[1].p, q_left: pair[0].q, q_right: pair[1].q })
        .collect()
}

/// A layer in its sumcheck: first over the bits inside slots, then over the slots.
pub(super) struct TreeLayer {
    lambda: F,
    slots: Vec<Pairs>,
    /// Variables inside slots that are not bound yet.
    row_bits: usize,
    /// The children by node, once all bits inside slots are bound.
    top: Vec<Children>,
}

impl TreeLayer {
    fn settled(mut self) -> Self {
        if self.row_bits == 0 && !self.slots.is_empty() {
            self.top = self.slots.drain(..).map(|slot| slot.last()).collect();
        }
        self
    }

    /// The round's value at 1 and leading coefficient; `rest` is the layer's point after the variable
    /// being bound.
    pub(super) fn round(&self, rest: &[F]) -> [F; 2] {
        let mut sums = [F::from(0u64); 2];
        if self.slots.is_empty() {
            for (pair, weight) in self.top.chunks(2).zip(eq::table(rest)) {
                let [zero, one] = [pair[0], pair[1]];
                let difference = Children {
                    p_left: one.p_left - zero.p_left,
                    p_right: one.p_right - zero.p_right,
                    q_left: one.q_left - zero.q_left,
                    q_right: one.q_right - zero.q_right,
                };
                sums[0] += weight * one.parent(self.lambda);
                sums[1] += weight * difference.parent(self.lambda);
            }
        } else {
            let (inside, slot_point) = rest.split_at(self.row_bits - 1);
            let table = SplitEq::new(inside);
            for (slot, weight) in self.slots.iter().zip(eq::table(slot_point)) {
                let part = slot.round(inside, &table, self.lambda);
                sums[0] += weight * part[0];
                sums[1] += weight * part[1];
            }
        }
        sums
    }

    /// Binds the variable.
    pub(super) fn bind(&mut self, r: F) {
        if self.slots.is_empty() {
            self.top = self
                .top
                .chunks(2)
                .map(|pair| {
                    let [a, b] = [pair[0].list(), pair[1].list()];
                    let mix = |i: usize| a[i] + r * (b[i] - a[i]);
                    Children { p_left: mix(0), p_right: mix(1), q_left: mix(2), q_right: mix(3) }
                })
                .collect();
        } else {
            self.slots.iter_mut().for_each(|slot| slot.bind(r));
            self.row_bits -= 1;
            if self.row_bits == 0 {
                self.top = self.slots.drain(..).map(|slot| slot.last()).collect();
            }
        }
    }

    /// The child values at the bound point.
    pub(super) fn children(&self) -> Children {
        self.top.first().copied().unwrap_or_default()
    }
}
