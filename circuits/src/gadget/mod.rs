//! The relations as constraints: the circuit.
//!
//! The same headings and clause names as the native twin and the statement page.

mod builder;
mod coins;
pub mod cost;
mod leaves;
mod matrices;
mod noise;
mod offer;
mod poseidon;
mod release;
mod walk;

pub use builder::{Assign, Builder, Label};
pub use matrices::{Combination, Matrices, Row};

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::{Proves, Shape};
use cohortium_protocol::statement::public_inputs;

use crate::clause::{Clause, Relation};
use crate::messages::{ENDS, Messages};
use coins::{Challenges, Coins};

/// The public inputs as numbers, in the order of the statement page.
struct Public<N> {
    context: [N; 2],
    commitments: [N; 2],
    row_point: Vec<N>,
    value_point: Vec<N>,
    table_point: Vec<N>,
    mu: N,
    occupied: N,
    flags: N,
    others: Others<N>,
    inputs: Vec<N>,
    /// A lookup without one has the output 0, in the zero table.
    outputs: Vec<N>,
    tables: Vec<N>,
    multiplicities: Vec<N>,
    release: Release<N>,
}

/// The leaf sets that are no lookups, at `r`.
enum Others<N> {
    /// One, of a query's aggregates.
    Aggregates { selection: N, y: N, z: N, group: N },
    /// Two: the sources of the chain of a table's tags, and its targets.
    Chain { sources: N, targets: N },
}

impl<N: Clone> Others<N> {
    fn allocate<B: Builder<Num = N>>(inputs: &mut Inputs<'_, B>, shape: &Shape) -> Self {
        match shape.proves {
            Proves::Table => Self::Chain { sources: inputs.one(), targets: inputs.one() },
            Proves::Query | Proves::Eligibility => {
                Self::Aggregates { selection: inputs.one(), y: inputs.one(), z: inputs.one(), group: inputs.one() }
            }
        }
    }
}

/// How the cells follow from the aggregates, and the cells; or what the one patient is named by.
enum Release<N> {
    Exact(release::Policy<N>, Vec<release::Cells<N>>),
    Noised(noise::Policy<N>, Vec<noise::Cells<N>>),
    Offered(offer::Offer<N>),
    /// Nothing is released.
    Nothing,
}

impl<N: Clone> Release<N> {
    fn allocate<B: Builder<Num = N>>(inputs: &mut Inputs<'_, B>, shape: &Shape) -> Self {
        match shape.noise {
            _ if shape.proves == Proves::Table => Self::Nothing,
            None if shape.proves == Proves::Eligibility => Self::Offered(offer::Offer::allocate(inputs)),
            None => {
                let policy = release::Policy::allocate(inputs);
                Self::Exact(policy, (0..shape.groups).map(|_| release::Cells::allocate(inputs)).collect())
            }
            Some(noise) => {
                let policy = noise::Policy::allocate(inputs, noise);
                Self::Noised(policy, (0..shape.groups).map(|_| noise::Cells::allocate(inputs)).collect())
            }
        }
    }
}

/// Hands out public inputs one after the other.
struct Inputs<'a, B> {
    builder: &'a mut B,
    values: std::slice::Iter<'a, F>,
}

impl<B: Builder> Inputs<'_, B> {
    fn one(&mut self) -> B::Num {
        let value = self.values.next().copied().unwrap_or(F::ZERO);
        self.builder.input(value)
    }

    fn list(&mut self, len: usize) -> Vec<B::Num> {
        (0..len).map(|_| self.one()).collect()
    }

    fn pair(&mut self) -> [B::Num; 2] {
        [self.one(), self.one()]
    }
}

impl<N: Clone> Public<N> {
    fn allocate<B: Builder<Num = N>>(builder: &mut B, shape: &Shape, values: &[F]) -> Self {
        let mut inputs = Inputs { builder, values: values.iter() };
        let lookups = shape.max_lookups();
        let is_query = shape.proves != Proves::Table;
        Self {
            context: inputs.pair(),
            commitments: inputs.pair(),
            row_point: inputs.list(shape.row_bits),
            value_point: inputs.list(shape.value_bits + 1),
            table_point: inputs.list(if is_query { shape.value_bits } else { 0 }),
            mu: inputs.one(),
            occupied: inputs.one(),
            flags: inputs.one(),
            others: Others::allocate(&mut inputs, shape),
            inputs: inputs.list(lookups),
            outputs: inputs.list(if is_query { lookups } else { 0 }),
            tables: inputs.list(if is_query { lookups } else { 0 }),
            multiplicities: inputs.list(lookups),
            release: Release::allocate(&mut inputs, shape),
        }
    }
}

