//! (b) Layers, as constraints.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;

use super::builder::{Builder, Label};
use super::coins::Coins;
use crate::clause::{Clause, Relation};
use crate::messages::{Children, Fraction, Messages};
use crate::transcript::active;

/// A numerator and a denominator.
#[derive(Clone)]
pub(super) struct FractionNum<N> {
    pub(super) p: N,
    pub(super) q: N,
}

/// Both trees' roots.
pub(super) struct Roots<N> {
    pub(super) row: FractionNum<N>,
    pub(super) table: FractionNum<N>,
}

impl<N: Clone> Roots<N> {
    pub(super) fn allocate<B: Builder<Num = N>>(builder: &mut B, messages: &Messages) -> Self {
        let mut fraction = |x: &Fraction| FractionNum { p: builder.witness(x.p), q: builder.witness(x.q) };
        Self { row: fraction(&messages.row_root), table: fraction(&messages.table_root) }
    }
}

/// A claim about a tree's leaves.
pub(super) struct LeafClaim<N> {
    pub(super) value: FractionNum<N>,
    pub(super) point: Vec<N>,
}

/// What is left after the layers.
pub(super) struct LeafClaims<N> {
    pub(super) row: LeafClaim<N>,
    pub(super) table: LeafClaim<N>,
    pub(super) lambda: N,
    pub(super) mu: N,
}

/// `(1 - rho) (q(0) - q(1)) = c - q(1)`.
pub(super) fn continues<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    clause: Clause,
    rho: &B::Num,
    at_zero: &B::Num,
    at_one: &B::Num,
    claim: &B::Num,
) {
    if relation.has(clause) {
        let complement = builder.one_minus(rho);
        let difference = builder.sub(at_zero, at_one);
        let rest = builder.sub(claim, at_one);
        builder.enforce(Label::Clause(clause), &complement, &difference, &rest);
    }
}

/// The children of one tree in a layer.
struct ChildNums<N>([N; 4]);

impl<N: Clone> ChildNums<N> {
    fn allocate<B: Builder<Num = N>>(builder: &mut B, children: &Children) -> Self {
        Self(children.list().map(|x| builder.witness(x)))
    }

    /// `p_l q_r + p_r q_l + lambda q_l q_r`.
    fn parent<B: Builder<Num = N>>(&self, builder: &mut B, lambda: &N) -> N {
        let [p_left, p_right, q_left, q_right] = &self.0;
        let scaled = builder.product(lambda, q_left);
        let left = builder.add(p_left, &scaled);
        let first = builder.product(&left, q_right);
        let second = builder.product(p_right, q_left);
        builder.add(&first, &second)
    }

    fn fold<B: Builder<Num = N>>(&self, builder: &mut B, f: &N) -> FractionNum<N> {
        let [p_left, p_right, q_left, q_right] = &self.0;
        let mut mix = |left: &N, right: &N| {
            let difference = builder.sub(right, left);
            let step = builder.product(f, &difference);
            builder.add(left, &step)
        };
        FractionNum { p: mix(p_left, p_right), q: mix(q_left, q_right) }
    }
}

/// Walks the layers.
pub(super) fn layers<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    shape: &Shape,
    coins: &mut Coins<'_, B::Num>,
    messages: &Messages,
    roots: Roots<B::Num>,
) -> LeafClaims<B::Num> {
    let absorbed = [&roots.row.p, &roots.row.q, &roots.table.p, &roots.table.q].map(Clone::clone);
    let mut lambda = coins.roots(builder, &absorbed);
    let mut mu = builder.constant(F::ZERO);
    let mut point: Vec<B::Num> = Vec::new();
    let mut row = LeafClaim { value: roots.row, point: Vec::new() };
    let mut table = LeafClaim { value: roots.table, point: Vec::new() };
    for (number, layer) in messages.layers.iter().enumerate() {
        let (row_active, table_active) = active(shape, number);
        let scale = if row_active && table_active { Some(builder.product(&lambda, &lambda)) } else { None };
        let mut claim = builder.constant(F::ZERO);
        for (tree, active, scale) in [(&row, row_active, None), (&table, table_active, scale.as_ref())] {
            if active {
                let weighted = builder.product(&lambda, &tree.value.q);
                let mut part = builder.add(&tree.value.p, &weighted);
                if let Some(scale) = scale {
                    part = builder.product(scale, &part);
                }
                claim = builder.add(&claim, &part);
            }
        }
        let mut bound = Vec::with_capacity(number + 1);
        for (round, rho) in layer.rounds.iter().zip(&point) {
            let at_zero = builder.witness(round.at_zero);
            let at_one = builder.witness(round.at_one);
            let leading = builder.witness(round.leading);
            continues(builder, relation, Clause::LayerRounds, rho, &at_zero, &at_one, &claim);
            let challenge = coins.layer_round(builder, &[at_one.clone(), leading.clone()]);
            // q(x) = q(0) + x (q(1) - q(0) - lead + x lead)
            let square = builder.product(&challenge, &leading);
            let inner = builder
                .linear(F::ZERO, &[(F::ONE, &at_one), (-F::ONE, &at_zero), (-F::ONE, &leading), (F::ONE, &square)]);
            let step = builder.product(&challenge, &inner);
            claim = builder.add(&at_zero, &step);
            bound.push(challenge);
        }
        let row_children = row_active.then(|| ChildNums::allocate(builder, &layer.row));
        let table_children = table_active.then(|| ChildNums::allocate(builder, &layer.table));
        let mut end = builder.constant(F::ZERO);
        if let Some(children) = &row_children {
            end = children.parent(builder, &lambda);
        }
        if let Some(children) = &table_children {
            let mut part = children.parent(builder, &lambda);
            if let Some(scale) = &scale {
                part = builder.product(scale, &part);
            }
            end = builder.add(&end, &part);
        }
        if relation.has(Clause::LayerEnd) {
            builder.equal(Clause::LayerEnd, &claim, &end);
        }
        let absorbed: Vec<B::Num> =
            row_children.iter().chain(&table_children).flat_map(|children| children.0.iter().cloned()).collect();
        let drawn = coins.layer_end(builder, number, &absorbed);
        bound.insert(0, drawn.fold.clone());
        point = bound;
        if let Some(children) = &row_children {
            row = LeafClaim { value: children.fold(builder, &drawn.fold), point: point.clone() };
        }
        if let Some(children) = &table_children {
            table = LeafClaim { value: children.fold(builder, &drawn.fold), point: point.clone() };
        }
        (lambda, mu) = (drawn.lambda, drawn.mu);
    }
    LeafClaims { row, table, lambda, mu }
}
