//! Proving and verifying keys: ids, checked loading, development keys.
//!
//! The verifying half builds without circuits and without anything of the prover's; the proving half is
//! behind the feature `prove`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod proof;
mod verifying;

#[cfg(feature = "prove")]
mod cache;
#[cfg(feature = "prove")]
mod matrices_file;
#[cfg(feature = "prove")]
mod proving;
#[cfg(feature = "prove")]
mod qap;

pub use proof::{Proof, ProofError};
pub use verifying::{KeyKind, VerifyingKey, VerifyingKeyDocument, VerifyingKeyError};

#[cfg(feature = "prove")]
pub use cache::{CacheError, KeyCache, KeyProgress, read_verifying};
#[cfg(feature = "prove")]
pub use proving::{ProveError, ProvingKey};
#[cfg(feature = "prove")]
pub use qap::OddCoset;
