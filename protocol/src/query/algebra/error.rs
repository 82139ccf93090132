//! Why a file is not a query.

use crate::table::InstitutionError;

use super::{MAX_DEPTH, MAX_ENTRIES, MAX_LIST, MAX_NODES, MAX_QUERY_BYTES, QUERY_FORMAT};

/// Why a file is not a query. `at` names the part, as in `where.all[1].not`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueryError {
    /// Too long to be a question.
    #[error("the query has {found} bytes; at most {MAX_QUERY_BYTES} are read")]
    TooLong {
        /// How many there are.
        found: usize,
    },
    /// Not JSON, or not this structure.
    #[error("the query cannot be read: {reason}")]
    Json {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// A file of another format, or of a later version of it.
    #[error("the query's format is {found:?}; this version reads {QUERY_FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
    /// A text with control characters or of an unfit length.
    #[error("the query's {field} must be 1 to {limit} characters on one line, found {found:?}")]
    Text {
        /// The field.
        field: &'static str,
        /// The longest allowed.
        limit: usize,
        /// What was found, shortened.
        found: String,
    },
    /// No purpose: nobody has consented to "anything".
    #[error(
        "the query states no purpose, and without one nobody's consent can count: add \"purpose\", a Data Use \
         Ontology id such as \"DUO:0000042\" (general research use)"
    )]
    NoPurpose,
    /// A purpose that is not a Data Use Ontology id.
    #[error(
        "the purpose {found:?} is not a Data Use Ontology id: write \"DUO:\" and seven digits, as in DUO:0000042; after \
         DUO:0000007 the disease's code may stand in brackets"
    )]
    Purpose {
        /// What was found.
        found: String,
    },
    /// An institution that has no name.
    #[error("the query's institution: {0}")]
    Institution(InstitutionError),
    /// No sponsor class.
    #[error(
        "the query does not say what kind of sponsor asks, and consent depends on it: add \"sponsor_class\", \
         \"academic\" or \"commercial\""
    )]
    NoSponsorClass,
    /// A field about consent.
    #[error(
        "{at} has a field \"consent\": a selection cannot ignore, waive or test consent; it is always required, and \
         follows from \"purpose\" and \"sponsor_class\" alone. Remove the field"
    )]
    Consent {
        /// The part.
        at: String,
    },
    /// A part of a selection that is not exactly one test or connective.
    #[error(
        "{at} must be one of \"all\", \"any\", \"not\", or a \"column\" with one of \"between\", \"ranges\", \"in\", \
         \"is\", \"present\"; found {found}"
    )]
    NotOneTest {
        /// The part.
        at: String,
        /// The fields found.
        found: String,
    },
    /// A list of nothing.
    #[error("{at} is empty: {fits}")]
    EmptyList {
        /// The part.
        at: String,
        /// What would fit.
        fits: &'static str,
    },
    /// A list beyond reason.
    #[error("{at} has more than {MAX_LIST} entries, the most that are read")]
    LongList {
        /// The part.
        at: String,
    },
    /// Lists that are too long together.
    #[error("the lists of the selection up to {at} have more than {MAX_ENTRIES} entries, the most that are read")]
    TooManyEntries {
        /// The part at which there are too many.
        at: String,
    },
    /// A selection nested too deeply.
    #[error("{at} is nested more than {MAX_DEPTH} deep; write the selection with fewer levels")]
    TooDeep {
        /// The part.
        at: String,
    },
    /// A selection with too many parts.
    #[error("the selection has more than {MAX_NODES} parts; use ranges and code lists instead of single tests")]
    TooLarge,
    /// A query that would not release a count.
    #[error(
        "measures.count is false: the count is part of every release, because it decides what is suppressed; leave \
         it out or set it to true"
    )]
    NoCount,
    /// Products need two factors.
    #[error("measures.sum_of_products names {found} columns: a product needs two measures, as in [\"nodes\", \"age\"]")]
    Factors {
        /// How many it names.
        found: usize,
    },
    /// A product of a column with itself.
    #[error("measures.sum_of_products multiplies {column:?} by itself: ask for \"sum_of_squares\" instead")]
    SquareAsProduct {
        /// The column.
        column: String,
    },
}
