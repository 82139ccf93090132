//! From a one-time seed to signed digits of noise, in plain Rust (statement page *Noise, proved*).
//!
//! Seed, beacon and context give a key; the key gives numbers, a block of sixteen at a time; a number gives three words of 64
//! bits and three signs; a word below its digit's threshold sets the digit.

use std::fmt;

use ark_ff::{AdditiveGroup, Field, PrimeField};
use cohortium_protocol::domain;
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::policy::GroupNoise;
use cohortium_protocol::shape::{AGGREGATES, NoiseShape};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::clause::{Clause, Relation};
use crate::poseidon::{Width, permute};

/// Words, signs and so digits of one number.
pub const DIGITS_PER_NUMBER: usize = 3;
/// Numbers of one block: every output of the widest permutation but the first.
pub const NUMBERS_PER_BLOCK: usize = 16;
/// Bits of a word, and of a threshold.
pub const WORD_BITS: usize = 64;
/// Bits of what is above words and signs.
pub const TOP_BITS: usize = 59;
/// The bit at which that begins: three words and three signs.
pub const TOP_SHIFT: usize = DIGITS_PER_NUMBER * (WORD_BITS + 1);

/// `R = floor(r / 2^195)`, with `r` the field's order.
pub const TOP_LIMIT: u64 = F::MODULUS.0[3] >> (TOP_SHIFT - 3 * 64);

fn tag(name: &'static str) -> F {
    F::from_be_bytes_mod_order(Hasher::new(name).finish().as_bytes())
}

/// Separates keys from every other use of the permutation of width 9.
pub fn key_tag() -> F {
    tag(domain::NOISE_KEY)
}

/// Separates blocks from every other use of the permutation of width 17.
pub fn block_tag() -> F {
    tag(domain::NOISE_BLOCK)
}

/// A number's one reading: `w_0 + 2^64 w_1 + 2^128 w_2 + 2^192 (s_0 + 2 s_1 + 4 s_2) + 2^195 top`.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize, Default)]
pub struct Number {
    /// The words: `w_i`, 64 bits each.
    pub words: [F; DIGITS_PER_NUMBER],
    /// The signs: `s_i`, one bit each.
    pub signs: [F; DIGITS_PER_NUMBER],
    /// The rest, below [`TOP_LIMIT`].
    pub top: F,
}

impl Number {
    /// Reads a number; nothing if it is among the topmost, which have no reading of their own.
    pub fn read(x: F) -> Option<Self> {
        let mut limbs = x.into_bigint().0;
        let (signs, top) = (limbs[3] & 7, limbs[3] >> 3);
        let number = (top < TOP_LIMIT).then(|| Self {
            words: [limbs[0], limbs[1], limbs[2]].map(F::from),
            signs: [signs & 1, signs >> 1 & 1, signs >> 2].map(F::from),
            top: F::from(top),
        });
        limbs.zeroize();
        number
    }

    /// What it reads.
    pub fn sum(&self) -> F {
        weights().iter().zip(self.parts()).map(|(weight, part)| *weight * part).sum()
    }

    /// Its parts, in the order of [`weights`].
    pub fn parts(&self) -> [F; 2 * DIGITS_PER_NUMBER + 1] {
        let [w0, w1, w2] = self.words;
        let [s0, s1, s2] = self.signs;
        [w0, w1, w2, s0, s1, s2, self.top]
    }
}

/// What the parts of a number stand for: words, signs, the rest.
pub fn weights() -> [F; 2 * DIGITS_PER_NUMBER + 1] {
    [0, 64, 128, 192, 193, 194, TOP_SHIFT as u64].map(|power| F::from(2u64).pow([power]))
}

/// A signed digit of noise: `t = m (1 - 2 s)`, with the sign of its number.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize, Default)]
pub struct Digit {
    /// `m`: whether the word is below the threshold.
    pub set: F,
    /// `t`.
    pub signed: F,
}

/// The witness of a release's noise: a secret, as it lays the exact numbers bare.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NoiseWitness {
    /// The seed's two halves.
    pub seed: [F; 2],
    /// The numbers.
    pub numbers: Vec<Number>,
    /// The digits, in the order of their words.
    pub digits: Vec<Digit>,
}

impl fmt::Debug for NoiseWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoiseWitness(secret)")
    }
}

/// How many numbers a shape's digits take.
pub const fn number_count(noise: &NoiseShape) -> usize {
    noise.digits.div_ceil(DIGITS_PER_NUMBER)
}

/// How many blocks they take.
pub const fn block_count(noise: &NoiseShape) -> usize {
    number_count(noise).div_ceil(NUMBERS_PER_BLOCK)
}

