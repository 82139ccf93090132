//! How a schema stands in its JSON file, and the way from there to the checked types.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::column::{CodeEntry, ColumnSpec, Kind};
use super::error::ColumnError;
use super::{SCHEMA_FORMAT, Schema, SchemaError};
use crate::table::Day;
use crate::table::decimal::{self, Decimal};

/// A schema as its file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSchema {
    format: String,
    table: String,
    version: u32,
    description: String,
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
    min: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
                let number = |field, value: Option<Value>| -> Result<Decimal, ColumnError> {
                    decimal::deserialize(value.ok_or(need(field))?)
                        .map_err(|error| ColumnError::Bound { field, reason: error.to_string() })
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
                let day = |field, value: Option<Value>| -> Result<Day, ColumnError> {
                    Day::deserialize(value.ok_or(ColumnError::FieldMissing { kind: "date", field })?)
                        .map_err(|error| ColumnError::Bound { field, reason: error.to_string() })
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
                min: Some(Value::String(decimal::text(min))),
                max: Some(Value::String(decimal::text(max))),
                ..raw
            },
            Kind::Date { min, max, .. } => {
                Self { min: Some(Value::String(min.to_string())), max: Some(Value::String(max.to_string())), ..raw }
            }
        }
    }
}
