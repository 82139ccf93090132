//! The policy document, `cohortium-policy/1`: what a site or a board requires of a release.

use serde::{Deserialize, Serialize};

use super::limits::{Limits, MinSites, Quota};
use super::noise::{self, EpsilonLimits, NoiseRule};
use super::release::{ParamsError, ReleaseParams, SumParams};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::noise::Epsilon;

/// The format this code reads and writes.
pub const POLICY_FORMAT: &str = "cohortium-policy/1";

/// What is released of sums; the later, the stricter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Sums {
    /// To the digit for plans that the approval names, restrained for others.
    #[serde(rename = "exact for named plans")]
    ExactForNamedPlans,
    /// Rounded so coarsely that one group's sum tells no small count, and neither squares nor products; see
    /// [`super::restrained_sums`].
    #[serde(rename = "restrained")]
    Restrained,
    /// Nothing.
    #[serde(rename = "none")]
    None,
}

impl Sums {
    /// The name used in files and digests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExactForNamedPlans => "exact for named plans",
            Self::Restrained => "restrained",
            Self::None => "none",
        }
    }
}

/// How many queries may be answered. No single proof can show it: each hospital counts its own releases, and a ledger
/// will count those of all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryCap {
    /// Queries under one approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_approval: Option<u32>,
    /// Queries under one approval that use one column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_column: Option<u32>,
}

/// What becomes of a question that is a sliver apart from an earlier one to the same table, where counts are exact or rounded;
/// the later, the stricter. A ledger's rule: no single proof can show it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Differencing {
    /// It is answered like any other.
    Off,
    /// It is answered if the approval names its plan in `near_plans`. What a policy means that says nothing.
    Board,
    /// It is refused.
    Refuse,
}

impl Differencing {
    /// The name used in files and digests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Board => "board",
            Self::Refuse => "refuse",
        }
    }
}

/// A release policy: a site's floor, or an approval's. Its smallest cell and rounding always fit each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawPolicy", into = "RawPolicy")]
pub struct Policy {
    min_cell: u32,
    rounding: u32,
    show_zeros: bool,
    sums: Sums,
    query_cap: QueryCap,
    noise: NoiseRule,
    epsilon: EpsilonLimits,
    differencing: Option<Differencing>,
    limits: Limits,
}

/// Why there is no policy to release under.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not JSON, or not this structure.
    #[error("the policy cannot be read: {reason}")]
    Json {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// A file of another format, or of a later version of it.
    #[error("the policy's format is {found:?}; this version reads {POLICY_FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
    /// A smallest cell or rounding that the circuit does not take, or that do not fit each other.
    #[error("the policy is refused: {0}")]
    Params(#[from] ParamsError),
    /// A limit that means nothing.
    #[error("the policy's {rule} is refused: {reason}")]
    Limit {
        /// Its name in the document.
        rule: &'static str,
        /// What was found, and what is allowed.
        reason: String,
    },
    /// No policy, no release.
    #[error("{whose} has no policy, and without a policy nothing is released")]
    Absent {
        /// Whose policy is missing.
        whose: &'static str,
    },
    /// Two policies whose rounding cannot both be kept within the circuit's limit.
    #[error("counts rounded to {floor} (site) and to {approval} (approval): {problem}")]
    Together {
        /// The site's rounding.
        floor: u32,
        /// The approval's rounding.
        approval: u32,
        /// What is wrong with what follows from both.
        problem: ParamsError,
    },
    /// The plan groups more finely than the policy allows.
    #[error(
        "the grouping by {column} has {found} groups, and the policy allows {most} along one grouping: ask for fewer, wider ones"
    )]
    Levels {
        /// The grouping's column.
        column: String,
        /// Its groups.
        found: usize,
        /// Those allowed.
        most: u32,
    },
    /// The query asks fewer sites than the policy allows.
    #[error(
        "the query asks {found} sites, and the policy allows queries to {least} sites or more only: name more of them"
    )]
    Sites {
        /// The sites that the request names.
        found: usize,
        /// Those that it takes.
        least: u32,
    },
    /// The plan asks for sums and the policy releases none.
    #[error("the plan asks for sums, and the policy releases none: ask for counts alone")]
    NoSums,
    /// The plan asks for a sum that has no restrained form.
    #[error(
        "the {what} is released only to the digit, under an approval that names the plan: it has no restrained form. Leave \
         it out, or have the board name the plan {plan} in the approval (and the site allow exact sums)"
    )]
    NoRestrainedForm {
        /// The sum.
        what: &'static str,
        /// The plan's digest.
        plan: Digest,
    },
    /// The plan asks for sums that cannot be restrained.
    #[error(
        "sums of {measure} are released only in restrained form, and this plan cannot have it: {reason}. Change that, or \
         have the board name the plan {plan} in the approval (and the site allow exact sums)"
    )]
    Restrained {
        /// The measure.
        measure: String,
        /// What stands against it.
        reason: String,
        /// The plan's digest.
        plan: Digest,
    },
    /// Two policies that have no answer in common.
    #[error("the {off} releases nothing with noise, and the {required} nothing without: together they release nothing")]
    NoiseApart {
        /// Whose policy has noise off.
        off: &'static str,
        /// Whose policy requires it.
        required: &'static str,
    },
    /// Noise that no circuit proves, or that hardly is any.
    #[error(transparent)]
    Noised(#[from] super::noised::NoisedError),
    /// An answer without noise where noise is required.
    #[error("the policy releases nothing without noise: ask with noise, and state the epsilons")]
    NoiseRequired,
    /// An answer with noise where there is none.
    #[error("the policy releases nothing with noise: ask without")]
    NoNoise,
    /// An answer with noise where nothing says how much may be spent.
    #[error(
        "the policy allows noise, but neither the site nor the approval sets {what} in its epsilon: without that limit there \
         is no budget to spend from"
    )]
    NoEpsilonLimit {
        /// `per_study` or `per_dataset`.
        what: &'static str,
    },
    /// More epsilon than one query may spend.
    #[error("the query asks for an epsilon of {asked} in all, and the policy allows {most} a query: ask for less")]
    QueryEpsilon {
        /// What is asked for, over all aggregates.
        asked: String,
        /// What is allowed.
        most: Epsilon,
    },
    /// A plan that was compiled for another schema.
    #[error("the plan was compiled for another schema than the one given")]
    Schema,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    format: String,
    min_cell: u32,
    rounding: u32,
    show_zeros: bool,
    sums: Sums,
    #[serde(default, skip_serializing_if = "is_unset")]
    query_cap: QueryCap,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    differencing: Option<Differencing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_sites: Option<MinSites>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_levels: Option<u32>,
    #[serde(default, skip_serializing_if = "is_unset")]
    quota: Quota,
    #[serde(default, skip_serializing_if = "NoiseRule::is_off")]
    noise: NoiseRule,
    #[serde(default, skip_serializing_if = "EpsilonLimits::is_unset")]
    epsilon: EpsilonLimits,
}

