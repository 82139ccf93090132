//! (f) Release under noise: an honest argument over true aggregates, and noise or cells that break one rule.
//!
//! The groups of the cohort count 3, 1, 0 and 2 people. Where a lie needs luck (a word that is large enough, a digit that
//! shows), it is played with one registered seed after the other until it has it.

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

/// The other way round of two forgers above.
#[test]
fn digits_are_not_set_and_groups_not_shown_at_will() {
    let set = |relation| compared(relation, F::ZERO);
    let shown = |relation| {
        for number in 0..=u8::MAX {
            let scene = Scene::of(relation, number).unwrap();
            let params = &scene.inputs.params;
            let noise = scene.honest.by_group(NOISE, params.layout(), NOISY.groups);
            let mut cells = scene.cells(&scene.honest);
            // A noised count of 1, as it would be shown if it were.
            let group = (0..NOISY.groups).find(|group| truth()[*group].n as i64 + noise[*group][0] == 1);
            let Some(group) = group else { continue };
            let exact = truth()[group];
            let value = |exact: u64, noise: i64| Some(Cell::Noised(exact as i64 + noise));
            let sums = [value(exact.s, noise[group][1]), value(exact.ss, noise[group][2]), None];
            cells[group] = GroupCells { count: Cell::Noised(0), sums };
            let witness = scene.honest.clone();
            return scene.publish(witness, cells);
        }
        panic!("no seed is so unlucky")
    };
    type Forge<'a> = (Clause, &'a dyn Fn(Relation) -> Forgery);
    let cases: [Forge<'_>; 2] = [(Clause::DigitCompared, &set), (Clause::NoisedThreshold, &shown)];
    for (clause, forge) in cases {
        let forgery = forge(Relation::without(clause));
        assert!(forgery.is_false() && forgery.is_derived(), "{clause:?}");
        assert_eq!(forgery.judged_by(Relation::without(clause)), Ok(()), "{clause:?}");
        assert_eq!(forgery.judged_by(Relation::whole()), Err(Broken(clause)));
    }
}

/// Whoever has registered a seed and waited for the beacon has one release: of all counts and sums that a verifier lets
/// through, the noise's own are accepted and no others.
#[test]
fn exactly_one_release_fits() {
    for number in 0..20 {
        let scene = Scene::of(Relation::whole(), number).unwrap();
        let (witness, cells) = (scene.honest.clone(), scene.cells(&scene.honest));
        let Forgery { mut public, messages, .. } = scene.publish(witness, cells.clone());
        let mut accepts = |cells: Vec<GroupCells>| {
            public.cells = cells;
            verify(&Relation::whole(), &NOISY, &public, &messages).is_ok()
        };
        assert!(accepts(cells.clone()));
        for group in 0..NOISY.groups {
            let honest = cells[group];
            for count in (-4..12).map(|i| Cell::Noised(3 * i)).chain([Cell::Suppressed]) {
                let mut other = cells.clone();
                other[group].count = count;
                // A suppressed group's sums are not the circuit's: `NoisedFollows` is the verifier's.
                let same = count == honest.count;
                assert_eq!(accepts(other), same, "seed {number}, group {group}: {count}");
            }
            for sum in 0..2 {
                let Some(Cell::Noised(value)) = honest.sums[sum] else { continue };
                for by in [-(1 << 40), -7, -1, 0, 1, 5, 1 << 40] {
                    let mut other = cells.clone();
                    other[group].sums[sum] = Some(Cell::Noised(value + by));
                    assert_eq!(accepts(other), by == 0, "seed {number}, group {group}, sum {sum}: {by}");
                }
            }
        }
    }
}

