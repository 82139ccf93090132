//! The ledger's data: what is hashed, chained and proved about it. No I/O.

mod merkle;

pub use merkle::{
    MAX_PATH, MerkleError, MerkleTree, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
