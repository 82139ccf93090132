//! What data may be used for: three purposes of the Data Use Ontology, one inside the other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::table::{ConsentColumn, DiseaseCode, SponsorClass};

const GENERAL: &str = "DUO:0000042";
const HEALTH: &str = "DUO:0000006";
const DISEASE: &str = "DUO:0000007";

/// A purpose that a patient can choose about. General research includes health research, which includes research on
/// each disease; one disease includes no other, whatever their codes mean.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// General research use, `DUO:0000042`.
    General,
    /// Health, medical or biomedical research, `DUO:0000006`.
    Health,
    /// Research on one disease, `DUO:0000007[MONDO:0007254]`.
    Disease(DiseaseCode),
}

/// Why a text is not a purpose that can be chosen about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a purpose of consent: write {GENERAL} (general research), {HEALTH} (health research), or {DISEASE} with \
     the disease's code in brackets, for example {DISEASE}[MONDO:0007254]"
)]
pub struct PurposeError {
    found: String,
}

impl Purpose {
    /// The purpose of a consent column; nothing for a purpose that no choice is ever about.
    pub fn of(column: &ConsentColumn) -> Option<Self> {
        match (column.duo_id(), column.disease()) {
            (GENERAL, None) => Some(Self::General),
            (HEALTH, None) => Some(Self::Health),
            (DISEASE, Some(disease)) => Some(Self::Disease(disease.clone())),
            _ => None,
        }
    }

    /// Whether this purpose is the other one, or includes it.
    pub fn includes(&self, other: &Self) -> bool {
        self == other || self.is_wider_than(other)
    }

    /// Whether this purpose includes the other one and more.
    pub fn is_wider_than(&self, other: &Self) -> bool {
        self.breadth() > other.breadth()
    }

    /// The purposes that include this one, itself first, then from the nearest to the widest.
    pub fn upwards(&self) -> Vec<Self> {
        match self {
            Self::General => vec![Self::General],
            Self::Health => vec![Self::Health, Self::General],
            Self::Disease(_) => vec![self.clone(), Self::Health, Self::General],
        }
    }

    /// In a patient's words.
    pub fn words(&self) -> String {
        match self {
            Self::General => "research of any kind".to_owned(),
            Self::Health => "research about health and medicine".to_owned(),
            Self::Disease(disease) => format!("research about the disease {disease}"),
        }
    }

    const fn breadth(&self) -> u8 {
        match self {
            Self::General => 2,
            Self::Health => 1,
            Self::Disease(_) => 0,
        }
    }
}

impl FromStr for Purpose {
    type Err = PurposeError;

    fn from_str(text: &str) -> Result<Self, PurposeError> {
        // One grammar: that of columns. The class is no part of a purpose.
        let column = ConsentColumn::new(text, SponsorClass::Academic).ok();
        column
            .and_then(|column| Self::of(&column))
            .ok_or_else(|| PurposeError { found: text.chars().take(80).collect() })
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::General => f.write_str(GENERAL),
            Self::Health => f.write_str(HEALTH),
            Self::Disease(disease) => write!(f, "{DISEASE}[{disease}]"),
        }
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Purpose {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Purpose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
