//! Conditions and tests as they come up, each once.

use super::error::CompileError;
use super::near::near;
use crate::query::column::{ColumnId, Linear};
use crate::query::plan::{Condition, Role};
use crate::query::table::{Lookup, LookupTable};
use crate::shape::Shape;
use crate::table::{ColumnSpec, ConsentColumn, Schema};

pub(super) struct Builder<'a> {
    pub(super) schema: &'a Schema,
    pub(super) tests: Vec<Lookup>,
    pub(super) conditions: Vec<Condition>,
    pub(super) flags: Vec<ColumnId>,
    shape: &'a Shape,
}

impl<'a> Builder<'a> {
    pub(super) const fn new(schema: &'a Schema, shape: &'a Shape) -> Self {
        Self { schema, tests: Vec::new(), conditions: Vec::new(), flags: Vec::new(), shape }
    }

    /// The schema column with this name.
    pub(super) fn column(&self, at: &str, name: &str) -> Result<&'a ColumnSpec, CompileError> {
        let (at, found) = (at.to_owned(), name.chars().take(80).collect::<String>());
        let Some(spec) = self.schema.column(name) else {
            let is_consent = name == "consent" || name.starts_with("DUO:") || name.parse::<ConsentColumn>().is_ok();
            if is_consent {
                return Err(CompileError::ConsentColumn { at, found });
            }
            if name.starts_with("tag.") {
                return Err(CompileError::TagColumn { at, found });
            }
            let near = near(name, self.schema.columns().iter().map(ColumnSpec::name));
            return Err(CompileError::UnknownColumn { at, found, near });
        };
        // Only in shapes narrower than 16 bits, which are made for tests: the lookup would leave out such rows.
        let limit = self.shape.values();
        if usize::from(*spec.domain().end()) >= limit || (spec.may_be_missing() && limit <= usize::from(u16::MAX)) {
            return Err(CompileError::TooWide { at, column: found, limit, shape: self.shape.to_string() });
        }
        Ok(spec)
    }

    /// A flag column that is zero-checked, whatever it is used for.
    pub(super) fn checked_flag(&mut self, column: ColumnId) {
        if !self.flags.contains(&column) {
            self.flags.push(column);
        }
    }

    /// The condition that a flag is 1; its number.
    pub(super) fn flag(&mut self, column: ColumnId, role: Role, text: String) -> usize {
        self.checked_flag(column.clone());
        self.condition(column, role, text)
    }

    /// The condition that a column's value is in the table's set; its number. One lookup serves all tests
    /// of one column with one set.
    pub(super) fn test(&mut self, column: &str, table: LookupTable, role: Role, text: String) -> usize {
        let input = Linear::column(ColumnId::manifest(column));
        let known = self.tests.iter().position(|test| test.input == input && test.table == table);
        let index = known.unwrap_or_else(|| {
            self.tests.push(Lookup { input, output: ColumnId::test(self.tests.len()), table });
            self.tests.len() - 1
        });
        self.condition(ColumnId::test(index), role, text)
    }

    fn condition(&mut self, column: ColumnId, role: Role, text: String) -> usize {
        // Required conditions come first, so a condition that is asked for again keeps the stricter role.
        self.conditions.iter().position(|condition| condition.column == column).unwrap_or_else(|| {
            self.conditions.push(Condition { column, role, text });
            self.conditions.len() - 1
        })
    }
}
