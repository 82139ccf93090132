//! (f) Release under noise: an honest argument over true aggregates, and noise or cells that break one rule.
//!
//! The groups of the cohort count 3, 1, 0 and 2 people. Where a lie needs luck (a word that is large enough, a digit that
//! shows), it is played with one registered seed after the other until it has it.

mod tests;

use ark_ff::{AdditiveGroup, Field, PrimeField};
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::{Cell, GroupCells, release_noised};
use cohortium_protocol::shape::NoiseShape;
use cohortium_protocol::statement::{NoiseInputs, QueryPublic, ReleaseRule};

use super::Forgery;
use super::cohort::{Cohort, truth};
use super::lie::Lie;
use super::naive::{self, Played};
use crate::clause::{Clause, Relation};
use crate::native::{Broken, verify};
use crate::noise::{DIGITS_PER_NUMBER, Digit, NoiseWitness, TOP_LIMIT, TOP_SHIFT, draw_with};
use crate::seeds::commitment;
use crate::testing::{NOISY, TINY_NOISE, digest, noise_inputs, noise_params};

const NOISE: &NoiseShape = &TINY_NOISE;

/// A registered seed.
fn registered(number: u8) -> [u8; 32] {
    [number; 32]
}

fn halves(seed: [u8; 32]) -> [F; 2] {
    digest_limbs(&Digest::from_bytes(seed))
}

/// What a lie looks at and changes.
struct Table<'a> {
    /// What a verifier derives.
    inputs: &'a NoiseInputs,
    context: Digest,
    /// The honest noise of the seed, to be changed.
    witness: &'a mut NoiseWitness,
    thresholds: &'a [u64],
}

impl Table<'_> {
    /// The noise of something else than seed, beacon and context: of the relation without a clause.
    fn drawn_without(&mut self, clause: Clause) -> bool {
        let relation = Relation::without(clause);
        let seed = self.witness.seed;
        match draw_with(&relation, seed, &self.inputs.beacon, &self.context, self.thresholds, NOISE) {
            Some(other) => {
                *self.witness = other;
                true
            }
            None => false,
        }
    }

    /// Sets a digit by its word, whatever number that is now, with the sign that is there now.
    fn set(&mut self, place: usize) {
        let number = &self.witness.numbers[place / DIGITS_PER_NUMBER];
        let (word, sign) = (number.words[place % DIGITS_PER_NUMBER], number.signs[place % DIGITS_PER_NUMBER]);
        let set = F::from(word.into_bigint() < F::from(self.thresholds[place]).into_bigint());
        self.witness.digits[place] = Digit { set, signed: set * (F::ONE - sign.double()) };
    }

    /// Sets all three digits of a number by its words.
    fn set_number(&mut self, number: usize) {
        (0..DIGITS_PER_NUMBER).for_each(|i| self.set(number * DIGITS_PER_NUMBER + i));
    }

    /// The digits that can have noise in them.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let used: Vec<usize> = (0..self.thresholds.len()).filter(|place| self.thresholds[*place] > 0).collect();
        used.into_iter()
    }

    /// Reads a number again, as what is congruent to it: its value plus or minus the field's order, or what else adds up.
    fn read_as(&mut self, number: usize, top: F) {
        let x = self.witness.numbers[number].sum();
        let shift = F::from(2u64).pow([TOP_SHIFT as u64]);
        let mut lower = (x - top * shift).into_bigint().0;
        let number = &mut self.witness.numbers[number];
        number.top = top;
        let signs = lower[3];
        number.signs = [signs & 1, signs >> 1 & 1, signs >> 2].map(F::from);
        lower[3] = 0;
        number.words = [lower[0], lower[1], lower[2]].map(F::from);
    }
}

/// A cohort's true answer under noise, with what has been registered.
struct Scene {
    cohort: Cohort,
    played: Played,
    inputs: NoiseInputs,
    honest: NoiseWitness,
    thresholds: Vec<u64>,
}

impl Scene {
    /// Nothing if the seed gives no noise at all.
    fn of(relation: Relation, number: u8) -> Option<Self> {
        let cohort = Cohort::honest();
        let inputs = noise_inputs(NOISY.groups, commitment(&registered(number)));
        let thresholds = inputs.params.thresholds(NOISE);
        let seed = halves(registered(number));
        let honest = draw_with(&Relation::whole(), seed, &inputs.beacon, &cohort.context(), &thresholds, NOISE)?;
        let lie = Lie::claiming(cohort.aggregates());
        let played = naive::prove(relation, &NOISY, &cohort.dense(), &cohort.statement(), &lie);
        Some(Self { cohort, played, inputs, honest, thresholds })
    }

    /// What the noise comes to.
    fn cells(&self, witness: &NoiseWitness) -> Vec<GroupCells> {
        let params = &self.inputs.params;
        release_noised(&truth(), &witness.by_group(NOISE, params.layout(), NOISY.groups), params)
    }

