//! Cohortium's shared vocabulary: types, canonical formats, hashes, tables, commitments, the query
//! algebra and its plans, the statements' public inputs, audit bundles, results.
//!
//! No I/O, clock, ambient randomness, async, HTTP or store in here: what needs randomness takes a
//! generator, what needs time takes a date.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bounded;
pub mod bundle;
pub mod commit;
pub mod consent;
pub mod documents;
pub mod domain;
pub mod eligibility;
pub mod estimate;
pub mod field;
pub mod hash;
pub mod ledger;
pub mod mle;
pub mod noise;
pub mod policy;
pub mod query;
pub mod results;
pub mod shape;
pub mod statement;
pub mod table;
pub mod table_proof;
pub mod text;
