//! Why a request is not answered, nothing is proved about a table, or nobody is offered.

use cohortium_keys::ProveError;
use cohortium_protocol::bundle::{DeriveError, NoiseError};
use cohortium_protocol::commit::{ColumnError, LayoutError, OpeningError};
use cohortium_protocol::documents::{ApprovalError, RequestError};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::PolicyError;
use cohortium_protocol::query::{ColumnsError, CompileError, OfferError, PlanError};
use cohortium_protocol::statement::LengthError;
use cohortium_protocol::table_proof::TableDeriveError;
use cohortium_verifier::{AuditError, TableError};

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The request does not fit this site's data.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The approval does not permit the query.
    #[error("the approval does not permit this query: {0}")]
    Approval(#[from] ApprovalError),
    /// The query does not compile.
    #[error(transparent)]
    Compile(Box<CompileError>),
    /// The plan does not pass its checks.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The policy refuses.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// What the noise would be drawn from is not what was committed to.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// Noise, and nothing to draw it from.
    #[error(
        "the request asks for noise, and its noise is drawn from nonces that sponsor and board open on the ledger when every site has decided; there is no answer before that"
    )]
    NoBeacon,
    /// A source of noise, and no noise.
    #[error("the request asks for no noise, so there is nothing to draw it from")]
    NotNoised,
    /// One of the numbers that the seed gives is among the few that have no reading.
    #[error(
        "the seed gives a number that has no reading, as one of 2^51 seeds does, so this query has no answer; ask again"
    )]
    NoReading,
    /// The plan does not fit the table.
    #[error(transparent)]
    Columns(#[from] ColumnsError),
    /// A column that the site does not hold.
    #[error("the site holds no committed column {column}")]
    Missing {
        /// Which one.
        column: String,
    },
    /// A query-time column could not be committed.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// The shape has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An opening could not be made.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// Public inputs could not be derived.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// Lists of other lengths than the shape's.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The key is not the one that the request names.
    #[error("the request names the verifying key {required}, the key at hand is {found}")]
    Key {
        /// The request's.
        required: Digest,
        /// The key's.
        found: Digest,
    },
    /// Nobody can be offered by the query.
    #[error("nobody can be offered by these criteria: {0}")]
    Offer(#[from] Box<OfferError>),
    /// A table of a shape that has no shape of offers.
    #[error("tables of shape {shape} have no shape of offers")]
    NoOfferShape {
        /// The table's shape.
        shape: &'static str,
    },
    /// Nobody with the patient's tag is in the table.
    #[error("no patient of this identifier is in the active version of the table; nothing left, nothing was charged")]
    NotInTable,
    /// The patient does not consent.
    #[error(
        "this patient does not consent to {consent} in the newest consent epoch; nothing left, nothing was charged"
    )]
    NoConsent {
        /// Purpose and sponsor class.
        consent: String,
    },
    /// The patient does not meet the criteria.
    #[error("this patient consents but does not meet the criteria; nothing left, nothing was charged")]
    NotEligible,
    /// The proof could not be made.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The statement is not satisfied by the data: a fault of the site's data, or of this program.
    #[error(
        "the proof's constraints are not satisfied by this table: a committed column differs from the table, or a \
         value is beyond its domain; nothing was released"
    )]
    Unsatisfied,
    /// Tags that are not unique.
    #[error(
        "two rows of this table bear the same tag, so there is a patient in it twice and nothing can be proved of its tags; \
         import it again without the second row"
    )]
    EqualTags,
    /// Nothing is proved about tables of this shape.
    #[error("nothing is proved about whole tables of shape {shape}")]
    NoTableShape {
        /// The tables'.
        shape: &'static str,
    },
    /// A key for another shape.
    #[error("the proof needs a key for shape {required}, the key at hand is for {found}")]
    KeyShape {
        /// What is needed.
        required: &'static str,
        /// The key's.
        found: &'static str,
    },
    /// Public inputs of a proof about a table could not be derived.
    #[error(transparent)]
    DeriveTable(#[from] TableDeriveError),
    /// The proof about a table does not pass anybody's check.
    #[error("the finished proof does not pass its check, so it is not kept: {0}")]
    TableCheck(#[from] Box<TableError>),
    /// The bundle does not pass the auditor's own check.
    #[error("the finished bundle does not pass the audit, so it is not released: {0}")]
    SelfCheck(#[from] Box<AuditError>),
}

impl From<CompileError> for PipelineError {
    fn from(error: CompileError) -> Self {
        Self::Compile(Box::new(error))
    }
}
