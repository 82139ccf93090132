//! Why a plan must not be proved or believed.

use crate::query::MAX_AXES;

/// Why a plan must not be proved or believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanError {
    /// More lookups than the shape has leaf sets.
    #[error("the plan has {found} lookups; the shape {shape} holds {limit}")]
    TooManyLookups {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
        /// The shape's name.
        shape: String,
    },
    /// More conditions than the selection key has bits.
    #[error("the plan has {found} conditions; a selection has from 1 to {limit}")]
    ConditionCount {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too many grouping columns.
    #[error("the plan groups by {found} columns; it may group by {MAX_AXES}")]
    TooManyAxes {
        /// How many there are.
        found: usize,
    },
    /// A grouping column without groups.
    #[error("grouping by {axis} has no groups")]
    EmptyAxis {
        /// The grouping's name.
        axis: String,
    },
    /// More groups than the shape has cells for.
    #[error("the plan has {found} groups; the shape {shape} holds {limit}")]
    TooManyGroups {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
        /// The shape's name.
        shape: String,
    },
    /// Lookups must come in one order: tests, the selection, bins; each with its own output.
    #[error("lookup {index} writes {found}; in its place stands {expected}")]
    LookupOrder {
        /// The lookup's place.
        index: usize,
        /// The output found.
        found: String,
        /// The output that belongs there.
        expected: String,
    },
    /// A lookup that is missing from its place.
    #[error("the plan has no lookup that writes {expected}")]
    LookupMissing {
        /// The output that belongs there.
        expected: String,
    },
    /// A test or bins lookup that does not read one data column as it is.
    #[error("the lookup that writes {output} reads {found}; it must read one column of the dataset manifest as it is")]
    LookupInput {
        /// The lookup's output.
        output: String,
        /// What it reads.
        found: String,
    },
    /// A tag limb in a plan.
    #[error("the plan reads {column}: patients' tags are never part of a query")]
    Tag {
        /// The column.
        column: String,
    },
    /// A table with an output beyond its range: it would carry into the next condition or group.
    #[error("the table of {output} maps to {found}; its outputs must be at most {limit}")]
    Image {
        /// The lookup's output.
        output: String,
        /// The largest output of the table.
        found: u16,
        /// The largest allowed.
        limit: u16,
    },
    /// The selection does not read the conditions with weights 1, 2, 4, ...
    #[error("the selection reads {found}; with these conditions it must read {expected}")]
    SelectionInput {
        /// What it reads.
        found: String,
        /// What it must read.
        expected: String,
    },
    /// The selection's truth table goes beyond the conditions.
    #[error("the selection's table has an entry at {found}; with {conditions} conditions the last is {limit}")]
    SelectionBeyond {
        /// The entry.
        found: u16,
        /// The number of conditions.
        conditions: usize,
        /// The last possible entry.
        limit: u32,
    },
    /// The selection would count rows for which a required condition does not hold.
    #[error("the selection counts rows without the required condition {condition:?} (key {key})")]
    Unguarded {
        /// The condition, in words.
        condition: String,
        /// The key that is selected.
        key: u32,
    },
    /// Consent is not the first condition, or not the only one of its kind.
    #[error("the plan's first condition, and no other, must be a consent flag of the epoch; found {found}")]
    Consent {
        /// What was found.
        found: String,
    },
    /// A column in a key whose values nothing restricts.
    #[error("{column} is used in {used} but is neither a table's output nor among the flags proved to be 0 or 1")]
    Unchecked {
        /// The column.
        column: String,
        /// Where it is used.
        used: String,
    },
    /// A column that stands twice where it may stand once.
    #[error("{column} stands twice among the {place}")]
    Twice {
        /// The column.
        column: String,
        /// Where it stands.
        place: &'static str,
    },
    /// A flag or test that serves nothing.
    #[error("{column} is committed or opened but used nowhere")]
    Unused {
        /// The column.
        column: String,
    },
    /// Values in no bin would be counted in the first one.
    #[error("grouping by {axis} has no implied condition that leaves out values in no bin")]
    UnguardedBins {
        /// The grouping's name.
        axis: String,
    },
    /// A flag has two groups.
    #[error("grouping by the flag {axis} has {found} groups; a flag has 2")]
    FlagGroups {
        /// The grouping's name.
        axis: String,
        /// How many there are.
        found: usize,
    },
    /// A measure whose column or bounds cannot be.
    #[error("the measure {column} with bounds {lo} to {hi} (coded) {reason}")]
    Measure {
        /// The measure's column.
        column: String,
        /// The lowest coded value.
        lo: u16,
        /// The highest coded value.
        hi: u16,
        /// What is wrong.
        reason: &'static str,
    },
    /// Aggregates and measures that do not belong together.
    #[error("the plan {reason}")]
    Aggregates {
        /// What is wrong.
        reason: &'static str,
    },
    /// An offer in the plan of a query, or none in that of an offer, or one beside groups or sums.
    #[error("in shape {shape}, {reason}")]
    Offer {
        /// The shape.
        shape: String,
        /// What is wrong.
        reason: &'static str,
    },
}
