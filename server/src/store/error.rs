//! What can be wrong with a block log.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use cohortium_protocol::hash::Digest;

use super::record::Flaw;
use super::record::MAX_RECORD_BYTES;

/// Why the block log refuses, or cannot go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LogError {
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
    /// A log was to be made where something is.
    #[error("{} is there already; a new block log is only made where nothing is", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Neither a log nor a tip is there.
    #[error("there is no block log in {}", path.display())]
    NoLog {
        /// The folder.
        path: PathBuf,
    },
    /// A tip is there, and no log, or an empty one.
    #[error(
        "{} is missing or empty, but the tip beside it says that {records} records ({bytes} bytes) were acknowledged; \
         no new chain is begun in place of one that is lost: bring the log back from a copy",
        path.display()
    )]
    LogLost {
        /// The log's file.
        path: PathBuf,
        /// How many records were acknowledged.
        records: u64,
        /// The log's length then.
        bytes: u64,
    },
    /// Another process has the log open.
    #[error("{} is in use by another process; one process at a time writes a block log", path.display())]
    InUse {
        /// The log's file.
        path: PathBuf,
    },
    /// The file does not begin as a log does.
    #[error("the header of {} (its first 80 bytes, at byte 0) is damaged: {problem}", path.display())]
    Header {
        /// The log's file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The log of another chain.
    #[error("{} belongs to the chain {found}, this is the chain {expected}", path.display())]
    OtherChain {
        /// The log's or the tip's file.
        path: PathBuf,
        /// The chain in the file.
        found: Digest,
        /// The chain asked for.
        expected: Digest,
    },
    /// A log without a tip: nobody knows how long it was.
    #[error(
        "{} is missing, so nothing says how many of the records in the log ({bytes} bytes) were acknowledged; if you \
         know by other means that the log is whole, accept it as it is, explicitly",
        path.display()
    )]
    TipMissing {
        /// The tip's file.
        path: PathBuf,
        /// The log's length.
        bytes: u64,
    },
    /// The tip is not what was written.
    #[error(
        "{} is damaged: {problem}; if you know by other means that the log is whole, accept it as it is, explicitly",
        path.display()
    )]
    TipDamaged {
        /// The tip's file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Less is there than was acknowledged.
    #[error(
        "{} has lost acknowledged records: {} records in {} bytes were acknowledged, up to the hash {}; the file has \
         {found_bytes} bytes and ends before record {number} (which begins at byte {offset}) does",
        path.display(), acknowledged.count, acknowledged.bytes, acknowledged.hash
    )]
    AcknowledgedLost {
        /// The log's file.
        path: PathBuf,
        /// What was acknowledged.
        acknowledged: super::Tip,
        /// The file's length.
        found_bytes: u64,
        /// The first record that is not there, or not whole. The first record of all has the number 0.
        number: u64,
        /// Where it begins.
        offset: u64,
    },
    /// The log is not the one that the tip speaks of.
    #[error(
        "{} is not the log that its tip was written for: after {} records the tip says byte {} and hash {}, the log \
         is at byte {offset} and hash {hash}",
        path.display(), acknowledged.count, acknowledged.bytes, acknowledged.hash
    )]
    TipDisagrees {
        /// The log's file.
        path: PathBuf,
        /// What was acknowledged.
        acknowledged: super::Tip,
        /// Where as many records end in the log.
        offset: u64,
        /// The hash of the last of them.
        hash: Digest,
    },
    /// A record is not what was written.
    #[error("record {number} of {}, which begins at byte {offset}, is damaged: {flaw}", path.display())]
    BadRecord {
        /// The log's file.
        path: PathBuf,
        /// The record's number; the first has the number 0.
        number: u64,
        /// Where it begins.
        offset: u64,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Nothing was to be appended.
    #[error("a record of the block log holds 1 to {MAX_RECORD_BYTES} bytes, this one would hold {bytes}")]
    Size {
        /// How long the record would be.
        bytes: usize,
    },
    /// A write or a sync failed before.
    #[error(
        "the block log takes no more records, because it could not be written: {reason}; what was acknowledged is \
         safe, and the log can be opened again once the cause is gone"
    )]
    Poisoned {
        /// What failed.
        reason: String,
    },
}

/// A failed file operation, in words.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path = path.to_owned();
    move |error| LogError::File { path, doing, reason: error.to_string() }
}
