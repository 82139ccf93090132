//! The numbers of a release rule, exact or under noise.

use serde::{Deserialize, Serialize};

use super::noised::{NoisedParams, aggregate_name};
use super::release::{ReleaseParams, SumParams};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::noise::{Epsilon, NoiseLaw};
use crate::shape::{AGGREGATES, STANDARD_NOISE};

/// The numbers of a release rule for one plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawRule", into = "RawRule")]
pub enum Rule {
    /// Threshold and rounding.
    Exact(ReleaseParams),
    /// Noise in every aggregate.
    Noised(Box<NoisedParams>),
}

impl Rule {
    /// Whether each of the three sums is released.
    pub fn asked(&self) -> [bool; 3] {
        match self {
            Self::Exact(params) => params.sums.map(|sum| sum.on),
            Self::Noised(params) => params.asked(),
        }
    }

    /// The exact rule, where it is one.
    pub const fn exact(&self) -> Option<&ReleaseParams> {
        match self {
            Self::Exact(params) => Some(params),
            Self::Noised(_) => None,
        }
    }

    /// The rule under noise, where it is one.
    pub fn noised(&self) -> Option<&NoisedParams> {
        match self {
            Self::Exact(_) => None,
            Self::Noised(params) => Some(params),
        }
    }

    /// The rule in plain words, one line.
    pub fn describe(&self) -> String {
        match self {
            Self::Exact(params) => params.describe(),
            Self::Noised(params) => params.describe(),
        }
    }

    /// The digest over every number.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::RELEASE_PARAMS);
        self.absorb(&mut hasher);
        hasher.finish()
    }

    /// Feeds the rule into a digest.
    pub fn absorb(&self, hasher: &mut Hasher) {
        match self {
            Self::Exact(params) => params.absorb(hasher),
            Self::Noised(params) => params.absorb(hasher),
        }
    }
}

impl From<ReleaseParams> for Rule {
    fn from(params: ReleaseParams) -> Self {
        Self::Exact(params)
    }
}

impl From<&ReleaseParams> for Rule {
    fn from(params: &ReleaseParams) -> Self {
        Self::Exact(*params)
    }
}

impl From<&Self> for Rule {
    fn from(rule: &Self) -> Self {
        rule.clone()
    }
}

/// One aggregate's noise, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLaw {
    aggregate: String,
    epsilon: Epsilon,
    /// By how much one row changes the aggregate at most, in coded units.
    sensitivity: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    k: u32,
    b: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    show_zero: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sums: Option<[SumParams; 3]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    groups: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noise: Option<Vec<RawLaw>>,
    /// What is stated beside epsilon, for people: it follows from the laws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delta: Option<String>,
}

impl From<Rule> for RawRule {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Exact(ReleaseParams { k, b, show_zero, sums }) => {
                Self { k, b, show_zero: Some(show_zero), sums: Some(sums), groups: None, noise: None, delta: None }
            }
            Rule::Noised(params) => {
                let laws = params.laws().iter().enumerate().filter_map(|(j, law)| {
                    let (aggregate, law) = (aggregate_name(j).to_owned(), law.as_ref()?);
                    Some(RawLaw { aggregate, epsilon: law.epsilon(), sensitivity: law.sensitivity() })
                });
                Self {
                    k: params.k(),
                    b: params.b(),
                    show_zero: None,
                    sums: None,
                    groups: Some(params.groups()),
                    noise: Some(laws.collect()),
                    delta: Some(params.delta().to_string()),
                }
            }
        }
    }
}

impl TryFrom<RawRule> for Rule {
    type Error = String;

    fn try_from(raw: RawRule) -> Result<Self, String> {
        let RawRule { k, b, show_zero, sums, groups, noise, delta } = raw;
        match (show_zero, sums, groups, noise, delta) {
            (Some(show_zero), Some(sums), None, None, None) => Ok(Self::Exact(ReleaseParams { k, b, show_zero, sums })),
            (None, None, Some(groups), Some(noise), Some(delta)) => {
                let mut laws = [const { None }; AGGREGATES];
                let mut before = 0;
                for RawLaw { aggregate, epsilon, sensitivity } in noise {
                    let place = (before..AGGREGATES).find(|j| aggregate_name(*j) == aggregate);
                    let place =
                        place.ok_or("\"noise\" names count, sum, sum of squares, sum of products, in this order")?;
                    laws[place] = Some(NoiseLaw::new(epsilon, sensitivity).map_err(|error| error.to_string())?);
                    before = place + 1;
                }
                let params =
                    NoisedParams::fit(k, b, laws, groups, &STANDARD_NOISE).map_err(|error| error.to_string())?;
                let stated = params.delta().to_string();
                if stated != delta {
                    let delta: String = delta.chars().take(40).collect();
                    return Err(format!("the delta is {stated}, not {delta:?}"));
                }
                Ok(Self::Noised(Box::new(params)))
            }
            _ => {
                Err("a rule is exact, with \"show_zero\" and \"sums\", or has \"groups\", \"noise\" and \"delta\""
                    .into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_written_and_read() {
        let exact =
            ReleaseParams { k: 8, b: 5, show_zero: true, sums: [SumParams::EXACT, SumParams::OFF, SumParams::OFF] };
        let text = serde_json::to_string(&Rule::from(exact)).unwrap();
        assert_eq!(text, serde_json::to_string(&exact).unwrap(), "exact rules are written as they were");
        let law = |epsilon: &str, sensitivity| Some(NoiseLaw::new(epsilon.parse().unwrap(), sensitivity).unwrap());
        let laws = [law("0.1", 1), law("0.25", 60), None, None];
        let noised = Rule::Noised(Box::new(NoisedParams::fit(8, 5, laws, 3, &STANDARD_NOISE).unwrap()));
        for rule in [Rule::from(exact), noised.clone()] {
            let text = serde_json::to_string(&rule).unwrap();
            assert_eq!(serde_json::from_str::<Rule>(&text).unwrap(), rule, "{text}");
        }
        let good = serde_json::to_value(&noised).unwrap();
        assert_eq!(good["noise"][1], serde_json::json!({"aggregate": "sum", "epsilon": "0.25", "sensitivity": 60}));
        let refused = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut value = good.clone();
            change(&mut value);
            serde_json::from_value::<Rule>(value).unwrap_err().to_string()
        };
        assert!(refused(&|v| v["delta"] = "1e-30".into()).contains("the delta is"));
        assert!(refused(&|v| v["show_zero"] = true.into()).contains("a rule is exact"));
        assert!(refused(&|v| v["groups"] = 7.into()).contains("7 groups with"));
        assert!(refused(&|v| v["noise"][1]["aggregate"] = "count".into()).contains("in this order"));
        assert!(refused(&|v| v["noise"] = serde_json::json!([])).contains("an epsilon for it"));
        assert!(refused(&|v| v["k"] = 9.into()).contains("not the lower edge"));
    }
}
