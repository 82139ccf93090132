//! Tables: what a hospital's rows mean and how they become 16-bit columns.
//!
//! A [`Schema`] is shared by all sites of a study. A site's [`Mapping`] says how its own file becomes a
//! [`Table`] of that schema; [`Importer`] does it, whole or not at all, and writes a [`QualityReport`].
//! Patients become [`Tag`]s, consents a [`ConsentTable`] in the same secret row order.

mod codec;
mod consent;
mod consent_import;
mod data;
mod day;
pub mod decimal;
mod import;
mod mapping;
mod names;
mod quality;
mod schema;
pub mod synthetic;
mod tag;
mod value;

pub use codec::CodecError;
pub use consent::{ConsentColumn, ConsentColumnError, ConsentTable, ConsentTableError, SponsorClass};
pub use consent_import::{
    ConsentImport, ConsentImportError, ConsentImporter, ConsentQuality, ConsentReport, UnknownPatient,
};
pub use data::{TAG_LIMBS, Table, TableError};
pub use day::{Day, DayError};
pub use import::{Import, ImportError, ImportOptions, Importer, RejectedRows};
pub use mapping::{MAPPING_FORMAT, Mapping, MappingError, Rule, RuleError};
pub use names::{DiseaseCode, DiseaseCodeError, Institution, InstitutionError, MAX_INSTITUTION};
pub use quality::{ColumnQuality, QUALITY_FORMAT, QualityReport, Rejection};
#[cfg(test)]
pub(crate) use schema::looks;
pub use schema::{
    BoundError, CodeEntry, ColumnError, ColumnSpec, Kind, MAX_COLUMNS, SCHEMA_FORMAT, Schema, SchemaError,
};
pub use tag::{PatientKey, PatientSecret, PatientSecretError, Tag, TagError, Tagger};
pub use value::Fault;

/// The stored value that means *missing*, in every kind but flags.
pub const MISSING: u16 = 65535;

#[cfg(test)]
mod tests;