/// Builds the circuit of a shape: `public` in the order of its statement's encoder.
fn synthesise<B: Builder>(builder: &mut B, relation: Relation, shape: &Shape, public: &[F], messages: &Messages) {
    let public = Public::allocate(builder, shape, public);
    let mut coins = Coins::new(builder, relation, shape);
    let nonce = builder.witness(messages.nonce);
    coins.statement(builder, &public.context, &public.commitments, &nonce);
    let aggregates: Vec<[B::Num; 4]> = match shape.proves {
        Proves::Table => {
            // The other two are no variables, so that there is nothing to choose.
            let zero = builder.constant(F::ZERO);
            let [first, last] = messages.ends().map(|end| builder.witness(end));
            vec![[first, last, zero.clone(), zero]]
        }
        Proves::Query | Proves::Eligibility => {
            messages.aggregates.iter().map(|sums| sums.map(|x| builder.witness(x))).collect()
        }
    };
    let challenges = coins.aggregates(builder, &aggregates);
    let roots = walk::Roots::allocate(builder, messages);
    let side = match shape.proves {
        Proves::Table => ends_side(builder, &relation, messages, &aggregates, &challenges),
        Proves::Query | Proves::Eligibility => aggregates_side(builder, &relation, messages, &aggregates, &challenges),
    };
    check_roots(builder, &relation, messages, &side, &roots);
    let claims = walk::layers(builder, &relation, shape, &mut coins, messages, roots);
    leaves::settle(builder, &relation, shape, &mut coins, &public, messages, &challenges, &claims);
    match (&public.release, shape.noise, &messages.noise) {
        (Release::Exact(policy, cells), ..) => {
            let sides: Vec<B::Num> = messages.sides.iter().map(|side| builder.witness(*side)).collect();
            release::check(builder, &relation, shape, policy, cells, &aggregates, &sides);
        }
        (Release::Noised(policy, cells), Some(noise), Some(witness)) => {
            noise::check(builder, &relation, noise, (policy, cells), &public.context, &aggregates, witness);
        }
        (Release::Offered(offer), ..) => offer::check(builder, &relation, offer, &aggregates),
        // Messages are of the shape.
        (Release::Noised(..) | Release::Nothing, ..) => {}
    }
}

/// `A`, of a query: its aggregates' fractions.
fn aggregates_side<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    messages: &Messages,
    aggregates: &[[B::Num; 4]],
    challenges: &Challenges<B::Num>,
) -> B::Num {
    let one = builder.constant(F::ONE);
    let mut terms = Vec::with_capacity(aggregates.len());
    for (g, (sums, inverse)) in aggregates.iter().zip(&messages.group_inverses).enumerate() {
        let distance = builder.add_constant(&challenges.gamma, -F::from(g as u64));
        let inverse = builder.witness(*inverse);
        if relation.has(Clause::GroupDenominator) {
            builder.enforce(Label::Clause(Clause::GroupDenominator), &distance, &inverse, &one);
        }
        let weighted: Vec<B::Num> =
            sums.iter().zip(&challenges.aggregate_weights).map(|(x, w)| builder.product(x, w)).collect();
        let weighted = builder.sum(&weighted);
        terms.push(builder.product(&weighted, &inverse));
    }
    builder.sum(&terms)
}

/// `A`, of a table: `w_0 (1 / (gamma - v_0) - 1 / (gamma - v_end))`.
fn ends_side<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    messages: &Messages,
    aggregates: &[[B::Num; 4]],
    challenges: &Challenges<B::Num>,
) -> B::Num {
    let one = builder.constant(F::ONE);
    let mut side = builder.constant(F::ZERO);
    let signs = [F::ONE, -F::ONE];
    let ends = aggregates.iter().flat_map(|ends| &ends[..ENDS]);
    for ((end, inverse), sign) in ends.zip(&messages.group_inverses).zip(signs) {
        let distance = builder.sub(&challenges.gamma, end);
        let inverse = builder.witness(*inverse);
        if relation.has(Clause::EndDenominator) {
            builder.enforce(Label::Clause(Clause::EndDenominator), &distance, &inverse, &one);
        }
        side = builder.linear(F::ZERO, &[(F::ONE, &side), (sign, &inverse)]);
    }
    let weight = chain_weight(builder, relation, challenges);
    builder.product(&weight, &side)
}

/// The weight of the chain's leaf sets and of its ends.
fn chain_weight<B: Builder>(builder: &B, relation: &Relation, challenges: &Challenges<B::Num>) -> B::Num {
    if relation.has(Clause::ChainCounted) { challenges.aggregate_weights[0].clone() } else { builder.constant(F::ZERO) }
}

/// (c) Roots: `side` is `A`.
fn check_roots<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    messages: &Messages,
    side: &B::Num,
    roots: &walk::Roots<B::Num>,
) {
    let one = builder.constant(F::ONE);
    let (row, table) = (&roots.row, &roots.table);
    let left = builder.product(&row.p, &table.q);
    let scaled = builder.product(side, &table.q);
    let sum = builder.add(&table.p, &scaled);
    if relation.has(Clause::RootCheck) {
        builder.enforce(Label::Clause(Clause::RootCheck), &sum, &row.q, &left);
    }
    let clauses = [Clause::RowDenominator, Clause::TableDenominator];
    for ((clause, q), inverse) in clauses.into_iter().zip([&row.q, &table.q]).zip(messages.root_inverses) {
        let inverse = builder.witness(inverse);
        if relation.has(clause) {
            builder.enforce(Label::Clause(clause), q, &inverse, &one);
        }
    }
}

/// The constraints of a shape.
pub fn matrices(shape: &Shape) -> Matrices {
    matrices_with(Relation::whole(), shape)
}

/// The same with a clause off (tests only).
pub(crate) fn matrices_with(relation: Relation, shape: &Shape) -> Matrices {
    let mut builder = Matrices::new();
    synthesise(&mut builder, relation, shape, &vec![F::ZERO; public_inputs(shape)], &Messages::blank(shape));
    builder
}

/// The assignment for a statement: the constant 1, the public inputs, the witness; and how many are public.
///
/// `public` is in the order of the statement's encoder.
pub fn assignment(shape: &Shape, public: &[F], messages: &Messages) -> (Vec<F>, usize) {
    assignment_with(Relation::whole(), shape, public, messages)
}

/// The same with a clause off (tests only).
pub(crate) fn assignment_with(relation: Relation, shape: &Shape, public: &[F], messages: &Messages) -> (Vec<F>, usize) {
    let mut builder = Assign::new();
    synthesise(&mut builder, relation, shape, public, messages);
    builder.finish()
}

#[cfg(test)]
mod tests;
