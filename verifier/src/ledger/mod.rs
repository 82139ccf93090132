//! The ledger's rules: what a transaction does to the state, and why it is refused.
//!
//! One pure state machine for everybody. The service applies it before it writes a block; an auditor applies it to an
//! export and needs to believe nobody; statuses, catalogues and evidence are read from the same state.

mod admit;
mod ask;
mod beacon;
mod budgets;
mod chain;
mod consents;
mod counts;
mod dry;
mod epsilon;
mod evidence;
mod leaves;
mod near;
mod parts;
mod plans;
mod refusal;
mod replay;
mod spent;
mod state;
mod status;
mod study;
mod tables;

pub use admit::{Admitted, Verification, check_signer, check_study};
pub use ask::ReleaseCheck;
pub use beacon::{Opened, Openings};
pub use budgets::Budget;
pub use chain::{ChainError, FOUNDING_FORMAT, Founding, OpenBlock, Trust, parse_block};
pub use consents::latest;
pub use dry::DryRun;
pub use epsilon::EpsilonAccount;
pub use evidence::{EvidenceError, LedgerFacts, Signed, check_evidence, check_registration};
pub use near::Reads;
pub use parts::{BundleParts, EvidenceParts};
pub use plans::{PlanSource, Plans};
pub use refusal::Refusal;
pub use replay::{Replay, Replayed};
pub use spent::EpsilonReport;
pub use state::{
    Asked, Dataset, Decision, Floor, FoundingError, Posted, PostedBatch, Question, Released, Seeds, Site, State, Study,
};
pub use status::{QueryStatus, SiteStatus};
pub use study::{
    ApprovalReport, OverdueReport, QueryReport, STUDY_REPORT_FORMAT, SiteReport, StudyError, StudyReport, UpTo,
    audit_study, begin_replay, charter_of,
};
