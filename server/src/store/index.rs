//! What an index of the chain can do. It is never authoritative: whatever it holds can be made again from the log.

use cohortium_protocol::hash::Digest;
use cohortium_protocol::hash::Hasher;

use super::domain;
use super::record::Position;
use super::record::digest_at;

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// The last block of an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexTip {
    /// The block's height.
    pub height: u64,
    /// The block's hash.
    pub hash: Digest,
    /// Where the block is in the log.
    pub position: Position,
}

/// What an index has about a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Indexed {
    /// The block's hash.
    pub hash: Digest,
    /// Where the block is in the log.
    pub position: Position,
}

impl Indexed {
    pub(super) const BYTES: usize = 32 + Position::BYTES;

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..32].copy_from_slice(self.hash.as_bytes());
        bytes[32..].copy_from_slice(&self.position.to_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let mut position = [0; Position::BYTES];
        position.copy_from_slice(&bytes[32..]);
        Some(Self { hash: digest_at(bytes, 0), position: Position::from_bytes(&position) })
    }
}

/// Why an index refuses, or cannot go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IndexError {
    /// The block does not follow the last one.
    #[error("the index is at height {tip}, so the next block has the height {}, not {found}", tip + 1)]
    NotNext {
        /// The height of the last block.
        tip: u64,
        /// The height of the block that was to be put.
        found: u64,
    },
    /// The index cannot be used any more; clear it and fill it again.
    #[error("the index is damaged and has to be made again from the block log: {reason}")]
    Broken {
        /// What was found.
        reason: String,
    },
    /// The system refused a file operation, with which an index could be begun anew.
    #[error("cannot {doing} {path}: {reason}")]
    File {
        /// The file or folder.
        path: String,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        reason: String,
    },
}

/// An index of blocks, and of entries that were put with them.
///
/// Entries stay until a later block puts another value under the same key. There is one writer; readers may be many,
/// on other threads.
pub trait Index: Send + Sync {
    /// The last block.
    fn tip(&self) -> Result<Option<IndexTip>, IndexError>;

    /// Puts a block and its entries: all, or nothing, also when the process is killed. It follows the last block; an
    /// empty index takes any height. Of two entries with one key, the later counts.
    fn put(&self, height: u64, block: Indexed, entries: &[Entry]) -> Result<(), IndexError>;

    /// The block of a height.
    fn block(&self, height: u64) -> Result<Option<Indexed>, IndexError>;

    /// The value under a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError>;

    /// At most `limit` entries whose keys begin with the prefix, in the keys' order; those after `start_after` only.
    fn range(&self, prefix: &[u8], start_after: Option<&[u8]>, limit: usize) -> Result<Vec<Entry>, IndexError>;

    /// Brings what was put to the disk, if there is one. What is lost of it is put again from the log.
    fn flush(&self) -> Result<(), IndexError>;

    /// Makes the index empty, whatever state it is in.
    fn clear(&self) -> Result<(), IndexError>;
}

/// Whether a block may follow the last one.
pub(super) fn check_next(tip: Option<IndexTip>, found: u64) -> Result<(), IndexError> {
    match tip {
        // A height is never the last number there is, but a caller's mistake must not panic.
        Some(tip) if tip.height.checked_add(1) != Some(found) => Err(IndexError::NotNext { tip: tip.height, found }),
        _ => Ok(()),
    }
}

/// A check of all the content of an index, whatever the order in which it came: the exclusive or of the entries'
/// digests. It finds damage, not malice: whoever can change the index on purpose can change this too.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct ContentCheck([u8; 32]);

impl ContentCheck {
    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Adds an entry; or takes it away, if it was added before.
    pub(super) fn toggle(&mut self, key: &[u8], value: &[u8]) {
        let digest = Hasher::new(domain::INDEX_ENTRY).bytes(key).bytes(value).finish();
        for (mine, byte) in self.0.iter_mut().zip(digest.as_bytes()) {
            *mine ^= byte;
        }
    }
}
