//! The stricter of two policies, and the numbers it gives for one plan.

use super::document::{Policy, PolicyError, QueryCap, Sums, describe_counts};
use super::limits::{MinSites, SitesWhen};
use super::noise::NoiseRule;
use super::noised::NoisedParams;
use super::release::{MAX_COUNT_RULE, ParamsError, ReleaseParams, SUM_NAMES, SumParams, next_edge};
use super::restrain::restrained_sums;
use super::rule::Rule;
use crate::documents::Noise;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::query::Plan;
use crate::shape::Shape;
use crate::table::Schema;

/// The policy a release obeys. Only [`effective`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EffectivePolicy(Policy);

/// The stricter of the site's floor and the approval's policy, rule by rule:
///
/// - rounding: the least common multiple of the two, so that every released count is a multiple of both
///   (of 5 and 10: 10; of 4 and 5: 20);
/// - smallest cell: the larger of the two, widened upwards to the next lower edge of that rounding (8 with 5
///   and 10 with 1 give 13 with 5, since 10 is no edge);
/// - empty groups are shown only if both show them;
/// - of sums, the stricter of the two;
/// - caps: the smaller of the two;
/// - noise: off if either has it off, required if either requires it; one of each refuse each other;
/// - of every limit of epsilon, the smaller of the two;
/// - of questions a sliver apart from earlier ones, the stricter of the two;
/// - sites: the larger number, everywhere if one of them says everywhere; groups along one grouping: the smaller number;
/// - rates: those of both, and of two about the same time the lower; repeats: the smaller number in the longer time.
///
/// Without both policies nothing is released.
pub fn effective(floor: Option<&Policy>, approval: Option<&Policy>) -> Result<EffectivePolicy, PolicyError> {
    let floor = floor.ok_or(PolicyError::Absent { whose: "the site" })?;
    let approval = approval.ok_or(PolicyError::Absent { whose: "the approval" })?;
    let (a, b) = (floor.rounding(), approval.rounding());
    let together = |problem: ParamsError| PolicyError::Together { floor: a, approval: b, problem };
    let rounding = a / gcd(a, b) * b;
    if rounding > MAX_COUNT_RULE {
        return Err(together(ParamsError::Rounding { found: rounding }));
    }
    let min_cell = next_edge(floor.min_cell().max(approval.min_cell()), rounding);
    let show_zeros = floor.show_zeros() && approval.show_zeros();
    let cap = |pick: fn(&QueryCap) -> Option<u32>| {
        let caps = [pick(&floor.query_cap()), pick(&approval.query_cap())];
        caps.into_iter().flatten().min()
    };
    let query_cap = QueryCap { per_approval: cap(|cap| cap.per_approval), per_column: cap(|cap| cap.per_column) };
    let policy = Policy::new(min_cell, rounding, show_zeros, floor.sums().max(approval.sums())).map_err(together)?;
    let noise = NoiseRule::stricter(floor.noise(), approval.noise())?;
    let epsilon = floor.epsilon().stricter(approval.epsilon());
    let is_said = floor.says_differencing() || approval.says_differencing();
    let differencing = is_said.then(|| floor.differencing().max(approval.differencing()));
    let policy = policy.with_query_cap(query_cap).with_differencing(differencing).with_noise(noise, epsilon);
    Ok(EffectivePolicy(policy.with_limits(floor.limits().stricter(approval.limits()))?))
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl EffectivePolicy {
    /// The rules.
    pub const fn policy(&self) -> &Policy {
        &self.0
    }

    /// The release rule for a plan in a shape: under noise if the request asks for it, else exact or restrained. Refused where
    /// the policy does not release it so.
    pub fn rule(
        &self,
        plan: &Plan,
        schema: &Schema,
        plan_is_named: bool,
        (noise, shape): (&Noise, &Shape),
    ) -> Result<Rule, PolicyError> {
        let Some(laplace) = noise.laplace() else {
            return Ok(self.release_params(plan, schema, plan_is_named)?.into());
        };
        if plan.schema != schema.digest() {
            return Err(PolicyError::Schema);
        }
        self.check_levels(plan)?;
        self.noise_limits(plan, laplace.epsilon.price())?;
        let Self(policy) = self;
        let epsilons = laplace.epsilon.as_array();
        let params = NoisedParams::of_plan(policy.min_cell(), policy.rounding(), plan, &epsilons, shape)?;
        Ok(Rule::Noised(Box::new(params)))
    }

    /// The numbers of the release rule for a plan without noise: exact sums if the policy allows them and the approval names
    /// the plan, restrained ones otherwise, or a refusal that says why this plan can have neither, or not without noise.
    pub fn release_params(
        &self,
        plan: &Plan,
        schema: &Schema,
        plan_is_named: bool,
    ) -> Result<ReleaseParams, PolicyError> {
        if plan.schema != schema.digest() {
            return Err(PolicyError::Schema);
        }
        self.check_exact()?;
        self.check_levels(plan)?;
        let Self(policy) = self;
        let k = policy.min_cell();
        let asked = plan.asked.as_array();
        let sums = match policy.sums() {
            _ if !asked.contains(&true) => [SumParams::OFF; 3],
            Sums::None => return Err(PolicyError::NoSums),
            Sums::ExactForNamedPlans if plan_is_named => {
                asked.map(|on| if on { SumParams::EXACT } else { SumParams::OFF })
            }
            Sums::ExactForNamedPlans | Sums::Restrained => restrained_sums(plan, schema, k)?,
        };
        let params = ReleaseParams { k, b: policy.rounding(), show_zero: policy.show_zeros(), sums };
        params.check()?;
        Ok(params)
    }
}

impl EffectivePolicy {
    /// Refuses a plan with more groups along one grouping than the policy wants, with noise or without.
    fn check_levels(&self, plan: &Plan) -> Result<(), PolicyError> {
        let Some(most) = self.0.limits().max_levels else { return Ok(()) };
        match plan.axes.iter().find(|axis| axis.groups.len() > most as usize) {
            Some(axis) => Err(PolicyError::Levels { column: axis.name.clone(), found: axis.groups.len(), most }),
            None => Ok(()),
        }
    }

    /// Refuses a request that names fewer sites than the policy wants in every query.
    pub fn check_sites(&self, found: usize) -> Result<(), PolicyError> {
        match self.0.limits().min_sites {
            Some(MinSites { sites: least, when: SitesWhen::Always }) if found < least as usize => {
                Err(PolicyError::Sites { found, least })
            }
            _ => Ok(()),
        }
    }

    /// The whole policy in plain words, and of a release that asks for sums how it has them: one line.
    pub fn words(&self, rule: &Rule) -> String {
        self.0.words(rule)
    }
}

impl Policy {
    /// See [`EffectivePolicy::words`].
    pub fn words(&self, rule: &Rule) -> String {
        let mut text = self.describe();
        let here = match rule {
            Rule::Exact(params) => params.describe_sums(),
            Rule::Noised(params) => format!(" {}", params.describe()),
        };
        if !here.is_empty() {
            text.push_str(&format!("; here{}", here.trim_start_matches(',')));
        }
        text
    }
}

impl ReleaseParams {
    /// The digest over every number.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::RELEASE_PARAMS);
        self.absorb(&mut hasher);
        hasher.finish()
    }

    /// The rule in plain words, one line: "smallest cell 8, counts rounded to 5, ...".
    pub fn describe(&self) -> String {
        describe_counts(self.k, self.b, self.show_zero) + &self.describe_sums()
    }

    /// Each sum after a comma; nothing if none is asked.
    fn describe_sums(&self) -> String {
        let mut text = String::new();
        for (SumParams { on, base, dominance, most }, name) in self.sums.iter().zip(SUM_NAMES) {
            match (on, most) {
                (false, _) => {}
                (true, None) => text.push_str(&format!(", {name} exact")),
                (true, Some(most)) => text.push_str(&format!(
                    ", {name} rounded to {base}, and suppressed below {dominance} and above {most} a patient less \
                     {dominance} (in coded units)"
                )),
            }
        }
        text
    }
}
