//! The hospital's side: import, commit, prove.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod import;
pub mod pipeline;
