//! The ledger service: a node that keeps one ledger, and the HTTP interface to it.
//!
//! - [`store`] is the durable storage: the block log and its index. It knows nothing of what a block means.
//! - [`node`] keeps the ledger: it opens and replays the log, admits transactions by the rules that an auditor applies
//!   again (`cohortium_verifier::ledger`), and acknowledges what is durable.
//! - [`http`] serves it under `/v1`, with an OpenAPI description.
//! - [`cli`] is the operator's program, `cohortium-server`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod faults;
pub mod http;
pub mod metrics;
pub mod node;
pub mod store;
