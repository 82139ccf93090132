//! Conditions and tests as they come up, each once.

use std::collections::HashMap;

use super::error::CompileError;
use super::near::near;
use crate::query::MAX_CONDITIONS;
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
    /// How many groupings have a table of bins so far.
    pub(super) bins: usize,
    shape: &'a Shape,
    /// Codes by label, of the columns whose labels were asked for.
    labels: HashMap<&'a str, HashMap<&'a str, u16>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(schema: &'a Schema, shape: &'a Shape) -> Self {
        let (tests, conditions, flags) = (Vec::new(), Vec::new(), Vec::new());
        Self { schema, tests, conditions, flags, bins: 0, shape, labels: HashMap::new() }
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

    /// A code column's code with this label.
    pub(super) fn code_of(&mut self, spec: &'a ColumnSpec, label: &str) -> Option<u16> {
        let index = self.labels.entry(spec.name()).or_insert_with(|| {
            #[cfg(test)]
            crate::table::looks::count(spec.codes().len());
            spec.codes().iter().map(|entry| (entry.label.as_str(), entry.code)).collect()
        });
        index.get(label).copied()
    }

    /// The condition that a flag is 1; its number.
    pub(super) fn flag(&mut self, column: ColumnId, role: Role, text: String) -> Result<usize, CompileError> {
        self.checked_flag(column.clone());
        self.condition(column, role, text)
    }

    /// The condition that a column's value is in the table's set; its number. One lookup serves all tests
    /// of one column with one set.
    pub(super) fn test(
        &mut self,
        column: &str,
        table: LookupTable,
        role: Role,
        text: String,
    ) -> Result<usize, CompileError> {
        let input = Linear::column(ColumnId::manifest(column));
        if let Some(known) = self.tests.iter().position(|test| test.input == input && test.table == table) {
            return self.condition(ColumnId::test(known), role, text);
        }
        let condition = self.condition(ColumnId::test(self.tests.len()), role, text)?;
        // The compiler stops here and not when it has seen them all: each may be work, and there may be hundreds.
        if self.tests.len() == self.shape.max_lookups() {
            return Err(self.too_many_lookups(self.tests.len() + 1));
        }
        self.tests.push(Lookup { input, output: ColumnId::test(self.tests.len()), table });
        Ok(condition)
    }

    /// Refuses more lookups than the shape holds, once all are known.
    pub(super) fn check_lookups(&self) -> Result<(), CompileError> {
        if self.tests.len() + 1 + self.bins > self.shape.max_lookups() {
            return Err(self.too_many_lookups(self.tests.len()));
        }
        Ok(())
    }

    fn too_many_lookups(&self, tests: usize) -> CompileError {
        let (bins, limit) = (self.bins, self.shape.max_lookups());
        CompileError::TooManyLookups { found: tests + 1 + bins, tests, bins, limit, shape: self.shape.to_string() }
    }

    fn condition(&mut self, column: ColumnId, role: Role, text: String) -> Result<usize, CompileError> {
        // Required conditions come first, so a condition that is asked for again keeps the stricter role.
        if let Some(known) = self.conditions.iter().position(|condition| condition.column == column) {
            return Ok(known);
        }
        let limit = MAX_CONDITIONS.min(self.shape.value_bits);
        self.conditions.push(Condition { column, role, text });
        let found = self.conditions.len();
        if found > limit {
            let of_role = |role| self.conditions.iter().filter(|condition| condition.role == role).count();
            let (implied, asked) = (of_role(Role::Implied), of_role(Role::Asked));
            return Err(CompileError::TooManyConditions { found, implied, asked, limit });
        }
        Ok(found - 1)
    }
}
