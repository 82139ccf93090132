//! The steps of an audit, and why each can refuse.

use cohortium_keys::ProofError;
use cohortium_protocol::bundle::{DeriveError, NoiseError};
use cohortium_protocol::commit::{LayoutError, OpeningError, RegistryError};
use cohortium_protocol::documents::{ApprovalError, RequestError};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::PolicyError;
use cohortium_protocol::query::{CompileError, OfferError, PlanError};
use cohortium_protocol::statement::LengthError;

use crate::ledger::EvidenceError;

/// The steps of an audit, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The documents stand on the ledger, signed by its members. Only where the anchors name a ledger's charter.
    Ledger,
    /// Site, ledger, key and approval are the anchors'.
    Anchors,
    /// Manifest, epoch, schema and floor are the anchors' and the request's, and belong together.
    Registration,
    /// The query is one that the approval permits, and compiles to the plan that the request pins.
    Plan,
    /// The policy is the stricter of floor and approval.
    Policy,
    /// The noise is of the registered seed and of both nonces, if the request asks for noise, and else there is none.
    Noise,
    /// The released numbers have a form that the policy allows.
    Release,
    /// The columns used are the registered ones.
    Commitments,
    /// The columns have the values that the proof is about.
    Openings,
    /// The proof itself.
    Proof,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 10] = [
        Self::Ledger,
        Self::Anchors,
        Self::Registration,
        Self::Plan,
        Self::Policy,
        Self::Noise,
        Self::Release,
        Self::Commitments,
        Self::Openings,
        Self::Proof,
    ];
}

/// Why a bundle is refused: the step, and the reason in a sentence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct AuditError {
    /// Where the check stopped.
    pub step: Step,
    /// Why.
    pub reason: Reason,
}

/// Why a bundle is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
    /// The evidence of the ledger does not hold.
    #[error("the ledger's evidence: {0}")]
    Evidence(#[from] EvidenceError),
    /// A request of another ledger.
    #[error("the request is of ledger {found:?}, your anchors are for {required:?}")]
    Ledger {
        /// The request's.
        found: String,
        /// The anchors'.
        required: String,
    },
    /// A site the anchors do not name.
    #[error("your anchors do not name the site {site:?}")]
    UnknownSite {
        /// The site.
        site: String,
    },
    /// A key the anchors do not hold.
    #[error("the request names the verifying key {key}, which is not among your anchors")]
    UnknownKey {
        /// The key.
        key: Digest,
    },
    /// An approval the anchors do not name.
    #[error("the approval {approval} is not among those in force in your anchors")]
    UnknownApproval {
        /// The approval.
        approval: Digest,
    },
    /// A document that is not the anchored one.
    #[error("the bundle's {what} is {found}, your anchors name {required}")]
    NotAnchored {
        /// Which document.
        what: &'static str,
        /// What was found.
        found: Digest,
        /// What the anchors name.
        required: Digest,
    },
    /// Two parts that should agree.
    #[error("the {what} says {found:?}, but {where_else} says {required:?}")]
    Disagree {
        /// Which part.
        what: &'static str,
        /// What it says.
        found: String,
        /// Which other part.
        where_else: &'static str,
        /// What that says.
        required: String,
    },
    /// The request does not fit.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The approval does not permit it.
    #[error("the approval does not permit this query: {0}")]
    Approval(#[from] ApprovalError),
    /// The query does not compile.
    #[error("the query does not compile over this schema: {0}")]
    Compile(Box<CompileError>),
    /// Nobody can be offered by the query.
    #[error("nobody can be offered by these criteria: {0}")]
    Offer(Box<OfferError>),
    /// A key the anchors do not hold, of a file of eligibility.
    #[error("the file names the verifying key {key}, which is not among your anchors")]
    NoKey {
        /// The key.
        key: Digest,
    },
    /// Anchors that leave to the ledger what a file of eligibility has no evidence of.
    #[error(
        "your anchors leave {what} to the ledger, of which a file of eligibility bears no evidence: name in them the sites, with \
         manifest and epoch, and the approvals that are in force"
    )]
    LeftToLedger {
        /// What they do not name.
        what: &'static str,
    },
    /// The plan does not pass its checks.
    #[error("the plan does not pass its checks: {0}")]
    Plan(#[from] PlanError),
    /// There is no policy, or none that fits.
    #[error("the policy refuses this query: {0}")]
    Policy(#[from] PolicyError),
    /// Noise of something else than was committed to.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// A manifest or epoch that does not fit.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Released numbers that no honest site writes.
    #[error("group {group} shows {what}, {rule}")]
    Cells {
        /// The group, from 1.
        group: usize,
        /// What it shows.
        what: String,
        /// What is allowed.
        rule: String,
    },
    /// A commitment that does not fit.
    #[error("the commitment to {column}: {reason}")]
    Commitment {
        /// Which column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// Columns, groups or lookups other than the plan's.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// Lists of another length than the shape's.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The shape has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An opening that does not hold.
    #[error(
        "the opening of {which} was not made for this request, these documents and these values, or was changed: {source}"
    )]
    Opening {
        /// Which one.
        which: &'static str,
        /// Why.
        source: OpeningError,
    },
    /// Bytes that are not a proof.
    #[error(transparent)]
    ProofBytes(#[from] ProofError),
    /// The proof is false.
    #[error("the proof is not valid for these numbers, this plan, these tables and this policy")]
    FalseProof,
}

impl Reason {
    pub(crate) fn at(self, step: Step) -> AuditError {
        AuditError { step, reason: self }
    }
}
