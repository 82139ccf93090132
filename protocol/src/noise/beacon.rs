//! The beacon: two nonces that nobody chooses after seeing the other's, and that nobody knows before every site has decided.
//!
//! The sponsor commits to its nonce in the request, the board to one for each query in a tree whose root is in the approval.
//! When every named site has accepted, declined or missed its time, the sponsor opens, then the board. Both derive their
//! nonces from their member keys, so there is nothing else to keep. PROTOCOL, section 7; what is hashed stands in
//! `docs/src/formats/documents.md`.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::commit::Prf;
use crate::documents::{Approval, Nonce, Request};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::ledger::{MemberKey, MerkleError, MerkleTree, leaf_hash, verify_inclusion};

/// Leaves of a board's tree of nonces at most.
pub const MAX_NONCES: u32 = 65_536;

/// A board's commitment to its nonces, in an approval: one for each query under it, in the queries' order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NonceTree {
    /// How many there are, from 1 to [`MAX_NONCES`].
    pub leaves: u32,
    /// The RFC 6962 root over the commitments.
    pub root: Digest,
}

/// Why a nonce is not the one that was committed to, or there is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BeaconError {
    /// The request asks for no noise.
    #[error("the request asks for no noise, so it has no beacon")]
    NoNoise,
    /// Not the sponsor's.
    #[error("the nonce is not the one that the request commits to")]
    Sponsor,
    /// The approval commits to no nonces.
    #[error(
        "the approval commits to no nonces of the board, so nothing can be noised under it; the board may amend it"
    )]
    NoTree,
    /// The approval has no nonce for so many queries.
    #[error(
        "the approval commits to {leaves} nonces of the board, and this is query {sequence} under it; the board may amend it"
    )]
    Exhausted {
        /// How many there are.
        leaves: u32,
        /// The query's number under the approval, from 1.
        sequence: u64,
    },
    /// Not the board's, or not shown to be.
    #[error("the nonce is not shown to be the one that the approval commits to for query {sequence}: {source}")]
    Board {
        /// The query's number under the approval, from 1.
        sequence: u64,
        /// What is wrong.
        source: MerkleError,
    },
}

/// What both commit to: whose nonce it is, on which ledger, under what, for which query.
fn commitment(whose: &str, ledger: &str, under: &Digest, sequence: u64, nonce: &Nonce) -> Digest {
    let mut hasher = Hasher::new(domain::NONCE_COMMITMENT);
    hasher.str(whose).str(ledger).digest(under).u64(sequence).bytes(nonce.as_bytes()).finish()
}

/// The sponsor's secret nonce for a request with this ledger, approval, number and public nonce.
pub fn sponsor_nonce(key: &MemberKey, request: &Request) -> Nonce {
    let key = Zeroizing::new(*key.derive(domain::SPONSOR_NONCE).as_bytes());
    let Request { ledger, approval, sequence, sponsor_nonce, .. } = request;
    let prf = Prf::new(&key).str(ledger).bytes(approval.as_bytes()).u64(*sequence).bytes(sponsor_nonce.as_bytes());
    Nonce::from_bytes(*prf.finish())
}

/// The commitment to a sponsor's nonce, as a request states it.
pub fn sponsor_commitment(ledger: &str, approval: &Digest, sequence: u64, nonce: &Nonce) -> Digest {
    commitment("sponsor", ledger, approval, sequence, nonce)
}

/// Refuses a nonce that the request does not commit to.
pub fn check_sponsor_nonce(request: &Request, nonce: &Nonce) -> Result<(), BeaconError> {
    let laplace = request.noise.laplace().ok_or(BeaconError::NoNoise)?;
    let found = sponsor_commitment(&request.ledger, &request.approval, request.sequence, nonce);
    if found == laplace.sponsor_commitment { Ok(()) } else { Err(BeaconError::Sponsor) }
}

/// The digest of an approval as it is without its nonces, which commit to it in turn.
fn without_nonces(approval: &Approval) -> Digest {
    Approval { nonces: None, ..approval.clone() }.digest()
}

/// A board's nonces for the queries under one approval on one ledger. Secret until they are opened, one by one.
pub struct BoardNonces {
    key: Zeroizing<[u8; 32]>,
    ledger: String,
    under: Digest,
    leaves: u32,
}

