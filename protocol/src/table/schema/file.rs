//! How a schema stands in its JSON file, and the way from there to the checked types.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{self, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

use super::column::{CodeEntry, ColumnSpec, Kind};
use super::error::ColumnError;
use super::{MAX_COLUMNS, SCHEMA_FORMAT, Schema, SchemaError};
use crate::bounded;
use crate::table::Day;
use crate::table::decimal::{self, Decimal};

/// Codes of a column at most: every 16-bit number but the one that means missing.
const MAX_CODES: usize = u16::MAX as usize;

/// A schema as its file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSchema {
    format: String,
    table: String,
    version: u32,
    description: String,
    #[serde(deserialize_with = "bounded::list::<MAX_COLUMNS, _, _>")]
    columns: Vec<RawColumn>,
}

/// A column as its file has it: one flat object, so that a message can say which field is wrong for its kind.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    name: String,
    description: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concept: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(default, with = "decimal::option", skip_serializing_if = "Option::is_none")]
    offset: Option<Decimal>,
    #[serde(default, with = "decimal::option", skip_serializing_if = "Option::is_none")]
    step: Option<Decimal>,
    /// A number or a date: which one, the kind says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<Scalar>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Scalar>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::optional::<MAX_CODES, _, _>"
    )]
    codes: Option<Vec<RawCode>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCode {
    code: u16,
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concept: Option<String>,
}

/// A number or a text, and nothing that could be long in memory and short in the file.
#[derive(Serialize)]
#[serde(untagged)]
enum Scalar {
    Number(Number),
    Text(String),
}

impl Scalar {
    fn decimal(self) -> Result<Decimal, serde_json::Error> {
        match self {
            Self::Number(number) => decimal::deserialize(number),
            Self::Text(text) => decimal::deserialize::<StringDeserializer<serde_json::Error>>(text.into_deserializer()),
        }
    }

    fn day(self) -> Result<Day, serde_json::Error> {
        match self {
            Self::Number(number) => Day::deserialize(number),
            Self::Text(text) => Day::deserialize::<StringDeserializer<serde_json::Error>>(text.into_deserializer()),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a number or date as a string")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::invalid_value(de::Unexpected::Float(value), &self))?;
        Ok(Scalar::Number(number))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }
}

impl TryFrom<RawSchema> for Schema {
    type Error = SchemaError;

    fn try_from(raw: RawSchema) -> Result<Self, SchemaError> {
        if raw.format != SCHEMA_FORMAT {
            return Err(SchemaError::Format { found: raw.format });
        }
        let columns = raw
            .columns
            .into_iter()
            .map(|column| {
                let name = column.name.clone();
                column.check().map_err(|problem| SchemaError::Column { column: name, problem: Box::new(problem) })
            })
            .collect::<Result<_, _>>()?;
        Self::new(raw.table, raw.version, raw.description, columns)
    }
}

impl RawColumn {
    fn check(self) -> Result<ColumnSpec, ColumnError> {
        let kind = match self.kind.as_str() {
            "flag" => {
                self.only("flag", &["missing"])?;
                if self.missing == Some(true) {
                    return Err(ColumnError::MissingFlag);
                }
                Kind::Flag
            }
            "code" => {
                self.only("code", &["codes", "missing"])?;
                let codes = self.codes.ok_or(ColumnError::FieldMissing { kind: "code", field: "codes" })?;
                let codes = codes
                    .into_iter()
                    .map(|RawCode { code, label, concept }| CodeEntry { code, label, concept })
                    .collect();
                Kind::Code { codes, missing: self.missing.unwrap_or(false) }
            }
            "quantity" => {
                self.only("quantity", &["unit", "offset", "step", "min", "max", "missing"])?;
                let need = |field| ColumnError::FieldMissing { kind: "quantity", field };
                let number = |field, value: Option<Scalar>| -> Result<Decimal, ColumnError> {
                    let value = value.ok_or(need(field))?;
                    value.decimal().map_err(|error| ColumnError::Bound { field, reason: error.to_string() })
                };
                Kind::Quantity {
                    offset: self.offset.ok_or(need("offset"))?,
                    step: self.step.ok_or(need("step"))?,
                    min: number("min", self.min)?,
                    max: number("max", self.max)?,
                    unit: self.unit.ok_or(need("unit"))?,
                    missing: self.missing.unwrap_or(false),
                }
            }
            "date" => {
                self.only("date", &["min", "max", "missing"])?;
                let day = |field, value: Option<Scalar>| -> Result<Day, ColumnError> {
                    let value = value.ok_or(ColumnError::FieldMissing { kind: "date", field })?;
                    value.day().map_err(|error| ColumnError::Bound { field, reason: error.to_string() })
                };
                Kind::Date {
                    min: day("min", self.min)?,
                    max: day("max", self.max)?,
                    missing: self.missing.unwrap_or(false),
                }
            }
            _ => return Err(ColumnError::UnknownKind { found: self.kind }),
        };
        ColumnSpec::new(self.name, self.description, kind, self.source, self.concept)
    }

    /// Refuses fields that belong to another kind: they would be ignored otherwise.
    fn only(&self, kind: &'static str, allowed: &[&'static str]) -> Result<(), ColumnError> {
        let present = [
            ("unit", self.unit.is_some()),
            ("offset", self.offset.is_some()),
            ("step", self.step.is_some()),
            ("min", self.min.is_some()),
            ("max", self.max.is_some()),
            ("codes", self.codes.is_some()),
            ("missing", self.missing.is_some()),
        ];
        match present.into_iter().find(|(field, is_there)| *is_there && !allowed.contains(field)) {
            Some((field, _)) => Err(ColumnError::FieldNotAllowed { kind, field }),
            None => Ok(()),
        }
    }
}

impl From<Schema> for RawSchema {
    fn from(schema: Schema) -> Self {
        Self {
            format: SCHEMA_FORMAT.into(),
            table: schema.table().into(),
            version: schema.version(),
            description: schema.description().into(),
            columns: schema.columns().iter().map(RawColumn::from).collect(),
        }
    }
}

impl From<&ColumnSpec> for RawColumn {
    fn from(column: &ColumnSpec) -> Self {
        let raw = Self {
            name: column.name().into(),
            description: column.description().into(),
            kind: column.kind().name().into(),
            source: Some(column.source()).filter(|source| *source != column.name()).map(Into::into),
            concept: column.concept().map(Into::into),
            missing: Some(true).filter(|_| column.may_be_missing()),
            ..Self::default()
        };
        match column.kind() {
            Kind::Flag => raw,
            Kind::Code { codes, .. } => {
                let code = |entry: &CodeEntry| RawCode {
                    code: entry.code,
                    label: entry.label.clone(),
                    concept: entry.concept.clone(),
                };
                Self { codes: Some(codes.iter().map(code).collect()), ..raw }
            }
            Kind::Quantity { offset, step, min, max, unit, .. } => Self {
                unit: Some(unit.clone()),
                offset: Some(*offset),
                step: Some(*step),
                min: Some(Scalar::Text(decimal::text(min))),
                max: Some(Scalar::Text(decimal::text(max))),
                ..raw
            },
            Kind::Date { min, max, .. } => {
                Self { min: Some(Scalar::Text(min.to_string())), max: Some(Scalar::Text(max.to_string())), ..raw }
            }
        }
    }
}
