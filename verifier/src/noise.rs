//! Where answers with noise will be joined to their circuit: which shape proves them, and what their proof is about.
//!
//! The ledger has the rules of noise already: budgets, nonces, deadlines. There is no circuit yet, so no shape, and everything
//! here refuses.

use cohortium_protocol::documents::{Noise, Request};
use cohortium_protocol::policy::EffectivePolicy;
use cohortium_protocol::query::Plan;
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
