//! What members of a ledger say about answers with noise.

use cohortium_circuits::seeds::commitment;
use cohortium_keys::ProvingKey;
use cohortium_protocol::bundle::{NoiseOnLedger, QueryProof};
use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::documents::{Approval, Laplace, Noise, Request};
use cohortium_protocol::field::to_bytes;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Charter, KeyPin, MerkleTree, Statement, Transaction, leaf_hash};
use cohortium_protocol::noise::{BoardNonces, sponsor_commitment, sponsor_nonce};
use cohortium_protocol::policy::{EpsilonLimits, NoiseRule, Policy};
use cohortium_protocol::query::Query;
use cohortium_prover::pipeline::{NoiseSource, Site, prepare};
use cohortium_verifier::ledger::State;
use cohortium_verifier::{Anchors, AnchorsDocument, SiteAnchor};
use rand::rngs::OsRng;
use zeroize::Zeroizing;

use crate::exchange::{BOARD, Exchange, SPONSOR, key_of};
use crate::{Hospital, approval, usual_policy};

/// Limits of epsilon: of a query, a study, a table.
pub fn limits(per_query: &str, per_study: &str, per_dataset: &str) -> EpsilonLimits {
    let limit = |text: &str| Some(text.parse().unwrap());
    EpsilonLimits { per_query: limit(per_query), per_study: limit(per_study), per_dataset: limit(per_dataset) }
}

/// The usual policy with noise for those who ask for it.
pub fn noised_policy(limits: EpsilonLimits) -> Policy {
    usual_policy().with_noise(NoiseRule::Allowed, limits)
}

/// Leaves of a hospital's tree of seeds.
pub const SEEDS: u32 = 256;

/// A hospital's seed; for tests, it follows from the site and its place.
pub fn seed(site: &str, number: u32, leaf: u32) -> [u8; 32] {
    *Digest::of_bytes(format!("seed {leaf} of tree {number} of {site}").as_bytes()).as_bytes()
}

/// A hospital's tree of seeds.
pub fn seed_tree(site: &str, number: u32) -> MerkleTree {
    let mut tree = MerkleTree::new();
    for leaf in 0..SEEDS {
        tree.push(leaf_hash(&to_bytes(&commitment(&seed(site, number, leaf)))));
    }
    tree
}

/// A ledger that nobody keeps, for a question to one hospital.
pub const ALONE: &str = "alone/00";

/// A question with noise to one hospital, whose floor has to be of the same policy, and what its noise is drawn from: as if all
/// had been opened on a ledger.
pub fn alone(
    hospital: &Hospital,
    key: &ProvingKey,
    (query, policy, epsilon): (&Query, Policy, &str),
) -> (Approval, Request, NoiseSource) {
    let (board, sponsor, site) = (key_of(BOARD), key_of(SPONSOR), hospital.name());
    let plain = approval(&query.study, hospital.manifest.table(), policy, &[]);
    let nonces = BoardNonces::new(&board, ALONE, &plain, 1);
    let approval = Approval { nonces: Some(nonces.tree()), ..plain };
    let mut request = Request { ledger: ALONE.to_owned(), ..crate::request(query, &approval, hospital, key) };
    let tree = seed_tree(site, 1);
    let pin = &mut request.sites[0];
    (pin.shape, pin.seeds, pin.seed_leaf) = (ShapeRef::to(key.verifying().shape()), Some(tree.root()), Some(0));
    let sponsor_nonce = sponsor_nonce(&sponsor, &request);
    let sponsor_commitment = sponsor_commitment(ALONE, &request.approval, 1, &sponsor_nonce);
    request.noise = Noise::Laplace(Laplace { epsilon: epsilon.parse().unwrap(), sponsor_commitment });
    let (board_nonce, board_path) = nonces.open(1).unwrap();
    let source = NoiseSource {
        seed: Zeroizing::new(seed(site, 1, 0)),
        path: tree.inclusion(0, SEEDS.into()).unwrap(),
        on_ledger: NoiseOnLedger { seeds: SEEDS, sponsor_nonce, board_nonce, board_path },
    };
    (approval, request, source)
}

