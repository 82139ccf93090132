//! What can be wrong with a home, an opening, a reading, a submission.

use std::path::PathBuf;

use cohortium_protocol::ledger::CharterError;
use cohortium_protocol::ledger::CheckpointError;
use cohortium_protocol::ledger::KeyFileError;
use cohortium_verifier::ledger::ChainError;
use cohortium_verifier::ledger::Refusal;

use crate::store::IndexError;
use crate::store::LogError;

/// Why a home cannot be used, or made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HomeError {
    /// The system refused a file operation.
    #[error("cannot {doing} {}: {reason}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        reason: String,
    },
    /// No home.
    #[error("there is no ledger in {}; found one with `cohortium-server found`", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// A part of a home is missing.
    #[error(
        "{} is missing from the ledger's home; no new chain is begun in place of one that is lost: bring the home back \
         from a copy",
        path.display()
    )]
    Incomplete {
        /// The file or folder.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("{} is there and not empty; a ledger is only founded where nothing is", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A path that cannot be a home.
    #[error("{} cannot be a ledger's home: name a folder inside another", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// A key file that others may read.
    #[error("{} may be read by others (its mode is {mode:03o}); make it 600: chmod 600 {}", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Not a key file.
    #[error("{}: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyFileError,
    },
    /// Not a charter.
    #[error("{}: {source}", path.display())]
    Charter {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CharterError,
    },
    /// A key of somebody else than the charter's operator.
    #[error("the key is {member:?}'s ({found}); the charter's operator is {operator:?} with the key {required}")]
    NotOperator {
        /// The key's member.
        member: String,
        /// The key.
        found: String,
        /// The charter's operator.
        operator: String,
        /// Its key.
        required: String,
    },
    /// Charter and verifying keys do not make a ledger.
    #[error("the ledger cannot be founded: {0}")]
    Founding(#[from] Box<ChainError>),
    /// The log cannot be made.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Why a ledger cannot be opened, or a log does not check out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The block log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A log without its first record.
    #[error("the block log in {} has no founding record: the founding was never finished", path.display())]
    NotFounded {
        /// The log's folder.
        path: PathBuf,
    },
    /// A record that the rules refuse.
    #[error("the block log's records are whole, but record {record} does not follow the rules: {source}")]
    Chain {
        /// The record, from 0.
        record: u64,
        /// What is wrong.
        source: Box<ChainError>,
    },
    /// The founding of another charter.
    #[error("the block log was founded by another charter than the home's")]
    OtherCharter,
    /// The first checkpoint cannot be signed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The index cannot even be made anew.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// No thread could be started.
    #[error("cannot start a thread: {reason}")]
    Thread {
        /// What the system said.
        reason: String,
    },
}

impl OpenError {
    /// Whether something was found to be wrong with the ledger itself, rather than with how it was asked for.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Home(HomeError::Incomplete { .. }) => true,
            Self::Log(error) | Self::Home(HomeError::Log(error)) => {
                !matches!(error, LogError::File { .. } | LogError::InUse { .. } | LogError::Exists { .. })
            }
            Self::NotFounded { .. } | Self::Chain { .. } | Self::OtherCharter => true,
            Self::Home(_) | Self::Checkpoint(_) | Self::Index(_) | Self::Thread { .. } => false,
        }
    }
}

/// Why something cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    /// The ledger has stopped.
    #[error("the ledger has stopped: {0}")]
    Stopped(String),
    /// The index failed; it is being made again.
    #[error("the index is being made again from the block log; ask again in a moment")]
    Index,
    /// The log failed.
    #[error("the block log cannot be read: {0}")]
    Log(#[from] LogError),
    /// A block that does not parse. It did when it was written.
    #[error("a block of the log cannot be read: {0}")]
    Block(#[from] Box<ChainError>),
}

/// Why a transaction was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubmitError {
    /// Too many are waiting.
    #[error("{waiting} are waiting already, the most that may; post again in a moment")]
    Busy {
        /// What waits.
        waiting: &'static str,
    },
    /// The ledger has stopped, or is stopping.
    #[error("the ledger takes no more transactions: {0}")]
    Stopped(String),
}

/// Why a transaction that was taken is not on the ledger.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unadmitted {
    /// A rule refuses it.
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// The service failed over it.
    #[error("the service failed while it verified the proof, and admitted nothing; its operator has to look")]
    Failed,
}
