//! The hospital's side: import, commit, prove.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod faults;
pub mod import;
pub mod pipeline;
#[allow(dead_code, unused_imports)] // the commands follow
mod store;

pub use store::StoreError;
