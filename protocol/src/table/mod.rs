//! Tables: what a hospital's rows mean and how they become 16-bit columns.
//!
//! A [`Schema`] is shared by all sites of a study. A site's own files become a [`Table`] of that schema,
//! and a [`ConsentTable`] in the same secret row order.

mod column;
mod column_error;
mod consent;
mod data;
mod day;
pub mod decimal;
mod schema;
mod schema_file;

pub use column::{CodeEntry, ColumnSpec, Kind};
pub use column_error::{BoundError, ColumnError};
pub use consent::{ConsentColumn, ConsentColumnError, ConsentTable, ConsentTableError, SponsorClass};
pub use data::{TAG_LIMBS, Table, TableError};
pub use day::{Day, DayError};
pub use schema::{MAX_COLUMNS, SCHEMA_FORMAT, Schema, SchemaError};

/// The stored value that means *missing*, in every kind but flags.
pub const MISSING: u16 = 65535;
