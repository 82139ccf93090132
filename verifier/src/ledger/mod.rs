//! The ledger's rules: what a transaction does to the state, and why it is refused.
//!
//! One pure state machine for everybody. The service applies it before it writes a block; an auditor applies it to an
//! export and needs to believe nobody; statuses, catalogues and evidence are read from the same state.

mod admit;
mod ask;
mod chain;
mod evidence;
mod refusal;
mod state;
mod status;

pub use admit::{Admitted, Verification};
pub use ask::ReleaseCheck;
pub use chain::{ChainError, FOUNDING_FORMAT, Founding, OpenBlock, Trust, parse_block};
pub use evidence::{EvidenceError, LedgerFacts, Signed, check_evidence};
pub use refusal::Refusal;
pub use state::{Asked, Dataset, Decision, Floor, FoundingError, Posted, Question, Released, Seeds, Site, State, Study};
pub use status::{QueryStatus, SiteStatus};
