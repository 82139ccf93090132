//! (g) Offer: an honest argument over whoever is offered, and a nullifier that is none of an eligible patient's.

mod tests;

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::statement::{OfferInputs, QueryPublic, ReleaseRule};

use super::Forgery;
use super::cohort::{Cohort, eligible, person_tag};
use super::lie::Lie;
use super::naive;
use crate::clause::{Clause, Relation};
use crate::nullifier::hash;
use crate::testing::{OFFER, scope};

/// Two people who consent and meet the criteria.
const ELIGIBLE: [usize; 2] = [0, 3];
/// Somebody who meets the criteria and does not consent.
const UNCONSENTING: usize = 6;

/// The nullifier of a number that is taken for a tag.
fn nullifier_of(relation: Relation, tag: F) -> F {
    hash(&relation, tag, digest_limbs(&scope()))
}

/// The nullifiers of those who may be offered.
pub(super) fn true_nullifiers() -> Vec<F> {
    eligible().map(|row| nullifier_of(Relation::whole(), F::from(person_tag(row)))).collect()
}

/// Plays the argument over what a cohort committed, and publishes a nullifier, which may follow from the sum.
fn publish(relation: Relation, cohort: Cohort, nullifier: impl Fn(F) -> F) -> Forgery {
    let aggregates = cohort.aggregates();
    let sum = aggregates[0][1];
    let played = naive::prove(relation, &OFFER, &cohort.dense(), &cohort.statement(), &Lie::claiming(aggregates));
    let public = QueryPublic {
        context: cohort.context(),
        commitments: cohort.commitments(),
        evaluations: cohort.dense().evaluations(&played.challenges),
        challenges: played.challenges,
        rule: ReleaseRule::Offered(OfferInputs { scope: scope(), nullifier: nullifier(sum) }),
        cells: Vec::new(),
    };
    Forgery { shape: OFFER, truth: Vec::new(), cohort, public, messages: played.messages, alpha: None }
}

/// With the nullifier that the sum gives.
fn with_own(relation: Relation, cohort: Cohort) -> Forgery {
    publish(relation, cohort, |sum| nullifier_of(Relation::whole(), sum))
}

fn one_offered() -> Cohort {
    Cohort::offering(&[(ELIGIBLE[0], F::ONE)])
}

/// The honest offer.
pub(super) fn honest() -> Forgery {
    with_own(Relation::whole(), one_offered())
}

/// Two eligible patients at once: the sum of their tags is nobody's.
pub(super) fn one_selected(relation: Relation) -> Forgery {
    with_own(relation, Cohort::offering(&ELIGIBLE.map(|row| (row, F::ONE))))
}

/// The nullifier of somebody who does not consent.
pub(super) fn nullifier_opens(relation: Relation) -> Forgery {
    let other = nullifier_of(Relation::whole(), F::from(person_tag(UNCONSENTING)));
    publish(relation, one_offered(), |_| other)
}

/// A nullifier that is everybody's.
pub(super) fn nullifier_binds_tag(relation: Relation) -> Forgery {
    publish(relation, one_offered(), |sum| nullifier_of(Relation::without(Clause::NullifierBindsTag), sum))
}

/// A nullifier that is one and the same in every study.
pub(super) fn nullifier_binds_scope(relation: Relation) -> Forgery {
    publish(relation, one_offered(), |sum| nullifier_of(Relation::without(Clause::NullifierBindsScope), sum))
}