/// What is derived by a verifier is not the hospital's to choose: with another seed, beacon, context, threshold or layout in
/// the public inputs its proof does not hold.
#[test]
fn proofs_are_for_the_registered_seed_the_beacon_and_the_thresholds() {
    type Change<'a> = &'a dyn Fn(&mut QueryPublic, &mut NoiseInputs);
    let judge_of = |Forgery { public, messages, .. }: &Forgery, change: Change<'_>| {
        let mut public = public.clone();
        let ReleaseRule::Noised(mut inputs) = public.rule.clone() else { panic!("noised") };
        change(&mut public, &mut inputs);
        public.rule = ReleaseRule::Noised(inputs);
        verify(&Relation::whole(), &NOISY, &public, messages).map_err(|Broken(clause)| clause)
    };
    let honest = honest();
    let judge = |change: Change<'_>| judge_of(&honest, change);
    assert_eq!(judge(&|_, _| ()), Ok(()));
    assert_eq!(judge(&|_, inputs| inputs.seed += F::ONE), Err(Clause::SeedOpens));
    assert_eq!(judge(&|_, inputs| inputs.beacon = digest("another beacon")), Err(Clause::WordSum));
    // The argument's challenges differ first.
    assert_eq!(judge(&|public, _| public.context = digest("another")), Err(Clause::GroupDenominator));
    // A smaller epsilon has larger thresholds: some word is between the two.
    let smaller = |_: &mut QueryPublic, inputs: &mut NoiseInputs| {
        inputs.params = noise_params(NOISY.groups, "1.4");
    };
    let between = (0..=u8::MAX).find_map(|number| {
        let scene = Scene::of(Relation::whole(), number)?;
        let drawn = |epsilon| {
            let thresholds = noise_params(NOISY.groups, epsilon).thresholds(NOISE);
            let [beacon, context] = [&scene.inputs.beacon, &scene.cohort.context()];
            draw_with(&Relation::whole(), halves(registered(number)), beacon, context, &thresholds, NOISE)
                .unwrap()
                .digits
                .clone()
        };
        (drawn("1.5") != drawn("1.4")).then(|| {
            let cells = scene.cells(&scene.honest);
            let witness = scene.honest.clone();
            scene.publish(witness, cells)
        })
    });
    assert_eq!(judge_of(&between.unwrap(), &smaller), Err(Clause::DigitCompared));
}

/// That one layout is on, and which, is the verifier's to say: with two on, every digit counts in both, and another noise is
/// accepted than either's.
#[test]
fn that_one_layout_is_on_is_for_the_verifier_to_say() {
    let Forgery { public, messages, .. } = honest();
    let matrices = crate::gadget::matrices(&NOISY);
    let inputs = public.encode(&NOISY).unwrap();
    let names: Vec<String> = public.named(&NOISY).into_iter().map(|(name, _)| name).collect();
    let at = |name: &str| names.iter().position(|other| other == name).unwrap();
    let on: Vec<F> = (0..NOISE.layouts.len()).map(|place| inputs[at(&format!("layout.{place}"))]).collect();
    assert_eq!(on, [F::ZERO, F::ONE, F::ZERO], "as derived");
    let (honest, _) = crate::gadget::assignment(&NOISY, &inputs, &messages);
    assert_eq!(matrices.broken_by(&honest), []);
    let mut both = inputs.clone();
    both[at("layout.0")] = F::ONE;
    // The counts' noise is that of both layouts then.
    let witness = messages.noise.as_ref().unwrap();
    for (group, exact) in truth().iter().enumerate() {
        let eta = |layout, j| witness.eta(NOISE, layout, group, j);
        let noised = F::from(exact.n) + eta(0, 0) + eta(1, 0);
        let whole = |x: F| {
            if x.into_bigint() <= F::MODULUS_MINUS_ONE_DIV_TWO {
                x.into_bigint().0[0] as i64
            } else {
                -((-x).into_bigint().0[0] as i64)
            }
        };
        let shown = whole(noised) >= 2;
        let set = |both: &mut Vec<F>, name: &str, x: F| {
            both[at(&format!("cell.{group}.{name}"))] = if shown { x } else { F::ZERO }
        };
        set(&mut both, "is_value", F::ONE);
        set(&mut both, "count", noised);
        set(&mut both, "s", F::from(exact.s) + eta(1, 1));
        set(&mut both, "ss", F::from(exact.ss) + eta(1, 2));
    }
    assert_ne!(both, inputs);
    let (assignment, _) = crate::gadget::assignment(&NOISY, &both, &messages);
    assert_eq!(matrices.broken_by(&assignment), []);
}
