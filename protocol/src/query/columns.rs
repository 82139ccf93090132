//! The query-time columns of a plan, from its tables; and the aggregates that follow from them.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::column::{ColumnId, Linear, Source};
use super::plan::{Measure, Plan};
use crate::policy::GroupAggregates;
use crate::table::{ConsentColumn, ConsentTable, Schema, TAG_LIMBS, Table};

/// What a plan reads: a table and its consent flags, in one row order.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    schema: &'a Schema,
    table: &'a Table,
    consents: &'a ConsentTable,
}

impl fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inputs(secret)")
    }
}

/// Why a plan cannot be carried out over a table. Names columns, never values.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ColumnsError {
    /// A table of another schema.
    #[error("the table was made for another schema than the one given")]
    Schema,
    /// A plan for another schema.
    #[error("the plan was compiled for another schema than the table's")]
    PlanSchema,
    /// Consent flags of another table.
    #[error("the consent table has {consents} rows, the table {rows}")]
    Rows {
        /// Rows of the consent table.
        consents: usize,
        /// Rows of the table.
        rows: usize,
    },
    /// A column that is not there.
    #[error("there is no column {column}")]
    Unknown {
        /// The column.
        column: String,
    },
    /// A key or group number beyond its range: the plan was not checked.
    #[error("a row's value of {linear} is beyond its range: the plan does not pass its check")]
    Range {
        /// What was computed.
        linear: String,
    },
}

impl<'a> Inputs<'a> {
    /// Takes a table and the consent flags of its rows.
    pub fn new(schema: &'a Schema, table: &'a Table, consents: &'a ConsentTable) -> Result<Self, ColumnsError> {
        if *table.schema_digest() != schema.digest() {
            return Err(ColumnsError::Schema);
        }
        if consents.rows() != table.rows() {
            return Err(ColumnsError::Rows { consents: consents.rows(), rows: table.rows() });
        }
        Ok(Self { schema, table, consents })
    }

    /// Data rows.
    pub const fn rows(&self) -> usize {
        self.table.rows()
    }

    /// A committed column: of the manifest, tags included, or of the epoch.
    pub fn column(&self, id: &ColumnId) -> Option<&'a [u16]> {
        match id.source {
            Source::Manifest => match id.name.strip_prefix("tag.") {
                Some(limb) => (0..TAG_LIMBS).find(|i| i.to_string() == limb).map(|i| self.table.tags()[i].as_slice()),
                None => self.schema.index_of(&id.name).and_then(|index| self.table.column(index)),
            },
            Source::Epoch => self.consents.column(&id.name.parse::<ConsentColumn>().ok()?),
            Source::Query => None,
        }
    }
}

/// The exact aggregates of all groups: a secret of the hospital, gone from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Aggregates(Vec<GroupAggregates>);

impl Aggregates {
    /// Of so many groups, all empty.
    pub(super) fn empty(groups: usize) -> Self {
        Self(vec![GroupAggregates::default(); groups])
    }

    /// Adds a selected row with the coded values of the measures. 2^20 rows of 16-bit values keep every sum
    /// below 2^52.
    pub(super) fn add(&mut self, group: usize, y: u64, z: u64) -> bool {
        let Some(sums) = self.0.get_mut(group) else {
            return false;
        };
        sums.n += 1;
        sums.s += y;
        sums.ss += y * y;
        sums.p += y * z;
        true
    }

    /// The groups, by number.
    pub fn groups(&self) -> &[GroupAggregates] {
        &self.0
    }
}

impl fmt::Debug for Aggregates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aggregates(secret)")
    }
}

impl Zeroize for Aggregates {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for Aggregates {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Aggregates {}

/// The columns that are committed for one query only, in the order of the plan's lookups. Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct QueryColumns(Vec<(ColumnId, Vec<u16>)>);

impl QueryColumns {
    /// The columns with their names.
    pub fn columns(&self) -> &[(ColumnId, Vec<u16>)] {
        &self.0
    }

    /// The column with this name.
    pub fn column(&self, id: &ColumnId) -> Option<&[u16]> {
        self.0.iter().find(|(name, _)| name == id).map(|(_, values)| values.as_slice())
    }
}

impl fmt::Debug for QueryColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueryColumns(secret)")
    }
}

impl Zeroize for QueryColumns {
    fn zeroize(&mut self) {
        for (_, values) in &mut self.0 {
            values.zeroize();
        }
    }
}

