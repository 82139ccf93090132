//! Release policies: which numbers may leave a hospital, and in what form.
//!
//! A site has a policy of its own, its floor; an approval carries another. The [`effective`] policy is the
//! stricter of both, rule by rule; for one plan it gives [`ReleaseParams`], the numbers that the circuit
//! enforces and [`release`] applies. Everything fails closed: without both policies there is no release.

mod document;
mod effective;
#[cfg(test)]
mod exhaustive;
#[cfg(test)]
mod limited;
mod limits;
mod noise;
mod noised;
mod presets;
mod release;
mod restrain;
mod rule;
#[cfg(test)]
mod tests;

pub use document::{Differencing, POLICY_FORMAT, Policy, PolicyError, QueryCap, Sums};
pub use effective::{EffectivePolicy, effective};
pub use limits::{Limits, MAX_RATE_SECONDS, MAX_RATES, MinSites, Quota, Rate, SitesWhen, time};
pub use noise::{EpsilonLimits, NoiseLimits, NoiseRule};
pub use noised::{
    GroupNoise, MAX_DELTA_POWER, NOISED_BITS, NoisedError, NoisedParams, aggregate_name, release_noised, sensitivities,
};
pub use presets::{DEFAULT_PRESET, PRESETS, Preset};
pub use release::{
    Cell, GroupAggregates, GroupCells, MAX_CODE, MAX_COUNT_RULE, ParamsError, ReleaseParams, SUM_BASE_BITS, SUM_NAMES,
    SumParams, next_edge, next_smallest_cell, release,
};
pub use restrain::restrained_sums;
pub use rule::Rule;