impl<'a> Exchange<'a> {
    /// The usual charter, with a key of the shape with noise too.
    pub fn with_noise(key: &'a ProvingKey, noise_key: &'a ProvingKey, change: impl FnOnce(&mut Charter)) -> Self {
        let verifying = noise_key.verifying();
        let mut exchange = Self::with(key, |charter| {
            charter.verifying_keys.push(KeyPin { shape: verifying.shape().name.to_owned(), id: verifying.id() });
            change(charter);
        });
        exchange.noise_key = Some(noise_key);
        exchange
    }

    /// What a hospital draws its noise from, once both nonces are open; its tree is the first one.
    pub fn noise_source(&self, state: &State, site: &str, request: &Request) -> NoiseSource {
        let leaf = request.site(site).unwrap().seed_leaf.unwrap();
        let on_ledger = state.bundle_parts(site, &request.digest()).unwrap().noise().cloned().unwrap();
        let path = seed_tree(site, 1).inclusion(leaf.into(), SEEDS.into()).unwrap();
        NoiseSource { seed: Zeroizing::new(seed(site, 1, leaf)), path, on_ledger }
    }

    /// A hospital's proof under noise: it has passed the hospital's own audit.
    pub fn prove_noised(&self, state: &State, site: &str, request: &Request, approval: &Approval) -> QueryProof {
        let hospital = self.hospital(site);
        let registered =
            Site { floor: &state.sites()[site].floor.as_ref().unwrap().document.policy, ..hospital.site() };
        let prepared = prepare(request, approval, &registered, Some(self.noise_source(state, site, request))).unwrap();
        let anchors = Anchors::check(AnchorsDocument {
            sites: vec![SiteAnchor { policy_floor: registered.floor.digest(), ..hospital.anchor() }],
            approvals: vec![approval.digest()],
            charter: None,
            ..self.anchors_document()
        });
        prepared.prove(self.noise_key.unwrap(), &anchors.unwrap(), &mut OsRng, &mut |_, _| ()).unwrap().proof
    }
}

impl Exchange<'_> {
    /// An approval with the board's commitment to its nonces for so many queries.
    pub fn with_nonces(&self, approval: &Approval, leaves: u32) -> Approval {
        let nonces = BoardNonces::new(&key_of(BOARD), &self.charter.ledger(), approval, leaves);
        Approval { nonces: Some(nonces.tree()), ..approval.clone() }
    }

    /// A request with noise as a sponsor makes it from a state: "count=0.1,sum=0.2".
    pub fn noised(&self, state: &State, query: &Query, approval: &Approval, sites: &[&str], epsilon: &str) -> Request {
        let mut request = self.request(state, query, approval, sites);
        for pin in &mut request.sites {
            let verifying = self.noise_key.unwrap().verifying();
            (pin.shape, pin.verifying_key) = (ShapeRef::to(verifying.shape()), verifying.id());
            pin.seed_leaf = state.sites()[&pin.site].next_leaf().map(|leaf| u32::try_from(leaf).unwrap());
        }
        let nonce = sponsor_nonce(&key_of(SPONSOR), &request);
        let sponsor_commitment = sponsor_commitment(&request.ledger, &request.approval, request.sequence, &nonce);
        request.noise = Noise::Laplace(Laplace { epsilon: epsilon.parse().unwrap(), sponsor_commitment });
        request
    }

    /// The sponsor's nonce.
    pub fn sponsor_opens(&self, request: &Request) -> Transaction {
        let nonce = sponsor_nonce(&key_of(SPONSOR), request);
        self.sign(SPONSOR, Statement::SponsorNonce { request: request.digest(), nonce })
    }

    /// The board's nonce for a query under an approval; the last one for a query beyond them.
    pub fn board_opens(&self, request: &Request, approval: &Approval) -> Transaction {
        let leaves = approval.nonces.unwrap().leaves;
        let nonces = BoardNonces::new(&key_of(BOARD), &self.charter.ledger(), approval, leaves);
        let (nonce, path) = nonces.open(request.sequence.min(u64::from(leaves))).unwrap();
        self.sign(BOARD, Statement::BoardNonce { request: request.digest(), nonce, path })
    }
}
