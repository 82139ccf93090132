//! The block log: the ledger's one canonical copy.

use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cohortium_protocol::hash::Digest;

use super::LogError;
use super::error::failed;
use super::files;
use super::open;
use super::open::Acceptance;
use super::open::Recovery;
use super::record::Flaw;
use super::record::HEAD_BYTES;
use super::record::HEADER_BYTES;
use super::record::Head;
use super::record::MAX_RECORD_BYTES;
use super::record::Position;
use super::record::header;
use super::record::header_hash;
use super::tip;
use super::tip::LOG_FILE;
use super::tip::Tip;
use crate::faults::Stage;

/// An append-only file of records. One process at a time has it open.
#[derive(Debug)]
pub struct BlockLog {
    folder: PathBuf,
    chain: Digest,
    file: File,
    reader: LogReader,
    tip: Tip,
    last: Option<Position>,
    poisoned: Option<String>,
}

impl BlockLog {
    /// Makes an empty log in a folder that is not there yet, or is empty. It is there whole or not at all: a folder of
    /// this name with `.new` after it is what an earlier attempt left, and is cleared away.
    pub fn create(folder: &Path, chain: Digest) -> Result<Self, LogError> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let new = folder.with_file_name(format!("{name}.new"));
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &new)(error)),
            _ => {}
        }
        fs::create_dir_all(&new).map_err(failed("make the folder", &new))?;
        let path = new.join(LOG_FILE);
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(&path).map_err(failed("make", &path))?;
        files::write_at(&file, &header(chain), 0).map_err(failed("write", &path))?;
        file.sync_all().map_err(failed("bring to the disk", &path))?;
        let tip = Tip { count: 0, bytes: HEADER_BYTES, hash: header_hash(chain) };
        tip::write(&new, chain, tip).map_err(|failure| *failure.error)?;
        // Takes the place of an empty folder, and of nothing else.
        fs::rename(&new, folder).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                LogError::Exists { path: folder.to_owned() }
            }
            _ => failed("make the folder", folder)(error),
        })?;
        let above = files::folder_of(folder);
        files::sync_folder(above).map_err(failed("bring to the disk the folder", above))?;
        // By the same way as ever after, which takes the lock as well.
        drop(file);
        Ok(Self::open(folder, chain, Acceptance::Sealed)?.0)
    }

    /// Opens the log in a folder: reads every record, and refuses unless all that was acknowledged is there.
    pub fn open(folder: &Path, chain: Digest, acceptance: Acceptance) -> Result<(Self, Recovery), LogError> {
        let opened = open::open(folder, chain, acceptance)?;
        let path = folder.join(LOG_FILE);
        // Opened a second time: a reader that is still there must not keep the lock when the log is opened again.
        let readable = File::open(&path).map_err(failed("open", &path))?;
        let reader = LogReader { file: Arc::new(readable), path: path.into() };
        let (folder, file, tip, last) = (folder.to_owned(), opened.file, opened.tip, opened.last);
        Ok((Self { folder, chain, file, reader, tip, last, poisoned: None }, opened.recovery))
    }

    /// Appends a group of records. When this returns, all of them are on the disk and acknowledged. When it fails, none
    /// is acknowledged; and unless only a record's size was refused, nothing is appended any more: whether a failed
    /// sync wrote anything is not to be found out by another one.
    pub fn append(&mut self, contents: &[&[u8]]) -> Result<Vec<Position>, LogError> {
        if let Some(reason) = &self.poisoned {
            return Err(LogError::Poisoned { reason: reason.clone() });
        }
        if let Some(content) = contents.iter().find(|content| content.is_empty() || content.len() > MAX_RECORD_BYTES) {
            return Err(LogError::Size { bytes: content.len() });
        }
        let Tip { mut count, bytes: mut offset, mut hash } = self.tip;
        let mut positions = Vec::with_capacity(contents.len());
        let total = contents.iter().map(|content| HEAD_BYTES as usize + content.len()).sum();
        let mut bytes = Vec::with_capacity(total);
        for content in contents {
            let head = Head::of(hash, content);
            bytes.extend_from_slice(&head.to_bytes());
            bytes.extend_from_slice(content);
            positions.push(Position { number: count, offset, hash: head.hash });
            (count, offset, hash) = (count + 1, head.end(offset), head.hash);
        }
        let Some(last) = positions.last() else { return Ok(positions) };
        let tip = Tip { count, bytes: offset, hash };
        self.commit(&bytes, tip)?;
        (self.tip, self.last) = (tip, Some(*last));
        Ok(positions)
    }

    /// Writes and seals a group, or poisons the log.
    fn commit(&mut self, bytes: &[u8], tip: Tip) -> Result<(), LogError> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let (file, path, offset) = (&self.file, &self.reader.path, self.tip.bytes);
        let written = files::write_at(file, first, offset)
            .and_then(|()| {
                Stage::LogHalfWritten.pass();
                files::write_at(file, second, offset + first.len() as u64)
            })
            .map_err(failed("write", path))
            .and_then(|()| {
                Stage::LogWrittenNotSynced.pass();
                file.sync_data().map_err(failed("bring to the disk", path))
            });
        if let Err(error) = written {
            return Err(self.poison(error, true));
        }
        Stage::LogSynced.pass();
        if let Err(failure) = tip::write(&self.folder, self.chain, tip) {
            // A log shorter than its tip would be refused: once the new tip may be there, the records stay.
            return Err(self.poison(*failure.error, !failure.maybe_there));
        }
        Ok(())
    }

    /// Nothing is appended from now on; what was not acknowledged is cut off if possible.
    fn poison(&mut self, error: LogError, cut: bool) -> LogError {
        if cut {
            // If this fails as well, the next start finds whole records, or an incomplete last one.
            let cut = self.file.set_len(self.tip.bytes).and_then(|()| self.file.sync_all());
            drop(cut);
        }
        self.poisoned = Some(error.to_string());
        error
    }

    /// Whether a write or a sync failed, so that nothing is appended any more.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.is_some()
    }

    /// The chain that this is the log of.
    pub fn chain(&self) -> Digest {
        self.chain
    }

    /// How far the log is acknowledged.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// The last record.
    pub fn last(&self) -> Option<Position> {
        self.last
    }

    /// How many records there are.
    pub fn count(&self) -> u64 {
        self.tip.count
    }

    /// The record at a position.
    pub fn read(&self, position: &Position) -> Result<Vec<u8>, LogError> {
        self.reader.read(position)
    }

    /// Something to read records with on other threads while this one appends.
    pub fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    /// The records after a position, or all of them, up to the one that is the last now.
    pub fn records_after(&self, position: Option<&Position>) -> Result<Records, LogError> {
        let (number, offset, previous) = match position {
            None => (0, HEADER_BYTES, header_hash(self.chain)),
            Some(position) => (position.number + 1, self.reader.head(position)?.end(position.offset), position.hash),
        };
        Ok(Records { reader: self.reader(), number, offset, previous, end: self.tip.bytes, done: false })
    }
}