fn is_unset<T: Default + PartialEq>(rule: &T) -> bool {
    *rule == T::default()
}

impl TryFrom<RawPolicy> for Policy {
    type Error = PolicyError;

    fn try_from(raw: RawPolicy) -> Result<Self, PolicyError> {
        if raw.format != POLICY_FORMAT {
            return Err(PolicyError::Format { found: raw.format });
        }
        let policy = Self::new(raw.min_cell, raw.rounding, raw.show_zeros, raw.sums)?;
        let limits = Limits { min_sites: raw.min_sites, max_levels: raw.max_levels, quota: raw.quota };
        Self {
            query_cap: raw.query_cap,
            differencing: raw.differencing,
            noise: raw.noise,
            epsilon: raw.epsilon,
            ..policy
        }
        .with_limits(limits)
    }
}

impl From<Policy> for RawPolicy {
    fn from(policy: Policy) -> Self {
        let Policy { min_cell, rounding, show_zeros, sums, query_cap, noise, epsilon, differencing, limits } = policy;
        let (format, Limits { min_sites, max_levels, quota }) = (POLICY_FORMAT.into(), limits);
        Self {
            format,
            min_cell,
            rounding,
            show_zeros,
            sums,
            query_cap,
            differencing,
            min_sites,
            max_levels,
            quota,
            noise,
            epsilon,
        }
    }
}

impl Policy {
    /// A policy without query caps and limits. `rounding` 1 leaves counts exact. Refused unless `min_cell` is the lower
    /// edge of a rounding interval, and more than one count is suppressed.
    pub fn new(min_cell: u32, rounding: u32, show_zeros: bool, sums: Sums) -> Result<Self, ParamsError> {
        ReleaseParams { k: min_cell, b: rounding, show_zero: show_zeros, sums: [SumParams::OFF; 3] }.check()?;
        let (query_cap, limits) = (QueryCap::default(), Limits::default());
        let (noise, epsilon, differencing) = (NoiseRule::Off, EpsilonLimits::default(), None);
        Ok(Self { min_cell, rounding, show_zeros, sums, query_cap, noise, epsilon, differencing, limits })
    }

    /// The same with query caps.
    #[must_use]
    pub fn with_query_cap(self, query_cap: QueryCap) -> Self {
        Self { query_cap, ..self }
    }

    /// The same with a rule for noise and limits of what may be spent.
    #[must_use]
    pub fn with_noise(self, noise: NoiseRule, epsilon: EpsilonLimits) -> Self {
        Self { noise, epsilon, ..self }
    }

