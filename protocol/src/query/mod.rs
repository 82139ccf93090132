//! Queries and what they compile to.
//!
//! A query asks for aggregates over the consented rows of one table. It compiles to a [`Plan`]: public
//! lookup tables, one truth table for the selection, group keys and measures. The plan is deterministic
//! and hashed; whoever checks an answer compiles the query anew and compares the digests.

mod algebra;
mod check;
mod column;
mod columns;
mod compile;
mod evaluate;
mod explain;
#[cfg(test)]
pub(crate) mod fixtures;
mod offer;
mod plan;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scenarios;
mod signature;
mod table;

pub(crate) use algebra::is_line;
pub use algebra::{
    Bins, Bound, Expr, GroupBy, MAX_DEPTH, MAX_LIST, MAX_NODES, MAX_QUERY_BYTES, Measures, Member, Missing,
    QUERY_FORMAT, Query, QueryError, Range, Test,
};
pub use check::PlanError;
pub use column::{ColumnId, Linear, Source};
pub use columns::{Aggregates, ColumnsError, Inputs, QueryColumns};
pub use compile::{CompileError, compile};
pub use evaluate::{EvaluateError, evaluate};
pub use offer::{OfferError, compile_offer};
pub use plan::{Asked, Axis, AxisGroup, Condition, Measure, Plan, Role};
pub use signature::{Difference, Measurement, Near, NearIndex, Signature, put_to};
pub use table::{Lookup, LookupTable, Segment, TableError};

/// Values that a coded column can take: lookup tables map all of them.
pub const CODED_VALUES: usize = 1 << 16;

/// Bits of the selection key at most: the truth table has one entry for each value of the key.
pub const MAX_CONDITIONS: usize = 16;

/// Grouping columns at most.
pub const MAX_AXES: usize = 3;