/// The key: of the seed, the beacon and the proof's context.
pub(crate) fn key(relation: &Relation, seed: [F; 2], beacon: &Digest, context: &Digest) -> F {
    let mut state = [F::ZERO; Width::W9.size()];
    state[0] = key_tag();
    let parts = [
        (Clause::KeyBindsSeed, seed),
        (Clause::KeyBindsBeacon, digest_limbs(beacon)),
        (Clause::KeyBindsContext, digest_limbs(context)),
    ];
    for (place, (clause, limbs)) in parts.into_iter().enumerate() {
        if relation.has(clause) {
            state[1 + 2 * place..][..2].copy_from_slice(&limbs);
        }
    }
    permute(Width::W9, &mut state);
    let key = state[0];
    state.zeroize();
    key
}

/// The numbers that a key gives.
pub(crate) fn numbers(relation: &Relation, key: F, noise: &NoiseShape) -> Zeroizing<Vec<F>> {
    let mut out = Zeroizing::new(Vec::with_capacity(NUMBERS_PER_BLOCK * block_count(noise)));
    for block in 0..block_count(noise) {
        let mut state = [F::ZERO; Width::W17.size()];
        (state[0], state[1]) = (key, block_tag());
        if relation.has(Clause::BlockNumbered) {
            state[2] = F::from(block as u64);
        }
        permute(Width::W17, &mut state);
        out.extend_from_slice(&state[1..]);
        state.zeroize();
    }
    out.truncate(number_count(noise));
    out
}

/// Draws a release's noise. Nothing if one of the numbers has no reading, which happens with probability below `2^-51`,
/// whatever the data are.
pub fn draw(
    seed: &[u8; 32],
    beacon: &Digest,
    context: &Digest,
    thresholds: &[u64],
    noise: &NoiseShape,
) -> Option<NoiseWitness> {
    draw_with(&Relation::whole(), digest_limbs(&Digest::from_bytes(*seed)), beacon, context, thresholds, noise)
}

/// The same where a clause may be off (tests only; elsewhere every relation is whole).
pub(crate) fn draw_with(
    relation: &Relation,
    seed: [F; 2],
    beacon: &Digest,
    context: &Digest,
    thresholds: &[u64],
    noise: &NoiseShape,
) -> Option<NoiseWitness> {
    let key = Zeroizing::new(key(relation, seed, beacon, context));
    let numbers = numbers(relation, *key, noise);
    let mut read = Zeroizing::new(Vec::with_capacity(numbers.len()));
    for x in numbers.iter() {
        read.push(Number::read(*x)?);
    }
    let numbers = read.to_vec();
    let mut digits = Vec::with_capacity(noise.digits);
    for (place, threshold) in thresholds.iter().enumerate().take(noise.digits) {
        let number = &numbers[place / DIGITS_PER_NUMBER];
        let (word, sign) = (number.words[place % DIGITS_PER_NUMBER], number.signs[place % DIGITS_PER_NUMBER]);
        let set = F::from(word.into_bigint().0[0] < *threshold);
        digits.push(Digit { set, signed: set * (F::ONE - sign.double()) });
    }
    Some(NoiseWitness { seed, numbers, digits })
}

impl NoiseWitness {
    /// No content and the right lengths.
    pub fn blank(noise: &NoiseShape) -> Self {
        Self {
            seed: [F::ZERO; 2],
            numbers: vec![Number::default(); number_count(noise)],
            digits: vec![Digit::default(); noise.digits],
        }
    }

    /// The noise of a group's aggregate in a layout, as the circuit adds it up; 0 where the layout has none.
    pub fn eta(&self, noise: &NoiseShape, layout: usize, group: usize, aggregate: usize) -> F {
        let layout = &noise.layouts[layout];
        if group >= layout.groups {
            return F::ZERO;
        }
        let first = layout.first(group, aggregate);
        let digits = &self.digits[first..first + layout.digits[aggregate]];
        digits.iter().rev().fold(F::ZERO, |sum, digit| sum.double() + digit.signed)
    }

