//! A backup: everything of a home in one file, and a home made of it again.
//!
//! ```text
//! cohortium-backup/1 DIGEST LENGTH   one line: the digest and the length of the head
//! { ... }                            the head: site, heads of budget and record, each file's path, length and digest
//! ...                                the files' contents, one after the other
//! ```
//!
//! The digest on the first line so covers everything. The file holds the master secret, the rows and the member key in
//! plain: whoever has it has the site.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files::{self, NewFolder, Readers, failed};
use super::outgoing::{Leaving, RESTORED};
use super::paused::Paused;
use super::restored::Restored;
use super::site::json;
use super::{Access, BudgetFile, Home, OutgoingFile, StoreError, TableFolder};
use crate::faults::Stage;

const BACKUP_FORMAT: &str = "cohortium-backup/1";
/// Bytes of a head at most.
const MAX_HEAD_BYTES: usize = 64 << 20;
/// Bytes of the first line at most.
const MAX_FIRST_LINE: u64 = 200;
/// Numbers of versions and epochs that a restored home leaves out.
const SKIPPED_NUMBERS: u32 = 1000;

/// The end of a chained file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// How many records it has.
    pub(crate) records: u64,
    /// The last one's digest.
    pub(crate) digest: Digest,
}

/// One file of the home.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    length: u64,
    digest: Digest,
}

/// What a backup is of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupHead {
    format: String,
    /// The site.
    pub(crate) site: String,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// The opening budget's end.
    pub(crate) budget: Head,
    /// The end of the record of what left.
    pub(crate) outgoing: Head,
    files: Vec<Entry>,
}

/// A backup that was written or read.
pub(crate) struct Backup {
    /// Its digest.
    pub(crate) digest: Digest,
    /// Its head.
    pub(crate) head: BackupHead,
}

impl Backup {
    /// How many files it has.
    pub(crate) fn files(&self) -> usize {
        self.head.files.len()
    }
}

/// The ends of both chained files of a home, each record checked.
fn heads(home: &Home) -> Result<(Head, Head), StoreError> {
    let budget = BudgetFile::open(home)?;
    home.check_budget(&budget)?;
    let outgoing = OutgoingFile::open(home)?;
    let head = |records: usize, digest| Head { records: records as u64, digest };
    Ok((head(budget.records(), budget.head()), head(outgoing.records().len(), outgoing.head())))
}

/// The paths of everything that a home keeps, below it, with slashes.
fn paths(home: &Home) -> Result<Vec<String>, StoreError> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) -> Result<(), StoreError> {
        for name in files::names_in(folder)? {
            // Half-written things begin with a dot; locks are of this machine.
            if name.starts_with('.') || (prefix.is_empty() && name.ends_with("lock")) {
                continue;
            }
            let path = folder.join(&name);
            let below = format!("{prefix}{name}");
            if path.is_dir() {
                walk(&path, &format!("{below}/"), found)?;
            } else {
                found.push(below);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(home.root(), "", &mut found)?;
    Ok(found)
}

/// Writes a backup of a home that is open for writing, so that nothing changes meanwhile.
pub(crate) fn write(home: &Home, out: &Path, created: Timestamp) -> Result<Backup, StoreError> {
    debug_assert_eq!(home.access(), Access::Write, "a backup needs the home's lock");
    if out.exists() {
        return Err(StoreError::Exists { path: out.to_owned() });
    }
    // A secret that is another site's, or a chain that is broken, is noticed now and not when the backup is needed.
    home.secret()?;
    home.member_key()?;
    let (budget, outgoing) = heads(home)?;
    let entries = paths(home)?.into_iter().map(|path| {
        let bytes = Zeroizing::new(files::read(&home.root().join(&path))?);
        Ok(Entry { path, length: bytes.len() as u64, digest: Digest::of_bytes(&bytes) })
    });
    let files = entries.collect::<Result<Vec<_>, StoreError>>()?;
    let head =
        BackupHead { format: BACKUP_FORMAT.into(), site: home.site().to_owned(), created, budget, outgoing, files };
    let bytes = json(&head);
    let digest = Digest::of_bytes(&bytes);
    let mut file = files::NewFile::begin(out)?;
    file.write(format!("{BACKUP_FORMAT} {digest} {}\n", bytes.len()).as_bytes())?;
    file.write(&bytes)?;
    file.half_way(Stage::BackupHalfWritten)?;
    for Entry { path, .. } in &head.files {
        file.write(&Zeroizing::new(files::read(&home.root().join(path))?))?;
    }
    file.finish()?;
    Ok(Backup { digest, head })
}

/// A backup that is being read.
struct Reading {
    path: PathBuf,
    reader: BufReader<File>,
}

impl Reading {
    fn damaged(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), reason: reason.into() }
    }

    /// Opens a backup and reads its head.
    fn open(path: &Path) -> Result<(Self, Backup), StoreError> {
        let file = File::open(path).map_err(failed("read", path))?;
        let mut reading = Self { path: path.to_owned(), reader: BufReader::new(file) };
        let mut first = String::new();
        let read = (&mut reading.reader).take(MAX_FIRST_LINE).read_line(&mut first);
        read.map_err(|_| reading.damaged("its first line is no text"))?;
        let words: Vec<&str> = first.trim_end_matches('\n').split(' ').collect();
        let (digest, length) = match words[..] {
            [BACKUP_FORMAT, digest, length] => (digest.parse::<Digest>().ok(), length.parse::<usize>().ok()),
            _ => (None, None),
        };
        let (Some(digest), Some(length)) = (digest, length.filter(|length| *length <= MAX_HEAD_BYTES)) else {
            return Err(reading.damaged(format!("its first line is not {BACKUP_FORMAT}, a digest and a length")));
        };
        let bytes = reading.exactly(length as u64)?;
        if Digest::of_bytes(&bytes) != digest {
            return Err(reading.damaged(format!("its head has another digest than {digest}, which it says")));
        }
        let head: BackupHead =
            serde_json::from_slice(&bytes).map_err(|error| reading.damaged(format!("its head: {error}")))?;
        if head.format != BACKUP_FORMAT {
            return Err(reading.damaged(format!("its head is not of the format {BACKUP_FORMAT}")));
        }
        Ok((reading, Backup { digest, head }))
    }

    fn exactly(&mut self, length: u64) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let mut bytes = Zeroizing::new(Vec::new());
        (&mut self.reader).take(length).read_to_end(&mut bytes).map_err(failed("read", &self.path))?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(self.damaged("it was cut short")) }
    }
}

