//! Which shape proves answers with noise.

use cohortium_protocol::documents::Epsilons;
use cohortium_protocol::noise::{Delta, LawError, NoiseLaw};
use cohortium_protocol::policy::sensitivities;
use cohortium_protocol::query::Plan;
use cohortium_protocol::shape::Shape;

/// The shape that proves answers with noise over tables of a shape. The ledger admits no request with noise to a table for
/// which there is none.
pub fn noise_shape_of(table: &Shape) -> Option<Shape> {
    table.noised()
}

/// How far the noise of an answer is from the law, in all: the sum over its aggregates. Groups have no part in it, since a
/// row is in one.
pub(crate) fn stated_delta(plan: &Plan, epsilons: &Epsilons) -> Result<Delta, LawError> {
    let mut sum = Delta::default();
    for (epsilon, sensitivity) in epsilons.as_array().into_iter().zip(sensitivities(plan)) {
        if let Some(epsilon) = epsilon {
            sum = sum.plus(NoiseLaw::new(epsilon, sensitivity)?.delta());
        }
    }
    Ok(sum)
}