    /// The same with a rule for questions that are a sliver apart.
    #[must_use]
    pub fn with_differencing(self, differencing: Option<Differencing>) -> Self {
        Self { differencing, ..self }
    }

    /// The same with limits on sites, groups and queries. Refused if one of them means nothing.
    pub fn with_limits(self, limits: Limits) -> Result<Self, PolicyError> {
        limits.check()?;
        Ok(Self { limits: limits.sorted(), ..self })
    }

    /// Reads a policy file.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        // The format first: a later format's file should be called that, not "unknown field".
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let unreadable = |error: serde_json::Error| PolicyError::Json { reason: error.to_string() };
        let head: Head = serde_json::from_str(json).map_err(unreadable)?;
        if head.format != POLICY_FORMAT {
            return Err(PolicyError::Format { found: head.format });
        }
        serde_json::from_str::<RawPolicy>(json).map_err(unreadable)?.try_into()
    }

    /// `k`: the smallest count that is released.
    pub const fn min_cell(&self) -> u32 {
        self.min_cell
    }

    /// `b`: counts are rounded to multiples of this; 1 leaves them exact.
    pub const fn rounding(&self) -> u32 {
        self.rounding
    }

    /// Whether an empty group is shown as empty.
    pub const fn show_zeros(&self) -> bool {
        self.show_zeros
    }

    /// What is released of sums.
    pub const fn sums(&self) -> Sums {
        self.sums
    }

    /// The caps.
    pub const fn query_cap(&self) -> QueryCap {
        self.query_cap
    }

    /// Whether answers bear noise.
    pub const fn noise(&self) -> NoiseRule {
        self.noise
    }

    /// How much privacy answers with noise may spend.
    pub const fn epsilon(&self) -> EpsilonLimits {
        self.epsilon
    }

    /// The rule for questions that are a sliver apart; a policy that says nothing means [`Differencing::Board`].
    pub fn differencing(&self) -> Differencing {
        self.differencing.unwrap_or(Differencing::Board)
    }

    /// Whether the policy says something about such questions.
    pub const fn says_differencing(&self) -> bool {
        self.differencing.is_some()
    }

    /// The limits on sites, groups and queries.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The digest over every field.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::POLICY);
        hasher.u64(u64::from(self.min_cell)).u64(u64::from(self.rounding)).u64(u64::from(self.show_zeros));
        hasher.str(self.sums.name());
        for cap in [self.query_cap.per_approval, self.query_cap.per_column] {
            hasher.u64(u64::from(cap.is_some()));
            if let Some(cap) = cap {
                hasher.u64(u64::from(cap));
            }
        }
        // Only if set: policies that were made before have the digests that they had.
        if let Some(differencing) = self.differencing {
            hasher.str("differencing").str(differencing.name());
        }
        self.limits.absorb(&mut hasher);
        noise::absorb(self.noise, &self.epsilon, &mut hasher);
        hasher.finish()
    }

    /// The policy in plain words, one line.
    pub fn describe(&self) -> String {
        let sums = match self.sums {
            Sums::ExactForNamedPlans => "sums exact for plans the approval names and restrained for others",
            Sums::Restrained => "sums restrained",
            Sums::None => "no sums",
        };
        let mut text = format!("{}, {sums}", describe_counts(self.min_cell, self.rounding, self.show_zeros));
        for (cap, words) in [(self.query_cap.per_approval, "approval"), (self.query_cap.per_column, "column")] {
            if let Some(cap) = cap {
                text.push_str(&format!(", at most {cap} queries per {words} (counted, not proved)"));
            }
        }
        text.push_str(&self.limits.describe());
        text.push_str(match self.differencing() {
            Differencing::Off => ", questions a sliver apart from earlier ones answered like any other",
            Differencing::Board => ", questions a sliver apart from earlier ones only if the board names them",
            Differencing::Refuse => ", no question a sliver apart from an earlier one",
        });
        text.push_str(" (counted, not proved)");
        text.push_str(&noise::describe(self.noise, &self.epsilon));
        text
    }
}

pub(super) fn describe_counts(min_cell: u32, rounding: u32, show_zeros: bool) -> String {
    let rounding = match rounding {
        1 => "counts exact from there on".to_owned(),
        b => format!("counts rounded to {b}"),
    };
    let zeros = if show_zeros { "empty groups shown as 0" } else { "empty groups suppressed like small ones" };
    format!("smallest cell {min_cell}, {rounding}, {zeros}")
}

/// The same under noise, where nothing says that a group is empty.
pub(super) fn describe_count_rule(min_cell: u32, rounding: u32) -> String {
    let rounding = match rounding {
        1 => String::new(),
        b => format!(", counts rounded to {b}"),
    };
    format!("smallest cell {min_cell}{rounding}")
}
