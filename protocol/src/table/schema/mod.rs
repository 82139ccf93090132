//! A table's schema: the columns that all sites of a study share, versioned and hashed.

mod column;
mod error;
mod file;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::column::is_name;
#[cfg(test)]
pub(crate) use self::column::looks;
pub use self::column::{CodeEntry, ColumnSpec, Kind};
use self::error::MAX_DESCRIPTION;
pub use self::error::{BoundError, ColumnError, SchemaError};
use self::file::RawSchema;
use super::decimal;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::text::is_line;

/// The format this code reads and writes.
pub const SCHEMA_FORMAT: &str = "cohortium-schema/1";

/// Columns of a schema at most: a verifier keeps every column's commitment decoded in memory.
pub const MAX_COLUMNS: usize = 256;

/// A checked schema: it can be made only by [`Schema::new`] and by reading JSON, which calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSchema", into = "RawSchema")]
pub struct Schema {
    table: String,
    version: u32,
    description: String,
    columns: Vec<ColumnSpec>,
}

impl Schema {
    /// Makes a schema of checked columns.
    pub fn new(
        table: String,
        version: u32,
        description: String,
        columns: Vec<ColumnSpec>,
    ) -> Result<Self, SchemaError> {
        if !is_name(&table.replace('-', "_")) {
            return Err(SchemaError::Table { found: table.chars().take(80).collect() });
        }
        if !description.is_empty() && !is_line(&description, MAX_DESCRIPTION) {
            return Err(SchemaError::Description { found: description.chars().take(80).collect() });
        }
        if version == 0 {
            return Err(SchemaError::Version);
        }
        if columns.is_empty() {
            return Err(SchemaError::Empty);
        }
        if columns.len() > MAX_COLUMNS {
            return Err(SchemaError::TooMany { found: columns.len() });
        }
        let mut seen = BTreeMap::new();
        for (position, column) in columns.iter().enumerate() {
            if let Some(first) = seen.insert(column.name(), position) {
                return Err(SchemaError::DuplicateColumn {
                    name: column.name().to_owned(),
                    first: first + 1,
                    second: position + 1,
                });
            }
        }
        Ok(Self { table, version, description, columns })
    }

    /// Reads a schema file.
    pub fn parse(json: &str) -> Result<Self, SchemaError> {
        // The format first: a later format's file should be called that, not "unknown field".
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let unreadable = |error: serde_json::Error| SchemaError::Json { reason: error.to_string() };
        let head: Head = serde_json::from_str(json).map_err(unreadable)?;
        if head.format != SCHEMA_FORMAT {
            return Err(SchemaError::Format { found: head.format });
        }
        serde_json::from_str::<RawSchema>(json).map_err(unreadable)?.try_into()
    }

    /// The table's name, shared by all sites of a study.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The schema's version.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// What the table is, for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The columns in stored order.
    pub fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// The column with this name.
    pub fn column(&self, name: &str) -> Option<&ColumnSpec> {
        self.columns.iter().find(|column| column.name() == name)
    }

    /// The position of the column with this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name() == name)
    }

    /// The digest over every field: two files that mean the same have the same digest, however laid out.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::SCHEMA);
        hasher.str(&self.table).u64(u64::from(self.version)).str(&self.description);
        hasher.u64(self.columns.len() as u64);
        for column in &self.columns {
            hash_column(&mut hasher, column);
        }
        hasher.finish()
    }
}

fn hash_column(hasher: &mut Hasher, column: &ColumnSpec) {
    hasher.str(column.name()).str(column.description()).str(column.source());
    hash_option(hasher, column.concept());
    hasher.str(column.kind().name()).u64(u64::from(column.may_be_missing()));
    match column.kind() {
        Kind::Flag => {}
        Kind::Code { codes, .. } => {
            hasher.u64(codes.len() as u64);
            for entry in codes {
                hasher.u64(u64::from(entry.code)).str(&entry.label);
                hash_option(hasher, entry.concept.as_deref());
            }
        }
        Kind::Quantity { offset, step, min, max, unit, .. } => {
            for number in [offset, step, min, max] {
                hasher.str(&decimal::text(number));
            }
            hasher.str(unit);
        }
        Kind::Date { min, max, .. } => {
            hasher.u64(u64::from(min.days())).u64(u64::from(max.days()));
        }
    }
}

fn hash_option(hasher: &mut Hasher, text: Option<&str>) {
    match text {
        None => hasher.u64(0),
        Some(text) => hasher.u64(1).str(text),
    };
}
