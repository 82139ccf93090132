//! Files that are written: never in the place of one that is read, and there whole or not at all.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The path is a file that the command reads.
    #[error(
        "{option} {}: this is the file {} that the audit reads, and evidence is not overwritten; name another file for the \
         output",
        report.display(),
        input.display()
    )]
    Input {
        /// How the path was given.
        option: &'static str,
        /// The path.
        report: PathBuf,
        /// The input, as it was named.
        input: PathBuf,
    },
    /// The path is a folder, a device or the like.
    #[error("{option} {}: this is not a file; name a file", path.display())]
    NoFile {
        /// How the path was given.
        option: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: {reason}", path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

/// Refuses an output in the place of one of these files, by whatever name, or of something that is no file.
pub(crate) fn check_place<'a>(
    option: &'static str,
    report: &Path,
    inputs: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<(), FileError> {
    // An output that is not there yet is none of the inputs.
    let Ok(place) = fs::canonicalize(report) else { return Ok(()) };
    for input in inputs {
        if fs::canonicalize(input).is_ok_and(|input| input == place) {
            return Err(FileError::Input { option, report: report.to_owned(), input: input.clone() });
        }
    }
    if place.is_file() { Ok(()) } else { Err(FileError::NoFile { option, path: report.to_owned() }) }
}

/// Writes beside, brings to the disk, renames: a reader sees what was there before, or the whole report.
pub(crate) fn write_whole(option: &'static str, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write(option, path, bytes, OpenOptions::new())
}

/// The same for what is about one patient: for the owner alone.
pub(crate) fn write_private(option: &'static str, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    write(option, path, bytes, options)
}

fn write(option: &'static str, path: &Path, bytes: &[u8], mut options: OpenOptions) -> Result<(), FileError> {
    let name = path.file_name().ok_or_else(|| FileError::NoFile { option, path: path.to_owned() })?;
    let beside = path.with_file_name(format!(".{}.partial", name.to_string_lossy()));
    let mut write = || {
        // What a killed run left goes first, so that what is written here is a new file and no link to another.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = options.write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|reason| FileError::System { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_there_whole_and_replaces_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.txt");
        // Left by a killed run.
        fs::write(folder.path().join(".report.txt.partial"), "half").unwrap();
        for text in ["first", "second, longer"] {
            write_whole("--report", &path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let refused = write_whole("--report", &folder.path().join("no/report.txt"), b"").unwrap_err().to_string();
        assert!(refused.contains("no/report.txt: "), "{refused}");
    }
}
