//! (g) Offer: the aggregates are one patient, whose nullifier is the public one.

use ark_ff::Field;
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::statement::OfferInputs;

use super::{Broken, require};
use crate::clause::{Clause, Relation};
use crate::messages::Messages;
use crate::nullifier::hash;

/// Checks the one group's count, and the nullifier of its sum.
pub(super) fn check(relation: &Relation, inputs: &OfferInputs, messages: &Messages) -> Result<(), Broken> {
    // A shape of this statement has one group.
    let Some([n, s, ..]) = messages.aggregates.first() else { return Err(Broken(Clause::OneSelected)) };
    require(relation, Clause::OneSelected, *n == F::ONE)?;
    let nullifier = hash(relation, *s, digest_limbs(&inputs.scope));
    require(relation, Clause::NullifierOpens, inputs.nullifier == nullifier)
}
