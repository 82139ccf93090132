//! A patient's choice about one purpose.

use serde::{Deserialize, Serialize};

use super::purpose::Purpose;
use crate::bounded;
use crate::hash::Hasher;
use crate::table::{Day, Institution};

/// Institutions that one choice names at most.
pub const MAX_INSTITUTIONS: usize = 64;

/// What was decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Yes, under the choice's conditions.
    Granted,
    /// No.
    Refused,
    /// No longer.
    Revoked,
}

impl Decision {
    /// The name in files, and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
        }
    }
}

/// Under which conditions a consent is given; all of them have to be met. Without any, it is given for every request with
/// its purpose.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Conditions {
    /// Not for commercial sponsors (`DUO:0000046`).
    pub not_commercial: bool,
    /// For these institutions alone (`DUO:0000028`); nothing means all. Never an empty list in a [`Choice`].
    pub institutions: Option<Vec<Institution>>,
    /// The last day on which it counts (`DUO:0000025`).
    pub last_day: Option<Day>,
    /// Where an ethics board has approved (`DUO:0000021`).
    pub ethics_approval: bool,
}

impl Conditions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A choice: a purpose, a decision, and the conditions of a consent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawChoice", into = "RawChoice")]
pub struct Choice {
    purpose: Purpose,
    decision: Decision,
    conditions: Conditions,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChoice {
    purpose: Purpose,
    decision: Decision,
    #[serde(default, skip_serializing_if = "is_false")]
    not_commercial: bool,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::optional::<MAX_INSTITUTIONS, _, _>"
    )]
    institutions: Option<Vec<Institution>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_day: Option<Day>,
    #[serde(default, skip_serializing_if = "is_false")]
    ethics_approval: bool,
}

/// Serde hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Why parts do not make a choice.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChoiceError {
    /// A refusal that would hold for a part only.
    #[error(
        "a choice that is {} has the condition {condition}: only a consent has conditions; a refusal holds for the whole purpose. \
         To allow a part, write a consent with the condition instead",
        decision.name()
    )]
    Condition {
        /// The decision.
        decision: Decision,
        /// The first condition.
        condition: &'static str,
    },
    /// A list of institutions that is of no use.
    #[error(
        "a choice names {found} institutions; from 1 to {MAX_INSTITUTIONS} are allowed, and no list means all of them"
    )]
    Institutions {
        /// How many.
        found: usize,
    },
    /// One institution twice.
    #[error("a choice names the institution {name:?} twice")]
    Twice {
        /// The name.
        name: Institution,
    },
}

impl Choice {
    /// A consent, under conditions. The institutions are put in order.
    pub fn granted(purpose: Purpose, conditions: Conditions) -> Result<Self, ChoiceError> {
        Self::new(purpose, Decision::Granted, conditions)
    }

    /// A refusal of a purpose.
    pub fn refused(purpose: Purpose) -> Self {
        Self { purpose, decision: Decision::Refused, conditions: Conditions::default() }
    }

    /// The end of a consent to a purpose, or of a part of a wider one.
    pub fn revoked(purpose: Purpose) -> Self {
        Self { purpose, decision: Decision::Revoked, conditions: Conditions::default() }
    }

    /// A choice from its parts. Refusals and revocations have no conditions.
    pub fn new(purpose: Purpose, decision: Decision, mut conditions: Conditions) -> Result<Self, ChoiceError> {
        if let Some(names) = &mut conditions.institutions {
            if names.is_empty() || names.len() > MAX_INSTITUTIONS {
                return Err(ChoiceError::Institutions { found: names.len() });
            }
            names.sort();
            if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(ChoiceError::Twice { name: pair[0].clone() });
            }
        }
        if decision != Decision::Granted {
            let named = [
                ("not_commercial", conditions.not_commercial),
                ("institutions", conditions.institutions.is_some()),
                ("last_day", conditions.last_day.is_some()),
                ("ethics_approval", conditions.ethics_approval),
            ];
            if let Some((condition, _)) = named.into_iter().find(|(_, is_there)| *is_there) {
                return Err(ChoiceError::Condition { decision, condition });
            }
        }
        Ok(Self { purpose, decision, conditions })
    }

    /// The purpose.
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// The decision.
    pub const fn decision(&self) -> Decision {
        self.decision
    }

    /// The conditions: none unless it is a consent.
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// In a patient's words, one sentence without its full stop.
    pub fn words(&self) -> String {
        let Conditions { not_commercial, institutions, last_day, ethics_approval } = &self.conditions;
        let mut text = match self.decision {
            Decision::Granted => format!("yes to {}", self.purpose.words()),
            Decision::Refused => format!("no to {}", self.purpose.words()),
            Decision::Revoked => format!("no longer {}", self.purpose.words()),
        };
        if *not_commercial {
            text.push_str(", not by companies");
        }
        if let Some(names) = institutions {
            let names: Vec<&str> = names.iter().map(Institution::as_str).collect();
            text.push_str(&format!(", only by {}", names.join(" or ")));
        }
        if *ethics_approval {
            text.push_str(", only where an ethics board has approved");
        }
        if let Some(day) = last_day {
            text.push_str(&format!(", until {day} and no later"));
        }
        text
    }

    pub(super) fn hash(&self, hasher: &mut Hasher) {
        let Conditions { not_commercial, institutions, last_day, ethics_approval } = &self.conditions;
        hasher.str(&self.purpose.to_string()).str(self.decision.name()).u64(u64::from(*not_commercial));
        hasher.u64(u64::from(institutions.is_some()));
        if let Some(names) = institutions {
            hasher.u64(names.len() as u64);
            for name in names {
                hasher.str(name.as_str());
            }
        }
        optional_day(hasher, *last_day).u64(u64::from(*ethics_approval));
    }
}

/// An optional day, as formats have it: 0 or 1, then the days since 1900-01-01.
pub(super) fn optional_day(hasher: &mut Hasher, day: Option<Day>) -> &mut Hasher {
    hasher.u64(u64::from(day.is_some()));
    if let Some(day) = day {
        hasher.u64(u64::from(day.days()));
    }
    hasher
}

impl TryFrom<RawChoice> for Choice {
    type Error = ChoiceError;

    fn try_from(raw: RawChoice) -> Result<Self, ChoiceError> {
        let RawChoice { purpose, decision, not_commercial, institutions, last_day, ethics_approval } = raw;
        Self::new(purpose, decision, Conditions { not_commercial, institutions, last_day, ethics_approval })
    }
}

impl From<Choice> for RawChoice {
    fn from(choice: Choice) -> Self {
        let Choice { purpose, decision, conditions } = choice;
        let Conditions { not_commercial, institutions, last_day, ethics_approval } = conditions;
        Self { purpose, decision, not_commercial, institutions, last_day, ethics_approval }
    }
}