impl Drop for QueryColumns {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for QueryColumns {}

impl Plan {
    /// Carries out the plan's lookups: tests, the selection, bins.
    pub fn query_columns(&self, inputs: &Inputs<'_>) -> Result<QueryColumns, ColumnsError> {
        self.carry_out(inputs, QueryColumns(Vec::with_capacity(self.lookups.len())))
    }

    /// The same for an offer of the patient at a row: who is offered, then tests and the selection.
    ///
    /// # Errors
    /// As those of [`Plan::query_columns`]; a row that is none of the table's.
    pub fn offer_columns(&self, inputs: &Inputs<'_>, row: usize) -> Result<QueryColumns, ColumnsError> {
        if row >= inputs.rows() {
            return Err(ColumnsError::Range { linear: ColumnId::offered().to_string() });
        }
        let mut done = QueryColumns(Vec::with_capacity(1 + self.lookups.len()));
        done.0.push((ColumnId::offered(), (0..inputs.rows()).map(|other| u16::from(other == row)).collect()));
        self.carry_out(inputs, done)
    }

    fn carry_out(&self, inputs: &Inputs<'_>, mut done: QueryColumns) -> Result<QueryColumns, ColumnsError> {
        if self.schema != inputs.schema.digest() {
            return Err(ColumnsError::PlanSchema);
        }
        for lookup in &self.lookups {
            let map = lookup.table.expand(super::CODED_VALUES);
            let keys = evaluate_linear(&lookup.input, inputs, &done)?;
            done.0.push((lookup.output.clone(), keys.iter().map(|key| map[usize::from(*key)]).collect()));
        }
        Ok(done)
    }

    /// The aggregates that the plan's columns give.
    pub fn aggregates(&self, inputs: &Inputs<'_>, columns: &QueryColumns) -> Result<Aggregates, ColumnsError> {
        let find = |id: &ColumnId| find(id, inputs, columns);
        let selected = find(&ColumnId::selection())?;
        let groups = evaluate_linear(&self.group_key(), inputs, columns)?;
        let measure = |measure: &Option<Measure>| measure.as_ref().map(|measure| find(&measure.column)).transpose();
        let (y, z) = (measure(&self.y)?, measure(&self.z)?);
        let value = |column: Option<&[u16]>, row: usize| column.map_or(0, |values| u64::from(values[row]));
        let mut sums = Aggregates::empty(self.groups());
        for row in (0..inputs.rows()).filter(|&row| selected[row] == 1) {
            if !sums.add(usize::from(groups[row]), value(y, row), value(z, row)) {
                return Err(ColumnsError::Range { linear: self.group_key().to_string() });
            }
        }
        Ok(sums)
    }

    /// How many consenting rows each implied condition leaves out, after the condition's words. For the
    /// hospital's eyes: these are exact counts.
    pub fn left_out(&self, inputs: &Inputs<'_>, columns: &QueryColumns) -> Result<Vec<(String, u64)>, ColumnsError> {
        let (consent, implied): (Vec<_>, Vec<_>) = self
            .conditions
            .iter()
            .filter(|condition| condition.role.is_required())
            .partition(|condition| condition.column.source == Source::Epoch);
        let consents = consent.iter().map(|c| find(&c.column, inputs, columns)).collect::<Result<Vec<_>, _>>()?;
        let count = |values: &[u16]| {
            let rows = (0..inputs.rows()).filter(|&row| consents.iter().all(|flags| flags[row] == 1));
            rows.filter(|&row| values[row] == 0).count() as u64
        };
        implied.iter().map(|c| Ok((c.text.clone(), count(find(&c.column, inputs, columns)?)))).collect()
    }
}

fn find<'a>(id: &ColumnId, inputs: &Inputs<'a>, columns: &'a QueryColumns) -> Result<&'a [u16], ColumnsError> {
    inputs.column(id).or_else(|| columns.column(id)).ok_or_else(|| ColumnsError::Unknown { column: id.to_string() })
}

fn evaluate_linear(linear: &Linear, inputs: &Inputs<'_>, columns: &QueryColumns) -> Result<Vec<u16>, ColumnsError> {
    let terms = linear.terms().map(|(coefficient, id)| Ok((u64::from(coefficient), find(id, inputs, columns)?)));
    let terms = terms.collect::<Result<Vec<_>, _>>()?;
    let value = |row: usize| terms.iter().fold(0u64, |sum, (c, values)| sum.saturating_add(c * u64::from(values[row])));
    let checked = (0..inputs.rows()).map(|row| u16::try_from(value(row)).ok());
    checked.collect::<Option<_>>().ok_or_else(|| ColumnsError::Range { linear: linear.to_string() })
}
