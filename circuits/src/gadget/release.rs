//! (e) Release, as constraints.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::policy::SUM_BASE_BITS;
use cohortium_protocol::shape::Shape;

use super::Inputs;
use super::builder::{Builder, Label};
use crate::clause::{Clause, Relation};
use crate::native::{CODE_BITS, COUNT_RULE_BITS};

/// How one of the three sums is released.
pub(super) struct SumRule<N> {
    asked: N,
    base: N,
    half: N,
    dominance: N,
}

/// The release rule.
pub(super) struct Policy<N> {
    k: N,
    b: N,
    h: N,
    show_zero: N,
    sums: [SumRule<N>; 3],
    /// The most that one row adds to the first sum.
    most: N,
}

/// One sum's cell.
pub(super) struct SumCell<N> {
    is_value: N,
    value: N,
}

/// One group's cells.
pub(super) struct Cells<N> {
    is_value: N,
    is_zero: N,
    count: N,
    sums: [SumCell<N>; 3],
}

impl<N: Clone> SumRule<N> {
    fn allocate<B: Builder<Num = N>>(inputs: &mut Inputs<'_, B>) -> Self {
        Self { asked: inputs.one(), base: inputs.one(), half: inputs.one(), dominance: inputs.one() }
    }
}

impl<N: Clone> Policy<N> {
    pub(super) fn allocate<B: Builder<Num = N>>(inputs: &mut Inputs<'_, B>) -> Self {
        let [k, b, h, show_zero] = [(); 4].map(|()| inputs.one());
        let first = SumRule::allocate(inputs);
        let most = inputs.one();
        let [second, third] = [(); 2].map(|()| SumRule::allocate(inputs));
        Self { k, b, h, show_zero, sums: [first, second, third], most }
    }
}

impl<N: Clone> Cells<N> {
    pub(super) fn allocate<B: Builder<Num = N>>(inputs: &mut Inputs<'_, B>) -> Self {
        Self {
            is_value: inputs.one(),
            is_zero: inputs.one(),
            count: inputs.one(),
            sums: [(); 3].map(|()| SumCell { is_value: inputs.one(), value: inputs.one() }),
        }
    }
}

/// The sum of the products that a relation's clauses contribute to one range check.
struct Shared<N>(Vec<N>);

impl<N: Clone> Shared<N> {
    fn product<B: Builder<Num = N>>(&mut self, builder: &mut B, on: bool, a: &N, b: &N) {
        if on {
            let product = builder.product(a, b);
            self.0.push(product);
        }
    }

    fn range<B: Builder<Num = N>>(&self, builder: &mut B, clause: Clause, bits: usize) {
        let sum = builder.sum(&self.0);
        builder.range(clause, &sum, bits);
    }
}

/// Checks the cells of every group.
pub(super) fn check<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    shape: &Shape,
    policy: &Policy<B::Num>,
    cells: &[Cells<B::Num>],
    aggregates: &[[B::Num; 4]],
    sides: &[B::Num],
) {
    for ((cells, sums), side) in cells.iter().zip(aggregates).zip(sides) {
        count(builder, relation, shape, policy, cells, &sums[0]);
        for (i, exact) in sums[1..].iter().enumerate() {
            let bits = SUM_BASE_BITS[i] as usize;
            let (rule, cell) = (&policy.sums[i], &cells.sums[i]);
            let mut small = builder.linear(-F::ONE, &[(F::ONE, &rule.dominance), (-F::ONE, exact)]);
            if i == 0 {
                let turn = complement(builder, relation, shape, policy, cell, [&sums[0], exact], side);
                small = builder.add(&small, &turn);
            }
            sum(builder, relation, rule, &cells.is_value, cell, [exact, &small], bits);
        }
    }
}

