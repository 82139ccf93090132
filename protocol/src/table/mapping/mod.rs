//! A site's mapping: how the columns of its own file become the columns of the shared schema.
//!
//! The rules are few and each says what happens to missing values; `docs/` lists them with examples.

mod check;
mod error;
mod file;

use std::collections::BTreeMap;

use self::check::check;
pub use self::error::{MappingError, RuleError};
use self::file::{RawMapping, RawRule};
use super::decimal::Decimal;
use super::schema::Schema;
use super::value::Reading;

/// The format this code reads.
pub const MAPPING_FORMAT: &str = "cohortium-mapping/1";

/// How a site's file is read. Checked against the schema when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    pub(super) patient: String,
    pub(super) delimiter: u8,
    pub(super) reading: Reading,
    /// One rule a schema column, in schema order.
    pub(super) rules: Vec<Rule>,
}

/// How one schema column is made from the file's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The file's column as it stands. Missing stays missing.
    Direct {
        /// The file's column.
        from: String,
    },
    /// The file's texts stand for labels. Missing stays missing.
    Values {
        /// The file's column.
        from: String,
        /// The stored value of each text.
        codes: BTreeMap<String, u16>,
    },
    /// A number's class. Missing stays missing.
    Classes {
        /// The file's column.
        from: String,
        /// The lowest number allowed.
        at_least: Option<Decimal>,
        /// Inclusive upper bounds in ascending order and the stored values; a last one may be open.
        classes: Vec<(Option<Decimal>, u16)>,
    },
    /// Yes if any flag is yes; else missing if any is missing; else no.
    Either {
        /// The file's columns.
        of: Vec<String>,
        /// The stored value of no.
        no: u16,
        /// The stored value of yes.
        yes: u16,
    },
    /// The lowest of several numbers or days. Missing if any is missing, unless these are to be ignored;
    /// missing in any case if all are.
    Earliest {
        /// The file's columns.
        of: Vec<String>,
        /// Whether missing values are ignored.
        ignore_missing: bool,
    },
    /// One column where a flag is yes, another where it is no. Missing if the flag or the chosen one is missing.
    Choose {
        /// The file's flag column.
        flag: String,
        /// The column where the flag is yes.
        then: String,
        /// The column where the flag is no.
        otherwise: String,
    },
    /// The same value in every row.
    Constant {
        /// The stored value.
        stored: u16,
    },
}

impl Rule {
    /// The file's columns that the rule reads, in the order in which it names them.
    pub fn inputs(&self) -> Vec<&str> {
        match self {
            Self::Direct { from } | Self::Values { from, .. } | Self::Classes { from, .. } => vec![from],
            Self::Either { of, .. } | Self::Earliest { of, .. } => of.iter().map(String::as_str).collect(),
            Self::Choose { flag, then, otherwise } => vec![flag, then, otherwise],
            Self::Constant { .. } => Vec::new(),
        }
    }
}

impl Mapping {
    /// Reads a mapping file and checks it against the schema.
    pub fn parse(json: &str, schema: &Schema) -> Result<Self, MappingError> {
        let raw = RawMapping::parse(json)?;
        if raw.table != schema.table() || raw.schema_version != schema.version() {
            return Err(MappingError::OtherSchema {
                table: raw.table,
                version: raw.schema_version,
                schema_table: schema.table().into(),
                schema_version: schema.version(),
            });
        }
        trimmed(&raw.patient).map_err(|text| MappingError::Untrimmed { text })?;
        let delimiter = match raw.delimiter.as_str() {
            "," | ";" | "|" | "\t" => raw.delimiter.as_bytes()[0],
            _ => return Err(MappingError::Delimiter { found: raw.delimiter }),
        };
        let reading = reading(&raw)?;
        if let Some((column, _)) = raw.columns.0.iter().find(|(name, _)| schema.column(name).is_none()) {
            return Err(MappingError::UnknownColumn { column: column.clone() });
        }
        let mut rules: BTreeMap<String, RawRule> = raw.columns.0.into_iter().collect();
        let rules = schema
            .columns()
            .iter()
            .map(|spec| {
                let column = || spec.name().to_owned();
                let rule = rules.remove(spec.name()).ok_or_else(|| MappingError::Unmapped { column: column() })?;
                check(rule, spec, &reading).map_err(|problem| MappingError::Rule { column: column(), problem })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { patient: raw.patient, delimiter, reading, rules })
    }

    /// The file's column with the patient's identifier.
    pub fn patient(&self) -> &str {
        &self.patient
    }

    /// The file's delimiter.
    pub const fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// One rule a schema column, in schema order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// Refuses a text that no trimmed cell equals.
pub(super) fn trimmed(text: &str) -> Result<(), String> {
    if text.is_empty() || text.trim() != text { Err(text.to_owned()) } else { Ok(()) }
}

fn reading(raw: &RawMapping) -> Result<Reading, MappingError> {
    let decimal_comma = match raw.decimal_mark.as_str() {
        "." => false,
        "," => true,
        _ => return Err(MappingError::DecimalMark { found: raw.decimal_mark.clone() }),
    };
    let mut meanings: BTreeMap<&str, &'static str> = BTreeMap::new();
    let lists = [("missing", &raw.missing), ("no", &raw.flags.no), ("yes", &raw.flags.yes)];
    for (meaning, texts) in lists {
        for text in texts {
            // An empty cell is always missing, so that listing it is harmless there and an error elsewhere.
            if text.is_empty() && meaning == "missing" {
                continue;
            }
            trimmed(text).map_err(|text| MappingError::Untrimmed { text })?;
            if let Some(first) = meanings.insert(text, meaning) {
                return Err(MappingError::Ambiguous { text: text.clone(), first, second: meaning });
            }
        }
    }
    for (which, texts) in [("no", &raw.flags.no), ("yes", &raw.flags.yes)] {
        if texts.is_empty() {
            return Err(MappingError::NoFlagText { which });
        }
    }
    Ok(Reading {
        missing: raw.missing.iter().filter(|text| !text.is_empty()).cloned().collect(),
        no: raw.flags.no.clone(),
        yes: raw.flags.yes.clone(),
        decimal_comma,
    })
}
