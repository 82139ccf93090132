//! What a bundle says of its noise: the seed's place in the registered tree, and both nonces of the beacon.

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::documents::{Approval, Noise, Nonce, Request, RequestError};
use crate::field::{F, serde_hex, to_bytes};
use crate::hash::{Digest, Hasher};
use crate::ledger::{MerkleError, leaf_hash, verify_inclusion};
use crate::noise::{BeaconError, beacon, check_board_nonce, check_sponsor_nonce};
use crate::policy::{NoisedParams, Rule};
use crate::shape::Shape;
use crate::statement::{NoiseInputs, ReleaseRule};

/// No tree of seeds or nonces is higher.
const MAX_PATH: usize = 64;

/// A leaf of a tree of seeds: part of the proof of a release under noise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedOpening {
    /// The commitment to the seed.
    #[serde(with = "serde_hex")]
    pub commitment: F,
    /// The RFC 6962 path from the leaf to the root.
    #[serde(deserialize_with = "bounded::list::<MAX_PATH, _, _>")]
    pub path: Vec<Digest>,
}

impl SeedOpening {
    pub(super) fn absorb(&self, hasher: &mut Hasher) {
        hasher.str("seed").bytes(&to_bytes(&self.commitment)).u64(self.path.len() as u64);
        for node in &self.path {
            hasher.digest(node);
        }
    }
}

/// What a bundle under noise repeats of the ledger: nothing in it is the site's to choose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseOnLedger {
    /// Leaves of the site's tree of seeds.
    pub seeds: u32,
    /// The nonce that the sponsor opened.
    pub sponsor_nonce: Nonce,
    /// The nonce that the board opened.
    pub board_nonce: Nonce,
    /// The RFC 6962 path from the board's nonce to the root in the approval.
    #[serde(deserialize_with = "bounded::list::<MAX_PATH, _, _>")]
    pub board_path: Vec<Digest>,
}

/// Why a release is not under the noise that its request asks for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoiseError {
    /// Noise on one side only.
    #[error("the request asks for {asked}, and the {part} {}", if *.found { "has noise" } else { "has none" })]
    Apart {
        /// "noise" or "no noise".
        asked: &'static str,
        /// Which part disagrees.
        part: &'static str,
        /// What it has.
        found: bool,
    },
    /// The request does not pin it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The seed is not the pinned leaf.
    #[error("the seed is not shown to be leaf {leaf} of the {leaves} of the registered tree: {source}")]
    Seed {
        /// The pinned leaf.
        leaf: u32,
        /// How many there are.
        leaves: u32,
        /// What is wrong.
        source: MerkleError,
    },
    /// A nonce is not the one that was committed to.
    #[error(transparent)]
    Beacon(#[from] BeaconError),
}

/// What a release's noise is drawn from, checked: a seed that was registered before the query, at the leaf that the query
/// pins, and a beacon of nonces that both were committed to. Only [`NoiseFacts::check`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoiseFacts {
    leaves: u32,
    leaf: u32,
    seed: F,
    beacon: Digest,
}

impl NoiseFacts {
    /// Checks what a release says of its noise; nothing where the request asks for none and there is none.
    ///
    /// # Errors
    /// Noise on one side only; a seed that is not the pinned leaf of the pinned tree; nonces that are not those that the
    /// request and the approval commit to.
    pub fn check(
        request: &Request,
        approval: &Approval,
        site: &str,
        shape: &Shape,
        on_ledger: Option<&NoiseOnLedger>,
        opening: Option<&SeedOpening>,
    ) -> Result<Option<Self>, NoiseError> {
        let asked = request.noise.laplace().is_some();
        let parts = [("shape", shape.noise.is_some()), ("bundle", on_ledger.is_some()), ("proof", opening.is_some())];
        if let Some((part, found)) = parts.into_iter().find(|(_, found)| *found != asked) {
            return Err(NoiseError::Apart { asked: if asked { "noise" } else { "no noise" }, part, found });
        }
        let (Noise::Laplace(_), Some(on_ledger), Some(opening)) = (&request.noise, on_ledger, opening) else {
            return Ok(None);
        };
        let NoiseOnLedger { seeds, sponsor_nonce, board_nonce, board_path } = on_ledger;
        let pin = request.site(site)?;
        // A checked request pins both.
        let unpinned = RequestError::SeedLeaf { site: site.to_owned(), rule: "it pins no leaf of a seed tree" };
        let (Some(root), Some(leaf)) = (pin.seeds, pin.seed_leaf) else { return Err(unpinned.into()) };
        let leaves = *seeds;
        verify_inclusion(leaf_hash(&to_bytes(&opening.commitment)), leaf.into(), leaves.into(), &opening.path, root)
            .map_err(|source| NoiseError::Seed { leaf, leaves, source })?;
        check_sponsor_nonce(request, sponsor_nonce)?;
        check_board_nonce(&request.ledger, approval, request.sequence, board_nonce, board_path)?;
        let beacon = beacon(&request.digest(), sponsor_nonce, board_nonce);
        Ok(Some(Self { leaves, leaf, seed: opening.commitment, beacon }))
    }

    /// The commitment to the seed.
    pub const fn seed(&self) -> F {
        self.seed
    }

    /// The beacon.
    pub const fn beacon(&self) -> Digest {
        self.beacon
    }

    /// Feeds everything into a context's digest.
    pub(super) fn absorb(&self, hasher: &mut Hasher) {
        hasher.u64(u64::from(self.leaves)).u64(u64::from(self.leaf)).bytes(&to_bytes(&self.seed)).digest(&self.beacon);
    }

    fn inputs(&self, params: NoisedParams) -> ReleaseRule {
        ReleaseRule::Noised(Box::new(NoiseInputs { params, seed: self.seed, beacon: self.beacon }))
    }
}

/// The rule as the circuit takes it: with what its noise is drawn from, if it has noise. Nothing if one has and the other has
/// not.
pub fn release_rule(rule: &Rule, noise: Option<&NoiseFacts>) -> Option<ReleaseRule> {
    match (rule, noise) {
        (Rule::Exact(params), None) => Some((*params).into()),
        (Rule::Noised(params), Some(facts)) => Some(facts.inputs(params.as_ref().clone())),
        _ => None,
    }
}
