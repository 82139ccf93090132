//! What a policy says of noise: whether there may be any, and how much privacy may be spent in all.

use serde::{Deserialize, Serialize};

use super::document::{PolicyError, Sums};
use super::effective::EffectivePolicy;
use crate::hash::Hasher;
use crate::noise::{Epsilon, decimal};
use crate::query::Plan;

/// Whether answers bear noise.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoiseRule {
    /// None does. What a policy means that says nothing.
    #[default]
    Off,
    /// Those do whose request asks for it.
    Allowed,
    /// All do; a request without noise is refused.
    Required,
}

impl NoiseRule {
    /// The name used in files and digests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Allowed => "allowed",
            Self::Required => "required",
        }
    }

    /// Whether it is what silence means.
    pub(super) fn is_off(&self) -> bool {
        *self == Self::Off
    }

    /// The stricter of a site's rule and an approval's. One that releases nothing with noise and one that releases nothing
    /// without have none in common.
    pub(super) fn stricter(floor: Self, approval: Self) -> Result<Self, PolicyError> {
        match (floor, approval) {
            (Self::Off, Self::Required) => Err(PolicyError::NoiseApart { off: "site", required: "approval" }),
            (Self::Required, Self::Off) => Err(PolicyError::NoiseApart { off: "approval", required: "site" }),
            (Self::Off, _) | (_, Self::Off) => Ok(Self::Off),
            (Self::Required, _) | (_, Self::Required) => Ok(Self::Required),
            (Self::Allowed, Self::Allowed) => Ok(Self::Allowed),
        }
    }
}

/// How much privacy answers with noise may spend. A ledger keeps the accounts: no single proof can show them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpsilonLimits {
    /// One query, over all its aggregates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_query: Option<Epsilon>,
    /// One study, at one table of one site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_study: Option<Epsilon>,
    /// All studies together, at one table of one site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_dataset: Option<Epsilon>,
}

impl EpsilonLimits {
    /// Whether nothing is limited.
    pub fn is_unset(&self) -> bool {
        *self == Self::default()
    }

    /// The smaller of each.
    pub(super) fn stricter(self, other: Self) -> Self {
        let least = |a: Option<Epsilon>, b: Option<Epsilon>| [a, b].into_iter().flatten().min();
        Self {
            per_query: least(self.per_query, other.per_query),
            per_study: least(self.per_study, other.per_study),
            per_dataset: least(self.per_dataset, other.per_dataset),
        }
    }

    const fn named(&self) -> [(&'static str, Option<Epsilon>); 3] {
        [("query", self.per_query), ("study", self.per_study), ("table", self.per_dataset)]
    }
}

/// Appends what is set, each after its name: policies that say nothing of noise keep their digests.
pub(super) fn absorb(rule: NoiseRule, limits: &EpsilonLimits, hasher: &mut Hasher) {
    if !rule.is_off() {
        hasher.str("noise").str(rule.name());
    }
    if !limits.is_unset() {
        hasher.str("epsilon");
        for (_, limit) in limits.named() {
            hasher.u64(u64::from(limit.is_some()));
            if let Some(limit) = limit {
                hasher.u64(limit.millionths());
            }
        }
    }
}

/// What is set in plain words, to follow the other rules; empty if nothing is.
pub(super) fn describe(rule: NoiseRule, limits: &EpsilonLimits) -> String {
    let mut text = match rule {
        NoiseRule::Off => String::new(),
        NoiseRule::Allowed => ", noise for those who ask for it".to_owned(),
        NoiseRule::Required => ", nothing without noise".to_owned(),
    };
    for (what, limit) in limits.named() {
        if let Some(limit) = limit {
            text.push_str(&format!(", epsilon at most {limit} a {what}"));
        }
    }
    if !limits.is_unset() {
        text.push_str(" (accounted by the ledger, not proved)");
    }
    text
}

/// What may be spent of epsilon where a query with noise is admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoiseLimits {
    /// By one study, at one table of one site.
    pub per_study: Epsilon,
    /// In all, at one table of one site.
    pub per_dataset: Epsilon,
}

impl EffectivePolicy {
    /// Refuses answers without noise where noise is required.
    pub(super) fn check_exact(&self) -> Result<(), PolicyError> {
        if self.policy().noise() == NoiseRule::Required { Err(PolicyError::NoiseRequired) } else { Ok(()) }
    }

    /// The limits under which a plan may be answered with noise at a price: the sum of its epsilons, in millionths. Refused
    /// where noise is off, where a study or a table has no limit, where the price is above a query's, and where sums are
    /// asked for and none are released. PROTOCOL, section 7.
    pub fn noise_limits(&self, plan: &Plan, price: u64) -> Result<NoiseLimits, PolicyError> {
        let (policy, EpsilonLimits { per_query, per_study, per_dataset }) = (self.policy(), self.policy().epsilon());
        if policy.noise().is_off() {
            return Err(PolicyError::NoNoise);
        }
        let unset = |what| PolicyError::NoEpsilonLimit { what };
        let per_study = per_study.ok_or_else(|| unset("per_study"))?;
        let per_dataset = per_dataset.ok_or_else(|| unset("per_dataset"))?;
        if let Some(most) = per_query
            && price > most.millionths()
        {
            return Err(PolicyError::QueryEpsilon { asked: decimal(price), most });
        }
        if policy.sums() == Sums::None && plan.asked.as_array().contains(&true) {
            return Err(PolicyError::NoSums);
        }
        Ok(NoiseLimits { per_study, per_dataset })
    }
}
