//! The ledger: members, signed statements, blocks, checkpoints, and what a bundle carries of them.
//!
//! Pure types and mathematics. The rules by which a statement is admitted are with the auditor (`verifier`), who
//! applies them again; the service (`server`) keeps the blocks.

mod block;
mod charter;
mod checkpoint;
mod consents;
mod evidence;
mod key;
mod key_file;
mod merkle;
mod statement;
mod time;
mod transaction;

pub use block::{BLOCK_FORMAT, Block};
pub use charter::{
    CHARTER_FORMAT, Charter, CharterError, ConsentRules, KeyPin, MAX_BATCH_LEAVES, MAX_CHARTER_BYTES, MAX_MEMBERS,
    Member, Role,
};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use consents::{Batch, batch_tree, events_root, intake_leaves};
pub use evidence::{Inclusion, LedgerEvidence, NoiseEvidence, RegistrationEvidence};
pub use key::{KeyError, MemberKey, PublicKey, Signature};
pub use key_file::{KeyFileError, MEMBER_KEY_FORMAT};
pub use merkle::{
    MAX_PATH, MerkleError, MerkleTree, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
pub use statement::{MAX_REASON, Statement, StatementContent, StatementError};
pub use time::{Timestamp, TimestampError};
pub use transaction::{
    MAX_TRANSACTION_BYTES, TRANSACTION_FORMAT, Transaction, TransactionError, leaf_bytes, transaction_id,
};
