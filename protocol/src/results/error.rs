//! Why there are no results to show.

use super::{MAX_SITES, RESULTS_FORMAT};
use crate::hash::Digest;
use crate::policy::ParamsError;

/// Why there are no results to show.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ResultsError {
    /// A plan that was compiled for another schema.
    #[error("the plan was compiled for the schema {plan}, and the schema given is {schema}")]
    Schema {
        /// The plan's.
        plan: Digest,
        /// The one given.
        schema: Digest,
    },
    /// A measure that cannot be.
    #[error("the summed column {column:?} cannot be shown: {reason}")]
    Measure {
        /// The column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// Groupings that no plan has.
    #[error("{axes} grouping columns with {groups} groups in all; no plan has that")]
    Groupings {
        /// How many columns.
        axes: usize,
        /// How many groups.
        groups: usize,
    },
    /// A name that is none.
    #[error("{found:?} names no site: a name is one line of 1 to 120 printable characters")]
    SiteName {
        /// What was found, shortened.
        found: String,
    },
    /// A site that is there already.
    #[error("the site {site} is in the results twice")]
    SiteTwice {
        /// The site.
        site: String,
    },
    /// More sites than one document holds.
    #[error("the results have more than {MAX_SITES} sites")]
    TooManySites,
    /// Another number of groups than the plan's.
    #[error("the site {site} released {found} groups; the plan has {expected}")]
    Groups {
        /// The site.
        site: String,
        /// How many it released.
        found: usize,
        /// How many the plan has.
        expected: usize,
    },
    /// Parameters that no proof takes.
    #[error("the site {site} released under a policy that cannot be: {problem}")]
    Params {
        /// The site.
        site: String,
        /// What is wrong.
        problem: ParamsError,
    },
    /// Numbers that the effective policy never gives.
    #[error("the site {site} released under numbers that its effective policy does not give")]
    Policy {
        /// The site.
        site: String,
    },
    /// Other sums than the query asked for.
    #[error("the site {site} released other sums than the query asks for")]
    Asked {
        /// The site.
        site: String,
    },
    /// A cell that its policy does not release.
    #[error("the site {site}, group {group}: {reason}")]
    Cell {
        /// The site.
        site: String,
        /// The group's number, from 0.
        group: usize,
        /// What is wrong.
        reason: String,
    },
    /// Not JSON, or not this structure.
    #[error("the results cannot be read: {reason}")]
    Json {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// A file of another format, or of a later version of it.
    #[error("the results' format is {found:?}; this version reads {RESULTS_FORMAT:?}")]
    Format {
        /// What was found, shortened.
        found: String,
    },
    /// A document in which something does not follow from the released cells.
    #[error("{part} in the results is not what follows from the released cells")]
    DoesNotFollow {
        /// The part.
        part: String,
    },
}
