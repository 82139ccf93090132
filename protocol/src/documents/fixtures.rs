//! Documents with noise, for tests.

use super::tests::{APPROVAL, request};
use super::*;
use crate::ledger::MemberKey;
use crate::noise::{BoardNonces, sponsor_commitment, sponsor_nonce};

/// The key that the sponsor of [`noised_request`] derives its nonce from.
pub(crate) fn sponsor_key() -> MemberKey {
    MemberKey::from_bytes(&[1; 32])
}

/// An approval that commits to five nonces of a board with this key.
pub(crate) fn noised_approval(board: &MemberKey) -> Approval {
    let approval = Approval::parse(APPROVAL).unwrap();
    let nonces = BoardNonces::new(board, "coast-trial/00ff", &approval, 5).tree();
    Approval { nonces: Some(nonces), ..approval }
}

/// A request for counts and a sum with noise, to two sites.
pub(crate) fn noised_request() -> Request {
    let mut request = Request { ledger: "coast-trial/00ff".to_owned(), ..request() };
    for (pin, leaf) in request.sites.iter_mut().zip([0, 7]) {
        (pin.seeds, pin.seed_leaf) = (Some(request.plan), Some(leaf));
    }
    let nonce = sponsor_nonce(&sponsor_key(), &request);
    let sponsor_commitment = sponsor_commitment(&request.ledger, &request.approval, request.sequence, &nonce);
    request.noise = Noise::Laplace(Laplace { epsilon: "count=0.1,sum=0.2".parse().unwrap(), sponsor_commitment });
    request
}