impl BoardNonces {
    /// The nonces for so many queries, from 1 to [`MAX_NONCES`]. What the approval says of nonces itself is left aside, so
    /// that they can be made before its root is known, and again when one of them is to be opened.
    pub fn new(key: &MemberKey, ledger: &str, approval: &Approval, leaves: u32) -> Self {
        let key = Zeroizing::new(*key.derive(domain::BOARD_NONCE).as_bytes());
        let (under, leaves) = (without_nonces(approval), leaves.clamp(1, MAX_NONCES));
        // With the number of leaves: a longer tree of an approval that is otherwise the same shares no nonce with it.
        let prf = Prf::new(&key).str(ledger).bytes(under.as_bytes()).u64(u64::from(leaves));
        Self { key: prf.finish(), ledger: ledger.to_owned(), under, leaves }
    }

    fn nonce(&self, sequence: u64) -> Nonce {
        Nonce::from_bytes(*Prf::new(&self.key).u64(sequence).finish())
    }

    fn merkle(&self) -> MerkleTree {
        let mut tree = MerkleTree::new();
        for sequence in 1..=u64::from(self.leaves) {
            let nonce = self.nonce(sequence);
            tree.push(leaf_hash(commitment("board", &self.ledger, &self.under, sequence, &nonce).as_bytes()));
        }
        tree
    }

    /// What the approval states of them. Hashes every leaf.
    pub fn tree(&self) -> NonceTree {
        NonceTree { leaves: self.leaves, root: self.merkle().root() }
    }

    /// The nonce for the query with this number under the approval, from 1, and the path from its leaf to the root. Hashes
    /// every leaf. To be published once every site has decided and the sponsor has opened, and not before.
    pub fn open(&self, sequence: u64) -> Result<(Nonce, Vec<Digest>), BeaconError> {
        let leaves = self.leaves;
        if sequence == 0 || sequence > u64::from(leaves) {
            return Err(BeaconError::Exhausted { leaves, sequence });
        }
        let path = self.merkle().inclusion(sequence - 1, u64::from(leaves));
        Ok((self.nonce(sequence), path.map_err(|source| BeaconError::Board { sequence, source })?))
    }
}

impl std::fmt::Debug for BoardNonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoardNonces(hidden)")
    }
}

/// Whether an approval commits to a nonce for the query with this number, from 1.
pub fn nonces_for(approval: &Approval, sequence: u64) -> Result<NonceTree, BeaconError> {
    let tree = approval.nonces.ok_or(BeaconError::NoTree)?;
    if sequence == 0 || sequence > u64::from(tree.leaves) {
        return Err(BeaconError::Exhausted { leaves: tree.leaves, sequence });
    }
    Ok(tree)
}

/// Refuses a nonce that is not shown to be the one that the approval commits to for the query with this number. `path` leads
/// from its leaf to the root (RFC 9162, section 2.1.3).
pub fn check_board_nonce(
    ledger: &str,
    approval: &Approval,
    sequence: u64,
    nonce: &Nonce,
    path: &[Digest],
) -> Result<(), BeaconError> {
    let NonceTree { leaves, root } = nonces_for(approval, sequence)?;
    let leaf = leaf_hash(commitment("board", ledger, &without_nonces(approval), sequence, nonce).as_bytes());
    verify_inclusion(leaf, sequence - 1, u64::from(leaves), path, root)
        .map_err(|source| BeaconError::Board { sequence, source })
}

