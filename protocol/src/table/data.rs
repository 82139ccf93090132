//! A table's rows, coded. Secret from the first to the last.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::schema::Schema;
use crate::hash::Digest;

/// 16-bit limbs of a tag.
pub const TAG_LIMBS: usize = 8;

/// One row a patient, in a secret random order: 16-bit columns in schema order, and the tags' limbs.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    schema: Digest,
    rows: usize,
    columns: Vec<Vec<u16>>,
    tags: [Vec<u16>; TAG_LIMBS],
}

/// Why columns do not make a table of a schema. No row and no value is named: this may reach a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Not one column per schema column.
    #[error("the table has {found} columns, its schema has {expected}")]
    Columns {
        /// Columns found.
        found: usize,
        /// Columns of the schema.
        expected: usize,
    },
    /// No rows.
    #[error("the table has no rows")]
    Empty,
    /// A column of another length than the first.
    #[error("column {column:?} has {found} rows, the first column has {expected}")]
    Length {
        /// The column, or `tag.0` to `tag.7`.
        column: String,
        /// Its rows.
        found: usize,
        /// The first column's rows.
        expected: usize,
    },
    /// A stored value that the schema does not allow.
    #[error("column {column:?} has a value that the schema does not allow")]
    Value {
        /// The column.
        column: String,
    },
}

impl Table {
    /// Makes a table of columns in schema order, every value checked against the schema.
    ///
    /// The order of rows is the caller's: [`super::Importer`] draws a secret one.
    pub fn new(schema: &Schema, columns: Vec<Vec<u16>>, tags: [Vec<u16>; TAG_LIMBS]) -> Result<Self, TableError> {
        // Built first, so that a refused table is zeroised as well.
        let rows = columns.first().map_or(0, Vec::len);
        let table = Self { schema: schema.digest(), rows, columns, tags };
        table.check(schema)?;
        Ok(table)
    }

    fn check(&self, schema: &Schema) -> Result<(), TableError> {
        let expected = schema.columns().len();
        if self.columns.len() != expected {
            return Err(TableError::Columns { found: self.columns.len(), expected });
        }
        if self.rows == 0 {
            return Err(TableError::Empty);
        }
        let names = schema.columns().iter().map(|spec| spec.name().to_owned());
        let limbs = (0..TAG_LIMBS).map(|limb| format!("tag.{limb}"));
        for (column, values) in names.chain(limbs).zip(self.columns.iter().chain(&self.tags)) {
            if values.len() != self.rows {
                return Err(TableError::Length { column, found: values.len(), expected: self.rows });
            }
        }
        for (spec, values) in schema.columns().iter().zip(&self.columns) {
            if !values.iter().all(|value| spec.holds(*value)) {
                return Err(TableError::Value { column: spec.name().to_owned() });
            }
        }
        Ok(())
    }

    /// The digest of the schema its values were checked against.
    pub const fn schema_digest(&self) -> &Digest {
        &self.schema
    }

    /// Rows, dummies included.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// All columns in schema order.
    pub fn columns(&self) -> &[Vec<u16>] {
        &self.columns
    }

    /// The column at this position of the schema.
    pub fn column(&self, index: usize) -> Option<&[u16]> {
        self.columns.get(index).map(Vec::as_slice)
    }

    /// The tags' limbs, the most significant first.
    pub const fn tags(&self) -> &[Vec<u16>; TAG_LIMBS] {
        &self.tags
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table(secret)")
    }
}

impl Zeroize for Table {
    fn zeroize(&mut self) {
        for values in self.columns.iter_mut().chain(&mut self.tags) {
            values.zeroize();
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Table {}
