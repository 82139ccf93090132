//! Why a query has no plan: what was found, where, and what would fit.

use crate::query::check::PlanError;
use crate::query::{MAX_AXES, MAX_CONDITIONS};
use crate::table::decimal::DecimalError;
use crate::table::{BoundError, ConsentColumn};

/// Why a query has no plan. `at` names the part, as in `where.all[1].not`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CompileError {
    /// A query to another table.
    #[error("the query asks table {found:?}; this schema describes {schema:?}")]
    Table {
        /// The query's table.
        found: String,
        /// The schema's table.
        schema: String,
    },
    /// A query under another purpose or sponsor class than it is compiled for.
    #[error("the query is asked under {found}; only consent to {expected} may be used here")]
    Consent {
        /// The query's.
        found: Box<ConsentColumn>,
        /// The one allowed.
        expected: Box<ConsentColumn>,
    },
    /// A column that does not exist.
    #[error("{at}: the schema has no column {found:?}; {near}")]
    UnknownColumn {
        /// The part.
        at: String,
        /// The name.
        found: String,
        /// Names that might have been meant.
        near: String,
    },
    /// A consent column in a test or a grouping.
    #[error(
        "{at} names the consent column {found:?}: a selection cannot ignore or test consent; it is always required, \
         and follows from \"purpose\" and \"sponsor_class\" alone"
    )]
    ConsentColumn {
        /// The part.
        at: String,
        /// The name.
        found: String,
    },
    /// A tag in a test or a grouping.
    #[error("{at} names {found:?}: patients' tags are never part of a query")]
    TagColumn {
        /// The part.
        at: String,
        /// The name.
        found: String,
    },
    /// A column beyond a narrow shape.
    #[error(
        "{at}: column {column:?} has values that are not below {limit}, or missing ones; the shape {shape} has neither"
    )]
    TooWide {
        /// The part.
        at: String,
        /// The column.
        column: String,
        /// Values of the shape.
        limit: usize,
        /// The shape's name.
        shape: String,
    },
    /// A test or use that the column's kind does not have.
    #[error("{at}: column {column:?} is a {kind}; {fits}")]
    WrongKind {
        /// The part.
        at: String,
        /// The column.
        column: String,
        /// Its kind.
        kind: &'static str,
        /// What would fit.
        fits: String,
    },
    /// A bound that the column does not have.
    #[error("{at}: {problem}")]
    Bound {
        /// The part.
        at: String,
        /// What is wrong, and what would fit.
        problem: BoundError,
    },
    /// A bound that is no number.
    #[error("{at}: column {column:?} is a quantity and its bounds are numbers; {problem}")]
    NotANumber {
        /// The part.
        at: String,
        /// The column.
        column: String,
        /// What is wrong.
        problem: DecimalError,
    },
    /// A range that ends before it starts.
    #[error("{at}: the range {found} ends before it starts; write the lower end first")]
    Inverted {
        /// The part.
        at: String,
        /// The range.
        found: String,
    },
    /// A range that is open at both ends.
    #[error("{at}: a range that is open at both ends tests nothing; to ask for known values write \"present\": true")]
    Open {
        /// The part.
        at: String,
    },
    /// A range between two neighbouring values.
    #[error("{at}: no value of {column:?} lies in {found}; its values are {step} apart, from {first}")]
    NoValue {
        /// The part.
        at: String,
        /// The column.
        column: String,
        /// The range.
        found: String,
        /// The distance of two values.
        step: String,
        /// The lowest value.
        first: String,
    },
    /// A label or code that the column does not have.
    #[error("{at}: column {column:?} has no value {found}; {near}")]
    UnknownMember {
        /// The part.
        at: String,
        /// The column.
        column: String,
        /// The label or code.
        found: String,
        /// Labels that might have been meant.
        near: String,
    },
    /// A test that is never true: all valid values fail it, and missing ones are never selected by negation.
    #[error(
        "{at}: \"{text}\" can never hold: every valid value is excluded, and negation does not select missing ones"
    )]
    NeverHolds {
        /// The part.
        at: String,
        /// The test.
        text: String,
    },
    /// A selection that is false whatever the tests say.
    #[error("the selection can never hold, whatever the values: it contradicts itself")]
    NothingSelected,
    /// More than three grouping columns.
    #[error("the query groups by {found} columns; it may group by {MAX_AXES}")]
    TooManyAxes {
        /// How many.
        found: usize,
    },
    /// One column grouped by twice.
    #[error("the query groups by {column:?} twice")]
    AxisTwice {
        /// The column.
        column: String,
    },
    /// Numbers and dates need bins, codes and flags have none.
    #[error("{at}: {reason}")]
    Bins {
        /// The part.
        at: String,
        /// What is wrong, and what would fit.
        reason: String,
    },
    /// Bins that share values.
    #[error("{at}: bins {first} and {second} both hold {value}; {fits}")]
    Overlap {
        /// The part.
        at: String,
        /// The first bin, from 1.
        first: usize,
        /// The second bin, from 1.
        second: usize,
        /// A value in both.
        value: String,
        /// What would fit.
        fits: String,
    },
    /// An own bin for missing values where there are none.
    #[error("{at}: {column:?} is never missing by its schema, so \"own bin\" would be empty; leave \"missing\" out")]
    NeverMissing {
        /// The part.
        at: String,
        /// The column.
        column: String,
    },
    /// Measures that do not go together.
    #[error("{at}: {reason}")]
    Measures {
        /// The part.
        at: String,
        /// What is wrong, and what would fit.
        reason: String,
    },
    /// More cells than the shape has.
    #[error("the query has {found} groups ({sizes}); the shape {shape} holds {limit}: use fewer or wider bins")]
    TooManyGroups {
        /// How many.
        found: usize,
        /// How they come about.
        sizes: String,
        /// How many there may be.
        limit: usize,
        /// The shape's name.
        shape: String,
    },
    /// More conditions than a key has bits.
    #[error(
        "the query has at least {found} conditions (consent, {implied} implied by groups and measures, {asked} asked for); \
         {limit} fit (at most {MAX_CONDITIONS} in any shape): join tests of one column into one \"ranges\" or \"in\", or ask in two queries"
    )]
    TooManyConditions {
        /// How many were seen; the rest was not looked at.
        found: usize,
        /// How many of them are implied.
        implied: usize,
        /// How many of them are asked for.
        asked: usize,
        /// How many there may be.
        limit: usize,
    },
    /// More lookups than the shape has.
    #[error(
        "the query needs at least {found} lookups ({tests} tests, the selection, {bins} for bins); the shape {shape} holds \
         {limit}: use fewer tests of numbers, dates and codes, or ask in two queries"
    )]
    TooManyLookups {
        /// How many were seen; the rest was not looked at.
        found: usize,
        /// How many of them are tests.
        tests: usize,
        /// How many of them are bins.
        bins: usize,
        /// How many there may be.
        limit: usize,
        /// The shape's name.
        shape: String,
    },
    /// The compiled plan does not pass its own check.
    #[error("the compiled plan is refused: {0}")]
    Plan(#[from] PlanError),
}
