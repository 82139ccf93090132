//! (f) Release under noise, as constraints.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::{AGGREGATES, NoiseShape};

use super::Inputs;
use super::builder::{Builder, Label};
use super::poseidon::permute;
use crate::clause::{Clause, Relation};
use crate::native::{COUNT_RULE_BITS, NOISED_COUNT_BITS};
use crate::noise::{
    DIGITS_PER_NUMBER, NUMBERS_PER_BLOCK, NoiseWitness, Number, TOP_BITS, TOP_LIMIT, WORD_BITS, block_count, block_tag,
    key_tag, number_count, weights,
};
use crate::poseidon::Width;

/// The release rule, and what the noise is drawn from.
pub(super) struct Policy<N> {
    k: N,
    b: N,
    h: N,
    asked: [N; 3],
    layouts: Vec<N>,
    seed: N,
    beacon: [N; 2],
    thresholds: Vec<N>,
}

/// One group's cells.
pub(super) struct Cells<N> {
    is_value: N,
    count: N,
    sums: [N; 3],
}

impl<N: Clone> Policy<N> {
    pub(super) fn allocate<B: Builder<Num = N>>(inputs: &mut Inputs<'_, B>, noise: &NoiseShape) -> Self {
        let [k, b, h] = [(); 3].map(|()| inputs.one());
        Self {
            k,
            b,
            h,
            asked: [(); 3].map(|()| inputs.one()),
            layouts: inputs.list(noise.layouts.len()),
            seed: inputs.one(),
            beacon: inputs.pair(),
            thresholds: inputs.list(noise.digits),
        }
    }
}

impl<N: Clone> Cells<N> {
    pub(super) fn allocate<B: Builder<Num = N>>(inputs: &mut Inputs<'_, B>) -> Self {
        Self { is_value: inputs.one(), count: inputs.one(), sums: [(); 3].map(|()| inputs.one()) }
    }
}

/// Checks the noise, and then the cells of every group.
pub(super) fn check<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    noise: &NoiseShape,
    (policy, cells): (&Policy<B::Num>, &[Cells<B::Num>]),
    context: &[B::Num; 2],
    aggregates: &[[B::Num; 4]],
    witness: &NoiseWitness,
) {
    let digits = digits(builder, relation, noise, policy, context, witness);
    let etas = etas(builder, noise, policy, &digits);
    let nothing = builder.constant(F::ZERO);
    for (g, (cells, sums)) in cells.iter().zip(aggregates).enumerate() {
        let noised: Vec<B::Num> = (0..AGGREGATES)
            .map(|j| {
                let eta = etas.get(g).and_then(|group| group[j].as_ref()).unwrap_or(&nothing);
                builder.add(&sums[j], eta)
            })
            .collect();
        release(builder, relation, policy, cells, &noised);
    }
}

/// The signed digits: those of the registered seed, the beacon and the context.
fn digits<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    noise: &NoiseShape,
    policy: &Policy<B::Num>,
    context: &[B::Num; 2],
    witness: &NoiseWitness,
) -> Vec<B::Num> {
    let (zero, one) = (builder.constant(F::ZERO), F::ONE);
    let seed = witness.seed.map(|half| builder.witness(half));
    let mut state = vec![zero.clone(), seed[0].clone(), seed[1].clone()];
    permute(builder, Width::W3, &mut state);
    if relation.has(Clause::SeedOpens) {
        builder.equal(Clause::SeedOpens, &state[0], &policy.seed);
    }
    let key = key(builder, relation, &seed, &policy.beacon, context);
    let mut numbers = Vec::with_capacity(NUMBERS_PER_BLOCK * block_count(noise));
    for block in 0..block_count(noise) {
        let mut state = vec![zero.clone(); Width::W17.size()];
        (state[0], state[1]) = (key.clone(), builder.constant(block_tag()));
        if relation.has(Clause::BlockNumbered) {
            state[2] = builder.constant(F::from(block as u64));
        }
        permute(builder, Width::W17, &mut state);
        numbers.extend(state.into_iter().skip(1));
    }
    let (mut words, mut signs) = (Vec::new(), Vec::new());
    for (x, number) in numbers.iter().take(number_count(noise)).zip(&witness.numbers) {
        let (w, s) = read(builder, relation, x, number);
        words.extend(w);
        signs.extend(s);
    }
    let mut out = Vec::with_capacity(noise.digits);
    for (place, (threshold, digit)) in policy.thresholds.iter().zip(&witness.digits).enumerate() {
        let set = builder.witness(digit.set);
        if relation.has(Clause::DigitBoolean) {
            let other = builder.add_constant(&set, -one);
            builder.enforce(Label::Clause(Clause::DigitBoolean), &set, &other, &zero);
        }
        if relation.has(Clause::DigitCompared) {
            let distance = builder.sub(threshold, &words[place]);
            let product = builder.product(&set, &distance);
            let compared = builder.linear(F::ZERO, &[(one.double(), &product), (-one, &distance), (-one, &set)]);
            builder.range(Clause::DigitCompared, &compared, WORD_BITS);
        }
        let signed = builder.witness(digit.signed);
        if relation.has(Clause::SignUsed) {
            let sign = builder.linear(one, &[(-one.double(), &signs[place])]);
            builder.enforce(Label::Clause(Clause::SignUsed), &set, &sign, &signed);
        }
        out.push(signed);
    }
    out
}

