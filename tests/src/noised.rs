//! What members of a ledger say about answers with noise.

use cohortium_protocol::documents::{Approval, Laplace, Noise, Request};
use cohortium_protocol::ledger::{Statement, Transaction};
use cohortium_protocol::noise::{BoardNonces, sponsor_commitment, sponsor_nonce};
use cohortium_protocol::policy::{EpsilonLimits, NoiseRule, Policy};
use cohortium_protocol::query::Query;
use cohortium_verifier::ledger::State;

use crate::exchange::{BOARD, Exchange, SPONSOR, key_of};
use crate::usual_policy;

/// Limits of epsilon: of a query, a study, a table.
pub fn limits(per_query: &str, per_study: &str, per_dataset: &str) -> EpsilonLimits {
    let limit = |text: &str| Some(text.parse().unwrap());
    EpsilonLimits { per_query: limit(per_query), per_study: limit(per_study), per_dataset: limit(per_dataset) }
}

/// The usual policy with noise for those who ask for it.
pub fn noised_policy(limits: EpsilonLimits) -> Policy {
    usual_policy().with_noise(NoiseRule::Allowed, limits)
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
