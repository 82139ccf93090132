//! More lies about who is offered, each refused by the whole, and accepted without what guards against it.

use cohortium_protocol::hash::Digest;

use super::super::cohort::SELECTION;
use super::super::lie::inverse;
use super::*;
use crate::native::Broken;
use crate::testing::digest;

fn whole(forgery: &Forgery) -> Result<(), Broken> {
    forgery.judged_by(Relation::whole())
}

/// A lie that is false and committed as a verifier derives it, refused by a clause, and accepted without one.
fn assert_forges(forge: impl Fn(Relation) -> Forgery, without: Clause, refused_by: Clause) {
    let forgery = forge(Relation::without(without));
    assert!(forgery.is_false() && forgery.is_derived());
    assert_eq!(forgery.judged_by(Relation::without(without)), Ok(()), "without {without:?}");
    assert_eq!(whole(&forgery), Err(Broken(refused_by)), "without {without:?}");
    assert!(whole(&forge(Relation::whole())).is_err(), "played against the whole");
}

fn fraction(numerator: u64, denominator: u64) -> F {
    F::from(numerator) * inverse(F::from(denominator))
}

#[test]
fn every_eligible_patient_can_be_offered() {
    let mut seen = Vec::new();
    for row in eligible() {
        let offer = with_own(Relation::whole(), Cohort::offering(&[(row, F::ONE)]));
        assert!(!offer.is_false() && offer.is_derived());
        assert_eq!(whole(&offer), Ok(()), "row {row}");
        let ReleaseRule::Offered(inputs) = offer.public.rule else { panic!("an offer") };
        assert!(!seen.contains(&inputs.nullifier));
        seen.push(inputs.nullifier);
    }
    assert_eq!(seen.len(), 6);
}

#[test]
fn nobody_else_can() {
    let eligible: Vec<usize> = eligible().collect();
    for row in (0..Cohort::DECLARED_ROWS).filter(|row| !eligible.contains(row)) {
        let forge = |relation| with_own(relation, Cohort::offering(&[(row, F::ONE)]));
        assert_forges(forge, Clause::OneSelected, Clause::OneSelected);
    }
}

#[test]
fn an_offer_of_nobody_is_refused() {
    assert_forges(|relation| with_own(relation, Cohort::offering(&[])), Clause::OneSelected, Clause::OneSelected);
}

/// Who else is named beside the one who is selected is no matter: nothing else is said.
#[test]
fn naming_others_who_are_not_eligible_says_the_same() {
    let rows = [(ELIGIBLE[1], F::ONE), (UNCONSENTING, F::ONE)];
    let offer = with_own(Relation::whole(), Cohort::offering(&rows));
    assert!(!offer.is_false());
    assert_eq!(whole(&offer), Ok(()));
}

/// The nullifier of the right patient in another study.
#[test]
fn the_nullifier_of_another_scope_is_refused() {
    let other: Digest = digest("another scope");
    let forge = |relation| publish(relation, one_offered(), |sum| hash(&Relation::whole(), sum, digest_limbs(&other)));
    assert_forges(forge, Clause::NullifierOpens, Clause::NullifierOpens);
}

/// A value of `OFFERED` that carries into the consent bit: 5/4 and a test passed make the key of consent, test and offer.
#[test]
fn an_offer_that_is_no_flag_stands_for_no_consent() {
    let forge = |relation| with_own(relation, Cohort::offering(&[(UNCONSENTING, fraction(5, 4))]));
    assert_forges(forge, Clause::FlagsChecked, Clause::RowFinal);
}

/// Trap 24: `OFFERED` of 20/17 and consent of 5/17 make up for each other in the sum of `F^2 - F`, row by row.
#[test]
fn trap_24_an_offer_and_a_consent_that_are_no_flags_do_not_hide_each_other() {
    let forge = |relation| {
        let epoch = |cohort: &mut Cohort| cohort.consent[UNCONSENTING] = fraction(5, 17);
        with_own(relation, Cohort::offering_after(&[(UNCONSENTING, fraction(20, 17))], epoch))
    };
    let [offered, consent] = [fraction(20, 17), fraction(5, 17)];
    assert_eq!(offered.square() - offered + consent.square() - consent, F::ZERO);
    assert_forges(forge, Clause::FlagsChecked, Clause::RowFinal);
}

/// A selection of 2 at one row and of -1 at another counts one patient, and its sum is nobody's tag. No table has such values.
#[test]
fn a_selection_of_two_less_one_is_refused() {
    let forge = |relation| {
        let mut cohort = Cohort::offering(&ELIGIBLE.map(|row| (row, F::ONE)));
        cohort.outputs[SELECTION][ELIGIBLE[0]] = F::from(2u64);
        cohort.outputs[SELECTION][ELIGIBLE[1]] = -F::ONE;
        with_own(relation, cohort)
    };
    assert_eq!(forge(Relation::whole()).messages.aggregates[0][0], F::ONE);
    let forgery = forge(Relation::without(Clause::OutputBound));
    assert!(forgery.is_false() && forgery.is_derived());
    assert_eq!(forgery.judged_by(Relation::without(Clause::OutputBound)), Ok(()));
    assert!(whole(&forgery).is_err());
    assert_eq!(whole(&forge(Relation::whole())), Err(Broken(Clause::RowFinal)));
}

/// Values of `OFFERED` that are no flags and no key either: no entry of the table is theirs.
#[test]
fn an_offer_of_two_less_one_selects_nobody_and_is_refused() {
    let rows = [(ELIGIBLE[0], F::from(2u64)), (ELIGIBLE[1], -F::ONE)];
    let mut cohort = Cohort::offering(&[(ELIGIBLE[0], F::ONE)]);
    let offer = cohort.offer.as_mut().unwrap();
    rows.iter().for_each(|(row, value)| offer.offered[*row] = *value);
    // The output that it would like to have, counted where it would have to be.
    assert!(whole(&with_own(Relation::whole(), cohort)).is_err());
}

/// Each of the offer's public numbers is looked at, by one clause.
#[test]
fn every_public_number_of_an_offer_matters() {
    let honest = honest();
    assert_eq!(whole(&honest), Ok(()));
    let ReleaseRule::Offered(inputs) = honest.public.rule else { panic!("an offer") };
    let mut high = *inputs.scope.as_bytes();
    high[0] ^= 1;
    let mut low = *inputs.scope.as_bytes();
    low[31] ^= 1;
    let changed = [
        OfferInputs { scope: Digest::from_bytes(high), ..inputs },
        OfferInputs { scope: Digest::from_bytes(low), ..inputs },
        OfferInputs { nullifier: inputs.nullifier + F::ONE, ..inputs },
    ];
    for inputs in changed {
        let mut forgery = super::honest();
        forgery.public.rule = ReleaseRule::Offered(inputs);
        assert_eq!(whole(&forgery), Err(Broken(Clause::NullifierOpens)));
    }
}