fn key<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    seed: &[B::Num; 2],
    beacon: &[B::Num; 2],
    context: &[B::Num; 2],
) -> B::Num {
    let mut state = vec![builder.constant(F::ZERO); Width::W9.size()];
    state[0] = builder.constant(key_tag());
    let parts = [(Clause::KeyBindsSeed, seed), (Clause::KeyBindsBeacon, beacon), (Clause::KeyBindsContext, context)];
    for (place, (clause, limbs)) in parts.into_iter().enumerate() {
        if relation.has(clause) {
            state[1 + 2 * place..][..2].clone_from_slice(limbs);
        }
    }
    permute(builder, Width::W9, &mut state);
    state.swap_remove(0)
}

/// A number's one reading: its words and signs.
fn read<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    x: &B::Num,
    number: &Number,
) -> ([B::Num; DIGITS_PER_NUMBER], [B::Num; DIGITS_PER_NUMBER]) {
    let one = F::ONE;
    let words = number.words.map(|word| builder.witness(word));
    let signs = number.signs.map(|sign| builder.witness(sign));
    let top = builder.witness(number.top);
    if relation.has(Clause::WordSum) {
        let parts: Vec<(F, &B::Num)> = weights().into_iter().zip(words.iter().chain(&signs).chain([&top])).collect();
        let sum = builder.linear(F::ZERO, &parts);
        builder.equal(Clause::WordSum, &sum, x);
    }
    for (clause, word) in [Clause::WordLow, Clause::WordMiddle, Clause::WordHigh].into_iter().zip(&words) {
        if relation.has(clause) {
            builder.range(clause, word, WORD_BITS);
        }
    }
    if relation.has(Clause::SignBoolean) {
        let zero = builder.constant(F::ZERO);
        for sign in &signs {
            let other = builder.add_constant(sign, -one);
            builder.enforce(Label::Clause(Clause::SignBoolean), sign, &other, &zero);
        }
    }
    if relation.has(Clause::WordTop) {
        builder.range(Clause::WordTop, &top, TOP_BITS);
    }
    if relation.has(Clause::WordCanonical) {
        let below = builder.linear(F::from(TOP_LIMIT - 1), &[(-one, &top)]);
        builder.range(Clause::WordCanonical, &below, TOP_BITS);
    }
    (words, signs)
}

/// The noise of every group and aggregate, in the layout that is on: the public numbers say which, and that it is one.
fn etas<B: Builder>(
    builder: &mut B,
    noise: &NoiseShape,
    policy: &Policy<B::Num>,
    digits: &[B::Num],
) -> Vec<[Option<B::Num>; AGGREGATES]> {
    let groups = noise.layouts.iter().map(|layout| layout.groups).max().unwrap_or(0);
    let mut out = vec![[const { None::<B::Num> }; AGGREGATES]; groups];
    for (layout, on) in noise.layouts.iter().zip(&policy.layouts) {
        for (group, etas) in out.iter_mut().enumerate().take(layout.groups) {
            for (j, eta) in etas.iter_mut().enumerate() {
                if layout.digits[j] == 0 {
                    continue;
                }
                let first = layout.first(group, j);
                let mut weight = F::ONE;
                let mut terms = Vec::with_capacity(layout.digits[j]);
                for digit in &digits[first..first + layout.digits[j]] {
                    terms.push((weight, digit));
                    weight.double_in_place();
                }
                let sum = builder.linear(F::ZERO, &terms);
                let placed = builder.product(on, &sum);
                *eta = Some(match eta.take() {
                    Some(before) => builder.add(&before, &placed),
                    None => placed,
                });
            }
        }
    }
    out
}

fn release<B: Builder>(
    builder: &mut B,
    relation: &Relation,
    policy: &Policy<B::Num>,
    cells: &Cells<B::Num>,
    noised: &[B::Num],
) {
    let (v, one) = (&cells.is_value, F::ONE);
    let distance = builder.sub(&noised[0], &policy.k);
    if relation.has(Clause::NoisedThreshold) {
        let product = builder.product(v, &distance);
        let beyond = builder.linear(-one, &[(one.double(), &product), (-one, &distance), (one, v)]);
        builder.range(Clause::NoisedThreshold, &beyond, NOISED_COUNT_BITS);
    }
    let above = builder.linear(F::ZERO, &[(one, &noised[0]), (one, &policy.h), (-one, &cells.count)]);
    let below = builder.linear(-one, &[(one, &policy.b), (-one, &above)]);
    for (clause, side) in [(Clause::NoisedCountNotBelow, &above), (Clause::NoisedCountNotAbove, &below)] {
        if relation.has(clause) {
            let side = builder.product(v, side);
            builder.range(clause, &side, COUNT_RULE_BITS);
        }
    }
    let zero = builder.constant(F::ZERO);
    for ((asked, value), sum) in policy.asked.iter().zip(&cells.sums).zip(&noised[1..]) {
        if relation.has(Clause::NoisedSum) {
            let shown = builder.product(asked, v);
            let distance = builder.sub(sum, value);
            builder.enforce(Label::Clause(Clause::NoisedSum), &shown, &distance, &zero);
        }
    }
}