/// Whether a path stays below the folder it is for: plain names and slashes.
fn is_below(path: &str) -> bool {
    let path = Path::new(path);
    path.components().all(|part| matches!(part, Component::Normal(_))) && path.file_name().is_some()
}

/// Makes a home of a backup, where none is. It is paused, and releases nothing before its budget is settled: see
/// [`Home::settle`].
pub(crate) fn restore(path: &Path, root: &Path, now: Timestamp) -> Result<Backup, StoreError> {
    if let Some(found) = files::names_in(root)?.into_iter().next() {
        return Err(StoreError::NotEmpty { path: root.to_owned(), found });
    }
    let (mut reading, backup) = Reading::open(path)?;
    let folder = NewFolder::begin(root)?;
    for (place, Entry { path, length, digest }) in backup.head.files.iter().enumerate() {
        if !is_below(path) {
            return Err(reading.damaged(format!("it holds the file {path:?}, which is outside of a home")));
        }
        let bytes = reading.exactly(*length)?;
        if Digest::of_bytes(&bytes) != *digest {
            return Err(reading.damaged(format!("{path} in it has another content than when it was made")));
        }
        let target = folder.path(path);
        files::make_folder(files::folder_of(&target))?;
        files::write(&target, &bytes, Readers::Owner)?;
        if place == backup.head.files.len() / 2 {
            Stage::RestoreHalfWritten.pass();
        }
    }
    let rest = (&mut reading.reader).take(1).read_to_end(&mut Vec::new()).map_err(failed("read", path))?;
    if rest != 0 {
        return Err(reading.damaged("it has more than its files"));
    }
    {
        let home = Home::open(&folder.path(""), Access::Write)?;
        home.secret()?;
        if heads(&home)? != (backup.head.budget, backup.head.outgoing) || home.site() != backup.head.site {
            return Err(reading.damaged("its chained files do not end as its head says"));
        }
        // Later imports and commits may have taken the next numbers, and what they published stands under them.
        for table in TableFolder::all(&home)? {
            table.skip_numbers(SKIPPED_NUMBERS)?;
        }
        Restored::new(now, &backup).keep(&home)?;
        home.pause(&Paused::new(now, "restored from a backup: look at everything, then resume".into()))?;
        let what = Leaving {
            kind: RESTORED.into(),
            statement: None,
            request: None,
            bytes: backup.digest,
            length: backup.head.files.iter().map(|entry| entry.length).sum(),
            cells: None,
            ledger: None,
        };
        OutgoingFile::open(&home)?.record(what, now)?;
    }
    Stage::RestoreFilesWritten.pass();
    match std::fs::remove_dir(root) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed("replace", root)(error)),
        _ => {}
    }
    folder.finish()?;
    Ok(backup)
}
