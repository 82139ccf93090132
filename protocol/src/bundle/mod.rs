//! Bundles: a release with everything that an auditor needs to check it offline.

mod derive;
mod proof;

pub use derive::{Derivation, DeriveError};
pub use proof::{
    COLUMN_OPENING, ChallengesDocument, ColumnAtPoint, MULTIPLICITY_OPENING, QueryProof, opening_context,
    query_commitments,
};
