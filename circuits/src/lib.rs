//! What is proved: the argument and its Groth16 circuit, native and gadget side by side.
//!
//! - [`transcript`]: the chain of Poseidon steps that turns messages into challenges;
//! - [`messages`]: everything that the argument's prover sends;
//! - [`prove`]: the prover, linear in rows;
//! - [`native`]: the relations `query` and `table` in plain Rust;
//! - [`gadget`]: the same relations as constraints, one source with two back ends;
//! - [`seeds`]: commitments to one-time noise seeds, which the circuit opens;
//! - [`noise`]: from a seed to signed digits of noise;
//! - [`clause`]: the clauses of the relations, by name.
//!
//! The statement pages `docs/src/statements/query.md` and `table.md` have the same headings.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod clause;
pub mod eq;
pub mod gadget;
pub mod messages;
pub mod native;
pub mod noise;
pub mod poseidon;
pub mod prove;
pub mod seeds;
pub mod transcript;

#[cfg(test)]
mod forge;
#[cfg(test)]
mod testing;
