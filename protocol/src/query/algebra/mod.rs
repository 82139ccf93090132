//! The query language: what a sponsor asks, as JSON `cohortium-query/1`.
//!
//! Reading a query checks its form only; whether it fits a schema and a shape is [`super::compile`]'s to
//! say. A purpose and a sponsor class are part of the form: they decide whose consent counts, and nothing
//! in the language can ask without them.

mod digest;
mod error;
mod file;
mod read;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::table::ConsentColumn;
use crate::table::decimal::Decimal;

pub use error::QueryError;
use file::RawQuery;
pub use value::{Bound, Member, Range};

/// The format this code reads and writes.
pub const QUERY_FORMAT: &str = "cohortium-query/1";

/// Bytes of a query at most: of its file, and of its shortest text wherever else it stands.
pub const MAX_QUERY_BYTES: usize = 1 << 16;

/// How deep a selection may be nested: what a person can still follow.
pub const MAX_DEPTH: usize = 12;

/// Tests and connectives of a selection at most.
pub const MAX_NODES: usize = 256;

/// Ranges, labels or bins in one list at most.
pub const MAX_LIST: usize = 1024;

/// Ranges and labels of all of a selection's lists together at most.
pub(crate) const MAX_ENTRIES: usize = 8 * MAX_LIST;

/// A question to one table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawQuery", into = "RawQuery")]
pub struct Query {
    /// What the question is called.
    pub title: String,
    /// The table it is put to.
    pub table: String,
    /// The study it belongs to.
    pub study: String,
    /// The purpose and the sponsor's class, and its name where consents to it alone count: whose consent counts.
    pub consent: ConsentColumn,
    /// Who is counted, beside consent; nothing means everybody.
    pub selection: Option<Expr>,
    /// The grouping columns.
    pub group_by: Vec<GroupBy>,
    /// What is summed beside the count.
    pub measures: Measures,
}

/// A selection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expr {
    /// All of these hold.
    All(Vec<Expr>),
    /// At least one of these holds.
    Any(Vec<Expr>),
    /// This does not hold. Pushed down to the tests, where it never selects a missing value.
    Not(Box<Expr>),
    /// A test of one column.
    Test {
        /// The schema column.
        column: String,
        /// What is asked of its value.
        test: Test,
    },
}

/// What is asked of one value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// In one range.
    Between(Range),
    /// In at least one of several ranges.
    Ranges(Vec<Range>),
    /// One of these labels or codes.
    In(Vec<Member>),
    /// The flag has this value.
    Is(bool),
    /// The value is present (`true`) or missing (`false`).
    Present(bool),
}

/// One grouping column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupBy {
    /// The schema column.
    pub column: String,
    /// Its bins, for numbers and dates. Codes and flags have a group for each of their values.
    pub bins: Option<Bins>,
    /// What becomes of missing values.
    pub missing: Missing,
}

/// The bins of a number or date.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Bins {
    /// One by one, ends included.
    Ranges(Vec<Range>),
    /// Of equal width, each from its lower edge to below the next one's.
    Steps {
        /// The lowest edge.
        from: Bound,
        /// The width, in the column's unit; of dates, in days.
        width: Decimal,
        /// How many.
        count: u32,
        /// Whether one more bin holds everything from the last edge on.
        beyond: bool,
    },
}

/// What becomes of missing values of a grouping column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Missing {
    /// They are not counted.
    #[default]
    #[serde(rename = "exclude")]
    Exclude,
    /// They are a group of their own, after all others.
    #[serde(rename = "own bin")]
    OwnBin,
}

/// What is asked for in every group, beside the count.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Measures {
    /// The sum of this quantity.
    pub sum: Option<String>,
    /// The sum of squares of this quantity.
    pub sum_of_squares: Option<String>,
    /// The sum of products of these two quantities.
    pub sum_of_products: Option<[String; 2]>,
    /// Bounds beyond which a row is not counted; a quantity not named here has its schema's bounds.
    pub bounds: BTreeMap<String, Range>,
}

impl Query {
    /// Reads a query file.
    pub fn parse(json: &str) -> Result<Self, QueryError> {
        if json.len() > MAX_QUERY_BYTES {
            return Err(QueryError::TooLong { found: json.len() });
        }
        // The format first: a later format's file should be called that, not "unknown field".
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let unreadable = |error: serde_json::Error| QueryError::Json { reason: error.to_string() };
        let head: Head = serde_json::from_str(json).map_err(unreadable)?;
        if head.format != QUERY_FORMAT {
            return Err(QueryError::Format { found: head.format });
        }
        serde_json::from_str::<RawQuery>(json).map_err(unreadable)?.try_into()
    }

    /// Bytes of the query's shortest text: as it is written here, without spaces.
    pub(crate) fn written_bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |text| text.len())
    }
}

pub(crate) use crate::text::is_line;
