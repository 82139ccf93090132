//! The one HTTP client of the ledger, for hospitals' batch jobs and research sponsors, and the sponsor's program.
//!
//! [`LedgerClient`] has a typed method for every route, and believes what it is told only for show.
//! [`TrustedLedger`] is for whatever somebody acts on: it holds a pinned charter and the last checkpoint seen, and
//! hands out only what the charter's members signed and what the operator's checkpoints include.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod answers;
mod client;
mod dataset;
mod decided;
mod error;
mod files;
pub mod key_file;
mod retry;
mod routes;
pub mod sponsor;
mod trust_error;
mod trusted;
pub mod words;

pub use answers::{
    ConsistencyAnswer, InclusionAnswer, LedgerInfo, Nonces, PlanAnswer, PlanEstimate, PlanQuestion, PlanSite, Posted,
    QueryDetail, QueryFilter, QueryList, QuerySummary, StudyDetail, StudySummary, TransactionAnswer, Worded,
};
pub use client::{LedgerClient, Settings};
pub use dataset::{BatchInfo, DatasetDetail, DatasetInfo, EpochInfo, FloorInfo};
pub use error::{ClientError, Problem};
pub use files::{FileError, Readers};
pub use retry::RetryPolicy;
pub use routes::MOST_LISTED;
pub use trust_error::TrustError;
pub use trusted::{OpenNonces, SEEN_FORMAT, Seen, TrustedLedger, VerifiedTransaction};
