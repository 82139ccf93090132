//! The hospital's side: import, commit, prove.
//!
//! [`import`] reads a hospital's files; the store keeps what a site has, whole or not at all; [`pipeline`] makes
//! a verified bundle of a request; [`cli`] is the program `cohortium-prover`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
mod commands;
pub mod faults;
pub mod import;
pub mod pipeline;
mod store;

pub use store::StoreError;
