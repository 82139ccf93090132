//! (f) Release under noise: the cells follow from the aggregates and the noise of the registered seed.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::policy::Cell;
use cohortium_protocol::shape::NoiseShape;
use cohortium_protocol::statement::{NoiseInputs, QueryPublic, noised_inputs};

use super::release::{COUNT_RULE_BITS, fits};
use super::{Broken, require};
use crate::clause::{Clause, Relation};
use crate::messages::Messages;
use crate::noise::{DIGITS_PER_NUMBER, NoiseWitness, TOP_BITS, TOP_LIMIT, WORD_BITS, key, numbers};
use crate::poseidon::{Width, permute};

/// Bits of the distance of a noised count from the threshold, either way: counts are at most `2^20`, their noise is below
/// `2^24`.
pub(crate) const NOISED_COUNT_BITS: usize = 25;

/// Checks the noise, and then the cells of every group.
pub(super) fn check(
    relation: &Relation,
    noise: &NoiseShape,
    inputs: &NoiseInputs,
    public: &QueryPublic,
    messages: &Messages,
) -> Result<(), Broken> {
    // A shape with noise has messages with noise.
    let Some(witness) = &messages.noise else { return Err(Broken(Clause::SeedOpens)) };
    check_digits(relation, noise, inputs, public, witness)?;
    let params = &inputs.params;
    let [k, b, h] = [params.k(), params.b(), params.b() / 2].map(F::from);
    let asked = params.asked().map(F::from);
    for (g, (cells, sums)) in public.cells.iter().zip(&messages.aggregates).enumerate() {
        let eta = |j| witness.eta(noise, params.layout(), g, j);
        let (v, count) = noised_inputs(cells.count);
        let noised = sums[0] + eta(0);
        let beyond = (v.double() - F::ONE) * (noised - k) + v - F::ONE;
        require(relation, Clause::NoisedThreshold, fits(beyond, NOISED_COUNT_BITS))?;
        let above = noised + h - count;
        require(relation, Clause::NoisedCountNotBelow, fits(v * above, COUNT_RULE_BITS))?;
        require(relation, Clause::NoisedCountNotAbove, fits(v * (b - F::ONE - above), COUNT_RULE_BITS))?;
        for (i, asked) in asked.iter().enumerate() {
            let (_, value) = noised_inputs(cells.sums[i].unwrap_or(Cell::Suppressed));
            let distance = sums[i + 1] + eta(i + 1) - value;
            require(relation, Clause::NoisedSum, *asked * v * distance == F::ZERO)?;
        }
    }
    Ok(())
}

/// The digits are those of the registered seed, the beacon and the context.
fn check_digits(
    relation: &Relation,
    noise: &NoiseShape,
    inputs: &NoiseInputs,
    public: &QueryPublic,
    witness: &NoiseWitness,
) -> Result<(), Broken> {
    let boolean = |x: F| x * (x - F::ONE) == F::ZERO;
    let mut state = [F::ZERO, witness.seed[0], witness.seed[1]];
    permute(Width::W3, &mut state);
    require(relation, Clause::SeedOpens, state[0] == inputs.seed)?;
    let key = key(relation, witness.seed, &inputs.beacon, &public.context);
    for (x, number) in numbers(relation, key, noise).iter().zip(&witness.numbers) {
        require(relation, Clause::WordSum, number.sum() == *x)?;
        for (clause, word) in [Clause::WordLow, Clause::WordMiddle, Clause::WordHigh].into_iter().zip(number.words) {
            require(relation, clause, fits(word, WORD_BITS))?;
        }
        require(relation, Clause::SignBoolean, number.signs.into_iter().all(boolean))?;
        require(relation, Clause::WordTop, fits(number.top, TOP_BITS))?;
        require(relation, Clause::WordCanonical, fits(F::from(TOP_LIMIT - 1) - number.top, TOP_BITS))?;
    }
    for (place, (threshold, digit)) in inputs.params.thresholds(noise).into_iter().zip(&witness.digits).enumerate() {
        let number = &witness.numbers[place / DIGITS_PER_NUMBER];
        let (word, sign) = (number.words[place % DIGITS_PER_NUMBER], number.signs[place % DIGITS_PER_NUMBER]);
        require(relation, Clause::DigitBoolean, boolean(digit.set))?;
        let distance = F::from(threshold) - word;
        let compared = (digit.set.double() - F::ONE) * distance - digit.set;
        require(relation, Clause::DigitCompared, fits(compared, WORD_BITS))?;
        require(relation, Clause::SignUsed, digit.signed == digit.set * (F::ONE - sign.double()))?;
    }
    Ok(())
}