/// The beacon of a query: from it and a site's seed come the noise words of that site's answer, and of no other.
pub fn beacon(request: &Digest, sponsor: &Nonce, board: &Nonce) -> Digest {
    let mut hasher = Hasher::new(domain::BEACON);
    hasher.digest(request).bytes(sponsor.as_bytes()).bytes(board.as_bytes()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::fixtures::{noised_approval, noised_request};

    fn key(byte: u8) -> MemberKey {
        MemberKey::from_bytes(&[byte; 32])
    }

    #[test]
    fn the_sponsors_nonce_is_another_for_every_query() {
        let request = noised_request();
        let base = sponsor_nonce(&key(1), &request);
        let changes: [fn(&mut Request); 4] = [
            |r| r.ledger.push('x'),
            |r| r.sequence += 1,
            |r| r.approval = Digest::from_bytes([1; 32]),
            |r| r.sponsor_nonce = Nonce::from_bytes([1; 32]),
        ];
        let mut nonces = vec![base, sponsor_nonce(&key(2), &request)];
        for (place, change) in changes.into_iter().enumerate() {
            let mut other = request.clone();
            change(&mut other);
            nonces.push(sponsor_nonce(&key(1), &other));
            // The commitment is for this query too; the public nonce is no part of it.
            let refused = check_sponsor_nonce(&other, &base);
            assert_eq!(refused.is_err(), place < 3, "{place}");
        }
        check_sponsor_nonce(&request, &base).unwrap();
        assert_eq!(check_sponsor_nonce(&request, &nonces[1]), Err(BeaconError::Sponsor));
        let count = nonces.len();
        nonces.sort_by_key(|nonce| *nonce.as_bytes());
        nonces.dedup();
        assert_eq!(nonces.len(), count);
        // What others see tells nothing of it.
        assert_ne!(base, request.sponsor_nonce);
    }

    #[test]
    fn the_board_opens_one_leaf_for_one_query() {
        let (approval, ledger) = (noised_approval(&key(7)), noised_request().ledger);
        let NonceTree { leaves, .. } = approval.nonces.unwrap();
        let nonces = BoardNonces::new(&key(7), &ledger, &approval, leaves);
        assert_eq!(Some(nonces.tree()), approval.nonces);
        let (first, path) = nonces.open(1).unwrap();
        for sequence in 1..=u64::from(leaves) {
            let (nonce, path) = nonces.open(sequence).unwrap();
            check_board_nonce(&ledger, &approval, sequence, &nonce, &path).unwrap();
            let (other, elsewhere) = nonces.open(sequence % u64::from(leaves) + 1).unwrap();
            assert!(check_board_nonce(&ledger, &approval, sequence, &other, &path).is_err());
            assert!(check_board_nonce(&ledger, &approval, sequence, &nonce, &elsewhere).is_err());
        }
        let refused = |result: Result<(), BeaconError>| result.unwrap_err().to_string();
        assert!(check_board_nonce("other/00", &approval, 1, &first, &path).is_err());
        let amended = Approval { ethics_reference: "amendment 1".to_owned(), ..approval.clone() };
        assert!(check_board_nonce(&ledger, &amended, 1, &first, &path).is_err());
        assert!(refused(check_board_nonce(&ledger, &approval, 2, &first, &path)).contains("for query 2: "));
        let beyond = check_board_nonce(&ledger, &approval, u64::from(leaves) + 1, &first, &path);
        assert!(
            refused(beyond)
                .starts_with(&format!("the approval commits to {leaves} nonces of the board, and this is query "))
        );
        assert!(nonces.open(0).is_err() && nonces.open(u64::from(leaves) + 1).is_err());
        let none = Approval { nonces: None, ..approval.clone() };
        assert_eq!(check_board_nonce(&ledger, &none, 1, &first, &path), Err(BeaconError::NoTree));
        // Another board, ledger, approval or length: other nonces.
        for other in [
            BoardNonces::new(&key(8), &ledger, &approval, leaves),
            BoardNonces::new(&key(7), "other/00", &approval, leaves),
            BoardNonces::new(&key(7), &ledger, &amended, leaves),
            BoardNonces::new(&key(7), &ledger, &approval, leaves + 1),
        ] {
            assert_ne!(other.open(1).unwrap().0, first);
        }
        assert_eq!(format!("{nonces:?}"), "BoardNonces(hidden)");
    }

    #[test]
    fn commitments_and_beacon_are_pinned() {
        // Computed a second time in Python, from the formats' page.
        let (digest, nonce) = (|byte| Digest::from_bytes([byte; 32]), |byte| Nonce::from_bytes([byte; 32]));
        let found = [
            sponsor_commitment("coast-trial/00ff", &digest(1), 3, &nonce(2)),
            commitment("board", "coast-trial/00ff", &digest(1), 3, &nonce(2)),
            beacon(&digest(1), &nonce(2), &nonce(3)),
        ];
        assert_eq!(found.map(|digest| digest.to_string()), PINNED);
        assert_ne!(beacon(&digest(1), &nonce(3), &nonce(2)), found[2]);
    }

    const PINNED: [&str; 3] = [
        "948bd7c99ab673d66a00e4fc9137e44f03c25741e26d509e4d1633cc8e04df59",
        "85a5de578a36e25ba215a7a7ea80e945c973a9415a8d447259cac923e33ef8b0",
        "1c012d1544096ebc419039f099d3bccf609b3f47937c2baaf3576868808a45d7",
    ];
}
