//! What can be wrong with a schema, with one of its columns, and with a bound that a query sets on it.

use super::{MAX_COLUMNS, SCHEMA_FORMAT};
use crate::table::DayError;

/// Decimals of a schema's own numbers: enough for any unit, few enough that coding never overflows.
pub(super) const MAX_DECIMALS: u32 = 9;
/// Magnitude of a schema's own numbers, for the same reason.
pub(super) const MAX_MAGNITUDE: i64 = 1_000_000_000_000;
/// Characters of a name: it stands in tables, plots and plain-language plans.
pub(super) const MAX_NAME: usize = 64;

/// Characters of a code's label.
pub(super) const MAX_TEXT: usize = 120;
/// Characters of a description, unit or concept.
pub(super) const MAX_DESCRIPTION: usize = 1000;

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not JSON, or not this structure.
    #[error("the schema cannot be read: {reason}")]
    Json {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// A file of another format, or of a later version of it.
    #[error("the schema's format is {found:?}; this version reads {SCHEMA_FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
    /// A version that cannot be.
    #[error("schema versions begin at 1, found 0")]
    Version,
    /// A table name outside the grammar.
    #[error(
        "the table name {found:?} is not allowed: small letters, digits, - and _, beginning with a letter, at most 64"
    )]
    Table {
        /// What was found.
        found: String,
    },
    /// A description that would not stand on one line before people.
    #[error(
        "the schema's description {found:?} is refused: one line of at most {MAX_DESCRIPTION} printable characters"
    )]
    Description {
        /// What was found, shortened.
        found: String,
    },
    /// No columns.
    #[error("the schema has no columns")]
    Empty,
    /// Too many columns.
    #[error("the schema has {found} columns; at most {MAX_COLUMNS} are allowed")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// Two columns with one name.
    #[error("two columns are named {name:?}, at positions {first} and {second}")]
    DuplicateColumn {
        /// The name.
        name: String,
        /// Position of the first, from 1.
        first: usize,
        /// Position of the second, from 1.
        second: usize,
    },
    /// Something wrong with one column.
    #[error("column {column:?}: {problem}")]
    Column {
        /// The column's name as found.
        column: String,
        /// What is wrong.
        problem: Box<ColumnError>,
    },
}

/// What is wrong with a column of a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// A text that is not one line of plain characters.
    #[error(
        "the {what} {found:?} must be one line of at most {MAX_DESCRIPTION} plain characters, without space at either end"
    )]
    Text {
        /// Which text.
        what: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// A name outside the grammar.
    #[error("a name begins with a small letter, goes on in small letters, digits and _, and has at most {MAX_NAME}")]
    Name,
    /// `tag.0` and the like.
    #[error("names that begin with \"tag.\" are reserved for the patients' tags")]
    ReservedName,
    /// A source outside the grammar of names.
    #[error("the source {found:?} is not a name (small letters, digits and _)")]
    Source {
        /// What was found.
        found: String,
    },
    /// A kind that does not exist.
    #[error("there is no kind {found:?}: allowed are flag, code, quantity and date")]
    UnknownKind {
        /// What was found.
        found: String,
    },
    /// A field that the kind needs.
    #[error("a {kind} needs the field {field:?}")]
    FieldMissing {
        /// The column's kind.
        kind: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A field that the kind does not have.
    #[error("a {kind} has no field {field:?}")]
    FieldNotAllowed {
        /// The column's kind.
        kind: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A bound that is no number, or no date.
    #[error("the field {field:?}: {reason}")]
    Bound {
        /// `min` or `max`.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A flag said to be missing sometimes.
    #[error("a flag is never missing; a flag that can be missing is a code (with the labels \"no\" and \"yes\")")]
    MissingFlag,
    /// A code column without codes.
    #[error("a code column needs at least one code")]
    NoCodes,
    /// One code for two labels.
    #[error("code {code} is used twice, for {first:?} and {second:?}")]
    CodeTwice {
        /// The code.
        code: u16,
        /// The first label.
        first: String,
        /// The second label.
        second: String,
    },
    /// One label for two codes.
    #[error("label {label:?} is used twice, for the codes {first} and {second}")]
    LabelTwice {
        /// The label.
        label: String,
        /// The first code.
        first: u16,
        /// The second code.
        second: u16,
    },
    /// The code that means missing.
    #[error("code 65535 ({label:?}) is reserved: it means missing")]
    ReservedCode {
        /// Its label.
        label: String,
    },
    /// An empty label, or one that trimming would change.
    #[error("the label {label:?} of code {code} is empty, or begins or ends with a space")]
    Label {
        /// The code.
        code: u16,
        /// The label.
        label: String,
    },
    /// A step that is zero or negative.
    #[error("the step is {found}; it must be more than 0")]
    Step {
        /// What was found.
        found: String,
    },
    /// Bounds the wrong way round.
    #[error("the lowest value {min} is above the highest value {max}")]
    Inverted {
        /// The lower bound.
        min: String,
        /// The upper bound.
        max: String,
    },
    /// A bound between two steps.
    #[error("the {which} {value} is not the offset {offset} plus a whole number of steps of {step}")]
    OffGrid {
        /// `min` or `max`.
        which: &'static str,
        /// The bound.
        value: String,
        /// The offset.
        offset: String,
        /// The step.
        step: String,
    },
    /// A domain below the offset.
    #[error("the lowest value {min} is below the offset {offset}: codes are not negative")]
    BelowOffset {
        /// The lower bound.
        min: String,
        /// The offset.
        offset: String,
    },
    /// A domain that needs more than 16 bits.
    #[error(
        "the domain from the offset {offset} to {max} has {values} values; at most 65,535 fit in a column. \
         Choose a larger step or narrower bounds: wider values (two limbs) are not supported"
    )]
    TooWide {
        /// The offset.
        offset: String,
        /// The upper bound.
        max: String,
        /// How many values it has.
        values: i128,
    },
    /// A number with absurdly many digits.
    #[error("the {which} {value} has more than {MAX_DECIMALS} decimals or exceeds {MAX_MAGNITUDE}")]
    Digits {
        /// Which field.
        which: &'static str,
        /// The number.
        value: String,
    },
}

/// Why a bound of a query, or a date in one, has no code in a column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoundError {
    /// Outside the schema's bounds.
    #[error("{value} lies outside column {column:?}, which is defined from {min} to {max}")]
    Outside {
        /// The column.
        column: String,
        /// The bound.
        value: String,
        /// The column's lowest value, with its unit.
        min: String,
        /// The column's highest value, with its unit.
        max: String,
    },
    /// Digits beyond exact coding.
    #[error("{value} has too many digits to compare exactly with column {column:?}")]
    Digits {
        /// The column.
        column: String,
        /// The bound.
        value: String,
    },
    /// A number for a column that has no order of numbers.
    #[error("column {column:?} is a {kind}; {fits}")]
    NotAQuantity {
        /// The column.
        column: String,
        /// Its kind.
        kind: &'static str,
        /// What would fit.
        fits: &'static str,
    },
    /// A date for another kind of column.
    #[error("column {column:?} is a {kind}, not a date")]
    NotADate {
        /// The column.
        column: String,
        /// Its kind.
        kind: &'static str,
    },
    /// Not a date.
    #[error("column {column:?}: {source}")]
    Day {
        /// The column.
        column: String,
        /// What is wrong with it.
        source: DayError,
    },
}
