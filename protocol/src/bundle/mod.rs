//! Bundles: a release with everything that an auditor needs to check it offline.

mod context;
mod derive;
mod file;
mod noise;
mod place;
mod proof;
#[cfg(test)]
mod tests;

pub use context::{Context, PROTOCOL_VERSION};
pub use derive::{Derivation, DeriveError, cells_of_shape};
pub use file::{BUNDLE_FORMAT, Bundle, BundleError, MAX_BUNDLE_BYTES};
pub(crate) use place::place;
pub(crate) use proof::absorb_argument;

pub use noise::{NoiseError, NoiseFacts, NoiseOnLedger, SeedOpening, release_rule};
pub use proof::{
    COLUMN_OPENING, ChallengesDocument, ColumnAtPoint, MULTIPLICITY_OPENING, QueryProof, opening_context,
    query_commitments,
};
