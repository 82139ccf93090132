//! The index's twin in memory: for tests, and for whoever wants no files.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::PoisonError;
use std::sync::RwLock;

use super::index::Entry;
use super::index::Index;
use super::index::IndexError;
use super::index::IndexTip;
use super::index::Indexed;
use super::index::check_next;

#[derive(Default, Debug)]
struct Content {
    tip: Option<IndexTip>,
    blocks: BTreeMap<u64, Indexed>,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// An index that is gone with the process.
#[derive(Default, Debug)]
pub struct MemoryIndex {
    // A panic of another thread leaves the content whole: each change is a plain insertion.
    content: RwLock<Content>,
}

impl MemoryIndex {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn read<T>(&self, look: impl FnOnce(&Content) -> T) -> T {
        look(&self.content.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Index for MemoryIndex {
    fn tip(&self) -> Result<Option<IndexTip>, IndexError> {
        Ok(self.read(|content| content.tip))
    }

    fn put(&self, height: u64, block: Indexed, entries: &[Entry]) -> Result<(), IndexError> {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        check_next(content.tip, height)?;
        content.entries.extend(entries.iter().cloned());
        content.blocks.insert(height, block);
        content.tip = Some(IndexTip { height, hash: block.hash, position: block.position });
        Ok(())
    }

    fn block(&self, height: u64) -> Result<Option<Indexed>, IndexError> {
        Ok(self.read(|content| content.blocks.get(&height).copied()))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self.read(|content| content.entries.get(key).cloned()))
    }

    fn range(&self, prefix: &[u8], start_after: Option<&[u8]>, limit: usize) -> Result<Vec<Entry>, IndexError> {
        let from = match start_after {
            Some(key) if key >= prefix => Bound::Excluded(key),
            _ => Bound::Included(prefix),
        };
        Ok(self.read(|content| {
            let entries = content.entries.range::<[u8], _>((from, Bound::Unbounded));
            let entries = entries.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
            entries.map(|(key, value)| (key.clone(), value.clone())).collect()
        }))
    }

    fn flush(&self) -> Result<(), IndexError> {
        Ok(())
    }

    fn clear(&self) -> Result<(), IndexError> {
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = Content::default();
        Ok(())
    }
}
