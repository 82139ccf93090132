//! The index in sled.
//!
//! sled opens damaged files without a word, with less in them or with nothing; or it panics. So whenever an index is
//! opened, all its content is read and held against a check that was put with the last block, and its last block against the
//! log. What does not pass is deleted and made again.

use std::fs;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::RwLock;

use super::BlockLog;
use super::guard::guarded;
use super::index::ContentCheck;
use super::index::Entry;
use super::index::Index;
use super::index::IndexError;
use super::index::IndexTip;
use super::index::Indexed;
use super::index::check_next;
use super::record::digest_at;
use super::record::u64_at;
use crate::faults::Stage;

/// The key of the last block and the check.
const TIP_KEY: &[u8] = b"t";
/// What a block's key begins with, before the height.
const BLOCK_PREFIX: u8 = b'b';
/// What an entry's key begins with.
const ENTRY_PREFIX: u8 = b'e';
/// Height, block, check.
const TIP_BYTES: usize = 8 + Indexed::BYTES + 32;
/// sled takes a gigabyte unless told.
const CACHE_BYTES: u64 = 64 << 20;

/// What became of an index when it was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IndexState {
    /// It is where the log is.
    Current,
    /// It ends at this block of the log; those after it have to be put.
    Behind(IndexTip),
    /// It was made anew and is empty: all blocks of the log have to be put.
    Rebuilt {
        /// Why what was there could not be kept.
        reason: String,
    },
}

/// Opens the index in a folder beside a log, or makes it anew, whatever is there.
pub fn open_index(folder: &Path, log: &BlockLog) -> Result<(SledIndex, IndexState), IndexError> {
    let reason = match SledIndex::open(folder) {
        Ok(index) => match judge(&index, log) {
            Ok(state) => return Ok((index, state)),
            Err(reason) => reason,
        },
        Err(reason) => reason,
    };
    let index = SledIndex::anew(folder)?;
    Ok((index, IndexState::Rebuilt { reason }))
}

/// Holds the index's last block against the log.
fn judge(index: &SledIndex, log: &BlockLog) -> Result<IndexState, String> {
    match (index.state().tip, log.last()) {
        (None, None) => Ok(IndexState::Current),
        (None, Some(_)) => Err("it is empty, and the block log is not".into()),
        (Some(tip), Some(last)) if tip.position == last => Ok(IndexState::Current),
        (Some(tip), last) => {
            let number = tip.position.number;
            if last.is_none_or(|last| last.number <= number) {
                return Err(format!("its last block is record {number}, which the block log does not have"));
            }
            // A record's hash stands for all that is before it.
            log.reader().head(&tip.position).map_err(|error| format!("it is of another block log: {error}"))?;
            Ok(IndexState::Behind(tip))
        }
    }
}

/// The index in sled's files.
#[derive(Debug)]
pub struct SledIndex {
    folder: PathBuf,
    /// Nothing after sled failed: what it would answer then is anybody's guess.
    db: RwLock<Result<sled::Db, String>>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Default, Debug)]
struct State {
    tip: Option<IndexTip>,
    check: ContentCheck,
}

impl SledIndex {
    /// Opens what is in the folder, or says why it cannot be used.
    fn open(folder: &Path) -> Result<Self, String> {
        // A start that did not survive the opening is not tried a second time: sled might exhaust the memory again.
        let marker = marker(folder);
        if marker.exists() {
            return Err("an earlier start ended while opening it".into());
        }
        File::create(&marker).map_err(|error| error.to_string())?;
        let outcome = Self::start(folder).and_then(|db| match verified(&db) {
            Ok(state) => Ok((db, state)),
            Err(reason) => {
                drop_quietly(db);
                Err(reason)
            }
        });
        fs::remove_file(&marker).map_err(|error| error.to_string())?;
        let (db, state) = outcome?;
        Ok(Self { folder: folder.to_owned(), db: RwLock::new(Ok(db)), state: Mutex::new(state) })
    }

