//! The ledger's rules, one by one; chains of blocks; what becomes of queries; evidence in bundles.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod answering;
mod asking;
mod budgets;
mod chain;
mod consents;
mod decoders;
mod evidence;
mod model;
mod noise;
mod noised;
mod plans;
mod policies;
mod registering;
mod rules;
mod said;
mod spent;
mod status;
mod tables;
mod vectors;
mod void;
mod world;
