//! Files that are there whole or not at all.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readers {
    /// The owner alone.
    Owner,
    /// Whoever the system's habits allow.
    Anyone,
}

/// Why a file cannot be read or written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FileError {
    /// The system says no.
    #[error("cannot {doing} {path}: {reason}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Beyond the limit.
    #[error("{path} has more than {limit} bytes, the most that is read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// Not text.
    #[error("{path} is not UTF-8 text")]
    Text {
        /// The file.
        path: PathBuf,
    },
    /// Something is there that is not to be replaced.
    #[error("{path} exists already, and is not replaced")]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

pub(crate) fn failed(doing: &'static str, path: &Path, error: &io::Error) -> FileError {
    FileError::File { doing, path: path.to_owned(), reason: error.to_string() }
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut file = File::open(path).map_err(|error| failed("read", path, &error))?;
    read_open(&mut file, path, limit)
}

/// The same of a file that is open.
pub(crate) fn read_open(file: &mut File, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells which it is; what the system says of the length may be of no use.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| failed("read", path, &error))?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// Reads a text of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, limit)?).map_err(|_| FileError::Text { path: path.to_owned() })
}

/// Where something is written before it is renamed to `path`.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.partial", std::process::id()))
}

/// A file that is being written: it appears with [`NewFile::keep`], or not at all.
pub(crate) struct NewFile {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    kept: bool,
}

impl NewFile {
    /// Begins a file.
    pub(crate) fn begin(path: &Path, readers: Readers) -> Result<Self, FileError> {
        let partial = beside(path);
        let open = || {
            // What a killed process left under this name may have other permissions, or be a link to somewhere else.
            match fs::remove_file(&partial) {
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
            options.open(&partial)
        };
        let file = open().map_err(|error| failed("write", path, &error))?;
        Ok(Self { file, partial, path: path.to_owned(), kept: false })
    }

    /// Brings it to the disk and lets it appear, in the place of whatever is there.
    pub(crate) fn keep(mut self) -> Result<(), FileError> {
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.partial, &self.path))
            .map_err(|error| failed("write", &self.path, &error))?;
        self.kept = true;
        sync_folder(&self.path)
    }

    /// The same, but never in the place of another.
    pub(crate) fn keep_new(mut self) -> Result<(), FileError> {
        let exists = || FileError::Exists { path: self.path.clone() };
        self.file.sync_all().map_err(|error| failed("write", &self.path, &error))?;
        match fs::hard_link(&self.partial, &self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists()),
            // Some file systems have no links.
            Err(_) if self.path.exists() => return Err(exists()),
            Err(_) => {
                fs::rename(&self.partial, &self.path).map_err(|error| failed("write", &self.path, &error))?;
                self.kept = true;
            }
        }
        let path = std::mem::take(&mut self.path);
        drop(self);
        sync_folder(&path)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            // Left behind it would be harmless: nobody reads it.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Writes a file whole, in the place of whatever is there.
pub(crate) fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), FileError> {
    let mut file = NewFile::begin(path, readers)?;
    file.write_all(bytes).map_err(|error| failed("write", path, &error))?;
    file.keep()
}

/// Writes a file that must not be there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), FileError> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(FileError::Exists { path: path.to_owned() });
    }
    let mut file = NewFile::begin(path, readers)?;
    file.write_all(bytes).map_err(|error| failed("write", path, &error))?;
    file.keep_new()
}

/// Brings the list of names of a file's folder to the disk.
fn sync_folder(path: &Path) -> Result<(), FileError> {
    #[cfg(unix)]
    {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed("bring to the disk the folder of", path, &error))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, b"first", Readers::Anyone).unwrap();
        let mut left = NewFile::begin(&path, Readers::Anyone).unwrap();
        left.write_all(b"half").unwrap();
        drop(left);
        assert_eq!(read_text(&path, 5).unwrap(), "first");
        write(&path, b"second", Readers::Anyone).unwrap();
        assert!(matches!(read(&path, 5), Err(FileError::TooLarge { limit: 5, .. })));
        assert!(matches!(write_new(&path, b"third", Readers::Owner), Err(FileError::Exists { .. })));
        // Something that appears meanwhile is not replaced either.
        let other = folder.path().join("b.json");
        let late = NewFile::begin(&other, Readers::Owner).unwrap();
        fs::write(&other, b"first").unwrap();
        assert!(matches!(late.keep_new(), Err(FileError::Exists { .. })));
        assert_eq!(read(&other, 9).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
