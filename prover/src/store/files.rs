//! Files that are there whole or not at all.
//!
//! Everything is written beside its place, brought to the disk, and renamed. What a killed process leaves
//! behind begins with a dot and ends in `.partial`; nobody reads it, and the next run clears it away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::faults::Stage;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Readers {
    /// The owner alone.
    Owner,
    /// Whoever the system's habits allow: what is published.
    Anyone,
}

/// A failed file operation, in words.
pub(crate) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::File { path, doing, reason: error.to_string() }
}

/// Where something is written before it is renamed to `path`.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.partial"))
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(failed("read", path))
}

/// Reads a file of text.
pub(crate) fn read_text(path: &Path) -> Result<String, StoreError> {
    String::from_utf8(read(path)?)
        .map_err(|_| StoreError::Damaged { path: path.to_owned(), reason: "it is not UTF-8 text".into() })
}

/// Makes a folder, and those above it, for the owner alone.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("make the folder", path))
}

/// Opens a new, empty file for writing. What stood there under this name goes.
fn create(path: &Path, readers: Readers) -> io::Result<File> {
    // Removed first: a file that is there keeps its permissions, and may be a link to somewhere else.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    options.open(path)
}

/// Writes all bytes and brings them to the disk; a test may end the process half-way.
fn write_synced(file: &mut File, bytes: &[u8], half_way: Option<Stage>) -> io::Result<()> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all(first)?;
    if let Some(stage) = half_way {
        file.sync_all()?;
        stage.pass();
    }
    file.write_all(second)?;
    file.sync_all()
}

/// Brings a folder's list of names to the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    // Elsewhere a folder cannot be opened like a file, and a rename needs no such help.
    #[cfg(unix)]
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("bring to the disk the folder", path))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Writes a file: beside, to the disk, renamed, the folder to the disk.
pub(crate) fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), StoreError> {
    write_at(path, bytes, readers, None)
}

/// The same; a test may end the process half-way.
pub(crate) fn write_at(path: &Path, bytes: &[u8], readers: Readers, half_way: Option<Stage>) -> Result<(), StoreError> {
    let partial = beside(path);
    create(&partial, readers)
        .and_then(|mut file| write_synced(&mut file, bytes, half_way))
        .and_then(|()| fs::rename(&partial, path))
        .map_err(failed("write", path))?;
    sync_folder(folder_of(path))
}

/// The folder that a path is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file, for its owner alone, that is being written piece by piece: it appears whole, or not at all, and never in the
/// place of another.
pub(crate) struct NewFile {
    file: File,
    target: PathBuf,
}

impl NewFile {
    /// Begins a file.
    pub(crate) fn begin(target: &Path) -> Result<Self, StoreError> {
        let file = create(&beside(target), Readers::Owner).map_err(failed("write", target))?;
        Ok(Self { file, target: target.to_owned() })
    }

    /// Writes more.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(failed("write", &self.target))
    }

    /// A test may end the process here.
    pub(crate) fn half_way(&mut self, stage: Stage) -> Result<(), StoreError> {
        self.file.sync_all().map_err(failed("write", &self.target))?;
        stage.pass();
        Ok(())
    }

    /// Makes the file appear. Refused if something is there already.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        if self.target.exists() {
            return Err(StoreError::Exists { path: self.target });
        }
        let renamed = self.file.sync_all().and_then(|()| fs::rename(beside(&self.target), &self.target));
        renamed.map_err(failed("write", &self.target))?;
        sync_folder(folder_of(&self.target))
    }
}

/// A folder that is being made: it appears with all its files, or not at all.
pub(crate) struct NewFolder {
    partial: PathBuf,
    target: PathBuf,
}

impl NewFolder {
    /// Begins a folder at `target`, where nothing may be. What an earlier attempt left is cleared away.
    pub(crate) fn begin(target: &Path) -> Result<Self, StoreError> {
        let partial = beside(target);
        remove_folder(&partial)?;
        Self::at(partial, target)
    }

    /// Goes on with what an earlier attempt left, if it left anything.
    pub(crate) fn resume(target: &Path) -> Result<Self, StoreError> {
        Self::at(beside(target), target)
    }

    fn at(partial: PathBuf, target: &Path) -> Result<Self, StoreError> {
        make_folder(&partial)?;
        Ok(Self { partial, target: target.to_owned() })
    }

    /// Where a file of the folder is until it appears.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        write(&self.path(name), bytes, Readers::Owner)
    }

    /// The same; a test may end the process half-way.
    pub(crate) fn write_at(&self, name: &str, bytes: &[u8], half_way: Stage) -> Result<(), StoreError> {
        write_at(&self.path(name), bytes, Readers::Owner, Some(half_way))
    }

    /// Makes the folder appear. Refused if something is there already.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        let target = self.target.clone();
        self.finish_as(&target)
    }

    /// The same, under another name in the same folder.
    pub(crate) fn finish_as(self, target: &Path) -> Result<(), StoreError> {
        if target.exists() {
            return Err(StoreError::Exists { path: target.to_owned() });
        }
        sync_folder(&self.partial)?;
        fs::rename(&self.partial, target).map_err(failed("write", target))?;
        sync_folder(folder_of(target))
    }
}

/// Removes a file, if it is there, and brings that to the disk.
pub(crate) fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("remove", path)(error)),
        Ok(()) => sync_folder(folder_of(path)),
    }
}

/// Removes a folder with all that is in it, if it is there.
pub(crate) fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The names in a folder, sorted; none if it is not there.
pub(crate) fn names_in(path: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("read", path))?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>, _>>().map_err(failed("read", path))?;
    names.sort();
    Ok(names)
}

/// Bytes of all files in a folder, and in those below it.
pub(crate) fn disk_use(path: &Path) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for name in names_in(path)? {
        let path = path.join(name);
        let entry = fs::symlink_metadata(&path).map_err(failed("read", &path))?;
        bytes += if entry.is_dir() { disk_use(&path)? } else { entry.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_another_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, b"first", Readers::Owner).unwrap();
        write(&path, b"second", Readers::Owner).unwrap();
        assert_eq!((read_text(&path).unwrap().as_str(), names_in(folder.path()).unwrap().len()), ("second", 1));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_folder_appears_whole_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("version-1");
        let new = NewFolder::begin(&target).unwrap();
        new.write("a", b"1").unwrap();
        assert!(!target.exists());
        // Left behind, and gone on with.
        let new = NewFolder::resume(&target).unwrap();
        assert_eq!(read(&new.path("a")).unwrap(), b"1");
        new.finish().unwrap();
        assert_eq!(names_in(&target).unwrap(), ["a"]);
        assert_eq!(disk_use(folder.path()).unwrap(), 1);
        // A second one of that name never replaces the first.
        let refused = NewFolder::begin(&target).unwrap().finish().unwrap_err();
        assert!(matches!(refused, StoreError::Exists { .. }));
    }

    #[test]
    fn errors_name_the_file() {
        let missing = Path::new("/nowhere/at/all.json");
        assert!(read(missing).unwrap_err().to_string().starts_with("cannot read /nowhere/at/all.json: "));
    }
}
