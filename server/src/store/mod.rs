//! The ledger's durable storage. It knows nothing of what a block means.
//!
//! - [`BlockLog`] is the one canonical copy: an append-only file of checksummed records, each chained to the one
//!   before by hash, with a sealed tip beside it that says how far the log was acknowledged.
//! - [`Index`] is what queries are answered from. It is never authoritative: whatever is wrong with it, it is
//!   deleted and filled again from the log.
//!
//! The formats are described byte by byte on the page `formats/block-log.md`.

mod error;
mod files;
mod guard;
mod index;
mod log;
mod memory;
mod open;
mod record;
mod sled_index;
mod tip;

pub use error::LogError;
pub use index::{Entry, Index, IndexError, IndexTip, Indexed};
pub use log::{BlockLog, LogReader, Records};
pub use memory::MemoryIndex;
pub use open::{Acceptance, Recovery, Truncated};
pub use record::{Flaw, HEAD_BYTES, HEADER_BYTES, MAX_RECORD_BYTES, Position};
pub use sled_index::{IndexState, SledIndex, open_index};
pub use tip::{LOG_FILE, TIP_BYTES, TIP_FILE, Tip};

/// The domain tags of this module, used nowhere else.
mod domain {
    /// The hash of a block log's header.
    pub(super) const LOG_HEADER: &str = "cohortium/log-header/1";
    /// A record's hash, over the hash before it and its content.
    pub(super) const LOG_RECORD: &str = "cohortium/log-record/1";
    /// The check of a record's head.
    pub(super) const LOG_HEAD: &str = "cohortium/log-head/1";
    /// The check of a sealed tip.
    pub(super) const LOG_TIP: &str = "cohortium/log-tip/1";
    /// What one entry adds to the check of an index's content.
    pub(super) const INDEX_ENTRY: &str = "cohortium/index-entry/1";
}
