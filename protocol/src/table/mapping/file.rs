//! How a mapping stands in its JSON file.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::MAPPING_FORMAT;
use super::error::MappingError;
use crate::table::decimal::{self, Decimal};

/// A mapping as its file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMapping {
    #[serde(rename = "format")]
    _format: String,
    pub(super) table: String,
    pub(super) schema_version: u32,
    /// For people: where the file comes from.
    #[serde(default, rename = "description")]
    _description: String,
    pub(super) patient: String,
    #[serde(default = "comma")]
    pub(super) delimiter: String,
    #[serde(default = "point")]
    pub(super) decimal_mark: String,
    #[serde(default)]
    pub(super) missing: Vec<String>,
    #[serde(default)]
    pub(super) flags: RawFlags,
    pub(super) columns: UniqueMap<RawRule>,
}

fn comma() -> String {
    ",".into()
}

fn point() -> String {
    ".".into()
}

/// The texts that mean yes and no in the file's flag columns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFlags {
    pub(super) no: Vec<String>,
    pub(super) yes: Vec<String>,
}

impl Default for RawFlags {
    fn default() -> Self {
        Self { no: vec!["0".into()], yes: vec!["1".into()] }
    }
}

/// A rule as its file has it: every field of every rule, so that a message can say which one is out of place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) from: Option<String>,
    pub(super) values: Option<UniqueMap<String>>,
    pub(super) classes: Option<Vec<RawClass>>,
    #[serde(default, with = "decimal::option")]
    pub(super) at_least: Option<Decimal>,
    pub(super) either: Option<Vec<String>>,
    pub(super) earliest: Option<Vec<String>>,
    pub(super) ignore_missing: Option<bool>,
    pub(super) choose: Option<RawChoose>,
    pub(super) constant: Option<String>,
}

/// One class of a number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClass {
    #[serde(default, with = "decimal::option")]
    pub(super) up_to: Option<Decimal>,
    pub(super) label: String,
}

/// A choice between two columns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChoose {
    #[serde(rename = "if")]
    pub(super) flag: String,
    pub(super) then: String,
    #[serde(rename = "else")]
    pub(super) otherwise: String,
}

impl RawMapping {
    pub(super) fn parse(json: &str) -> Result<Self, MappingError> {
        // The format first: a later format's file should be called that, not "unknown field".
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let unreadable = |error: serde_json::Error| MappingError::Json { reason: error.to_string() };
        let head: Head = serde_json::from_str(json).map_err(unreadable)?;
        if head.format != MAPPING_FORMAT {
            return Err(MappingError::Format { found: head.format });
        }
        serde_json::from_str(json).map_err(unreadable)
    }
}

/// A JSON object whose keys may stand only once. Maps of the standard library take the last of several.
pub(super) struct UniqueMap<T>(pub(super) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for UniqueMap<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = UniqueMap<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueMap<T>, A::Error> {
                let mut seen = std::collections::BTreeSet::new();
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if !seen.insert(key.clone()) {
                        return Err(de::Error::custom(format!("{key:?} stands twice")));
                    }
                    entries.push((key, map.next_value()?));
                }
                Ok(UniqueMap(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}
