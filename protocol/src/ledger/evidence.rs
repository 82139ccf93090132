//! What a bundle carries of the ledger: that its documents stand there, signed by whom, under which checkpoint.

use serde::{Deserialize, Serialize};

use super::key::Signature;
use super::merkle::MAX_PATH;
use crate::bounded;
use crate::hash::Digest;

/// A transaction's place on the ledger, and the path from it to the root. What it says is not repeated: it is
/// recomputed from the bundle's documents.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// The member who signed it.
    pub member: String,
    /// The signature.
    pub signature: Signature,
    /// Its place among all transactions, from 0.
    pub index: u64,
    /// The RFC 6962 inclusion path.
    #[serde(deserialize_with = "bounded::list::<MAX_PATH, _, _>")]
    pub path: Vec<Digest>,
}

/// Evidence that a bundle's documents are on the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEvidence {
    /// The signed checkpoint that the paths lead to.
    pub checkpoint: String,
    /// The table version.
    pub manifest: Inclusion,
    /// The consent epoch.
    pub epoch: Inclusion,
    /// The number of the policy floor, and the floor.
    pub floor_number: u32,
    /// The policy floor.
    pub floor: Inclusion,
    /// The board's approval.
    pub study: Inclusion,
    /// The sponsor's query.
    pub query: Inclusion,
    /// The site's acceptance.
    pub accept: Inclusion,
    /// The release.
    pub release: Inclusion,
    /// Where what its noise is drawn from stands; nothing without noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<NoiseEvidence>,
}

/// Evidence that a table version and a consent epoch are on the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationEvidence {
    /// The signed checkpoint that the paths lead to.
    pub checkpoint: String,
    /// The table version.
    pub manifest: Inclusion,
    /// The consent epoch.
    pub epoch: Inclusion,
}

/// Evidence that what a release's noise is drawn from is on the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseEvidence {
    /// The number of the site's tree of seeds.
    pub seeds_number: u32,
    /// The tree of seeds.
    pub seeds: Inclusion,
    /// The sponsor's nonce.
    pub sponsor_nonce: Inclusion,
    /// The board's.
    pub board_nonce: Inclusion,
}
