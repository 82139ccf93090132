//! Proofs about whole tables: that a version's tags are unique, that an epoch's flags are 0 or 1 (statement page *Table*).
//!
//! A proof names what it is about by digests; what it is verified against is the registered document itself.

mod derive;
mod file;
mod subject;

pub use derive::{TableDerivation, TableDeriveError};
pub use file::{
    MAX_TABLE_PROOF_BYTES, TABLE_PROOF_FORMAT, TableChallengesDocument, TableKind, TableProof, TableProofError,
};
pub use subject::{TableContext, TableSubject};
