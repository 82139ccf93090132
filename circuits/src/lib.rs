//! What is proved: the argument and its Groth16 circuit, native and gadget side by side.
//!
//! - [`transcript`]: the chain of Poseidon steps that turns messages into challenges;
//! - [`messages`]: everything that the argument's prover sends;
//! - [`prove`]: the prover, linear in rows;
//! - [`native`]: the relations `query`, `table` and `eligibility` in plain Rust;
//! - [`gadget`]: the same relations as constraints, one source with two back ends;
//! - [`seeds`]: commitments to one-time noise seeds, which the circuit opens;
//! - [`noise`]: from a seed to signed digits of noise;
//! - [`nullifier`]: an offered patient's name in one study;
//! - [`clause`]: the clauses of the relations, by name.
//!
//! The statement pages `query.md`, `table.md` and `eligibility.md` in `docs/src/statements` have the same headings.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod clause;
pub mod eq;
pub mod gadget;
pub mod messages;
pub mod native;
pub mod noise;
pub mod nullifier;
pub mod poseidon;
pub mod prove;
pub mod seeds;
pub mod transcript;

#[cfg(test)]
mod forge;
#[cfg(test)]
mod testing;
