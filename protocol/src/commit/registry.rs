//! What manifests and epochs have in common: a list of named commitments, under a shape.

use serde::{Deserialize, Serialize};

use super::budget::{Charge, column_limit};
use super::layout::{Layout, LayoutError};
use super::pedersen::{ColumnCommitment, CommitmentError};
use crate::hash::{Digest, Hasher};
use crate::shape::Shape;
use crate::table::{ConsentColumnError, Day, DayError};
use crate::text::is_line;

/// Columns of a manifest or an epoch at most.
pub const MAX_COLUMNS: usize = 4096;
/// Characters of a site's, table's or column's name at most.
pub const MAX_NAME_CHARS: usize = 120;

/// Why a manifest or an epoch is refused, or a column is not one of its columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Not JSON of the document's form.
    #[error("the document is not valid: {reason}")]
    Json {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// Another kind or version of document.
    #[error("the document's format is {found:?}, expected {expected:?}")]
    Format {
        /// Format found.
        found: String,
        /// Format expected.
        expected: &'static str,
    },
    /// A name that is empty, too long, or not printable.
    #[error("{field} {found:?} is not a name: 1 to {MAX_NAME_CHARS} printable characters, no space at either end")]
    Name {
        /// Which field.
        field: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// Not a date.
    #[error(transparent)]
    Date(#[from] DayError),
    /// A column of an epoch that is not about consent.
    #[error(transparent)]
    ConsentColumn(#[from] ConsentColumnError),
    /// A manifest over another schema.
    #[error("the manifest is over schema {found}, expected is {expected}")]
    OtherSchema {
        /// Schema in the manifest.
        found: Digest,
        /// The schema's digest.
        expected: Digest,
    },
    /// A manifest whose columns are not its schema's.
    #[error("column {place} of the manifest is {found:?}, the schema's is {expected:?}")]
    SchemaColumn {
        /// Place in the list, from 0.
        place: usize,
        /// Name in the manifest; empty if there is none.
        found: String,
        /// Name in the schema; empty if there is none.
        expected: String,
    },
    /// Versions and epochs count from 1.
    #[error("{field} is 0; versions and epochs count from 1")]
    Number {
        /// Which field.
        field: &'static str,
    },
    /// No shape has this name.
    #[error("no shape is called {name:?}")]
    UnknownShape {
        /// Name found, shortened.
        name: String,
    },
    /// A shape's name with another shape's id.
    #[error("shape {name} has the id {expected}, the document says {found}")]
    ShapeId {
        /// The shape's name.
        name: &'static str,
        /// Id found.
        found: Digest,
        /// The shape's id.
        expected: Digest,
    },
    /// No row, or more than the shape holds.
    #[error("{found} declared rows: a table of shape {shape} has between 1 and {allowed}")]
    DeclaredRows {
        /// Rows found.
        found: u64,
        /// Rows the shape holds.
        allowed: usize,
        /// The shape's name.
        shape: &'static str,
    },
    /// No column, or more than a document may list.
    #[error("{found} columns: between {least} and {MAX_COLUMNS} are allowed")]
    ColumnCount {
        /// Columns found.
        found: usize,
        /// Columns at least.
        least: usize,
    },
    /// One name twice.
    #[error("the column {name:?} is listed twice")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// The tag columns are not the last eight, in order.
    #[error("the last eight columns must be tag.0 to tag.7 in this order; {expected} is missing at its place")]
    Tags {
        /// The first that is not where it should be.
        expected: String,
    },
    /// A consent epoch over another table version.
    #[error("the epoch's {field} is {found}, the manifest's is {expected}")]
    OtherManifest {
        /// Which field differs.
        field: &'static str,
        /// The epoch's.
        found: String,
        /// The manifest's.
        expected: String,
    },
    /// The document lists no such column.
    #[error("the document lists no column {name:?}")]
    UnknownColumn {
        /// The name.
        name: String,
    },
    /// Points that are not the ones the document names.
    #[error("the commitment given for column {name:?} has the digest {found}, the document says {expected}")]
    OtherCommitment {
        /// The column.
        name: String,
        /// Digest of the points given.
        found: Digest,
        /// Digest in the document.
        expected: Digest,
    },
    /// The points do not fit the shape.
    #[error("column {name:?}: {source}")]
    Commitment {
        /// The column.
        name: String,
        /// What does not fit.
        source: CommitmentError,
    },
    /// The shape itself has no commitments.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

/// A shape as documents write it: its name for people, its id for everything else.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapeRef {
    /// The shape's name.
    pub name: String,
    /// The shape's id.
    pub id: Digest,
}

impl ShapeRef {
    /// The reference to a shape.
    pub fn to(shape: &Shape) -> Self {
        Self { name: shape.name.to_owned(), id: shape.id() }
    }

    /// The one of these shapes that is meant.
    pub(super) fn resolve(&self, shapes: &[Shape]) -> Result<Shape, RegistryError> {
        let shape = shapes
            .iter()
            .find(|shape| shape.name == self.name)
            .ok_or_else(|| RegistryError::UnknownShape { name: shorten(&self.name) })?;
        if shape.id() == self.id {
            Ok(*shape)
        } else {
            Err(RegistryError::ShapeId { name: shape.name, found: self.id, expected: shape.id() })
        }
    }
}

/// A column as a document lists it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredColumn {
    /// The column's name.
    pub name: String,
    /// The digest of its commitment.
    pub commitment: Digest,
}

/// A column's points, which travel beside the document that names their digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommittedColumn {
    /// The column's name.
    pub name: String,
    /// Its commitment.
    pub points: ColumnCommitment,
}

pub(super) fn check_format(found: &str, expected: &'static str) -> Result<(), RegistryError> {
    if found == expected { Ok(()) } else { Err(RegistryError::Format { found: shorten(found), expected }) }
}

pub(super) fn check_name(field: &'static str, name: &str) -> Result<(), RegistryError> {
    if is_line(name, MAX_NAME_CHARS) { Ok(()) } else { Err(RegistryError::Name { field, found: shorten(name) }) }
}

pub(super) fn check_number(field: &'static str, number: u32) -> Result<(), RegistryError> {
    if number == 0 { Err(RegistryError::Number { field }) } else { Ok(()) }
}

pub(super) fn check_rows(declared: u64, shape: &Shape) -> Result<(), RegistryError> {
    let allowed = shape.max_declared_rows();
    if declared == 0 || declared > allowed as u64 {
        return Err(RegistryError::DeclaredRows { found: declared, allowed, shape: shape.name });
    }
    Ok(())
}

/// How many columns there are, and none twice; their names are for the document to check.
pub(super) fn check_columns(columns: &[RegisteredColumn], least: usize) -> Result<(), RegistryError> {
    if columns.len() < least || columns.len() > MAX_COLUMNS {
        return Err(RegistryError::ColumnCount { found: columns.len(), least });
    }
    let mut seen = std::collections::BTreeSet::new();
    for column in columns {
        if !seen.insert(&column.name) {
            return Err(RegistryError::DuplicateColumn { name: column.name.clone() });
        }
    }
    Ok(())
}

pub(super) fn check_date(text: &str) -> Result<(), RegistryError> {
    text.parse::<Day>()?;
    Ok(())
}

/// The digest under a name.
pub(super) fn find<'a>(columns: &'a [RegisteredColumn], name: &str) -> Option<&'a Digest> {
    columns.iter().find(|column| column.name == name).map(|column| &column.commitment)
}