    /// The noise of every group of a plan, in whole numbers. A digit is worth less than `2^50`, so none overflows.
    pub fn by_group(&self, noise: &NoiseShape, layout: usize, groups: usize) -> Zeroizing<Vec<GroupNoise>> {
        let whole = |x: F| {
            let [low, ..] = x.into_bigint().0;
            let [negative, ..] = (-x).into_bigint().0;
            if x.into_bigint() <= F::MODULUS_MINUS_ONE_DIV_TWO {
                i64::try_from(low).unwrap_or(i64::MAX)
            } else {
                i64::try_from(negative).map_or(i64::MIN, |value| -value)
            }
        };
        let group = |group| std::array::from_fn::<i64, AGGREGATES, _>(|j| whole(self.eta(noise, layout, group, j)));
        Zeroizing::new((0..groups).map(group).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
    use cohortium_protocol::shape::STANDARD_NOISE;
    use light_poseidon::{Poseidon, PoseidonHasher};

    use crate::testing::{digest, rng};

    #[test]
    fn a_number_is_read_in_one_way() {
        assert_eq!(TOP_LIMIT, 0x0306_44e7_2e13_1a02 << 1 | 1);
        let two = F::from(2u64);
        let rng = &mut rng(1);
        for _ in 0..1000 {
            let x = F::rand(rng);
            let number = Number::read(x).unwrap();
            assert_eq!(number.sum(), x);
        }
        // The topmost that has a reading, and the one after it.
        let beyond = F::from(TOP_LIMIT) * two.pow([TOP_SHIFT as u64]);
        let last = Number::read(beyond - F::ONE).unwrap();
        assert_eq!(last.sum(), beyond - F::ONE);
        assert_eq!(last.top, F::from(TOP_LIMIT - 1));
        assert!(last.words.iter().all(|word| *word == F::from(u64::MAX)));
        assert!(Number::read(beyond).is_none() && Number::read(-F::ONE).is_none());
        // How many have none: less than one of 2^58.
        assert!((-F::ONE - beyond).into_bigint() < two.pow([TOP_SHIFT as u64]).into_bigint());
    }

    #[test]
    fn the_key_is_a_sponge_of_its_own() {
        let (seed, beacon, context) = ([3u8; 32], digest("beacon"), digest("context"));
        let limbs = [Digest::from_bytes(seed), beacon, context].map(|digest| digest_limbs(&digest));
        let inputs: Vec<F> = limbs.into_iter().flatten().chain([F::ZERO; 2]).collect();
        let with_tag = |tag: F| Poseidon::<F>::with_domain_tag_circom(8, tag).unwrap().hash(&inputs).unwrap();
        let found = key(&Relation::whole(), limbs[0], &beacon, &context);
        assert_eq!(found, with_tag(key_tag()));
        assert_ne!(found, with_tag(F::ZERO));
    }

    /// Each of the three changes everything that comes of it.
    #[test]
    fn no_two_contexts_share_a_number() {
        let draw = |seed: [u8; 32], beacon, context| {
            let limbs = digest_limbs(&Digest::from_bytes(seed));
            let key = key(&Relation::whole(), limbs, &digest(beacon), &digest(context));
            numbers(&Relation::whole(), key, &STANDARD_NOISE).to_vec()
        };
        let all = [
            draw([1; 32], "beacon", "context"),
            draw([2; 32], "beacon", "context"),
            draw([1; 32], "another", "context"),
            draw([1; 32], "beacon", "another"),
        ];
        let mut numbers: Vec<F> = all.concat();
        assert_eq!(numbers.len(), 4 * 64);
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 4 * 64, "of 256 numbers no two are equal");
    }

    /// Computed once and pinned: a change here is another noise for every seed.
    #[test]
    fn pinned_noise() {
        let thresholds = vec![1u64 << 63; STANDARD_NOISE.digits];
        let drawn = draw(&[7; 32], &digest("beacon"), &digest("context"), &thresholds, &STANDARD_NOISE).unwrap();
        let again = draw(&[7; 32], &digest("beacon"), &digest("context"), &thresholds, &STANDARD_NOISE).unwrap();
        assert!(drawn.digits == again.digits && drawn.numbers == again.numbers);
        let noise = drawn.by_group(&STANDARD_NOISE, 3, 4);
        assert_eq!(*noise, PINNED);
        for (group, expected) in noise.iter().enumerate() {
            for (j, expected) in expected.iter().enumerate() {
                let field = if *expected < 0 { -F::from(expected.unsigned_abs()) } else { F::from(*expected as u64) };
                assert_eq!(drawn.eta(&STANDARD_NOISE, 3, group, j), field);
            }
        }
    }

    const PINNED: [GroupNoise; 4] = [
        [5711, -488_359_402, 0, 0],
        [-485, -889_332_049, 0, 0],
        [-23, 4_746_678_711, 0, 0],
        [-8715, -2_827_223_806, 0, 0],
    ];

    /// Half of the words are below 2^63, and half of the signs are set: 5 standard deviations each way.
    #[test]
    fn words_and_signs_are_fair() {
        let thresholds = vec![1u64 << 63; STANDARD_NOISE.digits];
        let (mut set, mut positive, mut all) = (0, 0, 0);
        for seed in 0..100u8 {
            let drawn = draw(&[seed; 32], &digest("beacon"), &digest("fair"), &thresholds, &STANDARD_NOISE).unwrap();
            for digit in &drawn.digits {
                all += 1;
                set += u64::from(digit.set == F::ONE);
                positive += u64::from(digit.signed == F::ONE);
            }
        }
        let near = |found: u64, of: u64| {
            let deviation = (of as f64).sqrt() / 2.0;
            (found as f64 - of as f64 / 2.0).abs() < 5.0 * deviation
        };
        assert!(near(set, all) && near(positive, set), "{set} of {all}, {positive} positive");
    }
}