    fn start(folder: &Path) -> Result<sled::Db, String> {
        // The background flush stays on: without it a killed process loses far more than the last half second.
        guarded(|| sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).open())
    }

    /// Deletes what is in the folder and begins an empty index.
    fn anew(folder: &Path) -> Result<Self, IndexError> {
        let db = RwLock::new(Ok(Self::start_anew(folder)?));
        Ok(Self { folder: folder.to_owned(), db, state: Mutex::default() })
    }

    fn start_anew(folder: &Path) -> Result<sled::Db, IndexError> {
        remove(folder)?;
        let marker = marker(folder);
        if let Err(error) = fs::remove_file(&marker)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(file_error("remove", &marker, &error));
        }
        Self::start(folder).map_err(|reason| IndexError::File {
            path: folder.display().to_string(),
            doing: "begin an index in",
            reason,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls sled. After a failure nothing is asked of it any more.
    fn with<T>(&self, call: impl FnOnce(&sled::Db) -> Result<T, sled::Error>) -> Result<T, IndexError> {
        let outcome = match &*self.db.read().unwrap_or_else(PoisonError::into_inner) {
            Ok(db) => guarded(|| call(db)),
            Err(reason) => return Err(IndexError::Broken { reason: reason.clone() }),
        };
        outcome.map_err(|reason| self.broken(reason))
    }

    /// Gives sled up.
    fn broken(&self, reason: String) -> IndexError {
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(db) = std::mem::replace(&mut *db, Err(reason.clone())) {
            drop_quietly(db);
        }
        IndexError::Broken { reason }
    }
}

impl Drop for SledIndex {
    fn drop(&mut self) {
        let db = self.db.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Ok(db) = std::mem::replace(db, Err("closed".into())) {
            drop_quietly(db);
        }
    }
}

impl Index for SledIndex {
    fn tip(&self) -> Result<Option<IndexTip>, IndexError> {
        self.with(|_| Ok(()))?;
        Ok(self.state().tip)
    }

    fn put(&self, height: u64, block: Indexed, entries: &[Entry]) -> Result<(), IndexError> {
        let mut state = self.state();
        check_next(state.tip, height)?;
        let tip = IndexTip { height, hash: block.hash, position: block.position };
        // Only the last value of each key is put, or the check would count the others as well.
        let mut values: std::collections::BTreeMap<Vec<u8>, &[u8]> =
            entries.iter().map(|(key, value)| ([&[ENTRY_PREFIX], key.as_slice()].concat(), value.as_slice())).collect();
        let block = block.to_bytes();
        values.insert(block_key(height).to_vec(), &block);
        let mut check = state.check;
        self.with(|db| {
            let mut batch = sled::Batch::default();
            for (key, value) in &values {
                if let Some(old) = db.get(key)? {
                    check.toggle(key, &old);
                }
                check.toggle(key, value);
                batch.insert(key.as_slice(), *value);
            }
            batch.insert(TIP_KEY, tip_bytes(tip, check));
            db.apply_batch(batch)
        })?;
        *state = State { tip: Some(tip), check };
        Stage::IndexPut.pass();
        Ok(())
    }

    fn block(&self, height: u64) -> Result<Option<Indexed>, IndexError> {
        let Some(bytes) = self.with(|db| db.get(block_key(height)))? else { return Ok(None) };
        let block = Indexed::from_bytes(&bytes);
        block.map(Some).ok_or_else(|| self.broken(format!("the block of height {height} is not 80 bytes long")))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let key = [&[ENTRY_PREFIX], key].concat();
        Ok(self.with(|db| db.get(key))?.map(|value| value.to_vec()))
    }

    fn range(&self, prefix: &[u8], start_after: Option<&[u8]>, limit: usize) -> Result<Vec<Entry>, IndexError> {
        let prefix = [&[ENTRY_PREFIX], prefix].concat();
        let after = start_after.map(|key| [&[ENTRY_PREFIX], key].concat()).filter(|key| *key >= prefix);
        let from = after.map_or_else(|| Bound::Included(prefix.clone()), Bound::Excluded);
        self.with(|db| {
            let mut found = Vec::new();
            let mut entries = db.range((from, Bound::Unbounded));
            while found.len() < limit
                && let Some((key, value)) = entries.next().transpose()?
                && key.starts_with(&prefix)
            {
                found.push((key[1..].to_vec(), value.to_vec()));
            }
            Ok(found)
        })
    }

    fn flush(&self) -> Result<(), IndexError> {
        self.with(|db| db.flush().map(drop))
    }

    fn clear(&self) -> Result<(), IndexError> {
        let mut state = self.state();
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(db) = std::mem::replace(&mut *db, Err("it is being made anew".into())) {
            drop_quietly(db);
        }
        *db = Ok(Self::start_anew(&self.folder)?);
        *state = State::default();
        Ok(())
    }
}

fn block_key(height: u64) -> [u8; 9] {
    let mut key = [BLOCK_PREFIX; 9];
    key[1..].copy_from_slice(&height.to_be_bytes());
    key
}

fn tip_bytes(tip: IndexTip, check: ContentCheck) -> Vec<u8> {
    let block = Indexed { hash: tip.hash, position: tip.position };
    [&tip.height.to_be_bytes()[..], &block.to_bytes(), check.as_bytes()].concat()
}

fn parse_tip(bytes: &[u8]) -> Option<(IndexTip, ContentCheck)> {
    let bytes: &[u8; TIP_BYTES] = bytes.try_into().ok()?;
    let block = Indexed::from_bytes(&bytes[8..8 + Indexed::BYTES])?;
    let tip = IndexTip { height: u64_at(bytes, 0), hash: block.hash, position: block.position };
    Some((tip, ContentCheck::from_bytes(*digest_at(bytes, 8 + Indexed::BYTES).as_bytes())))
}

/// Reads all there is: the last block, if everything is there that was put with it and before.
fn verified(db: &sled::Db) -> Result<State, String> {
    let (tip, check, last) = guarded(|| {
        let (mut tip, mut check, mut last) = (None, ContentCheck::default(), None);
        for entry in db.iter() {
            let (key, value) = entry?;
            if *key == *TIP_KEY {
                tip = Some(value);
                continue;
            }
            check.toggle(&key, &value);
            if key.first() == Some(&BLOCK_PREFIX) {
                last = Some((key, value));
            }
        }
        Ok((tip, check, last))
    })?;
    let Some(tip) = tip else {
        let empty = last.is_none() && check == ContentCheck::default();
        return if empty { Ok(State::default()) } else { Err("it has content and no last block".into()) };
    };
    let (tip, expected) = parse_tip(&tip).ok_or("its last block is not 120 bytes long")?;
    let block = Indexed { hash: tip.hash, position: tip.position }.to_bytes();
    if check != expected || last.is_none_or(|(key, value)| *key != block_key(tip.height) || *value != block) {
        return Err("its content is not what was put into it".into());
    }
    Ok(State { tip: Some(tip), check })
}

/// sled writes when it is dropped, and may panic once more.
fn drop_quietly(db: sled::Db) {
    // What it says then is of no use to anybody: the index is given up, or closed.
    let _ = guarded(|| {
        drop(db);
        Ok(())
    });
}

/// The file that is there while an index is being opened.
fn marker(folder: &Path) -> PathBuf {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    folder.with_file_name(format!("{name}.opening"))
}

fn file_error(doing: &'static str, path: &Path, error: &io::Error) -> IndexError {
    IndexError::File { path: path.display().to_string(), doing, reason: error.to_string() }
}

/// Removes whatever is there.
fn remove(path: &Path) -> Result<(), IndexError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error("remove", path, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use cohortium_protocol::hash::Digest;

    use super::super::record::Position;
    use super::*;

    fn block(number: u64) -> Indexed {
        let hash = Digest::of_bytes(&number.to_be_bytes());
        Indexed { hash, position: Position { number, offset: number, hash } }
    }

    fn filled(folder: &Path) -> SledIndex {
        let index = SledIndex::anew(folder).unwrap();
        for number in 0..5 {
            index.put(number, block(number), &[(vec![number as u8], b"value".to_vec())]).unwrap();
        }
        index
    }

    #[test]
    fn a_panic_of_sled_is_an_error_from_then_on_until_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let index = filled(&folder.path().join("index"));
        let error = index.with::<()>(|_| panic!("no such page")).unwrap_err();
        assert_eq!(error, IndexError::Broken { reason: "sled gave up: no such page".into() });
        assert_eq!(index.tip(), Err(error.clone()));
        assert_eq!(index.get(&[1]), Err(error.clone()));
        assert_eq!(index.range(&[], None, 9), Err(error.clone()));
        assert_eq!(index.block(1), Err(error.clone()));
        assert_eq!(index.put(5, block(5), &[]), Err(error.clone()));
        assert_eq!(index.flush(), Err(error));
        index.clear().unwrap();
        assert_eq!((index.tip(), index.get(&[1])), (Ok(None), Ok(None)));
        index.put(0, block(0), &[]).unwrap();
    }

    /// Whatever sled itself does not notice: each change that leaves the last block as it was.
    #[test]
    fn content_that_is_not_what_was_put_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        type Change = fn(&sled::Db);
        let changes: [(&str, Change); 6] = [
            ("an entry is gone", |db| drop(db.remove([ENTRY_PREFIX, 3]).unwrap())),
            ("an entry has another value", |db| drop(db.insert([ENTRY_PREFIX, 3], b"other").unwrap())),
            ("an entry is there that nobody put", |db| drop(db.insert([ENTRY_PREFIX, 99], b"value").unwrap())),
            ("a block is gone", |db| drop(db.remove(block_key(2)).unwrap())),
            ("the last block is gone", |db| drop(db.remove(block_key(4)).unwrap())),
            ("where the index ends is gone", |db| drop(db.remove(TIP_KEY).unwrap())),
        ];
        for (what, change) in changes {
            let index = filled(&path);
            index.with(|db| db.flush().map(|_| change(db))).unwrap();
            drop(index);
            assert!(SledIndex::open(&path).is_err(), "{what}");
        }
        drop(filled(&path));
        assert_eq!(SledIndex::open(&path).unwrap().tip().unwrap().unwrap().height, 4);
    }
}
