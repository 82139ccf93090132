//! Batches of consent events: what a site posts of its patients' choices, and the root that an epoch names.
//!
//! A batch is the root of a whole binary tree whose leaves are salted hashes of events and, where there are fewer events,
//! random dummies. Its size does not depend on how many events there are, so that nobody learns from the ledger who
//! consents, or when somebody revoked.

use serde::{Deserialize, Serialize};

use super::charter::{ConsentRules, MAX_BATCH_LEAVES};
use super::merkle::{MerkleTree, leaf_hash};
use super::statement::StatementContent;
use crate::hash::Digest;

/// A batch as it stands on the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Counts the site's batches, from 1.
    pub number: u32,
    /// Leaves of its tree.
    pub leaves: u32,
    /// The tree's root.
    pub root: Digest,
}

impl Batch {
    /// What a site says with it.
    pub const fn content(&self) -> StatementContent<'static> {
        StatementContent::Consents(*self)
    }
}

/// The tree over a batch's leaves.
pub fn batch_tree(leaves: impl IntoIterator<Item = Digest>) -> MerkleTree {
    let mut tree = MerkleTree::new();
    for leaf in leaves {
        tree.push(leaf_hash(leaf.as_bytes()));
    }
    tree
}

/// The root over a site's batches, in order from the first: the Merkle tree hash of RFC 9162 over the digests of their
/// statements.
pub fn events_root<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> Digest {
    batch_tree(batches.into_iter().map(|batch| batch.content().digest())).root()
}

/// Leaves of a batch that takes in many events at once, such as those of a table's first import: one for every row,
/// however many events there are, and more than a batch of the interval has.
pub fn intake_leaves(rows: usize, rules: &ConsentRules) -> u32 {
    let rows = u32::try_from(rows).unwrap_or(u32::MAX).clamp(1, MAX_BATCH_LEAVES);
    rows.next_power_of_two().max(rules.batch_leaves.saturating_mul(2)).min(MAX_BATCH_LEAVES)
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{empty_root, verify_inclusion};
    use super::*;

    #[test]
    fn events_are_leaves_of_batches_and_batches_of_the_root() {
        let leaf = |i: u8| Digest::from_bytes([i; 32]);
        let tree = batch_tree((0..8).map(leaf));
        for i in 0..8u8 {
            let path = tree.inclusion(i.into(), 8).unwrap();
            verify_inclusion(leaf_hash(leaf(i).as_bytes()), i.into(), 8, &path, tree.root()).unwrap();
            // What is hashed is the leaf's content, not a node: a batch's inner node is no event.
            assert!(verify_inclusion(leaf(i), i.into(), 8, &path, tree.root()).is_err());
        }
        let one = Batch { number: 1, leaves: 8, root: tree.root() };
        let two = Batch { number: 2, ..one };
        assert_eq!(events_root([]), empty_root());
        let roots = [
            events_root([&one]),
            events_root([&two]),
            events_root([&one, &two]),
            events_root([&two, &one]),
            events_root([&Batch { leaves: 16, ..one }]),
            empty_root(),
        ];
        let distinct: std::collections::BTreeSet<_> = roots.iter().collect();
        assert_eq!(distinct.len(), roots.len());
    }

    #[test]
    fn an_intake_has_a_leaf_for_every_row_and_is_never_as_small_as_a_batch_of_the_interval() {
        let rules = ConsentRules::USUAL;
        for (rows, leaves) in [(0, 128), (1, 128), (64, 128), (129, 256), (2_982, 4_096), (1_048_064, 1 << 20)] {
            assert_eq!(intake_leaves(rows, &rules), leaves);
        }
        let largest = ConsentRules { batch_leaves: MAX_BATCH_LEAVES, ..rules };
        assert_eq!(intake_leaves(usize::MAX, &largest), MAX_BATCH_LEAVES);
    }
}