/// The dominance rule's upper side, for the first sum of `n` rows. Returns what is to be added to the distance below
/// the lower bound so that it is the distance above the upper one, if that is the side.
fn complement<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    shape: &Shape,
    policy: &Policy<B::Num>,
    cell: &SumCell<B::Num>,
    [n, exact]: [&B::Num; 2],
    side: &B::Num,
) -> B::Num {
    let one = F::ONE;
    let room = builder.product(n, &policy.most);
    if relation.has(Clause::SumComplement) {
        let beyond = builder.linear(F::ZERO, &[(one, &room), (-one, exact), (-one, &policy.sums[0].dominance)]);
        let beyond = builder.product(&cell.is_value, &beyond);
        builder.range(Clause::SumComplement, &beyond, shape.row_bits + CODE_BITS);
    }
    if relation.has(Clause::SumHiddenSide) {
        let other = builder.add_constant(side, -one);
        let zero = builder.constant(F::ZERO);
        builder.enforce(Label::Clause(Clause::SumHiddenSide), side, &other, &zero);
    }
    let turn = builder.linear(F::ZERO, &[(one.double(), exact), (-one, &room)]);
    builder.product(side, &turn)
}

fn count<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    shape: &Shape,
    policy: &Policy<B::Num>,
    cells: &Cells<B::Num>,
    n: &B::Num,
) {
    let (v, z) = (&cells.is_value, &cells.is_zero);
    let zero = builder.constant(F::ZERO);
    let one = F::ONE;
    let suppressed = builder.linear(one, &[(-one, v), (-one, z)]);
    if relation.has(Clause::ZeroIsZero) {
        builder.enforce(Label::Clause(Clause::ZeroIsZero), z, n, &zero);
    }
    let hidden = builder.one_minus(&policy.show_zero);
    if relation.has(Clause::ZeroShown) {
        builder.enforce(Label::Clause(Clause::ZeroShown), z, &hidden, &zero);
    }
    if relation.has(Clause::ValueReachesThreshold) {
        let beyond = builder.sub(n, &policy.k);
        let beyond = builder.product(v, &beyond);
        builder.range(Clause::ValueReachesThreshold, &beyond, shape.row_bits + 1);
    }
    // A group is a value or suppressed, so the two share their range checks.
    let above = builder.linear(F::ZERO, &[(one, n), (one, &policy.h), (-one, &cells.count)]);
    let below = builder.linear(-one, &[(one, &policy.b), (-one, &above)]);
    let missing = builder.linear(-one, &[(one, &policy.k), (-one, n)]);
    let more_than_shown = builder.sub(n, &policy.show_zero);
    let mut first = Shared(Vec::new());
    first.product(builder, relation.has(Clause::CountNotBelow), v, &above);
    first.product(builder, relation.has(Clause::SuppressedIsSmall), &suppressed, &missing);
    first.range(builder, Clause::CountNotBelow, COUNT_RULE_BITS);
    let mut second = Shared(Vec::new());
    second.product(builder, relation.has(Clause::CountNotAbove), v, &below);
    second.product(builder, relation.has(Clause::SuppressedIsNotZero), &suppressed, &more_than_shown);
    second.range(builder, Clause::CountNotAbove, COUNT_RULE_BITS);
}

fn sum<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    rule: &SumRule<B::Num>,
    v: &B::Num,
    cell: &SumCell<B::Num>,
    [exact, small]: [&B::Num; 2],
    bits: usize,
) {
    let shown = &cell.is_value;
    let zero = builder.constant(F::ZERO);
    let one = F::ONE;
    if relation.has(Clause::SumNotAsked) {
        let not_asked = builder.one_minus(&rule.asked);
        builder.enforce(Label::Clause(Clause::SumNotAsked), shown, &not_asked, &zero);
    }
    if relation.has(Clause::SumFollowsCount) {
        let no_value = builder.one_minus(v);
        builder.enforce(Label::Clause(Clause::SumFollowsCount), shown, &no_value, &zero);
    }
    let above = builder.linear(F::ZERO, &[(one, exact), (one, &rule.half), (-one, &cell.value)]);
    let below = builder.linear(-one, &[(one, &rule.base), (-one, &above)]);
    let withheld = builder.sub(v, shown);
    let withheld = builder.product(&rule.asked, &withheld);
    let mut first = Shared(Vec::new());
    first.product(builder, relation.has(Clause::SumNotBelow), shown, &above);
    first.product(builder, relation.has(Clause::SumSuppressedIsSmall), &withheld, small);
    first.range(builder, Clause::SumNotBelow, bits);
    let mut second = Shared(Vec::new());
    second.product(builder, relation.has(Clause::SumNotAbove), shown, &below);
    second.range(builder, Clause::SumNotAbove, bits);
}
