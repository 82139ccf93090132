//! Why what a service says is not believed.

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{CheckpointError, MerkleError, TransactionError};
use cohortium_protocol::noise::BeaconError;

use crate::error::ClientError;

/// Why what a service says is not believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TrustError {
    /// There is no answer, or none that can be read.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A nonce that is not the one that was committed to.
    #[error(transparent)]
    Nonce(#[from] BeaconError),
    /// The pinned charter names no operator. A checked charter does.
    #[error("your charter names no operator")]
    NoOperator,
    /// The last checkpoint seen is not one.
    #[error("what was kept of the last checkpoint seen cannot be used: {reason}")]
    Seen {
        /// What is wrong.
        reason: String,
    },
    /// A checkpoint that is not this ledger's.
    #[error("the ledger's checkpoint is not believed: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint that contradicts itself.
    #[error("the ledger's checkpoint of {size} transactions contradicts itself: {reason}")]
    Contradiction {
        /// Its size.
        size: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// Two histories under one operator's signature, as far as the ledger shows.
    #[error(
        "split view: the ledger's checkpoint of {new} transactions is not shown to be of the same history as the one of {old} \
         transactions seen before, and its operator signed both: {reason}. Keep both, and show them to the other members"
    )]
    SplitView {
        /// Transactions under the one seen before.
        old: u64,
        /// Transactions under the one shown now.
        new: u64,
        /// What shows it.
        reason: String,
        /// Both signed notes: the evidence.
        notes: Box<[String; 2]>,
    },
    /// A ledger that lost transactions.
    #[error(
        "the ledger shows {new} transactions, but {old} were seen before, under its operator's signature: a ledger never \
         shrinks. It was set back, or shows an old copy"
    )]
    Shrunk {
        /// Transactions seen before.
        old: u64,
        /// Transactions shown now.
        new: u64,
    },
    /// Another transaction than was asked for.
    #[error("asked for the transaction {asked}, the ledger gives {found}")]
    OtherTransaction {
        /// The one asked for.
        asked: Digest,
        /// The one given.
        found: Digest,
    },
    /// Another thing than was asked for.
    #[error("asked for the {what} {asked}, the ledger gives {found}")]
    OtherContent {
        /// Which kind of thing.
        what: &'static str,
        /// What was asked for.
        asked: Digest,
        /// What was given.
        found: String,
    },
    /// A site that may still decide, as far as it is shown.
    #[error("{site} is not shown to have decided about the request {request}: {found}. No nonce is opened before")]
    Undecided {
        /// The site.
        site: String,
        /// The request.
        request: Digest,
        /// What was found in the place of a decision.
        found: String,
    },
    /// A transaction of another ledger.
    #[error("the transaction is for the ledger {found:?}; your charter's is {required:?}")]
    OtherLedger {
        /// The transaction's.
        found: String,
        /// The pinned one.
        required: String,
    },
    /// Somebody whom the charter does not name.
    #[error("the transaction is signed by {member:?}, whom your charter does not name")]
    UnknownMember {
        /// The name.
        member: String,
    },
    /// Somebody whose business it is not.
    #[error("the transaction is a {kind} signed by {member:?}, a {role}; it is for a {required} to sign")]
    Role {
        /// The kind of statement.
        kind: &'static str,
        /// Who signed.
        member: String,
        /// What the charter says they are.
        role: &'static str,
        /// Whose business it is.
        required: &'static str,
    },
    /// A form or a signature that does not hold.
    #[error("the transaction is not believed: {0}")]
    Transaction(#[from] TransactionError),
    /// Not under the checkpoint.
    #[error("the transaction {id} is not shown to be on the ledger: {source}")]
    Inclusion {
        /// The transaction.
        id: Digest,
        /// What is wrong.
        source: MerkleError,
    },
}

impl TrustError {
    /// Whether the same again may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Client(error) if error.is_retryable())
    }

    /// Whether the service said something that is false, and not just nothing.
    pub fn is_false(&self) -> bool {
        !matches!(self, Self::Client(_) | Self::NoOperator | Self::Seen { .. })
    }
}
