//! Where answers with noise will be joined to their circuit: which shape proves them, and what their proof is about.
//!
//! The ledger has the rules of noise already: budgets, nonces, deadlines. There is no circuit yet, so no shape, and everything
//! here refuses.

use cohortium_protocol::documents::{Epsilons, Noise, Request};
use cohortium_protocol::noise::{Delta, LawError, NoiseLaw};
use cohortium_protocol::policy::EffectivePolicy;
use cohortium_protocol::query::{Measure, Plan};
use cohortium_protocol::shape::Shape;

use crate::reason::Reason;

/// The shape that proves answers with noise over tables of a shape; nothing as long as none is pinned. The ledger admits no
/// request with noise to a table for which there is none.
pub fn noise_shape_of(_table: &Shape) -> Option<Shape> {
    None
}

/// What a verifier derives of noise beside the plan: thresholds, profile, beacon, the seed's commitment. There is none as
/// long as nothing proves noise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoiseInputs {}

/// Derives what a proof of this request has to be about beside the plan; nothing where it asks for no noise. The one place
/// where verifier and prover learn it: as long as nothing proves noise, a request with noise is refused here, by both.
pub fn noise_inputs(request: &Request, plan: &Plan, policy: &EffectivePolicy) -> Result<Option<NoiseInputs>, Reason> {
    match &request.noise {
        Noise::None => Ok(None),
        Noise::Laplace(laplace) => {
            policy.noise_limits(plan, laplace.epsilon.price())?;
            Err(Reason::NoNoiseCircuit)
        }
    }
}

/// How far one row can move each aggregate of a plan: of the count, the sum, the sum of squares and the sum of products, in
/// coded units; a row is replaced by one that does not consent. PROTOCOL, section 7.
fn sensitivities(plan: &Plan) -> [u64; 4] {
    let most = |measure: Option<&Measure>| measure.map_or(1, |measure| u64::from(measure.hi).max(1));
    let (y, z) = (most(plan.y.as_ref()), most(plan.z.as_ref()));
    [1, y, y * y, y * z]
}

/// How far the noise of an answer is from the law, in all: the sum over its aggregates. Groups have no part in it, since a
/// patient is in one.
pub(crate) fn stated_delta(plan: &Plan, epsilons: &Epsilons) -> Result<Delta, LawError> {
    let mut sum = Delta::default();
    for (epsilon, sensitivity) in epsilons.as_array().into_iter().zip(sensitivities(plan)) {
        if let Some(epsilon) = epsilon {
            sum = sum.plus(NoiseLaw::new(epsilon, sensitivity)?.delta());
        }
    }
    Ok(sum)
}
