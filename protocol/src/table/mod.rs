//! Tables: what a hospital's rows mean and how they become 16-bit columns.
//!
//! A [`Schema`] is shared by all sites of a study. A site's own files become a [`Table`] of that schema,
//! patients become [`Tag`]s, consents a [`ConsentTable`] in the same secret row order.

mod consent;
mod data;
mod day;
pub mod decimal;
mod schema;
mod tag;

pub use consent::{ConsentColumn, ConsentColumnError, ConsentTable, ConsentTableError, SponsorClass};
pub use data::{TAG_LIMBS, Table, TableError};
pub use day::{Day, DayError};
pub use schema::{
    BoundError, CodeEntry, ColumnError, ColumnSpec, Kind, MAX_COLUMNS, SCHEMA_FORMAT, Schema, SchemaError,
};
pub use tag::{PatientKey, PatientSecret, PatientSecretError, Tag, Tagger};

/// The stored value that means *missing*, in every kind but flags.
pub const MISSING: u16 = 65535;

#[cfg(test)]
mod tests;