    fn publish(self, witness: NoiseWitness, cells: Vec<GroupCells>) -> Forgery {
        let truth = self.cells(&self.honest);
        let Self { cohort, played, inputs, .. } = self;
        let mut messages = played.messages;
        messages.noise = Some(witness);
        let public = QueryPublic {
            context: cohort.context(),
            commitments: cohort.commitments(),
            evaluations: cohort.dense().evaluations(&played.challenges),
            challenges: played.challenges,
            rule: ReleaseRule::Noised(Box::new(inputs)),
            cells,
        };
        Forgery { shape: NOISY, cohort, public, truth, messages, alpha: None }
    }
}

/// Lies about the noise with the first registered seed that it works with, and publishes what that noise comes to.
fn with_noise(relation: Relation, lie: impl Fn(&mut Table<'_>) -> bool) -> Forgery {
    for number in 0..=u8::MAX {
        let Some(scene) = Scene::of(relation, number) else { continue };
        let mut witness = scene.honest.clone();
        let mut table = Table {
            inputs: &scene.inputs,
            context: scene.cohort.context(),
            witness: &mut witness,
            thresholds: &scene.thresholds,
        };
        if !lie(&mut table) {
            continue;
        }
        let cells = scene.cells(&witness);
        let forgery = scene.publish(witness, cells);
        if forgery.is_false() {
            return forgery;
        }
    }
    panic!("no seed is so unlucky")
}

/// Publishes other cells than the noise comes to; the lie says whether it can be told with them.
fn with_cells(relation: Relation, lie: impl Fn(&mut [GroupCells]) -> bool) -> Forgery {
    for number in 0..=u8::MAX {
        let Some(scene) = Scene::of(relation, number) else { continue };
        let mut cells = scene.cells(&scene.honest);
        if lie(&mut cells) {
            let witness = scene.honest.clone();
            return scene.publish(witness, cells);
        }
    }
    panic!("no seed is so unlucky")
}

/// The honest release.
pub(super) fn honest() -> Forgery {
    with_cells(Relation::whole(), |_| true)
}

/// Another seed than the registered one.
pub(super) fn seed_opens(relation: Relation) -> Forgery {
    with_noise(relation, |table| {
        let seed = halves([0xEE; 32]);
        let drawn = draw_with(&Relation::whole(), seed, &table.inputs.beacon, &table.context, table.thresholds, NOISE);
        let Some(other) = drawn else { return false };
        *table.witness = other;
        true
    })
}

/// Noise that was known before the seed was.
pub(super) fn key_binds_seed(relation: Relation) -> Forgery {
    with_noise(relation, |table| table.drawn_without(Clause::KeyBindsSeed))
}

/// Noise that the hospital could try before the beacon was there.
pub(super) fn key_binds_beacon(relation: Relation) -> Forgery {
    with_noise(relation, |table| table.drawn_without(Clause::KeyBindsBeacon))
}

/// Noise that every query shares.
pub(super) fn key_binds_context(relation: Relation) -> Forgery {
    with_noise(relation, |table| table.drawn_without(Clause::KeyBindsContext))
}

/// Noise that two groups share.
pub(super) fn block_numbered(relation: Relation) -> Forgery {
    with_noise(relation, |table| table.drawn_without(Clause::BlockNumbered))
}

/// Words that are no number's.
pub(super) fn word_sum(relation: Relation) -> Forgery {
    with_noise(relation, |table| {
        let place = table.places().next().unwrap();
        table.witness.numbers[place / DIGITS_PER_NUMBER].words[place % DIGITS_PER_NUMBER] = F::ZERO;
        table.set(place);
        true
    })
}

/// Carries 2^64 from the part above a word into the word, so that a digit that is set is not.
fn carried(relation: Relation, word: usize) -> Forgery {
    with_noise(relation, |table| {
        let place = table.places().find(|place| {
            let number = &table.witness.numbers[place / DIGITS_PER_NUMBER];
            let above = if word < 2 { number.words[word + 1] } else { number.signs[0] };
            place % DIGITS_PER_NUMBER == word && table.witness.digits[*place].set == F::ONE && above != F::ZERO
        });
        let Some(place) = place else { return false };
        let number = &mut table.witness.numbers[place / DIGITS_PER_NUMBER];
        number.words[word] += F::from(2u64).pow([64]);
        let above = if word < 2 { &mut number.words[word + 1] } else { &mut number.signs[0] };
        *above -= F::ONE;
        table.set_number(place / DIGITS_PER_NUMBER);
        true
    })
}

pub(super) fn word_low(relation: Relation) -> Forgery {
    carried(relation, 0)
}

pub(super) fn word_middle(relation: Relation) -> Forgery {
    carried(relation, 1)
}

pub(super) fn word_high(relation: Relation) -> Forgery {
    carried(relation, 2)
}

/// Two of the first sign for one of the second, so that a digit is -3.
pub(super) fn sign_boolean(relation: Relation) -> Forgery {
    with_noise(relation, |table| {
        let place = table.places().find(|place| {
            let signs = table.witness.numbers[place / DIGITS_PER_NUMBER].signs;
            place % DIGITS_PER_NUMBER == 0 && table.witness.digits[*place].set == F::ONE && signs[1] == F::ONE
        });
        let Some(place) = place else { return false };
        let signs = &mut table.witness.numbers[place / DIGITS_PER_NUMBER].signs;
        signs[0] += F::from(2u64);
        signs[1] = F::ZERO;
        table.set_number(place / DIGITS_PER_NUMBER);
        true
    })
}

/// A number less the field's order: what is above words and signs is negative then.
pub(super) fn word_top(relation: Relation) -> Forgery {
    with_noise(relation, |table| read_again(table, |top| top - F::from(TOP_LIMIT)))
}

/// A number and the field's order: its second reading in 254 bits (trap 11).
pub(super) fn word_canonical(relation: Relation) -> Forgery {
    with_noise(relation, |table| read_again(table, |top| top + F::from(TOP_LIMIT)))
}

/// Reads the first number for which it can be done with another top.
fn read_again(table: &mut Table<'_>, again: impl Fn(F) -> F) -> bool {
    let used = table.places().last().unwrap() / DIGITS_PER_NUMBER;
    let reading = |number: usize| {
        // The order is a little more than its top: the lower part borrows or carries one.
        let top = again(table.witness.numbers[number].top);
        let fits = |top: &F| {
            let shift = F::from(2u64).pow([TOP_SHIFT as u64]);
            let lower = table.witness.numbers[number].sum() - *top * shift;
            let bits = |x: F| ark_ff::BigInteger::num_bits(&x.into_bigint()) as usize;
            let (low, high) = (bits(*top), bits(F::from(TOP_LIMIT - 1) - *top));
            bits(lower) <= TOP_SHIFT && (low <= 59) != (high <= 59)
        };
        [top - F::ONE, top, top + F::ONE].into_iter().find(|top| fits(top))
    };
    let Some((number, top)) = (0..=used).find_map(|number| Some((number, reading(number)?))) else { return false };
    table.read_as(number, top);
    table.set_number(number);
    true
}

/// A digit that is set twice.
pub(super) fn digit_boolean(relation: Relation) -> Forgery {
    with_noise(relation, |table| {
        // 3 (M - w) - 2 is within 64 bits.
        let place = table.places().find(|place| {
            let word = table.witness.numbers[place / DIGITS_PER_NUMBER].words[place % DIGITS_PER_NUMBER];
            let distance = (F::from(table.thresholds[*place]) - word).into_bigint();
            table.witness.digits[*place].set == F::ONE && distance < F::from(u64::MAX / 3).into_bigint()
        });
        let Some(place) = place else { return false };
        let digit = &mut table.witness.digits[place];
        digit.set.double_in_place();
        digit.signed.double_in_place();
        true
    })
}

/// A digit whose word is below its threshold and that is not set; or the other way round.
fn compared(relation: Relation, was: F) -> Forgery {
    with_noise(relation, |table| {
        let Some(place) = table.places().find(|place| table.witness.digits[*place].set == was) else { return false };
        let sign = table.witness.numbers[place / DIGITS_PER_NUMBER].signs[place % DIGITS_PER_NUMBER];
        let set = F::ONE - was;
        table.witness.digits[place] = Digit { set, signed: set * (F::ONE - sign.double()) };
        true
    })
}

pub(super) fn digit_compared(relation: Relation) -> Forgery {
    compared(relation, F::ONE)
}

/// A digit with the other sign.
pub(super) fn sign_used(relation: Relation) -> Forgery {
    with_noise(relation, |table| {
        let Some(place) = table.places().find(|place| table.witness.digits[*place].set == F::ONE) else { return false };
        table.witness.digits[place].signed = -table.witness.digits[place].signed;
        true
    })
}

const SHOWN: fn(&GroupCells) -> bool = |cells| cells.count != Cell::Suppressed;

/// A group that reaches the threshold with its noise is suppressed, with all its sums.
pub(super) fn noised_threshold(relation: Relation) -> Forgery {
    with_cells(relation, |cells| {
        let Some(cells) = cells.iter_mut().find(|cells| SHOWN(cells)) else { return false };
        cells.count = Cell::Suppressed;
        cells.sums.iter_mut().flatten().for_each(|sum| *sum = Cell::Suppressed);
        true
    })
}

/// A released count, moved.
fn count_moved(relation: Relation, by: i64) -> Forgery {
    with_cells(relation, |cells| {
        for cells in cells {
            if let Cell::Noised(count) = &mut cells.count {
                *count += by;
                return true;
            }
        }
        false
    })
}

pub(super) fn noised_count_not_below(relation: Relation) -> Forgery {
    count_moved(relation, 3)
}

pub(super) fn noised_count_not_above(relation: Relation) -> Forgery {
    count_moved(relation, -3)
}

/// The sum without its noise.
pub(super) fn noised_sum(relation: Relation) -> Forgery {
    with_cells(relation, |cells| {
        for (cells, exact) in cells.iter_mut().zip(truth()) {
            let exact = i64::try_from(exact.s).unwrap();
            match &mut cells.sums[0] {
                Some(Cell::Noised(sum)) if *sum != exact => {
                    *sum = exact;
                    return true;
                }
                _ => {}
            }
        }
        false
    })
}
