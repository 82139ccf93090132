//! The block, `cohortium-block/1`: transactions in their order, under the operator's checkpoint.

use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::time::Timestamp;
use super::transaction::Transaction;
use crate::domain;
use crate::hash::{Digest, Hasher};

/// The format this code reads and writes.
pub const BLOCK_FORMAT: &str = "cohortium-block/1";

/// Transactions of a block, the block before, and what the ledger comes to with it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Always [`BLOCK_FORMAT`].
    pub format: String,
    /// From 1; height 0 is the charter.
    pub height: u64,
    /// The digest of the block before; of the first, the charter's digest.
    pub previous: Digest,
    /// When it was made: never before the block before.
    pub time: Timestamp,
    /// Transactions on the ledger, with this block's.
    pub size: u64,
    /// The RFC 6962 root over all of them.
    pub root: Digest,
    /// The digest of the ledger's state after the block.
    pub state: Digest,
    /// The transactions.
    pub transactions: Vec<Transaction>,
    /// The operator's signed checkpoint of this block.
    pub checkpoint: String,
}

impl Block {
    /// The digest: over everything but the checkpoint, which signs it. The transactions are under the root.
    pub fn digest(&self, ledger: &str) -> Digest {
        Hasher::new(domain::BLOCK)
            .str(ledger)
            .u64(self.height)
            .digest(&self.previous)
            .u64(self.time.unix())
            .u64(self.size)
            .digest(&self.root)
            .digest(&self.state)
            .u64(self.transactions.len() as u64)
            .finish()
    }

    /// The checkpoint that the operator signs.
    pub fn statement(&self, ledger: &str) -> Checkpoint {
        Checkpoint {
            origin: ledger.to_owned(),
            size: self.size,
            root: self.root,
            height: self.height,
            block: self.digest(ledger),
            time: self.time,
        }
    }
}
