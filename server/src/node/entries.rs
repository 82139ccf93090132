//! What the index holds beside where each block is: each block's head, and where each transaction is.

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Block;
use cohortium_protocol::ledger::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::store::Entry;

/// What a transaction's key begins with, before its place.
const LEAF: u8 = b'l';
/// What a block's head's key begins with, before its height.
const HEAD: u8 = b'h';

/// A block without its transactions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockSummary {
    /// From 1.
    pub height: u64,
    /// The block's digest.
    pub digest: Digest,
    /// The digest of the block before.
    pub previous: Digest,
    /// When it was made.
    pub time: Timestamp,
    /// Transactions on the ledger, with this block's.
    pub size: u64,
    /// The root over all of them.
    pub root: Digest,
    /// The digest of the state after the block.
    pub state: Digest,
    /// How many transactions are in it.
    pub transactions: u64,
}

/// Where a transaction is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leaf {
    /// Its block.
    pub(super) height: u64,
    /// Its place in the block, from 0.
    pub(super) place: usize,
    /// The block's time.
    pub(super) time: Timestamp,
    /// Its id.
    pub(super) id: Digest,
}

/// The key of a transaction by its place among all.
pub(super) fn leaf_key(index: u64) -> Vec<u8> {
    key(LEAF, index)
}

/// The key of a block's head.
pub(super) fn head_key(height: u64) -> Vec<u8> {
    key(HEAD, height)
}

/// What every block's head's key begins with.
pub(super) const HEAD_PREFIX: &[u8] = &[HEAD];

fn key(prefix: u8, number: u64) -> Vec<u8> {
    [&[prefix], &number.to_be_bytes()[..]].concat()
}

/// What is put with a block.
pub(super) fn of_block(block: &Block, ledger: &str) -> Vec<Entry> {
    let first = block.size.saturating_sub(block.transactions.len() as u64);
    let head = BlockSummary {
        height: block.height,
        digest: block.digest(ledger),
        previous: block.previous,
        time: block.time,
        size: block.size,
        root: block.root,
        state: block.state,
        transactions: block.transactions.len() as u64,
    };
    let mut entries = vec![(head_key(block.height), json(&head))];
    for (place, transaction) in block.transactions.iter().enumerate() {
        let leaf = Leaf { height: block.height, place, time: block.time, id: transaction.id() };
        entries.push((leaf_key(first + place as u64), json(&leaf)));
    }
    entries
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // A structure with text keys: writing it to memory does not fail.
    serde_json::to_vec(value).unwrap_or_default()
}