/// Checks that the points are the ones listed under their name, and as many as the shape's matrix rows.
pub(super) fn check_points(
    columns: &[RegisteredColumn],
    layout: &Layout,
    given: &CommittedColumn,
) -> Result<(), RegistryError> {
    let expected =
        find(columns, &given.name).ok_or_else(|| RegistryError::UnknownColumn { name: shorten(&given.name) })?;
    let found = given.points.digest();
    if found != *expected {
        return Err(RegistryError::OtherCommitment { name: given.name.clone(), found, expected: *expected });
    }
    given
        .points
        .check_grid(&layout.grid())
        .map_err(|source| RegistryError::Commitment { name: given.name.clone(), source })
}

/// What opening a column at so many points costs.
pub(super) fn charge(
    object: Digest,
    columns: &[RegisteredColumn],
    shape: &Shape,
    name: &str,
    points: u32,
) -> Result<Charge, RegistryError> {
    let commitment = find(columns, name).ok_or_else(|| RegistryError::UnknownColumn { name: shorten(name) })?;
    Ok(Charge { object, column: name.to_owned(), commitment: *commitment, limit: column_limit(shape), points })
}

pub(super) fn hash_columns(hasher: &mut Hasher, columns: &[RegisteredColumn]) {
    hasher.u64(columns.len() as u64);
    for column in columns {
        hasher.str(&column.name).digest(&column.commitment);
    }
}

pub(super) fn shorten(text: &str) -> String {
    text.chars().take(MAX_NAME_CHARS).collect()
}