/// Reads records at positions that the log gave out.
#[derive(Clone, Debug)]
pub struct LogReader {
    file: Arc<File>,
    path: Arc<Path>,
}

impl LogReader {
    /// The record at a position, checked again.
    pub fn read(&self, position: &Position) -> Result<Vec<u8>, LogError> {
        let head = self.head(position)?;
        self.content(position, &head, head.previous)
    }

    fn content(&self, position: &Position, head: &Head, previous: Digest) -> Result<Vec<u8>, LogError> {
        let mut content = vec![0; head.length as usize];
        self.fill(position, &mut content, HEAD_BYTES)?;
        head.fits(previous, &content).map_err(|flaw| self.bad(position, flaw))?;
        Ok(content)
    }

    /// The head of the record at a position, if it is the record that the position means.
    pub(super) fn head(&self, position: &Position) -> Result<Head, LogError> {
        let head = self.any_head(position)?;
        if head.hash != position.hash {
            return Err(self.bad(position, Flaw::Other { found: head.hash, expected: position.hash }));
        }
        Ok(head)
    }

    fn any_head(&self, position: &Position) -> Result<Head, LogError> {
        let mut head = [0; HEAD_BYTES as usize];
        self.fill(position, &mut head, 0)?;
        Head::parse(&head).map_err(|flaw| self.bad(position, flaw))
    }

    fn fill(&self, position: &Position, bytes: &mut [u8], from: u64) -> Result<(), LogError> {
        // A position is nobody's secret, and may come from a damaged index: it may point anywhere.
        let Some(at) = position.offset.checked_add(from) else { return Err(self.bad(position, Flaw::Short)) };
        files::read_at(&self.file, bytes, at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => self.bad(position, Flaw::Short),
            _ => failed("read", &self.path)(error),
        })
    }

    fn bad(&self, position: &Position, flaw: Flaw) -> LogError {
        LogError::BadRecord { path: self.path.to_path_buf(), number: position.number, offset: position.offset, flaw }
    }
}

/// Records in their order, each checked, and each chained to the one before. After an error nothing more comes.
#[derive(Debug)]
pub struct Records {
    reader: LogReader,
    number: u64,
    offset: u64,
    previous: Digest,
    end: u64,
    done: bool,
}

impl Records {
    fn step(&mut self) -> Result<(Position, Vec<u8>), LogError> {
        // Which record it is turns out when it is read.
        let mut position = Position { number: self.number, offset: self.offset, hash: self.previous };
        let head = self.reader.any_head(&position)?;
        position.hash = head.hash;
        if head.end(self.offset) > self.end {
            return Err(self.reader.bad(&position, Flaw::Short));
        }
        let content = self.reader.content(&position, &head, self.previous)?;
        (self.number, self.offset, self.previous) = (self.number + 1, head.end(self.offset), head.hash);
        Ok((position, content))
    }
}

impl Iterator for Records {
    type Item = Result<(Position, Vec<u8>), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.offset >= self.end {
            return None;
        }
        let step = self.step();
        self.done = step.is_err();
        Some(step)
    }
}
